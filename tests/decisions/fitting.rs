//! What a request's values become: by their declared types, exactly, and as conditions on tuples read them.

use behest::engine::Engine;
use behest::model::Depth;
use proptest::prelude::*;
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

fn engine() -> Engine {
    engines::engine(&[("schemas/s.cedarschema", SCHEMA), ("policies/p.cedar", POLICIES)])
}

fn asked(action: &str, context: &Json) -> Json {
    json!({"subject": {"type": "user", "id": "u"}, "action": {"name": action},
           "resource": {"type": "doc", "id": "d"}, "context": context})
}

fn decided(engine: &Engine, action: &str, context: &Json) -> String {
    engines::verdict(&engines::decide(engine, &asked(action, context), Depth::Lean))
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
        assert_eq!(decided(&engine, "read", &json!({"at": text})), "permit", "{text}");
    }
    assert_eq!(decided(&engine, "read", &json!({"at": "2026-10-01T09:00:01.000000+00:00"})), "deny not_permitted");
    for text in ["2026-10-01T09:00:00", "2026-10-01T09:00:60Z", "2026-10-01T09:00:00.0000000001Z", "now", ""] {
        assert_eq!(decided(&engine, "read", &json!({"at": text})), "deny bad_value", "{text}");
    }
}

#[test]
fn what_is_behind_the_millisecond_is_rounded_only_where_nothing_depends_on_it() {
    let engine = engine();
    let at = |text: &str| format!("2026-10-01T{text}Z");
    for (action, context, expected) in [
        // Cut, a forbid that holds would not.
        ("late", json!({"at": at("09:00:00.000000001")}), "deny bad_value"),
        ("late", json!({"at": at("09:00:00.000000000")}), "permit"),
        ("late", json!({"at": at("08:59:59.999999999")}), "permit"),
        ("late", json!({"at": at("08:59:59.998999999")}), "permit"),
        ("late", json!({"at": at("09:00:00.001000001")}), "deny forbidden"),
        ("end", json!({"at": at("08:00:00.123456"), "end": at("09:00:00")}), "permit"),
        ("end", json!({"at": at("08:00:00.123456"), "end": at("09:00:00.654321")}), "permit"),
        ("end", json!({"at": at("09:00:00.000456"), "end": at("09:00:00")}), "deny bad_value"),
        ("end", json!({"at": at("09:00:00.000456"), "end": at("09:00:00.001")}), "permit"),
        // Within one millisecond, which of two comes first is lost by cutting either.
        ("end", json!({"at": at("09:00:00.000456"), "end": at("09:00:00.000123")}), "deny bad_value"),
        ("end", json!({"at": at("09:00:00.000123"), "end": at("09:00:00.000456")}), "deny bad_value"),
        ("end", json!({"at": at("09:00:01.000123"), "end": at("09:00:00.000456")}), "deny not_permitted"),
        ("among", json!({"times": [at("09:00:00"), at("09:30:00.000123")]}), "permit"),
        ("among", json!({"times": [at("09:00:00.000123"), at("09:30:00")]}), "deny bad_value"),
        // What no policy reads matters to nobody.
        ("act", json!({"at": at("09:00:00.000000001")}), "permit"),
    ] {
        assert_eq!(decided(&engine, action, &context), expected, "{action} {context}");
    }
    let asked = asked("late", &json!({"at": at("09:00:00.000000001"), "end": at("09:00:00.1234")}));
    let answer = engines::decide(&engine, &asked, Depth::Explain);
    assert_eq!(
        answer.reason.map(|reason| reason.message).as_deref(),
        Some(
            "`context.at`: more precise than a millisecond, and the decision depends on that: round it where it is sent"
        )
    );
    // With another member there are other legs, and what was converted for the one is not rounded for the other.
    let mut chain = self::asked("among", &json!({"times": [at("09:00:00.000123")]}));
    chain["subject"]["properties"] = json!({"act": {"sub": "bot"}});
    assert_eq!(engines::verdict(&engines::decide(&engine, &chain, Depth::Lean)), "deny bad_value");
}

/// A policy that compares points in time, and what it says of the points themselves, in nanoseconds.
type Comparison = (&'static str, &'static str, fn([i128; 4]) -> bool);

/// Nanoseconds of 09:00:00.
const NINE: i128 = 32_400_000_000_000;
const MS: i128 = 1_000_000;

