//! Writes answers as JSON (AuthZEN 1.0 sections 5.5, 6.2 and 7.2).
//!
//! INVARIANT: an answer without options is `{"decision":…}` and nothing else, because the official
//! interoperability runners compare whole bodies.
//!
//! INVARIANT: what is written beside decisions takes no more than the limit on answers, and nothing
//! larger is held in memory. What is left out is named in `omitted`; a decision is never left out.

use crate::engine::ItemAnswer;
use crate::http::authzen::wire::explanation::ExplanationJson;
use crate::model::{
    self, Answer, AnswerDepth, Arguments, Code, Decision, MalformedMember, NextAction,
};
use actix_web::web::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use utoipa::ToSchema;

const PERMIT: &[u8] = br#"{"decision":true}"#;
const DENY: &[u8] = br#"{"decision":false}"#;
const OPENING: &[u8] = br#"{"evaluations":["#;

/// The answer to one question.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EvaluationResponse<'a> {
    /// Whether it is permitted.
    decision: bool,
    /// What stands beside the decision: only where `options` or the caller's settings ask for it,
    /// or in a batch beside an item that is not well-formed.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<DecisionContext<'a>>,
}

/// The answers to a batch, in the order of its items; shorter than these where the batch stopped
/// early.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EvaluationsResponse<'a> {
    /// One answer per item.
    evaluations: Vec<EvaluationResponse<'a>>,
}

/// What stands beside a decision.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct DecisionContext<'a> {
    /// Why the request is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonJson<'a>>,
    /// The whole tree behind the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<ExplanationJson<'a>>,
    /// Where it was asked what some arguments could be permitted, `["arguments"]`: a permit is of
    /// no call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["arguments"]))]
    unknown: Option<&'static [&'static str]>,
    /// Why an item of a batch was not decided (section 7.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError>,
    /// What is left out, because the answer would be larger than `limits.answer`: `explanation`,
    /// `reason`, `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["explanation"]))]
    omitted: Option<&'static [&'static str]>,
}

/// Why a request is denied, for the one who asks.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Reason)]
pub struct ReasonJson<'a> {
    /// The code of the reason, for machines: one of the service's, or a policy's own.
    #[schema(example = "not_permitted")]
    code: Cow<'a, str>,
    /// The reason in words, for people.
    message: Cow<'a, str>,
    /// The member of the chain that is not permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<EntityJson<'a>>,
    /// What can be done: `request`, `step_up`, `retry` or `none`.
    #[schema(example = "request")]
    next_action: Cow<'a, str>,
    /// The scopes that the request needs and the token lacks, all of them; absent if the reason has
    /// nothing to do with scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["github.write"]))]
    missing_scopes: Vec<Cow<'a, str>>,
    /// What the bundle says of this reason: a sentence, or where to find more.
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<Cow<'a, str>>,
}

/// An entity, by name.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = EntityRef)]
pub(in crate::http) struct EntityJson<'a> {
    /// The type of the entity.
    r#type: Cow<'a, str>,
    /// The id of the entity.
    id: Cow<'a, str>,
    /// The entity as tuples spell it, where `type:id` in a tuple would be another or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "agent:m%2520n")]
    tuple: Option<String>,
}

/// Why an item of a batch was not decided.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ItemError {
    /// The status that the item alone would have been answered with.
    status: u16,
    /// What is wrong, in words.
    message: String,
}

impl<'a> EntityJson<'a> {
    pub(super) fn new(kind: &'a str, id: &'a str) -> Self {
        Self {
            r#type: kind.into(),
            id: id.into(),
            tuple: None,
        }
    }

    /// Returns the entity.
    pub(super) fn into_model(self) -> model::EntityRef {
        model::EntityRef::new(self.r#type, self.id)
    }
}

impl<'a> From<&'a model::EntityRef> for EntityJson<'a> {
    fn from(uid: &'a model::EntityRef) -> Self {
        Self {
            r#type: uid.kind.as_str().into(),
            id: uid.id.as_str().into(),
            tuple: uid.tuple_spelling(),
        }
    }
}

impl ReasonJson<'_> {
    /// Returns the reason.
    #[must_use]
    pub fn into_model(self) -> model::Reason {
        model::Reason {
            code: Code::RESERVED
                .into_iter()
                .find(|code| code.as_str() == self.code)
                .unwrap_or_else(|| Code::Pack(self.code.into())),
            message: self.message.into_owned(),
            principal: self.principal.map(EntityJson::into_model),
            next_action: NextAction::from_word(&self.next_action).unwrap_or(NextAction::None),
            missing_scopes: self.missing_scopes.iter().map(SmolStr::new).collect(),
            doc: self.doc.map(Arc::from),
        }
    }
}

impl<'a> From<&'a model::Reason> for ReasonJson<'a> {
    fn from(reason: &'a model::Reason) -> Self {
        Self {
            code: reason.code.as_str().into(),
            message: reason.message.as_str().into(),
            principal: reason.principal.as_ref().map(EntityJson::from),
            next_action: reason.next_action.as_str().into(),
            missing_scopes: reason
                .missing_scopes
                .iter()
                .map(|scope| scope.as_str().into())
                .collect(),
            doc: reason.doc.as_deref().map(Cow::from),
        }
    }
}

/// Writes the answer to one question, with a context only if the whole answer has at most `limit`
/// bytes.
pub fn write_answer(answer: &Answer, depth: AnswerDepth, limit: usize) -> io::Result<Bytes> {
    if context(answer, depth).is_none() {
        return Ok(Bytes::from_static(bare(answer.decision)));
    }
    let mut body = Vec::new();
    write_within(&mut body, answer, depth, limit)?;
    Ok(body.into())
}

