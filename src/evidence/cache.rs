//! A cache of verified tokens.
//!
//! **Problem.** Verifying a signature takes tens of microseconds, more than the decision that needs
//! it, and a token comes with every call of its holder.
//! **Decision.** The cache keeps what a token proves under the SHA-256 of the token, with the key
//! that verified the token or its issuer's signed answer about it. An entry is used while its
//! issuer publishes that key, but no longer than the token lives (by the clock) and no longer than
//! [`LONGEST`] (by the monotonic clock, so that setting the machine's clock cannot extend it).
//! Proofs of possession are not cached: each is verified. Size is counted in bytes: a token of 16
//! KiB can take some hundred in memory.
//! **Trade-off.** A token that its issuer revokes, and that is not introspected, is accepted until
//! it expires, as it would be without a cache.
//!
//! INVARIANT: an entry is found by the digest of the whole token and of everything that decides
//! what it proves. A token that does not verify is not cached, so a flood of them takes no memory.

use super::claims::GenuineToken;
use super::credential::RawCredential;
use super::keys::KeyVoucher;
use crate::model::{Record, Timestamp, Value};
use aws_lc_rs::digest::{Context, SHA256};
use lru::LruCache;
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// LIMIT: memory of all shards. What a usual token proves takes some kilobytes; the token itself is
/// not kept.
const BYTES: usize = 64 << 20;

/// The size of an entry beside its contents: its slot, its key, and the overhead of the allocator.
const OVERHEAD_BYTES: usize = 256;

/// Each shard is locked for the time of a look-up; with this many, two cores rarely need the same
/// one.
const SHARDS: usize = 16;

/// LIMIT: the longest that an entry is used before the token is verified again.
const LONGEST: Duration = Duration::from_mins(10);

/// How old an issuer's answer may be that is not kept, where a request has waited: it then is asked
/// for again before anything rests on it. An answer that is kept may be as old as it is kept.
const ANSWER_MS: i64 = 1_000;

/// What a token is verified for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The token is in a request and says who is behind it.
    Request,
    /// The token is in `Authorization` and says who calls.
    Call,
}

/// The digest of a token and of everything that decides what it proves.
pub(super) type TokenDigest = [u8; 32];

/// A time by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    pub(super) monotonic_ms: i64,
}

/// The results of verified tokens.
pub(super) struct TokenCache {
    shards: Vec<Mutex<TokenShard>>,
    bytes_each: usize,
}

struct TokenShard {
    entries: LruCache<TokenDigest, TokenEntry>,
    bytes: usize,
}

/// A verified token.
#[derive(Clone, Debug)]
pub(super) struct TokenEntry {
    pub(super) genuine: Arc<GenuineToken>,
    /// The key that verified the token or its issuer's signed answer; `None` if an answer was
    /// unsigned.
    pub(super) voucher: Option<Arc<KeyVoucher>>,
    /// The time until which the token is good.
    until: Timestamp,
    /// The time until which it is used without verifying it again, by the monotonic clock.
    until_ms: i64,
    /// Until when its issuer's answer counts, by the monotonic clock; none where it was not asked.
    pub(super) answer_until_ms: Option<i64>,
    bytes: usize,
}

impl TokenEntry {
    /// An entry that is used no longer than `longest` and its token allow; `longest` is how long an
    /// issuer's answer is kept.
    pub(super) fn new(
        genuine: Arc<GenuineToken>,
        voucher: Option<Arc<KeyVoucher>>,
        longest: Option<Duration>,
        at: Moment,
    ) -> Self {
        let answer_until_ms = longest.map(|keep| {
            let counts = super::claims::millis(keep.min(LONGEST)).max(ANSWER_MS);
            at.monotonic_ms.saturating_add(counts)
        });
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
            answer_until_ms,
            bytes,
        }
    }

    fn serves(&self, at: Moment) -> bool {
        self.until > at.now && self.until_ms > at.monotonic_ms
    }
}

/// Returns the memory that a genuine token takes.
fn weigh(genuine: &GenuineToken) -> usize {
    let proven = &genuine.proven;
    let chain = proven
        .chain
        .iter()
        .map(|member| size_of_val(member) + text(&member.kind) + text(&member.id));
    let details = proven.details.iter().map(record);
    let bound = [&genuine.confirmation.key, &genuine.confirmation.certificate];
    size_of::<GenuineToken>()
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

/// Returns the memory of a text beside its slot; a short one takes none.
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

/// Returns the memory of a value including its slot. The parser limits nesting, and so the
/// recursion here.
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

/// Returns the digest under which a token is cached. It covers everything that decides what the
/// token proves: its kind and purpose, the issuer that was named beside it, and the audiences and
/// issuers of the caller's scope.
pub(super) fn digest_of(presented: &RawCredential<'_>) -> TokenDigest {
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
            Mutex::new(TokenShard {
                entries: LruCache::unbounded(),
                bytes: 0,
            })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            bytes_each: bytes / SHARDS,
        }
    }

    /// Returns the entry of a token if it has not expired.
    pub(super) fn get(&self, digest: &TokenDigest, at: Moment) -> Option<TokenEntry> {
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

    /// Adds an entry. The least recently used entries are evicted first.
    pub(super) fn put(&self, digest: TokenDigest, entry: TokenEntry) {
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

    /// Removes an entry.
    pub(super) fn forget(&self, digest: &TokenDigest) {
        if let Some(mut shard) = self.shard(digest) {
            shard.remove(digest);
        }
    }

    fn shard(&self, digest: &TokenDigest) -> Option<MutexGuard<'_, TokenShard>> {
        let first = usize::from(*digest.first()?);
        Some(
            self.shards
                .get(first % SHARDS)?
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl TokenShard {
    fn remove(&mut self, digest: &TokenDigest) {
        if let Some(entry) = self.entries.pop(digest) {
            self.bytes -= entry.bytes;
        }
    }
}

/// Shows how many entries there are, and nothing of them.
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
    use crate::model::{CredentialKind, EntityRef, ProvenIdentity};

    const AT: Moment = Moment {
        now: Timestamp(1_000_000),
        monotonic_ms: 0,
    };

    /// Creates an entry with this many short groups, each of which takes more memory than its text.
    fn entry(groups: usize, longest: Duration) -> TokenEntry {
        let groups = Value::List(vec![Value::text("g"); groups]);
        let proven = ProvenIdentity {
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
        let genuine = GenuineToken {
            proven,
            confirmation: Confirmation::default(),
        };
        TokenEntry::new(Arc::new(genuine), None, Some(longest), AT)
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
