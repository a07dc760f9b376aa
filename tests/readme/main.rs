//! The README and the pages below `docs`, held to what they say: their commands are run, their
//! requests are asked, their files are loaded, their tables are compared with the code, their links
//! lead somewhere. `BEHEST_BLESS=1` writes the outputs anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test's helper unwraps is part of the assertion"
)]

mod blocks;
mod page;

use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, CallerKey, KeyHash, Settings, Tls, TlsFiles};
use behest::model::{Code, Timestamp};
use blocks::{execute, run, server};
use page::{Page, markdown, pages, root};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use support::service::{get, post, send};

/// The README is a front door: who needs more follows a link.
const README_LINES: usize = 250;

/// A page that is longer answers more than one question.
const PAGE_LINES: usize = 300;

/// Prose is wrapped at so many columns; tables and code cannot be.
const COLUMNS: usize = 100;

/// What follows in a page is written by another test.
const GENERATED: &str = "<!-- The tables below are written by";

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
            assert_eq!(
                expected,
                found,
                "{}, line {}; {remedy}",
                page.name,
                line + 1
            );
        }
        assert_eq!(
            page.text.lines().count(),
            found.lines().count(),
            "{}; {remedy}",
            page.name
        );
    }
    assert!(blocks >= 18, "{blocks} blocks");
}

#[actix_web::test]
async fn each_spelling_of_the_table_is_the_same_chain() {
    let server = server();
    let page = Page::read("docs/asking.md");
    let rows: Vec<&str> = page
        .prose()
        .filter_map(|line| {
            line.split_once("| `\"subject\"")
                .map(|(_, rest)| rest.strip_suffix("` |").unwrap())
        })
        .collect();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let mut body: Value = serde_json::from_str(&format!("{{\"subject\"{row}}}")).unwrap();
        body["action"] = json!({"name": "write"});
        body["resource"] = json!({"type": "repository", "id": "checkout"});
        body["options"] = json!({"explain": true});
        let answer = send(&server, post("/access/v1/evaluation", body.to_string()))
            .await
            .json();
        let legs = answer["context"]["explanation"]["legs"]
            .as_array()
            .unwrap_or_else(|| panic!("{row}: {answer}"));
        let members: Vec<&Value> = legs.iter().map(|leg| &leg["principal"]).collect();
        assert_eq!(
            members,
            [
                &json!({"type": "user", "id": "alice"}),
                &json!({"type": "agent", "id": "copilot"})
            ]
        );
        assert_eq!(answer["decision"], true, "{row}");
    }
}

#[test]
fn every_reason_of_the_engine_has_a_row() {
    let page = Page::read("docs/asking.md");
    let cells: Vec<&str> = page.first_cells().collect();
    for code in Code::RESERVED {
        assert!(
            cells.iter().any(|cell| cell.contains(&format!("`{code}`"))),
            "{code}"
        );
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
    assert_eq!(
        send(
            &server,
            post("/access/v1/search/resource", body.to_string())
        )
        .await
        .status,
        200
    );
    // And one of keys with the first key that ends.
    let key = CallerKey {
        hash: KeyHash::of(b"key"),
        until: Some(Timestamp(0)),
    };
    let caller = Caller {
        name: "caller".to_owned(),
        by: CallerCredential::Keys(std::iter::once(key).collect()),
        permissions: std::iter::empty().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    // And those of certificates with TLS.
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(path("own.pem"), own.cert.pem()).unwrap();
    std::fs::write(path("own.key"), own.signing_key.serialize_pem()).unwrap();
    let files = TlsFiles {
        certificate: path("own.pem"),
        key: path("own.key"),
        client_authorities: None,
    };
    server.renew(Settings {
        callers: vec![caller],
        tls: Some(Tls::open(files).unwrap()),
        ..Settings::clone(&server.settings())
    });
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
    let page = Page::read("docs/observing.md");
    let named = page
        .first_cells()
        .filter(|cell| cell.starts_with("`behest_") || cell.starts_with("`process_"))
        .map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<String>>(), exposed);
}

#[test]
fn their_commands_and_flags_exist() {
    let place = tempfile::tempdir().unwrap();
    let text: String = pages().into_iter().map(|page| page.text).collect();
    let mut helps = run(place.path(), "behest --help").0;
    let (commands, _) = helps
        .split_once("Options:")
        .map(|(commands, rest)| (commands.to_owned(), rest))
        .unwrap();
    let mut seen = BTreeSet::new();
    for found in Regex::new(r"(?m)(?:`|^\$ )behest ([a-z]+)")
        .unwrap()
        .captures_iter(&text)
    {
        let name = &found[1];
        if !seen.insert(name.to_owned()) {
            continue;
        }
        assert!(
            commands.contains(&format!("\n  {name} ")),
            "there is no command `{name}`"
        );
        let (help, known) = run(place.path(), &format!("behest {name} --help"));
        assert!(known, "{help}");
        helps.push_str(&help);
    }
    assert!(seen.len() > 8, "{seen:?}");
    for found in Regex::new(r"(?m)(?:`|^\$ )(?:behest[^`\n]* )?(--[a-z-]+)")
        .unwrap()
        .captures_iter(&text)
    {
        assert!(
            helps.contains(&found[1]),
            "there is no flag `{}`",
            &found[1]
        );
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
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "tests/README.md",
    ]
    .map(str::to_owned)
    .into_iter();
    let names = top.chain(
        ["docs", "policies", "benches"]
            .into_iter()
            .flat_map(markdown),
    );
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
        assert!(
            targets.contains(&root().join(&name).canonicalize().unwrap()),
            "no link leads to {name}"
        );
    }
}

/// Follows a link from a page to a file, and to a heading in it if the link has an anchor.
fn follow(page: &Page, link: &str) -> PathBuf {
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let from = root().join(&page.name);
    let target = if path.is_empty() {
        from
    } else {
        from.with_file_name(path)
    };
    let target = target
        .canonicalize()
        .unwrap_or_else(|error| panic!("{}: `{link}`: {error}", page.name));
    let name = target
        .strip_prefix(root().canonicalize().unwrap())
        .expect("a link stays in the repository");
    if let Some(anchor) = anchor {
        let anchors = Page::read(name.to_str().unwrap()).anchors();
        assert!(
            anchors.contains(anchor),
            "{}: `{link}` is none of {anchors:?}",
            page.name
        );
    }
    target
}

#[test]
fn each_page_can_be_read_in_one_go() {
    for page in pages() {
        let most = if page.name == "README.md" {
            README_LINES
        } else {
            PAGE_LINES
        };
        let lines = page.text.lines().count();
        assert!(
            lines <= most,
            "{} has {lines} lines; at most {most}",
            page.name
        );
        let is_code_or_table = |line: &&str| line.starts_with('|') || line.starts_with("    ");
        for line in page.prose().take_while(|line| !line.starts_with(GENERATED)) {
            let columns = line.chars().count();
            assert!(
                is_code_or_table(&line) || columns <= COLUMNS,
                "{}: {columns} columns: {line}",
                page.name
            );
        }
    }
}
