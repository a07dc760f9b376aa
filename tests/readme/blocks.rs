//! The blocks of code of a page, executed.

use crate::page::Page;
use behest::bundle::BundleSource;
use behest::config::{EnvironmentVariables, Flags, load};
use behest::http::Server;
use regex::Regex;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use support::service::{local, post, send, with_engine};

/// Where the pages' requests are sent.
pub(crate) const ADDRESS: &str = "http://127.0.0.1:8181";

/// A service with the default bundle.
pub(crate) fn server() -> Server {
    let (server, engine) = with_engine(local());
    engine.load(&BundleSource::Embedded).unwrap();
    server
}

/// Runs a shell command in `place`, with the program on the path; what it prints, and whether it
/// succeeded.
pub(crate) fn run(place: &Path, command: &str) -> (String, bool) {
    let program = Path::new(env!("CARGO_BIN_EXE_behest")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", &format!("exec 2>&1\n{command}")])
        .current_dir(place)
        .env("PATH", path);
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BEHEST_"))
    {
        shell.env_remove(name);
    }
    let output = shell.output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.success(),
    )
}

/// A block of code: its language, and its text with the last line's end.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
}

/// Each block, and the page with what `rewrite` makes of it.
pub(crate) async fn rewritten(
    page: &Page,
    mut rewrite: impl AsyncFnMut(&Block) -> String,
) -> String {
    let mut found = String::new();
    let mut lines = page.text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        found.push_str(line);
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        assert!(
            !is_fence || line.starts_with("```"),
            "{}: nothing checks this block: {line}",
            page.name
        );
        if let Some(language) = line.strip_prefix("```") {
            let text = lines
                .by_ref()
                .take_while(|line| line.trim_end() != "```")
                .collect();
            let block = Block {
                language: language.trim().to_owned(),
                text,
            };
            found.push_str(&rewrite(&block).await);
            found.push_str("```\n");
        }
    }
    found
}

/// The commands of a transcript; one goes on while a quote is open.
pub(crate) fn commands(transcript: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in transcript.split_inclusive('\n') {
        match line.strip_prefix("$ ") {
            Some(command) if !open => commands.push(command.to_owned()),
            _ if open => commands.last_mut().unwrap().push_str(line),
            _ => continue,
        }
        open = commands.last().unwrap().matches('\'').count() % 2 == 1;
    }
    commands
}

pub(crate) async fn transcript(place: &Path, server: &Server, text: &str) -> String {
    let mut found = String::new();
    for command in commands(text) {
        let output = if command.starts_with("curl ") {
            curl(server, &command).await
        } else {
            run(place, &command).0
        };
        write!(found, "$ {command}{output}").unwrap();
        if !found.ends_with('\n') {
            found.push('\n');
        }
    }
    found
}

/// Sends what curl would send.
pub(crate) async fn curl(server: &Server, command: &str) -> String {
    assert!(
        command.contains("-H 'Content-Type: application/json'"),
        "{command}"
    );
    let (_, rest) = command.split_once(ADDRESS).expect(ADDRESS);
    let path = rest.split_whitespace().next().unwrap();
    let body = rest
        .split_once("-d '")
        .and_then(|(_, rest)| rest.split('\'').next())
        .expect("a body");
    let reply = send(server, post(path, body)).await;
    assert_eq!(reply.status, 200, "{command}: {}", reply.body);
    reply.body
}

/// A file of a page names itself in its first line.
pub(crate) fn write_file(place: &Path, text: &str) {
    let name = text
        .lines()
        .next()
        .unwrap()
        .strip_prefix("# ")
        .expect("the first line names the file");
    // A hash that is shown could be pasted.
    let text = text
        .replace("<the SHA-256 of its key>", &"0123456789abcdef".repeat(4))
        .replace(
            "<the SHA-256 of its new key>",
            &"fedcba9876543210".repeat(4),
        );
    std::fs::write(place.join(name), text).unwrap();
    if name == "behest.toml" {
        let flags = Flags {
            config: Some(place.join(name)),
            settings: Vec::new(),
        };
        load(&flags, &EnvironmentVariables::default()).unwrap();
    } else if place.join("notes").exists() {
        let (output, passed) = run(place, "behest test --bundle notes");
        assert!(passed, "{name}: {output}");
    }
}

/// Digests change with every file of a bundle: none is shown, so that none is stale.
pub(crate) fn without_digests(text: &str) -> String {
    Regex::new(r"\b[0-9a-f]{12}\b")
        .unwrap()
        .replace_all(text, "…")
        .into_owned()
}

/// Executes the blocks of a page, in a folder of its own; the page as it should be, and the number
/// of blocks.
pub(crate) async fn execute(page: &Page, server: &Server) -> (String, usize) {
    let place = tempfile::tempdir().unwrap();
    let mut blocks = 0;
    let found = rewritten(page, async |Block { language, text }| {
        blocks += 1;
        match language.as_str() {
            "sh" if text.contains("cargo run") => {}
            "sh" => assert_eq!(
                run(place.path(), text),
                (String::new(), true),
                "{}",
                page.name
            ),
            "console" => return transcript(place.path(), server, text).await,
            "yaml" | "toml" => write_file(place.path(), text),
            "json" => {
                let reply = send(server, post("/access/v1/evaluation", text.clone())).await;
                assert_eq!(reply.status, 200, "{text}: {}", reply.body);
            }
            other => panic!("{}: nothing checks a block of `{other}`", page.name),
        }
        text.clone()
    })
    .await;
    (without_digests(&found), blocks)
}
