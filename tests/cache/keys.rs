//! Which requests share an outcome, and which do not: seen in what is counted.

use crate::pair::Service;
use crate::world::NOON;
use behest::clock::FixedClock;
use behest::storage::TupleBatch;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::engines::write;

const SCHEMA: &str = r#"
entity user { level?: Long, profile?: { rank?: Long, note?: String }, boss?: user, @stored vip?: Bool };
entity agent;
entity doc { price?: decimal };
action read appliesTo { principal: [user, agent], resource: doc, context: {
  arguments?: { amount?: Long, note?: String }, limit?: Long, request_id?: String, until?: datetime } };
action look appliesTo { principal: [user, agent], resource: doc };
action wait appliesTo { principal: [user, agent], resource: doc };
"#;

const POLICIES: &str = r#"
@id("agents") permit (principal is agent, action == Action::"read", resource) when { context.delegation.depth < 9 };
@id("amount") permit (principal is user, action == Action::"read", resource) when { context has arguments.amount && context.arguments.amount < 5 };
@id("level") permit (principal is user, action == Action::"read", resource) when { principal has level && principal.level > 2 };
@id("rank") permit (principal is user, action == Action::"read", resource) when { principal has profile.rank && principal.profile.rank > 2 };
@id("boss") permit (principal is user, action == Action::"read", resource) when { principal has boss && principal.boss == resource.owner };
@id("price") permit (principal is user, action == Action::"read", resource) when { resource has price && resource.price.lessThan(decimal("1.5")) };
@id("vip") permit (principal is user, action == Action::"read", resource) when { principal has vip && principal.vip };
@id("viewer") permit (principal, action == Action::"look", resource) when { principal in resource.viewer };
@id("early") permit (principal, action == Action::"wait", resource) when { context.now < datetime("2026-06-01T12:00:05Z") };
"#;

const MODEL: &str = "model
  schema 1.1
type user
type agent
type doc
  relations
    define viewer: [user with small]
condition small(limit: int, most: int, current_time: timestamp) {
  limit < most
}
";

fn service(clock: &Arc<FixedClock>) -> (Service, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let schema = SCHEMA.replace("entity doc { price", "entity doc { owner?: user, price");
    let policies = POLICIES.replace(
        "principal.boss == resource.owner",
        "resource has owner && principal.boss == resource.owner",
    );
    write(
        folder.path(),
        &[
            ("policies/bundle.toml", "[types]\nidentity = \"user\"\n"),
            ("policies/p.cedar", &policies),
            ("schemas/m.fga", MODEL),
            ("schemas/s.cedarschema", &schema),
        ],
    );
    let service = Service::new(clock, true, None);
    service.load(folder.path());
    (service, folder)
}

pub(crate) fn asked(action: &str, properties: &Json, of_doc: &Json, context: &Json) -> Json {
    json!({"subject": {"type": "user", "id": "u", "properties": properties}, "action": {"name": action},
           "resource": {"type": "doc", "id": "d", "properties": of_doc}, "context": context})
}

/// Whether the second question finds the outcome of the first.
fn shares(first: &Json, second: &Json) -> bool {
    let (service, _folder) = service(&Arc::new(FixedClock::at(NOON)));
    let (before, after) = (service.ask(first), service.count("behest_cache_hits_total"));
    let answer = service.ask(second);
    let shared = service.count("behest_cache_hits_total") > after;
    if shared {
        assert_eq!(
            (before.decision, before.reason),
            (answer.decision, answer.reason)
        );
    }
    shared
}

