//! Points in time that are finer than a millisecond: rounded only where nothing depends on it.

use crate::fitting::{asked, decided, engine};
use behest::engine::Engine;
use behest::model::AnswerDepth;
use proptest::prelude::*;
use serde_json::json;
use std::fmt::Write as _;
use support::engines;

#[test]
fn what_is_behind_the_millisecond_is_rounded_only_where_nothing_depends_on_it() {
    let engine = engine();
    let at = |text: &str| format!("2026-10-01T{text}Z");
    for (action, context, expected) in [
        // Cut, a forbid that holds would not.
        (
            "late",
            json!({"at": at("09:00:00.000000001")}),
            "deny bad_value",
        ),
        ("late", json!({"at": at("09:00:00.000000000")}), "permit"),
        ("late", json!({"at": at("08:59:59.999999999")}), "permit"),
        ("late", json!({"at": at("08:59:59.998999999")}), "permit"),
        (
            "late",
            json!({"at": at("09:00:00.001000001")}),
            "deny forbidden",
        ),
        (
            "end",
            json!({"at": at("08:00:00.123456"), "end": at("09:00:00")}),
            "permit",
        ),
        (
            "end",
            json!({"at": at("08:00:00.123456"), "end": at("09:00:00.654321")}),
            "permit",
        ),
        (
            "end",
            json!({"at": at("09:00:00.000456"), "end": at("09:00:00")}),
            "deny bad_value",
        ),
        (
            "end",
            json!({"at": at("09:00:00.000456"), "end": at("09:00:00.001")}),
            "permit",
        ),
        // Within one millisecond, which of two comes first is lost by cutting either.
        (
            "end",
            json!({"at": at("09:00:00.000456"), "end": at("09:00:00.000123")}),
            "deny bad_value",
        ),
        (
            "end",
            json!({"at": at("09:00:00.000123"), "end": at("09:00:00.000456")}),
            "deny bad_value",
        ),
        (
            "end",
            json!({"at": at("09:00:01.000123"), "end": at("09:00:00.000456")}),
            "deny not_permitted",
        ),
        (
            "among",
            json!({"times": [at("09:00:00"), at("09:30:00.000123")]}),
            "permit",
        ),
        (
            "among",
            json!({"times": [at("09:00:00.000123"), at("09:30:00")]}),
            "deny bad_value",
        ),
        // What no policy reads matters to nobody.
        ("act", json!({"at": at("09:00:00.000000001")}), "permit"),
    ] {
        assert_eq!(
            decided(&engine, action, &context),
            expected,
            "{action} {context}"
        );
    }
    let asked = asked(
        "late",
        &json!({"at": at("09:00:00.000000001"), "end": at("09:00:00.1234")}),
    );
    let answer = engines::decide(&engine, &asked, AnswerDepth::Explain);
    assert_eq!(
        answer.reason.map(|reason| reason.message).as_deref(),
        Some(
            "`context.at`: more precise than a millisecond, and the decision depends on that: round it where it is sent"
        )
    );
    // With another member there are other legs, and what was converted for the one is not rounded
    // for the other.
    let mut chain = self::asked("among", &json!({"times": [at("09:00:00.000123")]}));
    chain["subject"]["properties"] = json!({"act": {"sub": "bot"}});
    assert_eq!(
        engines::verdict(&engines::decide(&engine, &chain, AnswerDepth::Lean)),
        "deny bad_value"
    );
}

/// A policy that compares points in time, and what it says of the points themselves, in
/// nanoseconds.
type Comparison = (&'static str, &'static str, fn([i128; 4]) -> bool);

/// Nanoseconds of 09:00:00.
const NINE: i128 = 32_400_000_000_000;

const MS: i128 = 1_000_000;

const DAY: i128 = 86_400_000 * MS;

