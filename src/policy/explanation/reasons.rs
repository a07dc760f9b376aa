//! Which reason a denied leg gives, when several hold.
//!
//! Errors; satisfied forbids, those with `@reason` first, by `@id`; `@reason` of applicable
//! permits, by `@id`; `not_permitted`.

use crate::model::{Code, Decision, EntityRef, NextAction, Question, Reason, shown};
use crate::policy::load::policies::Rule;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// What to do about each pack's reason, as its manifest says.
pub type NextActions = HashMap<SmolStr, NextAction>;

/// The rules come ordered by id; `reasoned` is the first applicable permit that gives a reason.
pub(in crate::policy) fn denial(
    declared: &NextActions,
    question: &Question,
    principal: &EntityRef,
    failed: Option<&Arc<Rule>>,
    forbids: Vec<&Arc<Rule>>,
    reasoned: Option<&Arc<Rule>>,
) -> Reason {
    let (code, rule) = if failed.is_some() {
        (Code::PolicyError, None)
    } else if let Some(rule) = forbids
        .iter()
        .find(|rule| rule.reason.is_some())
        .or_else(|| forbids.first())
    {
        (rule.reason.clone().unwrap_or(Code::Forbidden), Some(*rule))
    } else if let Some(rule) = reasoned {
        (
            rule.reason.clone().unwrap_or(Code::NotPermitted),
            Some(rule),
        )
    } else {
        (Code::NotPermitted, None)
    };
    let message = match (failed, rule) {
        (Some(failed), _) => format!("the policy `{}` failed", failed.id),
        (None, Some(rule)) => message_of(rule, principal, question),
        (None, None) => asking("no policy permits ", "", "", principal, question),
    };
    let next_action = declared
        .get(code.as_str())
        .copied()
        .unwrap_or_else(|| next_action(&code));
    Reason {
        code,
        message,
        principal: Some(principal.clone()),
        next_action,
    }
}

/// What a rule that denies, or that does not permit, says.
fn message_of(rule: &Rule, principal: &EntityRef, question: &Question) -> String {
    match &rule.message {
        Some(message) => filled(message, principal, question),
        None if rule.effect == Decision::Deny => {
            asking("the policy `", &rule.id, "` forbids ", principal, question)
        }
        None => {
            let principal = principal.to_string();
            format!(
                "the condition of `{}` does not hold for `{}`",
                rule.id,
                shown(&principal)
            )
        }
    }
}

/// A sentence about the question, put together in one piece: half of all decisions may be denials.
fn asking(
    before: &str,
    rule: &str,
    after: &str,
    principal: &EntityRef,
    question: &Question,
) -> String {
    let to = &question.action.name;
    let on = question.as_asked(&question.resource.uid);
    let who = shown(&principal.id);
    let what = shown(&on.id);
    [
        before,
        rule,
        after,
        "`",
        &principal.kind,
        ":",
        &who,
        "` to `",
        to,
        "` on `",
        &on.kind,
        ":",
        &what,
        "`",
    ]
    .concat()
}

/// A policy's message, with `{principal}`, `{action}` and `{resource}` as they were asked for.
fn filled(message: &str, principal: &EntityRef, question: &Question) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        rest = if let Some(after) = after.strip_prefix("principal}") {
            text.push_str(&shown(&principal.to_string()));
            after
        } else if let Some(after) = after.strip_prefix("action}") {
            text.push_str(&shown(&question.action.name));
            after
        } else if let Some(after) = after.strip_prefix("resource}") {
            text.push_str(&shown(
                &question.as_asked(&question.resource.uid).to_string(),
            ));
            after
        } else {
            text.push('{');
            after
        };
    }
    text.push_str(rest);
    text
}

/// What to do where no manifest says it.
pub(in crate::policy) fn next_action(code: &Code) -> NextAction {
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
