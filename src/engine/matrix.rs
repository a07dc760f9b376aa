//! Decides many questions at once, for a table of who may do what.
//!
//! A table knows no arguments of calls: a question that some arguments could permit has an outcome
//! of its own.
//!
//! INVARIANT: a table is no decision about the world: it is neither recorded nor counted, leaves
//! nothing in the cache, and permits no call.

use super::assumption_names::{QuestionAssumptions, under_assumptions};
use super::decide::{CaseOverrides, Circumstances, DecisionOptions, decide};
use super::snapshot::PinnedView;
use super::survey::SurveyedOutcome;
use super::{Engine, Refusal};
use crate::bundle::request_of;
use crate::model::{
    Arguments, Code, Decision, Digest, EntityRef, Evidence, Fault, Record, Request, Revision,
    Timestamp,
};
use smol_str::SmolStr;
use std::fmt;

/// LIMIT: milliseconds for a table, after which its remaining questions are left out.
const MAX_MS: i64 = 5_000;

/// A table that is asked for: each chain is asked about each target.
#[derive(Clone, Debug, Default)]
pub struct MatrixRequest {
    /// Who acts for whom; the last member of each asks.
    pub chains: Vec<Vec<EntityRef>>,
    /// Actions, and what they are done to.
    pub targets: Vec<(SmolStr, EntityRef)>,
    /// Whether the caller may only ask about chains with an agent in them.
    pub require_actor: bool,
}

/// A table of outcomes.
#[derive(Clone, Debug)]
pub struct DecisionMatrix {
    /// For each chain, the outcome of each target; `None` if there is no decision, or no time was
    /// left for it.
    pub rows: Vec<Vec<Option<MatrixCell>>>,
    /// Whether the time did not suffice.
    pub is_cut: bool,
    /// The bundle that decided.
    pub bundle: Digest,
    /// The revision of the relations.
    pub revision: Revision,
    /// The time as of which it is decided.
    pub now: Timestamp,
}

/// The outcome of one question of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixCell {
    /// The outcome.
    pub outcome: SurveyedOutcome,
    /// The code of the reason, if it is denied.
    pub code: Option<Code>,
}

/// What the questions of a table rest on.
#[derive(Clone, Copy)]
pub(super) struct MatrixWorld<'a> {
    pub(super) pinned: PinnedView<'a>,
    pub(super) now: Timestamp,
    pub(super) given: Option<CaseOverrides<'a>>,
    pub(super) require_actor: bool,
    /// Whether the codes of denials are wanted, which cost a second decision.
    pub(super) wants_codes: bool,
}

/// Who does what to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MatrixQuestion {
    pub(super) resource: EntityRef,
    pub(super) action: SmolStr,
    pub(super) chain: Vec<EntityRef>,
}

impl Engine {
    /// Decides a table under assumptions, as [`Engine::assume`] decides one question.
    pub fn matrix(
        &self,
        asked: &MatrixRequest,
        assumed: &QuestionAssumptions,
    ) -> Result<DecisionMatrix, Refusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        under_assumptions(pinned, assumed, |pinned, assumptions| {
            let now = assumptions.now.unwrap_or(Timestamp(self.clock.now_ms()));
            let stored = assumptions.stored.as_ref();
            let world = MatrixWorld {
                pinned,
                now,
                given: Some(CaseOverrides {
                    stored: stored.unwrap_or(pinned.bundle.stored()),
                    tuples: &assumptions.tuples,
                    token: assumptions.token.as_ref(),
                }),
                require_actor: asked.require_actor,
                wants_codes: true,
            };
            let end = self.clock.monotonic_ms().saturating_add(MAX_MS);
            let mut is_cut = false;
            let mut cell = |chain: &Vec<EntityRef>, (action, resource): &(SmolStr, EntityRef)| {
                is_cut = is_cut || self.clock.monotonic_ms() > end;
                if is_cut {
                    return None;
                }
                let question = MatrixQuestion {
                    resource: resource.clone(),
                    action: action.clone(),
                    chain: chain.clone(),
                };
                question.decide(world)
            };
            let rows = asked.chains.iter().map(|chain| {
                let targets = asked.targets.iter();
                targets.map(|target| cell(chain, target)).collect()
            });
            let rows = rows.collect();
            Ok(DecisionMatrix {
                rows,
                is_cut,
                bundle: pinned.bundle.digest(),
                revision: pinned.revision,
                now,
            })
        })
    }
}

impl MatrixQuestion {
    /// Returns the question as a request.
    pub(super) fn request(&self) -> Option<Request> {
        request_of(&self.chain, &self.action, &self.resource, Record::default()).ok()
    }

    /// Decides the question; `None` if there is no decision.
    pub(super) fn decide(&self, world: MatrixWorld<'_>) -> Option<MatrixCell> {
        let request = self.request()?;
        let decided = |arguments| {
            let options = DecisionOptions {
                arguments,
                require_actor: world.require_actor,
                ..DecisionOptions::default()
            };
            let at = Circumstances {
                pinned: world.pinned,
                now: world.now,
                options,
                cache: None,
                given: world.given,
            };
            let verdict = decide(at, &request, &Evidence::default()).ok()?;
            Some((verdict.decision, verdict.reason.map(|reason| reason.code)))
        };
        // What no arguments could permit is not permitted without any.
        let (outcome, code) = match decided(Arguments::Unknown)?.0 {
            Decision::Deny if world.wants_codes => {
                // The reason is that of the question as it is asked, without arguments.
                (SurveyedOutcome::Denied, decided(Arguments::Known)?.1)
            }
            Decision::Deny => (SurveyedOutcome::Denied, None),
            Decision::Permit => match decided(Arguments::Known)?.0 {
                Decision::Permit => (SurveyedOutcome::Permitted, None),
                Decision::Deny => (SurveyedOutcome::PermittedWithArguments, None),
            },
        };
        Some(MatrixCell { outcome, code })
    }
}

impl fmt::Display for MatrixQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<String> = self.chain.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} {} {}",
            members.join(" > "),
            self.action,
            self.resource
        )
    }
}
