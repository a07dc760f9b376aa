//! Outcomes of legs, in memory that is bounded.
//!
//! INVARIANT: an outcome is given out only where an evaluation would come to the same: its key is equal to the byte, none
//! of the rows that it rests on was written to between the revision at which it was evaluated and the one that the
//! reader has pinned, and the clock stands within the time for which it holds.

use super::stripes::{Row, Since, Stripes};
use crate::model::{ClockUse, LegOutcome, Revision, Timestamp};
use crate::telemetry::{CacheMetrics, CacheMiss, Metrics};
use foldhash::quality::RandomState;
use lru::LruCache;
use smallvec::SmallVec;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex};

/// Each has a lock of its own: with as many as there are workers on a large machine, two rarely want the same.
const SHARDS: usize = 16;

/// Most rows that an outcome rests on one by one: more cost longer to look at than they save. One that rests on more is
/// the same as long as nothing at all is written.
pub const MAX_ROWS: usize = 64;

/// What an entry takes beside what is counted: its places in the table and in the order of use, the counts of its
/// shared parts, and what the allocator adds to a dozen small allocations.
const OVERHEAD_BYTES: usize = 256;

/// What one leg came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The outcome, with its reason.
    pub outcome: LegOutcome,
    /// The determining policies.
    pub policies: Vec<String>,
    /// What was read, by path, where records are made.
    pub inputs: Vec<(String, String)>,
}

/// What an outcome rests on, beside its key.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// The rows that were read, found or not; in any order, perhaps more than once.
    pub rows: Vec<Row>,
    /// The use of the clock.
    pub clock: ClockUse,
}

/// What a reader has pinned.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    /// The revision.
    pub revision: Revision,
    /// The time.
    pub now: Timestamp,
    /// What is written to meanwhile; nothing where there is no store.
    pub stripes: Option<&'a Stripes>,
}

/// Kept outcomes. Shared by all workers.
#[derive(Debug)]
pub struct LegCache {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    shard_bytes: usize,
    metrics: Arc<Metrics>,
}

type Entries = LruCache<Box<[u8]>, Entry, RandomState>;

#[derive(Debug)]
struct Shard {
    entries: Entries,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    kept: Arc<Kept>,
    rests_on: RestsOn,
    revision: Revision,
    since: Timestamp,
    until: Timestamp,
    bytes: usize,
}

#[derive(Debug)]
enum RestsOn {
    Rows(SmallVec<[Row; 8]>),
    Everything,
}

impl LegCache {
    /// A cache that takes at most so many bytes.
    #[must_use]
    pub fn new(bytes: usize, metrics: Arc<Metrics>) -> Self {
        let hasher = RandomState::default();
        let shard = || Mutex::new(Shard { entries: LruCache::unbounded_with_hasher(hasher.clone()), bytes: 0 });
        let shards = std::iter::repeat_with(shard).take(SHARDS).collect();
        Self { shards, hasher, shard_bytes: bytes / SHARDS, metrics }
    }

    /// The outcome of a leg, where one is kept that serves this reader; else why not, which is to be told to
    /// [`Self::missed`] once the leg has been evaluated.
    pub fn find(&self, key: &[u8], pinned: Pinned<'_>) -> Result<Arc<Kept>, CacheMiss> {
        let mut shard = self.shard(key).lock().map_err(|_| CacheMiss::Absent)?;
        let entry = shard.entries.get(key).ok_or(CacheMiss::Absent)?;
        match entry.serves(pinned) {
            Ok(()) => {
                self.metrics().hits.inc();
                Ok(Arc::clone(&entry.kept))
            }
            Err(miss) => Err(miss),
        }
    }

    /// Counts a leg that was evaluated.
    pub fn missed(&self, miss: CacheMiss) {
        self.metrics().missed(miss);
    }

