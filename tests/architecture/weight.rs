//! How much the tests of a folder weigh: at least as much as its code, where a mistake permits.
//!
//! What is counted are lines that say something, without comments.

use crate::source::{lines, lines_below, sources};

/// Folders of `src`, and what below `tests` proves what they promise, as `tests/README.md` has it:
/// suites, and the oracles and generators that suites share. A suite counts for one folder.
const SUITES: [(&str, &[&str]); 4] = [
    ("relations", &["relations"]),
    (
        "engine",
        &[
            "decisions",
            "search",
            "support/src/lab",
            "support/src/spellings.rs",
            "support/src/worlds.rs",
        ],
    ),
    ("cache", &["cache"]),
    ("evidence", &["evidence"]),
];

#[test]
fn tests_weigh_as_much_as_code_where_a_mistake_permits() {
    let sources = sources();
    let mut wrong = Vec::new();
    for (folder, suites) in SUITES {
        let of_folder = sources.iter().filter(|source| source.folder() == folder);
        let code: usize = of_folder.map(|source| lines(&source.code)).sum();
        let inside = lines_below(&format!("src/{folder}")) - code;
        let outside: usize = suites
            .iter()
            .map(|suite| lines_below(&format!("tests/{suite}")))
            .sum();
        assert!(code > 300 && outside > 1_000, "{folder}: {code}, {outside}");
        let weight = (inside + outside) * 100 / code;
        let found = format!(
            "`{folder}`: {code} lines of code, {inside} of tests inside and {outside} outside, \
             which is {weight} per cent"
        );
        if weight < 100 {
            wrong.push(found);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
