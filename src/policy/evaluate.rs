//! The evaluation of one leg.
//!
//! INVARIANT: a leg permits only if no applicable policy of either effect that forbids is satisfied or failed, and at
//! least one permit is satisfied. Plain Cedar skips a forbid that fails and may permit; here it denies.
//!
//! Each policy's condition is evaluated conjunct by conjunct, in order, up to the first that is not true. That is what
//! Cedar's `&&` does, so the policy holds exactly when all of them do, and an explanation shows the very conjunct that
//! stopped it.

use super::index::Named;
use super::inputs::{Inputs, LegRequest, NoInputs, build, known, value_at};
use super::schema::ActionInfo;
use super::{Compiled, Conversions};
use crate::model::{
    Arguments, ClockUse, Code, Condition, Decision, Dropped, EntityRef, Fault, LegExplanation, LegOutcome, NearMiss,
    PolicyError, Question, Reason, Record, Timestamp, shown,
};
use crate::policy::analysis::clock_use;
use crate::policy::analysis::mentions::{RelationFailure, Relations};
use crate::policy::analysis::read_set::Reads;
use crate::policy::analysis::syntax::{Root, access_path};
use crate::policy::explanation::reasons;
use crate::policy::explanation::shown::{SECRET, may_be_shown, redacted, value_text};
use crate::policy::inputs::coerce::Rounding;
use crate::policy::load::policies::{Conjunct, Rule, no_slots};
use crate::policy::load::stored::Stored;
use cedar_policy_core::ast::{Context, EntityUID, EntityUIDEntry, Literal, Request, Value as Cedar, ValueKind};
use cedar_policy_core::entities::Dereference;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::sync::Arc;

/// LIMIT: points in time between two milliseconds that the policies of one leg may read: it is decided about as often again.
const MAX_BETWEEN: usize = 8;

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
    /// How policies used the clock, where it was wanted; what conditions on tuples did with it is for the relations to say.
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
    /// Which policies decide: where arguments are unknown, those that bound what some could be permitted.
    pub arguments: Arguments,
}

/// What became of one applicable policy.
enum Verdict {
    Satisfied,
    Stopped(usize),
    Failed(usize, String),
}

impl Compiled {
    /// Evaluates one leg. `Err` only where a relation could not be looked up for a reason that may pass.
    pub fn leg(&self, input: &LegInput<'_>, wanted: Wanted) -> Result<Leg, Fault> {
        let (leg, between) = self.rounded_leg(input, wanted, Rounding::Down)?;
        if between.is_empty() { Ok(leg) } else { self.settle(input, wanted, leg, &between) }
    }

    /// A leg that reads points in time between two milliseconds, once it is decided with the ones before. It is decided
    /// with the ones behind, too, and with each one between the others: where that makes a difference it is denied.
    fn settle(
        &self,
        input: &LegInput<'_>,
        wanted: Wanted,
        leg: Leg,
        between: &[(usize, String)],
    ) -> Result<Leg, Fault> {
        // What was converted for other legs is rounded as it was there.
        let input = LegInput { conversions: None, ..*input };
        let each = between.iter().map(|(number, _)| Rounding::OneUp(*number)).filter(|_| between.len() > 1);
        let (decision, mut clock) = (leg.outcome.decision(), leg.clock);
        let mut is_settled = between.len() <= MAX_BETWEEN;
        for rounding in std::iter::once(Rounding::Up).chain(each) {
            if !is_settled {
                break;
            }
            let (other, _) = self.rounded_leg(&input, wanted, rounding)?;
            is_settled = other.outcome.decision() == decision;
            clock = clock.and(other.clock);
        }
        if is_settled {
            return Ok(Leg { clock, ..leg });
        }
        let members: Vec<String> = between.iter().take(3).map(|(_, member)| format!("`{member}`")).collect();
        let message = format!(
            "{}: more precise than a millisecond, and the decision depends on that: round it where it is sent",
            members.join(", ")
        );
        let principal =
            input.question.chain.members().nth(input.leg).map(|member| input.question.as_asked(&member.uid));
        let mut refusal =
            refused(Code::BadValue, message, &principal.unwrap_or_else(|| input.question.resource.uid.clone()));
        refusal.explanation =
            leg.explanation.map(|told| Box::new(LegExplanation { outcome: refusal.outcome.clone(), ..*told }));
        Ok(Leg { clock, inputs: leg.inputs, ..refusal })
    }

