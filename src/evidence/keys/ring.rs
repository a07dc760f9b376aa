//! Holds one issuer's keys, which a thread keeps fresh.

use super::budget::FetchBudget;
use super::fetch::{HttpClient, TIMEOUT};
use super::keeper::{KeyringKeeper, until_ms};
use super::refresh::{KeyRefresh, difference};
use super::set::{Fingerprint, KeySet, SignatureMismatch, VerificationKey};
use super::source::{FILE_INTERVAL, KeySource};
use crate::clock::Clock;
use crate::evidence::jose::UnverifiedToken;
use crate::evidence::secret::Secret;
use crate::model::{CredentialError, Voucher};
use arc_swap::ArcSwapOption;
use jsonwebtoken::Algorithm;
use rustls::pki_types::CertificateDer;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::watch;

/// LIMIT: fetches in quick succession that tokens may cause: enough to follow an issuer that
/// rotates its keys twice in a row.
const BURST: u32 = 6;

/// LIMIT: in the long run, tokens may cause one fetch in this time: somebody who sends tokens with
/// invented key names causes at most six requests a minute to an issuer.
const EACH: Duration = Duration::from_secs(10);

/// LIMIT: how long a request waits for a fetch: for discovery and for the set, each with its own
/// limit.
const PATIENCE: Duration = Duration::from_secs(2 * TIMEOUT.as_secs() + 1);

/// LIMIT: fetches started by others that a request waits for, one after the other.
const MOST_JOINS: u32 = 2;

/// The keys of one issuer.
#[derive(Debug)]
pub(in crate::evidence) struct Keyring {
    state: Arc<KeyringState>,
    /// The channel by which the thread is asked for a fetch; `None` if the keys never change.
    thread: Option<SyncSender<()>>,
    /// Where the keys come from, and by whose authorities; `None` if the keys never change.
    from: Option<(KeySource, HttpClient)>,
}

/// The key that verified something, for a later check that it is still published.
#[derive(Debug)]
pub(in crate::evidence) struct KeyVoucher {
    state: Arc<KeyringState>,
    /// The generation that contained the key at that time.
    number: u64,
    with: VoucherKey,
}

/// The key or certificate that verified.
#[derive(Debug)]
enum VoucherKey {
    /// A key.
    Key(Arc<VerificationKey>),
    /// The certificate of an authority, and what is recognised of it, of the certificates between
    /// and of the holder's own.
    Anchor(CertificateDer<'static>, Vec<Fingerprint>),
}

impl Voucher for KeyVoucher {
    /// Returns `true` while the key is still published and has not ended. Keys that an issuer adds
    /// make no difference to what other keys verified.
    fn stands(&self) -> bool {
        self.state.usable().is_some_and(|generation| {
            let now_ms = self.state.now_ms(&generation);
            let is_as_before = generation.number == self.number;
            (is_as_before && generation.keys.is_whole(now_ms))
                || match &self.with {
                    VoucherKey::Key(key) => generation.keys.has(key, now_ms),
                    VoucherKey::Anchor(anchor, path) => {
                        let mut anchors = generation.keys.anchors(now_ms);
                        anchors.any(|known| known == anchor) && generation.keys.allows(path, now_ms)
                    }
                }
        })
    }
}

/// The keys that were published at one time.
#[derive(Debug)]
pub(in crate::evidence) struct Generation {
    /// The number of this set of keys; another set has another number.
    pub(in crate::evidence) number: u64,
    pub(in crate::evidence) keys: KeySet,
    /// The time until which the keys may be used, by the monotonic clock, so that setting the
    /// machine's clock cannot extend it.
    pub(super) until_ms: i64,
    /// When the keys were read, by the machine's clock and by the monotonic clock.
    pub(super) read_ms: (i64, i64),
}

/// The state that the ring and the thread share.
pub(super) struct KeyringState {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) current: ArcSwapOption<Generation>,
    /// The number of fetches that have begun.
    pub(super) begun: AtomicU64,
    /// The number of fetches that have ended.
    pub(super) ended: watch::Sender<u64>,
    /// Why the last fetch failed; `None` if it did not.
    pub(super) failure: ArcSwapOption<String>,
    /// Whether the last fetch did not reach the issuer, so that it is not known what it has
    /// published since.
    pub(super) is_out_of_reach: AtomicBool,
    /// Whether the last fetch failed in a way that another fetch does not mend.
    pub(super) is_settled: AtomicBool,
    /// The number of the last fetch that was asked for, counted as above.
    asked: AtomicU64,
    /// Whether the settings have no such issuer any more.
    is_withdrawn: AtomicBool,
    budget: FetchBudget,
}

