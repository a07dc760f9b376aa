//! Computes the size of a model as OpenFGA's protobuf message, which is what OpenFGA's limit
//! counts.

use super::definition::{
    ConditionDefinition, ModelDefinition, ModuleOrigin, RelationDefinition, Restriction,
    RestrictionForm, Rewrite, TypeDefinition,
};
use crate::relations::condition::ParameterType;

/// Size in bytes of the id of a stored model.
const ID_BYTES: usize = 26;

/// Returns the size in bytes of the `AuthorizationModel` message.
pub(super) fn bytes(model: &ModelDefinition) -> usize {
    let types: usize = model
        .types
        .iter()
        .map(|it| field(type_definition(it)))
        .sum();
    let conditions: usize = model
        .conditions
        .iter()
        .map(|it| entry(it.name.len(), condition(it)))
        .sum();
    field(ID_BYTES) + text(model.schema.as_str()) + types + conditions
}

fn type_definition(it: &TypeDefinition) -> usize {
    let relations: usize = it
        .relations
        .iter()
        .map(|it| entry(it.name.len(), rewrite(&it.rewrite)))
        .sum();
    let about: usize = it
        .relations
        .iter()
        .map(|it| entry(it.name.len(), relation_metadata(it)))
        .sum();
    let metadata = about + origin(&it.origin);
    text(&it.name) + relations + if metadata == 0 { 0 } else { field(metadata) }
}

fn relation_metadata(it: &RelationDefinition) -> usize {
    it.restrictions
        .iter()
        .map(|it| field(restriction(it)))
        .sum::<usize>()
        + origin(&it.origin)
}

fn origin(it: &ModuleOrigin) -> usize {
    it.module.as_ref().map_or(0, |module| text(module))
        + it.file.as_ref().map_or(0, |file| field(text(file)))
}

fn rewrite(it: &Rewrite) -> usize {
    match it {
        Rewrite::This => field(0),
        Rewrite::Computed(relation) => field(text(relation)),
        Rewrite::FromTupleset { tupleset, computed } => {
            field(field(text(tupleset)) + field(text(computed)))
        }
        Rewrite::Union(children) | Rewrite::Intersection(children) => {
            field(children.iter().map(|it| field(rewrite(it))).sum())
        }
        Rewrite::Difference { base, subtract } => {
            field(field(rewrite(base)) + field(rewrite(subtract)))
        }
    }
}

fn restriction(it: &Restriction) -> usize {
    let form = match &it.form {
        RestrictionForm::Object => 0,
        RestrictionForm::Userset(relation) => text(relation),
        RestrictionForm::Wildcard => field(0),
    };
    text(&it.kind) + form + it.condition.as_ref().map_or(0, |condition| text(condition))
}

fn condition(it: &ConditionDefinition) -> usize {
    let parameters: usize = it
        .parameters
        .iter()
        .map(|(name, ty)| entry(name.len(), parameter(ty)))
        .sum();
    let metadata = origin(&it.origin);
    text(&it.name)
        + text(&it.expression)
        + parameters
        + if metadata == 0 { 0 } else { field(metadata) }
}

fn parameter(ty: &ParameterType) -> usize {
    2 + ty.element().map_or(0, |element| field(parameter(element)))
}

/// Returns the size of a map entry: a message of a key and a value.
fn entry(key: usize, value: usize) -> usize {
    field(field(key) + field(value))
}

/// Returns the size of a string field; an empty string is not written.
fn text(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        field(text.len())
    }
}

/// Returns the size of a field with a payload of `bytes` bytes: one byte of tag, the length in
/// groups of seven bits, the payload.
fn field(bytes: usize) -> usize {
    let bits = usize::BITS - bytes.leading_zeros();
    let length = usize::try_from(bits.div_ceil(7).max(1)).unwrap_or(1);
    1 + length + bytes
}
