//! Chooses the reason that a denied leg gives, if several apply.
//!
//! The order is: errors; satisfied forbids, those with `@reason` first, by `@id`; the `@reason` of
//! applicable permits, by `@id`; `not_permitted`.

use crate::model::{Code, Decision, EntityRef, NextAction, Question, Reason, shown};
use crate::policy::load::policies::CompiledPolicy;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// The next action for each pack's reason, as the pack's manifest declares it.
pub type NextActions = HashMap<SmolStr, NextAction>;

/// Returns the reason of a denial. The rules are ordered by id; `reasoned` is the first applicable
/// permit that gives a reason.
pub(in crate::policy) fn denial(
    declared: &NextActions,
    question: &Question,
    principal: &EntityRef,
    failed: Option<&Arc<CompiledPolicy>>,
    forbids: Vec<&Arc<CompiledPolicy>>,
    reasoned: Option<&Arc<CompiledPolicy>>,
) -> Reason {
    let (code, policy) = if failed.is_some() {
        (Code::PolicyError, None)
    } else if let Some(policy) = forbids
        .iter()
        .find(|policy| policy.reason.is_some())
        .or_else(|| forbids.first())
    {
        (
            policy.reason.clone().unwrap_or(Code::Forbidden),
            Some(*policy),
        )
    } else if let Some(policy) = reasoned {
        (
            policy.reason.clone().unwrap_or(Code::NotPermitted),
            Some(policy),
        )
    } else {
        (Code::NotPermitted, None)
    };
    let message = match (failed, policy) {
        (Some(failed), _) => format!("the policy `{}` failed", failed.id),
        (None, Some(policy)) => message_of(policy, principal, question),
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

/// Returns the message of a rule that denies, or that does not permit.
fn message_of(policy: &CompiledPolicy, principal: &EntityRef, question: &Question) -> String {
    match &policy.message {
        Some(message) => filled(message, principal, question),
        None if policy.effect == Decision::Deny => asking(
            "the policy `",
            &policy.id,
            "` forbids ",
            principal,
            question,
        ),
        None => {
            let principal = principal.to_string();
            format!(
                "the condition of `{}` does not hold for `{}`",
                policy.id,
                shown(&principal)
            )
        }
    }
}

/// Returns a sentence about the question. It is built in one allocation, since half of all
/// decisions may be denials.
fn asking(
    before: &str,
    policy: &str,
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
        policy,
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

/// Fills a policy's message: `{principal}`, `{action}` and `{resource}` become the request's names.
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

/// Returns the next action for a reason that no manifest declares.
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
