//! Writes a model as JSON.

use super::super::definition::{
    ConditionDefinition, ModelDefinition, ModuleOrigin, RelationDefinition, Restriction,
    RestrictionForm, Rewrite, TypeDefinition,
};
use super::TYPE_NAMES;
use crate::relations::condition::ParameterType;
use serde_json::{Map, Value, json};

/// Writes a model: `schema_version`, `type_definitions`, and `conditions` if there are any. The
/// caller adds the id.
#[must_use]
pub fn to_json(model: &ModelDefinition) -> Value {
    let mut out = json!({
        "schema_version": model.schema.as_str(),
        "type_definitions": model.types.iter().map(type_definition).collect::<Vec<_>>(),
    });
    if !model.conditions.is_empty() {
        let conditions = model
            .conditions
            .iter()
            .map(|it| (it.name.to_string(), condition(it)));
        set(&mut out, "conditions", Value::Object(conditions.collect()));
    }
    out
}

fn type_definition(definition: &TypeDefinition) -> Value {
    let relations: Map<_, _> = definition
        .relations
        .iter()
        .map(|it| (it.name.to_string(), rewrite(&it.rewrite)))
        .collect();
    let mut out = json!({ "type": definition.name.as_str(), "relations": relations });
    let mut metadata = json!({});
    if !definition.relations.is_empty() {
        let about: Map<_, _> = definition
            .relations
            .iter()
            .map(|it| (it.name.to_string(), relation_metadata(it)))
            .collect();
        set(&mut metadata, "relations", Value::Object(about));
    }
    add_origin(&mut metadata, &definition.origin);
    if metadata != json!({}) {
        set(&mut out, "metadata", metadata);
    }
    out
}

fn relation_metadata(relation: &RelationDefinition) -> Value {
    let restrictions: Vec<_> = relation.restrictions.iter().map(restriction).collect();
    let mut out = json!({ "directly_related_user_types": restrictions });
    add_origin(&mut out, &relation.origin);
    out
}

fn add_origin(out: &mut Value, origin: &ModuleOrigin) {
    if let Some(module) = &origin.module {
        set(out, "module", json!(module.as_str()));
    }
    if let Some(file) = &origin.file {
        set(out, "source_info", json!({ "file": file.as_str() }));
    }
}

fn rewrite(it: &Rewrite) -> Value {
    let children =
        |children: &[Rewrite]| json!({ "child": children.iter().map(rewrite).collect::<Vec<_>>() });
    match it {
        Rewrite::This => json!({ "this": {} }),
        Rewrite::Computed(relation) => {
            json!({ "computedUserset": { "relation": relation.as_str() } })
        }
        Rewrite::FromTupleset { tupleset, computed } => json!({ "tupleToUserset": {
            "tupleset": { "relation": tupleset.as_str() },
            "computedUserset": { "relation": computed.as_str() },
        } }),
        Rewrite::Union(it) => json!({ "union": children(it) }),
        Rewrite::Intersection(it) => json!({ "intersection": children(it) }),
        Rewrite::Difference { base, subtract } => {
            json!({ "difference": { "base": rewrite(base), "subtract": rewrite(subtract) } })
        }
    }
}

fn restriction(it: &Restriction) -> Value {
    let mut out = json!({ "type": it.kind.as_str() });
    match &it.form {
        RestrictionForm::Object => {}
        RestrictionForm::Userset(relation) => set(&mut out, "relation", json!(relation.as_str())),
        RestrictionForm::Wildcard => set(&mut out, "wildcard", json!({})),
    }
    if let Some(condition) = &it.condition {
        set(&mut out, "condition", json!(condition.as_str()));
    }
    out
}

fn condition(it: &ConditionDefinition) -> Value {
    let mut out = json!({ "name": it.name.as_str(), "expression": it.expression });
    if !it.parameters.is_empty() {
        let parameters: Map<_, _> = it
            .parameters
            .iter()
            .map(|(name, ty)| (name.to_string(), parameter(ty)))
            .collect();
        set(&mut out, "parameters", Value::Object(parameters));
    }
    let mut metadata = json!({});
    add_origin(&mut metadata, &it.origin);
    if metadata != json!({}) {
        set(&mut out, "metadata", metadata);
    }
    out
}

fn parameter(ty: &ParameterType) -> Value {
    let name = TYPE_NAMES
        .iter()
        .find(|(_, known)| *known == ty.name())
        .map_or("TYPE_NAME_ANY", |(json, _)| json);
    match ty.element() {
        Some(element) => json!({ "type_name": name, "generic_types": [parameter(element)] }),
        None => json!({ "type_name": name }),
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