    /// Evaluates one leg, with points in time between two milliseconds rounded so; says which of them it reads.
    fn rounded_leg(
        &self,
        input: &LegInput<'_>,
        wanted: Wanted,
        rounding: Rounding,
    ) -> Result<(Leg, Vec<(usize, String)>), Fault> {
        let exact = |leg: Leg| (leg, Vec::new());
        let LegInput { question, leg, now, token, stored, relations, conversions, arguments } = *input;
        let Some(member) = question.chain.members().nth(leg) else {
            return Ok(exact(refused(
                Code::ChainInvalid,
                "the chain has no such member".to_owned(),
                &question.resource.uid,
            )));
        };
        let principal = question.as_asked(&member.uid);
        let (action, principal_uid, resource_uid) = match self.applies(question, &member.uid) {
            Ok(found) => found,
            Err((code, message)) => {
                let mut leg = refused(code, message, &principal);
                if wanted.explanation {
                    leg.explanation = Some(Box::new(blank(&principal, &leg.outcome, Vec::new())));
                }
                return Ok(exact(leg));
            }
        };
        let (who, what) = (stored.get(&principal_uid), stored.get(&resource_uid));
        let index = self.index(arguments);
        let scope = index.scope(
            &action.uid,
            Named { uid: &principal_uid, stored: who.map(AsRef::as_ref) },
            Named { uid: &resource_uid, stored: what.map(AsRef::as_ref) },
        );
        let (named, asked) = (&principal_uid, &resource_uid);
        let explains = wanted.explanation;
        let request = LegRequest {
            question,
            leg,
            now,
            token,
            action,
            principal: named,
            resource: asked,
            relations,
            conversions,
            explains,
            rounding,
        };
        let mut inputs = match build(&request, &self.schema, stored, index, &scope) {
            Ok(inputs) => inputs,
            Err(NoInputs::Cedar) => {
                // Nothing is known of why, so nothing is kept of it; and what Cedar says may hold any value.
                let message = "what the policies were to see cannot be built".to_owned();
                return Ok(exact(Leg {
                    clock: ClockUse::Otherwise,
                    ..refused(Code::PolicyError, message, &principal)
                }));
            }
            Err(NoInputs::Relation(RelationFailure::Fault(message))) => return Err(Fault::Relations(message)),
            Err(NoInputs::Relation(RelationFailure::Denied(message))) => {
                let mut leg = refused(Code::RelationError, message, &principal);
                if wanted.explanation {
                    leg.explanation = Some(Box::new(blank(&principal, &leg.outcome, Vec::new())));
                }
                return Ok(exact(leg));
            }
            Err(NoInputs::Bad(bad, dropped)) => {
                let mut leg = refused(Code::BadValue, bad.into_iter().next().unwrap_or_default(), &principal);
                if wanted.explanation {
                    leg.explanation = Some(Box::new(blank(&principal, &leg.outcome, dropped)));
                }
                return Ok(exact(leg));
            }
        };
        let evaluator = Evaluator::new(
            Request::new_unchecked(
                EntityUIDEntry::known(principal_uid.clone(), None),
                EntityUIDEntry::Known { euid: Arc::clone(&action.uid), loc: None },
                EntityUIDEntry::known(resource_uid.clone(), None),
                Some(inputs.context.clone()),
            ),
            &inputs.entities,
            Extensions::all_available(),
        );
        // Who asks why is shown what stopped each policy whose scope matches; the others stop at false, and decide
        // nothing.
        let applicable = if wanted.explanation { index.all(&scope) } else { inputs.slice.rules.iter().collect() };
        let clock = if wanted.clock { clock_use::used(&evaluator, &applicable, now) } else { ClockUse::Unread };
        let verdicts: Vec<(&Arc<Rule>, Verdict)> =
            applicable.into_iter().map(|rule| (rule, judge(&evaluator, rule))).collect();
        let (mut outcome, policies) = self.conclude(question, &principal, &verdicts, scope.reasoned.as_ref());
        if policies.is_empty() {
            self.name_unknown(input, &resource_uid, &mut outcome);
        }
        let explanation = wanted
            .explanation
            .then(|| Box::new(self.explain(&evaluator, &principal, &outcome, &policies, &verdicts, &inputs)));
        let between = std::mem::take(&mut inputs.between);
        let inputs = if wanted.inputs {
            self.inputs_read(&inputs, &scope.reads, &principal_uid, &resource_uid)
        } else {
            Vec::new()
        };
        Ok((Leg { outcome, policies, explanation, inputs, clock }, between))
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
            vocabulary.entity_type(&uid.kind).ok_or_else(|| (Code::UnknownType, vocabulary.no_type(&uid.kind)))
        };
        let (who, what) = (type_of(principal)?, type_of(&question.resource.uid)?);
        if !action.principals.contains(&who.name) || !action.resources.contains(&what.name) {
            let message =
                format!("`{name}` does not apply to `{}` on `{}`", principal.kind, question.resource.uid.kind);
            return Err((Code::NotApplicable, message));
        }
        // Cedar's checks of policies rest on the ids of an enumeration being those that it lists.
        for (kind, uid) in [(who, principal), (what, &question.resource.uid)] {
            if kind.choices.as_ref().is_some_and(|choices| !choices.contains(&uid.id)) {
                return Err((
                    Code::NotApplicable,
                    format!("`{}` is an enumeration without `{}`", uid.kind, shown(&uid.id)),
                ));
            }
        }
        Ok((action, who.uid(&principal.id), what.uid(&question.resource.uid.id)))
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
                .filter(move |(rule, verdict)| rule.effect == effect && matches!(verdict, Verdict::Satisfied))
                .map(|(rule, _)| *rule)
        };
        let failed_forbid = verdicts
            .iter()
            .any(|(rule, verdict)| rule.effect == Decision::Deny && matches!(verdict, Verdict::Failed(..)));
        let permits: Vec<String> = satisfied(Decision::Permit).map(|rule| rule.id.to_string()).collect();
        let forbids: Vec<String> = satisfied(Decision::Deny).map(|rule| rule.id.to_string()).collect();
        if !failed_forbid && forbids.is_empty() && !permits.is_empty() {
            return (LegOutcome::Permit, permits);
        }
        let failed: Vec<&Arc<Rule>> =
            verdicts.iter().filter(|(_, v)| matches!(v, Verdict::Failed(..))).map(|(rule, _)| *rule).collect();
        let determining = match (failed_forbid, forbids.is_empty()) {
            (true, _) => {
                failed.iter().filter(|r| r.effect == Decision::Deny).map(|r| r.id.to_string()).chain(forbids).collect()
            }
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

    fn explain(
        &self,
        evaluator: &Evaluator<'_>,
        principal: &EntityRef,
        outcome: &LegOutcome,
        policies: &[String],
        verdicts: &[(&Arc<Rule>, Verdict)],
        inputs: &Inputs,
    ) -> LegExplanation {
        let mut explanation = blank(principal, outcome, inputs.dropped.clone());
        explanation.relations.clone_from(&inputs.lookups);
        let permitted = verdicts
            .iter()
            .any(|(rule, verdict)| rule.effect == Decision::Permit && matches!(verdict, Verdict::Satisfied));
        for (rule, verdict) in verdicts {
            if policies.contains(&rule.at.id) {
                explanation.determining.push(rule.at.clone());
            }
            let (stopped, error) = match verdict {
                Verdict::Satisfied => continue,
                Verdict::Stopped(at) => (*at, None),
                Verdict::Failed(at, message) => {
                    let message = self.tellable(rule, message);
                    explanation.errors.push(PolicyError { policy: rule.at.clone(), message: message.clone() });
                    (*at, Some(message))
                }
            };
            if !permitted
                && rule.effect == Decision::Permit
                && let Some(conjunct) = rule.conjuncts.get(stopped)
            {
                let condition = self.condition(evaluator, conjunct, error);
                explanation.near_misses.push(NearMiss { policy: rule.at.clone(), condition });
            }
        }
        explanation
    }

    /// Cedar's message, unless it may hold a secret value: an overflow names its operands.
    fn tellable(&self, rule: &Rule, message: &str) -> String {
        if rule.reads.names().any(|name| self.schema.vocabulary.may_hold_secret(name)) {
            "it failed on values that are secret".to_owned()
        } else {
            message.to_owned()
        }
    }

    fn condition(&self, evaluator: &Evaluator<'_>, conjunct: &Conjunct, error: Option<String>) -> Condition {
        let vocabulary = &self.schema.vocabulary;
        let values = conjunct
            .accesses()
            .into_iter()
            .map(|access| {
                let path = access_path(access).map(|(_, path)| path).unwrap_or_default();
                let value = if may_be_shown(&path, vocabulary) {
                    let value = evaluator.interpret(access, no_slots());
                    value.map_or_else(|_| "(absent)".to_owned(), |value| value_text(&value, vocabulary))
                } else {
                    SECRET.to_owned()
                };
                (access.to_string(), value)
            })
            .collect();
        Condition { source: conjunct.source(), line: conjunct.line, values, error }
    }

    fn inputs_read(
        &self,
        inputs: &Inputs,
        reads: &Reads,
        principal: &EntityUID,
        resource: &EntityUID,
    ) -> Vec<(String, String)> {
        reads
            .paths()
            .filter(|(_, path)| may_be_shown(path, &self.schema.vocabulary))
            .filter_map(|(root, path)| {
                let start = match root {
                    Root::Principal => Some(principal),
                    Root::Resource => Some(resource),
                    Root::Context => None,
                };
                let Context::Value(context) = &inputs.context else { return None };
                let attribute = |uid: &EntityUID, name: &str| match inputs.entities.entity(uid) {
                    Dereference::Data(entity) => known(entity.get(name)?),
                    Dereference::NoSuchEntity | Dereference::Residual(_) => None,
                };
                let value = value_at(context, attribute, start, path)?;
                Some((
                    format!("{}.{}", root.name(), path.join(".")),
                    redacted(&value, &self.schema.vocabulary).to_string(),
                ))
            })
            .collect()
    }
}

/// Runs a policy's conjuncts in order.
fn judge(evaluator: &Evaluator<'_>, rule: &Rule) -> Verdict {
    for (index, conjunct) in rule.conjuncts.iter().enumerate() {
        match evaluator.interpret(&conjunct.expr, no_slots()) {
            Ok(value) => match truth(&value) {
                Some(true) => {}
                Some(false) => return Verdict::Stopped(index),
                None => return Verdict::Failed(index, format!("`{}` is no boolean", conjunct.source())),
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
    let reason = Reason { code, message, principal: Some(principal.clone()), next_action };
    Leg {
        outcome: LegOutcome::Deny(reason),
        policies: Vec::new(),
        explanation: None,
        inputs: Vec::new(),
        clock: ClockUse::Unread,
    }
}

fn blank(principal: &EntityRef, outcome: &LegOutcome, dropped: Vec<Dropped>) -> LegExplanation {
    LegExplanation {
        principal: principal.clone(),
        outcome: outcome.clone(),
        determining: Vec::new(),
        near_misses: Vec::new(),
        relations: Vec::new(),
        errors: Vec::new(),
        dropped,
    }
}
