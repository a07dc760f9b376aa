//! Evaluates one leg.
//!
//! INVARIANT: a leg permits only if no applicable forbid is satisfied or failed, and at least one
//! applicable permit is satisfied. Plain Cedar skips a forbid that fails and may then permit; here
//! a forbid that fails denies.
//!
//! Each policy's condition is evaluated conjunct by conjunct, in order, up to the first that is not
//! true. Cedar's `&&` does the same, so the policy is satisfied exactly if all conjuncts are true,
//! and an explanation shows the very conjunct that stopped it.

mod clauses;
mod explain;
mod refusal;
mod rounding;

pub use clauses::Clause;
pub(super) use clauses::clauses;

use super::index::{PolicyIndex, ScopeEntity, ScopePolicies};
use super::inputs::points::Points;
use super::inputs::{LegRequest, PolicyInputs, build};
use super::schema::ActionInfo;
use super::{CompiledPolicySet, Conversions};
use crate::model::{
    Arguments, ClockUse, Code, Decision, DroppedMembers, EntityRef, Fault, LegExplanation,
    LegOutcome, Question, ReachedClauses, Record, Timestamp, UnstoredEntity, shown,
};
use crate::policy::analysis::clock_use;
use crate::policy::explanation::reasons;
use crate::policy::explanation::unknown::unstored;
use crate::policy::load::policies::{CompiledPolicy, no_slots};
use crate::policy::load::stored::StoredEntities;
use crate::policy::port::Relations;
use cedar_policy_core::ast::{
    Context, EntityUID, EntityUIDEntry, Literal, Request, Value as Cedar, ValueKind,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use refusal::{blank_refusal, refused, without_inputs};
use rounding::settle;
use std::sync::Arc;

/// What a leg shall return beside its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegDepth {
    /// Whether to return the explanation.
    pub explanation: bool,
    /// Which clauses the explanation shall list.
    pub clauses: ListedClauses,
    /// Whether to return what the policies read, for the decision record.
    pub inputs: bool,
    /// Whether to return how policies used the clock.
    pub clock: bool,
    /// How long the evaluation may take.
    pub time: LegTime,
}

/// Which clauses of policies an explanation lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListedClauses {
    /// None of them.
    #[default]
    None,
    /// Those that the evaluation reached, to measure what cases cover.
    Reached,
}

/// How long the evaluation of a leg may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LegTime {
    /// As long as its limits allow.
    #[default]
    Any,
    /// No longer than other requests of the thread may wait: what takes longer is
    /// [`Fault::TakesLong`].
    Brief,
}

/// The result of one leg.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The outcome, with its reason.
    pub outcome: LegOutcome,
    /// The ids of the policies that decided it, in order.
    pub policies: Vec<String>,
    /// The explanation, if it was wanted.
    pub explanation: Option<Box<LegExplanation>>,
    /// The values that policies read, if they were wanted: a path, and the value as Cedar writes
    /// it.
    pub inputs: Vec<(String, String)>,
    /// How policies used the clock, if that was wanted. The relations report the clock use of
    /// conditions on tuples.
    pub clock: ClockUse,
}

/// The input from which a leg is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct LegInput<'a> {
    /// The question.
    pub question: &'a Question,
    /// Which member of its chain is the principal: 0 is the subject.
    pub leg: usize,
    /// The time that policies and conditions see.
    pub now: Timestamp,
    /// The claims of a verified credential.
    pub token: Option<&'a Record>,
    /// The stored entities.
    pub stored: &'a StoredEntities,
    /// The implementation that answers questions about relations.
    pub relations: &'a dyn Relations,
    /// The converted values that other legs of the question share; `None` if there is only one leg.
    pub conversions: Option<&'a Conversions>,
    /// Whether the arguments are known. If not, the policies for unknown arguments decide, which
    /// bound what some arguments could be permitted.
    pub arguments: Arguments,
}

/// The parties of one leg, by the names that the schema declares.
struct Parties<'a> {
    /// The principal as the request names it.
    asked: &'a EntityRef,
    action: &'a ActionInfo,
    principal: &'a EntityUID,
    resource: &'a EntityUID,
}

