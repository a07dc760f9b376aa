//! Explains a leg, and lists what its policies have read.
//!
//! INVARIANT: a value that may be a secret is neither shown nor quoted.

use super::PolicyVerdict;
use crate::model::{
    AppliedForbid, Condition, Decision, DroppedMembers, EntityRef, LegExplanation, LegOutcome,
    NearMiss, PolicyError, RECORD_INPUT_BYTES,
};
use crate::policy::CompiledPolicySet;
use crate::policy::analysis::syntax::{PathRoot, access_path};
use crate::policy::explanation::shown::{SECRET, beginning, may_be_shown, value_text};
use crate::policy::index::ScopePolicies;
use crate::policy::inputs::{PolicyInputs, known, value_at};
use crate::policy::load::policies::{CompiledPolicy, Conjunct, no_slots};
use cedar_policy_core::ast::{Context, EntityUID};
use cedar_policy_core::entities::Dereference;
use cedar_policy_core::evaluator::Evaluator;
use std::sync::Arc;

/// Bytes of a value that are written however little space a record has left. This is more than a
/// record shows of a value that does not fit.
const MIN_INPUT_BYTES: usize = 1 << 10;

impl CompiledPolicySet {
    /// Explains a leg that was decided: what determined it, what failed, and what each permit
    /// lacked.
    pub(super) fn explain(
        &self,
        evaluator: &Evaluator<'_>,
        principal: &EntityRef,
        outcome: &LegOutcome,
        policies: &[String],
        verdicts: &[(&Arc<CompiledPolicy>, PolicyVerdict)],
        inputs: &PolicyInputs,
    ) -> LegExplanation {
        let mut explanation = blank(principal, outcome, inputs.dropped.clone());
        explanation.relations.clone_from(&inputs.lookups);
        let permitted = verdicts.iter().any(|(policy, verdict)| {
            policy.effect == Decision::Permit && matches!(verdict, PolicyVerdict::Satisfied)
        });
        for (policy, verdict) in verdicts {
            let is_determining = policies.contains(&policy.at.id);
            if is_determining {
                explanation.determining.push(policy.at.clone());
            }
            let (stopped, error) = match verdict {
                PolicyVerdict::Satisfied => {
                    if is_determining && policy.effect == Decision::Deny {
                        explanation.forbids.push(self.applied(evaluator, policy));
                    }
                    continue;
                }
                PolicyVerdict::Stopped(at) => (*at, None),
                PolicyVerdict::Failed(at, message) => {
                    let message = self.tellable(policy, message);
                    explanation.errors.push(PolicyError {
                        policy: policy.at.clone(),
                        message: message.clone(),
                    });
                    (*at, Some(message))
                }
            };
            if !permitted
                && policy.effect == Decision::Permit
                && let Some(conjunct) = policy.conjuncts.get(stopped)
            {
                let condition = self.condition(evaluator, conjunct, error);
                explanation.near_misses.push(NearMiss {
                    policy: policy.at.clone(),
                    condition,
                });
            }
        }
        explanation
    }

    /// Returns a forbid that was satisfied, with its conditions.
    fn applied(&self, evaluator: &Evaluator<'_>, policy: &CompiledPolicy) -> AppliedForbid {
        let conjuncts = policy.conjuncts.iter();
        AppliedForbid {
            policy: policy.at.clone(),
            conditions: conjuncts
                .map(|conjunct| self.condition(evaluator, conjunct, None))
                .collect(),
        }
    }

    /// Returns Cedar's message, unless it may contain a secret value: an overflow names its
    /// operands.
    fn tellable(&self, policy: &CompiledPolicy, message: &str) -> String {
        if policy
            .reads
            .names()
            .any(|name| self.schema.vocabulary.may_hold_secret(name))
        {
            "it failed on values that are secret".to_owned()
        } else {
            message.to_owned()
        }
    }

    fn condition(
        &self,
        evaluator: &Evaluator<'_>,
        conjunct: &Conjunct,
        error: Option<String>,
    ) -> Condition {
        let vocabulary = &self.schema.vocabulary;
        let values = conjunct
            .accesses()
            .into_iter()
            .map(|access| {
                let path = access_path(access)
                    .map(|(_, path)| path)
                    .unwrap_or_default();
                let value = if may_be_shown(&path, vocabulary) {
                    let value = evaluator.interpret(access, no_slots());
                    value.map_or_else(
                        |_| "(absent)".to_owned(),
                        |value| value_text(&value, vocabulary),
                    )
                } else {
                    SECRET.to_owned()
                };
                (access.to_string(), value)
            })
            .collect();
        Condition {
            source: conjunct.source(),
            line: conjunct.line,
            values,
            error,
        }
    }

    /// Returns the values that policies and the conditions of relations have read and that may be
    /// shown: a path, and the value as Cedar writes it.
    pub(super) fn inputs_read(
        &self,
        inputs: &PolicyInputs,
        scope: &ScopePolicies,
        principal: &EntityUID,
        resource: &EntityUID,
    ) -> Vec<(String, String)> {
        // Of a value for which the record has no space, only the beginning is written.
        let mut left = RECORD_INPUT_BYTES;
        scope
            .paths()
            .into_iter()
            .filter(|(_, path)| may_be_shown(path, &self.schema.vocabulary))
            .filter_map(|(root, path)| {
                let start = match root {
                    PathRoot::Principal => Some(principal),
                    PathRoot::Resource => Some(resource),
                    PathRoot::Context => None,
                };
                let Context::Value(context) = &inputs.context else {
                    return None;
                };
                let attribute = |uid: &EntityUID, name: &str| match inputs.entities.entity(uid) {
                    Dereference::Data(entity) => known(entity.get(name)?),
                    Dereference::NoSuchEntity | Dereference::Residual(_) => None,
                };
                let value = value_at(context, attribute, start, path)?;
                // A text that does not fit must be longer than the space left, so that the record
                // shows it as cut.
                let most = left.max(MIN_INPUT_BYTES) + char::MAX.len_utf8();
                let (text, _) = beginning(&value, &self.schema.vocabulary, most);
                left = left.checked_sub(text.len()).unwrap_or(left);
                Some((format!("{}.{}", root.name(), path.join(".")), text))
            })
            .collect()
    }
}

/// Returns an explanation that names no policy.
pub(super) fn blank(
    principal: &EntityRef,
    outcome: &LegOutcome,
    dropped: DroppedMembers,
) -> LegExplanation {
    LegExplanation {
        principal: principal.clone(),
        outcome: outcome.clone(),
        determining: Vec::new(),
        forbids: Vec::new(),
        near_misses: Vec::new(),
        relations: Vec::new(),
        errors: Vec::new(),
        dropped,
        reached: Vec::new(),
        unstored: Vec::new(),
    }
}