    /// Keeps an outcome that was evaluated for this reader, unless it holds for no other. Whether it was kept.
    #[must_use]
    pub fn keep(&self, key: &[u8], pinned: Pinned<'_>, basis: Basis, kept: Kept) -> bool {
        let Some(entry) = Entry::new(key, pinned, basis, kept).filter(|entry| entry.bytes <= self.shard_bytes) else {
            return false;
        };
        // What a thread left behind that panicked is not used again.
        let Ok(mut shard) = self.shard(key).lock() else { return false };
        // A reader that was slow must not replace what one after it has found out.
        if shard.entries.peek(key).is_some_and(|known| known.revision > entry.revision) {
            return true;
        }
        let before = shard.bytes;
        shard.bytes += entry.bytes;
        if let Some(old) = shard.entries.put(key.into(), entry) {
            shard.bytes -= old.bytes;
        }
        while shard.bytes > self.shard_bytes
            && let Some((_, least)) = shard.entries.pop_lru()
        {
            shard.bytes -= least.bytes;
            self.metrics().evictions.inc();
        }
        self.metrics().resized(before, shard.bytes);
        true
    }

    /// Forgets everything, to give the memory back: after a new bundle nothing of the old one is found again.
    pub fn clear(&self) {
        for shard in &self.shards {
            let Ok(mut shard) = shard.lock() else { continue };
            let empty: Entries = LruCache::unbounded_with_hasher(self.hasher.clone());
            let old = std::mem::replace(&mut shard.entries, empty);
            self.metrics().resized(shard.bytes, 0);
            shard.bytes = 0;
            drop(shard);
            // Outside of the lock: it takes a while.
            drop(old);
        }
    }

    fn metrics(&self) -> &CacheMetrics {
        self.metrics.cache()
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of shards")]
    fn shard(&self, key: &[u8]) -> &Mutex<Shard> {
        // The table takes its places from both ends of the same hash; the shard from between.
        let bits = usize::try_from((self.hasher.hash_one(key) >> 24) & 0xFF).unwrap_or(0);
        &self.shards[bits % self.shards.len()]
    }
}

impl Entry {
    fn new(key: &[u8], pinned: Pinned<'_>, mut basis: Basis, kept: Kept) -> Option<Self> {
        let (since, until) = match basis.clock {
            ClockUse::Unread => (Timestamp(i64::MIN), Timestamp(i64::MAX)),
            ClockUse::Until(until) => (pinned.now, until),
            ClockUse::Otherwise => return None,
        };
        basis.rows.sort_unstable();
        basis.rows.dedup();
        let rests_on = if basis.rows.len() <= MAX_ROWS {
            RestsOn::Rows(SmallVec::from_vec(basis.rows))
        } else {
            RestsOn::Everything
        };
        let bytes = key.len() + rests_on.bytes() + kept.bytes() + size_of::<Self>() + OVERHEAD_BYTES;
        Some(Self { kept: Arc::new(kept), rests_on, revision: pinned.revision, since, until, bytes })
    }

    fn serves(&self, pinned: Pinned<'_>) -> Result<(), CacheMiss> {
        match (&self.rests_on, pinned.stripes) {
            (_, None) => {}
            (RestsOn::Everything, Some(_)) if pinned.revision == self.revision => {}
            (RestsOn::Everything, Some(_)) => return Err(CacheMiss::Stale),
            (RestsOn::Rows(rows), Some(stripes)) => match stripes.between(rows, self.revision, pinned.revision) {
                Since::Unchanged => {}
                Since::Changed => return Err(CacheMiss::Stale),
                Since::Collided => return Err(CacheMiss::Collision),
            },
        }
        // A moment of the clock's end belongs to no outcome but one that never read it.
        let holds = self.since <= pinned.now && (pinned.now < self.until || self.until == Timestamp(i64::MAX));
        if holds { Ok(()) } else { Err(CacheMiss::Time) }
    }
}

impl RestsOn {
    fn bytes(&self) -> usize {
        match self {
            Self::Rows(rows) if rows.spilled() => rows.capacity() * size_of::<Row>(),
            Self::Rows(_) | Self::Everything => 0,
        }
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        let pair = |(path, value): &(String, String)| path.capacity() + value.capacity() + 2 * size_of::<String>();
        let id = |id: &String| id.capacity() + size_of::<String>();
        let reason = match &self.outcome {
            LegOutcome::Permit => 0,
            LegOutcome::Deny(reason) => {
                let principal = reason.principal.as_ref().map_or(0, |it| it.kind.len() + it.id.len());
                reason.message.capacity() + reason.code.as_str().len() + principal
            }
        };
        let (policies, inputs) = (self.policies.iter().map(id), self.inputs.iter().map(pair));
        size_of::<Self>() + reason + policies.sum::<usize>() + inputs.sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
