//! Shows the tuples that did not count because of their conditions, with the values that these were
//! evaluated with.
//!
//! INVARIANT: a value that is marked `@secret`, by the name of the parameter or of a member within
//! its value, is not shown, and neither is what is likely to be a token. Of the request, only what
//! the schema declares is shown.

use crate::model::{
    HIDDEN, ParameterOrigin, ParameterValue, Record, UnmetCondition, UnmetTuple, Value, holds_token,
};
use crate::policy::explanation::shown::{BoundedText, CUT, SECRET, SHOWN_BYTES};
use crate::policy::schema::Vocabulary;
use smol_str::SmolStr;
use std::fmt::{self, Write};

/// LIMIT: bytes of the values of one look-up, as many as its witness may have. A batch has look-ups
/// for each leg of each of its items.
const VALUE_BYTES: usize = 4 << 10;

/// What is shown in place of a value that nothing declares.
const UNDECLARED: &str = "(not declared)";

/// Returns tuples as they are shown. `context` is the request's, which has the values that are
/// neither stored with a tuple nor supplied.
pub(in crate::policy) fn unmet_conditions(
    unmet: Vec<UnmetTuple>,
    context: &Record,
    vocabulary: &Vocabulary,
) -> Vec<UnmetCondition> {
    let mut left = VALUE_BYTES;
    let shown = |unmet: UnmetTuple| {
        let mut values = Vec::with_capacity(unmet.parameters.len());
        for (name, supplied) in &unmet.parameters {
            let stored = unmet.condition.context.get(name);
            let (value, origin) = match (stored, supplied, context.get(name)) {
                (Some(stored), _, _) => (stored, ParameterOrigin::Tuple),
                (None, Some(supplied), _) => (supplied, ParameterOrigin::Service),
                (None, None, Some(sent)) => (sent, ParameterOrigin::Request),
                (None, None, None) => continue,
            };
            let value = if may_be_shown(name, origin, vocabulary) {
                parameter_text(name, value, vocabulary, SHOWN_BYTES.min(left))
            } else {
                UNDECLARED.to_owned()
            };
            left = left.saturating_sub(value.len());
            values.push(ParameterValue {
                parameter: name.to_string(),
                value,
                origin,
            });
        }
        UnmetCondition {
            tuple: unmet.tuple.to_string(),
            condition: unmet.condition.name.to_string(),
            error: unmet.error,
            values,
        }
    };
    unmet.into_iter().map(shown).collect()
}

/// Returns `true` unless nothing says that a value is no secret: one of the request, under a name
/// that the schema does not declare.
fn may_be_shown(name: &SmolStr, origin: ParameterOrigin, vocabulary: &Vocabulary) -> bool {
    match origin {
        ParameterOrigin::Service | ParameterOrigin::Tuple => true,
        ParameterOrigin::Request => {
            let mut contexts = vocabulary.contexts();
            vocabulary.is_secret(name) || contexts.any(|context| context.contains_key(name))
        }
    }
}

/// Returns the value of a parameter as JSON, cut at `bytes` bytes.
fn parameter_text(name: &SmolStr, value: &Value, vocabulary: &Vocabulary, bytes: usize) -> String {
    if vocabulary.is_secret(name) {
        return SECRET.to_owned();
    }
    let mut text = BoundedText {
        text: String::new(),
        bytes,
    };
    match write_json(&mut text, value, vocabulary) {
        Ok(()) => text.text,
        Err(fmt::Error) => text.text + CUT,
    }
}

/// Writes a value as JSON, up to where the text ends.
fn write_json(text: &mut BoundedText, value: &Value, vocabulary: &Vocabulary) -> fmt::Result {
    match value {
        Value::Null => text.write_str("null"),
        Value::Bool(value) => write!(text, "{value}"),
        Value::Number(number) => write!(text, "{number}"),
        Value::Text(value) => write_text(text, value),
        Value::List(items) => {
            text.write_str("[")?;
            for (at, item) in items.iter().enumerate() {
                text.write_str(if at > 0 { ", " } else { "" })?;
                write_json(text, item, vocabulary)?;
            }
            text.write_str("]")
        }
        Value::Record(members) => {
            text.write_str("{")?;
            for (at, (name, member)) in members.iter().enumerate() {
                text.write_str(if at > 0 { ", " } else { "" })?;
                write_text(text, name)?;
                text.write_str(": ")?;
                if vocabulary.is_secret(name) {
                    text.write_str(SECRET)?;
                } else {
                    write_json(text, member, vocabulary)?;
                }
            }
            text.write_str("}")
        }
    }
}

