//! Imports that are killed, or whose service is, go on where they stopped.

use super::bulk::{DATA, TupleCommands, done, held, line, place};
use std::fmt::Write as _;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use support::place::{KEY, Output, Place};

/// An import that reads from a pipe, so that the test decides how far it gets.
fn begin(place: &Place, arguments: &[&str]) -> Child {
    let mut command: Command =
        place.command(&[&["import", "-", "--format", "jsonl"], arguments].concat());
    command
        .env("BEHEST_KEY", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// More than the pipe and the program's buffer hold: when as many were taken, batches were written.
const LINES: usize = 4_000;

fn many() -> Vec<String> {
    (0..LINES)
        .map(|number| {
            line(
                &format!("number-{number}"),
                &format!("user:u{}", number % 7),
            )
        })
        .collect()
}

/// Gives an import some of the lines, at least so many that it has begun to write.
fn feed(child: &mut Child, lines: &[String], round: usize) {
    let given = 3_000 + round * 137;
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(lines[..given].concat().as_bytes())
        .unwrap();
}

fn end(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

#[test]
fn a_killed_import_goes_on_where_it_stopped() {
    let place = place();
    let lines = many();
    let arguments = [&DATA[..], &["--batch", "50"]].concat();
    for round in 0..6 {
        let mut child = begin(&place, &arguments);
        feed(&mut child, &lines, round);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (killed, _) = held(&place.path("data"));
    assert!(
        !killed.is_empty() && killed.len() < LINES && killed.len().is_multiple_of(50),
        "{}",
        killed.len()
    );
    place.write("all.jsonl", &lines.concat());
    let last = place.import("all.jsonl", &[]);
    let mut expected = String::new();
    write!(
        expected,
        "ok: imported {} tuples",
        indicatif::HumanCount((LINES - killed.len()) as u64)
    )
    .unwrap();
    write!(
        expected,
        ", {} were there already, ",
        indicatif::HumanCount(killed.len() as u64)
    )
    .unwrap();
    assert!(done(&last).starts_with(&expected), "{last:?}");
    let (tuples, writes) = held(&place.path("data"));
    assert_eq!(tuples.len(), LINES);
    assert!(
        writes.len() == LINES && writes.values().all(|count| *count == 1),
        "a tuple was written twice"
    );
}

#[test]
fn an_import_outlives_its_service() {
    let place = place();
    let lines = many();
    for round in 0..3 {
        let mut service = place.serve(&["--data", "data"]);
        let url = service.url();
        let mut child = begin(&place, &["--url", &url]);
        feed(&mut child, &lines, round);
        service.child.kill().unwrap();
        service.child.wait().unwrap();
        // Where the program has ended already, the rest finds no reader.
        let _rest = child
            .stdin
            .take()
            .unwrap()
            .write_all(lines.concat().as_bytes());
        let output = end(child);
        assert_eq!(output.code, 5, "{output:?}");
        let told = format!("error: `{url}` does not answer: ");
        assert!(
            output.err.starts_with(&told) && output.err.contains("; then the same command goes on"),
            "{output:?}"
        );
        assert!(
            done(&output).starts_with("not all: imported "),
            "{output:?}"
        );
    }
    let service = place.serve(&["--data", "data"]);
    place.write("all.jsonl", &lines.concat());
    let last = place.with_service(&service, &["import", "all.jsonl"]);
    assert!(
        last.code == 0 && done(&last).contains(" were there already"),
        "{last:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
    let (tuples, writes) = held(&place.path("data"));
    assert_eq!(tuples.len(), LINES);
    assert!(
        writes.len() == LINES && writes.values().all(|count| *count == 1),
        "a tuple was written twice"
    );
}
