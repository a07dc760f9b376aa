//! The README and the pages below `docs`, held to what they say: their commands are run, their requests are asked, their
//! files are loaded, their tables are compared with the code, their links lead somewhere. `BEHEST_BLESS=1` writes the
//! outputs anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test's helper unwraps is part of the assertion"
)]

#[expect(dead_code, reason = "the pages ask for decisions and metrics only")]
#[path = "support/service.rs"]
mod service;

use behest::bundle::Source;
use behest::config::{Environment, Flags, load};
use behest::http::Server;
use behest::model::Code;
use regex::Regex;
use serde_json::{Value, json};
use service::{get, local, post, send, with_engine};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the pages' requests are sent.
const ADDRESS: &str = "http://127.0.0.1:8181";

/// The README is a front door: who needs more follows a link.
const README_LINES: usize = 250;

/// A page that is longer answers more than one question.
const PAGE_LINES: usize = 300;

/// Prose is wrapped at so many columns; tables and code cannot be.
const COLUMNS: usize = 100;

/// What follows in a page is written by another test.
const GENERATED: &str = "<!-- The tables below are written by";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown file, named by its path from the root of the repository.
struct Page {
    name: String,
    text: String,
}

impl Page {
    fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), text }
    }

    /// The lines that are not in a block of code.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut is_code = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        })
    }

    /// The first cells of the rows of its tables.
    fn first_cells(&self) -> impl Iterator<Item = &str> {
        self.prose().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let headings = self.prose().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
        headings
            .map(|heading| {
                let slug = slug(heading);
                let count = seen.entry(slug.clone()).or_default();
                *count += 1;
                if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
            })
            .collect()
    }

    /// What its links lead to; those in code are none.
    fn links(&self) -> Vec<String> {
        let prose = self.prose().collect::<Vec<_>>().join("\n");
        let prose = Regex::new(r"`[^`\n]*`").unwrap().replace_all(&prose, "").into_owned();
        let link = Regex::new(r"(?m)\]\(([^)\s]+)\)|^\[[^\]]+\]:\s+(\S+)").unwrap();
        link.captures_iter(&prose).map(|found| found.get(1).or(found.get(2)).unwrap().as_str().to_owned()).collect()
    }
}

fn slug(heading: &str) -> String {
    let letters = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    letters.flat_map(char::to_lowercase).map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// The Markdown files of a folder, with those of the folders in it.
fn markdown(folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
        if root().join(&name).is_dir() {
            names.extend(markdown(&name));
        } else if has_ending(&name) {
            names.push(name);
        }
    }
    names.sort();
    names
}

fn has_ending(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "md")
}

