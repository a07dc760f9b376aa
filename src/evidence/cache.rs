//! Tokens that were verified before.
//!
//! **Problem.** A signature costs some tens of microseconds, more than the decision that it is for, and a token comes
//! with every call that its holder makes.
//! **Decision.** What a token proves is kept under the SHA-256 of the token, with the generation of the keys that it was
//! verified with. It is used while that generation is the current one, and no longer than the token and
//! [`LONGEST`]. Proofs of possession are not kept: each is verified.
//! **Trade-off.** A token that its issuer revokes, and that is not introspected, lives until it expires, as it would
//! without a cache.
//!
//! INVARIANT: an entry is found by the digest of the whole token, its kind and its purpose. Nothing is kept of a token that does not
//! verify, so that a flood of them takes no room.

use super::claims::Genuine;
use crate::model::{CredentialKind, Timestamp};
use aws_lc_rs::digest::{Context, SHA256};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// LIMIT: entries, over all shards. Each is some kilobytes at most: the token itself is not kept.
const ENTRIES: usize = 16_384;

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

/// What tokens proved.
pub(super) struct TokenCache(Vec<Mutex<LruCache<TokenDigest, Entry>>>);

/// A token that was verified.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) genuine: Arc<Genuine>,
    /// Which issuer verified it.
    pub(super) issuer: usize,
    /// With which generation of its keys; none where the issuer was asked.
    pub(super) generation: Option<u64>,
    until_ms: i64,
}

impl Entry {
    /// An entry that is used no longer than `longest` and its token allow.
    pub(super) fn new(
        genuine: Arc<Genuine>,
        issuer: usize,
        generation: Option<u64>,
        longest: Option<Duration>,
        now: Timestamp,
    ) -> Self {
        let longest = super::claims::millis(longest.unwrap_or(LONGEST).min(LONGEST));
        let until_ms = genuine.proven.until.0.min(now.0.saturating_add(longest));
        Self { genuine, issuer, generation, until_ms }
    }
}

/// The digest under which a token is kept; `purpose` keeps apart what it was verified for.
pub(super) fn digest_of(kind: CredentialKind, purpose: Purpose, token: &str) -> TokenDigest {
    let mut hash = Context::new(&SHA256);
    hash.update(&[kind as u8, purpose as u8]);
    hash.update(token.as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

impl Default for TokenCache {
    fn default() -> Self {
        let each = NonZeroUsize::new(ENTRIES / SHARDS).unwrap_or(NonZeroUsize::MIN);
        Self((0..SHARDS).map(|_| Mutex::new(LruCache::new(each))).collect())
    }
}

impl TokenCache {
    /// What the token proved, as long as its time has not come.
    pub(super) fn get(&self, digest: &TokenDigest, now: Timestamp) -> Option<Entry> {
        let mut shard = self.shard(digest)?.lock().unwrap_or_else(PoisonError::into_inner);
        match shard.get(digest) {
            Some(entry) if entry.until_ms > now.0 => Some(entry.clone()),
            Some(_) => {
                shard.pop(digest);
                None
            }
            None => None,
        }
    }

    /// Keeps what it proves.
    pub(super) fn put(&self, digest: TokenDigest, entry: Entry) {
        if let Some(shard) = self.shard(&digest) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).put(digest, entry);
        }
    }

    /// Forgets it.
    pub(super) fn forget(&self, digest: &TokenDigest) {
        if let Some(shard) = self.shard(digest) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).pop(digest);
        }
    }

    fn shard(&self, digest: &TokenDigest) -> Option<&Mutex<LruCache<TokenDigest, Entry>>> {
        let first = usize::from(*digest.first()?);
        self.0.get(first % SHARDS)
    }
}

/// Tells how many there are, and nothing of them.
impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").field("shards", &self.0.len()).finish_non_exhaustive()
    }
}
