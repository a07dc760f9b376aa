//! Creates requests from JSON, without the HTTP layer.

use behest::model::{Number, Record, Request, Value};
use serde_json::Value as Json;

/// Converts JSON to a request's value; numbers keep their digits as `serde_json` writes them.
pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => {
            Value::Number(Number::parse(&number.to_string()).expect("JSON writes numbers"))
        }
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(members) => Value::Record(
            members
                .iter()
                .map(|(name, member)| (name.into(), value(member)))
                .collect(),
        ),
    }
}

/// Converts a JSON object to a record.
pub fn record(json: &Json) -> Record {
    match value(json) {
        Value::Record(record) => record,
        other => panic!("{} is no object", other.kind()),
    }
}

/// Converts a whole request body.
pub fn request(json: &Json) -> Request {
    Request::from_body(&record(json)).expect("a well-formed request")
}
