//! Times in tokens (RFC 7519 section 2, `NumericDate`): seconds since 1970, perhaps with a
//! fraction.
//!
//! INVARIANT: no time becomes another. What a check compares is rounded to the side on which it
//! refuses; policies see the time as it was written, to the nanosecond, like a time that is text.

use crate::model::{CredentialError, Value};

/// LIMIT: the last time that is taken, in nanoseconds: a day before the year 9999 ends, so that the
/// time has that year everywhere.
const LAST: i128 = 253_402_207_200 * NANOS;

const NANOS: i128 = 1_000_000_000;

const NANOS_OF_MS: i128 = 1_000_000;

/// A `NumericDate`, exact to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumericDate {
    nanos: i128,
}

impl NumericDate {
    /// Reads a claim; returns `None` for what is no number, for times before 1970 or after the
    /// last, and for those finer than a nanosecond.
    pub(super) fn read(claim: &Value) -> Option<Self> {
        let Value::Number(number) = claim else {
            return None;
        };
        let (value, scale) = number.normal()?;
        let power = u32::try_from(scale.checked_add(9)?).ok()?;
        let nanos = value.checked_mul(10_i128.checked_pow(power)?)?;
        (0..=LAST).contains(&nanos).then_some(Self { nanos })
    }

    /// Returns the time in milliseconds, rounded down: what ends then has not ended later.
    pub(super) fn milliseconds(self) -> i64 {
        i64::try_from(self.nanos.div_euclid(NANOS_OF_MS)).unwrap_or(i64::MIN)
    }

    /// Returns the time in milliseconds, rounded up: what begins then has not begun earlier.
    pub(super) fn milliseconds_up(self) -> i64 {
        let partial = self.nanos.rem_euclid(NANOS_OF_MS) != 0;
        self.milliseconds().saturating_add(i64::from(partial))
    }

    /// Returns the time as policies see it.
    pub(super) fn to_fact(self, claim: &str) -> Result<Value, CredentialError> {
        let at = jiff::Timestamp::from_nanosecond(self.nanos)
            .map_err(|_| super::claims::bad_claim(claim))?;
        Ok(Value::text(at.to_string()))
    }
}

/// Returns a time at which something ends, in milliseconds.
pub(super) fn milliseconds(claim: &Value) -> Option<i64> {
    NumericDate::read(claim).map(NumericDate::milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Number;

    #[test]
    fn a_time_is_the_same_however_it_is_spelled_and_rounded_to_the_safe_side() {
        for (digits, expected) in [
            ("0", Some((0, 0, "1970-01-01T00:00:00Z"))),
            (
                "1.7e9",
                Some((1_700_000_000_000, 1_700_000_000_000, "2023-11-14T22:13:20Z")),
            ),
            (
                "1700000000.0",
                Some((1_700_000_000_000, 1_700_000_000_000, "2023-11-14T22:13:20Z")),
            ),
            (
                "1700000000.999",
                Some((
                    1_700_000_000_999,
                    1_700_000_000_999,
                    "2023-11-14T22:13:20.999Z",
                )),
            ),
            (
                "1700000000.9991",
                Some((
                    1_700_000_000_999,
                    1_700_000_001_000,
                    "2023-11-14T22:13:20.9991Z",
                )),
            ),
            (
                "1700000000.123456789",
                Some((
                    1_700_000_000_123,
                    1_700_000_000_124,
                    "2023-11-14T22:13:20.123456789Z",
                )),
            ),
            ("1700000000.1234567891", None),
            (
                "253402207200",
                Some((
                    253_402_207_200_000,
                    253_402_207_200_000,
                    "9999-12-30T22:00:00Z",
                )),
            ),
            ("253402207200.1", None),
            ("-1", None),
            ("-0.5", None),
            ("1e40", None),
        ] {
            let claim = Value::Number(Number::parse(digits).expect("a number"));
            let found = NumericDate::read(&claim).map(|at| {
                let fact = at.to_fact("exp").expect("a fact");
                (at.milliseconds(), at.milliseconds_up(), fact)
            });
            let expected = expected.map(|(down, up, fact)| (down, up, Value::text(fact)));
            assert_eq!(found, expected, "{digits}");
        }
        assert_eq!(NumericDate::read(&Value::text("1700000000")), None);
    }
}
