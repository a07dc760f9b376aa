//! Which writes end an outcome whose rows are many.

use crate::keys::asked;
use crate::pair::Service;
use crate::world::NOON;
use behest::clock::FixedClock;
use behest::model::TupleKey;
use behest::storage::TupleBatch;
use serde_json::json;
use std::sync::Arc;
use support::engines::write;

/// A document in so many folders that its rows are not named one by one: whatever is written, it is
/// asked anew.
#[test]
fn what_rests_on_too_many_rows_to_name_ends_at_any_write() {
    const FOLDERS: usize = behest::cache::MAX_ROWS + 1;
    let model = "model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user]\n\
        type doc\n  relations\n    define parent: [folder]\n    define viewer: viewer from parent\n";
    let parents: String = (0..FOLDERS)
        .map(|at| {
            format!(
                "{}\n",
                json!({"user": format!("folder:f{at}"), "relation": "parent", "object": "doc:d"})
            )
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            (
                "schemas/s.cedarschema",
                "entity user, folder, doc; action look appliesTo { principal: user, resource: doc };",
            ),
            ("schemas/m.fga", model),
            (
                "policies/p.cedar",
                "@id(\"p\") permit (principal, action, resource) when { principal in resource.viewer };",
            ),
            ("policies/tuples.jsonl", &parents),
        ],
    );
    let service = Service::new(&Arc::new(FixedClock::at(NOON)), true, None);
    service.load(folder.path());
    let ask = || {
        service
            .ask(&asked("look", &json!({}), &json!({}), &json!({})))
            .decision
            .to_string()
    };
    let stored = |key: &str| {
        service
            .write(TupleBatch {
                writes: vec![key.parse::<TupleKey>().unwrap().into()],
                ..TupleBatch::default()
            })
            .unwrap();
    };
    assert_eq!([ask(), ask()], ["deny", "deny"]);
    assert_eq!(service.count("behest_cache_hits_total"), 1);
    stored("folder:elsewhere#viewer@user:somebody");
    assert_eq!(ask(), "deny");
    assert_eq!(
        service.count("behest_cache_stripe_collisions_total"),
        1,
        "which rows were written to cannot be told"
    );
    stored("folder:f4000#viewer@user:u");
    assert_eq!([ask(), ask()], ["permit", "permit"]);
}

/// Among many groups a check looks from the user's side, too: what it did not find there is
/// written.
#[test]
fn a_membership_that_was_looked_for_from_both_sides_ends_a_denial() {
    let folder = tempfile::tempdir().unwrap();
    let model = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user, user:*]\n\
        type doc\n  relations\n    define viewer: [group#member]\n";
    let shared: String = (0..100)
        .map(|at| {
            format!("{}\n", json!({"user": format!("group:g{at}#member"), "relation": "viewer", "object": "doc:d"}))
        })
        .collect();
    write(
        folder.path(),
        &[
            (
                "schemas/s.cedarschema",
                "entity user, group, doc; action look appliesTo { principal: user, resource: doc };",
            ),
            ("schemas/m.fga", model),
            (
                "policies/p.cedar",
                "@id(\"p\") permit (principal, action, resource) when { principal in resource.viewer };",
            ),
            ("policies/tuples.jsonl", &shared),
        ],
    );
    for (at, member) in [(90, "user:u"), (91, "user:*"), (3, "user:u")] {
        let service = Service::new(&Arc::new(FixedClock::at(NOON)), true, None);
        service.load(folder.path());
        let ask = || {
            service
                .ask(&asked("look", &json!({}), &json!({}), &json!({})))
                .decision
                .to_string()
        };
        assert_eq!([ask(), ask()], ["deny", "deny"]);
        assert_eq!(service.count("behest_cache_hits_total"), 1);
        let key: TupleKey = format!("group:g{at}#member@{member}").parse().unwrap();
        service
            .write(TupleBatch {
                writes: vec![key.clone().into()],
                ..TupleBatch::default()
            })
            .unwrap();
        assert_eq!([ask(), ask()], ["permit", "permit"], "{key}");
        service
            .write(TupleBatch {
                deletes: vec![key.clone()],
                ..TupleBatch::default()
            })
            .unwrap();
        assert_eq!(ask(), "deny", "{key}");
    }
}
