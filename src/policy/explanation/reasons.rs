//! Chooses the reason that a denied leg gives, if several apply.
//!
//! The order is: errors; satisfied forbids, those with `@reason` first, by `@id`; the `@reason` of
//! applicable permits, by `@id`; `not_permitted`.

use crate::model::{Code, Decision, EntityRef, NextAction, Question, Reason, shown};
use crate::policy::load::policies::CompiledPolicy;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// What a bundle's or a pack's manifest declares of a reason.
#[derive(Clone, Debug)]
pub struct DeclaredReason {
    /// What the caller can do about it.
    pub next_action: NextAction,
    /// What its author wants people to know, or where they find it.
    pub doc: Option<Arc<str>>,
}

/// The declared reasons, by their codes.
pub type DeclaredReasons = HashMap<SmolStr, DeclaredReason>;

/// Returns the reason of a denial. The rules are ordered by id; `reasoned` is the first applicable
/// permit that gives a reason.
pub(in crate::policy) fn denial(
    declared: &DeclaredReasons,
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
    let declared = declared.get(code.as_str());
    Reason {
        next_action: declared.map_or_else(|| next_action(&code), |it| it.next_action),
        doc: declared.and_then(|it| it.doc.clone()),
        missing_scopes: missing_scopes(policy, &forbids),
        code,
        message,
        principal: Some(principal.clone()),
    }
}

/// Returns the scopes that are missing, where the reason is that of a policy that names some
/// (`@scope`): those of all forbids that are satisfied, since the caller needs all of them.
fn missing_scopes(
    policy: Option<&Arc<CompiledPolicy>>,
    forbids: &[&Arc<CompiledPolicy>],
) -> Vec<SmolStr> {
    let Some(policy) = policy.filter(|policy| !policy.scopes.is_empty()) else {
        return Vec::new();
    };
    let mut scopes: Vec<SmolStr> = Vec::new();
    for scope in std::iter::once(&policy)
        .chain(forbids)
        .flat_map(|policy| &policy.scopes)
    {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
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
