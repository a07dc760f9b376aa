//! The ways to break the code that lie under `tests/mutants` fit the code: each patch applies as it
//! stands.
//!
//! That a test notices each of them is what `tests/mutants/run` shows; it takes a minute for each,
//! and runs at night.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_patch_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let patches = patches(&root.join("tests/mutants"));
    assert!(patches.len() > 40, "{} patches", patches.len());
    let misfits: Vec<String> = patches
        .iter()
        .filter_map(|patch| misfit(root, patch))
        .collect();
    assert!(
        misfits.is_empty(),
        "these no longer fit the code; write them anew:\n{}",
        misfits.join("\n")
    );
}

/// All patches, in order.
fn patches(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(patches(&path));
        } else if path.extension().is_some_and(|ending| ending == "patch") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What git says of a patch that does not apply; nothing of one that does.
fn misfit(root: &Path, patch: &Path) -> Option<String> {
    let tried = Command::new("git")
        .args(["apply", "--check"])
        .arg(patch)
        .current_dir(root)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tried.stderr);
    (!tried.status.success()).then(|| format!("{}: {}", patch.display(), said.trim()))
}
