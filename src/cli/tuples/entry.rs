//! Turns the members of an entry into a tuple, and a tuple into text.

use super::error::EntryError;
use crate::model::{Record, Tuple, TupleCondition, TupleKey, Value};
use std::sync::Arc;

/// Reads `{user, relation, object, condition?: {name, context?}}`.
pub(super) fn tuple_of(mut members: Record) -> Result<Tuple, EntryError> {
    let mut text = |name: &'static str| match members.remove(name) {
        Some(Value::Text(text)) => Ok(text),
        None | Some(Value::Null) => Err(EntryError::NoPart(name)),
        Some(other) => Err(wrong_kind(name, "a string", &other)),
    };
    let user = text("user")?;
    let relation = text("relation")?;
    let object = text("object")?;
    let condition = match members.remove("condition") {
        None | Some(Value::Null) => None,
        Some(Value::Record(condition)) => Some(condition_of(condition)?),
        Some(other) => return Err(wrong_kind("condition", "an object", &other)),
    };
    // Members that are not read may be misspelled.
    if let Some((name, _)) = members.iter().next() {
        return Err(EntryError::TupleMember(name.clone()));
    }
    tuple(&user, &relation, &object, condition)
}

/// Makes a tuple from the texts of its parts.
pub(super) fn tuple(
    user: &str,
    relation: &str,
    object: &str,
    condition: Option<TupleCondition>,
) -> Result<Tuple, EntryError> {
    Ok(Tuple {
        key: TupleKey::parse(user, relation, object)?,
        condition: condition.map(Arc::new),
    })
}

fn condition_of(mut members: Record) -> Result<TupleCondition, EntryError> {
    let name = match members.remove("name") {
        Some(Value::Text(name)) if !name.is_empty() => name,
        None | Some(Value::Null | Value::Text(_)) => return Err(EntryError::NoConditionName),
        Some(other) => return Err(wrong_kind("condition.name", "a string", &other)),
    };
    let context = match members.remove("context") {
        None | Some(Value::Null) => Record::new(),
        Some(Value::Record(context)) => context,
        Some(other) => return Err(wrong_kind("condition.context", "an object", &other)),
    };
    match members.iter().next() {
        Some((name, _)) => Err(EntryError::ConditionMember(name.clone())),
        None => Ok(TupleCondition { name, context }),
    }
}

fn wrong_kind(member: &'static str, expected: &'static str, found: &Value) -> EntryError {
    EntryError::Kind {
        member,
        expected,
        found: found.kind(),
    }
}
