//! The metrics of the cache of legs and of the request cache.

use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;

/// Why a leg was evaluated although there is a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMiss {
    /// No outcome was cached for the leg.
    Absent,
    /// A row that the outcome depends on was written to.
    Stale,
    /// A row was written to that shares a stripe with a row that the outcome depends on, or the
    /// outcome depends on too many rows to name them. Counted both as stale and separately.
    Collision,
    /// The cached outcome does not hold at the present time.
    Time,
    /// The outcome cannot be cached, because of its use of the clock, the length of its key, or a
    /// fault.
    Uncacheable,
}

/// Counters and gauges that were looked up in advance, so each count is one atomic addition.
#[derive(Clone, Debug)]
pub struct CacheMetrics {
    /// Legs whose outcome was found in the cache.
    pub hits: Counter,
    /// Requests that were answered without being read: their body was in the request cache, and all
    /// of their legs in the cache of legs.
    pub known: Counter,
    /// Outcomes that were evicted.
    pub evictions: Counter,
    misses: Family<[(&'static str, &'static str); 1], Counter>,
    absent: Counter,
    stale: Counter,
    time: Counter,
    uncacheable: Counter,
    collisions: Counter,
    bytes: Gauge,
}

impl Default for CacheMetrics {
    fn default() -> Self {
        let misses = Family::<[(&'static str, &'static str); 1], Counter>::default();
        let of = |cause| misses.get_or_create_owned(&[("cause", cause)]);
        Self {
            hits: Counter::default(),
            known: Counter::default(),
            evictions: Counter::default(),
            absent: of("absent"),
            stale: of("stale"),
            time: of("time"),
            uncacheable: of("uncacheable"),
            misses,
            collisions: Counter::default(),
            bytes: Gauge::default(),
        }
    }
}

impl CacheMetrics {
    /// Counts a leg that was evaluated.
    pub fn missed(&self, miss: CacheMiss) {
        match miss {
            CacheMiss::Absent => self.absent.inc(),
            CacheMiss::Stale => self.stale.inc(),
            CacheMiss::Collision => {
                self.collisions.inc();
                self.stale.inc()
            }
            CacheMiss::Time => self.time.inc(),
            CacheMiss::Uncacheable => self.uncacheable.inc(),
        };
    }

    /// Records that a part of the cache had `before` bytes and now has `now`.
    pub fn resized(&self, before: usize, now: usize) {
        let bytes = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.bytes.inc_by(bytes(now).saturating_sub(bytes(before)));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            names::CACHE_HITS,
            "Legs whose outcome was kept",
            self.hits.clone(),
        );
        registry.register(
            names::CACHE_MISSES,
            "Legs that were evaluated, by cause",
            self.misses.clone(),
        );
        registry.register(
            names::CACHE_KNOWN,
            "Requests whose body and legs were kept",
            self.known.clone(),
        );
        registry.register(
            names::CACHE_EVICTIONS,
            "Outcomes that made room for others",
            self.evictions.clone(),
        );
        let collisions = self.collisions.clone();
        registry.register(
            names::CACHE_COLLISIONS,
            "Misses for a write that may be to other rows",
            collisions,
        );
        registry.register(
            names::CACHE_BYTES,
            "Memory that kept outcomes and bodies take",
            self.bytes.clone(),
        );
    }
}
