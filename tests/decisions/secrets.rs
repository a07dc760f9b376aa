//! What is marked `@secret`, and what a tuple stores beside its condition, leaves a decision by no
//! way.

use behest::bundle::{self, BundleSource};
use behest::clock::FixedClock;
use behest::engine::{Engine, explanation_text};
use behest::http::write_answer;
use behest::model::AnswerDepth;
use behest::record::{QueueSettings, Recorder, Sink};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use support::{engines, values};

/// Stands in every value that is planted.
const SECRET: &str = "S3CR3T";

/// A relation for each way in which a condition can fail on a value: name, parameters, expression.
const CONDITIONS: [(&str, &str, &str); 8] = [
    ("misfit", "code: int", "code > 3"),
    (
        "spoken",
        "code: string",
        "timestamp(code) > timestamp('2026-01-01T00:00:00Z')",
    ),
    ("matched", "code: string", "'a'.matches(code)"),
    (
        "netted",
        "code: string",
        "ipaddress('10.0.0.1').in_cidr(code)",
    ),
    ("kept", "word: string", "duration(word) > duration('1h')"),
    (
        "zoned",
        "word: string",
        "timestamp('2026-01-01T00:00:00Z').getHours(word) == 1",
    ),
    ("numbered", "word: int", "word > 1"),
    ("keyed", "word: string", "{'a': 1}[word] == 1"),
];

/// Actions whose policies read secrets themselves.
const OTHERS: [&str; 6] = ["pin", "pinned", "card", "vault", "near", "boxed"];

fn files() -> Vec<(&'static str, String)> {
    let mut schema =
        "entity user { @secret pin?: String, @secret amount?: Long, level?: Long }; entity doc { @secret label?: String };\n".to_owned();
    let mut model =
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define open: [user]\n"
            .to_owned();
    let mut policies = String::new();
    let mut tuples =
        format!("- {{ user: \"user:alice\", relation: open, object: \"doc:{SECRET}\" }}\n");
    let names = CONDITIONS.iter().map(|(name, ..)| *name).chain(OTHERS);
    for name in names {
        writeln!(schema,
            "action {name} appliesTo {{ principal: user, resource: doc, context: {{ @secret code?: String, @secret word?: String, @secret vault?: doc, @secret obj?: {{ a?: String, b?: Long }}, \
             arguments?: {{ @secret card?: Long, note?: String }} }} }};").expect("a string takes it");
    }
    for (name, ..) in CONDITIONS {
        writeln!(model, "    define {name}: [user with {name}]").expect("a string takes it");
        writeln!(policies,
            "@id(\"{name}\") permit (principal, action == Action::\"{name}\", resource) when {{ principal in resource.{name} }};").expect("a string takes it");
        writeln!(
            tuples,
            "- {{ user: \"user:alice\", relation: {name}, object: \"doc:d\", condition: {{ name: {name}{} }} }}",
            if name == "numbered" { ", context: { word: 31337000 }" } else { "" }
        )
        .expect("a string takes it");
    }
    for (name, parameters, expression) in CONDITIONS {
        writeln!(
            model,
            "condition {name}({parameters}) {{\n  {expression}\n}}"
        )
        .expect("a string takes it");
    }
    policies += r#"
@id("pin") permit (principal, action == Action::"pin", resource) when { principal has level && principal has pin && principal.pin like "S*" && principal.level * 9223372036854775807 > 1 };
@id("open") permit (principal, action == Action::"pinned", resource);
@id("pinned") forbid (principal, action == Action::"pinned", resource) when { principal has amount && principal.amount * 9223372036854775807 > 1 };
@id("card") permit (principal, action == Action::"card", resource) when { context has arguments.card && context.arguments.card > 3 };
@id("vault") permit (principal, action == Action::"vault", resource) when { context has vault && principal in context.vault.open };
@id("boxed") permit (principal, action == Action::"boxed", resource) when { context has obj.a && context.obj.a == "x" };
@id("near") permit (principal, action == Action::"near", resource) when { context has code && context has arguments && principal has pin && context.code == principal.pin && context.arguments has card };
"#;
    vec![
        ("schemas/s.cedarschema", schema),
        ("schemas/m.fga", model),
        ("policies/p.cedar", policies),
        ("policies/tuples.yaml", tuples),
    ]
}

