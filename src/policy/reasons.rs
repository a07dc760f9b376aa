//! Which reason a denied leg gives, when several hold.
//!
//! Errors; satisfied forbids, those with `@reason` first, by `@id`; `@reason` of applicable permits, by `@id`;
//! `not_permitted`.

use super::rules::Rule;
use crate::model::{Code, Decision, EntityRef, NextAction, Question, Reason};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// What to do about each pack's reason, as its manifest says.
pub type NextActions = HashMap<SmolStr, NextAction>;

/// The rules come ordered by id; `reasoned` is the first applicable permit that gives a reason.
pub(super) fn denial(
    declared: &NextActions,
    question: &Question,
    principal: &EntityRef,
    failed: Option<&Arc<Rule>>,
    forbids: Vec<&Arc<Rule>>,
    reasoned: Option<&Arc<Rule>>,
) -> Reason {
    // Half of all decisions may be denials: their sentences are put together in one piece.
    let asks = || {
        let (to, on) = (&question.action.name, question.as_asked(&question.resource.uid));
        ["`", &principal.kind, ":", &principal.id, "` to `", to, "` on `", &on.kind, ":", &on.id, "`"].concat()
    };
    let (code, rule) = if failed.is_some() {
        (Code::PolicyError, None)
    } else if let Some(rule) = forbids.iter().find(|rule| rule.reason.is_some()).or_else(|| forbids.first()) {
        (rule.reason.clone().unwrap_or(Code::Forbidden), Some(*rule))
    } else if let Some(rule) = reasoned {
        (rule.reason.clone().unwrap_or(Code::NotPermitted), Some(rule))
    } else {
        (Code::NotPermitted, None)
    };
    let message = match (failed, rule) {
        (Some(failed), _) => format!("the policy `{}` failed", failed.id),
        (None, Some(rule)) => match &rule.message {
            Some(message) => message.clone(),
            None if rule.effect == Decision::Deny => ["the policy `", &rule.id, "` forbids ", &asks()].concat(),
            None => format!("the condition of `{}` does not hold for `{principal}`", rule.id),
        },
        (None, None) => ["no policy permits ", &asks()].concat(),
    };
    let next_action = declared.get(code.as_str()).copied().unwrap_or_else(|| next_action(&code));
    Reason { code, message, principal: Some(principal.clone()), next_action }
}

/// What to do where no manifest says it.
pub(super) fn next_action(code: &Code) -> NextAction {
    match code {
        Code::NotPermitted => NextAction::Request,
        Code::BadValue | Code::AttributeConflict | Code::ChainInvalid | Code::ChainConflict => NextAction::Retry,
        Code::Forbidden
        | Code::UnknownType
        | Code::UnknownAction
        | Code::NotApplicable
        | Code::PolicyError
        | Code::RelationError
        | Code::Pack(_) => NextAction::None,
    }
}
