//! What values of JSON become as parameters, by the oracle.

use super::times;
use super::value::{V, map_of};
use behest::model::Value;
use behest::relations::condition::ParameterType;

/// How deep lists and objects of a value may nest.
const DEPTH: usize = 64;

/// The value of a parameter; none if it does not fit its type.
pub(super) fn take(value: &Value, wanted: &ParameterType) -> Option<V> {
    take_at(value, wanted, 0)
}

fn take_at(value: &Value, wanted: &ParameterType, depth: usize) -> Option<V> {
    if depth > DEPTH {
        return None;
    }
    let whole = || whole_of(value);
    let text = || match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    };
    match wanted {
        ParameterType::Any => any(value, depth),
        ParameterType::Bool => match value {
            Value::Bool(it) => Some(V::Bool(*it)),
            _ => None,
        },
        ParameterType::String => text().map(|it| V::Text(it.into())),
        ParameterType::Int => whole().and_then(|it| i64::try_from(it).ok()).map(V::Int),
        ParameterType::Uint => whole().and_then(|it| u64::try_from(it).ok()).map(V::Uint),
        ParameterType::Double => {
            let digits = digits_of(value)?;
            decimal(&digits)?;
            digits
                .parse()
                .ok()
                .filter(|it: &f64| it.is_finite())
                .map(V::Double)
        }
        ParameterType::Duration => times::read_span(text()?).map(V::Span),
        ParameterType::Timestamp => times::read_time(text()?).map(V::Time),
        ParameterType::Ipaddress => {
            times::read_ip(text()?).map(|(version, bits)| V::Ip(version, bits))
        }
        ParameterType::List(element) => match value {
            Value::List(items) => list(items, element, depth),
            _ => None,
        },
        ParameterType::Map(element) => match value {
            Value::Record(members) => map(members, element, depth),
            _ => None,
        },
    }
}

fn any(value: &Value, depth: usize) -> Option<V> {
    match value {
        Value::Null => Some(V::Null),
        Value::Bool(it) => Some(V::Bool(*it)),
        Value::Number(_) => take_at(value, &ParameterType::Double, depth),
        Value::Text(text) => Some(V::Text(text.as_str().into())),
        Value::List(items) => list(items, &ParameterType::Any, depth),
        Value::Record(members) => map(members, &ParameterType::Any, depth),
    }
}

fn list(items: &[Value], element: &ParameterType, depth: usize) -> Option<V> {
    let items = items.iter().map(|item| take_at(item, element, depth + 1));
    items.collect::<Option<Vec<V>>>().map(V::List)
}

fn map(members: &behest::model::Record, element: &ParameterType, depth: usize) -> Option<V> {
    let taken: Option<Vec<(V, V)>> = members
        .iter()
        .map(|(name, it)| {
            Some((
                V::Text(name.as_str().into()),
                take_at(it, element, depth + 1)?,
            ))
        })
        .collect();
    map_of(taken?)
}

fn digits_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.digits().to_owned()),
        Value::Text(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// A decimal number: whether it is below 0, its digits, and how many stand before the point.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let body = text
        .strip_prefix(['+', '-'])
        .unwrap_or(text)
        .to_ascii_lowercase();
    let (mantissa, exponent) = match body.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body.as_str(), None),
    };
    let (whole, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = |text: &str| text.bytes().all(|it| it.is_ascii_digit());
    let exponent = match exponent {
        None => 0,
        Some(exponent) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !all(digits) {
                return None;
            }
            // What is beyond this has no whole number of 64 bits, whatever its digits are.
            let size = digits.parse().unwrap_or(1_000_000_i64).min(1_000_000);
            if exponent.starts_with('-') {
                -size
            } else {
                size
            }
        }
    };
    let digits = format!("{whole}{rest}");
    let point = i64::try_from(whole.len()).unwrap() + exponent;
    (!digits.is_empty() && all(&digits)).then(|| (text.starts_with('-'), digits, point))
}

/// The whole number that a value denotes, if it denotes one of some forty digits at most.
fn whole_of(value: &Value) -> Option<i128> {
    let (negative, digits, point) = decimal(&digits_of(value)?)?;
    let digits: Vec<u8> = digits.bytes().map(|it| it - b'0').collect();
    let mut number = 0_i128;
    for (at, digit) in digits.iter().enumerate() {
        if i64::try_from(at).unwrap() < point {
            number = number.checked_mul(10)?.checked_add((*digit).into())?;
        } else if *digit != 0 {
            return None;
        }
    }
    if number != 0 {
        for _ in digits.len()..usize::try_from(point).unwrap_or(0) {
            number = number.checked_mul(10)?;
        }
    }
    Some(if negative { -number } else { number })
}
