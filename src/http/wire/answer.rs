//! Answers as JSON (AuthZEN 1.0 sections 5.5, 6.2 and 7.2).
//!
//! INVARIANT: an answer without options is `{"decision":…}` and nothing else. The official interoperability runners
//! compare whole bodies.

use super::explanation::Explanation;
use crate::engine::ItemAnswer;
use crate::model::{self, Answer, Decision, Depth, Malformed};
use actix_web::web::Bytes;
use serde::Serialize;
use std::io::{self, Write};
use utoipa::ToSchema;

const PERMIT: &[u8] = br#"{"decision":true}"#;
const DENY: &[u8] = br#"{"decision":false}"#;

/// The answer to one question.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EvaluationResponse<'a> {
    /// Whether it is permitted.
    decision: bool,
    /// Only where `options` or the caller's settings ask for it, or in a batch beside an item that is not well-formed.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<DecisionContext<'a>>,
}

/// The answers to a batch, in the order of its items; shorter than these where the batch stopped early.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EvaluationsResponse<'a> {
    /// One answer per item.
    evaluations: Vec<EvaluationResponse<'a>>,
}

/// What stands beside a decision.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct DecisionContext<'a> {
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason<'a>>,
    /// The whole tree behind the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation<'a>>,
    /// Why an item of a batch was not decided (section 7.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError>,
}

/// Why a request is denied, for the one who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Reason<'a> {
    /// For machines: one of the service's codes, or a policy's own.
    #[schema(example = "not_permitted")]
    code: &'a str,
    /// For people.
    message: &'a str,
    /// The member of the chain that is not permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<EntityRef<'a>>,
    /// What can be done: `request`, `step_up`, `retry` or `none`.
    #[schema(example = "request")]
    next_action: &'static str,
}

/// An entity, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EntityRef<'a> {
    /// The type.
    r#type: &'a str,
    /// The id.
    id: &'a str,
}

/// Why an item of a batch was not decided.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ItemError {
    /// The status that the item alone would have been answered with.
    status: u16,
    /// What is wrong.
    message: String,
}

impl<'a> From<&'a model::EntityRef> for EntityRef<'a> {
    fn from(uid: &'a model::EntityRef) -> Self {
        Self { r#type: &uid.kind, id: &uid.id }
    }
}

impl<'a> From<&'a model::Reason> for Reason<'a> {
    fn from(reason: &'a model::Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            message: &reason.message,
            principal: reason.principal.as_ref().map(EntityRef::from),
            next_action: reason.next_action.as_str(),
        }
    }
}

/// Writes the answer to one question.
pub fn write_answer(answer: &Answer, depth: Depth) -> io::Result<Bytes> {
    match context(answer, depth) {
        None => Ok(Bytes::from_static(bare(answer.decision))),
        Some(context) => {
            let mut body = Vec::new();
            serde_json::to_writer(&mut body, &response(answer.decision, context))?;
            Ok(body.into())
        }
    }
}

/// Writes the answers to a batch.
pub(in crate::http) fn write_batch(answers: &[ItemAnswer], depth: Depth) -> io::Result<Bytes> {
    let mut body = Vec::with_capacity(20 + answers.len() * (DENY.len() + 1));
    body.extend_from_slice(br#"{"evaluations":["#);
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        match answer {
            ItemAnswer::Malformed(malformed) => {
                serde_json::to_writer(&mut body, &response(Decision::Deny, item_error(malformed)))?;
            }
            ItemAnswer::Decided(answer) => match context(answer, depth) {
                None => body.write_all(bare(answer.decision))?,
                Some(context) => serde_json::to_writer(&mut body, &response(answer.decision, context))?,
            },
        }
    }
    body.extend_from_slice(b"]}");
    Ok(body.into())
}

fn bare(decision: Decision) -> &'static [u8] {
    match decision {
        Decision::Permit => PERMIT,
        Decision::Deny => DENY,
    }
}

fn response(decision: Decision, context: DecisionContext<'_>) -> EvaluationResponse<'_> {
    let decision = match decision {
        Decision::Permit => true,
        Decision::Deny => false,
    };
    EvaluationResponse { decision, context: Some(context) }
}

/// What stands beside the decision at this depth; `None` where nothing does.
fn context(answer: &Answer, depth: Depth) -> Option<DecisionContext<'_>> {
    let reason = || answer.reason.as_ref().map(Reason::from);
    match depth {
        Depth::Lean => None,
        Depth::Reason => reason().map(|reason| DecisionContext { reason: Some(reason), ..DecisionContext::default() }),
        Depth::Explain => Some(DecisionContext {
            reason: reason(),
            explanation: answer.explanation.as_ref().map(|tree| Explanation::new(answer.id, tree)),
            error: None,
        }),
    }
}

fn item_error(malformed: &Malformed) -> DecisionContext<'static> {
    DecisionContext {
        error: Some(ItemError { status: 400, message: malformed.to_string() }),
        ..DecisionContext::default()
    }
}
