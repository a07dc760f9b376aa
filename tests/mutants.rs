//! The ways to break the code that lie under `tests/mutants` fit the code: each patch applies as it
//! stands, and a sentence says what it breaks.
//!
//! That a test notices each of them is what `tests/mutants/run` shows; it takes a minute for each,
//! and runs at night.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A way to break the code.
struct Mutant {
    /// The file that holds it, and its own name there, as `run` takes them.
    name: String,
    /// Says what is broken.
    sentence: String,
    patch: String,
}

#[test]
fn every_mutant_says_what_it_breaks_and_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mutants = mutants(&root.join("tests/mutants"));
    assert!(mutants.len() > 300, "{} mutants", mutants.len());
    let mut names: Vec<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.array_windows().find(|[one, other]| one == other);
    assert_eq!(twice, None, "two mutants have one name");
    let misfits: Vec<String> = mutants
        .iter()
        .filter_map(|mutant| misfit(root, mutant))
        .collect();
    assert!(
        misfits.is_empty(),
        "these no longer fit the code, or say nothing; write them anew:\n{}",
        misfits.join("\n")
    );
}

/// Returns all mutants: in each file, each begins with a line `## ` and its name.
fn mutants(folder: &Path) -> Vec<Mutant> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "mutants") {
            assert!(
                path.ends_with("run"),
                "{} is no file of mutants",
                path.display()
            );
            continue;
        }
        let suite = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = format!("\n{}", std::fs::read_to_string(&path).unwrap());
        found.extend(text.split("\n## ").skip(1).map(|part| {
            let (name, rest) = part.split_once('\n').unwrap();
            let (sentence, patch) = rest.split_once("\n--- ").unwrap_or((rest, ""));
            Mutant {
                name: format!("{suite}/{name}"),
                sentence: sentence.trim().to_owned(),
                patch: format!("--- {patch}\n"),
            }
        }));
    }
    found
}

/// Returns what is wrong with a mutant: it says nothing, or git does not apply it.
fn misfit(root: &Path, mutant: &Mutant) -> Option<String> {
    let name = &mutant.name;
    if mutant.sentence.split_whitespace().count() < 4 || !mutant.sentence.ends_with('.') {
        return Some(format!("{name}: `{}` is no sentence", mutant.sentence));
    }
    let mut git = Command::new("git")
        .args(["apply", "--check"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = git.stdin.take().unwrap();
    input.write_all(mutant.patch.as_bytes()).unwrap();
    drop(input);
    let tried = git.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&tried.stderr);
    (!tried.status.success()).then(|| format!("{name}: {}", said.trim()))
}
