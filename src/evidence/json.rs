//! Reads the JSON of tokens, key sets and introspection answers.

use crate::json::{self, JsonError};
use crate::model::Record;

/// LIMIT: levels of objects and arrays. A chain of eight actors has nine, details some more.
const MAX_DEPTH: usize = 24;

/// Reads one object; returns `None` for anything else.
pub(super) fn read(text: &[u8]) -> Option<Record> {
    read_object(text).ok()
}

/// Reads one object; the error says why it cannot.
pub(super) fn read_object(text: &[u8]) -> Result<Record, JsonError> {
    json::read_object(text, MAX_DEPTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Number, Value};

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
