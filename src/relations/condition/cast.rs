//! Casts values of the context to the types of parameters, by OpenFGA's rules.
//!
//! Numbers are read from their digits, never through a double. OpenFGA clamps an integer that is
//! out of range; here it is refused, because the clamped value could satisfy a comparison that the
//! number itself does not.

use super::types::ParameterType;
use super::value::{MapKey, Val};
use super::{network, time};
use crate::model::{Number, Value};

/// Maximum nesting of a value of the context. JSON bodies have the same limit.
const MAX_VALUE_DEPTH: usize = 64;

/// The reason why a value does not fit the type of its parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CastError {
    /// The value is of another type.
    #[error("expected {expected}, found {found}")]
    Mismatch {
        /// The type that was expected.
        expected: &'static str,
        /// The kind of value that was found.
        found: String,
    },
    /// A number is none of 64 bits.
    #[error("a number is out of the range of a double")]
    OutOfRange,
    /// Lists and objects nest too deep.
    #[error("it is nested more than {MAX_VALUE_DEPTH} deep")]
    TooDeep,
}

/// Casts the value to the type of a parameter.
pub(super) fn cast(value: &Value, wanted: &ParameterType) -> Result<Val, CastError> {
    cast_at(value, wanted, 0)
}

fn cast_at(value: &Value, wanted: &ParameterType, depth: usize) -> Result<Val, CastError> {
    if depth > MAX_VALUE_DEPTH {
        return Err(CastError::TooDeep);
    }
    let cast = match (wanted, value) {
        (ParameterType::Any, value) => return any(value, depth),
        (ParameterType::Bool, Value::Bool(value)) => Some(Val::Bool(*value)),
        (ParameterType::String, Value::Text(text)) => Some(Val::Text(text.clone())),
        (ParameterType::Int, value) => integer(value)
            .and_then(|value| i64::try_from(value).ok())
            .map(Val::Int),
        (ParameterType::Uint, value) => integer(value)
            .and_then(|value| u64::try_from(value).ok())
            .map(Val::Uint),
        (ParameterType::Double, value) => digits_of(value)
            .and_then(|number| double(&number))
            .map(Val::Double),
        (ParameterType::Duration, Value::Text(text)) => {
            time::parse_duration(text).map(Val::Duration)
        }
        (ParameterType::Timestamp, Value::Text(text)) => {
            time::parse_instant(text).map(Val::Timestamp)
        }
        (ParameterType::Ipaddress, Value::Text(text)) => network::parse_address(text).map(Val::Ip),
        (ParameterType::List(element), Value::List(items)) => {
            let items: Result<_, _> = items
                .iter()
                .map(|item| cast_at(item, element, depth + 1))
                .collect();
            return items.map(Val::List);
        }
        (ParameterType::Map(element), Value::Record(record)) => {
            let entries: Result<_, CastError> = record
                .iter()
                .map(|(name, value)| {
                    Ok((
                        MapKey::Text(name.clone()),
                        cast_at(value, element, depth + 1)?,
                    ))
                })
                .collect();
            return entries
                .map(|entries: std::collections::BTreeMap<_, _>| Val::Map(entries.into()));
        }
        _ => None,
    };
    cast.ok_or_else(|| CastError::Mismatch {
        expected: describe(wanted),
        found: describe_value(value, wanted),
    })
}

/// Converts a value of the type `any`. Numbers become doubles, as in every JSON document.
fn any(value: &Value, depth: usize) -> Result<Val, CastError> {
    Ok(match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => Val::Double(double(number).ok_or(CastError::OutOfRange)?),
        Value::Text(text) => Val::Text(text.clone()),
        Value::List(_) => {
            return cast_at(
                value,
                &ParameterType::List(Box::new(ParameterType::Any)),
                depth,
            );
        }
        Value::Record(_) => {
            return cast_at(
                value,
                &ParameterType::Map(Box::new(ParameterType::Any)),
                depth,
            );
        }
    })
}

fn describe(wanted: &ParameterType) -> &'static str {
    match wanted {
        ParameterType::Any => "any value",
        ParameterType::Bool => "a boolean",
        ParameterType::String => "a string",
        ParameterType::Int => "a whole number of 64 bits (or its digits in a string)",
        ParameterType::Uint => "a whole number from 0, of 64 bits (or its digits in a string)",
        ParameterType::Double => "a number (or its digits in a string)",
        ParameterType::Duration => "a duration such as `1h30m`",
        ParameterType::Timestamp => "a time such as `2026-10-01T09:00:00Z`",
        ParameterType::Ipaddress => "an IP address",
        ParameterType::List(_) => "an array",
        ParameterType::Map(_) => "an object",
    }
}

/// Describes the kind of a value for a message, and never the value itself, which may be a secret
/// of the tuple or of the request.
fn describe_value(value: &Value, wanted: &ParameterType) -> String {
    let is_spelling = matches!(
        (wanted, value),
        (
            ParameterType::Int | ParameterType::Uint | ParameterType::Double,
            Value::Number(_) | Value::Text(_)
        ) | (
            ParameterType::Duration | ParameterType::Timestamp | ParameterType::Ipaddress,
            Value::Text(_)
        )
    );
    let kind = value.kind();
    if is_spelling {
        format!("{kind} that is none")
    } else {
        kind.to_owned()
    }
}

