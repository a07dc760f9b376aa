//! Reads the bytes of a body into a record in one pass (RFC 8259; and I-JSON, RFC 7493, as far as
//! AuthZEN 1.0 section 11.5 demands it).
//!
//! It refuses text that is not JSON or not UTF-8, a byte order mark, lone surrogates, anything
//! after the value, a member that occurs twice in its object once escapes are decoded, nesting
//! beyond the limit, too many values within nested arrays, and a body that is not an object.
//!
//! INVARIANT: the recursion goes no deeper than the limit, and numbers keep their digits.

use crate::http::Error;
use crate::model::{MalformedMember, Number, Record, Value, shown};
use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};
use smol_str::SmolStr;
use std::fmt::Write as _;

/// Reads a body. `max_depth` counts levels of objects and arrays, the body's own included.
pub fn read_object(body: &[u8], max_depth: usize) -> Result<Record, Error> {
    let max_weight = MAX_WEIGHT.max(body.len().saturating_mul(WEIGHT_PER_BYTE));
    let mut reader = JsonReader {
        json: Jiter::new(body),
        max_depth,
        max_weight,
        lists: 0,
        weight: 0,
        members: Vec::new(),
    };
    match reader.document() {
        Ok(Value::Record(record)) => Ok(record),
        Ok(other) => Err(MalformedMember::kind("", "an object", &other).into()),
        Err(JsonRefusal::TooDeep) => Err(Error::TooDeep(max_depth)),
        Err(JsonRefusal::TooHeavy) => Err(Error::TooHeavy),
        Err(JsonRefusal::Twice(path)) => Err(Error::DuplicateMember(path)),
        Err(JsonRefusal::Syntax(error)) => {
            let position = reader.json.error_position(error.index);
            Err(Error::Json {
                problem: say(body, &error.error_type),
                line: position.line,
                column: position.column,
            })
        }
    }
}

/// LIMIT: maximum total weight of the values in a body. A value's weight is one more than the
/// number of arrays around it: policies sort a set when it is made, so each value is sorted once
/// for each array around it. The weight does not depend on what policies read from the body, so a
/// cached decision stays consistent with it.
const MAX_WEIGHT: usize = 4_000_000;

/// Weight per byte that a larger body may have; a body without nested arrays has less.
const WEIGHT_PER_BYTE: usize = 4;

/// Returns the path of a member without the names that a request chooses itself, those in a context
/// or in properties. They may be account numbers, or values that were written where a name belongs.
pub(in crate::http) fn without_data(path: &str) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for segment in path.split('.') {
        if shown
            .last()
            .is_some_and(|last| ["context", "properties"].contains(last))
        {
            shown.push("(not shown)");
            break;
        }
        shown.push(segment);
    }
    shown.join(".")
}

enum JsonRefusal {
    Syntax(JiterError),
    TooDeep,
    TooHeavy,
    /// A member occurs twice; the path is completed on the way out.
    Twice(String),
}

impl From<JiterError> for JsonRefusal {
    fn from(error: JiterError) -> Self {
        Self::Syntax(error)
    }
}

impl JsonRefusal {
    fn below(self, name: &str) -> Self {
        match self {
            Self::Twice(path) if path.starts_with('[') => {
                Self::Twice(format!("{}{path}", shown(name)))
            }
            Self::Twice(path) => Self::Twice(format!("{}.{path}", shown(name))),
            other => other,
        }
    }

    fn at(self, index: usize) -> Self {
        match self {
            Self::Twice(path) => {
                let mut whole = String::new();
                let dot = if path.starts_with('[') { "" } else { "." };
                // Writing into a string cannot fail.
                let _ = write!(whole, "[{index}]{dot}{path}");
                Self::Twice(whole)
            }
            other => other,
        }
    }
}

struct JsonReader<'a> {
    json: Jiter<'a>,
    max_depth: usize,
    max_weight: usize,
    /// The number of arrays that are open.
    lists: usize,
    weight: usize,
    /// The members read so far of all open objects; those of an inner object follow those of the
    /// object around it.
    members: Vec<(SmolStr, Value)>,
}

