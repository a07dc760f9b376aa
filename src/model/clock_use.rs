//! What an evaluation did with the time, and so for how long its outcome stays what it is.

use super::Timestamp;
use std::cmp::Ordering;

/// The times that policies and conditions can be told: the years that both of their calendars have.
/// Nothing that read the clock outside of them is kept.
const FIRST: Timestamp = Timestamp(-62_135_596_800_000);
const LAST: Timestamp = Timestamp(253_402_207_200_000);

/// What the clock was used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockUse {
    /// For nothing: the outcome does not depend on it.
    #[default]
    Unread,
    /// It was compared directly with values, all of them earlier but those from this one on. The
    /// outcome is the same at every time from now up to it, itself not among them.
    Until(Timestamp),
    /// For anything else, or it was compared with what is equal to it: nothing is known of any
    /// other time.
    Otherwise,
}

impl ClockUse {
    /// The clock at `now` is read, to be compared.
    #[must_use]
    pub fn read(now: Timestamp) -> Self {
        if (FIRST..LAST).contains(&now) {
            Self::Until(LAST)
        } else {
            Self::Otherwise
        }
    }

    /// The clock at `now` is compared directly with `value`, in milliseconds, a started one counted
    /// whole.
    #[must_use]
    pub fn compared(now: Timestamp, value: Timestamp) -> Self {
        match value.cmp(&now) {
            Ordering::Less => Self::read(now),
            Ordering::Equal => Self::Otherwise,
            Ordering::Greater => Self::read(now).and(Self::Until(value)),
        }
    }

    /// Both uses by one evaluation.
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