/// Returns the work of converting a value: one for each value in it, and one for sixteen bytes of
/// text.
pub(super) fn work(value: &Value) -> u64 {
    let inside = match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => work_of_text(number.digits().len()),
        Value::Text(text) => work_of_text(text.len()),
        Value::List(items) => items.iter().map(work).sum(),
        Value::Record(record) => record
            .iter()
            .map(|(name, value)| work_of_text(name.len()) + work(value))
            .sum(),
    };
    inside.saturating_add(1)
}

/// Returns the work of reading a text of this length once.
pub(super) fn work_of_text(bytes: usize) -> u64 {
    u64::try_from(bytes / 16).unwrap_or(u64::MAX)
}

/// Returns a JSON number, or the number in a string of decimal digits.
fn digits_of(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::Text(text) => decimal(text),
        _ => None,
    }
}

/// Parses a decimal number as Go does, which allows more than JSON: a plus sign, leading zeros, and
/// no digits before or after the point.
fn decimal(text: &str) -> Option<Number> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = body
        .find(['e', 'E'])
        .map_or((body, ""), |at| body.split_at(at));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    Number::parse(&format!("{sign}{whole}.{fraction}{exponent}"))
}

fn double(number: &Number) -> Option<f64> {
    number
        .digits()
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

/// Returns the exact whole number that the digits denote. Returns `None` for a fraction, and
/// outside of the range of 64 bits, signed or unsigned.
fn integer(value: &Value) -> Option<i128> {
    let number = digits_of(value)?;
    let (negative, body) = match number.digits().strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, number.digits()),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (body, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let trailing = i64::try_from(digits.len() - digits.trim_end_matches('0').len()).ok()?;
    let scale = exponent?
        .checked_add(trailing)?
        .checked_sub(i64::try_from(fraction.len()).ok()?)?;
    // LIMIT: 2^64 has 20 digits.
    let zeros = u32::try_from(scale).ok().filter(|zeros| *zeros <= 20)?;
    let magnitude = significant
        .parse::<i128>()
        .ok()?
        .checked_mul(10_i128.checked_pow(zeros)?)?;
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Record;

    fn number(digits: &str) -> Value {
        Value::Number(Number::parse(digits).unwrap())
    }

    #[test]
    fn numbers_are_exact_and_may_be_strings() {
        for (value, wanted, expected) in [
            (number("5"), ParameterType::Int, Some(Val::Int(5))),
            (number("5.0"), ParameterType::Int, Some(Val::Int(5))),
            (number("50e-1"), ParameterType::Int, Some(Val::Int(5))),
            (number("5.5"), ParameterType::Int, None),
            (
                number("9007199254740993"),
                ParameterType::Int,
                Some(Val::Int(9_007_199_254_740_993)),
            ),
            (number("9223372036854775808"), ParameterType::Int, None),
            (
                number("-9223372036854775808"),
                ParameterType::Int,
                Some(Val::Int(i64::MIN)),
            ),
            (number("1e999999999999"), ParameterType::Int, None),
            ("10".into(), ParameterType::Int, Some(Val::Int(10))),
            ("+007.".into(), ParameterType::Int, Some(Val::Int(7))),
            ("ten".into(), ParameterType::Int, None),
            ("".into(), ParameterType::Int, None),
            (true.into(), ParameterType::Int, None),
            (
                number("18446744073709551615"),
                ParameterType::Uint,
                Some(Val::Uint(u64::MAX)),
            ),
            (number("18446744073709551616"), ParameterType::Uint, None),
            (number("-1"), ParameterType::Uint, None),
            (number("-0"), ParameterType::Uint, Some(Val::Uint(0))),
            (number("0.1"), ParameterType::Double, Some(Val::Double(0.1))),
            (".5".into(), ParameterType::Double, Some(Val::Double(0.5))),
            ("Inf".into(), ParameterType::Double, None),
            (number("1e400"), ParameterType::Double, None),
            (number("7"), ParameterType::Any, Some(Val::Double(7.0))),
        ] {
            assert_eq!(cast(&value, &wanted).ok(), expected, "{value:?} {wanted}");
        }
    }

    #[test]
    fn the_other_types_are_strict() {
        let texts = ParameterType::List(Box::new(ParameterType::String));
        for (value, wanted, message) in [
            (
                number("1"),
                ParameterType::String,
                "expected a string, found a number",
            ),
            (
                "true".into(),
                ParameterType::Bool,
                "expected a boolean, found a string",
            ),
            (
                Value::Null,
                ParameterType::Bool,
                "expected a boolean, found null",
            ),
            (
                "1 hour".into(),
                ParameterType::Duration,
                "expected a duration such as `1h30m`, found a string that is none",
            ),
            (
                "now".into(),
                ParameterType::Timestamp,
                "expected a time such as `2026-10-01T09:00:00Z`, found a string that is none",
            ),
            (
                "host".into(),
                ParameterType::Ipaddress,
                "expected an IP address, found a string that is none",
            ),
            (
                Value::List(vec!["a".into(), true.into()]),
                texts.clone(),
                "expected a string, found a boolean",
            ),
            (
                Record::new().into(),
                texts,
                "expected an array, found an object",
            ),
        ] {
            assert_eq!(cast(&value, &wanted).unwrap_err().to_string(), message);
        }
        let mut deep = Value::Null;
        for _ in 0..100 {
            deep = Value::List(vec![deep]);
        }
        assert_eq!(cast(&deep, &ParameterType::Any), Err(CastError::TooDeep));
        assert_eq!(
            CastError::TooDeep.to_string(),
            "it is nested more than 64 deep"
        );
    }
}
