//! The cache of outcomes of legs, in bounded memory.
//!
//! INVARIANT: an outcome is served only if an evaluation would have the same outcome: its key is
//! equal byte for byte, none of the rows that it depends on was written to between the revision of
//! its evaluation and the one that the reader has pinned, and the clock is within the time during
//! which it holds.

use super::shards::{Shards, Weighed};
use super::stripes::{Row, Since, Stripes};
use crate::model::{ClockUse, LegOutcome, Revision, Timestamp};
use crate::telemetry::{CacheMetrics, CacheMiss, Metrics};
use smallvec::SmallVec;
use std::sync::Arc;

/// Maximum number of rows that an outcome depends on one by one; they take 16 KiB. Checking 4,003
/// rows takes 6 µs, where evaluating them again takes 580 (`benches/kept.rs`). An outcome that
/// depends on more would share a stripe with every eighth tuple that is written anywhere; it is
/// served as long as nothing at all is written.
pub const MAX_ROWS: usize = 4_096;

/// Overhead of an entry in bytes, beside what is counted: its places in the table and in the order
/// of use, the reference counts of its shared parts, and the allocator's overhead for a dozen small
/// allocations.
const OVERHEAD_BYTES: usize = 256;

/// A cached outcome of one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The outcome, with its reason.
    pub outcome: LegOutcome,
    /// The determining policies.
    pub policies: Vec<String>,
    /// The values that were read, by path, if decisions are recorded.
    pub inputs: Vec<(String, String)>,
}

/// The dependencies of an outcome, beside its key.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// The rows that were read, whether they exist or not; in any order, possibly with repetitions.
    pub rows: Vec<Row>,
    /// The use of the clock.
    pub clock: ClockUse,
}

/// The state that a reader has pinned.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    /// The revision.
    pub revision: Revision,
    /// The time.
    pub now: Timestamp,
    /// The stripes of the store; `None` if there is no store.
    pub stripes: Option<&'a Stripes>,
}

/// The cache of outcomes, shared by all workers.
#[derive(Debug)]
pub struct LegCache {
    shards: Shards<Entry>,
    metrics: Arc<Metrics>,
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
    /// Creates a cache that holds at most `bytes` bytes.
    #[must_use]
    pub fn new(bytes: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            shards: Shards::new(bytes),
            metrics,
        }
    }

    /// Returns the cached outcome of a leg if it may serve this reader; the caller then reports it
    /// to [`Self::found`]. Otherwise returns why not, which the caller reports to [`Self::missed`]
    /// once the leg has been evaluated.
    pub fn find(&self, key: &[u8], pinned: Pinned<'_>) -> Result<Arc<Kept>, CacheMiss> {
        let look = |entry: &Entry| entry.serves(pinned).map(|()| Arc::clone(&entry.kept));
        self.shards
            .find(key, look)
            .unwrap_or(Err(CacheMiss::Absent))
    }

    /// Counts legs whose cached outcomes were used.
    pub fn found(&self, legs: u64) {
        self.metrics().hits.inc_by(legs);
    }

    /// Counts a leg that was evaluated, and why.
    pub fn missed(&self, miss: CacheMiss) {
        self.metrics().missed(miss);
    }

    /// Stores an outcome that was evaluated for this reader, unless it holds for no other reader.
    /// Returns `true` if it was stored.
    #[must_use]
    pub fn keep(&self, key: &[u8], pinned: Pinned<'_>, basis: Basis, kept: Kept) -> bool {
        let Some(entry) = Entry::new(key, pinned, basis, kept) else {
            return false;
        };
        // A slow reader must not replace an outcome of a later revision.
        let Some(put) = self
            .shards
            .keep(key, entry, |there, new| there.revision > new.revision)
        else {
            return false;
        };
        self.metrics().evictions.inc_by(put.evicted);
        self.metrics().resized(put.before, put.after);
        true
    }

    fn metrics(&self) -> &CacheMetrics {
        self.metrics.cache()
    }
}

impl Weighed for Entry {
    fn bytes(&self) -> usize {
        self.bytes
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
            RestsOn::Rows(SmallVec::from_slice(&basis.rows))
        } else {
            RestsOn::Everything
        };
        let bytes =
            key.len() + rests_on.bytes() + kept.bytes() + size_of::<Self>() + OVERHEAD_BYTES;
        Some(Self {
            kept: Arc::new(kept),
            rests_on,
            revision: pinned.revision,
            since,
            until,
            bytes,
        })
    }

    fn serves(&self, pinned: Pinned<'_>) -> Result<(), CacheMiss> {
        match (&self.rests_on, pinned.stripes) {
            (_, None) => {}
            (RestsOn::Everything, Some(_)) if pinned.revision == self.revision => {}
            // This counts as a collision, as if all rows of the store shared one stripe.
            (RestsOn::Everything, Some(_)) => return Err(CacheMiss::Collision),
            (RestsOn::Rows(rows), Some(stripes)) => {
                match stripes.between(rows, self.revision, pinned.revision) {
                    Since::Unchanged => {}
                    Since::Changed => return Err(CacheMiss::Stale),
                    Since::Collided => return Err(CacheMiss::Collision),
                }
            }
        }
        // At the clock's last moment, only an outcome that never read the clock holds.
        let holds = self.since <= pinned.now
            && (pinned.now < self.until || self.until == Timestamp(i64::MAX));
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
        let pair = |(path, value): &(String, String)| {
            path.capacity() + value.capacity() + 2 * size_of::<String>()
        };
        let id = |id: &String| id.capacity() + size_of::<String>();
        let reason = match &self.outcome {
            LegOutcome::Permit => 0,
            LegOutcome::Deny(reason) => {
                let principal = reason
                    .principal
                    .as_ref()
                    .map_or(0, |it| it.kind.len() + it.id.len());
                reason.message.capacity() + reason.code.as_str().len() + principal
            }
        };
        let (policies, inputs) = (self.policies.iter().map(id), self.inputs.iter().map(pair));
        size_of::<Self>() + reason + policies.sum::<usize>() + inputs.sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
