//! Policies that can never apply: a forbid is refused, a permit is a warning, and none that applies
//! to anything is either.

use behest::bundle::{self, BundleSource};
use behest::engine::Engine;
use behest::model::AnswerDepth;
use serde_json::{Value as Json, json};
use support::dice::Dice;
use support::engines;

const SCHEMA: &str = "
entity user { dept?: String };
entity robot;
entity doc;
action read appliesTo { principal: [user, robot], resource: doc };
action call appliesTo { principal: [user, robot], resource: doc };
action \"call:d1\" in [call] appliesTo { principal: [user], resource: doc };
";

const MODEL: &str = "model
  schema 1.1
type user
type robot
type doc
  relations
    define viewer: [user, robot]
    define blocked: [user]
    define shut: [robot]
";

const TUPLES: &str = "
- { user: 'user:alice', relation: blocked, object: 'doc:d1' }
- { user: 'user:alice', relation: viewer, object: 'doc:d1' }
- { user: 'robot:r1', relation: viewer, object: 'doc:d1' }
- { user: 'robot:r1', relation: shut, object: 'doc:d2' }
";

/// An engine with these policies, or what is said of them.
pub(crate) fn load(policies: &str) -> Result<Engine, String> {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("schemas/s.cedarschema", SCHEMA),
        ("schemas/m.fga", MODEL),
        ("policies/tuples.yaml", TUPLES),
        ("policies/p.cedar", policies),
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

/// The verdict on a request about a document.
pub(crate) fn ask(
    engine: &Engine,
    who: (&str, &str),
    properties: &Json,
    action: &str,
    doc: &str,
) -> String {
    let body = json!({
        "subject": {"type": who.0, "id": who.1, "properties": properties},
        "action": {"name": action},
        "resource": {"type": "doc", "id": doc},
    });
    engines::verdict(&engines::decide(engine, &body, AnswerDepth::Lean))
}

#[test]
fn a_forbid_that_applies_to_some_loads_and_applies() {
    for clauses in [
        "when { principal in resource.blocked && principal has dept && principal.dept == \"ext\" }",
        "when { principal has dept && principal.dept == \"ext\" && principal in resource.blocked }",
        "when { principal in resource.blocked } when { principal is user }",
        "when { principal in resource.blocked } unless { principal is robot }",
        "unless { !(principal in resource.blocked) }",
        "when { if principal is user then principal in resource.blocked else false }",
        "when { if resource == doc::\"d9\" then false else principal in resource.blocked }",
        "when { (principal in resource.blocked) == true }",
        "when { (principal in resource.blocked) != false }",
        "when { principal in resource.blocked || principal in resource.shut }",
        "when { resource == doc::\"d1\" && principal in resource.blocked }",
        "when { [doc::\"\", doc::\"d1\"].contains(resource) && principal in resource.blocked }",
    ] {
        let policies = format!(
            "@id(\"open\") permit (principal, action, resource);\n@id(\"x\") forbid (principal, action, resource) {clauses};"
        );
        let engine = load(&policies).unwrap_or_else(|report| panic!("{clauses}: {report}"));
        for action in ["read", "call"] {
            let found = ask(
                &engine,
                ("user", "alice"),
                &json!({"dept": "ext"}),
                action,
                "d1",
            );
            assert_eq!(found, "deny forbidden", "{clauses} {action}");
            assert_eq!(
                ask(
                    &engine,
                    ("user", "bob"),
                    &json!({"dept": "ext"}),
                    action,
                    "d1"
                ),
                "permit",
                "{clauses}"
            );
        }
        assert_eq!(
            ask(&engine, ("robot", "r1"), &json!({}), "read", "d1"),
            "permit",
            "{clauses}"
        );
    }
}

/// Scopes of policies.
pub(crate) const SCOPES: [&str; 6] = [
    "principal, action, resource",
    "principal is robot, action, resource",
    "principal, action == Action::\"call:d1\", resource",
    "principal, action in Action::\"call\", resource == doc::\"d1\"",
    "principal, action == Action::\"call:d1\", resource == doc::\"d2\"",
    "principal is robot, action in Action::\"call\", resource == doc::\"d1\"",
];

const ATOMS: [&str; 13] = [
    "principal in resource.blocked",
    "principal in resource.viewer",
    "principal in resource.shut",
    "principal in Userset::\"doc:d1#blocked\"",
    "principal is user",
    "principal is robot",
    "principal has dept",
    "principal has badge",
    "resource in user::\"alice\"",
    "resource == doc::\"d2\"",
    "[doc::\"d1\"].contains(resource)",
    "principal == robot::\"\"",
    "false",
];

/// A condition of these atoms.
pub(crate) fn condition(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return (*dice.one(&ATOMS)).to_owned();
    }
    let [one, other, third] = std::array::from_fn(|_| condition(dice, depth - 1));
    match dice.below(7) {
        0 => format!("!({one})"),
        1 => format!("({one}) || ({other})"),
        2 => format!("if {one} then {other} else {third}"),
        3 => format!("({one}) == ({other})"),
        4 => format!("({one}) != ({other})"),
        _ => format!("({one}) && ({other})"),
    }
}

