//! Parses points in time, durations and addresses; policies and conditions on tuples share these
//! parsers.
//!
//! INVARIANT: a text has one meaning wherever it is read. A value that cannot be represented is
//! `None`, never the nearest value. An IPv4 address that is mapped into IPv6 is read as that IPv4
//! address, so that `::ffff:10.1.2.3` does not evade a rule about `10.0.0.0/8`.

use jiff::civil::DateTime;
use std::borrow::Cow;
use std::net::IpAddr;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Parses an RFC 3339 date and time into nanoseconds since 1970; returns `None` for anything else.
/// Digits beyond nanoseconds are dropped, as Go does.
#[must_use]
pub fn instant_nanos(text: &str) -> Option<i128> {
    let (date_time, rest) = text.split_at_checked("2026-01-01T00:00:00".len())?;
    // Go has no leap seconds, and jiff would read one as the second before.
    if !has_shape(date_time, "dddd-dd-ddTdd:dd:dd") || date_time.ends_with("60") {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => match split_digits(rest) {
            ("", _) => return None,
            (fraction, zone) => (fraction, zone),
        },
        None => ("0", rest),
    };
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let civil: DateTime = format!("{date_time}.{fraction}").parse().ok()?;
    let since_epoch = civil.duration_since(epoch()).as_nanos();
    Some(since_epoch - i128::from(offset_seconds(zone)?) * NANOS_PER_SECOND)
}

/// Parses a date and time as requests write it: also ISO 8601's forms without seconds
/// (`2026-10-01T09:00Z`) and with an offset without a colon (`+0200`). Returns `None` for more than
/// nine digits of a second's fraction.
#[must_use]
pub fn request_instant_nanos(text: &str) -> Option<i128> {
    let (minutes, rest) = text.split_at_checked("2026-01-01T00:00".len())?;
    let zone = rest.find(['Z', '+', '-']).and_then(|at| rest.get(at..))?;
    let seconds = rest.strip_suffix(zone)?;
    if seconds.len() > ":00.123456789".len() {
        return None;
    }
    let seconds = if seconds.is_empty() { ":00" } else { seconds };
    let zone = match zone.split_at_checked("+00".len()) {
        Some((hours, minutes)) if has_shape(minutes, "dd") => {
            Cow::Owned(format!("{hours}:{minutes}"))
        }
        _ => Cow::Borrowed(zone),
    };
    instant_nanos(&format!("{minutes}{seconds}{zone}"))
}

/// Parses a Go duration, `1h30m` or `-1.5s`, into nanoseconds; returns `None` for anything else.
/// Fractions of a nanosecond are dropped.
#[must_use]
pub fn duration_nanos(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let nanos = nanos_of(unit)?;
        total = total.checked_add(digits(whole)?.checked_mul(nanos)?)?;
        total = total.checked_add(fraction_of(fraction, nanos))?;
        rest = after;
    }
    Some(if negative { -total } else { total })
}

/// Parses an address; returns `None` for anything else, and for an IPv6 address with a zone.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

/// Returns the IPv4 address or network that a text maps into IPv6: `10.1.2.3` for
/// `::ffff:10.1.2.3`, `10.0.0.0/8` for `::ffff:10.0.0.0/104`. Returns `None` for every other text.
#[must_use]
pub fn mapped_network(text: &str) -> Option<String> {
    let (written, bits) = match text.split_once('/') {
        Some((written, bits)) => (written, Some(bits)),
        None => (text, None),
    };
    let IpAddr::V6(written) = written.parse().ok()? else {
        return None;
    };
    let IpAddr::V4(mapped) = written.to_canonical() else {
        return None;
    };
    let Some(bits) = bits else {
        return Some(mapped.to_string());
    };
    if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) || bits.starts_with('0') {
        return None;
    }
    let bits: u8 = bits.parse().ok().filter(|bits| *bits <= 128)?;
    Some(format!("{mapped}/{}", bits.checked_sub(96)?))
}

