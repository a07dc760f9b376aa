//! Parts of timestamps and durations: `getHours()`, `getDayOfWeek("Europe/Berlin")`.

use super::evaluate::{EvalResult, Halt, mismatch};
use super::functions::in_range;
use super::signature::TimePart;
use super::time::TimePoint;
use super::value::Val;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Returns a part of a timestamp in a time zone (UTC if none is given), or the whole of a duration
/// in the unit of the part.
pub(super) fn part(part: TimePart, value: &Val, zone: Option<&str>) -> EvalResult {
    match (value, zone) {
        (Val::Timestamp(instant), zone) => {
            let Some(offset) = offset_seconds(zone.unwrap_or_default(), *instant) else {
                return Halt::error("the text is no time zone");
            };
            in_range(
                instant
                    .civil(offset)
                    .map(|civil| Val::Int(of_civil(part, civil))),
            )
        }
        (Val::Duration(nanos), None) => match of_duration(part, *nanos) {
            Some(count) => Ok(Val::Int(count)),
            None => mismatch("a part of a date", std::slice::from_ref(value)),
        },
        _ => mismatch("a part of a date", std::slice::from_ref(value)),
    }
}

fn of_civil(part: TimePart, civil: DateTime) -> i64 {
    match part {
        TimePart::Year => i64::from(civil.year()),
        TimePart::Month => i64::from(civil.month()) - 1,
        TimePart::DayOfYear => i64::from(civil.day_of_year()) - 1,
        TimePart::DayOfMonth => i64::from(civil.day()) - 1,
        TimePart::Date => i64::from(civil.day()),
        TimePart::DayOfWeek => i64::from(civil.weekday().to_sunday_zero_offset()),
        TimePart::Hours => i64::from(civil.hour()),
        TimePart::Minutes => i64::from(civil.minute()),
        TimePart::Seconds => i64::from(civil.second()),
        TimePart::Milliseconds => i64::from(civil.millisecond()),
    }
}

fn of_duration(part: TimePart, nanos: i64) -> Option<i64> {
    Some(match part {
        TimePart::Hours => nanos / 3_600_000_000_000,
        TimePart::Minutes => nanos / 60_000_000_000,
        TimePart::Seconds => nanos / 1_000_000_000,
        TimePart::Milliseconds => nanos / 1_000_000,
        _ => return None,
    })
}

/// Returns by how many seconds a zone is ahead of UTC at that time. A zone is a name,
/// `Europe/Berlin`, or an offset: `+02:00`, `-08:00`, `02:00`.
fn offset_seconds(zone: &str, at: TimePoint) -> Option<i32> {
    let Some((hours, minutes)) = zone.split_once(':') else {
        if matches!(zone, "" | "UTC") {
            return Some(0);
        }
        // After jiff's last day, no zone changes its offset.
        let at = Timestamp::from_second(at.seconds()).unwrap_or(Timestamp::MAX);
        let found = TimeZone::get(zone).ok()?;
        // Letters of another case are found, and name no zone to OpenFGA.
        let is_exact = found.iana_name() == Some(zone);
        return is_exact.then(|| found.to_offset(at).seconds());
    };
    let negative = hours.starts_with('-');
    let hours = hours.strip_prefix(['+', '-']).unwrap_or(hours);
    let number = |digits: &str, max: i32| {
        let fits =
            (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .parse()
            .ok()
            .filter(|value: &i32| fits && *value <= max)
    };
    let seconds = number(hours, 23)? * 3_600 + number(minutes, 59)? * 60;
    Some(if negative { -seconds } else { seconds })
}