/// Shows what is published.
impl std::fmt::Debug for KeyringState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyringState")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

/// The result of waiting for a fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FetchWait {
    /// A fetch has ended that had begun before: it may have missed keys that were published since.
    Joined,
    /// A fetch has ended that began after the wait did.
    Fetched,
    /// There was no fetch, or none ended in time.
    None,
}

impl KeyringState {
    /// Creates the state; `asked` is the number of fetches that have been asked for when it starts.
    fn new(current: Option<Generation>, asked: u64, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            current: ArcSwapOption::from(current.map(Arc::new)),
            begun: AtomicU64::new(0),
            ended: watch::Sender::new(0),
            failure: ArcSwapOption::empty(),
            is_out_of_reach: AtomicBool::new(false),
            is_settled: AtomicBool::new(false),
            asked: AtomicU64::new(asked),
            is_withdrawn: AtomicBool::new(false),
            budget: FetchBudget::new(BURST, EACH),
        })
    }

    /// Returns the time by which the keys of a generation end: that of the machine's clock, or what
    /// has passed since they were read, so that setting the clock back revives none.
    fn now_ms(&self, generation: &Generation) -> i64 {
        let (read_ms, since_ms) = generation.read_ms;
        let passed_ms = self.clock.monotonic_ms().saturating_sub(since_ms);
        self.clock.now_ms().max(read_ms.saturating_add(passed_ms))
    }

    fn usable(&self) -> Option<Arc<Generation>> {
        let now_ms = self.clock.monotonic_ms();
        self.current
            .load_full()
            .filter(|generation| generation.until_ms > now_ms)
            .filter(|_| !self.is_withdrawn.load(Ordering::SeqCst))
    }

    /// Returns why there are no keys. An issuer whose keys were never read and that does answer is
    /// not where the settings say, or publishes none: to ask again later would not help.
    fn no_keys(&self) -> CredentialError {
        if self.current.load().is_none() && self.is_settled.load(Ordering::SeqCst) {
            CredentialError::unverifiable(
                "the keys of the credential's issuer are not where this service looks for them: \
                 asking again does not help until its settings, or the issuer, are mended",
            )
        } else {
            CredentialError::unavailable(
                "the keys of the credential's issuer cannot be fetched now: ask again later",
            )
        }
    }
}

impl Keyring {
    /// Creates a ring with keys that never change.
    pub(in crate::evidence) fn fixed(keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        let generation = Generation {
            number: 0,
            keys,
            until_ms: i64::MAX,
            read_ms: (clock.now_ms(), clock.monotonic_ms()),
        };
        Self {
            state: KeyringState::new(Some(generation), 0, clock),
            thread: None,
            from: None,
        }
    }

    /// Creates a ring with the secret that is shared with an issuer; its file is checked as other
    /// files are.
    pub(in crate::evidence) fn shared(
        issuer: &str,
        secret: &Secret,
        client: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let keys = KeySet::secret(secret.reveal());
        if secret.path().is_none() {
            return Ok(Self::fixed(keys, clock));
        }
        let source = KeySource::Secret(secret.clone());
        let first = Generation {
            number: 0,
            keys,
            until_ms: until_ms(clock.monotonic_ms(), FILE_INTERVAL),
            read_ms: (clock.now_ms(), clock.monotonic_ms()),
        };
        Self::run(
            issuer,
            source,
            client,
            KeyringState::new(Some(first), 1, clock),
        )
    }

