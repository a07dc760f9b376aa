//! JSON of tokens, key sets and introspection answers, as records (RFC 8259).
//!
//! Refused: a member that occurs twice, since two readers could see two tokens; nesting beyond [`MAX_DEPTH`]; anything
//! behind the object. Numbers keep their digits, so that an amount is compared as it was written.

use crate::model::{Number, Record, Value};
use jiter::{Jiter, Peek};
use smol_str::SmolStr;

/// LIMIT: levels of objects and arrays. A chain of eight actors has nine, details some more.
const MAX_DEPTH: usize = 24;

/// Reads one object; `None` for anything else.
pub(super) fn read(text: &[u8]) -> Option<Record> {
    let mut json = Jiter::new(text);
    let peek = json.peek().ok()?;
    let value = value(&mut json, peek, 0)?;
    json.finish().ok()?;
    match value {
        Value::Record(record) => Some(record),
        _ => None,
    }
}

fn value(json: &mut Jiter<'_>, peek: Peek, depth: usize) -> Option<Value> {
    match peek {
        Peek::String => json.known_str().ok().map(|text| Value::Text(SmolStr::new(text))),
        Peek::Object if depth < MAX_DEPTH => {
            let mut members = Vec::new();
            let mut next = json.known_object().ok()?.map(SmolStr::new);
            while let Some(name) = next {
                let peek = json.peek().ok()?;
                members.push((name, value(json, peek, depth + 1)?));
                next = json.next_key().ok()?.map(SmolStr::new);
            }
            Record::from_members(members).ok().map(Value::Record)
        }
        Peek::Array if depth < MAX_DEPTH => {
            let mut items = Vec::new();
            let mut next = json.known_array().ok()?;
            while let Some(peek) = next {
                items.push(value(json, peek, depth + 1)?);
                next = json.array_step().ok()?;
            }
            Some(Value::List(items))
        }
        Peek::Object | Peek::Array => None,
        Peek::True | Peek::False => json.known_bool(peek).ok().map(Value::Bool),
        Peek::Null => json.known_null().ok().map(|()| Value::Null),
        _ => {
            let digits = json.known_number_bytes(peek).ok()?;
            str::from_utf8(digits).ok().and_then(Number::parse).map(Value::Number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_read_and_nothing_else() {
        let record = read(br#"{"a":[1.50,{"b":null}],"c":"x","d":true}"#).unwrap();
        assert_eq!(record.get("a").unwrap().as_list().unwrap()[0], Value::Number(Number::parse("1.50").unwrap()));
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
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
            assert_eq!(read(text.as_bytes()), None, "{}", &text[..text.len().min(40)]);
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}"), None);
    }
}
