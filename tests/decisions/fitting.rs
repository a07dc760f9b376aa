//! What a request's values become: by their declared types, exactly, and as conditions on tuples
//! read them.

use behest::engine::Engine;
use behest::model::AnswerDepth;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use support::dice::Dice;
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

/// The types that an argument is declared with, and a value of each that no test sends.
const ARGUMENT_TYPES: [(&str, &str, &str); 7] = [
    ("long", "Long", "987654321"),
    ("text", "String", "\"nowhere\""),
    ("bool", "Bool", "!context.arguments.x"),
    ("cost", "decimal", "decimal(\"987654.3211\")"),
    ("texts", "Set<String>", "[\"nowhere\"]"),
    (
        "record",
        "{ a: Long, b: Set<String> }",
        "{ a: 987654321, b: [\"nowhere\"] }",
    ),
    ("records", "Set<{ a: Long }>", "[{ a: 987654321 }]"),
];

/// A bundle in which the same is asked twice about an argument of each type: by a policy, and by
/// the condition of a tuple. Both hold for whatever is sent, but for one value.
fn read_by_both() -> Engine {
    let mut schema = "entity user; entity policy, condition;\n".to_owned();
    let mut policies = String::new();
    for (name, ty, other) in ARGUMENT_TYPES {
        writeln!(
            schema,
            "action {name} appliesTo {{ principal: user, resource: [policy, condition], \
             context: {{ arguments: {{ x?: {ty} }} }} }};"
        )
        .unwrap();
        writeln!(
            policies,
            "@id(\"{name}\") permit (principal, action == Action::\"{name}\", resource is policy) \
             when {{ context.arguments has x && context.arguments.x != ({other}) }};"
        )
        .unwrap();
    }
    policies.push_str(
        "@id(\"condition\") permit (principal, action, resource is condition) \
         when { principal in resource.reader };",
    );
    let model = "model\n  schema 1.1\ntype user\ntype condition\n  relations\n    define reader: \
                 [user with sent]\ncondition sent(arguments: map<any>) {\n  has(arguments.x) && \
                 arguments.x != \"no such value\"\n}\n";
    engines::engine(&[
        ("schemas/s.cedarschema", &schema),
        ("schemas/s.fga", model),
        ("policies/p.cedar", &policies),
        (
            "policies/tuples.yaml",
            "- { user: \"user:u\", relation: reader, object: \"condition:d\", condition: { name: \
             sent } }\n",
        ),
    ])
}

/// A value of any kind, some of them of the types above or nearly so.
fn any_value(dice: &mut Dice, depth: usize) -> Json {
    match dice.below(if depth == 0 { 9 } else { 13 }) {
        0 => Json::Null,
        1 => json!(dice.chance(50)),
        2 => json!(dice.below(9)),
        3 => json!(f64::from(u32::try_from(dice.below(90_000)).unwrap()) / 1e3),
        4 => json!(1e300),
        5 => json!(dice.below(9).to_string()),
        6 => json!("2026-10-01T09:00:00Z"),
        7 => json!(*dice.one(&["", "a", "0.5", "true", "null"])),
        8 => json!({}),
        9 | 10 => (0..dice.below(4))
            .map(|_| any_value(dice, depth - 1))
            .collect(),
        _ => {
            let names = ["a", "b", "c", "type", "id"];
            let members = (0..dice.below(3)).map(|_| {
                let name = (*dice.one(&names)).to_owned();
                (name, any_value(dice, depth - 1))
            });
            Json::Object(members.collect())
        }
    }
}

#[test]
fn what_does_not_fit_denies_where_a_condition_reads_it_as_where_a_policy_does() {
    let engine = read_by_both();
    let verdict = |action: &str, resource: &str, arguments: &Json| {
        let mut body = asked(action, &json!({ "arguments": arguments }));
        body["resource"]["type"] = json!(resource);
        engines::verdict(&engines::decide(&engine, &body, AnswerDepth::Lean))
    };
    let mut dice = Dice::new(14);
    let mut seen = BTreeMap::<String, usize>::new();
    for round in 0..6_000 {
        let (name, ..) = ARGUMENT_TYPES[round % ARGUMENT_TYPES.len()];
        let arguments = match dice.below(20) {
            0 => any_value(&mut dice, 1),
            1 => json!({}),
            _ => json!({ "x": any_value(&mut dice, 3) }),
        };
        let by_policy = verdict(name, "policy", &arguments);
        let by_condition = verdict(name, "condition", &arguments);
        *seen.entry(by_policy.clone()).or_default() += 1;
        if by_condition != by_policy {
            // A condition would see members that the schema does not declare, so they deny.
            assert_eq!(by_condition, "deny bad_value", "{name}: {arguments}");
            let explained = explained(&engine, name, &arguments);
            assert!(
                explained.contains("the schema does not declare it"),
                "{explained}"
            );
        }
    }
    for (kind, least) in [
        ("permit", 300),
        ("deny bad_value", 2_000),
        ("deny not_permitted", 300),
    ] {
        let count = seen.get(kind).copied().unwrap_or_default();
        assert!(count >= least, "too few of `{kind}`: {seen:?}");
    }
}

