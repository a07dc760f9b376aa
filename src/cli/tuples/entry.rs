//! Turns the members of an entry into a tuple, and a tuple into text.

use crate::model::{Record, Tuple, TupleCondition, TupleKey, Value};
use smol_str::SmolStr;
use std::sync::Arc;

/// Reads `{user, relation, object, condition?: {name, context?}}`.
pub(super) fn tuple_of(mut members: Record) -> Result<Tuple, String> {
    let mut text = |name: &str| match members.remove(name) {
        Some(Value::Text(text)) => Ok(text),
        None | Some(Value::Null) => Err(format!(
            "`{name}` is missing: a tuple has `user`, `relation` and `object`"
        )),
        Some(other) => Err(format!("`{name}` must be a string, not {}", other.kind())),
    };
    let (user, relation, object) = (text("user")?, text("relation")?, text("object")?);
    let condition = match members.remove("condition") {
        None | Some(Value::Null) => None,
        Some(Value::Record(condition)) => Some(condition_of(condition)?),
        Some(other) => {
            return Err(format!(
                "`condition` must be an object, not {}",
                other.kind()
            ));
        }
    };
    refuse_rest(
        &members,
        "a tuple has `user`, `relation`, `object` and `condition`",
    )?;
    tuple(&user, &relation, &object, condition)
}

/// Makes a tuple from the texts of its parts.
pub(super) fn tuple(
    user: &str,
    relation: &str,
    object: &str,
    condition: Option<TupleCondition>,
) -> Result<Tuple, String> {
    let key = TupleKey::parse(user, relation, object).map_err(|error| error.to_string())?;
    Ok(Tuple {
        key,
        condition: condition.map(Arc::new),
    })
}

fn condition_of(mut members: Record) -> Result<TupleCondition, String> {
    let name: SmolStr = match members.remove("name") {
        Some(Value::Text(name)) if !name.is_empty() => name,
        None | Some(Value::Null | Value::Text(_)) => {
            return Err("`condition.name` is missing".to_owned());
        }
        Some(other) => {
            return Err(format!(
                "`condition.name` must be a string, not {}",
                other.kind()
            ));
        }
    };
    let context = match members.remove("context") {
        None | Some(Value::Null) => Record::new(),
        Some(Value::Record(context)) => context,
        Some(other) => {
            return Err(format!(
                "`condition.context` must be an object, not {}",
                other.kind()
            ));
        }
    };
    refuse_rest(&members, "a condition has `name` and `context`")?;
    Ok(TupleCondition { name, context })
}

/// Refuses members that are not read, since they may be misspelled.
fn refuse_rest(members: &Record, known: &str) -> Result<(), String> {
    match members.iter().next() {
        Some((name, _)) => Err(format!("`{name}` is not read: {known}")),
        None => Ok(()),
    }
}