#[test]
fn what_no_policy_reads_does_not_tell_requests_apart() {
    let none = json!({});
    let plain = asked("read", &none, &none, &none);
    let amount = |amount: Json, note: &str| {
        asked(
            "read",
            &none,
            &none,
            &json!({"arguments": {"amount": amount, "note": note}}),
        )
    };
    for (first, second) in [
        (
            plain.clone(),
            asked(
                "read",
                &none,
                &none,
                &json!({"request_id": "7", "limit": 3, "other": [1]}),
            ),
        ),
        (
            plain.clone(),
            asked(
                "read",
                &json!({"rank": 1, "level": null, "vip": true}),
                &none,
                &json!({"arguments": null}),
            ),
        ),
        (amount(json!(4), "a"), amount(json!(4.0), "b")),
        (
            asked("read", &json!({"level": 5}), &none, &none),
            asked("read", &json!({"level": 5.0}), &none, &none),
        ),
        (
            asked("read", &none, &json!({"price": 1.4}), &none),
            asked("read", &none, &json!({"price": 1.40}), &none),
        ),
        (
            asked(
                "read",
                &json!({"profile": {"rank": 1, "note": "a"}}),
                &none,
                &none,
            ),
            asked("read", &json!({"profile": {"rank": 1}}), &none, &none),
        ),
        (
            asked("look", &none, &none, &none),
            asked(
                "look",
                &json!({"level": 5}),
                &json!({"price": 1}),
                &json!({"until": "x"}),
            ),
        ),
    ] {
        assert!(shares(&first, &second), "{first}\n{second}");
    }
}

#[test]
fn what_a_policy_reads_does() {
    let none = json!({});
    let plain = asked("read", &none, &none, &none);
    let with = |arguments: Json| asked("read", &none, &none, &json!({"arguments": arguments}));
    let level = |level: Json| asked("read", &json!({"level": level}), &none, &none);
    let price = |price: f64| asked("read", &none, &json!({"price": price}), &none);
    let mut other = plain.clone();
    other["subject"]["type"] = json!("identity");
    for (first, second) in [
        (plain.clone(), other),
        (plain.clone(), with(json!({}))),
        (with(json!({})), with(json!({"amount": 1}))),
        (with(json!({"amount": 1})), with(json!({"amount": 2}))),
        (with(json!(1)), with(json!({"amount": 1}))),
        (with(json!("1")), with(json!(1))),
        (level(json!(1)), level(json!("1"))),
        (level(json!(1)), level(json!([1]))),
        (level(json!(true)), level(json!("true"))),
        (plain.clone(), level(json!(2))),
        (plain.clone(), price(1.4)),
        (price(1.4), price(1.6)),
        (
            asked("look", &none, &none, &none),
            asked("look", &none, &none, &json!({"limit": 1})),
        ),
        (
            asked("look", &none, &none, &json!({"limit": 1})),
            asked("look", &none, &none, &json!({"limit": 1.0})),
        ),
        (
            asked("look", &none, &none, &none),
            asked("look", &none, &none, &json!({"limit": null})),
        ),
    ] {
        assert!(!shares(&first, &second), "{first}\n{second}");
    }
}

/// The model spells a type of a namespace otherwise than Cedar does: `Lab/doc` for `Lab::doc`.
#[test]
fn a_conditions_parameters_tell_questions_apart_in_a_namespace_too() {
    let folder = tempfile::tempdir().unwrap();
    let model = "model\n  schema 1.1\ntype user\ntype Lab/team\n  relations\n    define member: [user with small]\n\
        type Lab/doc\n  relations\n    define owner: [Lab/team]\n    define viewer: [user with small] or member from owner\n\
        condition small(limit: int) {\n  limit < 3\n}\n";
    let small = |user: &str, relation: &str, object: &str| {
        let condition = if user == "user:u" {
            json!({"name": "small"})
        } else {
            Json::Null
        };
        format!(
            "{}\n",
            json!({"user": user, "relation": relation, "object": object, "condition": condition})
        )
    };
    let tuples = [
        small("user:u", "viewer", "Lab/doc:d"),
        small("user:u", "member", "Lab/team:t"),
        small("Lab/team:t", "owner", "Lab/doc:e"),
    ];
    write(
        folder.path(),
        &[
            (
                "schemas/s.cedarschema",
                "entity user; namespace Lab { entity team, doc; }\naction look, ask appliesTo { principal: user, resource: Lab::doc };",
            ),
            ("schemas/m.fga", model),
            (
                "policies/p.cedar",
                "@id(\"p\") permit (principal, action == Action::\"look\", resource) when { principal in resource.viewer };\n\
                 @id(\"q\") permit (principal, action == Action::\"ask\", resource) when { principal in Userset::\"Lab/doc:d#viewer\" };",
            ),
            ("policies/tuples.jsonl", &tuples.concat()),
        ],
    );
    let service = Service::new(&Arc::new(FixedClock::at(NOON)), true, None);
    service.load(folder.path());
    for (action, id) in [("look", "d"), ("look", "e"), ("ask", "other")] {
        let decided = [1, 5, 9, 2].map(|limit| {
            let mut body = asked(action, &json!({}), &json!({}), &json!({"limit": limit}));
            body["resource"] = json!({"type": "Lab::doc", "id": id});
            service.ask(&body).decision.to_string()
        });
        assert_eq!(
            decided,
            ["permit", "deny", "deny", "permit"],
            "{action} {id}"
        );
    }
}

