//! Limits how often a caller may send requests.
//!
//! There is one lock-free counter per caller: the time at which the caller's next request would be
//! due if it sent them evenly (the generic cell rate algorithm). A request that comes earlier than
//! that by more than a burst is refused.

use serde::Deserialize;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The number of requests that a caller may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct CallerRate")]
pub struct Rate {
    /// Requests per second in the long run. At least 1.
    pub per_second: u32,
    /// Requests at once after a pause, at least 1; by default, as many as in one second.
    pub burst: Option<u32>,
}

/// One caller's use of its rate.
#[derive(Debug, Default)]
pub(in crate::http) struct RateMeter(AtomicI64);

impl RateMeter {
    /// Counts a request at `now_ms` in milliseconds; `Err` holds how long to wait.
    pub(in crate::http) fn take(&self, rate: Rate, now_ms: i64) -> Result<(), Duration> {
        let now = now_ms.saturating_mul(1_000);
        let each = 1_000_000 / i64::from(rate.per_second.max(1));
        let burst = rate.burst.unwrap_or(rate.per_second).max(1);
        let ahead = each.saturating_mul(i64::from(burst - 1));
        let due = |at: i64| {
            let at = at.max(now);
            (at.saturating_sub(now) <= ahead).then(|| at.saturating_add(each))
        };
        match self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, due)
        {
            Ok(_) => Ok(()),
            Err(at) => {
                let wait = at.saturating_sub(now).saturating_sub(ahead);
                Err(Duration::from_micros(u64::try_from(wait).unwrap_or(0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10,
        burst: Some(3),
    };

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let meter = RateMeter::default();
        let now = 1_000_000;
        for _ in 0..3 {
            assert_eq!(meter.take(RATE, now), Ok(()));
        }
        assert_eq!(meter.take(RATE, now), Err(Duration::from_millis(100)));
        assert_eq!(meter.take(RATE, now + 99), Err(Duration::from_millis(1)));
        assert_eq!(meter.take(RATE, now + 100), Ok(()));
        assert_eq!(meter.take(RATE, now + 100), Err(Duration::from_millis(100)));
        // A pause restores one burst, and no more.
        let later = now + 1_000_000;
        let taken = (0..10).filter(|_| meter.take(RATE, later).is_ok()).count();
        assert_eq!(taken, 3);
    }

    #[test]
    fn a_clock_that_goes_back_lets_nobody_through_early() {
        let meter = RateMeter::default();
        let _ = (0..3).map(|_| meter.take(RATE, 2_000)).collect::<Vec<_>>();
        assert!(meter.take(RATE, 1_000).is_err());
    }
}
