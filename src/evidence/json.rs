//! Parses the JSON of tokens, key sets and introspection answers into records (RFC 8259).
//!
//! It refuses a member that occurs twice, since two readers could see two different tokens; nesting
//! beyond [`MAX_DEPTH`]; and any text after the object. Numbers keep their digits, so that an
//! amount is compared as it was written.

use crate::model::{Number, Record, Value};
use jiter::{Jiter, Peek};
use smol_str::SmolStr;

/// LIMIT: levels of objects and arrays. A chain of eight actors has nine, details some more.
const MAX_DEPTH: usize = 24;

/// The reason why a text cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextError {
    /// An object has two members of this name.
    Twice(SmolStr),
    /// The text is not one JSON object, or is nested too deeply.
    Form,
}

/// Parses one object; returns `None` for anything else.
pub(super) fn read(text: &[u8]) -> Option<Record> {
    read_object(text).ok()
}

/// Parses one object; the error says why it cannot.
pub(super) fn read_object(text: &[u8]) -> Result<Record, TextError> {
    let mut json = Jiter::new(text);
    let peek = json.peek().map_err(form)?;
    let value = value(&mut json, peek, 0)?;
    json.finish().map_err(form)?;
    match value {
        Value::Record(record) => Ok(record),
        _ => Err(TextError::Form),
    }
}

fn value(json: &mut Jiter<'_>, peek: Peek, depth: usize) -> Result<Value, TextError> {
    match peek {
        Peek::String => json
            .known_str()
            .map(|text| Value::Text(SmolStr::new(text)))
            .map_err(form),
        Peek::Object if depth < MAX_DEPTH => {
            let mut members = Vec::new();
            let mut next = json.known_object().map_err(form)?.map(SmolStr::new);
            while let Some(name) = next {
                let peek = json.peek().map_err(form)?;
                members.push((name, value(json, peek, depth + 1)?));
                next = json.next_key().map_err(form)?.map(SmolStr::new);
            }
            Record::from_members(members)
                .map(Value::Record)
                .map_err(TextError::Twice)
        }
        Peek::Array if depth < MAX_DEPTH => {
            let mut items = Vec::new();
            let mut next = json.known_array().map_err(form)?;
            while let Some(peek) = next {
                items.push(value(json, peek, depth + 1)?);
                next = json.array_step().map_err(form)?;
            }
            Ok(Value::List(items))
        }
        Peek::Object | Peek::Array => Err(TextError::Form),
        Peek::True | Peek::False => json.known_bool(peek).map(Value::Bool).map_err(form),
        Peek::Null => json.known_null().map(|()| Value::Null).map_err(form),
        _ => {
            let digits = json.known_number_bytes(peek).map_err(form)?;
            let number = str::from_utf8(digits).ok().and_then(Number::parse);
            number.map(Value::Number).ok_or(TextError::Form)
        }
    }
}

fn form<E>(_: E) -> TextError {
    TextError::Form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_read_and_nothing_else() {
        let record = read(br#"{"a":[1.50,{"b":null}],"c":"x","d":true}"#).unwrap();
        assert_eq!(
            record.get("a").unwrap().as_list().unwrap()[0],
            Value::Number(Number::parse("1.50").unwrap())
        );
        let deep = |levels: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            )
        };
        assert!(read(deep(MAX_DEPTH).as_bytes()).is_some());
        for text in [
            "",
            "[]",
            "1",
            "{} {}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{a:1}",
            &deep(MAX_DEPTH + 1),
            &"{\"a\":".repeat(100_000),
        ] {
            assert_eq!(
                read(text.as_bytes()),
                None,
                "{}",
                &text[..text.len().min(40)]
            );
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}"), None);
    }
}