impl<'a> Parties<'a> {
    /// Returns the policies whose scope matches.
    fn scope(&self, index: &PolicyIndex, stored: &StoredEntities) -> Arc<ScopePolicies> {
        let principal = stored.get(self.principal).map(AsRef::as_ref);
        let resource = stored.get(self.resource).map(AsRef::as_ref);
        index.scope(
            &self.action.uid,
            ScopeEntity {
                uid: self.principal,
                stored: principal,
            },
            ScopeEntity {
                uid: self.resource,
                stored: resource,
            },
        )
    }

    fn request(&self, input: &LegInput<'a>, depth: LegDepth) -> LegRequest<'a> {
        let LegInput {
            question,
            leg,
            now,
            token,
            relations,
            conversions,
            ..
        } = *input;
        LegRequest {
            question,
            leg,
            now,
            token,
            action: self.action,
            principal: self.principal,
            resource: self.resource,
            relations,
            conversions,
            explains: depth.explanation,
        }
    }
}

/// Returns those of the parties that are not stored, of types whose entities are.
fn unstored_parties(input: &LegInput<'_>, parties: &Parties<'_>) -> Vec<UnstoredEntity> {
    let question = input.question;
    let resource = question.as_asked(&question.resource.uid);
    let parties = [
        (parties.principal, parties.asked.clone()),
        (parties.resource, resource),
    ];
    parties
        .into_iter()
        .filter_map(|(uid, asked)| unstored(input.stored, uid, asked))
        .collect()
}

/// The result of evaluating one applicable policy.
enum PolicyVerdict {
    Satisfied,
    Stopped(usize),
    Failed(usize, String),
}

impl CompiledPolicySet {
    /// Evaluates one leg. Returns `Err` only if a relation could not be looked up for a reason that
    /// may pass, or if the leg takes long and is to be decided quickly.
    pub fn leg(&self, input: &LegInput<'_>, depth: LegDepth) -> Result<Leg, Fault> {
        let decided = self.with_inputs(input, depth, |parties, scope, inputs, points| {
            let leg = self.decided(input, depth, parties, scope, inputs);
            match points {
                None => Ok(leg),
                Some(points) => settle((input, depth), parties, inputs, points, leg),
            }
        })?;
        decided.unwrap_or_else(Ok)
    }

    /// Builds the inputs of a leg and passes them to `then`; returns the denial of a leg that has
    /// none.
    ///
    /// INVARIANT: every step here can only end in a denial or a fault. Only [`Self::decided`]
    /// permits, by the verdicts of all policies that apply.
    fn with_inputs<T>(
        &self,
        input: &LegInput<'_>,
        depth: LegDepth,
        then: impl FnOnce(&Parties<'_>, &ScopePolicies, &PolicyInputs, Option<Points<'_>>) -> T,
    ) -> Result<Result<T, Leg>, Fault> {
        let question = input.question;
        let Some(member) = question.chain.members().nth(input.leg) else {
            let message = "the chain has no such member".to_owned();
            return Ok(Err(refused(
                Code::ChainInvalid,
                message,
                &question.resource.uid,
            )));
        };
        let asked = question.as_asked(&member.uid);
        let (action, principal, resource) = match self.applies(question, &member.uid) {
            Ok(found) => found,
            Err((code, message)) => {
                return Ok(Err(blank_refusal(
                    code,
                    message,
                    &asked,
                    depth,
                    DroppedMembers::default(),
                )));
            }
        };
        let parties = Parties {
            asked: &asked,
            action,
            principal: &principal,
            resource: &resource,
        };
        let index = self.index(input.arguments);
        let scope = parties.scope(index, input.stored);
        let request = parties.request(input, depth);
        match build(&request, &self.schema, input.stored, index, &scope) {
            Ok((inputs, points)) => Ok(Ok(then(&parties, &scope, &inputs, points))),
            Err(none) => without_inputs(none, &asked, depth).map(Err),
        }
    }

