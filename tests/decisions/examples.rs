//! Bundles in the shape of Cedar's public examples: namespaces, templates with links, tags,
//! enumerations, groups of actions.

use behest::bundle;
use behest::engine;
use support::bundles;

#[test]
fn every_example_loads_its_cases_hold_and_each_of_its_policies_decides_one() {
    let mut wrong = Vec::new();
    let examples = bundles::read("cedar.bundles");
    assert!(examples.len() >= 10, "only {} examples", examples.len());
    for example in examples {
        let name = &example.name;
        let mut files = example.files();
        match engine::check(&mut files, None) {
            Err(problems) => wrong.push(format!(
                "{name}:\n{}",
                bundle::render(&problems, &files, false)
            )),
            Ok((bundle, report)) => {
                let failures = report.failures().map(|(case, failure)| {
                    format!(
                        "{name}: {}\n  expected {}\n  found    {}\n{}",
                        case.title(),
                        failure.expected,
                        failure.found,
                        failure.explanation
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
                assert!(report.ran() > 4, "only {} cases in {name}", report.ran());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
