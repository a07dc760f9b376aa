//! Decides in the process, without a service: loads the folder of a bundle into an engine, asks one
//! question, and explains the answer.
//!
//!     cargo run --example decide_in_process
//!
//! The question is the README's first: Alice asks her agent to refund more than she may herself.

#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use behest::bundle::{self, BundleSource};
use behest::clock::SystemClock;
use behest::engine::{Ask, Engine, explanation_text};
use behest::json::read_object;
use behest::model::{AnswerDepth, Arguments, Request};
use behest::record::Recorder;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// A body of AuthZEN's API. A program without JSON builds a [`behest::model::Record`] instead.
const QUESTION: &str = r#"{
    "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
    "action": {"name": "tools/call"},
    "resource": {"type": "tool", "id": "payments/refund"},
    "context": {"arguments": {"order": "o-17", "amount": 2490}}
}"#;

/// The deepest nesting of objects and arrays in a body.
const MAX_DEPTH: usize = 16;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    // The repository is the folder of the default bundle: it holds `schemas` and `policies`.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("{}", decide(folder, QUESTION)?);
    Ok(())
}

/// Returns the explanation of the answer that the bundle in this folder gives.
pub(crate) fn decide(folder: &Path, question: &str) -> Result<String, Box<dyn Error>> {
    let engine = Engine::new(Arc::new(SystemClock), Arc::default(), Recorder::default());
    // A bundle with a mistake or a failing case is refused as a whole, with all of its problems.
    engine
        .load(&BundleSource::Dir(folder.to_owned()))
        .map_err(|refused| bundle::render(&refused.problems, &refused.files, false))?;

    let body = read_object(question.as_bytes(), MAX_DEPTH)?;
    let request = Request::from_body(&body).map_err(|malformed| malformed.to_string())?;
    let ask = Ask {
        caller: "example",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth: AnswerDepth::Explain,
        evidence: None,
        arguments: Arguments::Known,
    };
    let answer = engine
        .decide(&ask, &request)
        .map_err(|refusal| format!("there is no answer: {refusal:?}"))?;
    Ok(explanation_text(
        answer.decision,
        answer.reason.as_ref(),
        answer.explanation.as_ref(),
    ))
}