impl JsonReader<'_> {
    fn document(&mut self) -> Result<Value, JsonRefusal> {
        let peek = self.json.peek()?;
        let value = self.value(peek, 0)?;
        self.json.finish()?;
        Ok(value)
    }

    fn value(&mut self, peek: Peek, depth: usize) -> Result<Value, JsonRefusal> {
        self.weight += 1 + self.lists;
        match peek {
            Peek::String => Ok(Value::Text(SmolStr::new(self.json.known_str()?))),
            Peek::Object => self.object(depth + 1),
            Peek::Array => self.array(depth + 1),
            Peek::True | Peek::False => Ok(Value::Bool(self.json.known_bool(peek)?)),
            Peek::Null => {
                self.json.known_null()?;
                Ok(Value::Null)
            }
            _ => self.number(peek),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonRefusal> {
        self.enter(depth)?;
        let start = self.members.len();
        let mut next = self.json.known_object()?.map(SmolStr::new);
        while let Some(name) = next {
            let peek = self.json.peek()?;
            let value = self
                .value(peek, depth)
                .map_err(|refusal| refusal.below(&name))?;
            self.members.push((name, value));
            next = self.json.next_key()?.map(SmolStr::new);
        }
        let record = Record::take_members(&mut self.members, start);
        record
            .map(Value::Record)
            .map_err(|name| JsonRefusal::Twice(shown(&name).into_owned()))
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonRefusal> {
        self.enter(depth)?;
        self.lists += 1;
        let mut items = Vec::new();
        let mut next = self.json.known_array()?;
        while let Some(peek) = next {
            let item = self
                .value(peek, depth)
                .map_err(|refusal| refusal.at(items.len()))?;
            items.push(item);
            if self.weight > self.max_weight {
                return Err(JsonRefusal::TooHeavy);
            }
            next = self.json.array_step()?;
        }
        self.lists -= 1;
        Ok(Value::List(items))
    }

    fn number(&mut self, peek: Peek) -> Result<Value, JsonRefusal> {
        let index = self.json.current_index();
        let digits = self.json.known_number_bytes(peek)?;
        let number = str::from_utf8(digits).ok().and_then(Number::parse);
        number
            .map(Value::Number)
            .ok_or(JsonRefusal::Syntax(JiterError {
                error_type: JiterErrorType::JsonError(JsonErrorType::InvalidNumber),
                index,
            }))
    }

    fn enter(&self, depth: usize) -> Result<(), JsonRefusal> {
        if depth > self.max_depth {
            Err(JsonRefusal::TooDeep)
        } else {
            Ok(())
        }
    }
}

/// Returns the problem in words.
fn say(body: &[u8], error: &JiterErrorType) -> &'static str {
    use JsonErrorType as E;
    let JiterErrorType::JsonError(error) = error else {
        return "a value was expected";
    };
    match error {
        _ if body.starts_with(b"\xef\xbb\xbf") => "it begins with a byte order mark",
        E::EofWhileParsingValue if body.trim_ascii().is_empty() => "it is empty",
        E::EofWhileParsingList
        | E::EofWhileParsingObject
        | E::EofWhileParsingString
        | E::EofWhileParsingValue => "it ends too early",
        E::ExpectedColon => "a colon is missing",
        E::ExpectedListCommaOrEnd => "a comma or the end of an array is missing",
        E::ExpectedObjectCommaOrEnd => "a comma or the end of an object is missing",
        E::InvalidEscape => "an escape is not valid",
        E::InvalidNumber | E::NumberOutOfRange => "a number is not valid",
        E::InvalidUnicodeCodePoint => "a string is not valid UTF-8",
        E::ControlCharacterWhileParsingString => "a control character in a string is not escaped",
        E::KeyMustBeAString => "a member's name must be a string",
        E::LoneLeadingSurrogateInHexEscape | E::UnexpectedEndOfHexEscape => {
            "a surrogate escape has no partner"
        }
        E::TrailingComma => "a comma has nothing behind it",
        E::TrailingCharacters => "something follows the object",
        _ => "a value was expected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refuse(body: impl AsRef<[u8]>) -> String {
        read_object(body.as_ref(), 64).unwrap_err().to_string()
    }

    #[test]
    fn values_arrive_as_they_were_sent() {
        let body = r#" {"t":"\u0061é😀\ud83d\ude00","n":9007199254740993,"d":-1.50e+2,"l":[1,[],{}],"z":null,"b":true} "#;
        let record = read_object(body.as_bytes(), 64).unwrap();
        let number = |digits| Value::Number(Number::parse(digits).unwrap());
        assert_eq!(record.get("t"), Some(&Value::text("aé😀😀")));
        assert_eq!(record.get("n"), Some(&number("9007199254740993")));
        assert_eq!(record.get("d"), Some(&number("-1.50e+2")));
        let list = vec![
            number("1"),
            Value::List(Vec::new()),
            Value::Record(Record::new()),
        ];
        assert_eq!(record.get("l"), Some(&Value::List(list)));
        assert_eq!(record.get("z"), Some(&Value::Null));
        assert_eq!(record.get("b"), Some(&Value::Bool(true)));
        assert_eq!(record.len(), 6);
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for (body, problem) in [
            (&b""[..], "it is empty (line 1, column 0)"),
            (b" \n ", "it is empty (line 2, column 1)"),
            (b"{", "it ends too early (line 1, column 1)"),
            (
                b"{\"a\":1,}",
                "a comma has nothing behind it (line 1, column 8)",
            ),
            (
                b"{'a':1}",
                "a member's name must be a string (line 1, column 2)",
            ),
            (b"{\"a\" 1}", "a colon is missing (line 1, column 6)"),
            (
                b"{\"a\":1}{",
                "something follows the object (line 1, column 8)",
            ),
            (
                b"{\"a\":1} x",
                "something follows the object (line 1, column 9)",
            ),
            (b"{\"a\":NaN}", "a value was expected (line 1, column 6)"),
            (
                b"{\"a\":-Infinity}",
                "a number is not valid (line 1, column 7)",
            ),
            (b"{\"a\":01}", "a number is not valid (line 1, column 7)"),
            (
                b"{\"a\":0x1}",
                "a comma or the end of an object is missing (line 1, column 7)",
            ),
            (b"{\"a\":1.}", "a number is not valid (line 1, column 8)"),
            (b"/* */{}", "a value was expected (line 1, column 1)"),
            (
                b"{\"a\":\"\x01\"}",
                "a control character in a string is not escaped (line 1, column 7)",
            ),
            (
                b"{\"a\":\"\xff\"}",
                "a string is not valid UTF-8 (line 1, column 7)",
            ),
            (
                b"{\"a\":\"\xc0\xaf\"}",
                "a string is not valid UTF-8 (line 1, column 7)",
            ),
            (
                b"{\"\xff\":1}",
                "a string is not valid UTF-8 (line 1, column 3)",
            ),
            (
                b"{\"a\":\"\\ud800\"}",
                "a surrogate escape has no partner (line 1, column 13)",
            ),
            (
                b"{\"a\":\"\\udc00\"}",
                "a surrogate escape has no partner (line 1, column 12)",
            ),
            (
                b"{\"a\":\"\\udc00\\ud800\"}",
                "a surrogate escape has no partner (line 1, column 12)",
            ),
            (
                b"\xef\xbb\xbf{}",
                "it begins with a byte order mark (line 1, column 1)",
            ),
            (
                b"{\0\"\0a\0",
                "a member's name must be a string (line 1, column 2)",
            ),
        ] {
            let text = String::from_utf8_lossy(body).into_owned();
            assert_eq!(
                refuse(body),
                format!("the body is not valid JSON: {problem}"),
                "{text}"
            );
        }
    }

    #[test]
    fn only_an_object_is_a_body() {
        for (body, kind) in [
            ("[]", "an array"),
            ("\"x\"", "a string"),
            ("1", "a number"),
            ("null", "null"),
        ] {
            assert_eq!(
                refuse(body),
                format!("the body must be an object, not {kind}")
            );
        }
    }

    #[test]
    fn a_member_that_occurs_twice_is_named_by_its_path() {
        for (body, path) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"s":{"id":"x","\u0069d":"y"}}"#, "s.id"),
            (
                r#"{"l":[{},{"m":[[{"k":1,"x":2,"k":1}]]}]}"#,
                "l[1].m[0][0].k",
            ),
        ] {
            assert_eq!(
                refuse(body),
                format!("`{path}` occurs more than once in its object: send it once")
            );
        }
    }

    #[test]
    fn a_path_without_data_ends_where_the_data_begins() {
        for (path, expected) in [
            ("subject.id", "subject.id"),
            ("context", "context"),
            ("context.vault.4711", "context.(not shown)"),
            (
                "evaluations[3].subject.properties.x",
                "evaluations[3].subject.properties.(not shown)",
            ),
        ] {
            assert_eq!(without_data(path), expected);
        }
    }

    #[test]
    fn nesting_is_read_up_to_the_limit_and_no_further() {
        let nested = |levels: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            )
        };
        assert!(read_object(nested(64).as_bytes(), 64).is_ok());
        assert_eq!(
            refuse(nested(65)),
            "the body is nested more than 64 levels deep: send flatter data"
        );
        let unclosed = "{\"a\":".repeat(500_000);
        assert_eq!(
            refuse(unclosed),
            "the body is nested more than 64 levels deep: send flatter data"
        );
        // The deepest nesting that a setting can allow fits into the stack.
        let deepest = crate::http::HttpLimits::MAX_JSON_DEPTH;
        assert!(read_object(nested(deepest).as_bytes(), deepest).is_ok());
    }

    #[test]
    fn what_nests_weighs_more_than_what_is_long() {
        let of =
            |value: &str, times: usize| format!("{{\"a\":[{}]}}", vec![value; times].join(","));
        let deep = format!("{}1{}", "[".repeat(59), "]".repeat(59));
        for (body, is_refused) in [
            (of("1", 500_000), false),
            (of("[1,1]", 170_000), false),
            (of(&deep, 1_000), false),
            (of(&deep, 8_000), true),
            (
                of(
                    &format!(
                        "{}{}{}",
                        "[".repeat(57),
                        vec!["1"; 3_500].join(","),
                        "]".repeat(57)
                    ),
                    30,
                ),
                true,
            ),
        ] {
            assert_eq!(
                read_object(body.as_bytes(), 64).is_err(),
                is_refused,
                "{}",
                &body[..80]
            );
        }
        let body = of(
            &format!(
                "{}{}{}",
                "[".repeat(57),
                vec!["1"; 80_000].join(","),
                "]".repeat(57)
            ),
            1,
        );
        assert_eq!(
            refuse(body),
            "the body holds too many values within nested arrays: send flatter data"
        );
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_back_alike(text in ".*", number in any::<i64>(), float in any::<f64>()) {
            prop_assume!(float.is_finite());
            let body = serde_json::json!({ "t": text, "n": number, "f": float, "l": [{ &text: null }] }).to_string();
            let record = read_object(body.as_bytes(), 64).unwrap();
            prop_assert_eq!(record.get("t"), Some(&Value::text(&text)));
            prop_assert_eq!(record.get("n"), Some(&Value::from(number)));
            let Some(Value::Number(read)) = record.get("f") else { panic!("not a number") };
            prop_assert_eq!(read.digits().parse::<f64>().unwrap().to_bits(), float.to_bits());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_object(&bytes, 64);
        }

        #[test]
        fn a_body_with_one_byte_changed_is_read_or_refused(at in 0_usize..90, byte in any::<u8>()) {
            let mut body = br#"{"subject":{"type":"user","id":"\u0061"},"action":{"name":"r"},"context":{"n":[1.5e3,null]}}"#.to_vec();
            body[at] = byte;
            // A strict reader of the same grammar accepts whatever this reader accepts.
            if read_object(&body, 64).is_ok() {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
            }
        }
    }
}
