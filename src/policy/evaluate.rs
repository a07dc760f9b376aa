//! The evaluation of one leg.
//!
//! INVARIANT: a leg permits only if no applicable policy of either effect that forbids is satisfied
//! or failed, and at least one permit is satisfied. Plain Cedar skips a forbid that fails and may
//! permit; here it denies.
//!
//! Each policy's condition is evaluated conjunct by conjunct, in order, up to the first that is not
//! true. That is what Cedar's `&&` does, so the policy holds exactly when all of them do, and an
//! explanation shows the very conjunct that stopped it.

mod explain;
mod rounding;

use super::index::{Index, Named, Scope};
use super::inputs::points::Points;
use super::inputs::{Inputs, LegRequest, NoInputs, build};
use super::schema::ActionInfo;
use super::{Compiled, Conversions};
use crate::model::{
    Arguments, ClockUse, Code, Decision, DroppedMembers, EntityRef, Fault, LegExplanation,
    LegOutcome, Question, Reason, Record, Timestamp, shown,
};
use crate::policy::analysis::clock_use;
use crate::policy::explanation::reasons;
use crate::policy::load::policies::{Rule, no_slots};
use crate::policy::load::stored::Stored;
use crate::policy::port::{RelationFailure, Relations};
use cedar_policy_core::ast::{
    Context, EntityUID, EntityUIDEntry, Literal, Request, Value as Cedar, ValueKind,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use explain::blank;
use rounding::settle;
use std::sync::Arc;

/// How much a leg shall say beside its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The tree.
    pub explanation: bool,
    /// What the policies read, for the decision record.
    pub inputs: bool,
    /// How the clock was used by policies.
    pub clock: bool,
}

/// What one leg came to.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The outcome, with its reason.
    pub outcome: LegOutcome,
    /// The ids of the policies that decided it, in order.
    pub policies: Vec<String>,
    /// The tree, where it was wanted.
    pub explanation: Option<Box<LegExplanation>>,
    /// What was read, where it was wanted: a path, and the value as Cedar writes it.
    pub inputs: Vec<(String, String)>,
    /// How policies used the clock, where it was wanted; what conditions on tuples did with it is
    /// for the relations to say.
    pub clock: ClockUse,
}

/// What a leg is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct LegInput<'a> {
    /// The question.
    pub question: &'a Question,
    /// Which member of its chain is the principal: 0 is the subject.
    pub leg: usize,
    /// The time that policies and conditions see.
    pub now: Timestamp,
    /// What a verified credential says.
    pub token: Option<&'a Record>,
    /// The stored entities.
    pub stored: &'a Stored,
    /// Who answers about relations.
    pub relations: &'a dyn Relations,
    /// What values have become for other legs of the question; nothing where there is one leg.
    pub conversions: Option<&'a Conversions>,
    /// Which policies decide: where arguments are unknown, those that bound what some could be
    /// permitted.
    pub arguments: Arguments,
}

/// Whom one leg is about, as the schema has them.
struct Parties<'a> {
    /// The principal as the request names it.
    asked: &'a EntityRef,
    action: &'a ActionInfo,
    principal: &'a EntityUID,
    resource: &'a EntityUID,
}

impl<'a> Parties<'a> {
    /// Returns the policies whose scope matches.
    fn scope(&self, index: &Index, stored: &Stored) -> Arc<Scope> {
        let principal = stored.get(self.principal).map(AsRef::as_ref);
        let resource = stored.get(self.resource).map(AsRef::as_ref);
        index.scope(
            &self.action.uid,
            Named {
                uid: self.principal,
                stored: principal,
            },
            Named {
                uid: self.resource,
                stored: resource,
            },
        )
    }

    fn request(&self, input: &LegInput<'a>, wanted: Wanted) -> LegRequest<'a> {
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
            explains: wanted.explanation,
        }
    }
}

/// What became of one applicable policy.
enum Verdict {
    Satisfied,
    Stopped(usize),
    Failed(usize, String),
}

