//! The thread that keeps one issuer's keys fresh.

use super::fetch::{FetchError, HttpClient};
use super::published::Published;
use super::ring::{Generation, State};
use super::source::KeySource;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Keys are fetched again no sooner than this, whatever the issuer says.
const SHORTEST: Duration = Duration::from_secs(30);

/// And no later than this: a key that was withdrawn is gone within it.
const LONGEST: Duration = Duration::from_hours(1);

/// Where an issuer does not say how long its keys are good.
const USUAL: Duration = Duration::from_mins(5);

/// How long the last good keys are used once they cannot be fetched: an outage of an hour is
/// survived, and keys that somebody keeps from being withdrawn are trusted no longer than that.
const KEEP: Duration = Duration::from_hours(1);

/// After a failure.
const RETRY: Duration = Duration::from_secs(15);

/// The thread.
pub(super) struct Keeper {
    pub(super) issuer: String,
    pub(super) source: KeySource,
    pub(super) client: HttpClient,
    pub(super) state: Arc<State>,
    /// What could not be read of what was published last.
    pub(super) complaint: Option<String>,
}

impl Keeper {
    /// Fetches until nobody asks for the keys any more.
    pub(super) fn run(mut self, asked: &Receiver<()>) {
        loop {
            self.state.begun.fetch_add(1, Ordering::SeqCst);
            // Whatever an issuer sends, the next fetch comes.
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

    /// Fetches once, publishes, and says how long to wait.
    fn fetch(&mut self) -> Duration {
        match self.source.read(&self.client) {
            Ok((published, fresh)) => {
                if self.state.is_out_of_reach.swap(false, Ordering::SeqCst) {
                    tracing::info!(
                        issuer = self.issuer,
                        "the issuer's keys can be fetched again"
                    );
                }
                let fresh = match (&self.source, fresh) {
                    (KeySource::File(_) | KeySource::Pem(_), Some(interval)) => interval,
                    (_, fresh) => fresh.unwrap_or(USUAL).clamp(SHORTEST, LONGEST),
                };
                self.publish(published, fresh);
                fresh
            }
            // INVARIANT: whoever says that there are no keys any more has withdrawn them. Where
            // none were read before, it is more likely a slip of the settings, and told as one.
            Err(FetchError::Gone(what)) if self.state.current.load().is_some() => {
                self.state.is_out_of_reach.store(false, Ordering::SeqCst);
                self.publish(
                    Published {
                        complaint: Some(what.to_owned()),
                        ..Published::default()
                    },
                    RETRY,
                );
                RETRY
            }
            Err(error) => {
                self.fail(&error);
                RETRY
            }
        }
    }

    /// INVARIANT: what an issuer publishes replaces what it published before, also where it is
    /// nothing: a set without keys withdraws them, and waiting for others would let whoever stole
    /// the last go on.
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
        let until_ms = self
            .state
            .clock
            .monotonic_ms()
            .saturating_add(millis(fresh + KEEP));
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
        })));
    }

    fn fail(&mut self, error: &FetchError) {
        self.state.failure.store(Some(Arc::new(error.to_string())));
        if self.state.is_out_of_reach.swap(true, Ordering::SeqCst) {
            return;
        }
        let issuer = &self.issuer;
        if self.state.current.load().is_some() {
            tracing::warn!(
                issuer,
                %error,
                "the issuer's keys cannot be fetched; the last good ones are used for at most an hour more"
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

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
