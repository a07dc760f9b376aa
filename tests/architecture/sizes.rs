//! How long files, functions and lines get, and that each file says what it is for.

use crate::source::{Source, files, matching, root, sources};
use std::fs;

/// Lines that a file may have, and the median that all files together keep.
const LONGEST: usize = 500;
const MEDIAN: usize = 170;

/// Lines that a function of the product may have, from its signature to its brace.
const FUNCTION: usize = 60;

/// Columns that a line may have, be it code, text or comment, also in tests.
const COLUMNS: usize = 100;

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let sources = sources();
    let mut wrong = Vec::new();
    let mut lengths: Vec<usize> = Vec::new();
    for Source { path, text, .. } in &sources {
        let lines = text.lines().count();
        lengths.push(lines);
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not open with `//!`", path.display()));
        }
        if lines > LONGEST && !text.contains("//! Longer than") {
            wrong.push(format!(
                "{} has {lines} lines and does not say why",
                path.display()
            ));
        }
        if path.ends_with("src/main.rs") && lines >= 80 {
            wrong.push(format!("main.rs has {lines} lines"));
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < MEDIAN, "the median file has {median} lines");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The formatter holds this for code alone: it leaves a literal or a comment as long as it is, and
/// all that stands around a long literal as it was written.
#[test]
fn lines_fit_into_their_columns() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in files(&root().join("src")) {
        let text = fs::read_to_string(&path).expect("text");
        for (at, line) in text.lines().enumerate() {
            count += 1;
            let columns = line.chars().count();
            if columns > COLUMNS {
                let number = at + 1;
                wrong.push(format!("{}:{number} has {columns} columns", path.display()));
            }
        }
    }
    assert!(count > 50_000, "{count} lines");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn functions_fit_on_a_screen() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for source in sources() {
        for (name, lines) in functions(&source.code) {
            count += 1;
            if lines > FUNCTION {
                wrong.push(format!(
                    "{}: `{name}` has {lines} lines",
                    source.path.display()
                ));
            }
        }
    }
    assert!(count > 1_000, "{count} functions");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The functions that have a body, with the lines of each.
fn functions(code: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let is_word =
            code[..at].ends_with(|char: char| char.is_ascii_alphanumeric() || char == '_');
        let rest = &code[at + 3..];
        let end = rest
            .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
            .unwrap_or(rest.len());
        // A type of functions has no name.
        if is_word || end == 0 {
            continue;
        }
        if let Some(length) = body_end(rest) {
            found.push((&rest[..end], rest[..length].lines().count()));
        }
    }
    found
}

/// Where a function's body ends; none where it has only a signature.
fn body_end(rest: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += rest[at..].find([';', '{', '(', '['])?;
        match rest.as_bytes()[at] {
            b';' => return None,
            b'{' => return Some(at + matching(&rest[at..])),
            _ => at += matching(&rest[at..]),
        }
    }
}

#[test]
fn the_lines_of_a_function_are_counted_from_its_signature_to_its_brace() {
    let code = "fn a(x: [u8; 2]) -> u8 {\n    0\n}\ntrait T {\n    fn b();\n    fn c() {}\n}\ntype F = fn(u8);\n";
    assert_eq!(functions(code), [("a", 3), ("c", 1)]);
}