fn epoch() -> DateTime {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
}

/// Parses an offset: `Z`, or `+02:00`.
fn offset_seconds(zone: &str) -> Option<i32> {
    if zone == "Z" {
        return Some(0);
    }
    let negative = zone.starts_with('-');
    let offset = zone.strip_prefix(['+', '-'])?;
    if !has_shape(offset, "dd:dd") {
        return None;
    }
    let (hours, minutes) = offset.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours * 3_600 + minutes * 60;
    (hours < 24 && minutes < 60).then_some(if negative { -seconds } else { seconds })
}

/// Returns `true` if a text has a digit for each `d` of the shape, and the same characters
/// elsewhere.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte == wanted,
            })
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn digits(text: &str) -> Option<i128> {
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

/// Returns the fraction of a unit that the digits after the point denote, without fractions of a
/// nanosecond.
fn fraction_of(digits: &str, unit: i128) -> i128 {
    let mut value = 0;
    let mut scale = 1;
    // LIMIT: the units are below 10^13 nanoseconds, so a 15th digit changes nothing.
    for byte in digits.bytes().take(15) {
        value = value * 10 + i128::from(byte.saturating_sub(b'0'));
        scale *= 10;
    }
    value * unit / scale
}

fn nanos_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_write_points_in_time_in_more_forms_and_every_form_has_one_meaning() {
        let nine = instant_nanos("2026-10-01T09:00:00Z").unwrap();
        for (text, after) in [
            ("2026-10-01T09:00:00Z", Some(0)),
            ("2026-10-01T09:00Z", Some(0)),
            ("2026-10-01T11:00+02:00", Some(0)),
            ("2026-10-01T11:00:00+02:00", Some(0)),
            ("2026-10-01T11:00:00+0200", Some(0)),
            ("2026-10-01T07:30:00.5-01:30", Some(500_000_000)),
            ("2026-10-01T09:00:00.123456789Z", Some(123_456_789)),
            ("2026-10-01T09:00:00.1234567891Z", None),
            ("2026-10-01T09:00:60Z", None),
            ("2026-10-01T09:00:00", None),
            ("2026-10-01T09:00", None),
            ("2026-10-01T09Z", None),
            ("2026-10-01T09:00.5Z", None),
            ("2026-10-01T09:00:0Z", None),
            ("2026-10-01T09:00:00+2:00", None),
            ("2026-10-01T09:00:00+02:0", None),
            ("2026-10-01T09:00:00+24:00", None),
            ("2026-10-01T09:00:00Zx", None),
            ("2026-10-01 09:00:00Z", None),
            ("2026-13-01T09:00:00Z", None),
            ("2026-10-0éT09:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(
                request_instant_nanos(text),
                after.map(|after| nine + after),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_mapped_into_ipv6_is_ipv4() {
        for (text, expected) in [
            ("::ffff:10.1.2.3", Some("10.1.2.3")),
            ("::FFFF:a01:203", Some("10.1.2.3")),
            ("0:0:0:0:0:ffff:10.1.2.3", Some("10.1.2.3")),
            ("::ffff:10.0.0.0/104", Some("10.0.0.0/8")),
            ("::ffff:10.1.2.3/128", Some("10.1.2.3/32")),
            ("::ffff:0.0.0.0/96", Some("0.0.0.0/0")),
            ("::ffff:0.0.0.0/95", None),
            ("::ffff:10.0.0.0/129", None),
            ("::ffff:10.0.0.0/0104", None),
            ("::ffff:10.0.0.0/", None),
            ("::10.1.2.3", None),
            ("10.1.2.3", None),
            ("2001:db8::1", None),
            ("::ffff:10.1.2.3%eth0", None),
            ("", None),
        ] {
            assert_eq!(mapped_network(text).as_deref(), expected, "{text}");
        }
    }
}
