//! What a request's values become: by their declared types, exactly, and as conditions on tuples
//! read them.

use behest::engine::Engine;
use behest::model::AnswerDepth;
use serde_json::{Value as Json, json};
use support::engines;

const SCHEMA: &str = "entity user, agent; entity doc { level?: Long };
action read, act, end, late, among appliesTo { principal: [user, agent], resource: doc,
  context: { at?: datetime, end?: datetime, times?: Set<datetime>, from?: ipaddr, cost?: decimal, took?: duration, sets?: Set<Set<Set<Long>>> } };";

const POLICIES: &str = r#"
@id("at") permit (principal, action == Action::"read", resource)
when { context has at && context.at == datetime("2026-10-01T09:00:00Z") };
@id("before") permit (principal, action == Action::"read", resource)
when { context has at && context.at < datetime("2026-10-01T09:00:00.500Z") && datetime("2026-10-01T09:00:00.400Z") < context.at };
@id("inside") permit (principal, action == Action::"read", resource) when { context has cost && context.cost == decimal("0.3") };
@id("took") permit (principal, action == Action::"read", resource) when { context has took && context.took == duration("1s500ms") };
@id("end") permit (principal, action == Action::"end", resource)
when { context has at && context has end && context.at <= context.end };
@id("late") permit (principal, action == Action::"late", resource);
@id("too-late") forbid (principal, action == Action::"late", resource)
when { context has at && context.at > datetime("2026-10-01T09:00:00Z") };
@id("among") permit (principal, action == Action::"among", resource)
when { context has times && context.times.contains(datetime("2026-10-01T09:00:00Z")) };
@id("all") permit (principal, action == Action::"act", resource);
@id("sets") permit (principal, action == Action::"read", resource) when { context has sets && context.sets.contains([[1], [2, 3]]) };
@id("outside") forbid (principal, action == Action::"act", resource)
when { context has from && context.from.isInRange(ip("10.0.0.0/8")) };
"#;

pub(crate) fn engine() -> Engine {
    engines::engine(&[
        ("schemas/s.cedarschema", SCHEMA),
        ("policies/p.cedar", POLICIES),
    ])
}

pub(crate) fn asked(action: &str, context: &Json) -> Json {
    json!({"subject": {"type": "user", "id": "u"}, "action": {"name": action},
           "resource": {"type": "doc", "id": "d"}, "context": context})
}

pub(crate) fn decided(engine: &Engine, action: &str, context: &Json) -> String {
    engines::verdict(&engines::decide(
        engine,
        &asked(action, context),
        AnswerDepth::Lean,
    ))
}

#[test]
fn points_in_time_are_taken_in_every_form_and_mean_the_same() {
    let engine = engine();
    for text in [
        "2026-10-01T09:00:00Z",
        "2026-10-01T09:00:00.000Z",
        "2026-10-01T09:00Z",
        "2026-10-01T11:00:00+02:00",
        "2026-10-01T11:00+0200",
        "2026-10-01T04:30:00.000000000-04:30",
        "2026-10-01T09:00:00.45Z",
        "2026-10-01T09:00:00.450000001Z",
    ] {
        assert_eq!(
            decided(&engine, "read", &json!({"at": text})),
            "permit",
            "{text}"
        );
    }
    assert_eq!(
        decided(
            &engine,
            "read",
            &json!({"at": "2026-10-01T09:00:01.000000+00:00"})
        ),
        "deny not_permitted"
    );
    for text in [
        "2026-10-01T09:00:00",
        "2026-10-01T09:00:60Z",
        "2026-10-01T09:00:00.0000000001Z",
        "now",
        "",
    ] {
        assert_eq!(
            decided(&engine, "read", &json!({"at": text})),
            "deny bad_value",
            "{text}"
        );
    }
}

#[test]
fn decimals_and_durations_are_exact_or_nothing() {
    let engine = engine();
    for cost in [json!(0.3), json!("0.3"), json!("0.30"), json!(0.3000)] {
        assert_eq!(
            decided(&engine, "read", &json!({"cost": cost})),
            "permit",
            "{cost}"
        );
    }
    for took in ["1s500ms", "1.5s", "1500ms", "0.025m"] {
        assert_eq!(
            decided(&engine, "read", &json!({"took": took})),
            "permit",
            "{took}"
        );
    }
    for context in [
        json!({"cost": 0.1 + 0.2}),
        json!({"cost": 0.12345}),
        json!({"cost": "0.12345"}),
        json!({"cost": "a third"}),
        json!({"took": "1500000.5us"}),
        json!({"took": "1ns"}),
        json!({"took": "soon"}),
        json!({"took": 5}),
    ] {
        assert_eq!(
            decided(&engine, "read", &context),
            "deny bad_value",
            "{context}"
        );
    }
    let answer = engines::decide(
        &engine,
        &asked("read", &json!({"cost": 0.1 + 0.2})),
        AnswerDepth::Reason,
    );
    let reason = answer.reason.expect("a reason").message;
    assert!(
        reason.contains("`context.cost`") && reason.contains("at most four decimals"),
        "{reason}"
    );
    assert!(!reason.contains("0.3"), "a value is never shown: {reason}");
}

