//! Relations in policies, over `tests/bundles/relations`: looked up, explained, and never believed
//! from a request.

use behest::bundle::BundleSource;
use behest::clock::{Clock, FixedClock};
use behest::engine::{Engine, Refusal};
use behest::model::{AnswerDepth, Fault, Tuple, TupleKey};
use behest::storage::{StoreId, TupleBatch, open_memory};
use behest::stores::Stores;
use serde_json::{Value as Json, json};
use std::path::Path;
use support::engines;

fn engine() -> Engine {
    let engine = engines::empty();
    let source =
        BundleSource::Dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/relations"));
    if let Err(refused) = engine.load(&source) {
        panic!(
            "{}",
            behest::bundle::render(&refused.problems, &refused.files, false)
        );
    }
    engine
}

fn asked(kind: &str, id: &str, properties: &Json, doc: &str, context: &Json) -> Json {
    json!({"subject": {"type": kind, "id": id, "properties": properties}, "action": {"name": "read"},
           "resource": {"type": "doc", "id": doc}, "context": context})
}

#[test]
fn an_explanation_shows_what_was_looked_up_and_the_tuples_behind_it() {
    let answer = engines::decide(
        &engine(),
        &asked("user", "bob", &json!({}), "d1", &json!({})),
        AnswerDepth::Explain,
    );
    assert_eq!(engines::verdict(&answer), "permit");
    let tree = answer.explanation.expect("it was asked for");
    let found: Vec<(&str, bool, &[String])> = tree.legs[0]
        .relations
        .iter()
        .map(|lookup| {
            (
                lookup.userset.as_str(),
                lookup.held,
                lookup.witness.as_slice(),
            )
        })
        .collect();
    let path = [
        "folder:f1#viewer@team:eng#member".to_owned(),
        "team:eng#member@user:bob".to_owned(),
    ];
    assert!(
        found.contains(&("folder:f1#viewer", true, &path)),
        "{found:?}"
    );
    assert!(found.contains(&("doc:d1#viewer", false, &[])), "{found:?}");
    assert!(
        found.contains(&("team:sre#member", false, &[])),
        "{found:?}"
    );
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
        assert_eq!(
            engines::verdict(&engines::decide(&engine, &body, AnswerDepth::Lean)),
            "deny not_permitted",
            "{body}"
        );
    }
    let subject = asked("Userset", "doc:d1#viewer", &json!({}), "d1", &json!({}));
    assert_eq!(
        engines::verdict(&engines::decide(&engine, &subject, AnswerDepth::Lean)),
        "deny unknown_type"
    );
}

#[test]
fn conditions_read_the_engines_time_and_an_id_that_fits_no_tuple_denies() {
    let engine = engine();
    let agent = |context: &Json| {
        engines::verdict(&engines::decide(
            &engine,
            &asked("agent", "bot", &json!({}), "d1", context),
            AnswerDepth::Lean,
        ))
    };
    assert_eq!(
        agent(&json!({})),
        "permit",
        "the grant lasts until July, and it is June"
    );
    assert_eq!(
        agent(&json!({"current_time": "2027-01-01T00:00:00Z"})),
        "permit",
        "a caller cannot say what time it is"
    );
    // The user of a tuple has at most 512 bytes, its type included.
    for (length, verdict) in [(507, "deny not_permitted"), (508, "deny relation_error")] {
        let subject = asked("user", &"x".repeat(length), &json!({}), "d1", &json!({}));
        assert_eq!(
            engines::verdict(&engines::decide(&engine, &subject, AnswerDepth::Lean)),
            verdict,
            "{length}"
        );
    }
    for id in ["a:b#c", "eng#member", "*", "with space", "p%25"] {
        let found = engines::verdict(&engines::decide(
            &engine,
            &asked("user", id, &json!({}), "d1", &json!({})),
            AnswerDepth::Lean,
        ));
        assert_eq!(found, "deny not_permitted", "{id}");
    }
}

