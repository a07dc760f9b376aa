//! How long a worker's tasks wait for it.
//!
//! A task that was woken runs after all that were woken before it. So a probe, a task that does
//! nothing, measures the wait of everybody: from when it was made until it ran. A request that is
//! measured anyway makes one, at most every few milliseconds; an idle worker makes none.
//!
//! INVARIANT: one long wait is no overload, and neither is a long wait behind few. A process that
//! the system has put to sleep, or a machine that others use, sees such; a worker that is asked for
//! more than it can do sees a crowd lap after lap.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The shortest pause between two probes.
const PAUSE: Duration = Duration::from_millis(2);

/// So many laps that are too long, one after another, are an overload.
const LAPS: u32 = 3;

/// Fewer requests in a lap are no crowd: refusing them would make nobody's wait shorter.
const CROWD: u32 = 32;

/// A worker's laps.
struct Laps {
    /// When the probe that has not run yet was made.
    under_way: Cell<Option<Instant>>,
    made: Cell<Option<Instant>>,
    /// How many requests came since.
    requests: Cell<u32>,
    /// How many laps were too long, one after another.
    long: Cell<u32>,
}

thread_local! {
    static LAPS_OF_WORKER: Laps =
        const { Laps { under_way: Cell::new(None), made: Cell::new(None), requests: Cell::new(0), long: Cell::new(0) } };
}

/// Sends a probe if it is time for one. `now` is when a request came; a lap is too long if it takes
/// longer than `limit`.
pub(in crate::http) fn probe(now: Instant, limit: Duration) {
    LAPS_OF_WORKER.with(|laps| {
        laps.requests.set(laps.requests.get().saturating_add(1));
        let is_early = laps
            .made
            .get()
            .is_some_and(|made| now.saturating_duration_since(made) < PAUSE);
        if is_early || laps.under_way.get().is_some() {
            return;
        }
        laps.made.set(Some(now));
        laps.under_way.set(Some(now));
        laps.requests.set(0);
        let ends = Ends;
        actix_web::rt::spawn(async move {
            LAPS_OF_WORKER.with(|laps| laps.ran(limit));
            drop(ends);
        });
    });
}

/// Returns `true` while the worker's tasks wait for too long, lap after lap.
pub(in crate::http) fn is_long() -> bool {
    LAPS_OF_WORKER.with(|laps| laps.long.get() >= LAPS)
}

impl Laps {
    fn ran(&self, limit: Duration) {
        let is_crowd = self.requests.get() >= CROWD;
        let is_long = is_crowd
            && self
                .under_way
                .get()
                .is_some_and(|made| made.elapsed() > limit);
        self.long.set(if is_long {
            self.long.get().saturating_add(1)
        } else {
            0
        });
    }
}

/// The probe has run, or its runtime is gone.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        // The worker's own values may be gone with it.
        let _is_gone = LAPS_OF_WORKER.try_with(|laps| laps.under_way.set(None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::rt::task::yield_now;

    const LIMIT: Duration = Duration::from_millis(20);

    async fn lap(length: Duration, requests: u32) {
        std::thread::sleep(PAUSE);
        (0..=requests).for_each(|_| probe(Instant::now(), LIMIT));
        std::thread::sleep(length);
        yield_now().await;
        yield_now().await;
    }

    #[actix_web::test]
    async fn long_laps_are_an_overload_and_one_is_not() {
        let crowds = [
            (2, CROWD, false),
            (2, CROWD, false),
            (2, CROWD, true),
            (0, CROWD, false),
            (2, CROWD, false),
        ];
        let few = [(2, 1, false); 5];
        for (length, requests, is_overload) in crowds.into_iter().chain(few) {
            lap(LIMIT * length, requests).await;
            assert_eq!(is_long(), is_overload);
        }
    }
}
