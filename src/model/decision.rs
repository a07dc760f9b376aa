//! Decisions, and the values that accompany them.

use super::{Digest, Explanation, Reason};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The answer to a question. It is never a `bool`, so that nothing negates it by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Every leg permits.
    Permit,
    /// Some leg does not permit.
    Deny,
}

impl Decision {
    /// Returns the keyword of a policy with this effect: `permit` or `forbid`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "forbid",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        })
    }
}

/// How much an answer says about why it was decided so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnswerDepth {
    /// The decision only.
    #[default]
    Lean,
    /// The reason of a denial, too.
    Reason,
    /// The whole explanation.
    Explain,
}

/// What is known of the arguments of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arguments {
    /// The arguments are those of the request.
    #[default]
    Known,
    /// Nothing is known: the question is whether some arguments could be permitted, so a permit
    /// allows no particular call.
    Unknown,
}

/// The id of a decision in answers and records. It is unique, and ids are ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecisionId(u128);

impl DecisionId {
    /// Wraps a new identifier (the 128 bits of a UUID of version 7).
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// Returns the 32 hexadecimal digits in ASCII. Each answer has them in a header; writing them
    /// with the formatter took 900 of a decision's 85,000 instructions.
    #[must_use]
    pub fn digits(self) -> [u8; 32] {
        let digit = |place: usize| {
            let nibble = (self.0 >> (124 - 4 * place)) & 0xf;
            b"0123456789abcdef"
                .get(usize::try_from(nibble).unwrap_or_default())
                .copied()
                .unwrap_or(b'0')
        };
        std::array::from_fn(digit)
    }
}

/// Writes 32 hexadecimal digits.
impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits()
            .iter()
            .try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

/// The number of changes to the relations so far, from 0 and without gaps. An answer names the
/// revision that it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Writes the time as RFC 3339; a precision (`{:.3}`) fixes the digits after the second. A time
/// that RFC 3339 cannot write, such as one after the year 9999, leaves its milliseconds:
/// `253402300800000 ms`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// The error for a text that is no time of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a time as RFC 3339 writes it")]
pub struct TimestampError;

/// Reads a time as RFC 3339 writes it, with any offset; less than a millisecond is cut off.
impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Ok(Self(time.as_millisecond()))
    }
}

/// A decision with everything that the requested depth adds.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The id of this decision.
    pub id: DecisionId,
    /// The decision.
    pub decision: Decision,
    /// Whether the arguments were known: if not, a permit says only that some could be permitted.
    pub arguments: Arguments,
    /// The reason of a denial; always present on a denial and never on a permit.
    pub reason: Option<Reason>,
    /// The whole explanation, if [`AnswerDepth::Explain`] was requested.
    pub explanation: Option<Explanation>,
    /// The bundle that decided.
    pub bundle: Digest,
    /// The revision of the relations that decided.
    pub revision: Revision,
}

/// The reason why there is no decision at all. A fault is answered with a 5xx, is never cached, and
/// is never a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No bundle has been loaded yet.
    #[error("no bundle is loaded yet")]
    NoBundle,
    /// A relation could not be looked up, for a reason that may pass: time, a store.
    #[error("a relation could not be looked up: {0}")]
    Relations(String),
    /// A relation could not be looked up within its limits: the same question fails again, until
    /// the tuples or the model change.
    #[error("a relation could not be looked up: {0}")]
    RelationLimit(String),
    /// The decision takes longer than other requests of the thread may wait; on another thread it
    /// is made.
    #[error("the decision takes too long for the thread that it began on")]
    TakesLong,
    /// The decision record's queue had no room, and the setting says to fail in this case.
    #[error("the decision record's queue is full")]
    RecordQueueFull,
    /// Something happened that must not happen; the text describes it for the log.
    #[error("internal fault: {0}")]
    Internal(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_is_written_as_rfc_3339_or_as_its_milliseconds() {
        for (ms, text, with_milliseconds) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (
                1_790_845_200_120,
                "2026-10-01T09:00:00.12Z",
                "2026-10-01T09:00:00.120Z",
            ),
            (
                253_402_300_800_000,
                "253402300800000 ms",
                "253402300800000 ms",
            ),
        ] {
            let at = Timestamp(ms);
            assert_eq!(at.to_string(), text);
            assert_eq!(format!("{at:.3}"), with_milliseconds);
            let is_time = text.ends_with('Z');
            assert_eq!(
                text.parse::<Timestamp>(),
                is_time.then_some(at).ok_or(TimestampError)
            );
        }
    }

    proptest! {
        #[test]
        fn a_name_is_its_hexadecimal_digits(bits in any::<u128>()) {
            prop_assert_eq!(DecisionId::new(bits).to_string(), format!("{bits:032x}"));
        }
    }
}
