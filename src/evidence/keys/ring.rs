//! One issuer's keys, kept fresh by a thread of their own.

use super::fetch::{FetchError, HttpClient, TIMEOUT};
use super::set::{Key, KeySet};
use super::source::KeySource;
use crate::clock::Clock;
use crate::model::Unproven;
use arc_swap::ArcSwapOption;
use jsonwebtoken::Algorithm;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::watch;

/// LIMIT: the time between two fetches that tokens ask for: whoever sends tokens with invented key names makes at most
/// six requests a minute to an issuer.
pub(super) const COOLDOWN: Duration = Duration::from_secs(10);

/// Keys are fetched again no sooner than this, whatever the issuer says.
const SHORTEST: Duration = Duration::from_secs(30);

/// And no later than this: a key that was withdrawn is gone within it.
const LONGEST: Duration = Duration::from_hours(1);

/// Where an issuer does not say how long its keys are good.
const USUAL: Duration = Duration::from_mins(5);

/// How long the last good keys are used once they cannot be fetched: an outage of an hour is survived, and keys that
/// somebody keeps from being withdrawn are trusted no longer than that.
const KEEP: Duration = Duration::from_hours(1);

/// After a failure.
const RETRY: Duration = Duration::from_secs(15);

/// LIMIT: how long a request waits for a fetch: discovery and the set, each within its own limit.
const PATIENCE: Duration = Duration::from_secs(2 * TIMEOUT.as_secs() + 1);

/// The keys of one issuer.
#[derive(Debug)]
pub(in crate::evidence) struct Keyring {
    state: Arc<State>,
    /// None where the keys never change.
    thread: Option<SyncSender<()>>,
}

/// What was published once.
#[derive(Debug)]
pub(in crate::evidence) struct Generation {
    /// Another for another set of keys: what was verified with an earlier one must be verified again.
    pub(in crate::evidence) number: u64,
    pub(in crate::evidence) keys: KeySet,
    until_ms: i64,
}

#[derive(Debug)]
struct State {
    current: ArcSwapOption<Generation>,
    /// How many fetches have ended.
    ended: watch::Sender<u64>,
    /// Whether one has been asked for and has not ended.
    pending: AtomicBool,
    asked_ms: AtomicI64,
}

impl State {
    fn new(current: Option<Generation>, pending: bool) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwapOption::from(current.map(Arc::new)),
            ended: watch::Sender::new(0),
            pending: AtomicBool::new(pending),
            asked_ms: AtomicI64::new(i64::MIN),
        })
    }

    fn usable(&self, now_ms: i64) -> Option<Arc<Generation>> {
        self.current.load_full().filter(|generation| generation.until_ms > now_ms)
    }
}

impl Keyring {
    /// Keys that never change.
    pub(in crate::evidence) fn fixed(keys: KeySet) -> Self {
        Self { state: State::new(Some(Generation { number: 0, keys, until_ms: i64::MAX }), false), thread: None }
    }

    /// Starts to fetch. Nothing is waited for: an issuer that is down must not keep the service down.
    pub(in crate::evidence) fn start(
        issuer: &str,
        source: KeySource,
        client: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let state = State::new(None, true);
        // One request that waits is enough: it is served by whatever is published next.
        let (sender, receiver) = sync_channel(1);
        let keeper =
            Keeper { issuer: issuer.to_owned(), source, client, clock, state: Arc::clone(&state), failing: false };
        std::thread::Builder::new().name("issuer-keys".to_owned()).spawn(move || keeper.run(&receiver))?;
        Ok(Self { state, thread: Some(sender) })
    }

    /// What is published now, as long as it may be used.
    pub(in crate::evidence) fn usable(&self, now_ms: i64) -> Option<Arc<Generation>> {
        self.state.usable(now_ms)
    }