/// `a`, `b`, `c` and `d` stand for the points in the context, `NINE` for a whole second.
const COMPARISONS: [Comparison; 18] = [
    ("overlap", "a < d && c < b", |[a, b, c, d]| a < d && c < b),
    ("order", "a < b && c < d", |[a, b, c, d]| a < b && c < d),
    ("chain", "a < b && b < c && c < d", |[a, b, c, d]| {
        a < b && b < c && c < d
    }),
    (
        "window",
        "a > NINE && a < NINE.offset(duration(\"1ms\"))",
        |[a, ..]| a > NINE && a < NINE + MS,
    ),
    (
        "branch",
        "if a < b then c > NINE else d < NINE",
        |[a, b, c, d]| if a < b { c > NINE } else { d < NINE },
    ),
    (
        "differ",
        "a != b && [a, c].containsAll([a, b])",
        |[a, b, c, _]| a != b && b == c,
    ),
    ("same", "a == b || !(c == d)", |[a, b, c, d]| {
        a == b || c != d
    }),
    (
        "span",
        "b.durationSince(a) > duration(\"1ms\")",
        |[a, b, ..]| b - a > MS,
    ),
    (
        "spans",
        "b.durationSince(a) > d.durationSince(c)",
        |[a, b, c, d]| b - a > d - c,
    ),
    (
        "either",
        "a < NINE || (b > c && !(c < d))",
        |[a, b, c, d]| a < NINE || (b > c && c >= d),
    ),
    // Below zero for parts of a millisecond alone.
    (
        "product",
        "b.durationSince(a).toMilliseconds() * (b.durationSince(a).toMilliseconds() - 1) < 0",
        |[a, b, ..]| a < b && b < a + MS,
    ),
    // A day ends at nine.
    (
        "evening",
        "a.offset(duration(\"15h\")).toTime() > duration(\"23h59m59s999ms\")",
        |[a, ..]| NINE - MS < a && a < NINE,
    ),
    (
        "night",
        "a.offset(duration(\"15h\")) > a.offset(duration(\"15h\")).toDate().offset(duration(\"86399999ms\"))",
        |[a, ..]| NINE - MS < a && a < NINE,
    ),
    (
        "before",
        "a.offset(duration(\"15h\")).toDate().offset(duration(\"1d\")).durationSince(a.offset(duration(\"15h\"))) \
         < duration(\"1ms\")",
        |[a, ..]| NINE - MS < a && a < NINE,
    ),
    (
        "later",
        "a.durationSince(a.offset(duration(\"15h\")).toDate()) > b.durationSince(b.offset(duration(\"15h\")).toDate())",
        |[a, b, ..]| {
            let since = |at: i128| at - if at < NINE { 0 } else { DAY };
            since(a) > since(b)
        },
    ),
    (
        "twice",
        "NINE.offset(a.durationSince(NINE)).offset(a.durationSince(NINE)) == NINE.offset(duration(\"1ms\"))",
        |[a, ..]| 2 * (a - NINE) == MS,
    ),
    (
        "middle",
        "a.durationSince(NINE) == NINE.offset(duration(\"1ms\")).durationSince(b)",
        |[a, b, ..]| a - NINE == NINE + MS - b,
    ),
    // Numbers are cut towards zero.
    (
        "cut",
        "a.durationSince(NINE).toMilliseconds() <= \
         a.durationSince(NINE.offset(duration(\"1ms\"))).toMilliseconds()",
        |[a, ..]| (a - NINE) / MS <= (a - NINE - MS) / MS,
    ),
];

fn compared() -> Engine {
    let mut policies = String::from("@id(\"all\") permit (principal, action, resource);\n");
    for (name, condition, _) in COMPARISONS {
        let mut text = condition.replace("NINE", "datetime(\"1970-01-01T09:00:00Z\")");
        for point in ["a", "b", "c", "d"] {
            let replaced = regex_word(&text, point, &format!("context.{point}"));
            text = replaced;
        }
        let scope = format!("principal, action == Action::\"{name}\", resource");
        writeln!(
            policies,
            "@id(\"{name}\") forbid ({scope}) when {{ {text} }};"
        )
        .unwrap();
    }
    let names: Vec<&str> = COMPARISONS.iter().map(|(name, ..)| *name).collect();
    let schema = format!(
        "entity user, agent; entity doc;\naction {} appliesTo {{ principal: [user, agent], resource: doc, context: {{ a: datetime, b: \
         datetime, c: datetime, d: datetime }} }};",
        names.join(", ")
    );
    engines::engine(&[
        ("schemas/s.cedarschema", &schema),
        ("policies/p.cedar", &policies),
    ])
}