impl Compiled {
    /// Evaluates one leg. `Err` only where a relation could not be looked up for a reason that may
    /// pass.
    pub fn leg(&self, input: &LegInput<'_>, wanted: Wanted) -> Result<Leg, Fault> {
        let decided = self.with_inputs(input, wanted, |parties, scope, inputs, points| {
            let leg = self.decided(input, wanted, parties, scope, inputs);
            match points {
                None => leg,
                Some(points) => settle((input, wanted), parties, inputs, points, leg),
            }
        })?;
        Ok(decided.unwrap_or_else(|denial| denial))
    }

    /// Builds the inputs of a leg and hands them on; returns the denial of a leg that has none.
    ///
    /// INVARIANT: every step here can only end in a denial or a fault. Whatever permits is
    /// [`Self::decided`] by the verdicts of all policies that apply.
    fn with_inputs<T>(
        &self,
        input: &LegInput<'_>,
        wanted: Wanted,
        then: impl FnOnce(&Parties<'_>, &Scope, &Inputs, Option<Points<'_>>) -> T,
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
                    wanted,
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
        let request = parties.request(input, wanted);
        match build(&request, &self.schema, input.stored, index, &scope) {
            Ok((inputs, points)) => Ok(Ok(then(&parties, &scope, &inputs, points))),
            Err(none) => without_inputs(none, &asked, wanted).map(Err),
        }
    }

    /// Decides a leg that has its inputs.
    fn decided(
        &self,
        input: &LegInput<'_>,
        wanted: Wanted,
        parties: &Parties<'_>,
        scope: &Scope,
        inputs: &Inputs,
    ) -> Leg {
        let evaluator = evaluator(parties.principal, parties.action, parties.resource, inputs);
        // Who asks why is shown what stopped each policy whose scope matches; the others stop at
        // false, and decide nothing.
        let applicable: Vec<&Arc<Rule>> = if wanted.explanation {
            self.index(input.arguments).all(scope)
        } else {
            inputs.slice.rules.iter().collect()
        };
        let clock = if wanted.clock {
            clock_use::used(&evaluator, &applicable, input.now)
        } else {
            ClockUse::Unread
        };
        let verdicts: Vec<(&Arc<Rule>, Verdict)> = applicable
            .into_iter()
            .map(|rule| (rule, judge(&evaluator, rule)))
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
        let explanation = wanted.explanation.then(|| {
            Box::new(self.explain(
                &evaluator,
                parties.asked,
                &outcome,
                &policies,
                &verdicts,
                inputs,
            ))
        });
        let inputs = if wanted.inputs {
            self.inputs_read(inputs, &scope.reads, parties.principal, parties.resource)
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

    /// Whether the question can be asked at all of this principal.
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
        let (who, what) = (type_of(principal)?, type_of(&question.resource.uid)?);
        if !action.principals.contains(&who.name) || !action.resources.contains(&what.name) {
            let message = format!(
                "`{name}` does not apply to `{}` on `{}`",
                principal.kind, question.resource.uid.kind
            );
            return Err((Code::NotApplicable, message));
        }
        // Cedar's checks of policies rest on the ids of an enumeration being those that it lists.
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

    /// The outcome and the policies that determine it.
    fn conclude(
        &self,
        question: &Question,
        principal: &EntityRef,
        verdicts: &[(&Arc<Rule>, Verdict)],
        reasoned: Option<&Arc<Rule>>,
    ) -> (LegOutcome, Vec<String>) {
        let satisfied = |effect: Decision| {
            verdicts
                .iter()
                .filter(move |(rule, verdict)| {
                    rule.effect == effect && matches!(verdict, Verdict::Satisfied)
                })
                .map(|(rule, _)| *rule)
        };
        let failed_forbid = verdicts.iter().any(|(rule, verdict)| {
            rule.effect == Decision::Deny && matches!(verdict, Verdict::Failed(..))
        });
        let permits: Vec<String> = satisfied(Decision::Permit)
            .map(|rule| rule.id.to_string())
            .collect();
        let forbids: Vec<String> = satisfied(Decision::Deny)
            .map(|rule| rule.id.to_string())
            .collect();
        // INVARIANT: no forbid has failed or is satisfied, and some permit is satisfied.
        if !failed_forbid && forbids.is_empty() && !permits.is_empty() {
            return (LegOutcome::Permit, permits);
        }
        let failed: Vec<&Arc<Rule>> = verdicts
            .iter()
            .filter(|(_, v)| matches!(v, Verdict::Failed(..)))
            .map(|(rule, _)| *rule)
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
            &self.next_actions,
            question,
            principal,
            failed.first().copied(),
            satisfied(Decision::Deny).collect(),
            reasoned,
        );
        (LegOutcome::Deny(reason), determining)
    }
}

/// Returns what evaluates policies for this request.
pub(in crate::policy) fn evaluator<'e>(
    principal: &EntityUID,
    action: &ActionInfo,
    resource: &EntityUID,
    inputs: &'e Inputs,
) -> Evaluator<'e> {
    let context = inputs.context.clone();
    evaluator_on((principal, action, resource), context, &inputs.entities)
}

