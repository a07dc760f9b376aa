//! Durations as Go writes them, and timestamps (RFC 3339).

use crate::model::{Timestamp, duration_nanos, instant_nanos};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use std::fmt::Write as _;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The range of CEL's timestamps: the years 1 to 9999, in seconds since 1970.
const INSTANT_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A timestamp in the years 1 to 9999. `jiff::Timestamp` ends a day before `9999-12-31T23:59:59Z`,
/// which authors write for "never".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimePoint {
    seconds: i64,
    nanos: u32,
}

impl TimePoint {
    /// Returns the timestamp `nanos` nanoseconds after 1970, or `None` outside of the years 1 to
    /// 9999.
    fn of_nanos(nanos: i128) -> Option<Self> {
        let seconds = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).ok()?;
        let nanos = u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).ok()?;
        INSTANT_SECONDS
            .contains(&seconds)
            .then_some(Self { seconds, nanos })
    }

    /// Returns the timestamp `seconds` seconds after 1970, or `None` outside of the years 1 to
    /// 9999.
    pub(super) fn of_seconds(seconds: i64) -> Option<Self> {
        Self::of_nanos(i128::from(seconds) * NANOS_PER_SECOND)
    }

    /// Returns the seconds since 1970, rounded down.
    pub(super) fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the milliseconds since 1970, rounded down.
    pub(super) fn milliseconds(self) -> Timestamp {
        Timestamp(self.seconds * 1_000 + i64::from(self.nanos / 1_000_000))
    }

    /// Returns the milliseconds since 1970, rounded up.
    pub(super) fn milliseconds_up(self) -> Timestamp {
        Timestamp(self.milliseconds().0 + i64::from(!self.nanos.is_multiple_of(1_000_000)))
    }

    fn nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// Moves the timestamp by a duration, or returns `None` if that leaves the years 1 to 9999.
    pub(super) fn shift(self, nanos: i64, back: bool) -> Option<Self> {
        let nanos = i128::from(nanos);
        Self::of_nanos(
            self.nanos()
                .checked_add(if back { -nanos } else { nanos })?,
        )
    }

    /// Returns the nanoseconds since `earlier`, or `None` beyond 292 years.
    pub(super) fn since(self, earlier: Self) -> Option<i64> {
        i64::try_from(self.nanos().checked_sub(earlier.nanos())?).ok()
    }

    /// Returns the date and time of day at an offset in seconds east of UTC, or `None` if the
    /// calendar cannot represent it.
    pub(super) fn civil(self, offset_seconds: i32) -> Option<DateTime> {
        let seconds = self.seconds.checked_add(i64::from(offset_seconds))?;
        epoch()
            .checked_add(SignedDuration::new(
                seconds,
                i32::try_from(self.nanos).ok()?,
            ))
            .ok()
    }
}

fn epoch() -> DateTime {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
}

/// Parses a Go duration, `1h30m` or `-1.5s`, into nanoseconds. Returns `None` for anything else,
/// and beyond 292 years.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    i64::try_from(duration_nanos(text)?).ok()
}

/// Writes a duration as CEL does, in seconds: `5400s`, `-1.5s`.
pub(super) fn print_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let mut text = format!("{sign}{}", nanos / 1_000_000_000);
    let fraction = nanos % 1_000_000_000;
    if fraction > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{}", format!("{fraction:09}").trim_end_matches('0'));
    }
    text + "s"
}

/// Parses an RFC 3339 date and time. Returns `None` for anything else, and outside of the years 1
/// to 9999. Digits beyond nanoseconds are dropped.
pub(super) fn parse_instant(text: &str) -> Option<TimePoint> {
    TimePoint::of_nanos(instant_nanos(text)?)
}

/// Writes a timestamp as Go's `RFC3339Nano` does, in UTC.
pub(super) fn print_instant(instant: TimePoint) -> String {
    instant
        .civil(0)
        .map(|civil| format!("{civil}Z"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1h30m", Some(5_400_000_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            ("+.5ms", Some(500_000)),
            ("1.s", Some(1_000_000_000)),
            ("2us3ns", Some(2_003)),
            ("4µs", Some(4_000)),
            ("9223372036854775807ns", Some(i64::MAX)),
            ("-9223372036854775808ns", Some(i64::MIN)),
            ("9223372036854775808ns", None),
            ("", None),
            ("-", None),
            ("1", None),
            ("h", None),
            (".s", None),
            ("1d", None),
            ("1 h", None),
            ("1h-30m", None),
            ("99999999999999999999999999999999999999999h", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
        for (nanos, text) in [
            (0, "0s"),
            (5_400_000_000_000, "5400s"),
            (-1_500_000_000, "-1.5s"),
            (1, "0.000000001s"),
        ] {
            assert_eq!(print_duration(nanos), text);
        }
    }

    #[test]
    fn points_in_time_are_those_of_rfc_3339() {
        for (text, expected) in [
            ("2023-10-11T10:00:00.000Z", Some("2023-10-11T10:00:00Z")),
            ("2023-10-11T10:00:00+02:00", Some("2023-10-11T08:00:00Z")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            (
                "9999-12-31T23:59:59.999999999Z",
                Some("9999-12-31T23:59:59.999999999Z"),
            ),
            (
                "2023-10-11T10:00:00.1234567891Z",
                Some("2023-10-11T10:00:00.123456789Z"),
            ),
            ("9999-12-31T23:59:59-00:01", None),
            ("2023-10-11T10:00:00+24:00", None),
            ("0001-01-01T00:00:00+01:00", None),
            ("2023-10-11T10:00:00", None),
            ("2023-10-11", None),
            ("2023-10-11 10:00:00Z", None),
            ("2023-10-11t10:00:00z", None),
            ("2023-02-30T10:00:00Z", None),
            ("2023-10-11T10:00:60Z", None),
            ("2023-10-11T10:00:00.Z", None),
            ("2023-10-11T10:00:00Z[UTC]", None),
            ("2023-10-11T10:00:00+0200", None),
            ("2023-10-1éT10:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(
                parse_instant(text).map(print_instant).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