    /// Starts to fetch, without waiting: an issuer that is down must not keep the service down. For
    /// the same reason the keys that another ring has from the same place are used meanwhile.
    pub(in crate::evidence) fn start(
        issuer: &str,
        source: KeySource,
        client: HttpClient,
        clock: Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> io::Result<Self> {
        let state = KeyringState::new(None, 1, clock);
        let is_there =
            |(from, by): &(KeySource, HttpClient)| *from == source && by.is_like(&client);
        let before = before.filter(|ring| ring.from.as_ref().is_some_and(is_there));
        let known = before.and_then(|ring| ring.state.current.load_full());
        state.current.store(known);
        Self::run(issuer, source, client, state)
    }

    /// Withdraws all keys for ever: the settings have no such issuer any more. What they verified
    /// stands no longer.
    pub(in crate::evidence) fn withdraw(&self) {
        self.state.is_withdrawn.store(true, Ordering::SeqCst);
    }

    fn run(
        issuer: &str,
        source: KeySource,
        client: HttpClient,
        state: Arc<KeyringState>,
    ) -> io::Result<Self> {
        // One waiting request is enough: the next fetch serves it and all others.
        let (sender, receiver) = sync_channel(1);
        let from = Some((source.clone(), client.clone()));
        let keeper = KeyringKeeper {
            issuer: issuer.to_owned(),
            source,
            client,
            state: Arc::clone(&state),
            complaint: None,
            last: None,
            foreign: None,
        };
        std::thread::Builder::new()
            .name("issuer-keys".to_owned())
            .spawn(move || keeper.run(&receiver))?;
        Ok(Self {
            state,
            thread: Some(sender),
            from,
        })
    }

    /// Returns the published keys while they may be used.
    pub(in crate::evidence) fn usable(&self) -> Option<Arc<Generation>> {
        self.state.usable()
    }

    fn voucher(&self, generation: &Generation, key: &Arc<VerificationKey>) -> Arc<KeyVoucher> {
        let state = Arc::clone(&self.state);
        let with = VoucherKey::Key(Arc::clone(key));
        Arc::new(KeyVoucher {
            state,
            number: generation.number,
            with,
        })
    }

    /// Creates a voucher for a certificate that an authority of the generation vouches for by this
    /// path, the authority's certificate last; returns `None` if a certificate in it, or its key,
    /// is withdrawn.
    pub(in crate::evidence) fn anchored(
        &self,
        generation: &Generation,
        path: &[CertificateDer<'static>],
    ) -> Option<Arc<KeyVoucher>> {
        let anchor = path.last()?.clone();
        let path: Vec<Fingerprint> = path
            .iter()
            .flat_map(|certificate| Fingerprint::of_certificate(certificate))
            .collect();
        let now_ms = self.state.now_ms(generation);
        generation.keys.allows(&path, now_ms).then(|| {
            Arc::new(KeyVoucher {
                state: Arc::clone(&self.state),
                number: generation.number,
                with: VoucherKey::Anchor(anchor, path),
            })
        })
    }

    /// Returns the key that signed the token; fetches once more if none did.
    pub(in crate::evidence) async fn signer(
        &self,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
    ) -> Result<Arc<KeyVoucher>, CredentialError> {
        let mut joins = 0;
        loop {
            let usable = self.usable();
            match usable
                .as_ref()
                .map(|generation| (generation, self.signed_by(generation, token, algorithm)))
            {
                Some((generation, Ok(key))) => return Ok(self.voucher(generation, key)),
                // A key is not replaced under its name: whatever is published now, the signature
                // stays wrong.
                Some((_, Err(SignatureMismatch::Wrong))) => {
                    return Err(not_signed(SignatureMismatch::Wrong, token));
                }
                Some(_) | None => {}
            }
            if joins < MOST_JOINS && self.refreshed().await == FetchWait::Joined {
                joins += 1;
                continue;
            }
            let usable = self.usable().ok_or_else(|| self.state.no_keys())?;
            return match self.signed_by(&usable, token, algorithm) {
                Ok(key) => Ok(self.voucher(&usable, key)),
                // The key may have been published since the issuer was last reached.
                Err(SignatureMismatch::NoKey | SignatureMismatch::Unnamed { .. })
                    if self.state.is_out_of_reach.load(Ordering::SeqCst) =>
                {
                    Err(CredentialError::unavailable(
                        "no key that is known of the credential's issuer signed it, \
                         and new ones cannot be fetched now: ask again later",
                    ))
                }
                Err(unsigned) => {
                    let refused = not_signed(unsigned, token);
                    // An issuer that has withdrawn its keys will publish others; one that never had
                    // any is not what the settings take it for.
                    let has_never_had_any = usable.number == 0 && usable.keys.is_empty();
                    Err(if has_never_had_any {
                        CredentialError::misfit(refused.message)
                    } else {
                        refused
                    })
                }
            };
        }
    }

    /// Returns the key of a generation that signed the token, and is good now.
    fn signed_by<'a>(
        &self,
        generation: &'a Generation,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
    ) -> Result<&'a Arc<VerificationKey>, SignatureMismatch> {
        let now_ms = self.state.now_ms(generation);
        generation.keys.signer(token, algorithm, now_ms)
    }

