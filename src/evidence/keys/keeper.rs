//! The thread that keeps one issuer's keys fresh.

use super::fetch::{FetchError, HttpClient};
use super::file::FileMark;
use super::published::Published;
use super::ring::{Generation, KeyringState};
use super::source::{FILE_INTERVAL, KeySource};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Minimum time between two fetches, whatever the issuer says.
const SHORTEST: Duration = Duration::from_secs(30);

/// Maximum time between two fetches: a withdrawn key is removed within it.
const LONGEST: Duration = Duration::from_hours(1);

/// The time between two fetches if an issuer does not say how long its keys are good.
const USUAL: Duration = Duration::from_mins(5);

/// How long the last good keys are used after they can no longer be fetched. The service survives
/// an outage of an hour, and an attacker who blocks fetching cannot keep withdrawn keys trusted for
/// longer than that.
const KEEP: Duration = Duration::from_hours(1);

/// The time until the next fetch after a failure.
const RETRY: Duration = Duration::from_secs(15);

/// The state of the thread.
pub(super) struct KeyringKeeper {
    pub(super) issuer: String,
    pub(super) source: KeySource,
    pub(super) client: HttpClient,
    pub(super) state: Arc<KeyringState>,
    /// What could not be read of the last published keys.
    pub(super) complaint: Option<String>,
    /// The digest of the file's last content.
    pub(super) last: Option<FileMark>,
    /// The digest of a file's content that contains no keys, and since when, by the monotonic
    /// clock.
    pub(super) foreign: Option<(FileMark, i64)>,
}

impl KeyringKeeper {
    /// Fetches until nobody asks for the keys any more.
    pub(super) fn run(mut self, asked: &Receiver<()>) {
        loop {
            self.state.begun.fetch_add(1, Ordering::SeqCst);
            // Whatever an issuer sends, the thread must go on to the next fetch.
            let pause = catch_unwind(AssertUnwindSafe(|| self.fetch())).unwrap_or(RETRY);
            self.state
                .ended
                .send_modify(|ended| *ended = ended.wrapping_add(1));
            match asked.recv_timeout(pause) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Fetches once, publishes, and returns how long to wait.
    fn fetch(&mut self) -> Duration {
        let read = self.source.read(&self.client, &mut self.last);
        if !matches!(read, Err(FetchError::Foreign(..))) {
            self.foreign = None;
        }
        match read {
            Ok((mut published, fresh)) => {
                if self.state.is_out_of_reach.swap(false, Ordering::SeqCst) {
                    tracing::info!(
                        issuer = self.issuer,
                        "the issuer's keys can be fetched again"
                    );
                }
                let fresh = match fresh {
                    Some(interval) if self.source.is_file() => interval,
                    fresh => fresh.unwrap_or(USUAL).clamp(SHORTEST, LONGEST),
                };
                let now_ms = self.state.clock.now_ms();
                let next_end = published.set.end(now_ms);
                self.publish(published, fresh);
                // If a key ends before the next fetch, that comes earlier.
                let until_end = next_end.and_then(|end| u64::try_from(end - now_ms).ok());
                until_end.map_or(fresh, |end| fresh.min(Duration::from_millis(end)))
            }
            // INVARIANT: an issuer that says that there are no keys any more has withdrawn them. If
            // none were read before, a mistake in the settings is more likely, and is reported as
            // one.
            Err(FetchError::Gone(what)) if self.state.current.load().is_some() => {
                self.withdraw(what)
            }
            // If a file keeps some other content, this is intended.
            Err(FetchError::Foreign(what, mark))
                if self.state.current.load().is_some() && self.is_still(mark) =>
            {
                self.withdraw(what)
            }
            Err(error) => {
                self.fail(&error);
                self.retry()
            }
        }
    }

    fn withdraw(&mut self, what: &str) -> Duration {
        self.state.is_out_of_reach.store(false, Ordering::SeqCst);
        let retry = self.retry();
        self.publish(Published::nothing(what), retry);
        retry
    }

    fn retry(&self) -> Duration {
        if self.source.is_file() {
            FILE_INTERVAL
        } else {
            RETRY
        }
    }

    /// Returns `true` if a file had the same content at an earlier check.
    fn is_still(&mut self, mark: FileMark) -> bool {
        let now_ms = self.state.clock.monotonic_ms();
        let (last, since_ms) = *self.foreign.get_or_insert((mark, now_ms));
        if last != mark {
            self.foreign = Some((mark, now_ms));
        }
        last == mark && now_ms.saturating_sub(since_ms) >= millis(FILE_INTERVAL)
    }

    /// INVARIANT: what an issuer publishes replaces what it published before, even if it is empty:
    /// a set without keys withdraws them, and waiting for other keys would let a thief of the last
    /// one go on.
    fn publish(&mut self, published: Published, fresh: Duration) {
        let Published {
            set: keys,
            complaint,
        } = published;
        self.state.failure.store(complaint.clone().map(Arc::new));
        if self.complaint != complaint
            && let Some(complaint) = &complaint
        {
            tracing::error!(
                issuer = self.issuer,
                complaint,
                keys = keys.names().len(),
                "not all that the issuer publishes can be read: what was not read verifies nothing"
            );
        }
        self.complaint = complaint;
        let until_ms = until_ms(self.state.clock.monotonic_ms(), fresh);
        let last = self.state.current.load();
        let number = match last.as_ref() {
            Some(last) if last.keys.is_same(&keys) => last.number,
            Some(last) => last.number.wrapping_add(1),
            None => 0,
        };
        let was_empty = last.as_ref().is_some_and(|last| last.keys.is_empty());
        drop(last);
        if keys.is_empty() && !was_empty {
            tracing::warn!(
                issuer = self.issuer,
                "the issuer publishes no key that can be used: nothing of it verifies until it does"
            );
        }
        self.state.current.store(Some(Arc::new(Generation {
            number,
            keys,
            until_ms,
            read_ms: (self.state.clock.now_ms(), self.state.clock.monotonic_ms()),
        })));
    }

    fn fail(&mut self, error: &FetchError) {
        self.state.failure.store(Some(Arc::new(error.to_string())));
        let settled = self.source.is_file() || !error.may_pass();
        self.state.is_settled.store(settled, Ordering::SeqCst);
        if self.state.is_out_of_reach.swap(true, Ordering::SeqCst) {
            return;
        }
        let issuer = &self.issuer;
        if self.state.current.load().is_some() {
            tracing::warn!(
                issuer,
                %error,
                "the issuer's keys cannot be fetched; \
                 the last good ones are used for at most an hour more"
            );
        } else {
            tracing::warn!(
                issuer,
                %error,
                "the issuer's keys cannot be fetched; until they can, nothing of it verifies"
            );
        }
    }
}

/// Returns until when keys may be used, by the monotonic clock, if they are fetched now and fresh
/// for this time.
pub(super) fn until_ms(now_ms: i64, fresh: Duration) -> i64 {
    now_ms.saturating_add(millis(fresh + KEEP))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
