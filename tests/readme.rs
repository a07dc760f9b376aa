//! The README, held to what it says: its commands are run, its requests are asked, its files are loaded, its links lead
//! somewhere. `BEHEST_BLESS=1` writes the outputs anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test's helper unwraps is part of the assertion"
)]

#[expect(dead_code, reason = "the README asks for decisions only")]
#[path = "support/service.rs"]
mod service;

use behest::bundle::Source;
use behest::config::{Environment, Flags, load};
use behest::http::Server;
use behest::model::Code;
use regex::Regex;
use serde_json::{Value, json};
use service::{local, post, send, with_engine};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the README's requests are sent.
const ADDRESS: &str = "http://127.0.0.1:8181";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// A service with the default bundle.
fn server() -> Server {
    let (server, engine) = with_engine(local());
    engine.load(&Source::Embedded).unwrap();
    server
}

/// Runs a shell command in `place`, with the program on the path; what it prints, and whether it succeeded.
fn run(place: &Path, command: &str) -> (String, bool) {
    let program = Path::new(env!("CARGO_BIN_EXE_behest")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-ec", &format!("exec 2>&1\n{command}")]).current_dir(place).env("PATH", path);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BEHEST_")) {
        shell.env_remove(name);
    }
    let output = shell.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

/// A block of code: its language, and its text with the last line's end.
struct Block {
    language: String,
    text: String,
}

/// Each block, and the README with what `rewrite` makes of it.
async fn rewritten(readme: &str, mut rewrite: impl AsyncFnMut(&Block) -> String) -> String {
    let mut found = String::new();
    let mut lines = readme.split_inclusive('\n');
    while let Some(line) = lines.next() {
        found.push_str(line);
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
            let block = Block { language: language.trim().to_owned(), text };
            found.push_str(&rewrite(&block).await);
            found.push_str("```\n");
        }
    }
    found
}

/// The commands of a transcript; one goes on while a quote is open.
fn commands(transcript: &str) -> Vec<String> {
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

async fn transcript(place: &Path, server: &Server, text: &str) -> String {
    let mut found = String::new();
    for command in commands(text) {
        let output = if command.starts_with("curl ") { curl(server, &command).await } else { run(place, &command).0 };
        write!(found, "$ {command}{output}").unwrap();
        if !found.ends_with('\n') {
            found.push('\n');
        }
    }
    found
}

/// Sends what curl would send.
async fn curl(server: &Server, command: &str) -> String {
    assert!(command.contains("-H 'Content-Type: application/json'"), "{command}");
    let (_, rest) = command.split_once(ADDRESS).expect(ADDRESS);
    let path = rest.split_whitespace().next().unwrap();
    let body = rest.split_once("-d '").and_then(|(_, rest)| rest.split('\'').next()).expect("a body");
    let reply = send(server, post(path, body)).await;
    assert_eq!(reply.status, 200, "{command}: {}", reply.body);
    reply.body
}

/// A file of the README names itself in its first line.
fn write_file(place: &Path, text: &str) {
    let name = text.lines().next().unwrap().strip_prefix("# ").expect("the first line names the file");
    // A hash that is shown could be pasted.
    let text = text.replace("<the SHA-256 of its key>", &"0123456789abcdef".repeat(4));
    std::fs::write(place.join(name), text).unwrap();
    if name == "behest.toml" {
        let flags = Flags { config: Some(place.join(name)), settings: Vec::new() };
        load(&flags, &Environment::default()).unwrap();
    } else {
        let (output, passed) = run(place, "behest test --bundle notes");
        assert!(passed, "{name}: {output}");
    }
}

/// Digests change with every file of a bundle: none is shown, so that none is stale.
fn without_digests(text: &str) -> String {
    Regex::new(r"\b[0-9a-f]{12}\b").unwrap().replace_all(text, "…").into_owned()
}

#[actix_web::test]
async fn what_it_shows_is_what_happens() {
    let (place, server, readme) = (tempfile::tempdir().unwrap(), server(), readme());
    let found = rewritten(&readme, async |Block { language, text }| {
        match language.as_str() {
            "sh" if text.contains("cargo run") => {}
            "sh" => assert_eq!(run(place.path(), text), (String::new(), true)),
            "console" => return transcript(place.path(), &server, text).await,
            "yaml" | "toml" => write_file(place.path(), text),
            "json" => {
                let reply = send(&server, post("/access/v1/evaluation", text.clone())).await;
                assert_eq!(reply.status, 200, "{text}: {}", reply.body);
            }
            other => panic!("nothing checks a block of `{other}`"),
        }
        text.clone()
    })
    .await;
    if std::env::var_os("BEHEST_BLESS").is_some() {
        return std::fs::write(path(), without_digests(&found)).unwrap();
    }
    let (found, expected) = (without_digests(&found), readme);
    for (line, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "line {}; BEHEST_BLESS=1 writes the outputs anew", line + 1);
    }
    assert_eq!(expected.lines().count(), found.lines().count(), "BEHEST_BLESS=1 writes the outputs anew");
}

#[actix_web::test]
async fn each_spelling_of_the_table_is_the_same_chain() {
    let server = server();
    let readme = readme();
    let rows: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.split_once("| `\"subject\"").map(|(_, rest)| rest.strip_suffix("` |").unwrap()))
        .collect();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let mut body: Value = serde_json::from_str(&format!("{{\"subject\"{row}}}")).unwrap();
        body["action"] = json!({"name": "write"});
        body["resource"] = json!({"type": "repository", "id": "checkout"});
        body["options"] = json!({"explain": true});
        let answer = send(&server, post("/access/v1/evaluation", body.to_string())).await.json();
        let legs = answer["context"]["explanation"]["legs"].as_array().unwrap_or_else(|| panic!("{row}: {answer}"));
        let members: Vec<&Value> = legs.iter().map(|leg| &leg["principal"]).collect();
        assert_eq!(members, [&json!({"type": "user", "id": "alice"}), &json!({"type": "agent", "id": "copilot"})]);
        assert_eq!(answer["decision"], true, "{row}");
    }
}

#[test]
fn it_names_every_reason_of_the_engine() {
    let readme = readme();
    for code in Code::RESERVED {
        assert!(readme.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn its_commands_and_flags_exist() {
    let place = tempfile::tempdir().unwrap();
    let readme = readme();
    let mut helps = run(place.path(), "behest --help").0;
    let (commands, _) = helps.split_once("Options:").map(|(commands, rest)| (commands.to_owned(), rest)).unwrap();
    let mut seen = 0;
    for found in Regex::new(r"(?m)(?:`|^\$ )behest ([a-z]+)").unwrap().captures_iter(&readme) {
        let name = &found[1];
        assert!(commands.contains(&format!("\n  {name} ")), "there is no command `{name}`");
        let (help, known) = run(place.path(), &format!("behest {name} --help"));
        assert!(known, "{help}");
        helps.push_str(&help);
        seen += 1;
    }
    assert!(seen > 8, "{seen} commands");
    for found in Regex::new(r"(?m)(?:`|^\$ )(?:behest[^`\n]* )?(--[a-z-]+)").unwrap().captures_iter(&readme) {
        assert!(helps.contains(&found[1]), "there is no flag `{}`", &found[1]);
    }
}

#[test]
fn its_links_lead_somewhere() {
    let readme = readme();
    let root = path();
    let mut links = 0;
    for found in Regex::new(r"\]\(([^)]+)\)").unwrap().captures_iter(&readme) {
        links += 1;
        let target = &found[1];
        assert!(target.starts_with("https://") || root.with_file_name(target).exists(), "{target}");
    }
    assert!(links > 15, "{links} links");
}
