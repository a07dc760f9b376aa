//! Values by their keys, in memory that is bounded: those that were not asked for longest give way.
//!
//! INVARIANT: keys are compared whole. A hash alone never decides, so nobody can make one key's
//! value another's.

use foldhash::quality::RandomState;
use lru::LruCache;
use std::hash::BuildHasher as _;
use std::sync::Mutex;

/// Each has a lock of its own: with as many as there are workers on a large machine, two rarely
/// want the same.
pub(super) const SHARDS: usize = 16;

/// Something that says how much memory it takes.
pub trait Weighed {
    /// Its bytes, those of its key and of its place included.
    fn bytes(&self) -> usize;
}

/// The values. Shared by all workers.
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

/// What came of keeping a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Put {
    /// The bytes of the part that it lies in, before.
    pub before: usize,
    /// The same after.
    pub after: usize,
    /// How many others made room.
    pub evicted: u64,
}

impl<V: Weighed> Shards<V> {
    /// Takes at most so many bytes.
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

    /// Looks at the value of a key, which then counts as asked for.
    pub fn find<T>(&self, key: &[u8], look: impl FnOnce(&V) -> T) -> Option<T> {
        // What a thread left behind that panicked is not used again.
        let mut shard = self.shard(key).lock().ok()?;
        shard.entries.get(key).map(look)
    }

    /// Keeps a value, unless the one that is there `stays`. None where it is too large, or cannot
    /// be kept.
    pub fn keep(&self, key: &[u8], value: V, stays: impl FnOnce(&V, &V) -> bool) -> Option<Put> {
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
            return Some(Put {
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
        Some(Put {
            before,
            after: shard.bytes,
            evicted,
        })
    }

    /// How many values there are.
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
        // The table takes its places from both ends of the same hash; the shard from between.
        let bits = usize::try_from((self.hasher.hash_one(key) >> 24) & 0xFF).unwrap_or(0);
        &self.parts[bits % self.parts.len()]
    }
}