#[test]
fn a_users_leg_is_kept_once_for_all_agents_and_each_agents_by_whom_it_acts_for() {
    let (service, _folder) = service(&Arc::new(FixedClock::at(NOON)));
    let hits = || service.count("behest_cache_hits_total");
    let asked = |user: &str, agent: &str| {
        let mut body = asked("read", &json!({}), &json!({}), &json!({}));
        body["subject"] = json!({"type": "agent", "id": agent, "properties": {},
            "delegation_chain": [{"type": "user", "id": user}]});
        body["context"] = json!({"arguments": {"amount": 1}});
        service.ask(&body);
    };
    asked("alice", "a");
    assert_eq!(hits(), 0);
    asked("alice", "b");
    assert_eq!(hits(), 1, "alice's leg");
    asked("alice", "b");
    assert_eq!(hits(), 3, "both legs");
    asked("bob", "b");
    assert_eq!(hits(), 3, "the agent acts for somebody else");
}

#[test]
fn explaining_and_what_is_off_keep_nothing() {
    let clock = Arc::new(FixedClock::at(NOON));
    let (service, folder) = service(&clock);
    let body = asked("read", &json!({"level": 3}), &json!({}), &json!({}));
    let ask = behest::engine::Ask {
        caller: "anonymous",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth: behest::model::AnswerDepth::Explain,
        arguments: behest::model::Arguments::Known,
        evidence: None,
    };
    for _ in 0..2 {
        service
            .engine
            .decide(&ask, &support::values::request(&body))
            .unwrap();
    }
    let off = Service::new(&clock, false, None);
    off.load(folder.path());
    off.ask(&body);
    off.ask(&body);
    for service in [&service, &off] {
        assert_eq!(service.count("behest_cache_hits_total"), 0);
        assert_eq!(
            service.count("behest_cache_misses_total{cause=\"absent\"}"),
            0
        );
        assert_eq!(service.count("behest_cache_bytes"), 0);
    }
}

#[test]
fn time_is_kept_up_to_what_it_is_compared_with() {
    let clock = Arc::new(FixedClock::at(NOON));
    let (service, _folder) = service(&clock);
    let wait = |at: i64| {
        clock.set(NOON + at);
        let before = service.count("behest_cache_hits_total");
        let answer = service.ask(&asked("wait", &json!({}), &json!({}), &json!({})));
        (
            answer.decision.to_string(),
            service.count("behest_cache_hits_total") > before,
        )
    };
    let (permit, deny) = (
        |hit| ("permit".to_owned(), hit),
        |hit| ("deny".to_owned(), hit),
    );
    assert_eq!(wait(0), permit(false));
    assert_eq!(wait(4_999), permit(true));
    assert_eq!(wait(5_000), deny(false), "equal: not kept");
    assert_eq!(wait(5_000), deny(false));
    assert_eq!(wait(5_001), deny(false));
    assert_eq!(wait(9_000_000), deny(true));
    assert_eq!(wait(4_000), permit(false), "before it was evaluated");
    assert_eq!(wait(3_999), permit(false));
}

#[test]
fn a_new_bundle_begins_anew() {
    let (service, folder) = service(&Arc::new(FixedClock::at(NOON)));
    let ask = |level: i64| {
        let before = service.count("behest_cache_hits_total");
        let answer = service.ask(&asked(
            "read",
            &json!({"level": level}),
            &json!({}),
            &json!({}),
        ));
        (
            answer.decision.to_string(),
            service.count("behest_cache_hits_total") > before,
        )
    };
    assert_eq!(ask(3), ("permit".to_owned(), false));
    assert_eq!(ask(3), ("permit".to_owned(), true));
    // It reads what the one before did, and decides otherwise.
    std::fs::write(
        folder.path().join("policies/q.cedar"),
        "@id(\"q\") forbid (principal, action, resource);",
    )
    .unwrap();
    service.load(folder.path());
    assert_eq!(ask(3), ("deny".to_owned(), false));
    assert_eq!(ask(3), ("deny".to_owned(), true));
}

