//! Records how an evaluation used the time, and so for how long its outcome stays valid.

use super::Timestamp;
use std::cmp::Ordering;

/// The range of times that both policies and conditions can represent. An outcome that read the
/// clock outside of it is never cached.
const FIRST: Timestamp = Timestamp(-62_135_596_800_000);
const LAST: Timestamp = Timestamp(253_402_207_200_000);

/// How the clock was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockUse {
    /// Not at all: the outcome does not depend on it.
    #[default]
    Unread,
    /// Only in direct comparisons with values, of which the earliest that the clock has not passed
    /// is this one. The outcome is the same at every time from now until just before this value.
    Until(Timestamp),
    /// In any other way, or in a comparison with a value equal to it: nothing is known about the
    /// outcome at another time.
    Otherwise,
}

impl ClockUse {
    /// Returns the use by an evaluation that reads the clock at `now` and compares it.
    #[must_use]
    pub fn read(now: Timestamp) -> Self {
        if (FIRST..LAST).contains(&now) {
            Self::Until(LAST)
        } else {
            Self::Otherwise
        }
    }

    /// Returns the use by a direct comparison of the clock at `now` with `value`, which is in
    /// milliseconds, rounded up.
    #[must_use]
    pub fn compared(now: Timestamp, value: Timestamp) -> Self {
        match value.cmp(&now) {
            Ordering::Less => Self::read(now),
            Ordering::Equal => Self::Otherwise,
            Ordering::Greater => Self::read(now).and(Self::Until(value)),
        }
    }

    /// Combines two uses by one evaluation.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Otherwise, _) | (_, Self::Otherwise) => Self::Otherwise,
            (Self::Unread, it) | (it, Self::Unread) => it,
            (Self::Until(a), Self::Until(b)) => Self::Until(a.min(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_that_is_not_earlier_ends_it_and_an_equal_one_forbids_it() {
        let now = Timestamp(1_000);
        let compared = |ms| ClockUse::compared(now, Timestamp(ms));
        assert_eq!(
            compared(999).and(compared(1_500)).and(compared(1_200)),
            ClockUse::Until(Timestamp(1_200))
        );
        assert_eq!(compared(999), ClockUse::Until(LAST));
        assert_eq!(compared(1_500).and(compared(1_000)), ClockUse::Otherwise);
        assert_eq!(
            ClockUse::Unread.and(compared(1_001)),
            ClockUse::Until(Timestamp(1_001))
        );
        assert_eq!(
            ClockUse::Otherwise.and(ClockUse::Unread),
            ClockUse::Otherwise
        );
    }

    #[test]
    fn a_time_without_a_date_is_not_kept() {
        for now in [FIRST.0 - 1, LAST.0, i64::MAX] {
            assert_eq!(
                ClockUse::compared(Timestamp(now), Timestamp(0)),
                ClockUse::Otherwise
            );
        }
    }
}
