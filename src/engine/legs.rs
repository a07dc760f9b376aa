//! One leg: found among those that were decided before, or evaluated.
//!
//! INVARIANT: whoever is told the outcome of a leg cannot tell whether it was found. What is
//! explained, and what cases are run on, is always evaluated.

use super::decide::ARGUMENTS;
use super::lookup::Lookup;
use super::snapshot::Pinned;
use crate::cache::{self, Basis, Kept, Key, LegCache};
use crate::model::{Arguments, ClockUse, Fault};
use crate::policy::{Leg, LegInput, NoRelations, Relations, Wanted};
use crate::telemetry::CacheMiss;
use std::cell::Cell;

/// How the legs of one question come by their outcomes.
#[derive(Debug)]
pub(super) struct Legs<'a> {
    pub(super) pinned: Pinned<'a>,
    /// Absent where nothing is to be found or kept.
    pub(super) cache: Option<&'a LegCache>,
    /// Absent where the bundle has no relation model.
    pub(super) lookup: Option<Lookup<'a>>,
    pub(super) wanted: Wanted,
    /// Whether a leg was evaluated although there is a cache.
    pub(super) is_evaluated: Cell<bool>,
}

impl Legs<'_> {
    /// Who answers about relations.
    pub(super) fn relations(&self) -> &dyn Relations {
        self.lookup.as_ref().map_or(&NoRelations, |lookup| lookup)
    }

    /// Returns how many more tuples may be read; none where there are no relations.
    pub(super) fn reads_left(&self) -> Option<u64> {
        self.lookup.as_ref().map(Lookup::reads_left)
    }

    /// The outcome of one leg, whose input asks [`Self::relations`].
    pub(super) fn leg(&self, input: &LegInput<'_>) -> Result<Leg, Fault> {
        let compiled = self.pinned.bundle.compiled();
        let Some(cache) = self.cache else {
            return compiled.leg(input, self.wanted);
        };
        let key = key(self.pinned, input);
        let Some(key) = key.as_ref().and_then(Key::bytes) else {
            self.is_evaluated.set(true);
            cache.missed(CacheMiss::Uncacheable);
            return compiled.leg(input, self.wanted);
        };
        let at = cache::Pinned {
            revision: self.pinned.revision,
            now: input.now,
            stripes: self.pinned.stripes,
        };
        let miss = match cache.find(key, at) {
            Ok(kept) => {
                cache.found(1);
                return Ok(found(&kept));
            }
            Err(miss) => miss,
        };
        self.is_evaluated.set(true);
        let evaluated = compiled.leg(
            input,
            Wanted {
                clock: true,
                ..self.wanted
            },
        );
        // Taken whatever came of it: it belongs to no other leg.
        let basis = self
            .lookup
            .as_ref()
            .map(Lookup::take_basis)
            .unwrap_or_default();
        let is_kept = evaluated.as_ref().is_ok_and(|leg| {
            // The record shows the time that policies read, and every answer has its own.
            let shows_time = self.wanted.inputs && leg.clock != ClockUse::Unread;
            !shows_time
                && cache.keep(
                    key,
                    at,
                    Basis {
                        clock: basis.clock.and(leg.clock),
                        ..basis
                    },
                    kept(leg),
                )
        });
        cache.missed(if is_kept {
            miss
        } else {
            CacheMiss::Uncacheable
        });
        evaluated
    }
}

/// The key of a leg; none where it is refused before any policy is looked at.
pub(super) fn key(pinned: Pinned<'_>, input: &LegInput<'_>) -> Option<Key> {
    let unknown: &[&str] = match input.arguments {
        Arguments::Known => &[],
        Arguments::Unknown => &[ARGUMENTS],
    };
    let mut key = Key::begin(pinned.bundle.generation(), unknown);
    pinned
        .bundle
        .compiled()
        .write_key(input, key.rest())
        .then_some(key)
}

fn kept(leg: &Leg) -> Kept {
    Kept {
        outcome: leg.outcome.clone(),
        policies: leg.policies.clone(),
        inputs: leg.inputs.clone(),
    }
}

fn found(kept: &Kept) -> Leg {
    Leg {
        outcome: kept.outcome.clone(),
        policies: kept.policies.clone(),
        inputs: kept.inputs.clone(),
        explanation: None,
        clock: ClockUse::Unread,
    }
}