/// `a`, `b`, `c` and `d` stand for the points in the context, `NINE` for a whole second.
const COMPARISONS: [Comparison; 10] = [
    ("overlap", "a < d && c < b", |[a, b, c, d]| a < d && c < b),
    ("order", "a < b && c < d", |[a, b, c, d]| a < b && c < d),
    ("chain", "a < b && b < c && c < d", |[a, b, c, d]| a < b && b < c && c < d),
    ("window", "a > NINE && a < NINE.offset(duration(\"1ms\"))", |[a, ..]| a > NINE && a < NINE + MS),
    ("branch", "if a < b then c > NINE else d < NINE", |[a, b, c, d]| if a < b { c > NINE } else { d < NINE }),
    ("differ", "a != b && [a, c].containsAll([a, b])", |[a, b, c, _]| a != b && b == c),
    ("same", "a == b || !(c == d)", |[a, b, c, d]| a == b || c != d),
    ("span", "b.durationSince(a) > duration(\"1ms\")", |[a, b, ..]| b - a > MS),
    ("spans", "b.durationSince(a) > d.durationSince(c)", |[a, b, c, d]| b - a > d - c),
    ("either", "a < NINE || (b > c && !(c < d))", |[a, b, c, d]| a < NINE || (b > c && c >= d)),
];

fn compared() -> Engine {
    let mut policies = String::from("@id(\"all\") permit (principal, action, resource);\n");
    for (name, condition, _) in COMPARISONS {
        let mut text = condition.replace("NINE", "datetime(\"1970-01-01T09:00:00Z\")");
        for point in ["a", "b", "c", "d"] {
            let replaced = regex_word(&text, point, &format!("context.{point}"));
            text = replaced;
        }
        policies +=
            &format!("@id(\"{name}\") forbid (principal, action == Action::\"{name}\", resource) when {{ {text} }};\n");
    }
    let names: Vec<&str> = COMPARISONS.iter().map(|(name, ..)| *name).collect();
    let schema = format!(
        "entity user, agent; entity doc;\naction {} appliesTo {{ principal: [user, agent], resource: doc, context: {{ a: datetime, b: \
         datetime, c: datetime, d: datetime }} }};",
        names.join(", ")
    );
    engines::engine(&[("schemas/s.cedarschema", &schema), ("policies/p.cedar", &policies)])
}

/// Replaces a word where it stands alone.
fn regex_word(text: &str, word: &str, by: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '.';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = (rest[..at].chars().next_back(), rest[at + word.len()..].chars().next());
        let is_word = !before.is_some_and(is_part) && !behind.is_some_and(|c| c.is_alphanumeric() || c == '_');
        out += &rest[..at];
        out += if is_word { by } else { word };
        rest = &rest[at + word.len()..];
    }
    out + rest
}

proptest! {
    /// Points that lie close together, some of them whole milliseconds.
    #[test]
    fn no_rounding_permits_what_the_points_themselves_forbid(
        points in prop::array::uniform4((0_i128..4, prop::sample::select(vec![0, 0, 1, 300_000, 600_000, 999_999]))),
    ) {
        thread_local! {
            static ENGINE: Engine = compared();
        }
        let points = points.map(|(ms, nanos)| NINE + (ms - 1) * MS + nanos);
        let text = |point: i128| format!("1970-01-01T{:02}:{:02}:{:02}.{:09}Z", point / 3_600_000_000_000,
            point / 60_000_000_000 % 60, point / 1_000_000_000 % 60, point % 1_000_000_000);
        let [a, b, c, d] = points.map(text);
        for (name, _, holds) in COMPARISONS {
            let context = json!({"a": a, "b": b, "c": c, "d": d});
            let verdict = ENGINE.with(|engine| decided(engine, name, &context));
            if holds(points) {
                prop_assert_ne!(&verdict, "permit", "{} {}", name, context);
            } else if points.iter().all(|point| point % MS == 0) {
                prop_assert_eq!(&verdict, "permit", "{} {}", name, context);
            }
        }
    }
}

#[test]
fn an_explanation_of_what_is_not_settled_names_no_policy_that_decided() {
    let engine = engine();
    let at = "2026-10-01T09:00:00.000000001Z";
    let answer = engines::decide(&engine, &asked("late", &json!({"at": at})), Depth::Explain);
    let legs = answer.explanation.expect("an explanation").legs;
    assert_eq!(legs.iter().map(|leg| leg.determining.len()).collect::<Vec<_>>(), [0]);
    let many: Vec<String> = (1..5).map(|nanos| format!("2026-10-01T09:30:00.00000000{nanos}Z")).collect();
    assert_eq!(decided(&engine, "among", &json!({"times": &many[..3]})), "deny not_permitted");
    let answer = engines::decide(&engine, &asked("among", &json!({"times": many})), Depth::Reason);
    let reason = answer.reason.expect("a reason").message;
    assert!(reason.contains("and there are more than 3: round it where it is sent"), "{reason}");
}