fn asked(action: &str) -> Json {
    let code = format!("{SECRET}(");
    let card = if action == "near" {
        json!(31_337_000)
    } else {
        json!(code)
    };
    json!({
        "subject": {"type": "user", "id": "alice", "properties": {"pin": code, "amount": 31_337_000, "level": 3, SECRET: 1}},
        "action": {"name": action},
        "resource": {"type": "doc", "id": "d", "properties": {"label": code, (format!("{SECRET}=1")): 1}},
        "context": {"code": code, "word": code, "vault": SECRET, "obj": {SECRET: 1, "b": {SECRET: 1}}, "arguments": {"card": card, "note": "plain", SECRET: {"a": 1}}, SECRET: "x", "cod": 1},
    })
}

#[test]
fn planted_secrets_come_out_nowhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = files();
    engines::write(
        folder.path(),
        &files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect::<Vec<_>>(),
    );
    let records = folder.path().join("records.jsonl");
    let sink = Sink::File(records.clone());
    let (recorder, writer) =
        Recorder::start(sink, QueueSettings::default(), Arc::default()).expect("it opens");
    let clock = Arc::new(FixedClock::at(engines::NOW_MS));
    let engine = Engine::new(clock, Arc::default(), recorder).with_quiet(Duration::from_millis(1));
    if let Err(refused) = engine.load(&BundleSource::Dir(folder.path().to_owned())) {
        panic!(
            "{}",
            bundle::render(&refused.problems, &refused.files, false)
        );
    }
    let mut told = Vec::new();
    let mut verdicts = Vec::new();
    for action in CONDITIONS.iter().map(|(name, ..)| *name).chain(OTHERS) {
        let request = values::request(&asked(action));
        for depth in [AnswerDepth::Lean, AnswerDepth::Reason, AnswerDepth::Explain] {
            let answer = engine
                .decide(&engines::ask(depth), &request)
                .expect("an answer");
            let body = write_answer(&answer, depth, usize::MAX).expect("it can be written");
            told.push((action, String::from_utf8(body.to_vec()).expect("JSON")));
            let text = explanation_text(
                answer.decision,
                answer.reason.as_ref(),
                answer.explanation.as_ref(),
            );
            told.push((action, text));
            if depth == AnswerDepth::Reason {
                verdicts.push(format!("{action}: {}", engines::verdict(&answer)));
            }
        }
    }
    // What is hidden is told of all the same, and a name that is near to a declared one is helped.
    for part in [
        "context.(secret)",
        "did you mean `code`?",
        "subject.properties.(secret)",
        "resource.properties.(secret)",
    ] {
        assert!(told.iter().any(|(_, text)| text.contains(part)), "{part}");
    }
    writer.close();
    told.push((
        "records",
        std::fs::read_to_string(&records).expect("records"),
    ));
    for (action, text) in &told {
        assert!(
            !text.contains(SECRET) && !text.contains("31337000"),
            "{action}: {text}"
        );
    }
    // Each was come to, and failed on what it was to fail on.
    let relations = CONDITIONS.iter().filter(|(name, ..)| *name != "numbered");
    let mut expected: Vec<String> = relations
        .map(|(name, ..)| format!("{name}: deny relation_error"))
        .collect();
    expected.extend(
        [
            "numbered: permit",
            "pin: deny policy_error",
            "pinned: deny policy_error",
        ]
        .map(str::to_owned),
    );
    expected.extend(
        [
            "boxed: deny not_permitted",
            "card: deny bad_value",
            "vault: permit",
            "near: permit",
        ]
        .map(str::to_owned),
    );
    expected.sort();
    verdicts.sort();
    assert_eq!(verdicts, expected);
}