#[test]
fn a_write_to_another_row_costs_nothing() {
    let (service, _folder) = service(&Arc::new(FixedClock::at(NOON)));
    let body = asked("look", &json!({}), &json!({}), &json!({"limit": 1}));
    service.ask(&body);
    for at in 0..100 {
        let tuple = format!("doc:other{at}#viewer@user:somebody{at}");
        let small = behest::model::TupleCondition {
            name: "small".into(),
            context: behest::model::Record::new(),
        };
        let key = tuple.parse().unwrap();
        let tuple = behest::model::Tuple {
            key,
            condition: Some(Arc::new(small)),
        };
        service
            .write(TupleBatch {
                writes: vec![tuple],
                ..TupleBatch::default()
            })
            .unwrap();
        service.ask(&body);
    }
    let collisions = service.count("behest_cache_stripe_collisions_total");
    assert_eq!(service.count("behest_cache_hits_total"), 100 - collisions);
    assert_eq!(
        service.count("behest_cache_misses_total{cause=\"stale\"}"),
        collisions
    );
}

#[test]
fn what_some_arguments_could_be_permitted_is_never_taken_for_a_call() {
    use behest::model::{AnswerDepth, Arguments, Decision};
    let (service, _folder) = service(&Arc::new(FixedClock::at(NOON)));
    let request = support::values::request(&asked("read", &json!({}), &json!({}), &json!({})));
    let decide = |arguments| {
        let ask = behest::engine::Ask {
            caller: "anonymous",
            request_id: None,
            trace_id: None,
            require_actor: false,
            depth: AnswerDepth::Lean,
            arguments,
            evidence: None,
        };
        service.engine.decide(&ask, &request).unwrap().decision
    };
    for _ in 0..2 {
        assert_eq!(
            (decide(Arguments::Known), decide(Arguments::Unknown)),
            (Decision::Deny, Decision::Permit)
        );
    }
    assert_eq!(
        service.count("behest_cache_hits_total"),
        2,
        "each is kept, apart from the other"
    );
}

/// Whether a number is too long is told of its spelling, and most keys hold what it denotes: a
/// question must not find what became of another spelling, whichever was asked first.
#[test]
fn a_number_that_is_too_long_is_not_answered_as_its_short_spelling() {
    let clock = Arc::new(FixedClock::at(NOON));
    let zeros = "0".repeat(300);
    for (place, short) in [("amount", "4"), ("level", "4"), ("price", "1")] {
        let long = [
            format!("{short}.{zeros}"),
            format!("{short}e{zeros}"),
            format!("0.{short}e{zeros}1"),
        ];
        for long in &long {
            for order in [[short, long], [long, short]] {
                let (cached, folder) = service(&clock);
                let off = Service::new(&clock, false, None);
                off.load(folder.path());
                for digits in order {
                    let request = with_number(place, digits);
                    let [one, other] = [&cached, &off].map(|service| decided(service, &request));
                    assert_eq!(one, other, "{place} {digits}");
                    assert_eq!(one == "permit", digits == short, "{place} {digits}: {one}");
                }
            }
        }
    }
}

/// A question with a number, by its digits: JSON as tests have it would write them its own way.
fn with_number(place: &str, digits: &str) -> behest::model::Request {
    use behest::model::{Number, Record, Value};
    let record = |name: &str, value| Record::from_iter([(name.into(), value)]);
    let none = json!({});
    let mut request = support::values::request(&asked("read", &none, &none, &none));
    let number = record(place, Value::Number(Number::parse(digits).unwrap()));
    match place {
        "amount" => request.context = record("arguments", Value::Record(number)),
        "level" => request.subject.insert("properties", Value::Record(number)),
        _ => request.resource.properties = number,
    }
    request
}

fn decided(service: &Service, request: &behest::model::Request) -> String {
    let ask = behest::engine::Ask {
        caller: "anonymous",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth: behest::model::AnswerDepth::Reason,
        arguments: behest::model::Arguments::Known,
        evidence: None,
    };
    let answer = service.engine.decide(&ask, request).unwrap();
    support::engines::verdict(&answer)
}
