//! A cache of values by key in bounded memory; the least recently used values are evicted first.
//!
//! INVARIANT: keys are compared whole. Equal hashes are not enough, so nobody can craft a key that
//! finds another key's value.

use foldhash::quality::RandomState;
use lru::LruCache;
use std::hash::BuildHasher as _;
use std::sync::Mutex;

/// The number of shards. Each shard has its own lock. With about as many shards as a large machine
/// has workers, two workers rarely want the same one.
pub(super) const SHARDS: usize = 16;

/// A value that knows how much memory it takes.
pub trait MemorySize {
    /// Returns its size in bytes, including its key and the overhead of its cache entry.
    fn bytes(&self) -> usize;
}

/// A cache of bounded size, shared by all workers.
#[derive(Debug)]
pub struct Shards<V> {
    parts: Box<[Mutex<Shard<V>>]>,
    hasher: RandomState,
    bytes_each: usize,
}

#[derive(Debug)]
struct Shard<V> {
    entries: LruCache<Box<[u8]>, V, RandomState>,
    bytes: usize,
}

/// The effect of storing a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PutOutcome {
    /// Bytes in use in the key's shard before the call.
    pub before: usize,
    /// Bytes in use in that shard after the call.
    pub after: usize,
    /// How many values were evicted to make room.
    pub evicted: u64,
}

impl<V: MemorySize> Shards<V> {
    /// Creates an empty cache that holds at most `bytes` bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let hasher = RandomState::default();
        let shard = || {
            Mutex::new(Shard {
                entries: LruCache::unbounded_with_hasher(hasher.clone()),
                bytes: 0,
            })
        };
        let parts = std::iter::repeat_with(shard).take(SHARDS).collect();
        Self {
            parts,
            hasher,
            bytes_each: bytes / SHARDS,
        }
    }

    /// Calls `look` with the value of a key, which then counts as recently used.
    pub fn find<T>(&self, key: &[u8], look: impl FnOnce(&V) -> T) -> Option<T> {
        // If a thread panicked while it held this lock, the shard is not used again.
        let mut shard = self.shard(key).lock().ok()?;
        shard.entries.get(key).map(look)
    }

    /// Stores a value, unless the key has one already and `stays(old, new)` says to keep that.
    /// Returns `None` if the value is too large, or the shard cannot be used.
    pub fn keep(
        &self,
        key: &[u8],
        value: V,
        stays: impl FnOnce(&V, &V) -> bool,
    ) -> Option<PutOutcome> {
        let bytes = value.bytes();
        if bytes > self.bytes_each {
            return None;
        }
        let mut shard = self.shard(key).lock().ok()?;
        let before = shard.bytes;
        if shard
            .entries
            .peek(key)
            .is_some_and(|there| stays(there, &value))
        {
            return Some(PutOutcome {
                before,
                after: before,
                evicted: 0,
            });
        }
        shard.bytes += bytes;
        if let Some(old) = shard.entries.put(key.into(), value) {
            shard.bytes -= old.bytes();
        }
        let mut evicted = 0;
        while shard.bytes > self.bytes_each
            && let Some((_, least)) = shard.entries.pop_lru()
        {
            shard.bytes -= least.bytes();
            evicted += 1;
        }
        Some(PutOutcome {
            before,
            after: shard.bytes,
            evicted,
        })
    }

    /// Returns the number of values.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|shard| shard.lock().unwrap().entries.len())
            .sum()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder is below the number of shards"
    )]
    fn shard(&self, key: &[u8]) -> &Mutex<Shard<V>> {
        // The hash table uses the lowest and highest bits of this same hash, so the shard is chosen
        // by bits in between.
        let bits = usize::try_from((self.hasher.hash_one(key) >> 24) & 0xFF).unwrap_or(0);
        &self.parts[bits % self.parts.len()]
    }
}