/// Returns what an explanation says of the arguments that a policy would not see.
fn explained(engine: &Engine, action: &str, arguments: &Json) -> String {
    let mut body = asked(action, &json!({ "arguments": arguments }));
    body["resource"]["type"] = json!("policy");
    let answer = engines::decide(engine, &body, AnswerDepth::Explain);
    let legs = answer.explanation.expect("it was asked for").legs;
    format!("{:?}", legs[0].dropped)
}

/// Types, a value of each for policies and for conditions, spellings of it, and other values.
type Spelt<'a> = (&'a str, &'a str, &'a str, Vec<Json>, Vec<Json>);

fn spelt() -> [Spelt<'static>; 7] {
    [
        (
            "Long",
            "== 5",
            "== 5",
            vec![json!(5), json!(5.0), json!(5e0), json!(50e-1)],
            vec![json!(6), json!(-5), json!(9_007_199_254_740_991_i64)],
        ),
        (
            "decimal",
            "== decimal(\"0.5\")",
            "== 0.5",
            vec![json!(0.5), json!("0.5"), json!("0.5000"), json!(5e-1)],
            vec![json!(0), json!("0.0"), json!("0.5001"), json!(-0.5)],
        ),
        (
            "ipaddr",
            "== ip(\"10.0.0.1\")",
            "== '10.0.0.1'",
            vec![
                json!("10.0.0.1"),
                json!("10.0.0.1/32"),
                json!("::ffff:10.0.0.1"),
                json!("0:0:0:0:0:ffff:a00:1"),
            ],
            vec![
                json!("10.0.0.2"),
                json!("10.0.0.0/8"),
                json!("::1"),
                json!("0:0::1"),
            ],
        ),
        (
            "datetime",
            "== datetime(\"2026-10-01T00:00:00Z\")",
            "== '2026-10-01T00:00:00Z'",
            vec![
                json!("2026-10-01"),
                json!("2026-10-01T00:00Z"),
                json!("2026-10-01T00:00:00.000Z"),
                json!("2026-10-01T02:00:00+02:00"),
                json!("2026-09-30T23:00:00-0100"),
            ],
            vec![json!("2026-10-02"), json!("2026-10-01T00:00:00+01:00")],
        ),
        (
            "duration",
            "== duration(\"25h\")",
            "== '90000000ms'",
            vec![
                json!("25h"),
                json!("1d1h"),
                json!("1500m"),
                json!("90000s"),
                json!("24h60m"),
            ],
            vec![json!("-25h"), json!("1d"), json!("25h1ms")],
        ),
        (
            "user",
            "== user::\"root\"",
            "== 'root'",
            vec![json!("root"), json!({"type": "user", "id": "root"})],
            vec![json!("rooted"), json!({"type": "user", "id": "Root"})],
        ),
        (
            "Set<String>",
            "== [\"a\", \"b\"]",
            "== ['a', 'b']",
            vec![json!(["a", "b"]), json!(["b", "a", "b"])],
            vec![
                json!([]),
                json!(["a"]),
                json!(["b", "b"]),
                json!(["a", "b", "c"]),
            ],
        ),
    ]
}

