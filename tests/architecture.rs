//! The architecture, held: which folder may use which, how long files get, and that each says what it is for.

#![expect(clippy::expect_used, reason = "what a test's helper unwraps is part of the assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom, besides `telemetry`, which all may.
const TABLE: [(&str, &[&str]); 17] = [
    ("model", &[]),
    ("clock", &[]),
    ("telemetry", &[]),
    ("process", &[]),
    ("config", &["model"]),
    ("policy", &["model"]),
    ("storage", &["model", "clock"]),
    ("relations", &["model"]),
    ("bundle", &["model", "policy", "relations"]),
    ("evidence", &["model", "clock"]),
    ("cache", &["model", "clock"]),
    ("record", &["model", "clock"]),
    // A version of the store `main` holds the bundle, and says to the cache which rows a write has touched.
    ("stores", &["model", "clock", "relations", "storage", "bundle", "cache"]),
    (
        "engine",
        &["model", "clock", "policy", "relations", "stores", "bundle", "evidence", "cache", "record", "process"],
    ),
    // Caller identity is evidence; the decision record and the bundle are reached through the engine.
    ("http", &["model", "clock", "engine", "stores", "evidence"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// The only folder that may name Cedar.
const CEDAR: &str = "policy";

/// Lines that a file may have, and the median that all files together keep.
const LONGEST: usize = 500;
const MEDIAN: usize = 150;

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let inside = path.strip_prefix(&root).expect("below the root");
                let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
                let folder = first.trim_end_matches(".rs").to_owned();
                found.push((folder, path.clone(), fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found
}

/// Every `crate::NAME` or `behest::NAME` in code; comments and tests at the end of a file do not count.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for prefix in ["crate::", "behest::"] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(list.split('}').next().unwrap_or_default().split(',').map(name)),
                None => drop(found.insert(name(rest))),
            }
        }
    }
    found.remove("");
    found
}

fn name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_folder_uses_only_what_the_table_lists() {
    let table: BTreeMap<&str, &[&str]> = TABLE.into_iter().collect();
    let mut wrong = Vec::new();
    for (folder, path, text) in sources().into_iter().filter(|(folder, ..)| folder != "lib") {
        let Some(allowed) = table.get(folder.as_str()) else {
            wrong.push(format!("`{folder}` is not in the table"));
            continue;
        };
        for other in used(&text) {
            let known = table.contains_key(other.as_str());
            if known
                && other != folder
                && other != "telemetry"
                && !allowed.contains(&"*")
                && !allowed.contains(&other.as_str())
            {
                wrong.push(format!("{}: `{folder}` uses `{other}`", path.display()));
            }
        }
        if folder != CEDAR
            && text.lines().any(|line| line.contains("cedar_policy") && !line.trim_start().starts_with("//"))
        {
            wrong.push(format!("{}: only `{CEDAR}` may name Cedar", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let sources = sources();
    let mut wrong = Vec::new();
    let mut lengths: Vec<usize> = Vec::new();
    for (folder, path, text) in &sources {
        let lines = text.lines().count();
        lengths.push(lines);
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not open with `//!`", path.display()));
        }
        if lines > LONGEST && !text.contains("//! Longer than") {
            wrong.push(format!("{} has {lines} lines and does not say why", path.display()));
        }
        if folder == "main" && lines >= 80 {
            wrong.push(format!("main.rs has {lines} lines"));
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < MEDIAN, "the median file has {median} lines");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
