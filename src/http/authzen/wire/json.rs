//! Writes values and tuples as JSON text that is read back as the same values: numbers keep their
//! digits, which OpenFGA's API turns into doubles.

use crate::model::{Record, Tuple, TupleCondition, Value};
use std::fmt::Write as _;

/// Writes a value as JSON, without white space.
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

/// Writes an object as JSON.
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

/// Writes a tuple as JSON.
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

/// Writes a condition as JSON; an empty context is left out.
pub fn write_condition(text: &mut String, condition: &TupleCondition) {
    text.push_str("{\"name\":");
    write_text(text, &condition.name);
    if !condition.context.is_empty() {
        text.push_str(",\"context\":");
        write_record(text, &condition.context);
    }
    text.push('}');
}

/// Writes a string in JSON's quotes. Characters that YAML does not allow, or that a terminal would
/// act on, are escaped, so that JSON and YAML read the same text.
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

/// Returns `true` for characters that YAML calls printable (1.2, section 5.1), except line ends and
/// byte order marks. All characters beyond the first plane are, so no escape is half of a surrogate
/// pair.
fn is_plain(c: char) -> bool {
    matches!(
        c,
        ' '..='~'
            | '\u{a0}'..='\u{2027}'
            | '\u{202a}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}'
            | '\u{10000}'..
    )
}
