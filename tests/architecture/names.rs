//! A name says one thing: no file's name comes more than twice below `src`, and no type has a
//! namesake.

use crate::source::sources;
use std::collections::BTreeMap;

/// Names that come more often, and why each is the word that a reader looks for.
const OFTEN: [(&str, &str); 10] = [
    (
        "batch",
        "several questions or writes at once are a batch in the engine, on the wire and in a store",
    ),
    (
        "cases",
        "a bundle's cases are read, run as decisions and as searches, and reported by the command line",
    ),
    (
        "error",
        "a folder's errors are one enum, and its file is found by its name in each folder",
    ),
    (
        "json",
        "a form of the same data beside others: tuples, claims, answers",
    ),
    ("read", "the half that reads, beside one that writes"),
    (
        "request",
        "what is asked, in the model and as each surface takes it",
    ),
    (
        "search",
        "AuthZEN's searches: a setting, an endpoint, its wire, the model and the walk over relations",
    ),
    (
        "source",
        "where something comes from: tuples, keys, policies, models",
    ),
    (
        "tuple",
        "OpenFGA's word, in the model, on the wire and as a row",
    ),
    ("write", "the half that writes, beside one that reads"),
];

#[test]
fn no_file_name_comes_more_than_twice() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        let stem = source
            .path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if stem != "mod" {
            files
                .entry(stem)
                .or_default()
                .push(source.path.display().to_string());
        }
    }
    let is_listed = |stem: &str| OFTEN.iter().any(|(name, _)| *name == stem);
    let often: Vec<_> = files
        .iter()
        .filter(|(stem, paths)| paths.len() > 2 && !is_listed(stem))
        .collect();
    assert!(often.is_empty(), "{often:#?}");
    let rare: Vec<_> = OFTEN
        .iter()
        .filter(|(name, _)| files.get(*name).is_none_or(|paths| paths.len() <= 2))
        .collect();
    assert!(rare.is_empty(), "no longer more than twice: {rare:?}");
}

#[test]
fn no_type_has_a_namesake() {
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for name in source.code.lines().filter_map(type_name) {
            types
                .entry(name.to_owned())
                .or_default()
                .push(source.path.display().to_string());
        }
    }
    assert!(types.len() > 500, "{} types", types.len());
    let twice: Vec<_> = types.iter().filter(|(_, paths)| paths.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

/// Returns the name of the type that a line of code defines. Associated types and those inside
/// functions begin further to the right, and nobody searches for them.
fn type_name(line: &str) -> Option<&str> {
    let item = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => line,
    };
    let name = ["struct ", "enum ", "trait ", "type "]
        .iter()
        .find_map(|keyword| item.strip_prefix(keyword))?;
    let end = name
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(name.len());
    name.get(..end)
}
