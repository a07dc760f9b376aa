//! Questions that were asked before, and need not be read again.
//!
//! **Problem.** Where every leg is found in the cache, most of what a request costs is to read it:
//! its text, its chain, the keys of its legs.
//! **Decision.** These keys follow from the text of a request, its caller's settings and the
//! bundle, and from nothing else. Whoever keeps them beside the text has the question answered from
//! them as long as the bundle is the same and each leg is found; otherwise the request is read and
//! decided like any other.
//! **Trade-off.** The keys are kept twice, here and in the cache.
//!
//! Measured over HTTP with every leg in the cache, in processor time per request against a server
//! that parses the body and answers at once: one question 1.66 times as much before, 1.05 since;
//! fifty in a batch 3.25 and 0.49; an agent for a user over a million tuples 2.42 and 1.31.
//!
//! INVARIANT: an answer from here is the one that reading and deciding would give with the same
//! revision and time pinned. The legs are looked up by the same keys, in the same order, and the
//! first that does not permit is the answer. A question is never known that came with credentials
//! (what they prove has an end), that is refused before its legs or has one that is never kept, or
//! while decisions are recorded (a record shows the question).

use crate::cache::{self, Kept, LegCache};
use crate::engine::batch::Semantic;
use crate::engine::intersection::{HasDecision, intersect};
use crate::engine::snapshot::Pinned;
use crate::engine::{Ask, Engine};
use crate::model::{Answer, Arguments, Decision, Depth, LegOutcome, Question, Timestamp};
use crate::policy::{LegInput, Relations};
use crate::telemetry::CacheMiss;
use smallvec::SmallVec;
use std::sync::Arc;

/// What answers a question without its text.
#[derive(Clone, Debug)]
pub struct Known {
    generation: u64,
    require_actor: bool,
    arguments: Arguments,
    /// The keys of all legs, one behind the other.
    keys: Box<[u8]>,
    ends: SmallVec<[usize; 3]>,
}

impl Known {
    /// The memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let spilled = if self.ends.spilled() {
            self.ends.capacity() * size_of::<usize>()
        } else {
            0
        };
        size_of::<Self>() + self.keys.len() + spilled
    }

    /// The keys of a question's legs; none where one of them is never kept.
    pub(super) fn of(
        pinned: Pinned<'_>,
        ask: &Ask<'_>,
        question: &Question,
        relations: &dyn Relations,
        now: Timestamp,
    ) -> Option<Self> {
        if !question.credentials.is_empty() {
            return None;
        }
        let (mut keys, mut ends) = (Vec::new(), SmallVec::new());
        for leg in 0..question.chain.legs() {
            let (stored, arguments) = (pinned.bundle.stored(), ask.arguments);
            let input = LegInput {
                question,
                leg,
                now,
                token: None,
                stored,
                relations,
                conversions: None,
                arguments,
            };
            let key = crate::engine::legs::key(pinned, &input)?;
            keys.extend_from_slice(key.bytes()?);
            ends.push(keys.len());
        }
        let generation = pinned.bundle.generation();
        let (require_actor, arguments) = (ask.require_actor, ask.arguments);
        Some(Self {
            generation,
            require_actor,
            arguments,
            keys: keys.into(),
            ends,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .map(|(begin, end)| self.keys.get(begin..*end).unwrap_or_default())
    }
}

impl Engine {
    /// Whether it makes use of what is known: only with a cache, and where no decision is recorded.
    #[must_use]
    pub fn knows(&self) -> bool {
        self.cache.is_some() && !self.recorder.is_on()
    }

    /// Answers one question that is known; nothing where it must be read.
    #[must_use]
    pub fn decide_known(&self, ask: &Ask<'_>, known: &Known) -> Option<Answer> {
        self.decide_all_known(ask, [known], true, Semantic::ExecuteAll)?
            .pop()
    }

    /// Answers a batch all of whose questions are known, in order, as far as `semantic` says.
    /// `whole` tells whether `known` are all of its items, or only those up to the one after which
    /// it stopped.
    #[must_use]
    pub fn decide_all_known<'k>(
        &self,
        ask: &Ask<'_>,
        known: impl IntoIterator<Item = &'k Known>,
        whole: bool,
        semantic: Semantic,
    ) -> Option<Vec<Answer>> {
        let cache = self
            .cache
            .as_ref()
            .filter(|_| self.knows() && ask.depth != Depth::Explain)?;
        let pin = self.pin().ok()?;
        let (pinned, now) = (pin.pinned()?, Timestamp(self.clock.now_ms()));
        let (mut found, mut looked_up, mut stopped) = (Vec::new(), 0, false);
        for one in known {
            let deciding = one.deciding_leg(pinned, ask, now, cache, &mut looked_up)?;
            let decision = deciding.outcome.decision();
            found.push(deciding);
            if semantic.stops_after(decision) {
                stopped = true;
                break;
            }
        }
        if !(whole || stopped) {
            return None;
        }
        cache.found(looked_up);
        let answer = |kept: Arc<Kept>| {
            let (decision, reason) = match &kept.outcome {
                LegOutcome::Permit => (Decision::Permit, None),
                LegOutcome::Deny(reason) => (Decision::Deny, Some(reason.clone())),
            };
            let answer = self.conclude(pinned, ask, now, decision, reason, None);
            self.count(&answer);
            answer
        };
        Some(found.into_iter().map(answer).collect())
    }
}

impl HasDecision for Arc<Kept> {
    fn decision(&self) -> Decision {
        self.outcome.decision()
    }
}

impl Known {
    /// The first leg that does not permit, or the last; nothing where one is not found, or the
    /// question was another when it was read.
    fn deciding_leg(
        &self,
        pinned: Pinned<'_>,
        ask: &Ask<'_>,
        now: Timestamp,
        cache: &LegCache,
        looked_up: &mut u64,
    ) -> Option<Arc<Kept>> {
        let is_same = self.generation == pinned.bundle.generation()
            && self.require_actor == ask.require_actor
            && self.arguments == ask.arguments;
        if !is_same {
            return None;
        }
        let at = cache::Pinned {
            revision: pinned.revision,
            now,
            stripes: pinned.stripes,
        };
        let mut found = self.keys().map(|key| {
            let kept = cache.find(key, at)?;
            *looked_up += 1;
            Ok::<_, CacheMiss>(kept)
        });
        let mut last = None;
        let denied = intersect(&mut found, |kept| last = Some(kept)).ok()?;
        denied.or(last)
    }
}
