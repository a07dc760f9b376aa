//! Relations in policies, over `tests/bundles/relations`: looked up, explained, and never believed from a request.

use crate::engines;
use behest::bundle::Source;
use behest::engine::Engine;
use behest::model::Depth;
use serde_json::{Value as Json, json};
use std::path::Path;

fn engine() -> Engine {
    let engine = engines::empty();
    let source = Source::Dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/relations"));
    if let Err(refused) = engine.load(&source) {
        panic!("{}", behest::bundle::render(&refused.problems, &refused.files, false));
    }
    engine
}

fn asked(kind: &str, id: &str, properties: &Json, doc: &str, context: &Json) -> Json {
    json!({"subject": {"type": kind, "id": id, "properties": properties}, "action": {"name": "read"},
           "resource": {"type": "doc", "id": doc}, "context": context})
}

#[test]
fn an_explanation_shows_what_was_looked_up_and_the_tuples_behind_it() {
    let answer = engines::decide(&engine(), &asked("user", "bob", &json!({}), "d1", &json!({})), Depth::Explain);
    assert_eq!(engines::verdict(&answer), "permit");
    let tree = answer.explanation.expect("it was asked for");
    let found: Vec<(&str, bool, &[String])> = tree.legs[0]
        .relations
        .iter()
        .map(|lookup| (lookup.userset.as_str(), lookup.held, lookup.witness.as_slice()))
        .collect();
    let path = ["folder:f1#viewer@team:eng#member".to_owned(), "team:eng#member@user:bob".to_owned()];
    assert!(found.contains(&("folder:f1#viewer", true, &path)), "{found:?}");
    assert!(found.contains(&("doc:d1#viewer", false, &[])), "{found:?}");
    assert!(found.contains(&("team:sre#member", false, &[])), "{found:?}");
}

#[test]
fn a_request_can_neither_claim_a_relation_nor_move_a_stored_reference() {
    let engine = engine();
    for properties in [
        json!({"viewer": {"__entity": {"type": "Userset", "id": "doc:d1#viewer"}}}),
        json!({"viewer": "doc:d2#viewer"}),
        json!({"folder": "f1"}),
    ] {
        let body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
                          "resource": {"type": "doc", "id": "d3", "properties": properties}});
        assert_eq!(engines::verdict(&engines::decide(&engine, &body, Depth::Lean)), "deny not_permitted", "{body}");
    }
    let subject = asked("Userset", "doc:d1#viewer", &json!({}), "d1", &json!({}));
    assert_eq!(engines::verdict(&engines::decide(&engine, &subject, Depth::Lean)), "deny unknown_type");
}

#[test]
fn conditions_read_the_engines_time_and_an_id_that_fits_no_tuple_denies() {
    let engine = engine();
    let agent = |context: &Json| {
        engines::verdict(&engines::decide(&engine, &asked("agent", "bot", &json!({}), "d1", context), Depth::Lean))
    };
    assert_eq!(agent(&json!({})), "permit", "the grant lasts until July, and it is June");
    assert_eq!(
        agent(&json!({"current_time": "2027-01-01T00:00:00Z"})),
        "permit",
        "a caller cannot say what time it is"
    );
    let long = "x".repeat(300);
    let found =
        engines::verdict(&engines::decide(&engine, &asked("user", &long, &json!({}), "d1", &json!({})), Depth::Lean));
    assert_eq!(found, "deny relation_error");
    for id in ["a:b#c", "eng#member", "*", "with space", "p%25"] {
        let found =
            engines::verdict(&engines::decide(&engine, &asked("user", id, &json!({}), "d1", &json!({})), Depth::Lean));
        assert_eq!(found, "deny not_permitted", "{id}");
    }
}