#[test]
fn a_condition_tells_values_apart_as_a_policy_does() {
    for (ty, cedar, cel, spellings, others) in spelt() {
        let schema = format!(
            "entity user; entity policy, condition;\naction read appliesTo {{ principal: user, \
             resource: [policy, condition], context: {{ arguments: {{ x: {ty} }} }} }};"
        );
        let policies = format!(
            "@id(\"p\") permit (principal, action, resource is policy) \
             when {{ context.arguments.x {cedar} }};\n\
             @id(\"c\") permit (principal, action, resource is condition) \
             when {{ principal in resource.reader }};"
        );
        let model = format!(
            "model\n  schema 1.1\ntype user\ntype condition\n  relations\n    define reader: \
             [user with same]\ncondition same(arguments: map<any>) {{\n  arguments.x {cel}\n}}\n"
        );
        let tuples = "- { user: \"user:u\", relation: reader, object: \"condition:d\", condition: \
                      { name: same } }\n";
        let engine = engines::engine(&[
            ("schemas/s.cedarschema", &schema),
            ("schemas/s.fga", &model),
            ("policies/p.cedar", &policies),
            ("policies/tuples.yaml", tuples),
        ]);
        let verdict = |resource: &str, x: &Json| {
            let mut body = asked("read", &json!({"arguments": {"x": x}}));
            body["resource"]["type"] = json!(resource);
            engines::verdict(&engines::decide(&engine, &body, AnswerDepth::Lean))
        };
        for (values, expected) in [(spellings, "permit"), (others, "deny not_permitted")] {
            for x in values {
                assert_eq!(verdict("policy", &x), expected, "{ty}: {x} for a policy");
                assert_eq!(
                    verdict("condition", &x),
                    expected,
                    "{ty}: {x} for a condition"
                );
            }
        }
        // Policies take it, and conditions have no such number: it is not taken for absent.
        if ty == "decimal" {
            assert_eq!(verdict("policy", &json!("00.5")), "permit");
            assert_eq!(verdict("condition", &json!("00.5")), "deny bad_value");
        }
        // A double cannot tell these from their neighbours.
        let too_large = match ty {
            "Long" => json!(9_007_199_254_740_993_i64),
            "decimal" => json!("900719925474.0993"),
            _ => continue,
        };
        assert_eq!(verdict("policy", &too_large), "deny not_permitted");
        assert_eq!(verdict("condition", &too_large), "deny bad_value");
    }
}

#[test]
fn a_condition_sees_no_value_that_the_schema_does_not_declare() {
    let schema = "entity user; entity tool;
action send appliesTo { principal: user, resource: tool,
  context: { arguments: { to: Set<String>, parts?: Set<{ name: String }>, cc?: Set<String>, note?: String } } };";
    let policies = r#"@id("sends") permit (principal, action, resource) when { principal in resource.sender };"#;
    let model = "model\n  schema 1.1\ntype user\ntype tool\n  relations\n    define sender: [user with own]
condition own(arguments: map<any>, domain: string) {
  arguments.to.all(to, to.endsWith(domain)) && !(\"bcc\" in arguments) && (!has(arguments.parts) || arguments.parts.all(p, !has(p.link)))
}\n";
    let tuples = "- { user: \"user:u\", relation: sender, object: \"tool:d\", condition: { name: own, context: { domain: \"@acme.example\" } } }\n";
    let engine = engines::engine(&[
        ("schemas/s.cedarschema", schema),
        ("schemas/s.fga", model),
        ("policies/p.cedar", policies),
        ("policies/tuples.yaml", tuples),
    ]);
    let answer = |arguments: &Json| {
        let mut body = asked("send", &json!({ "arguments": arguments }));
        body["resource"]["type"] = json!("tool");
        let answer = engines::decide(&engine, &body, AnswerDepth::Reason);
        let message = answer.reason.as_ref().map(|reason| reason.message.clone());
        (engines::verdict(&answer), message.unwrap_or_default())
    };
    for (arguments, expected) in [
        (json!({"to": ["x@acme.example"]}), "permit"),
        (json!({"to": ["x@evil.example"]}), "deny not_permitted"),
        (
            json!({"to": ["x@acme.example"], "parts": [{"name": "a"}], "note": 7}),
            "permit",
        ),
        (
            json!({"to": ["x@acme.example"], "unread": {"any": 1}}),
            "permit",
        ),
        (json!({"to": ["x@acme.example"], "bcc": null}), "permit"),
    ] {
        assert_eq!(answer(&arguments).0, expected, "{arguments}");
    }
    for (arguments, named) in [
        (
            json!({"to": {"x@acme.example": 1}}),
            "`context.arguments.to`",
        ),
        (json!({"to": "@acme.example"}), "`context.arguments.to`"),
        (
            json!({"to": ["x@acme.example", 1]}),
            "`context.arguments.to`",
        ),
        (json!({"to": null}), "`context.arguments.to`"),
        (json!({}), "`context.arguments.to`"),
        (json!(["to"]), "`context.arguments`"),
        (json!(null), "`context.arguments`"),
        (
            json!({"to": ["x@acme.example"], "parts": {}}),
            "`context.arguments.parts`",
        ),
        (
            json!({"to": ["x@acme.example"], "parts": [{"name": "a", "link": "b"}]}),
            "`context.arguments.parts.link`",
        ),
        (
            json!({"to": ["x@acme.example"], "bcc": []}),
            "`context.arguments.bcc`",
        ),
    ] {
        let (verdict, message) = answer(&arguments);
        assert_eq!(verdict, "deny bad_value", "{arguments}");
        assert!(message.contains(named), "{arguments}: {message}");
    }
}
