//! Measures how long a worker's tasks wait to run.
//!
//! A woken task runs after all tasks that were woken before it. So a probe, a task that does
//! nothing, measures every task's wait: the time from its creation until it ran (a lap). Requests
//! create probes, at most one every few milliseconds; an idle worker creates none.
//!
//! INVARIANT: a single long wait is not an overload, and neither is a long wait behind a few
//! requests. Both occur if the system suspends the process, or if others use the machine; an
//! overloaded worker has many requests in lap after lap.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The shortest pause between two probes.
const PAUSE: Duration = Duration::from_millis(2);

/// This many long laps in a row are an overload.
const LAPS: u32 = 3;

/// The least number of requests in a lap that makes a crowd: refusing fewer would shorten nobody's
/// wait.
const CROWD: u32 = 32;

/// The laps of one worker.
struct Laps {
    /// When the probe that has not run yet was created.
    under_way: Cell<Option<Instant>>,
    made: Cell<Option<Instant>>,
    /// How many requests have come since the last probe was created.
    requests: Cell<u32>,
    /// How many laps in a row were too long.
    long: Cell<u32>,
}

thread_local! {
    static LAPS_OF_WORKER: Laps = const {
        Laps {
            under_way: Cell::new(None),
            made: Cell::new(None),
            requests: Cell::new(0),
            long: Cell::new(0),
        }
    };
}

/// Starts a probe if it is time for one. `now` is when a request came; a lap is too long if it
/// takes longer than `limit`.
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
        let ends = ProbeEnd;
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

/// Clears the probe once it has run, or when its runtime is gone.
struct ProbeEnd;

impl Drop for ProbeEnd {
    fn drop(&mut self) {
        // The thread's own values may already be destroyed.
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
