//! Converts values between types: `int("5")`, `string(1.5)`, `timestamp("2026-10-01T09:00:00Z")`.
//!
//! Numbers are written as Go does, so that `string(x)` compares as in OpenFGA.

use super::evaluate::{EvalResult, Halt, mismatch};
use super::functions::in_range;
use super::signature::Function;
use super::value::Val;
use super::{network, time};

/// Converts a value; a value that has the target type stays as it is.
pub(super) fn convert(function: &Function, value: &Val) -> EvalResult {
    match function {
        Function::ToBool => to_bool(value),
        Function::ToBytes => match value {
            Val::Bytes(_) => Ok(value.clone()),
            Val::Text(text) => Ok(Val::Bytes(text.as_bytes().into())),
            _ => mismatch("bytes", std::slice::from_ref(value)),
        },
        Function::ToDouble => to_double(value),
        Function::ToDuration => match value {
            Val::Duration(_) => Ok(value.clone()),
            Val::Int(nanos) => Ok(Val::Duration(*nanos)),
            Val::Text(text) => parsed(
                time::parse_duration(text).map(Val::Duration),
                "duration such as `1h30m`",
            ),
            _ => mismatch("duration", std::slice::from_ref(value)),
        },
        Function::ToInt => to_int(value),
        Function::ToIp => match value {
            Val::Text(text) => parsed(network::parse_address(text).map(Val::Ip), "IP address"),
            _ => mismatch("ipaddress", std::slice::from_ref(value)),
        },
        Function::ToText => to_text(value),
        Function::ToTimestamp => match value {
            Val::Timestamp(_) => Ok(value.clone()),
            Val::Int(seconds) => {
                in_range(time::TimePoint::of_seconds(*seconds).map(Val::Timestamp))
            }
            Val::Text(text) => parsed(
                time::parse_instant(text).map(Val::Timestamp),
                "time such as `2026-10-01T09:00:00Z`",
            ),
            _ => mismatch("timestamp", std::slice::from_ref(value)),
        },
        Function::ToUint => to_uint(value),
        _ => mismatch("the function", std::slice::from_ref(value)),
    }
}

/// Refuses a text. The message does not contain it, because at run time it may be a secret.
fn parsed(value: Option<Val>, wanted: &str) -> EvalResult {
    value.ok_or_else(|| Halt::Error(format!("the text is no {wanted}")))
}

fn to_bool(value: &Val) -> EvalResult {
    match value {
        Val::Bool(_) => Ok(value.clone()),
        Val::Text(text) => match text.as_str() {
            "true" | "TRUE" | "True" | "t" | "T" | "1" => Ok(Val::Bool(true)),
            "false" | "FALSE" | "False" | "f" | "F" | "0" => Ok(Val::Bool(false)),
            _ => parsed(None, "bool"),
        },
        _ => mismatch("bool", std::slice::from_ref(value)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "that is what the conversion means: the nearest double"
)]
fn to_double(value: &Val) -> EvalResult {
    match value {
        Val::Double(_) => Ok(value.clone()),
        Val::Int(value) => Ok(Val::Double(*value as f64)),
        Val::Uint(value) => Ok(Val::Double(*value as f64)),
        Val::Text(text) => {
            // Digits that are out of range are an error; the words `Inf` and `NaN` are valid.
            // As in Go, `NaN` has no sign.
            let fits = |value: &f64| {
                let is_word = !text.contains(|c: char| c.is_ascii_digit());
                value.is_finite() || is_word && !(value.is_nan() && text.starts_with(['+', '-']))
            };
            parsed(text.parse().ok().filter(fits).map(Val::Double), "double")
        }
        _ => mismatch("double", std::slice::from_ref(value)),
    }
}

fn to_int(value: &Val) -> EvalResult {
    match value {
        Val::Int(_) => Ok(value.clone()),
        Val::Uint(value) => in_range(i64::try_from(*value).ok().map(Val::Int)),
        Val::Double(value) => in_range(
            truncated(*value)
                .and_then(|value| i64::try_from(value).ok())
                // As in cel-go, the lower limit itself is out of range.
                .filter(|value| *value > i64::MIN)
                .map(Val::Int),
        ),
        Val::Text(text) => parsed(text.parse().ok().map(Val::Int), "int"),
        Val::Timestamp(timestamp) => Ok(Val::Int(timestamp.seconds())),
        Val::Duration(nanos) => Ok(Val::Int(*nanos)),
        _ => mismatch("int", std::slice::from_ref(value)),
    }
}

fn to_uint(value: &Val) -> EvalResult {
    match value {
        Val::Uint(_) => Ok(value.clone()),
        Val::Int(value) => in_range(u64::try_from(*value).ok().map(Val::Uint)),
        Val::Double(value) => in_range(
            truncated(*value)
                // As in cel-go, a negative fraction is out of range too.
                .filter(|_| *value >= 0.0)
                .and_then(|value| u64::try_from(value).ok())
                .map(Val::Uint),
        ),
        Val::Text(text) => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            parsed(text.parse().ok().filter(|_| digits).map(Val::Uint), "uint")
        }
        _ => mismatch("uint", std::slice::from_ref(value)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it saturates far outside of the range that callers check"
)]
fn truncated(value: f64) -> Option<i128> {
    value.is_finite().then_some(value as i128)
}

fn to_text(value: &Val) -> EvalResult {
    let text = match value {
        Val::Text(_) => return Ok(value.clone()),
        Val::Bool(value) => value.to_string(),
        Val::Int(value) => value.to_string(),
        Val::Uint(value) => value.to_string(),
        Val::Double(value) => print_double(*value),
        Val::Duration(nanos) => time::print_duration(*nanos),
        Val::Timestamp(timestamp) => time::print_instant(*timestamp),
        Val::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return Halt::error("the bytes are no UTF-8"),
        },
        _ => return mismatch("string", std::slice::from_ref(value)),
    };
    Ok(Val::Text(text.into()))
}

/// Writes a double like Go's `%g`: with the fewest digits that denote it, and with an exponent
/// below 10^-4 and from 10^6.
fn print_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_go_prints_them() {
        for (value, text) in [
            (1.0, "1"),
            (-0.5, "-0.5"),
            (1_000_000.0, "1e+06"),
            (1e21, "1e+21"),
            (1.25e-7, "1.25e-07"),
            (0.0001, "0.0001"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(print_double(value), text);
        }
    }
}
