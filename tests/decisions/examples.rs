//! Bundles in the shape of Cedar's public examples: namespaces, templates with links, tags,
//! enumerations, groups of actions.

use behest::bundle::{self, BundleSource, QUIET};
use behest::engine;
use std::path::{Path, PathBuf};

fn folders() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/cedar");
    let entries = std::fs::read_dir(folder)
        .expect("tests/bundles/cedar")
        .map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_example_loads_its_cases_hold_and_each_of_its_policies_decides_one() {
    let mut wrong = Vec::new();
    let folders = folders();
    assert!(folders.len() >= 10, "only {} examples", folders.len());
    for folder in folders {
        let name = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let mut files =
            bundle::read(&BundleSource::Dir(folder), QUIET).expect("the bundle can be read");
        match engine::check(&mut files, None) {
            Err(problems) => wrong.push(format!(
                "{name}:\n{}",
                bundle::render(&problems, &files, false)
            )),
            Ok((bundle, report)) => {
                let failures = report.failures.iter().map(|failure| {
                    format!(
                        "{name}: {}\n  expected {}\n  found    {}\n{}",
                        failure.name, failure.expected, failure.found, failure.explanation
                    )
                });
                wrong.extend(failures);
                wrong.extend(
                    report
                        .undecided
                        .iter()
                        .map(|id| format!("{name}: `{id}` decides no case")),
                );
                wrong.extend(
                    bundle
                        .warnings()
                        .iter()
                        .map(|warning| format!("{name}: {warning}")),
                );
                assert!(report.ran > 4, "only {} cases in {name}", report.ran);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
