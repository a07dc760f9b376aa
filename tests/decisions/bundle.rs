//! Bundles: the default one loads and every case of it holds; each bad variant is refused with the message that helps.

use behest::bundle::{self, QUIET, Source};
use behest::engine;
use std::path::Path;

#[test]
fn the_default_bundle_loads_and_its_cases_hold() {
    let mut files = bundle::read(&Source::Embedded, QUIET).expect("the embedded bundle can be read");
    let (bundle, report) = match engine::check(&mut files, None) {
        Ok(checked) => checked,
        Err(problems) => panic!("\n{}", bundle::render(&problems, &files, false)),
    };
    let failures: Vec<String> = report
        .failures
        .iter()
        .map(|f| format!("{}\n  expected {}\n  found    {}\n{}", f.name, f.expected, f.found, f.explanation))
        .collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), report.ran, failures.join("\n"));
    assert_eq!(report.undecided, Vec::<String>::new(), "policies that decide no case");
    assert!(report.ran >= 80, "only {} cases", report.ran);
    let warnings: Vec<String> = bundle.warnings().iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn every_bad_bundle_is_refused_with_the_message_that_helps() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/bad");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("tests/bundles/bad") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            continue;
        }
        seen += 1;
        let expected = std::fs::read_to_string(path.with_extension("expect")).expect("an .expect file beside each");
        let report = report_of(&path);
        for line in expected.lines().filter(|line| !line.trim().is_empty()) {
            if !report.contains(line.trim()) {
                wrong.push(format!("{}: the report lacks `{}`:\n{report}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 20, "only {seen} bad bundles");
}

fn report_of(path: &Path) -> String {
    let engine = behest::engine::Engine::new(
        std::sync::Arc::new(behest::clock::FixedClock::at(0)),
        std::sync::Arc::default(),
        behest::audit::Recorder::default(),
    )
    .with_quiet(std::time::Duration::from_millis(1));
    match engine.load(&Source::Dir(path.to_owned())) {
        Ok(_) => "it was loaded".to_owned(),
        Err(refused) => bundle::render(&refused.problems, &refused.files, false),
    }
}
