//! The operators and functions of the oracle, and what they cost.

use super::evaluate::{Outcome, Stop};
use super::pattern;
use super::times::{self, SECOND};
use super::value::V;

fn int(value: i128) -> Outcome {
    i64::try_from(value).map(V::Int).map_err(|_| Stop::Failed)
}

fn uint(value: i128) -> Outcome {
    u64::try_from(value).map(V::Uint).map_err(|_| Stop::Failed)
}

fn span(value: i128) -> Outcome {
    i64::try_from(value).map(V::Span).map_err(|_| Stop::Failed)
}

fn time(value: i128) -> Outcome {
    times::in_years(value).map(V::Time).ok_or(Stop::Failed)
}

/// What a function costs with these values.
pub(super) fn cost(kind: &str, args: &[V]) -> u64 {
    let tenth = |size: u64| size.div_ceil(10);
    let sizes: Vec<u64> = args.iter().map(V::size).collect();
    match (kind, args) {
        ("==" | "!=" | "<" | "<=" | ">" | ">=", _) => tenth(sizes[0].min(sizes[1])),
        ("+", [V::Text(_) | V::Bytes(_), _]) => tenth(sizes[0] + sizes[1]),
        ("in", [_, V::List(_)]) => sizes[1],
        (".contains()", _) => tenth(sizes[0]) * tenth(sizes[1]),
        (".startsWith()" | ".endsWith()", _) => tenth(sizes[1]),
        ("bytes()" | "string()", [V::Text(_) | V::Bytes(_)]) => tenth(sizes[0]),
        (".matches()" | "matches()", _) => tenth(sizes[0] + 1) * sizes[1].div_ceil(4),
        _ => 1,
    }
}

/// An element of a list, or the value of a key.
pub(super) fn at(of: &V, at: &V) -> Outcome {
    match of {
        V::List(items) if !matches!(at, V::Bool(_) | V::Text(_)) => {
            let index =
                (0..items.len()).find(|index| V::Int(i64::try_from(*index).unwrap()).is(at));
            index.map(|index| items[index].clone()).ok_or(Stop::Failed)
        }
        V::Map(entries) => {
            let found = entries.iter().find(|(key, _)| key.is(at));
            found.map(|(_, value)| value.clone()).ok_or(Stop::Failed)
        }
        _ => Err(Stop::Failed),
    }
}

pub(super) fn apply(kind: &str, args: &[V]) -> Outcome {
    if let Some(part) = kind.strip_prefix(".get") {
        return of_time(part.trim_end_matches("()"), args);
    }
    match (kind, args) {
        ("==", [a, b]) => a.equals(b).map(V::Bool).ok_or(Stop::Failed),
        ("!=", [a, b]) if a.is_foreign_to(b) => Ok(V::Bool(true)),
        ("!=", [a, b]) => Ok(V::Bool(!a.equals(b).ok_or(Stop::Failed)?)),
        ("<" | "<=" | ">" | ">=", [a, b]) => {
            let order = a.order(b).ok_or(Stop::Failed)?;
            Ok(V::Bool(match kind {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            }))
        }
        ("in", [item, V::List(items)]) => {
            for one in items.iter().filter(|one| !item.is_foreign_to(one)) {
                if item.equals(one).ok_or(Stop::Failed)? {
                    return Ok(V::Bool(true));
                }
            }
            Ok(V::Bool(false))
        }
        ("in", [item, V::Map(entries)]) => Ok(V::Bool(entries.iter().any(|it| it.0.is(item)))),
        ("!", [V::Bool(it)]) => Ok(V::Bool(!it)),
        ("-x", [V::Int(it)]) => int(-i128::from(*it)),
        ("-x", [V::Double(it)]) => Ok(V::Double(-it)),
        ("+" | "-" | "*" | "/" | "%", [a, b]) => reckon(kind, a, b),
        ("size()" | ".size()", [V::Text(_) | V::Bytes(_) | V::List(_) | V::Map(_)]) => {
            int(args[0].size().into())
        }
        (".contains()", [V::Text(a), V::Text(b)]) => Ok(V::Bool(
            b.is_empty() || (0..a.len()).any(|from| a.as_bytes()[from..].starts_with(b.as_bytes())),
        )),
        (".startsWith()", [V::Text(a), V::Text(b)]) => {
            Ok(V::Bool(a.get(..b.len()).is_some_and(|head| head == b)))
        }
        (".endsWith()", [V::Text(a), V::Text(b)]) => Ok(V::Bool(
            a.len().checked_sub(b.len()).and_then(|at| a.get(at..)) == Some(b),
        )),
        ("matches()" | ".matches()", [V::Text(text), V::Text(source)]) => {
            pattern::matches(source, text)
                .map(V::Bool)
                .ok_or(Stop::Failed)
        }
        (".in_cidr()", [V::Ip(version, bits), V::Text(network)]) => {
            let inside = times::is_in((*version, *bits), network);
            inside.map(V::Bool).ok_or(Stop::Failed)
        }
        ("dyn()", [it]) => Ok(it.clone()),
        ("type()", [it]) => Ok(V::Type(it.type_name())),
        (_, [it]) => convert(kind.trim_end_matches("()"), it),
        _ => Err(Stop::Failed),
    }
}

