//! Decides a question under assumptions, for whoever asks what would be.
//!
//! INVARIANT: such an answer is neither recorded nor counted, and leaves nothing in the cache: it
//! is no decision about the world as it is.

use super::decide::{self, CaseOverrides, Circumstances, DecisionOptions, Verdict};
use super::snapshot::PinnedView;
use super::{Ask, Engine, Refusal};
use crate::bundle::Assumptions;
use crate::model::{Answer, AnswerDepth, Evidence, Fault, Request, Timestamp, TupleKey};
use crate::relations::Graph;

/// An answer under assumptions, with what the decision record would hold of it.
#[derive(Debug)]
pub struct AssumedAnswer {
    /// The answer.
    pub answer: Answer,
    /// The ids of the determining policies.
    pub policies: Vec<String>,
    /// The values that policies read, by leg and path.
    pub inputs: Vec<(String, String)>,
}

impl Engine {
    /// Decides one question as [`Engine::decide`] does, as if what is assumed were so.
    pub fn decide_assuming(
        &self,
        ask: &Ask<'_>,
        request: &Request,
        assumed: &Assumptions,
    ) -> Result<AssumedAnswer, Refusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        self.decide_pinned(pinned, ask, request, assumed)
    }

    /// Decides by this bundle and these relations, but for those that are assumed not to be there:
    /// they are missing in a copy, which shares all that it does not touch.
    pub(super) fn decide_pinned(
        &self,
        pinned: PinnedView<'_>,
        ask: &Ask<'_>,
        request: &Request,
        assumed: &Assumptions,
    ) -> Result<AssumedAnswer, Refusal> {
        let rest = without(pinned, &assumed.without);
        let pinned = PinnedView {
            relations: pinned
                .relations
                .map(|(graph, rules)| (rest.as_ref().unwrap_or(graph), rules)),
            ..pinned
        };
        let now = assumed.now.unwrap_or(Timestamp(self.clock.now_ms()));
        let options = DecisionOptions {
            explanation: ask.depth == AnswerDepth::Explain,
            inputs: true,
            require_actor: ask.require_actor,
            arguments: ask.arguments,
            ..DecisionOptions::default()
        };
        let stored = assumed.stored.as_ref().unwrap_or(pinned.bundle.stored());
        let given = CaseOverrides {
            stored,
            tuples: &assumed.tuples,
            token: assumed.token.as_ref(),
        };
        let at = Circumstances {
            pinned,
            now,
            options,
            cache: None,
            given: Some(given),
        };
        let nothing = Evidence::default();
        let evidence = ask.evidence.unwrap_or(&nothing);
        let Verdict {
            decision,
            reason,
            explanation,
            policies,
            inputs,
            ..
        } = decide::decide(at, request, evidence)?;
        Ok(AssumedAnswer {
            answer: self.conclude(pinned, ask, now, decision, reason, explanation),
            policies,
            inputs,
        })
    }
}

/// Returns the tuples without those that are assumed not to be there; `None` if that is all of
/// them.
pub(super) fn without(pinned: PinnedView<'_>, keys: &[TupleKey]) -> Option<Graph> {
    let (graph, _) = pinned.relations?;
    (!keys.is_empty()).then(|| graph.without(keys))
}