/// Replaces a word where it stands alone.
fn regex_word(text: &str, word: &str, by: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '.';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = (
            rest[..at].chars().next_back(),
            rest[at + word.len()..].chars().next(),
        );
        let is_word = !before.is_some_and(is_part)
            && !behind.is_some_and(|c| c.is_alphanumeric() || c == '_');
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
        points in prop::array::uniform4((0_i128..4, prop::sample::select(vec![0, 0, 1, 300_000, 500_000, 500_000, 999_999]))),
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
    let answer = engines::decide(
        &engine,
        &asked("late", &json!({"at": at})),
        AnswerDepth::Explain,
    );
    let legs = answer.explanation.expect("an explanation").legs;
    assert_eq!(
        legs.iter()
            .map(|leg| leg.determining.len())
            .collect::<Vec<_>>(),
        [0]
    );
    let many: Vec<String> = (1..5)
        .map(|nanos| format!("2026-10-01T09:30:00.00000000{nanos}Z"))
        .collect();
    assert_eq!(
        decided(&engine, "among", &json!({"times": &many[..3]})),
        "deny not_permitted"
    );
    let answer = engines::decide(
        &engine,
        &asked("among", &json!({"times": many})),
        AnswerDepth::Reason,
    );
    let reason = answer.reason.expect("a reason").message;
    assert!(
        reason.contains("and there are more than 3: round it where it is sent"),
        "{reason}"
    );
}

const WIDE: &str = "entity user, agent; entity doc;
action read, seen, big, item appliesTo { principal: [user, agent], resource: doc, context: {
  at?: datetime, times?: Set<datetime>, arguments?: { at?: datetime, items?: Set<String> } } };";

const WIDE_POLICIES: &str = r#"
@id("all") permit (principal, action, resource);
@id("overflow") forbid (principal, action == Action::"read", resource)
when { context has at && [context.at.offset(duration("9223372036854775807ms"))].isEmpty() };
@id("unseen") forbid (principal, action == Action::"seen", resource)
when { context has times && context.times.isEmpty() };
@id("old") forbid (principal, action == Action::"big", resource)
when { context has times && context.times.contains(datetime("1999-01-01")) };
@id("item") forbid (principal, action == Action::"item", resource)
when { context has arguments.items && context.arguments.items.contains("none") };
@id("late") forbid (principal, action == Action::"item", resource)
when { context has arguments.at && context.arguments.at < datetime("1999-01-01") };
"#;

fn wide() -> Engine {
    engines::engine(&[
        ("schemas/s.cedarschema", WIDE),
        ("policies/p.cedar", WIDE_POLICIES),
    ])
}

/// Times, the last of which are finer than a millisecond.
fn times(count: usize, finer: usize) -> Vec<String> {
    let whole = (0..count - finer).map(|at| {
        format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}Z",
            1 + at / 86_400,
            at / 3_600 % 24,
            at / 60 % 60,
            at % 60
        )
    });
    let finer = (0..finer).map(|at| format!("2027-01-01T00:00:0{at}.0005Z"));
    whole.chain(finer).collect()
}

#[test]
fn what_fails_one_way_only_is_not_settled() {
    let engine = wide();
    for (at, expected) in [
        ("1970-01-01T00:00:00Z", "permit"),
        ("1970-01-01T00:00:00.0004Z", "deny bad_value"),
        ("1970-01-01T00:00:00.001Z", "deny policy_error"),
        ("1970-01-01T00:00:00.0014Z", "deny policy_error"),
    ] {
        let found = decided(&engine, "read", &json!({"at": at}));
        assert_eq!(found, expected, "{at}");
    }
}

#[test]
fn who_compares_no_point_takes_any_number_of_them() {
    let engine = wide();
    let context = json!({"times": times(2_000, 9)});
    assert_eq!(decided(&engine, "seen", &context), "permit");
}

#[test]
fn what_is_too_much_to_read_in_several_ways_is_refused() {
    let engine = wide();
    for (count, finer, expected) in [
        (30_000, 0, "permit"),
        (200, 3, "permit"),
        (900, 1, "permit"),
        (1_500, 3, "deny bad_value"),
        (9_000, 1, "deny bad_value"),
    ] {
        let context = json!({"times": times(count, finer)});
        let found = decided(&engine, "big", &context);
        assert_eq!(found, expected, "{count} times, {finer} of them finer");
    }
    let context = json!({"times": times(9_000, 1)});
    let answer = engines::decide(&engine, &asked("big", &context), AnswerDepth::Reason);
    let reason = answer.reason.expect("a reason").message;
    assert!(
        reason.contains("`context.times`") && reason.contains("too many values"),
        "{reason}"
    );
    // However much stands beside a point, it is not read again.
    let items: Vec<String> = (0..20_000).map(|at| format!("item {at}")).collect();
    let context = json!({"arguments": {"at": "2026-01-01T00:00:00.0005Z", "items": items}});
    assert_eq!(decided(&engine, "item", &context), "permit");
}
