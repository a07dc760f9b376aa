//! Golden files: committed output, rewritten only if `BEHEST_BLESS=1` is set.

use std::path::Path;

/// Compares a text with a committed file; the path is relative to the root of the repository.
pub fn check(path: &str, found: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if std::env::var_os("BEHEST_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&file, found).expect("the golden file can be written");
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = expected
        .lines()
        .zip(found.lines())
        .enumerate()
        .find(|(_, (left, right))| left != right);
    if let Some((line, (left, right))) = differs {
        panic!(
            "`{path}` differs in line {}:\n  committed: {left}\n  found:     {right}\n{REMEDY}",
            line + 1
        );
    }
    assert_eq!(
        expected.lines().count(),
        found.lines().count(),
        "`{path}` has another number of lines\n{REMEDY}"
    );
}

const REMEDY: &str = "if the change is meant, run the test with BEHEST_BLESS=1 and commit the file";
