//! Words of denials: what is kept says what an evaluation would say, to the last word.

use crate::pair::{Service, told};
use crate::world::NOON;
use behest::clock::FixedClock;
use behest::model::TupleKey;
use behest::storage::TupleBatch;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::engines::write;

fn services() -> [Service; 2] {
    let clock = Arc::new(FixedClock::at(NOON));
    [true, false].map(|cache| Service::new(&clock, cache, None))
}

/// Asks both, and returns what they say.
fn same(services: &[Service; 2], question: &Json) -> String {
    let [kept, evaluated] = services
        .each_ref()
        .map(|service| told(&service.ask(question)));
    assert_eq!(kept, evaluated, "kept, evaluated\n{question}");
    evaluated
}

/// A value that does not fit is told by where it was sent, which nothing else in the key of such a
/// leg tells apart.
#[test]
fn a_value_that_does_not_fit_is_told_where_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            (
                "schemas/s.cedarschema",
                "entity user, doc;\nentity agent { t?: Bool };\naction read appliesTo { principal: [user, agent], resource: doc };\n",
            ),
            (
                "policies/p.cedar",
                "@id(\"people\") permit (principal is user, action, resource);\n\
                 @id(\"agents\") permit (principal is agent, action, resource) when { principal has t && principal.t };\n",
            ),
        ],
    );
    let ask = |who: Json, context: Json| json!({"subject": who, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"}, "context": context});
    let agent = json!({"type": "agent", "id": "b", "properties": {"t": 5}});
    let alone = ask(agent.clone(), json!({}));
    let acting = ask(
        json!({"type": "user", "id": "ann"}),
        json!({"agent": agent}),
    );
    for order in [[&alone, &acting, &alone], [&acting, &alone, &acting]] {
        let services = services();
        services
            .iter()
            .for_each(|service| service.load(folder.path()));
        for question in order {
            let member = if *question == alone {
                "`subject.properties.t`"
            } else {
                "`actor.properties.t`"
            };
            let told = same(&services, question);
            assert!(told.contains(member), "{told}");
        }
        assert!(services[0].count("behest_cache_hits_total") > 0);
    }
}

/// A tuple of a relation that the model no longer has is a row that no answer notes: it must say
/// nothing either.
#[test]
fn a_tuple_of_no_relation_makes_nobody_known() {
    let folder = tempfile::tempdir().unwrap();
    let model = |more: &str| {
        format!(
            "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n{more}"
        )
    };
    let files = |root: &str, model: &str| {
        let files = [
            ("policies/bundle.toml", "allow_orphans = true\n"),
            (
                "policies/entities.json",
                r#"[{"uid": {"type": "doc", "id": "known"}, "attrs": {}, "parents": []}]"#,
            ),
            (
                "policies/p.cedar",
                "@id(\"p\") permit (principal, action, resource) when { principal in resource.viewer };\n",
            ),
            ("schemas/m.fga", model),
            (
                "schemas/s.cedarschema",
                "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n",
            ),
        ];
        let root = folder.path().join(root);
        write(&root, &files);
        root
    };
    let (before, after) = (
        files("before", &model("    define old: [user]\n")),
        files("after", &model("")),
    );
    let services = services();
    let batch = |writes: &[&str], deletes: &[&str]| TupleBatch {
        writes: writes
            .iter()
            .map(|key| key.parse::<TupleKey>().unwrap().into())
            .collect(),
        deletes: deletes.iter().map(|key| key.parse().unwrap()).collect(),
        ..TupleBatch::default()
    };
    let question = json!({"subject": {"type": "user", "id": "b"}, "action": {"name": "read"},
        "resource": {"type": "doc", "id": "x"}});
    let write = |writes: &[&str], deletes: &[&str]| {
        for service in &services {
            service.write(batch(writes, deletes)).unwrap();
        }
    };
    services.iter().for_each(|service| service.load(&before));
    write(&["doc:x#old@user:a"], &[]);
    services.iter().for_each(|service| service.load(&after));
    let unknown = |told: String| assert!(told.contains("nobody knows `doc:x`"), "{told}");
    unknown(same(&services, &question));
    write(&[], &["doc:x#old@user:a"]);
    unknown(same(&services, &question));
    write(&["doc:x#viewer@user:a"], &[]);
    assert!(!same(&services, &question).contains("nobody knows"));
    write(&[], &["doc:x#viewer@user:a"]);
    unknown(same(&services, &question));
}