    /// Decides a leg whose inputs have been built.
    fn decided(
        &self,
        input: &LegInput<'_>,
        depth: LegDepth,
        parties: &Parties<'_>,
        scope: &ScopePolicies,
        inputs: &PolicyInputs,
    ) -> Leg {
        let evaluator = evaluator(parties.principal, parties.action, parties.resource, inputs);
        // An explanation shows what stopped each policy whose scope matches. The policies that the
        // slice leaves out stop at a false conjunct and do not change the decision.
        let applicable: Vec<&Arc<CompiledPolicy>> = if depth.explanation {
            self.index(input.arguments).all(scope)
        } else {
            inputs.slice.policies.iter().collect()
        };
        let clock = if depth.clock {
            clock_use::used(&evaluator, &applicable, input.now)
        } else {
            ClockUse::Unread
        };
        let verdicts: Vec<(&Arc<CompiledPolicy>, PolicyVerdict)> = applicable
            .into_iter()
            .map(|policy| (policy, judge(&evaluator, policy)))
            .collect();
        let (mut outcome, policies) = self.conclude(
            input.question,
            parties.asked,
            &verdicts,
            scope.reasoned.as_ref(),
        );
        if policies.is_empty() {
            self.name_unknown(input, parties.resource, &mut outcome);
        }
        let explanation = depth.explanation.then(|| {
            let mut told = self.explain(
                &evaluator,
                parties.asked,
                &outcome,
                &policies,
                &verdicts,
                inputs,
            );
            told.reached = reached_clauses(&evaluator, &verdicts, depth.clauses);
            told.unstored = unstored_parties(input, parties);
            Box::new(told)
        });
        let inputs = if depth.inputs {
            self.inputs_read(inputs, scope, parties.principal, parties.resource)
        } else {
            Vec::new()
        };
        Leg {
            outcome,
            policies,
            explanation,
            inputs,
            clock,
        }
    }

    /// Checks whether the question can be asked of this principal at all.
    pub(super) fn applies(
        &self,
        question: &Question,
        principal: &EntityRef,
    ) -> Result<(&ActionInfo, EntityUID, EntityUID), (Code, String)> {
        let vocabulary = &self.schema.vocabulary;
        let name = &question.action.name;
        let action = vocabulary
            .action(name, &question.resource.uid)
            .ok_or_else(|| (Code::UnknownAction, vocabulary.no_action(name)))?;
        let type_of = |uid: &EntityRef| {
            vocabulary
                .entity_type(&uid.kind)
                .ok_or_else(|| (Code::UnknownType, vocabulary.no_type(&uid.kind)))
        };
        let who = type_of(principal)?;
        let what = type_of(&question.resource.uid)?;
        if !action.principals.contains(&who.name) || !action.resources.contains(&what.name) {
            let message = format!(
                "`{name}` does not apply to `{}` on `{}`",
                principal.kind, question.resource.uid.kind
            );
            return Err((Code::NotApplicable, message));
        }
        // Cedar's validation of policies relies on an enumeration having only the ids that it
        // lists.
        for (kind, uid) in [(who, principal), (what, &question.resource.uid)] {
            if kind
                .choices
                .as_ref()
                .is_some_and(|choices| !choices.contains(&uid.id))
            {
                return Err((
                    Code::NotApplicable,
                    format!(
                        "`{}` is an enumeration without `{}`",
                        uid.kind,
                        shown(&uid.id)
                    ),
                ));
            }
        }
        Ok((
            action,
            who.uid(&principal.id),
            what.uid(&question.resource.uid.id),
        ))
    }