fn reckon(operator: &str, a: &V, b: &V) -> Outcome {
    let whole = |a: i128, b: i128| match operator {
        "+" => Some(a + b),
        "-" => Some(a - b),
        // Products of 64 bits, signed or not, fit 128.
        "*" => a.checked_mul(b),
        "/" => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    match (operator, a, b) {
        // Go fails where the quotient would not fit, for the remainder too.
        ("%", V::Int(i64::MIN), V::Int(-1)) => Err(Stop::Failed),
        (_, V::Int(a), V::Int(b)) => int(whole((*a).into(), (*b).into()).ok_or(Stop::Failed)?),
        (_, V::Uint(a), V::Uint(b)) => uint(whole((*a).into(), (*b).into()).ok_or(Stop::Failed)?),
        ("+", V::Double(a), V::Double(b)) => Ok(V::Double(a + b)),
        ("-", V::Double(a), V::Double(b)) => Ok(V::Double(a - b)),
        ("*", V::Double(a), V::Double(b)) => Ok(V::Double(a * b)),
        ("/", V::Double(a), V::Double(b)) => Ok(V::Double(a / b)),
        ("+", V::Text(a), V::Text(b)) => Ok(V::Text([a.as_str(), b].concat())),
        ("+", V::Bytes(a), V::Bytes(b)) => Ok(V::Bytes([a.as_slice(), b].concat())),
        ("+", V::List(a), V::List(b)) => Ok(V::List([a.as_slice(), b].concat())),
        ("+" | "-", V::Span(a), V::Span(b)) => span(whole((*a).into(), (*b).into()).unwrap()),
        ("+" | "-", V::Time(a), V::Span(b)) => time(whole(*a, (*b).into()).unwrap()),
        ("+", V::Span(a), V::Time(b)) => time(i128::from(*a) + b),
        ("-", V::Time(a), V::Time(b)) => span(a - b),
        _ => Err(Stop::Failed),
    }
}

/// A part of a date in a time zone, or a whole span in its unit.
fn of_time(part: &str, args: &[V]) -> Outcome {
    let ahead = match args {
        [V::Span(span)] => {
            let unit = match part {
                "Hours" => 3_600 * SECOND,
                "Minutes" => 60 * SECOND,
                "Seconds" => SECOND,
                "Milliseconds" => SECOND / 1_000,
                _ => return Err(Stop::Failed),
            };
            return int(i128::from(*span) / unit);
        }
        [V::Time(_)] => 0,
        [V::Time(_), V::Text(zone)] => times::zone(zone).ok_or(Stop::Failed)?,
        _ => return Err(Stop::Failed),
    };
    let V::Time(time) = &args[0] else {
        return Err(Stop::Failed);
    };
    let date = times::civil(time + ahead * SECOND);
    // The calendar ends with this year, also where the clock is ahead.
    if date.year > 9999 {
        return Err(Stop::Failed);
    }
    int(match part {
        "FullYear" => date.year,
        "Month" => i128::try_from(date.month).unwrap() - 1,
        "DayOfYear" => date.day_of_year,
        "DayOfMonth" => date.day - 1,
        "Date" => date.day,
        "DayOfWeek" => date.day_of_week,
        "Hours" => date.nanos / SECOND / 3_600,
        "Minutes" => date.nanos / SECOND / 60 % 60,
        "Seconds" => date.nanos / SECOND % 60,
        _ => date.nanos / (SECOND / 1_000) % 1_000,
    })
}

fn convert(to: &str, it: &V) -> Outcome {
    match (to, it) {
        ("bool", V::Bool(_))
        | ("bytes", V::Bytes(_))
        | ("double", V::Double(_))
        | ("duration", V::Span(_))
        | ("int", V::Int(_))
        | ("string", V::Text(_))
        | ("timestamp", V::Time(_))
        | ("uint", V::Uint(_)) => Ok(it.clone()),
        ("bytes", V::Text(text)) => Ok(V::Bytes(text.clone().into_bytes())),
        ("double", V::Int(it)) => Ok(V::Double(it.to_string().parse().unwrap())),
        ("double", V::Uint(it)) => Ok(V::Double(it.to_string().parse().unwrap())),
        ("duration", V::Int(it)) => Ok(V::Span(*it)),
        ("int", V::Uint(it)) => int((*it).into()),
        ("int", V::Span(it)) => Ok(V::Int(*it)),
        ("int", V::Time(it)) => int(it.div_euclid(SECOND)),
        ("uint", V::Int(it)) => uint((*it).into()),
        ("timestamp", V::Int(it)) => time(i128::from(*it) * SECOND),
        ("string", _) => write(it).map(V::Text).ok_or(Stop::Failed),
        // Go takes nothing at the limit below, and no fraction below 0 for one that has no sign.
        ("int", V::Double(it)) => {
            let inside = *it > -9_223_372_036_854_775_808.0 && *it < 9_223_372_036_854_775_808.0;
            if inside {
                int(cut(*it))
            } else {
                Err(Stop::Failed)
            }
        }
        ("uint", V::Double(it)) => {
            let inside = *it >= 0.0 && *it < 18_446_744_073_709_551_616.0;
            if inside {
                uint(cut(*it))
            } else {
                Err(Stop::Failed)
            }
        }
        (_, V::Text(text)) => read(to, text).ok_or(Stop::Failed),
        _ => Err(Stop::Failed),
    }
}

/// A double without its fraction.
fn cut(double: f64) -> i128 {
    format!("{:.0}", double.trunc()).parse().unwrap()
}

fn read(to: &str, text: &str) -> Option<V> {
    match to {
        "bool" => match text {
            "true" | "TRUE" | "True" | "t" | "T" | "1" => Some(V::Bool(true)),
            "false" | "FALSE" | "False" | "f" | "F" | "0" => Some(V::Bool(false)),
            _ => None,
        },
        "int" => {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            whole(digits).and_then(|it| {
                let signed = if text.starts_with('-') { -it } else { it };
                i64::try_from(signed).ok().map(V::Int)
            })
        }
        "uint" => whole(text).and_then(|it| u64::try_from(it).ok().map(V::Uint)),
        "double" => read_double(text).map(V::Double),
        "duration" => times::read_span(text).map(V::Span),
        "timestamp" => times::read_time(text).map(V::Time),
        "ipaddress" => times::read_ip(text).map(|(version, bits)| V::Ip(version, bits)),
        _ => None,
    }
}

fn whole(digits: &str) -> Option<i128> {
    let plain = !digits.is_empty() && digits.len() < 30;
    digits
        .parse()
        .ok()
        .filter(|_| plain && digits.bytes().all(|it| it.is_ascii_digit()))
}

/// Reads a double as Go does: words too, and NaN without a sign.
fn read_double(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = body.to_ascii_lowercase();
    if lower == "inf" || lower == "infinity" {
        return Some(if text.starts_with('-') {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let digits = lower
        .bytes()
        .all(|it| it.is_ascii_digit() || b".e+-".contains(&it));
    text.parse()
        .ok()
        .filter(|it: &f64| digits && it.is_finite())
}

fn write(it: &V) -> Option<String> {
    Some(match it {
        V::Bool(it) => it.to_string(),
        V::Int(it) => it.to_string(),
        V::Uint(it) => it.to_string(),
        V::Bytes(bytes) => String::from_utf8(bytes.clone()).ok()?,
        V::Span(it) => times::write_span(*it),
        V::Time(it) => times::write_time(*it),
        V::Double(it) if it.is_nan() => "NaN".into(),
        V::Double(it) if it.is_infinite() => if *it > 0.0 { "+Inf" } else { "-Inf" }.into(),
        V::Double(it) => write_double(*it),
        _ => return None,
    })
}

/// As few digits as denote the double, and an exponent where it is below -4 or above 5.
fn write_double(it: f64) -> String {
    let shortest = format!("{it:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let exponent: i32 = exponent.parse().unwrap();
    if !(-4..6).contains(&exponent) {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{exponent_sign}{:02}", exponent.abs());
    }
    let digits = mantissa.replace('.', "");
    let point = usize::try_from(exponent + 1).unwrap_or(0);
    let zeros = "0".repeat(usize::try_from(-exponent).unwrap_or(0));
    let mut all = if exponent < 0 {
        zeros + &digits
    } else {
        digits
    };
    let point = if exponent < 0 { 1 } else { point };
    while all.len() < point {
        all.push('0');
    }
    let (whole, rest) = all.split_at(point);
    let rest = rest.trim_end_matches('0');
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{sign}{whole}{dot}{rest}")
}
