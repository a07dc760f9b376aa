//! Reads the time of day; no other module does.
//!
//! INVARIANT: the clock is read once per request; everything that the request touches sees the same
//! instant.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A source of the current time, in milliseconds since 1970-01-01T00:00:00Z, and of durations.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now_ms(&self) -> i64;

    /// Returns the milliseconds since some fixed instant; setting the machine's clock does not
    /// change them. A duration is the difference of two of them. Compare times in tokens and the
    /// like (`exp`, `nbf`, `iat`) with [`Clock::now_ms`].
    fn monotonic_ms(&self) -> i64;
}

/// The instant from which [`SystemClock`] counts.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the time"
    )]
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn monotonic_ms(&self) -> i64 {
        i64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that shows the time that it is set to, for cases and tests.
#[derive(Debug)]
pub struct FixedClock {
    now_ms: AtomicI64,
    monotonic_ms: AtomicI64,
}

impl FixedClock {
    /// Creates a clock that shows `ms`.
    #[must_use]
    pub const fn at(ms: i64) -> Self {
        Self {
            now_ms: AtomicI64::new(ms),
            monotonic_ms: AtomicI64::new(0),
        }
    }

    /// Sets the time. If it is later than before, this much time has passed.
    pub fn set(&self, ms: i64) {
        let before = self.now_ms.swap(ms, Ordering::SeqCst);
        self.monotonic_ms
            .fetch_add(ms.saturating_sub(before).max(0), Ordering::SeqCst);
    }

    /// Corrects the time, as when somebody sets a machine's clock: no time passes.
    pub fn correct(&self, ms: i64) {
        self.now_ms.store(ms, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> i64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}