/// The same for a context and entities.
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

/// Runs a policy's conjuncts in order.
fn judge(evaluator: &Evaluator<'_>, rule: &Rule) -> Verdict {
    for (index, conjunct) in rule.conjuncts.iter().enumerate() {
        match evaluator.interpret(&conjunct.expr, no_slots()) {
            Ok(value) => match truth(&value) {
                Some(true) => {}
                Some(false) => return Verdict::Stopped(index),
                None => {
                    return Verdict::Failed(
                        index,
                        format!("`{}` is no boolean", conjunct.source()),
                    );
                }
            },
            Err(error) => return Verdict::Failed(index, error.to_string()),
        }
    }
    Verdict::Satisfied
}

pub(super) fn truth(value: &Cedar) -> Option<bool> {
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(value)) => Some(*value),
        _ => None,
    }
}

fn refused(code: Code, message: String, principal: &EntityRef) -> Leg {
    let next_action = reasons::next_action(&code);
    let reason = Reason {
        code,
        message,
        principal: Some(principal.clone()),
        next_action,
    };
    Leg {
        outcome: LegOutcome::Deny(reason),
        policies: Vec::new(),
        explanation: None,
        inputs: Vec::new(),
        clock: ClockUse::Unread,
    }
}

/// A denial for which no policy is asked, with an explanation that lists none where one is wanted.
fn blank_refusal(
    code: Code,
    message: String,
    principal: &EntityRef,
    wanted: Wanted,
    dropped: DroppedMembers,
) -> Leg {
    let mut leg = refused(code, message, principal);
    if wanted.explanation {
        leg.explanation = Some(Box::new(blank(principal, &leg.outcome, dropped)));
    }
    leg
}

/// What a leg without inputs comes to: a denial, or a fault where the reason may pass.
fn without_inputs(none: NoInputs, principal: &EntityRef, wanted: Wanted) -> Result<Leg, Fault> {
    match none {
        NoInputs::Cedar => {
            // Nothing is known of why, so nothing is kept of it; and what Cedar says may hold any
            // value.
            let message = "what the policies were to see cannot be built".to_owned();
            Ok(Leg {
                clock: ClockUse::Otherwise,
                ..refused(Code::PolicyError, message, principal)
            })
        }
        NoInputs::Relation(RelationFailure::Fault(message)) => Err(Fault::Relations(message)),
        NoInputs::Relation(RelationFailure::Denied(message)) => Ok(blank_refusal(
            Code::RelationError,
            message,
            principal,
            wanted,
            DroppedMembers::default(),
        )),
        NoInputs::Bad(bad, dropped) => {
            let message = bad.into_iter().next().unwrap_or_default();
            Ok(blank_refusal(
                Code::BadValue,
                message,
                principal,
                wanted,
                dropped,
            ))
        }
    }
}
