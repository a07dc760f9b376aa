//! Names that say who acts, declared as data: a forbid that reads one applies, or does not load.

use behest::bundle::{self, BundleSource};
use behest::engine::Engine;
use behest::model::AnswerDepth;
use serde_json::{Value as Json, json};
use support::engines;

const NAMES: [&str; 16] = [
    "act",
    "Act",
    "on_behalf_of",
    "onBehalfOf",
    "delegation_chain",
    "user",
    "agent",
    "AGENT",
    "credentials",
    "iss",
    "issuer",
    "client_id",
    "subject",
    "properties",
    "action_properties",
    "plain",
];

fn load(schema: &str, policies: &str, manifest: &str) -> Result<Engine, String> {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("schemas/s.cedarschema", schema),
        ("policies/p.cedar", policies),
        ("policies/bundle.toml", manifest),
    ];
    engines::write(folder.path(), &files);
    let engine = engines::empty();
    let refused = engine
        .load(&BundleSource::Dir(folder.path().to_owned()))
        .err();
    refused.map_or(Ok(engine), |refused| {
        Err(bundle::render(&refused.problems, &refused.files, false))
    })
}

const OPEN: &str = "@id(\"open\") permit (principal, action, resource);\n";

const FORBID: &str = "@id(\"x\") forbid (principal is user, action, resource) when";

/// The verdicts on requests that send the name, in several forms.
fn verdicts(engine: &Engine, place: &str, name: &str) -> Vec<String> {
    let forms = [
        json!("copilot"),
        json!({"sub": "copilot"}),
        json!(["copilot"]),
    ];
    let ask = |value: &Json| {
        let mut body = json!({"subject": {"type": "user", "id": "u"}, "action": {"name": "read"},
            "resource": {"type": "doc", "id": "d"}});
        match place {
            "context" => body["context"] = json!({name: value}),
            _ => body["subject"]["properties"] = json!({name: value}),
        }
        engines::verdict(&engines::decide(engine, &body, AnswerDepth::Lean))
    };
    forms.iter().map(ask).collect()
}

#[test]
fn a_forbid_on_what_says_who_acts_applies_or_does_not_load() {
    let mut refused = Vec::new();
    for manifest in ["", "[carriers]\nclient_id = \"agent\"\n"] {
        for name in NAMES {
            let schema = |of_user: &str, of_context: &str| {
                format!(
                    "entity user {{ {of_user} }}; entity agent, doc;\naction read appliesTo {{ \
                     principal: [user, agent], resource: doc, context: {{ {of_context} }} }};"
                )
            };
            let declared = format!("{name}?: String");
            for (place, schema, condition) in [
                (
                    "context",
                    schema("", &declared),
                    format!("context has {name}"),
                ),
                (
                    "properties",
                    schema(&declared, ""),
                    format!("principal has {name}"),
                ),
            ] {
                let policies = format!("{OPEN}{FORBID} {{ {condition} }};");
                match load(&schema, &policies, manifest) {
                    Err(report) if report.contains("the policy `x` reads") => {
                        refused.push(format!("{place}.{name}"));
                    }
                    Err(report) => panic!("{place} {name}: {report}"),
                    Ok(engine) => {
                        // `action_properties` of a context come from elsewhere.
                        let is_engines = place == "context" && name == "action_properties";
                        for verdict in verdicts(&engine, place, name) {
                            assert!(is_engines || verdict != "permit", "{place} {name}");
                        }
                    }
                }
            }
        }
    }
    refused.dedup();
    for name in [
        "context.agent",
        "context.credentials",
        "context.act",
        "properties.act",
    ] {
        assert!(
            refused.iter().any(|found| found == name),
            "{name}: {refused:?}"
        );
    }
    for name in [
        "context.user",
        "context.plain",
        "properties.agent",
        "properties.plain",
    ] {
        assert!(
            !refused.iter().any(|found| found == name),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn what_is_stored_or_read_by_nobody_or_of_a_resource_loads() {
    for (schema, condition) in [
        (
            "entity user { @stored act?: String }; entity agent, doc;",
            "principal has act",
        ),
        (
            "entity user, agent; entity doc { act?: String };",
            "resource has act",
        ),
        (
            "entity user { act?: String }; entity agent, doc;",
            "resource == doc::\"x\"",
        ),
    ] {
        let schema = format!(
            "{schema}\naction read appliesTo {{ principal: [user, agent], resource: doc, \
             context: {{ agent?: String }} }};"
        );
        let loaded = load(&schema, &format!("{OPEN}{FORBID} {{ {condition} }};"), "");
        assert_eq!(loaded.err(), None, "{condition}");
    }
}