#[test]
fn decimals_and_durations_are_exact_or_nothing() {
    let engine = engine();
    for cost in [json!(0.3), json!("0.3"), json!("0.30"), json!(0.3000)] {
        assert_eq!(decided(&engine, "read", &json!({"cost": cost})), "permit", "{cost}");
    }
    for took in ["1s500ms", "1.5s", "1500ms", "0.025m"] {
        assert_eq!(decided(&engine, "read", &json!({"took": took})), "permit", "{took}");
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
        assert_eq!(decided(&engine, "read", &context), "deny bad_value", "{context}");
    }
    let answer = engines::decide(&engine, &asked("read", &json!({"cost": 0.1 + 0.2})), Depth::Reason);
    let reason = answer.reason.expect("a reason").message;
    assert!(reason.contains("`context.cost`") && reason.contains("at most four decimals"), "{reason}");
    assert!(!reason.contains("0.3"), "a value is never shown: {reason}");
}

#[test]
fn an_address_that_is_mapped_into_ipv6_is_what_it_is() {
    let engine = engine();
    for text in ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203", "0:0:0:0:0:FFFF:0a01:0203", "::ffff:10.0.0.0/104"] {
        assert_eq!(decided(&engine, "act", &json!({"from": text})), "deny forbidden", "{text}");
    }
    for text in ["11.1.2.3", "::ffff:11.1.2.3", "2001:db8::1"] {
        assert_eq!(decided(&engine, "act", &json!({"from": text})), "permit", "{text}");
    }
    for text in ["::ffff:10.1.2", "10.1.2.3/33", "host", "::ffff:10.1.2.3%eth0"] {
        assert_eq!(decided(&engine, "act", &json!({"from": text})), "deny bad_value", "{text}");
    }
}

#[test]
fn a_chain_converts_a_context_once_and_every_leg_sees_it() {
    let engine = engine();
    let chain = |sets: &Json| {
        let agents = (0..7).map(|at| json!({"type": "agent", "id": format!("a{at}")}));
        let before: Vec<Json> = std::iter::once(json!({"type": "user", "id": "u"})).chain(agents).collect();
        let mut body = asked("read", &json!({"sets": sets}));
        body["subject"] = json!({"type": "agent", "id": "a8", "delegation_chain": before});
        body
    };
    let verdict = |sets: &Json| engines::verdict(&engines::decide(&engine, &chain(sets), Depth::Lean));
    assert_eq!(verdict(&json!([[[3, 2], [1]]])), "permit");
    assert_eq!(verdict(&json!([[[3, 2]]])), "deny not_permitted");
    assert_eq!(verdict(&json!([[[3, "2"]]])), "deny bad_value");
    let explained = engines::decide(&engine, &chain(&json!([[[3, 2], [1]]])), Depth::Explain);
    assert_eq!(explained.explanation.expect("it was asked for").legs.len(), 9);
}

#[test]
fn a_reference_says_which_entity_and_nothing_else() {
    let schema = "entity user { level?: Long }; entity doc { owner?: user, seen?: user };
action read appliesTo { principal: user, resource: doc, context: { who?: user, all?: Set<user>, more?: user } };";
    let policies = r#"@id("open") permit (principal, action, resource);
@id("low") forbid (principal, action, resource) when { context has who && context.who has level && context.who.level < 5 };
@id("some") forbid (principal, action, resource) when { context has all && context.all.contains(user::"x") };
@id("own") forbid (principal, action, resource) when { resource has owner && resource.owner == user::"x" };"#;
    let engine = engines::engine(&[("schemas/s.cedarschema", schema), ("policies/p.cedar", policies)]);
    let asked = |context: &Json, properties: &Json| {
        json!({"subject": {"type": "user", "id": "u"}, "action": {"name": "read"}, "context": context,
               "resource": {"type": "doc", "id": "d", "properties": properties}})
    };
    let verdict = |context: &Json, properties: &Json| {
        engines::verdict(&engines::decide(&engine, &asked(context, properties), Depth::Lean))
    };
    let none = json!({});
    for good in [json!("y"), json!({"type": "user", "id": "y"}), json!({"type": "user", "id": "y", "properties": null})]
    {
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
        assert_eq!(verdict(&json!({"who": bad}), &none), "deny bad_value", "{bad}");
        assert_eq!(verdict(&json!({"all": ["y", bad]}), &none), "deny bad_value", "{bad}");
        assert_eq!(verdict(&none, &json!({"owner": bad})), "deny bad_value", "{bad}");
        assert_eq!(verdict(&json!({"more": bad}), &json!({"seen": bad})), "permit", "nothing reads it: {bad}");
    }
    let sent = json!({"type": "user", "id": "y", "properties": {"level": 1}});
    let answer = engines::decide(&engine, &asked(&json!({"more": sent}), &none), Depth::Explain);
    let legs = answer.explanation.expect("it was asked for").legs;
    let dropped = format!("{:?}", legs[0].dropped);
    assert!(dropped.contains("context.more") && dropped.contains("nothing else"), "{dropped}");
}
