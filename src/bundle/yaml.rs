//! Reads YAML as request values.

use crate::model::{Number, Place, Problem, Record, Value};
use crate::policy::SourceFile;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, de};
pub(super) use serde_saphyr::{Location, Spanned};
use smol_str::SmolStr;
use std::cell::Cell;
use std::fmt;

/// Maximum nesting of a file, the same as of a JSON body.
const MAX_DEPTH: usize = 64;

/// How many bytes aliases may add to a file; each alias counts as much as what its anchor marks.
const MAX_ALIAS_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes a value counts in addition to its text.
const NODE_BYTES: usize = 8;

/// Reads a YAML file as `T`; unknown and repeated keys are errors, and `yes` is a string.
pub(super) fn parse<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Problem> {
    // A file with aliases is read twice: the first pass only measures its expanded size and stores
    // nothing.
    if file.text.contains('*') && file.text.contains('&') {
        // Two nodes take at least two bytes, so a file without aliases never counts more than this.
        let written = file.text.len().saturating_mul(NODE_BYTES + 1);
        let left = Cell::new(written.saturating_add(MAX_ALIAS_BYTES));
        serde_saphyr::with_deserializer_from_str_with_options(
            &file.text,
            options(),
            |deserializer| AliasWeight { left: &left }.deserialize(deserializer),
        )
        .map_err(|error| problem(file, &error))?;
    }
    serde_saphyr::from_str_with_options(&file.text, options())
        .map_err(|error| problem(file, &error))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        // The operator wrote the file, and its size is limited when it is read, but its nesting is
        // not. `AliasWeight` limits the expansion of aliases.
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: None,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_depth: MAX_DEPTH,
            max_aliases: usize::MAX,
            enforce_alias_anchor_ratio: false,
        },
    }
}

/// Returns the place of a value that the parser found. Of a list or an object, it is the first
/// line.
pub(super) fn place(file: &SourceFile, at: Location) -> Place {
    let offset = |bytes: Option<u64>| bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let Some(begin) = offset(at.span().byte_offset()) else {
        return Place::whole(&file.path);
    };
    let rest = file.text.get(begin..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default().trim_end();
    let len = match offset(at.span().byte_len()) {
        None | Some(0 | 1) => line.len(),
        Some(len) => len,
    };
    file.place(begin.min(file.text.len()), len.max(1).min(rest.len()))
}

fn problem(file: &SourceFile, error: &serde_saphyr::Error) -> Problem {
    let at = error.location();
    let text = error.to_string();
    let message = text
        .split(" at line ")
        .next()
        .unwrap_or(&text)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    Problem::new(message).at(at.map_or_else(|| Place::whole(&file.path), |at| place(file, at)))
}

/// Counts the size of a file with its aliases expanded, and stops if it is too large.
#[derive(Clone, Copy)]
struct AliasWeight<'a> {
    left: &'a Cell<usize>,
}

impl AliasWeight<'_> {
    fn spend<E: de::Error>(self, text: usize) -> Result<(), E> {
        match self.left.get().checked_sub(text.saturating_add(NODE_BYTES)) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(E::custom(
                "the aliases of this file stand for too much: \
                 write out what is meant, or make it smaller",
            )),
        }
    }
}

impl<'de> DeserializeSeed<'de> for AliasWeight<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AliasWeight<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.spend(value.len())
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<(), E> {
        self.spend(value.len())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.spend(0)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.spend(0)?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.spend(0)?;
        while entries.next_key_seed(self)?.is_some() {
            entries.next_value_seed(self)?;
        }
        Ok(())
    }
}

/// A value in a case, with the digits of its numbers as YAML read them.
#[derive(Clone, Debug)]
pub(super) struct YamlValue(pub(super) Value);

/// An object in a case.
#[derive(Clone, Debug)]
pub(super) struct YamlRecord(pub(super) Record);

impl<'de> Deserialize<'de> for YamlRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match YamlValue::deserialize(deserializer)?.0 {
            Value::Record(record) => Ok(Self(record)),
            other => Err(D::Error::custom(format!(
                "expected a mapping, not {}",
                other.kind()
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        number(&value.to_string())
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        number(&value.to_string())
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        number(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        number(&format!("{value:?}"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::text(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(YamlValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members: Vec<(SmolStr, Value)> = Vec::new();
        while let Some((name, YamlValue(value))) = entries.next_entry::<String, YamlValue>()? {
            members.push((name.into(), value));
        }
        Record::from_members(members)
            .map(Value::Record)
            .map_err(|name| A::Error::custom(format!("the key `{name}` occurs twice")))
    }
}

fn number<E: de::Error>(digits: &str) -> Result<Value, E> {
    Number::parse(digits)
        .map(Value::Number)
        .ok_or_else(|| E::custom(format!("`{digits}` is no number")))
}

/// Converts a value to JSON, for stored entities that a case adds.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => {
            serde_json::from_str(number.digits()).unwrap_or(serde_json::Value::Null)
        }
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Record(record) => record
            .iter()
            .map(|(name, value)| (name.to_string(), to_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: String) -> Result<Vec<YamlValue>, Problem> {
        parse(&SourceFile::new("policies/cases.yaml", text))
    }

    #[test]
    fn what_aliases_stand_for_is_bounded() {
        let long = "x".repeat(200_000);
        let bomb = format!("- &a {long}\n{}", "- *a\n".repeat(15_000));
        let refused = read(bomb).expect_err("three gigabytes");
        assert!(
            refused
                .message
                .contains("aliases of this file stand for too much"),
            "{}",
            refused.message
        );
        assert!(refused.place.is_some());
        assert_eq!(
            read(format!("- &a {long}\n{}", "- *a\n".repeat(200)))
                .expect("forty megabytes")
                .len(),
            201
        );
        let nested: String = (1..7)
            .map(|at| format!("- &a{at} [{}]\n", format!("*a{},", at - 1).repeat(20)))
            .collect();
        assert!(
            read(format!("- &a0 [1]\n{nested}")).is_err(),
            "sixty-four million"
        );
        let few = format!("- &a {{k: '*'}}\n{}", "- {a: *a}\n".repeat(10_000));
        assert_eq!(read(few).expect("a file of little things").len(), 10_001);
        let plain = "- '& and * are no aliases'\n- {a, b}\n".to_owned();
        assert_eq!(read(plain).expect("no aliases").len(), 2);
    }
}