/// What is refused as a forbid permits nobody as a permit, whoever asks for what.
#[test]
fn nothing_satisfies_what_is_said_to_forbid_nothing() {
    let mut dice = Dice::new(14);
    let mut refused = 0;
    let mut loaded = 0;
    for _ in 0..90 {
        let depth = dice.below(3);
        let scope = *dice.one(&SCOPES);
        let clause = if dice.chance(80) { "when" } else { "unless" };
        let condition = condition(&mut dice, depth);
        let policy =
            |effect: &str| format!("@id(\"x\") {effect} ({scope}) {clause} {{ {condition} }};");
        match load(&policy("forbid")) {
            Ok(_) => loaded += 1,
            Err(report) if report.contains("forbids nothing") => {
                refused += 1;
                let engine = load(&policy("permit")).unwrap_or_else(|report| panic!("{report}"));
                for who in [
                    ("user", "alice"),
                    ("user", "bob"),
                    ("robot", "r1"),
                    ("robot", "r2"),
                ] {
                    for (action, doc) in [
                        ("read", "d1"),
                        ("read", "d2"),
                        ("call", "d1"),
                        ("call", "d2"),
                    ] {
                        for properties in [json!({}), json!({"dept": "ext"})] {
                            let found = ask(&engine, who, &properties, action, doc);
                            assert!(
                                found.starts_with("deny"),
                                "{who:?} {action} {doc}: {}",
                                policy("forbid")
                            );
                        }
                    }
                }
            }
            Err(report)
                if ["never holds", "always"]
                    .iter()
                    .any(|told| report.contains(told)) => {}
            Err(report) => panic!("{}: {report}", policy("forbid")),
        }
    }
    assert!(
        refused >= 15 && loaded >= 15,
        "{refused} refused, {loaded} loaded"
    );
}

#[test]
fn a_permit_that_no_name_can_reach_is_a_warning_with_its_place() {
    for (scope, part) in [
        (
            "principal, action == Action::\"call:d1\", resource == doc::\"d2\"",
            "no request about a resource that it asks for",
        ),
        (
            "principal == user::\"\", action, resource",
            "it asks for a `user` whose id is empty",
        ),
    ] {
        let policies = format!(
            "@id(\"open\") permit (principal, action, resource);\n@id(\"x\")\npermit ({scope});\n"
        );
        let texts = [
            ("schemas/s.cedarschema", SCHEMA),
            ("policies/p.cedar", policies.as_str()),
        ];
        let mut files = bundle::BundleFiles::from_texts(
            texts.map(|(path, text)| (path.to_owned(), text.to_owned())),
        );
        let bundle = bundle::compile(&mut files).expect("a permit that can never apply loads");
        let report = bundle::render_warnings(bundle.warnings(), &files, false);
        assert_eq!(bundle.warnings().len(), 1, "{report}");
        for part in ["the policy `x` permits nothing", "policies/p.cedar:2", part] {
            assert!(report.contains(part), "{part}: {report}");
        }
    }
}
