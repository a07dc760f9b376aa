//! The cache of outcomes of legs, in bounded memory.
//!
//! INVARIANT: an outcome is served only if an evaluation would have the same outcome: its key is
//! equal byte for byte, none of the rows that it depends on was written to between the revision of
//! its evaluation and the one that the reader has pinned, and the clock is within the time during
//! which it holds.

use super::shards::{MemorySize, Shards};
use super::stripes::{RowFreshness, StripeRow, Stripes};
use crate::model::{ClockUse, LegOutcome, Revision, Timestamp};
use crate::telemetry::{CacheMetrics, CacheMiss, Metrics};
use smallvec::SmallVec;
use smol_str::SmolStr;
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
pub struct CachedOutcome {
    /// The outcome, with its reason.
    pub outcome: LegOutcome,
    /// The determining policies.
    pub policies: Vec<String>,
    /// The values that were read, by path, if decisions are recorded.
    pub inputs: Vec<(String, String)>,
}

/// The dependencies of an outcome, beside its key.
#[derive(Clone, Debug, Default)]
pub struct Dependencies {
    /// The rows that were read, whether they exist or not; in any order, possibly with repetitions.
    pub rows: Vec<StripeRow>,
    /// The use of the clock.
    pub clock: ClockUse,
}

/// The state that a reader has pinned.
#[derive(Clone, Copy, Debug)]
pub struct ReadPoint<'a> {
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
    shards: Shards<OutcomeEntry>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct OutcomeEntry {
    kept: Arc<CachedOutcome>,
    rows: RowDependencies,
    revision: Revision,
    since: Timestamp,
    until: Timestamp,
    bytes: usize,
}

#[derive(Debug)]
enum RowDependencies {
    Rows(SmallVec<[StripeRow; 8]>),
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
    /// to [`Self::count_hits`]. Otherwise returns why not, which the caller reports to
    /// [`Self::count_miss`] once the leg has been evaluated.
    pub fn find(&self, key: &[u8], pinned: ReadPoint<'_>) -> Result<Arc<CachedOutcome>, CacheMiss> {
        let look = |entry: &OutcomeEntry| entry.serves(pinned).map(|()| Arc::clone(&entry.kept));
        self.shards
            .find(key, look)
            .unwrap_or(Err(CacheMiss::Absent))
    }

    /// Counts legs whose cached outcomes were used.
    pub fn count_hits(&self, legs: u64) {
        self.metrics().hits.inc_by(legs);
    }

    /// Counts a leg that was evaluated, and why.
    pub fn count_miss(&self, miss: CacheMiss) {
        self.metrics().missed(miss);
    }

    /// Stores an outcome that was evaluated for this reader, unless it holds for no other reader.
    /// Returns `true` if it was stored.
    #[must_use]
    pub fn keep(
        &self,
        key: &[u8],
        pinned: ReadPoint<'_>,
        dependencies: Dependencies,
        kept: CachedOutcome,
    ) -> bool {
        let Some(entry) = OutcomeEntry::new(key, pinned, dependencies, kept) else {
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

impl MemorySize for OutcomeEntry {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl OutcomeEntry {
    fn new(
        key: &[u8],
        pinned: ReadPoint<'_>,
        mut dependencies: Dependencies,
        kept: CachedOutcome,
    ) -> Option<Self> {
        let (since, until) = match dependencies.clock {
            ClockUse::Unread => (Timestamp(i64::MIN), Timestamp(i64::MAX)),
            ClockUse::Until(until) => (pinned.now, until),
            ClockUse::Otherwise => return None,
        };
        dependencies.rows.sort_unstable();
        dependencies.rows.dedup();
        let rows = if dependencies.rows.len() <= MAX_ROWS {
            RowDependencies::Rows(SmallVec::from_slice(&dependencies.rows))
        } else {
            RowDependencies::Everything
        };
        let bytes = key.len() + rows.bytes() + kept.bytes() + size_of::<Self>() + OVERHEAD_BYTES;
        Some(Self {
            kept: Arc::new(kept),
            rows,
            revision: pinned.revision,
            since,
            until,
            bytes,
        })
    }

    fn serves(&self, pinned: ReadPoint<'_>) -> Result<(), CacheMiss> {
        match (&self.rows, pinned.stripes) {
            (_, None) => {}
            (RowDependencies::Everything, Some(_)) if pinned.revision == self.revision => {}
            // This counts as a collision, as if all rows of the store shared one stripe.
            (RowDependencies::Everything, Some(_)) => return Err(CacheMiss::Collision),
            (RowDependencies::Rows(rows), Some(stripes)) => {
                match stripes.between(rows, self.revision, pinned.revision) {
                    RowFreshness::Unchanged => {}
                    RowFreshness::Changed => return Err(CacheMiss::Stale),
                    RowFreshness::Collided => return Err(CacheMiss::Collision),
                }
            }
        }
        // At the clock's last moment, only an outcome that never read the clock holds.
        let holds = self.since <= pinned.now
            && (pinned.now < self.until || self.until == Timestamp(i64::MAX));
        if holds { Ok(()) } else { Err(CacheMiss::Time) }
    }
}

impl RowDependencies {
    fn bytes(&self) -> usize {
        match self {
            Self::Rows(rows) if rows.spilled() => rows.capacity() * size_of::<StripeRow>(),
            Self::Rows(_) | Self::Everything => 0,
        }
    }
}

impl CachedOutcome {
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
                reason.message.capacity()
                    + reason.code.as_str().len()
                    + principal
                    + reason.missing_scopes.capacity() * size_of::<SmolStr>()
            }
        };
        let policies = self.policies.iter().map(id);
        let inputs = self.inputs.iter().map(pair);
        size_of::<Self>() + reason + policies.sum::<usize>() + inputs.sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
