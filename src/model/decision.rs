//! Decisions and what travels with them.

use super::{Digest, Explanation, Reason};
use std::fmt::{self, Write as _};

/// The answer to a question. Never a `bool`, so that nothing negates it by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Every leg permits.
    Permit,
    /// Some leg does not.
    Deny,
}

impl Decision {
    /// What a policy of this effect does: `permit`, `forbid`.
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

/// How much of the why an answer carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The decision alone.
    #[default]
    Lean,
    /// The reason of a denial.
    Reason,
    /// The whole tree.
    Explain,
}

/// What is known of a call's arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arguments {
    /// They are as the request has them.
    #[default]
    Known,
    /// Nothing: it is asked what some arguments could be permitted, and a permit is of no call.
    Unknown,
}

/// Names one decision, in answers and records. Unique, and ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecisionId(u128);

impl DecisionId {
    /// Wraps a fresh identifier (a version 7 UUID's 128 bits).
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// Returns its 32 hexadecimal digits, in ASCII. Each answer has them in a header: written by
    /// the formatter they were 900 of a decision's 85,000 instructions.
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

/// 32 hexadecimal digits.
impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits()
            .iter()
            .try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

/// Counts the changes of the relations: dense, starting at 0. An answer names the revision that it
/// saw.
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

/// A decision with everything that the asked depth adds.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The name of this decision.
    pub id: DecisionId,
    /// What was decided.
    pub decision: Decision,
    /// Of what: where the arguments are unknown, a permit says only that some could be permitted.
    pub arguments: Arguments,
    /// Why not, on every denial and on no permit.
    pub reason: Option<Reason>,
    /// The whole tree, where [`Depth::Explain`] was asked.
    pub explanation: Option<Explanation>,
    /// The bundle that decided.
    pub bundle: Digest,
    /// The revision of the relations that decided.
    pub revision: Revision,
}

/// Why there is no decision at all. Answered with a 5xx, never cached, and never a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No bundle has been loaded yet.
    #[error("no bundle is loaded yet")]
    NoBundle,
    /// A relation could not be looked up, for a reason that may pass: time, breadth, a store.
    #[error("a relation could not be looked up: {0}")]
    Relations(String),
    /// The decision record could not be taken and the setting says to fail then.
    #[error("the decision record's queue is full")]
    RecordQueueFull,
    /// Something that must not happen did; the text says what, for the log.
    #[error("internal fault: {0}")]
    Internal(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_its_hexadecimal_digits(bits in any::<u128>()) {
            prop_assert_eq!(DecisionId::new(bits).to_string(), format!("{bits:032x}"));
        }
    }
}
