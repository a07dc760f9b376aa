//! Creates random bundles from the vocabulary.

use super::vocabulary::{ABOUT_ANYONE, ABOUT_DOCS, CONTEXT, MODEL, SCHEMA, SCOPES};
use super::word;
use crate::dice::Dice;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// The contents of a bundle: the namespace of its types, and its files.
#[derive(Clone)]
pub struct Bundle {
    pub files: Vec<(&'static str, String)>,
    pub namespaced: bool,
}

impl Bundle {
    pub fn policies(&self) -> &str {
        &self.files[3].1
    }
}

/// Creates a random bundle. The caller decides whether its types have a namespace: a bundle that
/// replaces one whose types have none leaves nothing of the first one's schema.
pub fn bundle(dice: &mut Dice, namespaced: bool) -> Bundle {
    bundle_about(dice, namespaced, &ABOUT_DOCS)
}

/// Creates a bundle whose policies about documents have these conditions.
pub fn bundle_about(dice: &mut Dice, namespaced: bool, about_docs: &[&str]) -> Bundle {
    let spell = |text: &str| spelled(text, namespaced);
    let mut policies = String::new();
    for at in 0..6 + dice.below(6) {
        let effect = if dice.chance(85) { "permit" } else { "forbid" };
        let clause = if dice.chance(85) { "when" } else { "unless" };
        let (scope, conditions): (&str, &[&str]) = if dice.chance(85) {
            (word(dice, &SCOPES), about_docs)
        } else {
            (
                "principal, action == Action::\"greet\", resource",
                &ABOUT_ANYONE,
            )
        };
        let one = spell(word(dice, conditions));
        let whole = match dice.below(5) {
            0 => format!("({one}) || ({})", spell(word(dice, conditions))),
            1 => format!("({one}) && ({})", spell(word(dice, conditions))),
            _ => one,
        };
        writeln!(
            policies,
            "@id(\"p{at}\") {effect} ({}) {clause} {{ {whole} }};",
            spell(scope)
        )
        .unwrap();
    }
    let schema = spell(&SCHEMA.replace("{context}", CONTEXT));
    let relations = MODEL
        .replace("{ns}", if namespaced { "Lab/" } else { "" })
        .replace("{small}", word(dice, &["3", "6"]));
    let manifest = if namespaced {
        let alias = |kind: &str| format!("{kind} = \"Lab::{kind}\"\n");
        format!(
            "allow_orphans = true\n[types]\n{}{}{}",
            alias("person"),
            alias("bot"),
            alias("doc")
        )
    } else {
        "allow_orphans = true\n[types]\nhuman = \"person\"\n".to_owned()
    };
    let files = vec![
        ("policies/bundle.toml", manifest),
        ("schemas/lab.cedarschema", schema),
        ("schemas/model.fga", relations),
        ("policies/lab.cedar", policies),
        (
            "policies/entities.json",
            entities(dice, namespaced).to_string(),
        ),
    ];
    Bundle { files, namespaced }
}

/// Returns a text of a schema or a policy with its placeholders replaced by names, in the namespace
/// if there is one.
pub fn spelled(text: &str, namespaced: bool) -> String {
    let names = if namespaced {
        [
            ("{ns}", "Lab::"),
            ("{model}", "Lab/"),
            ("{in}", "namespace Lab {"),
            ("{out}", "}"),
        ]
    } else {
        [("{ns}", ""), ("{model}", ""), ("{in}", ""), ("{out}", "")]
    };
    let text = ["from", "earlier", "subject"]
        .iter()
        .fold(text.to_owned(), |text, place| {
            let [has, get] = fact(namespaced, place);
            text.replace(&format!("{{has:{place}}}"), &has)
                .replace(&format!("{{get:{place}}}"), &get)
        });
    names
        .iter()
        .fold(text, |text, (place, name)| text.replace(place, name))
}

/// Returns the conditions that a fact has a person, and the expression for that person: facts have
/// a member for each principal type.
fn fact(namespaced: bool, place: &str) -> [String; 2] {
    if namespaced {
        let has = format!(
            "(context.delegation has {place} && context.delegation.{place} has \"Lab::person\")"
        );
        [has, format!("context.delegation.{place}[\"Lab::person\"]")]
    } else {
        [
            format!("context has delegation.{place}.person"),
            format!("context.delegation.{place}.person"),
        ]
    }
}

fn entities(dice: &mut Dice, namespaced: bool) -> Json {
    let kind = |kind: &str| {
        if namespaced {
            format!("Lab::{kind}")
        } else {
            kind.to_owned()
        }
    };
    let uid = |of: &str, id: &str| json!({"type": kind(of), "id": id});
    let reference = |of: &str, id: &str| json!({"__entity": {"type": kind(of), "id": id}});
    let mut all = vec![
        json!({"uid": uid("shelf", "s0"), "attrs": {}, "parents": [uid("shelf", "s1")]}),
        json!({"uid": uid("shelf", "s1"), "attrs": {}, "parents": []}),
        json!({"uid": uid("squad", "q0"), "attrs": {}, "parents": [uid("squad", "q1")]}),
        json!({"uid": uid("squad", "q1"), "attrs": {}, "parents": []}),
        json!({"uid": uid("room", "r0"), "attrs": {"open": true}, "parents": []}),
    ];
    for id in ["p0", "p1"] {
        if dice.chance(60) {
            let mut attributes = json!({"kind": dice.one(&["x", "y"])});
            if dice.chance(50) {
                attributes["level"] = json!(dice.below(5));
                attributes["boss"] = reference("person", word(dice, &["p0", "p1", "p2"]));
                attributes["desk"] = reference("room", "r0");
            }
            if dice.chance(30) {
                attributes["friends"] = json!([reference("person", "p1")]);
                attributes["clearance"] = json!({"__entity": {"type": "Level", "id": "high"}});
            }
            let parents = if dice.chance(50) {
                json!([uid("squad", "q0")])
            } else {
                json!([])
            };
            let tags = if dice.chance(50) {
                json!({"k": dice.one(&["v", "w"])})
            } else {
                json!({})
            };
            all.push(json!({"uid": uid("person", id), "attrs": attributes, "parents": parents, "tags": tags}));
        }
    }
    if dice.chance(60) {
        let attributes = json!({"kind": "x", "owner": reference("person", "p0")});
        all.push(
            json!({"uid": uid("bot", "b0"), "attrs": attributes, "parents": [uid("squad", "q1")]}),
        );
    }
    for id in ["d0", "d1"] {
        if dice.chance(60) {
            let mut attributes = json!({"kind": dice.one(&["x", "y"])});
            if dice.chance(60) {
                attributes["room"] = reference("room", "r0");
            }
            if dice.chance(30) {
                attributes["level"] = json!(dice.below(5));
                attributes["owner"] = reference("person", word(dice, &["p0", "p1"]));
            }
            let tags = if dice.chance(50) {
                json!({"k": ["v"]})
            } else {
                json!({})
            };
            all.push(
                json!({"uid": uid("doc", id), "attrs": attributes, "parents": [uid("shelf", "s0")], "tags": tags}),
            );
        }
    }
    Json::Array(all)
}