/// Writes a string with its escapes. Of a long one, only the beginning is looked at.
fn write_text(text: &mut BoundedText, value: &str) -> fmt::Result {
    let begin = value
        .get(..value.floor_char_boundary(SHOWN_BYTES))
        .unwrap_or_default();
    if holds_token(begin) {
        return text.write_str(HIDDEN);
    }
    write!(text, "{}", serde_json::Value::from(begin))?;
    if begin.len() < value.len() {
        return Err(fmt::Error);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TupleCondition, TupleKey};
    use crate::policy::load::source::SourceFile;
    use crate::policy::port::RelationTypes;
    use crate::policy::schema::Schema;
    use std::sync::Arc;

    fn record(json: &str) -> Record {
        crate::json::read_object(json.as_bytes(), 64).unwrap()
    }

    /// Returns what is shown of a tuple with these values, which are stored and sent.
    fn shown(stored: &str, context: &str, parameters: &[(&str, Option<Value>)]) -> UnmetCondition {
        let names = parameters.iter().map(|(name, _)| *name);
        let declared = names.filter(|name| !["pin", "other", "current_time"].contains(name));
        let members: Vec<String> = declared.map(|name| format!("{name}?: String")).collect();
        let schema = format!(
            "entity user {{ @secret pin?: String }}; action call appliesTo {{ principal: user, \
             resource: user, context: {{ {} }} }};",
            members.join(", ")
        );
        let files = [SourceFile::new("s.cedarschema", schema)];
        let schema = Schema::read(&files, RelationTypes::default()).unwrap();
        let parameters = parameters.iter().cloned();
        let unmet = UnmetTuple {
            tuple: TupleKey::parse("user:ann", "caller", "tool:refund").unwrap(),
            condition: Arc::new(TupleCondition {
                name: "small".into(),
                context: record(stored),
            }),
            parameters: parameters
                .map(|(name, value)| (name.into(), value))
                .collect(),
            error: None,
        };
        let mut all = unmet_conditions(vec![unmet], &record(context), &schema.vocabulary);
        all.remove(0)
    }

    fn value_of(condition: &UnmetCondition, name: &str) -> String {
        let mut values = condition.values.iter();
        let value = values.find(|value| value.parameter == name).unwrap();
        format!("{} {}", value.origin.as_str(), value.value)
    }

    #[test]
    fn each_value_is_shown_with_where_it_comes_from() {
        let condition = shown(
            r#"{"most": 500, "of": ["a", "b"]}"#,
            r#"{"most": 9, "amount": 12.50, "current_time": "x", "deep": {"a": null, "b": true}}"#,
            &[
                ("most", None),
                ("of", None),
                ("amount", None),
                ("current_time", Some(Value::text("2026-01-01T00:00:00Z"))),
                ("deep", None),
                ("absent", None),
            ],
        );
        assert_eq!(condition.tuple, "tool:refund#caller@user:ann");
        assert_eq!(condition.condition, "small");
        for (name, expected) in [
            ("most", "tuple 500"),
            ("of", r#"tuple ["a", "b"]"#),
            ("amount", "request 12.50"),
            ("current_time", r#"service "2026-01-01T00:00:00Z""#),
            ("deep", r#"request {"a": null, "b": true}"#),
        ] {
            assert_eq!(value_of(&condition, name), expected);
        }
        assert_eq!(condition.values.len(), 5, "one has no value");
    }

    #[test]
    fn secrets_and_tokens_are_not_shown() {
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        let condition = shown(
            r#"{"pin": "1234"}"#,
            &format!(r#"{{"whole": {{"pin": "1234", "a": [{{"pin": 1234}}]}}, "raw": "{token}"}}"#),
            &[("pin", None), ("whole", None), ("raw", None)],
        );
        assert_eq!(value_of(&condition, "pin"), "tuple (secret)");
        assert_eq!(
            value_of(&condition, "whole"),
            r#"request {"a": [{"pin": (secret)}], "pin": (secret)}"#
        );
        assert_eq!(value_of(&condition, "raw"), "request (hidden)");
    }

    #[test]
    fn what_a_request_says_is_shown_only_if_it_is_declared() {
        let condition = shown("{}", r#"{"other": "x"}"#, &[("other", None)]);
        assert_eq!(value_of(&condition, "other"), "request (not declared)");
        let condition = shown(r#"{"other": "x"}"#, "{}", &[("other", None)]);
        assert_eq!(value_of(&condition, "other"), r#"tuple "x""#);
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let names: Vec<String> = (0..25).map(|at| format!("p{at}")).collect();
        let members: Vec<String> = names
            .iter()
            .map(|name| format!(r#""{name}": ["{}"]"#, "é".repeat(5_000)))
            .collect();
        let parameters: Vec<(&str, Option<Value>)> =
            names.iter().map(|name| (name.as_str(), None)).collect();
        let condition = shown("{}", &format!("{{{}}}", members.join(",")), &parameters);
        let bytes: usize = condition.values.iter().map(|value| value.value.len()).sum();
        assert!(bytes < VALUE_BYTES + 25 * (CUT.len() + 4), "{bytes}");
        let first = &condition.values[0].value;
        assert!(first.len() > 400 && first.ends_with(CUT), "{first}");
    }
}
