//! Writes models as JSON: with one spelling, or with any that protobuf allows.

use super::ast::{Allowed, Ast, Body, Condition, Form, Kind, Modules, Param};
use serde_json::{Map, Value, json};
use support::dice::Dice;

/// Writes a model: as the product does without dice, and with them in any spelling.
pub(super) fn write(ast: &Ast, modules: Option<&Modules>, dice: Option<&mut Dice>) -> Value {
    let mut model = json!({
        "schema_version": ast.schema,
        "type_definitions": ast.kinds.iter().map(|it| kind(it, modules)).collect::<Vec<_>>(),
    });
    if !ast.conditions.is_empty() {
        let conditions = ast.conditions.iter();
        let conditions = conditions.map(|it| (it.name.clone(), condition(it, modules)));
        model["conditions"] = Value::Object(conditions.collect());
    }
    if let Some(dice) = dice {
        respell(&mut model, dice, false);
    }
    model
}

fn add_origin(about: &mut Value, module: usize, modules: Option<&Modules>) {
    if let Some(modules) = modules {
        let (name, file) = &modules.named[module];
        about["module"] = json!(name);
        about["source_info"] = json!({ "file": file });
    }
}

fn kind(kind: &Kind, modules: Option<&Modules>) -> Value {
    let mut relations = Map::new();
    let mut about = Map::new();
    for relation in &kind.relations {
        relations.insert(relation.name.clone(), body(&relation.body));
        let allowed: Vec<Value> = relation.allowed.iter().map(allowed).collect();
        let mut metadata = json!({ "directly_related_user_types": allowed });
        if relation.module != kind.module {
            add_origin(&mut metadata, relation.module, modules);
        }
        about.insert(relation.name.clone(), metadata);
    }
    let mut written = json!({ "type": kind.name, "relations": relations });
    let mut metadata = json!({});
    if !about.is_empty() {
        metadata["relations"] = Value::Object(about);
    }
    add_origin(&mut metadata, kind.module, modules);
    if metadata != json!({}) {
        written["metadata"] = metadata;
    }
    written
}

fn allowed(allowed: &Allowed) -> Value {
    let mut written = json!({ "type": allowed.kind });
    match &allowed.form {
        Form::One => {}
        Form::Everyone => written["wildcard"] = json!({}),
        Form::Set(name) => written["relation"] = json!(name),
    }
    if let Some(condition) = &allowed.condition {
        written["condition"] = json!(condition);
    }
    written
}

fn body(it: &Body) -> Value {
    let all = |parts: &[Body]| json!({ "child": parts.iter().map(body).collect::<Vec<_>>() });
    match it {
        Body::Direct => json!({ "this": {} }),
        Body::Named(name) => json!({ "computedUserset": { "relation": name } }),
        Body::From { computed, tupleset } => json!({ "tupleToUserset": {
            "tupleset": { "relation": tupleset },
            "computedUserset": { "relation": computed },
        }}),
        Body::Or(parts) => json!({ "union": all(parts) }),
        Body::And(parts) => json!({ "intersection": all(parts) }),
        Body::ButNot(parts) => json!({ "difference": {
            "base": body(&parts[0]),
            "subtract": body(&parts[1]),
        }}),
    }
}

fn condition(condition: &Condition, modules: Option<&Modules>) -> Value {
    let mut written = json!({ "name": condition.name, "expression": condition.expression });
    if !condition.parameters.is_empty() {
        let parameters = condition.parameters.iter();
        let parameters = parameters.map(|(name, ty)| (name.clone(), parameter(ty)));
        written["parameters"] = Value::Object(parameters.collect());
    }
    let mut metadata = json!({});
    add_origin(&mut metadata, condition.module, modules);
    if metadata != json!({}) {
        written["metadata"] = metadata;
    }
    written
}

fn parameter(ty: &Param) -> Value {
    let name = |name: &str| format!("TYPE_NAME_{}", name.to_uppercase());
    match ty {
        Param::Scalar(scalar) => json!({ "type_name": name(scalar) }),
        Param::List(of) => json!({ "type_name": name("list"), "generic_types": [parameter(of)] }),
        Param::Map(of) => json!({ "type_name": name("map"), "generic_types": [parameter(of)] }),
    }
}

/// Members whose members are names of the model, and stay as they are.
const NAMED: [&str; 3] = ["relations", "conditions", "parameters"];

/// The two spellings of a member.
const SPELLINGS: [(&str, &str); 8] = [
    ("schema_version", "schemaVersion"),
    ("type_definitions", "typeDefinitions"),
    ("directly_related_user_types", "directlyRelatedUserTypes"),
    ("source_info", "sourceInfo"),
    ("type_name", "typeName"),
    ("generic_types", "genericTypes"),
    ("computed_userset", "computedUserset"),
    ("tuple_to_userset", "tupleToUserset"),
];

/// Spells members in either way, and adds such as mean nothing: `null`, and an empty string for a
/// relation, a condition or an object that there is not.
fn respell(json: &mut Value, dice: &mut Dice, is_named: bool) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(|it| respell(it, dice, false)),
        Value::Object(members) => {
            let old = std::mem::take(members);
            let is_allowed = old.contains_key("type") && !old.contains_key("relations");
            for (name, mut value) in old {
                respell(
                    &mut value,
                    dice,
                    NAMED.contains(&name.as_str()) && !is_named,
                );
                let found = SPELLINGS
                    .iter()
                    .find(|(snake, camel)| *snake == name || *camel == name)
                    .filter(|_| !is_named);
                let spelled = match found {
                    Some((snake, camel)) => (**dice.one(&[snake, camel])).to_owned(),
                    None => name,
                };
                members.insert(spelled, value);
            }
            if is_allowed && !is_named && dice.chance(50) {
                for (name, nothing) in [
                    ("relation", json!("")),
                    ("condition", json!("")),
                    ("wildcard", Value::Null),
                ] {
                    members.entry(name).or_insert(nothing);
                }
            }
        }
        _ => {}
    }
}
