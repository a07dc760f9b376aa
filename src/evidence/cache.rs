//! Tokens that were verified before.
//!
//! **Problem.** A signature costs some tens of microseconds, more than the decision that it is for,
//! and a token comes with every call that its holder makes.
//! **Decision.** What a token proves is kept under the SHA-256 of the token, with the key that it,
//! or its issuer's signed answer about it, was verified with. It is used while its issuer publishes
//! that key, and no longer than the token (by the clock) and [`LONGEST`] (by the monotonic one:
//! nobody who sets the machine's makes it last). Proofs of possession are not kept: each is
//! verified. What is kept is counted in bytes: a token of 16 KiB can become some hundred in memory.
//! **Trade-off.** A token that its issuer revokes, and that is not introspected, lives until it
//! expires, as it would without a cache.
//!
//! INVARIANT: an entry is found by the digest of the whole token and of all that decides what it
//! proves. Nothing is kept of a token that does not verify, so that a flood of them takes no room.

use super::claims::Genuine;
use super::credential::Presented;
use super::keys::KeyVoucher;
use crate::model::{Record, Timestamp, Value};
use aws_lc_rs::digest::{Context, SHA256};
use lru::LruCache;
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// LIMIT: memory, over all shards. A usual token proves some kilobytes; the token itself is not
/// kept.
const BYTES: usize = 64 << 20;

/// What an entry takes beside what it holds: its place, its key, and what the allocator adds.
const OVERHEAD_BYTES: usize = 256;

/// A shard is locked for the time of a look-up; two cores rarely meet in one of these.
const SHARDS: usize = 16;

/// LIMIT: the longest that an entry is used without verifying again.
const LONGEST: Duration = Duration::from_mins(10);

/// What a token is verified for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It stands in a request, and says who is behind it.
    Request,
    /// It stands in `Authorization`, and says who calls.
    Call,
}

/// The digest of a token, its kind and its purpose.
pub(super) type TokenDigest = [u8; 32];

/// A time, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    pub(super) monotonic_ms: i64,
}

/// What tokens proved.
pub(super) struct TokenCache {
    shards: Vec<Mutex<Shard>>,
    bytes_each: usize,
}

struct Shard {
    entries: LruCache<TokenDigest, Entry>,
    bytes: usize,
}

/// A token that was verified.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) genuine: Arc<Genuine>,
    /// The key that it, or its issuer's signed answer, was verified with; none where an answer came
    /// unsigned.
    pub(super) voucher: Option<Arc<KeyVoucher>>,
    /// Until when the token is good.
    until: Timestamp,
    /// Until when it is used without verifying again, by the monotonic clock.
    until_ms: i64,
    bytes: usize,
}

impl Entry {
    /// An entry that is used no longer than `longest` and its token allow.
    pub(super) fn new(
        genuine: Arc<Genuine>,
        voucher: Option<Arc<KeyVoucher>>,
        longest: Option<Duration>,
        at: Moment,
    ) -> Self {
        let longest = super::claims::millis(longest.unwrap_or(LONGEST).min(LONGEST));
        let (until, until_ms) = (
            genuine.proven.until,
            at.monotonic_ms.saturating_add(longest),
        );
        let bytes = OVERHEAD_BYTES + weigh(&genuine);
        Self {
            genuine,
            voucher,
            until,
            until_ms,
            bytes,
        }
    }

    fn serves(&self, at: Moment) -> bool {
        self.until > at.now && self.until_ms > at.monotonic_ms
    }
}

/// The memory that a genuine token takes.
fn weigh(genuine: &Genuine) -> usize {
    let proven = &genuine.proven;
    let chain = proven
        .chain
        .iter()
        .map(|member| size_of_val(member) + text(&member.kind) + text(&member.id));
    let details = proven.details.iter().map(record);
    let bound = [&genuine.confirmation.key, &genuine.confirmation.certificate];
    size_of::<Genuine>()
        + text(&proven.issuer)
        + chain.sum::<usize>()
        + proven
            .audiences
            .iter()
            .map(|audience| size_of_val(audience) + text(audience))
            .sum::<usize>()
        + proven.facts.as_ref().map_or(0, record)
        + details.sum::<usize>()
        + bound.into_iter().flatten().map(text).sum::<usize>()
}

/// What a text takes beside its place; a short one nothing.
fn text(text: &SmolStr) -> usize {
    if text.is_heap_allocated() {
        text.len() + 2 * size_of::<usize>()
    } else {
        0
    }
}

fn record(record: &Record) -> usize {
    let member =
        |(name, inner): (&SmolStr, &Value)| size_of::<SmolStr>() + text(name) + value(inner);
    size_of::<Record>() + record.iter().map(member).sum::<usize>()
}

/// A value with its place. The reader's nesting is bounded, and so is this.
fn value(inner: &Value) -> usize {
    size_of::<Value>()
        + match inner {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(number) => number.digits().len(),
            Value::Text(inner) => text(inner),
            Value::List(items) => items.iter().map(value).sum(),
            Value::Record(inner) => record(inner),
        }
}

