//! A rate limit for rare actions: a burst, and one more after each interval.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A budget without a lock: it stores the time at which it would be whole again.
#[derive(Debug)]
pub(super) struct FetchBudget {
    whole_ms: AtomicI64,
    burst: u32,
    each_ms: i64,
}

impl FetchBudget {
    /// Creates a whole budget of `burst`, to which one is added every `each`.
    pub(super) fn new(burst: u32, each: Duration) -> Self {
        Self {
            whole_ms: AtomicI64::new(i64::MIN),
            burst,
            each_ms: i64::try_from(each.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Takes one at this time of the monotonic clock; returns `false` if none is left.
    pub(super) fn take(&self, now_ms: i64) -> bool {
        let spent = self
            .each_ms
            .saturating_mul(i64::from(self.burst.max(1) - 1));
        let next = |whole: i64| {
            let whole = whole.max(now_ms);
            (whole.saturating_sub(now_ms) <= spent).then(|| whole.saturating_add(self.each_ms))
        };
        self.whole_ms
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_then_one_at_a_time() {
        let budget = FetchBudget::new(3, Duration::from_secs(10));
        let take = |now_ms| (0..5).filter(|_| budget.take(now_ms)).count();
        assert_eq!(
            [0, 9_999, 10_000, 10_000, 35_000, 600_000].map(take),
            [3, 0, 1, 0, 2, 3]
        );
    }
}