const GRANTS: [(&str, &str); 4] = [
    (
        "schemas/s.cedarschema",
        "entity user, doc;\naction read appliesTo { principal: user, resource: doc, context: { words?: Set<String> } };",
    ),
    (
        "schemas/m.fga",
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user with until, user with listed]\n\
         condition until(current_time: timestamp, end: timestamp) {\n  current_time < end\n}\n\
         condition listed(words: list<string>) {\n  words.exists(word, word == \"x\")\n}\n",
    ),
    (
        "policies/p.cedar",
        "@id(\"viewers\") permit (principal, action, resource) when { principal in resource.viewer };",
    ),
    (
        "policies/tuples.yaml",
        "- { user: \"user:ann\", relation: viewer, object: \"doc:d\", condition: { name: until } }\n\
         - { user: \"user:bob\", relation: viewer, object: \"doc:d\", condition: { name: listed } }\n",
    ),
];

fn who(id: &str, context: &Json) -> Json {
    json!({"subject": {"type": "user", "id": id}, "action": {"name": "read"},
           "resource": {"type": "doc", "id": "d"}, "context": context})
}

/// Of a grant that lacks its end it was said that the end belongs into the request.
#[test]
fn a_grant_without_its_end_is_told_where_the_end_may_stand() {
    let engine = engines::engine(&GRANTS);
    let body = who("ann", &json!({}));
    let reason = engines::decide(&engine, &body, AnswerDepth::Reason).reason;
    let reason = reason.expect("a denial has a reason");
    assert_eq!(
        (reason.code.as_str(), reason.next_action.as_str()),
        ("relation_error", "none")
    );
    assert_eq!(
        reason.message,
        "condition `until` has no value for `end`: store it in the context of the tuple's \
         condition, or send it in the request's `context`"
    );
    let body = who("ann", &json!({"end": "2100-01-01T00:00:00Z"}));
    let answer = engines::decide(&engine, &body, AnswerDepth::Reason);
    assert_eq!(engines::verdict(&answer), "permit");
}

/// To ask again later does not help where the question itself is too large.
#[test]
fn a_question_beyond_its_limits_is_no_fault_that_passes() {
    let engine = engines::engine(&GRANTS);
    let ask = |words: usize| {
        let words: Vec<String> = (0..words).map(|at| format!("y{at}")).collect();
        let body = who("bob", &json!({ "words": words }));
        engine.decide(
            &engines::ask(AnswerDepth::Reason),
            &support::values::request(&body),
        )
    };
    assert_eq!(
        engines::verdict(&ask(3).expect("an answer")),
        "deny not_permitted"
    );
    let refused = ask(1_000).expect_err("a condition may cost so much");
    assert!(
        matches!(&refused, Refusal::Fault(Fault::RelationLimit(_))),
        "{refused:?}"
    );
    let told = behest::http::Error::from(refused).to_string();
    assert!(
        told.contains("asking again does not help") && !told.contains("later"),
        "{told}"
    );
}

const SCHEMA: &str =
    "entity user, agent, doc;\naction read appliesTo { principal: [user, agent], resource: doc };";

const MODEL: &str = "model\n  schema 1.1\ntype user\ntype agent\ntype platform\n  relations\n    define suspended: [user]\n";

const POLICIES: &str = "@id(\"open\") permit (principal, action, resource);\n@id(\"suspended\") @reason(\"suspended\") forbid (principal, action, resource) when { principal in Userset::\"platform:main#suspended\" };";

fn served() -> (Engine, std::sync::Arc<Stores>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    engines::write(
        folder.path(),
        &[
            ("schemas/s.cedarschema", SCHEMA),
            ("schemas/m.fga", MODEL),
            ("policies/p.cedar", POLICIES),
        ],
    );
    let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(FixedClock::at(engines::NOW_MS));
    let stores = Stores::open(open_memory().expect("memory"), clock).expect("an empty store opens");
    let stores = std::sync::Arc::new(stores);
    let engine = engines::empty().with_stores(stores.clone());
    if let Err(refused) = engine.load(&BundleSource::Dir(folder.path().to_owned())) {
        panic!(
            "{}",
            behest::bundle::render(&refused.problems, &refused.files, false)
        );
    }
    (engine, stores, folder)
}

fn batch(text: &str, delete: bool) -> TupleBatch {
    let tuple: Tuple = text.parse::<TupleKey>().expect("a tuple").into();
    let (deletes, writes) = if delete {
        (vec![tuple.key], Vec::new())
    } else {
        (Vec::new(), vec![tuple])
    };
    TupleBatch {
        deletes,
        writes,
        ..TupleBatch::default()
    }
}

#[test]
fn a_suspended_agent_is_denied_by_the_first_question_after_the_write_mid_chain_too() {
    let (engine, stores, _folder) = served();
    let chain = json!({"subject": {"type": "agent", "id": "last",
        "delegation_chain": [{"type": "user", "id": "alice"}, {"type": "agent", "id": "middle"}]},
        "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"}});
    let ask = || engines::verdict(&engines::decide(&engine, &chain, AnswerDepth::Lean));
    for _ in 0..50 {
        assert_eq!(ask(), "permit");
        let suspended = batch("platform:main#suspended@agent:middle", false);
        let applied = stores
            .write(StoreId::MAIN, None, suspended)
            .expect("it is written");
        let answer = engines::decide(&engine, &chain, AnswerDepth::Lean);
        assert_eq!(engines::verdict(&answer), "deny suspended");
        assert!(answer.revision >= applied.revision);
        stores
            .write(
                StoreId::MAIN,
                None,
                batch("platform:main#suspended@agent:middle", true),
            )
            .expect("it is deleted");
    }
}