    /// Returns the outcome and the determining policies.
    fn conclude(
        &self,
        question: &Question,
        principal: &EntityRef,
        verdicts: &[(&Arc<CompiledPolicy>, PolicyVerdict)],
        reasoned: Option<&Arc<CompiledPolicy>>,
    ) -> (LegOutcome, Vec<String>) {
        let satisfied = |effect: Decision| {
            verdicts
                .iter()
                .filter(move |(policy, verdict)| {
                    policy.effect == effect && matches!(verdict, PolicyVerdict::Satisfied)
                })
                .map(|(policy, _)| *policy)
        };
        let failed_forbid = verdicts.iter().any(|(policy, verdict)| {
            policy.effect == Decision::Deny && matches!(verdict, PolicyVerdict::Failed(..))
        });
        let permits: Vec<String> = satisfied(Decision::Permit)
            .map(|policy| policy.id.to_string())
            .collect();
        let forbids: Vec<String> = satisfied(Decision::Deny)
            .map(|policy| policy.id.to_string())
            .collect();
        // INVARIANT: no forbid has failed or is satisfied, and some permit is satisfied.
        if !failed_forbid && forbids.is_empty() && !permits.is_empty() {
            return (LegOutcome::Permit, permits);
        }
        let failed: Vec<&Arc<CompiledPolicy>> = verdicts
            .iter()
            .filter(|(_, v)| matches!(v, PolicyVerdict::Failed(..)))
            .map(|(policy, _)| *policy)
            .collect();
        let determining = match (failed_forbid, forbids.is_empty()) {
            (true, _) => failed
                .iter()
                .filter(|r| r.effect == Decision::Deny)
                .map(|r| r.id.to_string())
                .chain(forbids)
                .collect(),
            (false, false) => forbids,
            (false, true) => Vec::new(),
        };
        let reason = reasons::denial(
            &self.declared_reasons,
            question,
            principal,
            failed.first().copied(),
            satisfied(Decision::Deny).collect(),
            reasoned,
        );
        (LegOutcome::Deny(reason), determining)
    }
}

/// Returns the clauses that an evaluation reaches, of each policy.
fn reached_clauses(
    evaluator: &Evaluator<'_>,
    verdicts: &[(&Arc<CompiledPolicy>, PolicyVerdict)],
    listed: ListedClauses,
) -> Vec<ReachedClauses> {
    if listed == ListedClauses::None {
        return Vec::new();
    }
    let of_policy = |(policy, _): &(&Arc<CompiledPolicy>, PolicyVerdict)| ReachedClauses {
        policy: policy.at.id.clone(),
        clauses: clauses::reached(evaluator, policy),
    };
    verdicts.iter().map(of_policy).collect()
}

/// Returns an evaluator of policies for this request.
pub(in crate::policy) fn evaluator<'e>(
    principal: &EntityUID,
    action: &ActionInfo,
    resource: &EntityUID,
    inputs: &'e PolicyInputs,
) -> Evaluator<'e> {
    let context = inputs.context.clone();
    evaluator_on((principal, action, resource), context, &inputs.entities)
}

/// Returns an evaluator as [`evaluator`] does, for a given context and entities.
fn evaluator_on<'e>(
    (principal, action, resource): (&EntityUID, &ActionInfo, &EntityUID),
    context: Context,
    entities: &'e Entities,
) -> Evaluator<'e> {
    let request = Request::new_unchecked(
        EntityUIDEntry::known(principal.clone(), None),
        EntityUIDEntry::Known {
            euid: Arc::clone(&action.uid),
            loc: None,
        },
        EntityUIDEntry::known(resource.clone(), None),
        Some(context),
    );
    Evaluator::new(request, entities, Extensions::all_available())
}

/// Evaluates a policy's conjuncts in order.
fn judge(evaluator: &Evaluator<'_>, policy: &CompiledPolicy) -> PolicyVerdict {
    for (index, conjunct) in policy.conjuncts.iter().enumerate() {
        match evaluator.interpret(&conjunct.expr, no_slots()) {
            Ok(value) => match truth(&value) {
                Some(true) => {}
                Some(false) => return PolicyVerdict::Stopped(index),
                None => {
                    return PolicyVerdict::Failed(
                        index,
                        format!("`{}` is no boolean", conjunct.source()),
                    );
                }
            },
            Err(error) => return PolicyVerdict::Failed(index, error.to_string()),
        }
    }
    PolicyVerdict::Satisfied
}

pub(super) fn truth(value: &Cedar) -> Option<bool> {
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(value)) => Some(*value),
        _ => None,
    }
}
