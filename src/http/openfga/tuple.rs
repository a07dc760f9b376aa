//! Reads and writes tuples and conditions as JSON.

use crate::http::openfga::error::{ApiError, FgaCode};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::{CONDITION, CONTEXTUAL_TUPLES, TUPLE_KEY};
use crate::http::openfga::schema::{ConditionBody, TupleKeyBody};
use crate::model::{
    MAX_OBJECT_CHARS, MAX_RELATION_CHARS, Number, ObjectRef, Record, Tuple, TupleCondition,
    TupleKey, TupleUser, Value, check_relation,
};
use crate::stores::{CompiledModel, Spelling};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// Maximum number of contextual tuples in one question; the same limit as OpenFGA's.
pub(super) const MAX_CONTEXTUAL: usize = 100;

/// Reads `user`, `relation` and `object`.
pub(super) fn read_key(fields: &Fields<'_>) -> Result<TupleKey, ApiError> {
    let user = read_user(fields.required("user")?, fields.spelling())?;
    let relation = fields.required("relation")?;
    read_relation(relation)?;
    let object = read_object(fields.required("object")?, fields.spelling())?;
    Ok(TupleKey {
        object,
        relation: relation.clone(),
        user,
    })
}

/// Reads the `tuple_key` of a question.
pub(super) fn read_question(fields: &Fields<'_>) -> Result<TupleKey, ApiError> {
    read_key(&question(fields)?)
}

/// Returns the `tuple_key` of a question, which must be present.
pub(super) fn question<'a>(fields: &Fields<'a>) -> Result<Fields<'a>, ApiError> {
    let missing = || {
        ApiError::new(
            FgaCode::NoTupleKey,
            format!("`{}` is missing", fields.path("tuple_key")),
        )
    };
    fields.object("tuple_key", TUPLE_KEY)?.ok_or_else(missing)
}

/// Reads a user.
pub(super) fn read_user(text: &str, spelling: &Spelling) -> Result<TupleUser, ApiError> {
    spelling
        .user(text)
        .map_err(|error| ApiError::invalid(error.to_string()))
}

/// Reads an object.
pub(super) fn read_object(text: &str, spelling: &Spelling) -> Result<ObjectRef, ApiError> {
    if text.chars().count() > MAX_OBJECT_CHARS {
        let told =
            format!("the object has more than {MAX_OBJECT_CHARS} characters: use a shorter id");
        return Err(ApiError::new(FgaCode::ObjectTooLong, told));
    }
    spelling
        .object(text)
        .map_err(|error| ApiError::invalid(error.to_string()))
}

/// Checks a relation.
pub(super) fn read_relation(text: &str) -> Result<(), ApiError> {
    check_relation(text).map_err(|error| {
        let is_long = text.chars().count() > MAX_RELATION_CHARS;
        ApiError::new(
            if is_long {
                FgaCode::RelationTooLong
            } else {
                FgaCode::Validation
            },
            error.to_string(),
        )
    })
}

/// Reads a tuple with its condition.
pub(super) fn read_tuple(fields: &Fields<'_>) -> Result<Tuple, ApiError> {
    let mut tuple = Tuple::from(read_key(fields)?);
    if let Some(condition) = fields.object("condition", CONDITION)? {
        let name = condition.required("name")?.clone();
        let context = condition.record("context")?.cloned().unwrap_or_default();
        tuple.condition = Some(Arc::new(TupleCondition { name, context }));
    }
    Ok(tuple)
}

/// Reads `contextual_tuples: {tuple_keys: […]}`, each of which the model must allow.
pub(super) fn read_contextual(
    fields: &Fields<'_>,
    model: &CompiledModel,
) -> Result<Vec<Tuple>, ApiError> {
    match fields.object("contextual_tuples", CONTEXTUAL_TUPLES)? {
        None => Ok(Vec::new()),
        Some(tuples) => read_contextual_list(&tuples, "tuple_keys", model, MAX_CONTEXTUAL),
    }
}

/// Reads a list of at most `max` contextual tuples, each of which the model must allow.
pub(super) fn read_contextual_list(
    fields: &Fields<'_>,
    name: &str,
    model: &CompiledModel,
    max: usize,
) -> Result<Vec<Tuple>, ApiError> {
    let count = fields.count(name)?;
    if count > max {
        let told = format!(
            "`{}` holds {count} tuples, and at most {max} are taken",
            fields.path(name)
        );
        return Err(ApiError::invalid(told));
    }
    let mut tuples = Vec::with_capacity(count);
    for item in fields.items(name, TUPLE_KEY)? {
        let tuple = read_tuple(&item).map_err(|error| match error {
            ApiError::Coded { message, .. } => ApiError::new(FgaCode::InvalidTuple, message),
            other => other,
        })?;
        model.rules.model().check_tuple(&tuple).map_err(|refusal| {
            ApiError::new(
                FgaCode::InvalidTuple,
                format!("the tuple `{}` is not allowed: {refusal}", tuple.key),
            )
        })?;
        tuples.push(tuple);
    }
    Ok(tuples)
}

/// Reads the `context` of a question.
pub(super) fn read_context<'a>(fields: &Fields<'a>) -> Result<Option<&'a Record>, ApiError> {
    let context = fields.record("context")?;
    if context.is_some_and(has_control) {
        return Err(ApiError::invalid(format!(
            "`{}` has a control character: remove it",
            fields.path("context")
        )));
    }
    Ok(context)
}

fn has_control(record: &Record) -> bool {
    fn in_value(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
            Value::Text(text) => text.contains(char::is_control),
            Value::List(items) => items.iter().any(in_value),
            Value::Record(record) => has_control(record),
        }
    }
    record
        .iter()
        .any(|(name, value)| name.contains(char::is_control) || in_value(value))
}

/// Converts a tuple to its form in answers.
pub(super) fn tuple_body(tuple: &Tuple) -> TupleKeyBody {
    let condition = tuple.condition.as_ref().map(|condition| ConditionBody {
        name: condition.name.to_string(),
        context: record_json(&condition.context),
    });
    TupleKeyBody {
        user: tuple.key.user.to_string(),
        relation: tuple.key.relation.to_string(),
        object: tuple.key.object.to_string(),
        condition,
    }
}

/// Converts a record to a JSON object.
pub(super) fn record_json(record: &Record) -> Map<String, Json> {
    record
        .iter()
        .map(|(name, value)| (name.to_string(), json_of(value)))
        .collect()
}

/// Converts a value to JSON.
pub(super) fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => json_number(number),
        Value::Text(text) => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(json_of).collect()),
        Value::Record(record) => Json::Object(record_json(record)),
    }
}

/// Converts a number. Whole numbers keep their digits; fractions are doubles in this API, as in
/// protobuf. A number that is too large for a double becomes a string, which conditions read as
/// that number.
fn json_number(number: &Number) -> Json {
    serde_json::from_str(number.digits())
        .unwrap_or_else(|_| Json::String(number.digits().to_owned()))
}
