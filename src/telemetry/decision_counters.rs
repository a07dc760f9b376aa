//! Counts decisions by their reasons.
//!
//! INVARIANT: no bundle makes more time series than [`MAX_REASONS`].

use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::collections::HashMap;
use std::sync::Arc;

/// Maximum number of reasons that are counted separately; denials with further reasons are counted
/// as `other`. A bundle names a few dozen reasons, and each is a time series until the process
/// ends, also across reloads.
pub const MAX_REASONS: usize = 500;

/// Counters of decisions; each is found without a lock after its first use.
#[derive(Debug)]
pub(super) struct DecisionCounters {
    pub(super) family: Family<[(&'static str, String); 2], Counter>,
    pub(super) permits: Counter,
    others: Counter,
    denials: ArcSwap<HashMap<String, Counter, foldhash::fast::RandomState>>,
}

impl Default for DecisionCounters {
    fn default() -> Self {
        let family = Family::default();
        let permits = counter_of(&family, "permit", "none");
        let others = counter_of(&family, "deny", "other");
        Self {
            family,
            permits,
            others,
            denials: ArcSwap::default(),
        }
    }
}

impl DecisionCounters {
    /// Counts a denial of this reason.
    pub(super) fn count_denial(&self, reason: &str) {
        let known = self.denials.load();
        match known.get(reason) {
            Some(counter) => counter.inc(),
            None if known.len() >= MAX_REASONS => self.others.inc(),
            None => self.add_reason(reason).inc(),
        };
    }

    /// Returns how many decisions were counted.
    pub(super) fn total(&self) -> u64 {
        let denials = self.denials.load();
        let denied: u64 = denials.values().map(Counter::get).sum();
        self.permits.get() + self.others.get() + denied
    }

    fn add_reason(&self, reason: &str) -> Counter {
        let counter = counter_of(&self.family, "deny", reason);
        self.denials.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(reason.to_owned(), counter.clone());
            Arc::new(known)
        });
        counter
    }
}

fn counter_of(
    family: &Family<[(&'static str, String); 2], Counter>,
    decision: &'static str,
    reason: &str,
) -> Counter {
    family.get_or_create_owned(&[
        ("decision", decision.to_owned()),
        ("reason", reason.to_owned()),
    ])
}
