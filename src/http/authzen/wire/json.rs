//! Values and tuples as JSON text that is read back as the same: numbers keep their digits, where
//! the API of OpenFGA makes doubles of them.

use crate::model::{Record, Tuple, TupleCondition, Value};
use std::fmt::Write as _;

/// A value as JSON, without white space.
pub fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number.digits()),
        Value::Text(string) => write_text(text, string),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Record(record) => write_record(text, record),
    }
}

/// An object as JSON.
pub fn write_record(text: &mut String, record: &Record) {
    text.push('{');
    for (index, (name, value)) in record.iter().enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        write_text(text, name);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

/// A tuple as JSON.
pub fn write_tuple(text: &mut String, tuple: &Tuple) {
    let key = &tuple.key;
    text.push_str("{\"user\":");
    write_text(text, &key.user.to_string());
    text.push_str(",\"relation\":");
    write_text(text, &key.relation);
    text.push_str(",\"object\":");
    write_text(text, &key.object.to_string());
    if let Some(condition) = &tuple.condition {
        text.push_str(",\"condition\":");
        write_condition(text, condition);
    }
    text.push('}');
}

/// A condition as JSON; an empty context is left out.
pub fn write_condition(text: &mut String, condition: &TupleCondition) {
    text.push_str("{\"name\":");
    write_text(text, &condition.name);
    if !condition.context.is_empty() {
        text.push_str(",\"context\":");
        write_record(text, &condition.context);
    }
    text.push('}');
}

/// A string in JSON's quotes. What YAML does not take as it is, or a terminal would act on, is
/// escaped: the text is read the same by both.
pub fn write_text(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            _ if is_plain(c) => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing into a string cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// What YAML calls printable (1.2, section 5.1), without line ends and byte order marks. Characters
/// beyond the first plane all are, so that no escape is half of one.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}