/// The README, and each page below `docs`.
fn pages() -> Vec<Page> {
    let names = ["README.md".to_owned()].into_iter().chain(markdown("docs"));
    let pages: Vec<Page> = names.map(|name| Page::read(&name)).collect();
    assert!(pages.len() > 10, "{} pages", pages.len());
    pages
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

/// Each block, and the page with what `rewrite` makes of it.
async fn rewritten(page: &Page, mut rewrite: impl AsyncFnMut(&Block) -> String) -> String {
    let mut found = String::new();
    let mut lines = page.text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        found.push_str(line);
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        assert!(!is_fence || line.starts_with("```"), "{}: nothing checks this block: {line}", page.name);
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

/// A file of a page names itself in its first line.
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

/// Executes the blocks of a page, in a folder of its own; the page as it should be, and the number of blocks.
async fn execute(page: &Page, server: &Server) -> (String, usize) {
    let place = tempfile::tempdir().unwrap();
    let mut blocks = 0;
    let found = rewritten(page, async |Block { language, text }| {
        blocks += 1;
        match language.as_str() {
            "sh" if text.contains("cargo run") => {}
            "sh" => assert_eq!(run(place.path(), text), (String::new(), true), "{}", page.name),
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

#[actix_web::test]
async fn what_they_show_is_what_happens() {
    let server = server();
    let mut blocks = 0;
    for page in pages() {
        let (found, count) = execute(&page, &server).await;
        blocks += count;
        if std::env::var_os("BEHEST_BLESS").is_some() {
            std::fs::write(root().join(&page.name), found).unwrap();
            continue;
        }
        let remedy = "BEHEST_BLESS=1 writes the outputs anew";
        for (line, (expected, found)) in page.text.lines().zip(found.lines()).enumerate() {
            assert_eq!(expected, found, "{}, line {}; {remedy}", page.name, line + 1);
        }
        assert_eq!(page.text.lines().count(), found.lines().count(), "{}; {remedy}", page.name);
    }
    assert!(blocks >= 18, "{blocks} blocks");
}

#[actix_web::test]
async fn each_spelling_of_the_table_is_the_same_chain() {
    let server = server();
    let page = Page::read("docs/asking.md");
    let rows: Vec<&str> = page
        .prose()
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
fn every_reason_of_the_engine_has_a_row() {
    let page = Page::read("docs/asking.md");
    let cells: Vec<&str> = page.first_cells().collect();
    for code in Code::RESERVED {
        assert!(cells.iter().any(|cell| cell.contains(&format!("`{code}`"))), "{code}");
    }
}

#[actix_web::test]
async fn the_table_of_metrics_has_each_that_the_service_has() {
    // A metric with labels appears with its first request.
    let server = server();
    let body = json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "write"},
        "resource": {"type": "repository"},
    });
    assert_eq!(send(&server, post("/access/v1/search/resource", body.to_string())).await.status, 200);
    let exposed = send(&server, get("/metrics")).await.body;
    let kinds = Regex::new(r"(?m)^# TYPE (\S+) (\S+)$").unwrap();
    let exposed: BTreeSet<String> = kinds
        .captures_iter(&exposed)
        .map(|found| match &found[2] {
            "counter" => format!("`{}_total`", &found[1]),
            "info" => format!("`{}_info`", &found[1]),
            _ => format!("`{}`", &found[1]),
        })
        .collect();
    let page = Page::read("docs/running-it.md");
    let named = page.first_cells().filter(|cell| cell.starts_with("`behest_")).map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<String>>(), exposed);
}

#[test]
fn their_commands_and_flags_exist() {
    let place = tempfile::tempdir().unwrap();
    let text: String = pages().into_iter().map(|page| page.text).collect();
    let mut helps = run(place.path(), "behest --help").0;
    let (commands, _) = helps.split_once("Options:").map(|(commands, rest)| (commands.to_owned(), rest)).unwrap();
    let mut seen = BTreeSet::new();
    for found in Regex::new(r"(?m)(?:`|^\$ )behest ([a-z]+)").unwrap().captures_iter(&text) {
        let name = &found[1];
        if !seen.insert(name.to_owned()) {
            continue;
        }
        assert!(commands.contains(&format!("\n  {name} ")), "there is no command `{name}`");
        let (help, known) = run(place.path(), &format!("behest {name} --help"));
        assert!(known, "{help}");
        helps.push_str(&help);
    }
    assert!(seen.len() > 8, "{seen:?}");
    for found in Regex::new(r"(?m)(?:`|^\$ )(?:behest[^`\n]* )?(--[a-z-]+)").unwrap().captures_iter(&text) {
        assert!(helps.contains(&found[1]), "there is no flag `{}`", &found[1]);
    }
}

#[test]
fn no_page_shows_a_hash_that_could_be_pasted() {
    let hash = Regex::new(r"\b[0-9a-f]{64}\b|9f86d081|0c2ee2d1").unwrap();
    for page in pages() {
        assert!(!hash.is_match(&page.text), "{}", page.name);
    }
}

#[test]
fn every_link_leads_somewhere() {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .map(str::to_owned)
        .into_iter();
    let names = top.chain(["docs", "policies", "benches"].into_iter().flat_map(markdown));
    let mut targets: BTreeSet<PathBuf> = BTreeSet::new();
    let mut links = 0;
    for page in names.map(|name| Page::read(&name)) {
        for link in page.links() {
            links += 1;
            if !link.starts_with("https://") {
                targets.insert(follow(&page, &link));
            }
        }
    }
    assert!(links > 100, "{links} links");
    for name in markdown("docs") {
        assert!(targets.contains(&root().join(&name).canonicalize().unwrap()), "no link leads to {name}");
    }
}

/// Follows a link from a page to a file, and to a heading in it if the link has an anchor.
fn follow(page: &Page, link: &str) -> PathBuf {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let from = root().join(&page.name);
    let target = if path.is_empty() { from } else { from.with_file_name(path) };
    let target = target.canonicalize().unwrap_or_else(|error| panic!("{}: `{link}`: {error}", page.name));
    let name = target.strip_prefix(root().canonicalize().unwrap()).expect("a link stays in the repository");
    if let Some(anchor) = anchor {
        let anchors = Page::read(name.to_str().unwrap()).anchors();
        assert!(anchors.contains(anchor), "{}: `{link}` is none of {anchors:?}", page.name);
    }
    target
}

#[test]
fn each_page_can_be_read_in_one_go() {
    for page in pages() {
        let most = if page.name == "README.md" { README_LINES } else { PAGE_LINES };
        let lines = page.text.lines().count();
        assert!(lines <= most, "{} has {lines} lines; at most {most}", page.name);
        let is_code_or_table = |line: &&str| line.starts_with('|') || line.starts_with("    ");
        for line in page.prose().take_while(|line| !line.starts_with(GENERATED)) {
            let columns = line.chars().count();
            assert!(is_code_or_table(&line) || columns <= COLUMNS, "{}: {columns} columns: {line}", page.name);
        }
    }
}