#[test]
fn no_question_that_begins_after_a_write_is_answered_from_before_it() {
    let (engine, stores, _folder) = served();
    let question = asked("user", "alice", &json!({}), "d", &json!({}));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                for _ in 0..2_000 {
                    let revision = engines::decide(&engine, &question, AnswerDepth::Lean)
                        .revision
                        .0;
                    assert!(revision >= last, "revision {revision} after {last}");
                    last = revision;
                }
            });
        }
        for round in 0..100 {
            let suspended = batch("platform:main#suspended@user:alice", round % 2 == 1);
            let written = stores
                .write(StoreId::MAIN, None, suspended)
                .expect("it is written")
                .revision;
            let answer = engines::decide(&engine, &question, AnswerDepth::Lean);
            assert!(answer.revision >= written);
            assert_eq!(
                engines::verdict(&answer),
                if round % 2 == 0 {
                    "deny suspended"
                } else {
                    "permit"
                }
            );
        }
    });
}

#[test]
fn a_bundle_that_would_orphan_or_shadow_stored_tuples_is_refused_with_their_list() {
    let (engine, stores, folder) = served();
    stores
        .write(
            StoreId::MAIN,
            None,
            batch("platform:main#suspended@agent:x", false),
        )
        .expect("it is written");
    let source = BundleSource::Dir(folder.path().to_owned());
    engines::write(
        folder.path(),
        &[(
            "schemas/m.fga",
            &MODEL.replace("define suspended", "define halted"),
        )],
    );
    engines::write(
        folder.path(),
        &[(
            "policies/p.cedar",
            "@id(\"open\") permit (principal, action, resource);",
        )],
    );
    let refused = engine
        .load(&source)
        .expect_err("a stored tuple would mean nothing");
    assert!(
        refused.problems.to_string().contains("agent:x"),
        "{}",
        refused.problems
    );
    engines::write(
        folder.path(),
        &[("policies/bundle.toml", "allow_orphans = true\n")],
    );
    engine.load(&source).expect("it is allowed");
    engines::write(
        folder.path(),
        &[
            ("schemas/m.fga", MODEL),
            ("policies/bundle.toml", ""),
            ("policies/p.cedar", POLICIES),
        ],
    );
    let tuple = "- { user: \"agent:x\", relation: suspended, object: \"platform:main\" }\n";
    engines::write(folder.path(), &[("policies/tuples.yaml", tuple)]);
    let refused = engine.load(&source).expect_err("the key is stored");
    assert!(
        refused
            .problems
            .to_string()
            .contains("platform:main#suspended@agent:x"),
        "{}",
        refused.problems
    );
    let chain = asked("agent", "x", &json!({}), "d", &json!({}));
    assert_eq!(
        engines::verdict(&engines::decide(&engine, &chain, AnswerDepth::Lean)),
        "permit",
        "the last good one decides"
    );
}
