//! Which folder of `src` may use which.

use crate::paths::Uses;
use crate::source::sources;
use std::collections::BTreeMap;

/// Who may use whom, besides `telemetry`, which all may.
const TABLE: [(&str, &[&str]); 21] = [
    ("model", &[]),
    ("clock", &[]),
    ("regular_file", &[]),
    ("telemetry", &[]),
    ("json", &["model"]),
    ("process", &[]),
    ("policy", &["model"]),
    ("storage", &["model", "clock"]),
    ("relations", &["model"]),
    ("mapping", &["model"]),
    (
        "bundle",
        &["model", "regular_file", "policy", "relations", "mapping"],
    ),
    ("evidence", &["model", "clock", "regular_file", "json"]),
    ("cache", &["model", "clock"]),
    ("record", &["model", "clock", "regular_file"]),
    // A version of the store `main` holds the bundle, and says to the cache which rows a write has
    // touched.
    (
        "stores",
        &["model", "clock", "relations", "storage", "bundle", "cache"],
    ),
    (
        "engine",
        &[
            "model",
            "clock",
            "policy",
            "relations",
            "stores",
            "bundle",
            "evidence",
            "cache",
            "record",
            "process",
        ],
    ),
    // Caller identity is evidence; the decision record and the bundle are reached through the
    // engine.
    (
        "http",
        &[
            "model",
            "clock",
            "regular_file",
            "json",
            "mapping",
            "engine",
            "stores",
            "evidence",
        ],
    ),
    // Settings are read into what the parts take, so that nothing is defined twice.
    (
        "config",
        &[
            "model",
            "regular_file",
            "json",
            "storage",
            "bundle",
            "evidence",
            "record",
            "stores",
            "engine",
            "http",
        ],
    ),
    // Editors see what authors write; no request and no service comes near it.
    ("lsp", &["model", "policy", "bundle"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// The only folder that may name Cedar.
const CEDAR: &str = "policy";

#[test]
fn a_folder_uses_only_what_the_table_lists() {
    let table: BTreeMap<&str, &[&str]> = TABLE.into_iter().collect();
    let sources = sources();
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.folder() != "lib") {
        let folder = source.folder();
        let Some(allowed) = table.get(folder) else {
            wrong.push(format!("`{folder}` is not in the table"));
            continue;
        };
        let may = |other: &str| {
            other == folder
                || other == "telemetry"
                || allowed.contains(&"*")
                || allowed.contains(&other)
        };
        // Where a path is named, not where it leads: a folder may pass on what is another's.
        for path in Uses::of(&[]).by(source) {
            if let Some(other) = path
                .first()
                .filter(|other| table.contains_key(other.as_str()) && !may(other))
            {
                wrong.push(format!(
                    "{}: `{folder}` uses `{other}`: {}",
                    source.path.display(),
                    path.join("::")
                ));
            }
        }
        if folder != CEDAR && source.code.contains("cedar_policy") {
            wrong.push(format!(
                "{}: only `{CEDAR}` may name Cedar",
                source.path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
