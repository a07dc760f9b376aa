//! For every case of the default bundle search agrees with evaluation.

use behest::bundle::{self, BundleSource, QUIET};
use behest::engine;
use std::path::Path;
use support::bundles;

fn agrees(source: &BundleSource) {
    let mut files = bundle::read(source, QUIET).expect("the bundle can be read");
    let told = engine::search_disagreements(&mut files);
    let told =
        told.unwrap_or_else(|problems| panic!("{}", bundle::render(&problems, &files, false)));
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn search_agrees_with_every_case_of_the_default_bundle() {
    agrees(&BundleSource::Embedded);
}

/// Namespaces, templates with links, tags, enumerations: every bundle in the shape of one of
/// Cedar's examples.
#[test]
fn and_with_those_of_every_example() {
    for bundle in bundles::read("cedar.bundles") {
        agrees(&BundleSource::Dir(bundle.write().path().to_owned()));
    }
}

#[test]
fn and_with_those_of_a_bundle_whose_entities_hold_actions() {
    let folder = bundles::named("good.bundles", "actions").write();
    agrees(&BundleSource::Dir(folder.path().to_owned()));
}

#[test]
fn and_with_those_of_a_bundle_on_relations() {
    agrees(&BundleSource::Dir(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/relations"),
    ));
}
