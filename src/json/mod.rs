//! Reads JSON into the model's own values: bodies, credentials, and what the command line is given.
//!
//! **Problem.** The usual readers keep the last of two members with one name, turn numbers into
//! doubles and recurse as deep as the text does. What two readers read differently can be decided
//! about in one way and carried out in another.
//! **Decision.** One pass over the bytes builds a record (RFC 8259; and I-JSON, RFC 7493, as far as
//! AuthZEN 1.0 section 11.5 demands it). It refuses text that is not JSON or not UTF-8, a byte
//! order mark, lone surrogates, anything after the value, a member that occurs twice in its object
//! once escapes are decoded, nesting beyond the limit, too many values within nested arrays, and a
//! text that is not an object. What a refusal means to its sender is said where it was read
//! ([`JsonError::about`]).
//! **Trade-off.** What only this service writes, and what is read up to its damage (key sets), has
//! other readers.
//!
//! INVARIANT: the recursion goes no deeper than the limit, and numbers keep their digits.

mod error;

pub use error::JsonError;

use crate::model::{Number, Record, Value, shown};
use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};
use smol_str::SmolStr;

/// The deepest nesting that may be allowed: reading and dropping a value uses stack for each level.
pub const MAX_DEPTH: usize = 256;

/// Reads an object. `max_depth` counts levels of objects and arrays, the object itself included.
pub fn read_object(text: &[u8], max_depth: usize) -> Result<Record, JsonError> {
    let max_weight = MAX_WEIGHT.max(text.len().saturating_mul(WEIGHT_PER_BYTE));
    let mut reader = JsonReader {
        json: Jiter::new(text),
        max_depth,
        max_weight,
        lists: 0,
        weight: 0,
        members: Vec::new(),
    };
    match reader.document() {
        Ok(Value::Record(record)) => Ok(record),
        Ok(other) => Err(JsonError::NoObject(other.kind())),
        Err(JsonRefusal::TooDeep) => Err(JsonError::TooDeep(max_depth)),
        Err(JsonRefusal::TooHeavy) => Err(JsonError::TooHeavy),
        Err(JsonRefusal::Twice(member)) => {
            let TwiceMember { name, path } = *member;
            Err(JsonError::Twice { name, path })
        }
        Err(JsonRefusal::Syntax(error)) => {
            let position = reader.json.error_position(error.index);
            Err(JsonError::Syntax {
                problem: say(text, &error.error_type),
                line: position.line,
                column: position.column,
            })
        }
    }
}

/// LIMIT: maximum total weight of the values in a text. A value's weight is one more than the
/// number of arrays around it: policies sort a set when it is made, so each value is sorted once
/// for each array around it. The weight does not depend on what policies read from it, so a
/// cached decision stays consistent with it.
const MAX_WEIGHT: usize = 4_000_000;

/// Weight per byte that a larger text may have; one without nested arrays has less.
const WEIGHT_PER_BYTE: usize = 4;

enum JsonRefusal {
    Syntax(JiterError),
    TooDeep,
    TooHeavy,
    /// A member occurs twice. It is boxed, because the refusal is as large as the largest of its
    /// forms, and every value is returned in its place.
    Twice(Box<TwiceMember>),
}

/// A member that occurs twice.
struct TwiceMember {
    name: SmolStr,
    /// The path, which is completed on the way out.
    path: String,
}

impl From<JiterError> for JsonRefusal {
    fn from(error: JiterError) -> Self {
        Self::Syntax(error)
    }
}

impl JsonRefusal {
    /// Puts the name of the object's member before the path.
    fn below(self, member: &str) -> Self {
        self.within(|path| {
            let dot = if path.starts_with('[') { "" } else { "." };
            format!("{}{dot}{path}", shown(member))
        })
    }

    /// Puts the index of the array's item before the path.
    fn at(self, index: usize) -> Self {
        self.within(|path| {
            let dot = if path.starts_with('[') { "" } else { "." };
            format!("[{index}]{dot}{path}")
        })
    }

    fn within(mut self, longer: impl FnOnce(&str) -> String) -> Self {
        if let Self::Twice(member) = &mut self {
            member.path = longer(&member.path);
        }
        self
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
        record.map(Value::Record).map_err(|name| {
            let path = shown(&name).into_owned();
            JsonRefusal::Twice(Box::new(TwiceMember { name, path }))
        })
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
fn say(text: &[u8], error: &JiterErrorType) -> &'static str {
    use JsonErrorType as E;
    let JiterErrorType::JsonError(error) = error else {
        return "a value was expected";
    };
    match error {
        _ if text.starts_with(b"\xef\xbb\xbf") => "it begins with a byte order mark",
        E::EofWhileParsingValue if text.trim_ascii().is_empty() => "it is empty",
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
mod tests;