/// The digest under which a token is kept, with all that decides what it proves: what it was
/// verified for, the issuer that was named beside it, and the audiences of whoever sent it.
pub(super) fn digest_of(presented: &Presented<'_>) -> TokenDigest {
    let mut hash = Context::new(&SHA256);
    hash.update(&[presented.kind as u8, presented.purpose as u8]);
    let audiences = presented
        .scope
        .map(|scope| scope.audiences.as_slice())
        .unwrap_or_default();
    let issuers = presented
        .scope
        .map(|scope| scope.issuers.as_slice())
        .unwrap_or_default();
    for names in [
        audiences,
        issuers,
        presented.issuer.map(SmolStr::new).as_slice(),
    ] {
        hash.update(&names.len().to_be_bytes());
        for name in names {
            hash.update(&name.len().to_be_bytes());
            hash.update(name.as_bytes());
        }
    }
    hash.update(presented.value.0.as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl TokenCache {
    /// Creates a cache that takes at most `bytes` bytes.
    fn new(bytes: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                entries: LruCache::unbounded(),
                bytes: 0,
            })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            bytes_each: bytes / SHARDS,
        }
    }

    /// What the token proved, as long as its time has not come.
    pub(super) fn get(&self, digest: &TokenDigest, at: Moment) -> Option<Entry> {
        let mut shard = self.shard(digest)?;
        match shard.entries.get(digest) {
            Some(entry) if entry.serves(at) => Some(entry.clone()),
            Some(_) => {
                shard.remove(digest);
                None
            }
            None => None,
        }
    }

    /// Keeps what it proves. Those that were not asked for longest give way.
    pub(super) fn put(&self, digest: TokenDigest, entry: Entry) {
        let Some(mut shard) = self.shard(&digest) else {
            return;
        };
        shard.remove(&digest);
        if entry.bytes > self.bytes_each {
            return;
        }
        shard.bytes += entry.bytes;
        shard.entries.put(digest, entry);
        while shard.bytes > self.bytes_each
            && let Some((_, least)) = shard.entries.pop_lru()
        {
            shard.bytes -= least.bytes;
        }
    }

    /// Forgets it.
    pub(super) fn forget(&self, digest: &TokenDigest) {
        if let Some(mut shard) = self.shard(digest) {
            shard.remove(digest);
        }
    }

    fn shard(&self, digest: &TokenDigest) -> Option<MutexGuard<'_, Shard>> {
        let first = usize::from(*digest.first()?);
        Some(
            self.shards
                .get(first % SHARDS)?
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Shard {
    fn remove(&mut self, digest: &TokenDigest) {
        if let Some(entry) = self.entries.pop(digest) {
            self.bytes -= entry.bytes;
        }
    }
}

/// Tells how many there are, and nothing of them.
impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache")
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::claims::Confirmation;
    use crate::model::{CredentialKind, EntityRef, Proven};

    const AT: Moment = Moment {
        now: Timestamp(1_000_000),
        monotonic_ms: 0,
    };

    /// A token with so many short groups: each takes more memory than text.
    fn entry(groups: usize, longest: Duration) -> Entry {
        let groups = Value::List(vec![Value::text("g"); groups]);
        let proven = Proven {
            kind: CredentialKind::AccessToken,
            issuer: "https://login.example".into(),
            chain: vec![EntityRef::new("user", "alice")],
            audiences: Vec::new(),
            holders: Vec::new(),
            stands_alone: true,
            facts: Some([(SmolStr::from("groups"), groups)].into_iter().collect()),
            details: Vec::new(),
            rules: Arc::from([]),
            proof: None,
            until: Timestamp(AT.now.0 + 300_000),
        };
        let genuine = Genuine {
            proven,
            confirmation: Confirmation::default(),
        };
        Entry::new(Arc::new(genuine), None, Some(longest), AT)
    }

    fn digest(index: u8) -> TokenDigest {
        let mut digest = [0; 32];
        digest[1] = index;
        digest
    }

    #[test]
    fn what_tokens_become_is_bounded_and_not_their_number() {
        let cache = TokenCache::new(SHARDS * 100_000);
        let each = entry(1_000, LONGEST).bytes;
        assert!((24_000..40_000).contains(&each), "{each}");
        (0..10).for_each(|index| cache.put(digest(index), entry(1_000, LONGEST)));
        let there = (0..10)
            .filter(|index| cache.get(&digest(*index), AT).is_some())
            .count();
        assert_eq!(there, 100_000 / each);
        assert!(cache.shard(&digest(0)).unwrap().bytes <= 100_000);
        cache.put(digest(11), entry(10_000, LONGEST));
        assert!(cache.get(&digest(11), AT).is_none() && cache.get(&digest(9), AT).is_some());
        (0..10).for_each(|index| cache.forget(&digest(index)));
        assert_eq!(cache.shard(&digest(0)).unwrap().bytes, 0);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_last() {
        let cache = TokenCache::default();
        cache.put(digest(0), entry(1, Duration::from_secs(10)));
        let at = |now: i64, monotonic_ms| Moment {
            now: Timestamp(AT.now.0 + now),
            monotonic_ms,
        };
        assert!(cache.get(&digest(0), at(-60_000, 9_999)).is_some());
        assert!(cache.get(&digest(0), at(-60_000, 10_000)).is_none());
        cache.put(digest(0), entry(1, Duration::from_secs(10)));
        assert!(cache.get(&digest(0), at(300_000, 1)).is_none());
    }
}