/// Appends an answer to a body, with as much context as fits if the body may have `limit` bytes.
fn write_within(
    body: &mut Vec<u8>,
    answer: &Answer,
    depth: AnswerDepth,
    limit: usize,
) -> io::Result<()> {
    let mut omitted: Option<&'static [&'static str]> = None;
    for depth in narrower(depth) {
        let Some(mut context) = context(answer, *depth) else {
            continue;
        };
        context.omitted = omitted;
        if fits(body, limit, &response(answer.decision, context)) {
            return Ok(());
        }
        omitted = Some(if *depth == AnswerDepth::Explain {
            &["explanation"]
        } else {
            &["explanation", "reason"]
        });
    }
    if depth == AnswerDepth::Reason {
        omitted = omitted.map(|_| &["reason"] as &[_]);
    }
    let context = DecisionContext {
        omitted,
        unknown: unknown(answer.arguments),
        ..DecisionContext::default()
    };
    Ok(serde_json::to_writer(
        body,
        &response(answer.decision, context),
    )?)
}

/// Returns a depth, and the lesser ones that carry more than the decision.
fn narrower(depth: AnswerDepth) -> &'static [AnswerDepth] {
    match depth {
        AnswerDepth::Explain => &[AnswerDepth::Explain, AnswerDepth::Reason],
        AnswerDepth::Reason => &[AnswerDepth::Reason],
        AnswerDepth::Lean => &[AnswerDepth::Lean],
    }
}

/// Appends a response to a body if the body then has at most `limit` bytes; otherwise the body
/// stays as it was.
fn fits(body: &mut Vec<u8>, limit: usize, response: &EvaluationResponse<'_>) -> bool {
    let before = body.len();
    let written = serde_json::to_writer(LimitedBody { body, limit }, response).is_ok();
    if !written {
        body.truncate(before);
    }
    written
}

/// A writer to a body that fails beyond the limit.
struct LimitedBody<'a> {
    body: &'a mut Vec<u8>,
    limit: usize,
}

impl Write for LimitedBody<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.body.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.body.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of a batch's answer, written as the answers come: beside the text, only one of them is
/// held.
#[derive(Debug)]
pub(in crate::http) struct BatchBody {
    body: Vec<u8>,
    depth: AnswerDepth,
    limit: usize,
}

impl BatchBody {
    /// Begins a body for `answers` answers; contexts are left out once the body would exceed
    /// `limit` bytes.
    pub(in crate::http) fn new(answers: usize, depth: AnswerDepth, limit: usize) -> Self {
        let mut body = Vec::with_capacity(20 + answers * (DENY.len() + 1));
        body.extend_from_slice(OPENING);
        Self { body, depth, limit }
    }

    /// Adds an answer.
    pub(in crate::http) fn push(&mut self, answer: &ItemAnswer) -> io::Result<()> {
        match answer {
            ItemAnswer::Malformed(malformed) => {
                let limit = self.limit;
                let body = self.next();
                if fits(
                    body,
                    limit,
                    &response(Decision::Deny, item_error(malformed)),
                ) {
                    return Ok(());
                }
                let context = DecisionContext {
                    omitted: Some(&["error"]),
                    ..DecisionContext::default()
                };
                Ok(serde_json::to_writer(
                    body,
                    &response(Decision::Deny, context),
                )?)
            }
            ItemAnswer::Decided(answer) => self.push_decided(answer),
        }
    }

    /// Adds the answer to an item that was decided.
    pub(in crate::http) fn push_decided(&mut self, answer: &Answer) -> io::Result<()> {
        let depth = self.depth;
        let limit = self.limit;
        let is_bare = context(answer, depth).is_none();
        let body = self.next();
        if is_bare {
            body.write_all(bare(answer.decision))
        } else {
            write_within(body, answer, depth, limit)
        }
    }

    /// Returns the body at the position of the next answer.
    fn next(&mut self) -> &mut Vec<u8> {
        if self.body.len() > OPENING.len() {
            self.body.push(b',');
        }
        &mut self.body
    }

    /// Returns the complete body.
    pub(in crate::http) fn finish(mut self) -> Bytes {
        self.body.extend_from_slice(b"]}");
        self.body.into()
    }
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
    EvaluationResponse {
        decision,
        context: Some(context),
    }
}

/// Returns the context of an answer at this depth; `None` if there is nothing to say.
fn context(answer: &Answer, depth: AnswerDepth) -> Option<DecisionContext<'_>> {
    let reason = || answer.reason.as_ref().map(ReasonJson::from);
    let unknown = unknown(answer.arguments);
    let context = match depth {
        AnswerDepth::Lean => DecisionContext {
            unknown,
            ..DecisionContext::default()
        },
        AnswerDepth::Reason => DecisionContext {
            reason: reason(),
            unknown,
            ..DecisionContext::default()
        },
        AnswerDepth::Explain => {
            let explanation = answer
                .explanation
                .as_ref()
                .map(|tree| ExplanationJson::new(answer.id, tree));
            return Some(DecisionContext {
                reason: reason(),
                explanation,
                unknown,
                ..DecisionContext::default()
            });
        }
    };
    (context.reason.is_some() || context.unknown.is_some()).then_some(context)
}

/// Returns the mark for an answer about unknown arguments.
pub(in crate::http) fn unknown(arguments: Arguments) -> Option<&'static [&'static str]> {
    match arguments {
        Arguments::Known => None,
        Arguments::Unknown => Some(&["arguments"]),
    }
}

fn item_error(malformed: &MalformedMember) -> DecisionContext<'static> {
    DecisionContext {
        error: Some(ItemError {
            status: 400,
            message: malformed.to_string(),
        }),
        ..DecisionContext::default()
    }
}

#[cfg(test)]
mod tests;