    /// The generation that has this key, after one more fetch where none has it.
    pub(in crate::evidence) async fn with_key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now_ms: i64,
    ) -> Result<Arc<Generation>, Unproven> {
        let found = |generation: &Arc<Generation>| generation.key(kid, algorithm).is_some();
        if let Some(generation) = self.usable(now_ms).filter(found) {
            return Ok(generation);
        }
        self.refreshed(now_ms).await;
        match self.usable(now_ms) {
            Some(generation) if found(&generation) => Ok(generation),
            Some(_) => Err(Unproven::invalid("the token is signed by a key that its issuer does not publish")),
            None => Err(unreachable()),
        }
    }

    /// The generation of now, after the first fetch where there is none.
    pub(in crate::evidence) async fn any(&self, now_ms: i64) -> Result<Arc<Generation>, Unproven> {
        if self.usable(now_ms).is_none() {
            self.refreshed(now_ms).await;
        }
        self.usable(now_ms).ok_or_else(unreachable)
    }

    /// Waits for one fetch: one under way, or one that may be asked for now.
    async fn refreshed(&self, now_ms: i64) {
        let Some(thread) = &self.thread else { return };
        // Subscribed before looking: a fetch that ends in between is seen.
        let mut ended = self.state.ended.subscribe();
        if !self.state.pending.load(Ordering::SeqCst) {
            let asked = self.state.asked_ms.load(Ordering::SeqCst);
            let cool = asked == i64::MIN || now_ms.saturating_sub(asked) >= millis(COOLDOWN);
            let mine =
                cool && self.state.asked_ms.compare_exchange(asked, now_ms, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if !mine {
                return;
            }
            self.state.pending.store(true, Ordering::SeqCst);
            let _one_waits_already = thread.try_send(());
        }
        let _in_time = tokio::time::timeout(PATIENCE, ended.changed()).await;
    }
}

fn unreachable() -> Unproven {
    Unproven::unavailable("the keys of the credential's issuer cannot be fetched now: ask again later")
}

impl Generation {
    pub(in crate::evidence) fn key(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        self.keys.find(kid, algorithm)
    }
}

/// The thread.
struct Keeper {
    issuer: String,
    source: KeySource,
    client: HttpClient,
    clock: Arc<dyn Clock>,
    state: Arc<State>,
    failing: bool,
}

impl Keeper {
    fn run(mut self, asked: &Receiver<()>) {
        loop {
            // Whatever an issuer sends, the next fetch comes.
            let pause = catch_unwind(AssertUnwindSafe(|| self.fetch())).unwrap_or(RETRY);
            self.state.pending.store(false, Ordering::SeqCst);
            self.state.ended.send_modify(|ended| *ended = ended.wrapping_add(1));
            match asked.recv_timeout(pause) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Fetches once, publishes, and says how long to wait.
    fn fetch(&mut self) -> Duration {
        let read = self.source.read(&self.client).and_then(|(keys, fresh)| {
            // An empty set withdraws everything. It is a mistake far more often, and the last keys end by themselves.
            if keys.is_empty() { Err(FetchError::Form("it holds no key that can be used")) } else { Ok((keys, fresh)) }
        });
        match read {
            Ok((keys, fresh)) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(issuer = self.issuer, "the issuer's keys can be fetched again");
                }
                let fresh = match (&self.source, fresh) {
                    (KeySource::File(_) | KeySource::Pem(_), Some(interval)) => interval,
                    (_, fresh) => fresh.unwrap_or(USUAL).clamp(SHORTEST, LONGEST),
                };
                let until_ms = self.clock.now_ms().saturating_add(millis(fresh + KEEP));
                let last = self.state.current.load();
                let number = match last.as_ref() {
                    Some(last) if last.keys.is_same(&keys) => last.number,
                    Some(last) => last.number.wrapping_add(1),
                    None => 0,
                };
                drop(last);
                self.state.current.store(Some(Arc::new(Generation { number, keys, until_ms })));
                fresh
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(issuer = self.issuer, %error, "the issuer's keys cannot be fetched; the last good ones are used for at most an hour more");
                }
                RETRY
            }
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