/// Whoever mistakes the form of a request may write a token where a name belongs.
#[test]
fn a_token_in_place_of_a_name_is_not_told() {
    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
    let engine = engines::engine(&[
        (
            "schemas/s.cedarschema",
            "entity user { level?: Long }; entity doc; action read appliesTo { principal: user, \
             resource: doc, context: { at?: Long, arguments?: { n?: Long } } };",
        ),
        (
            "policies/p.cedar",
            "@id(\"p\") permit (principal, action, resource);",
        ),
    ]);
    let asked = json!({
        "subject": {"type": "user", "id": "u", "properties": {JWT: 1}}, "action": {"name": "read"},
        "resource": {"type": "doc", "id": "d"},
        "context": {JWT: 1, "arguments": {JWT: 1}, "other": 1},
    });
    let answer = engines::decide(&engine, &asked, AnswerDepth::Explain);
    let told = format!("{:?}", answer.explanation);
    assert!(told.contains("context.other"), "{told}");
    assert!(told.contains("context.(hidden)"), "{told}");
    assert!(!told.contains(JWT), "{told}");
}

#[test]
fn stored_secrets_that_do_not_fit_are_told_of_and_not_shown() {
    let schema = "entity user { @secret pin?: Long, @secret limit?: decimal, name?: String, card?: { @secret number?: Long } } \
                  tags { @secret token?: Long };\nentity doc;\n\
                  action read appliesTo { principal: user, resource: doc };\n";
    let refused = |attributes: &str| {
        let entity = format!(
            "[\n  {{\"uid\": {{\"type\": \"user\", \"id\": \"alice\"}}, {attributes}, \"parents\": []}}\n]"
        );
        let files = [
            ("schemas/s.cedarschema", schema),
            (
                "policies/p.cedar",
                "@id(\"all\") permit (principal, action, resource);\n",
            ),
            ("policies/entities.json", &entity),
        ];
        let mut files = bundle::BundleFiles::from_texts(
            files.map(|(path, text)| (path.to_owned(), text.to_owned())),
        );
        let problems = bundle::compile(&mut files).expect_err("it does not fit");
        bundle::render(&problems, &files, false)
            .replace('│', "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (attributes, expected) in [
        (
            r#""attrs": {"pin": "S3CR3T"}"#,
            "`pin` on `user::\"alice\"`",
        ),
        (
            r#""attrs": {"pin": "S3CR3T\"x"}"#,
            "`pin` on `user::\"alice\"`",
        ),
        (r#""attrs": {"limit": 313.37}"#, ""),
        (
            r#""attrs": {"limit": {"__extn": {"fn": "decimal", "arg": "S3CR3T"}}}"#,
            "",
        ),
        (
            r#""attrs": {"card": {"number": "S3CR3T"}}"#,
            "`card` on `user::\"alice\"`",
        ),
        (
            r#""attrs": {"pin": {"S3CR3T": 1}}"#,
            "`pin` on `user::\"alice\"`",
        ),
        (
            r#""attrs": {}, "tags": {"a": {"token": "S3CR3T"}}"#,
            "`a` on `user::\"alice\"`",
        ),
        // Another attribute does not fit, in the line of a secret.
        (
            r#""attrs": {"name": 3, "pin": 31337}"#,
            "`name` on `user::\"alice\"`",
        ),
        // No JSON at all.
        (r#""attrs": {"pin": S3CR3T}"#, ""),
    ] {
        let report = refused(attributes);
        assert!(
            report.contains("policies/entities.json: ") && report.contains(expected),
            "{report}"
        );
        assert!(
            !report.contains("S3CR3T") && !report.contains("31337") && !report.contains("313.37"),
            "{report}"
        );
    }
    // Where nothing is secret, the line is shown.
    let report = refused(r#""attrs": {"name": 3}"#);
    assert!(report.contains("\"name\": 3"), "{report}");
}