    /// Returns the certificates of the authorities of a generation that vouch now.
    pub(in crate::evidence) fn anchors<'a>(
        &self,
        generation: &'a Generation,
    ) -> Vec<&'a CertificateDer<'static>> {
        let now_ms = self.state.now_ms(generation);
        generation.keys.anchors(now_ms).collect()
    }

    /// Returns the current generation, after the first fetch if there is none.
    pub(in crate::evidence) async fn any(&self) -> Result<Arc<Generation>, CredentialError> {
        if self.usable().is_none() {
            self.refreshed().await;
        }
        self.usable().ok_or_else(|| self.state.no_keys())
    }

    /// Asks for a fetch that begins after this call, regardless of the budget; the returned future
    /// waits for it.
    pub(in crate::evidence) fn refresh(
        &self,
        issuer: &str,
    ) -> impl Future<Output = Option<KeyRefresh>> + use<> {
        let state = Arc::clone(&self.state);
        let issuer = issuer.to_owned();
        let before = state.current.load_full();
        // A fetch that has already begun may have read what was published before.
        let wanted = state.begun.load(Ordering::SeqCst).saturating_add(1);
        let mut ended = state.ended.subscribe();
        state.asked.fetch_max(wanted, Ordering::SeqCst);
        let asked = self.thread.as_ref().map(|thread| thread.try_send(()));
        async move {
            let _one_waits_already = asked?;
            let in_time =
                tokio::time::timeout(2 * PATIENCE, ended.wait_for(|ended| *ended >= wanted)).await;
            let failure = match in_time {
                Ok(Ok(_)) => state
                    .failure
                    .load_full()
                    .map(|failure| failure.as_ref().clone()),
                _ => Some("the keys were not fetched in time".to_owned()),
            };
            Some(difference(
                issuer,
                before.as_deref(),
                state.current.load_full().as_deref(),
                failure,
            ))
        }
    }

    /// Waits for one fetch: one that was asked for, or one that the budget allows now.
    async fn refreshed(&self) -> FetchWait {
        let Some(thread) = &self.thread else {
            return FetchWait::None;
        };
        let state = &self.state;
        // Subscribed before the counters are read, so that a fetch that ends in between is seen.
        let mut ended = state.ended.subscribe();
        let past = *ended.borrow();
        let under_way = state
            .asked
            .load(Ordering::SeqCst)
            .max(state.begun.load(Ordering::SeqCst));
        let mine = under_way <= past;
        if mine {
            if !state.budget.take(state.clock.monotonic_ms()) {
                return FetchWait::None;
            }
            state
                .asked
                .fetch_max(past.saturating_add(1), Ordering::SeqCst);
            let _one_waits_already = thread.try_send(());
        }
        let wanted = if mine {
            past.saturating_add(1)
        } else {
            under_way
        };
        match tokio::time::timeout(PATIENCE, ended.wait_for(|ended| *ended >= wanted)).await {
            Ok(Ok(_)) if mine => FetchWait::Fetched,
            Ok(Ok(_)) => FetchWait::Joined,
            _ => FetchWait::None,
        }
    }
}

fn not_signed(unsigned: SignatureMismatch, token: &UnverifiedToken<'_>) -> CredentialError {
    CredentialError::invalid(match unsigned {
        SignatureMismatch::NoKey if token.header_text("kid").is_none() => {
            return CredentialError::misfit(
                "the token names no key, and its issuer publishes none for its algorithm",
            );
        }
        SignatureMismatch::NoKey => {
            "the token is signed by a key that its issuer does not publish".to_owned()
        }
        SignatureMismatch::Unnamed { fitting, tried } if fitting > tried => format!(
            "the token names no key (`kid`), its issuer publishes {fitting} that fit, \
             and none of the {tried} that were tried signed it"
        ),
        SignatureMismatch::Unnamed { fitting, .. } if fitting > 1 => {
            format!(
                "the token names no key (`kid`), and none of the {fitting} keys of its \
                 issuer that fit signed it"
            )
        }
        SignatureMismatch::Unnamed { .. } | SignatureMismatch::Wrong => {
            "the token's signature is wrong".to_owned()
        }
    })
}
