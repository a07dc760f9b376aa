//! Which reason a denied leg gives, when several hold.
//!
//! Errors; satisfied forbids, those with `@reason` first, by `@id`; `@reason` of applicable permits, by `@id`;
//! `not_permitted`.

use super::rules::Rule;
use crate::model::{Code, EntityRef, NextAction, Question, Reason};
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
    let action = &question.action.name;
    let resource = question.as_asked(&question.resource.uid);
    let (code, message, rule) = if let Some(rule) = failed {
        (Code::PolicyError, format!("the policy `{}` failed", rule.id), None)
    } else if let Some(rule) = forbids.iter().find(|rule| rule.reason.is_some()).or_else(|| forbids.first()) {
        let code = rule.reason.clone().unwrap_or(Code::Forbidden);
        (code, format!("the policy `{}` forbids `{principal}` to `{action}` on `{resource}`", rule.id), Some(*rule))
    } else if let Some(rule) = reasoned {
        let code = rule.reason.clone().unwrap_or(Code::NotPermitted);
        (code, format!("the condition of `{}` does not hold for `{principal}`", rule.id), Some(rule))
    } else {
        (Code::NotPermitted, format!("no policy permits `{principal}` to `{action}` on `{resource}`"), None)
    };
    let next_action = declared.get(code.as_str()).copied().unwrap_or_else(|| next_action(&code));
    let message = rule.and_then(|rule| rule.message.clone()).unwrap_or(message);
    Reason { code, message, principal: Some(principal.clone()), next_action }
}

/// What to do where no manifest says it.
pub(super) fn next_action(code: &Code) -> NextAction {
    match code {
        Code::NotPermitted => NextAction::Request,
        Code::BadValue
        | Code::AttributeConflict
        | Code::ChainInvalid
        | Code::ChainConflict
        | Code::CredentialInvalid
        | Code::CredentialExpired
        | Code::CredentialUnavailable
        | Code::CredentialMismatch
        | Code::ProofInvalid => NextAction::Retry,
        Code::Forbidden
        | Code::UnknownType
        | Code::UnknownAction
        | Code::NotApplicable
        | Code::PolicyError
        | Code::RelationError
        | Code::Pack(_) => NextAction::None,
    }
}
