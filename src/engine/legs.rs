//! Finds the outcome of one leg in the cache, or evaluates the leg.
//!
//! INVARIANT: the outcome of a leg does not show whether it was found in the cache. Explained legs
//! and the legs of cases are always evaluated.

use super::decide::ARGUMENTS;
use super::lookup::RequestRelations;
use super::snapshot::PinnedView;
use crate::cache::{self, CacheKey, CachedOutcome, Dependencies, LegCache};
use crate::model::{Arguments, ClockUse, Fault};
use crate::policy::{Leg, LegDepth, LegInput, NoRelations, Relations};
use crate::telemetry::CacheMiss;
use std::cell::Cell;

/// How the outcomes of one question's legs are found or evaluated.
#[derive(Debug)]
pub(super) struct Legs<'a> {
    pub(super) pinned: PinnedView<'a>,
    /// The cache; `None` if nothing is looked up or stored.
    pub(super) cache: Option<&'a LegCache>,
    /// The look-ups of relations; `None` if the bundle has no relation model.
    pub(super) lookup: Option<RequestRelations<'a>>,
    pub(super) depth: LegDepth,
    /// Whether a leg was evaluated although there is a cache.
    pub(super) is_evaluated: Cell<bool>,
}

impl Legs<'_> {
    /// Returns what answers questions about relations.
    pub(super) fn relations(&self) -> &dyn Relations {
        self.lookup.as_ref().map_or(&NoRelations, |lookup| lookup)
    }

    /// Returns how many more tuples may be read; `None` if there are no relations.
    pub(super) fn reads_left(&self) -> Option<u64> {
        self.lookup.as_ref().map(RequestRelations::reads_left)
    }

    /// Returns the outcome of one leg. The relations of `input` must be [`Self::relations`].
    pub(super) fn leg(&self, input: &LegInput<'_>) -> Result<Leg, Fault> {
        let compiled = self.pinned.bundle.policy_set();
        let Some(cache) = self.cache else {
            return compiled.leg(input, self.depth);
        };
        let key = key(self.pinned, input);
        let Some(key) = key.as_ref().and_then(CacheKey::bytes) else {
            self.is_evaluated.set(true);
            cache.count_miss(CacheMiss::Uncacheable);
            return compiled.leg(input, self.depth);
        };
        let at = cache::ReadPoint {
            revision: self.pinned.revision,
            now: input.now,
            stripes: self.pinned.stripes,
        };
        let miss = match cache.find(key, at) {
            Ok(kept) => {
                cache.count_hits(1);
                return Ok(found(&kept));
            }
            Err(miss) => miss,
        };
        self.is_evaluated.set(true);
        let evaluated = compiled.leg(
            input,
            LegDepth {
                clock: true,
                ..self.depth
            },
        );
        // The dependencies are taken even after a fault, because they belong to no other leg.
        let dependencies = self
            .lookup
            .as_ref()
            .map(RequestRelations::take_dependencies)
            .unwrap_or_default();
        let is_kept = evaluated.as_ref().is_ok_and(|leg| {
            // A decision record shows the time that policies read, which differs in every answer.
            let shows_time = self.depth.inputs && leg.clock != ClockUse::Unread;
            !shows_time
                && cache.keep(
                    key,
                    at,
                    Dependencies {
                        clock: dependencies.clock.and(leg.clock),
                        ..dependencies
                    },
                    kept(leg),
                )
        });
        cache.count_miss(if is_kept {
            miss
        } else {
            CacheMiss::Uncacheable
        });
        evaluated
    }
}

/// Returns the cache key of a leg; `None` if the leg is refused before any policy is evaluated.
pub(super) fn key(pinned: PinnedView<'_>, input: &LegInput<'_>) -> Option<CacheKey> {
    let unknown: &[&str] = match input.arguments {
        Arguments::Known => &[],
        Arguments::Unknown => &[ARGUMENTS],
    };
    let mut key = CacheKey::begin(pinned.bundle.generation(), unknown);
    pinned
        .bundle
        .policy_set()
        .write_key(input, key.rest())
        .then_some(key)
}

fn kept(leg: &Leg) -> CachedOutcome {
    CachedOutcome {
        outcome: leg.outcome.clone(),
        policies: leg.policies.clone(),
        inputs: leg.inputs.clone(),
    }
}

fn found(kept: &CachedOutcome) -> Leg {
    Leg {
        outcome: kept.outcome.clone(),
        policies: kept.policies.clone(),
        inputs: kept.inputs.clone(),
        explanation: None,
        clock: ClockUse::Unread,
    }
}
