//! What the cache of legs counts.

use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;

/// Why a leg was evaluated although there is a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMiss {
    /// Nothing was kept for it.
    Absent,
    /// A relation that it rests on was written to.
    Stale,
    /// A row was written to that shares a stripe with one that it rests on, or it rests on too many
    /// to name them: counted as stale, and by itself.
    Collision,
    /// What was kept is of another time.
    Time,
    /// Its outcome cannot be kept: it uses the clock, its key is too long, or it ended in a fault.
    Uncacheable,
}

/// Handles that were looked up before: each count is one atomic addition.
#[derive(Clone, Debug)]
pub struct CacheMetrics {
    /// Legs whose outcome was kept.
    pub hits: Counter,
    /// Requests that were answered without being read again: their body was kept, and all of their
    /// legs.
    pub known: Counter,
    /// Outcomes that made room for others.
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
    /// A leg was evaluated.
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

    /// A part of the cache had `before` bytes and has `now`.
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
