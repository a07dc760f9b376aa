//! Reads a service's answer back into the model.
//!
//! Unknown members are ignored, because a newer service may send more.

use super::ExplainedDecision;
use crate::http::{ExplanationJson, ReasonJson};
use crate::model::{Decision, Problem};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Reads an answer under assumptions, which stands below a member of its own.
pub(super) fn read_assumed(json: &[u8]) -> Result<ExplainedDecision, Problem> {
    let answer: AssumedReply<'_> =
        serde_json::from_slice(json).map_err(|error| foreign(&error.to_string()))?;
    read(answer.answer.get().as_bytes().to_vec())
}

fn foreign(what: &str) -> Problem {
    Problem::new(format!("the answer is not one of behest: {what}"))
        .help("check that the address is a service's")
}

/// Reads an answer with its explanation.
pub(super) fn read(json: Vec<u8>) -> Result<ExplainedDecision, Problem> {
    let answer: AnswerReply =
        serde_json::from_slice(&json).map_err(|error| foreign(&error.to_string()))?;
    let context = answer.context.unwrap_or_default();
    let explanation = match context.explanation {
        Some(tree) => Some(
            tree.into_model()
                .ok_or_else(|| foreign("its explanation has another form"))?,
        ),
        None => None,
    };
    Ok(ExplainedDecision {
        decision: if answer.decision {
            Decision::Permit
        } else {
            Decision::Deny
        },
        reason: context.reason.map(ReasonJson::into_model),
        explanation,
        inputs: None,
        json,
    })
}

#[derive(Deserialize)]
#[serde(expecting = "struct Assumed")]
struct AssumedReply<'a> {
    #[serde(borrow)]
    answer: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Answer")]
struct AnswerReply {
    decision: bool,
    context: Option<ContextReply>,
}

#[derive(Default, Deserialize)]
#[serde(expecting = "struct Context")]
struct ContextReply {
    reason: Option<ReasonJson<'static>>,
    explanation: Option<ExplanationJson<'static>>,
}