#[test]
fn an_address_that_is_mapped_into_ipv6_is_what_it_is() {
    let engine = engine();
    for text in [
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "::ffff:a01:203",
        "0:0:0:0:0:FFFF:0a01:0203",
        "::ffff:10.0.0.0/104",
    ] {
        assert_eq!(
            decided(&engine, "act", &json!({"from": text})),
            "deny forbidden",
            "{text}"
        );
    }
    for text in ["11.1.2.3", "::ffff:11.1.2.3", "2001:db8::1"] {
        assert_eq!(
            decided(&engine, "act", &json!({"from": text})),
            "permit",
            "{text}"
        );
    }
    for text in [
        "::ffff:10.1.2",
        "10.1.2.3/33",
        "host",
        "::ffff:10.1.2.3%eth0",
    ] {
        assert_eq!(
            decided(&engine, "act", &json!({"from": text})),
            "deny bad_value",
            "{text}"
        );
    }
}

#[test]
fn a_chain_converts_a_context_once_and_every_leg_sees_it() {
    let engine = engine();
    let chain = |sets: &Json| {
        let agents = (0..7).map(|at| json!({"type": "agent", "id": format!("a{at}")}));
        let before: Vec<Json> = std::iter::once(json!({"type": "user", "id": "u"}))
            .chain(agents)
            .collect();
        let mut body = asked("read", &json!({"sets": sets}));
        body["subject"] = json!({"type": "agent", "id": "a8", "delegation_chain": before});
        body
    };
    let verdict =
        |sets: &Json| engines::verdict(&engines::decide(&engine, &chain(sets), AnswerDepth::Lean));
    assert_eq!(verdict(&json!([[[3, 2], [1]]])), "permit");
    assert_eq!(verdict(&json!([[[3, 2]]])), "deny not_permitted");
    assert_eq!(verdict(&json!([[[3, "2"]]])), "deny bad_value");
    let explained = engines::decide(
        &engine,
        &chain(&json!([[[3, 2], [1]]])),
        AnswerDepth::Explain,
    );
    assert_eq!(
        explained.explanation.expect("it was asked for").legs.len(),
        9
    );
}

#[test]
fn a_reference_says_which_entity_and_nothing_else() {
    let schema = "entity user { level?: Long }; entity doc { owner?: user, seen?: user };
action read appliesTo { principal: user, resource: doc, context: { who?: user, all?: Set<user>, more?: user } };";
    let policies = r#"@id("open") permit (principal, action, resource);
@id("low") forbid (principal, action, resource) when { context has who && context.who has level && context.who.level < 5 };
@id("some") forbid (principal, action, resource) when { context has all && context.all.contains(user::"x") };
@id("own") forbid (principal, action, resource) when { resource has owner && resource.owner == user::"x" };"#;
    let engine = engines::engine(&[
        ("schemas/s.cedarschema", schema),
        ("policies/p.cedar", policies),
    ]);
    let asked = |context: &Json, properties: &Json| {
        json!({"subject": {"type": "user", "id": "u"}, "action": {"name": "read"}, "context": context,
               "resource": {"type": "doc", "id": "d", "properties": properties}})
    };
    let verdict = |context: &Json, properties: &Json| {
        engines::verdict(&engines::decide(
            &engine,
            &asked(context, properties),
            AnswerDepth::Lean,
        ))
    };
    let none = json!({});
    for good in [
        json!("y"),
        json!({"type": "user", "id": "y"}),
        json!({"type": "user", "id": "y", "properties": null}),
    ] {
        assert_eq!(verdict(&json!({"who": good}), &none), "permit", "{good}");
        assert_eq!(verdict(&none, &json!({"owner": good})), "permit", "{good}");
    }
    for bad in [
        json!({"type": "user", "id": "y", "properties": {"level": 1}}),
        json!({"type": "user", "id": "y", "level": 1}),
        json!({"type": "user", "id": "y", "properties": {}}),
        json!({"type": "user", "id": ""}),
        json!(""),
    ] {
        assert_eq!(
            verdict(&json!({"who": bad}), &none),
            "deny bad_value",
            "{bad}"
        );
        assert_eq!(
            verdict(&json!({"all": ["y", bad]}), &none),
            "deny bad_value",
            "{bad}"
        );
        assert_eq!(
            verdict(&none, &json!({"owner": bad})),
            "deny bad_value",
            "{bad}"
        );
        assert_eq!(
            verdict(&json!({"more": bad}), &json!({"seen": bad})),
            "permit",
            "nothing reads it: {bad}"
        );
    }
    let sent = json!({"type": "user", "id": "y", "properties": {"level": 1}});
    let answer = engines::decide(
        &engine,
        &asked(&json!({"more": sent}), &none),
        AnswerDepth::Explain,
    );
    let legs = answer.explanation.expect("it was asked for").legs;
    let dropped = format!("{:?}", legs[0].dropped);
    assert!(
        dropped.contains("context.more") && dropped.contains("nothing else"),
        "{dropped}"
    );
}
