//! `behest explain`: explains one decision, from a bundle or from a running service.
//!
//! Both ways produce the same values of the model and the same text, so a terminal shows what the
//! service says.

mod reply;
mod request;
mod service;

use super::args::ExplainArguments;
use super::exit::ExitReason;
use super::output::{Paint, fail, fail_with_lines, print, with_line_end};
use crate::bundle::BundleSource;
use crate::clock::SystemClock;
use crate::engine::{Ask, Engine, Refusal, TextRole, painted_explanation};
use crate::http;
use crate::model::{
    AnswerDepth, Arguments, Decision, Explanation, Problem, Reason, Record, Request,
};
use crate::record::Recorder;
use crate::telemetry::Metrics;
use std::process::ExitCode;
use std::sync::Arc;

/// A decision with its explanation, from either source.
struct ExplainedDecision {
    decision: Decision,
    reason: Option<Reason>,
    explanation: Option<Explanation>,
    /// The answer as the service writes it.
    json: Vec<u8>,
}

/// Decides and explains. A denial is a valid answer: its exit code is 0, unless the exit code is to
/// tell.
pub(super) fn run(arguments: &ExplainArguments) -> ExitCode {
    let body = match request::read(arguments) {
        Ok(body) => body,
        Err(problem) => return fail(problem),
    };
    let told = match arguments.service.instead_of(&arguments.bundle) {
        Err(failure) => return fail(failure),
        Ok(Some(target)) => service::ask(target, body).map_err(fail),
        Ok(None) => decide(&arguments.bundle.source(), &body),
    };
    let told = match told {
        Ok(told) => told,
        Err(code) => return code,
    };
    if !arguments.json {
        print(&render(&told, Paint::for_results()));
    } else if let Err(problem) = print_json(&told) {
        return fail(problem);
    }
    match told.decision {
        Decision::Deny if arguments.exit_code => ExitReason::Denied.into(),
        Decision::Deny | Decision::Permit => ExitCode::SUCCESS,
    }
}

/// Decides with a bundle that is loaded as the service loads it, including its cases. If it returns
/// `Err`, the problems are already printed.
fn decide(source: &BundleSource, body: &Record) -> Result<ExplainedDecision, ExitCode> {
    request::refuse_options(body).map_err(fail)?;
    let request = Request::from_body(body).map_err(|error| {
        fail(
            Problem::new(format!("the request is not of its form: {error}"))
                .help("see `behest explain --help`"),
        )
    })?;
    let engine = Engine::new(
        Arc::new(SystemClock),
        Arc::new(Metrics::default()),
        Recorder::default(),
    );
    engine
        .load(source)
        .map_err(|refused| fail_with_lines(&refused.problems, &refused.files))?;
    let ask = Ask {
        caller: "explain",
        request_id: None,
        require_actor: false,
        depth: AnswerDepth::Explain,
        arguments: Arguments::Known,
        evidence: None,
    };
    let answer = engine
        .decide(&ask, &request)
        .map_err(|refusal| fail(describe(&refusal)))?;
    let json = http::write_answer(&answer, AnswerDepth::Explain, usize::MAX).map_err(|error| {
        fail(Problem::new(format!(
            "the answer cannot be written as JSON: {error}"
        )))
    })?;
    Ok(ExplainedDecision {
        decision: answer.decision,
        reason: answer.reason,
        explanation: answer.explanation,
        json: json.to_vec(),
    })
}

fn describe(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Malformed(malformed) => {
            Problem::new(format!("the request is not of its form: {malformed}"))
                .help("see `behest explain --help`")
        }
        Refusal::Fault(fault) => Problem::new(format!("there is no decision: {fault}")),
        Refusal::TakesLong => Problem::new("there is no decision: it takes too long"),
    }
}

fn print_json(told: &ExplainedDecision) -> Result<(), Problem> {
    let text = serde_json::from_slice::<serde_json::Value>(&told.json)
        .and_then(|answer| serde_json::to_string_pretty(&answer))
        .map_err(|error| Problem::new(format!("the answer is not JSON: {error}")))?;
    print(&with_line_end(text));
    Ok(())
}

fn render(told: &ExplainedDecision, paint: Paint) -> String {
    let piece = |piece: TextRole, text: &str| match piece {
        TextRole::Outcome(Decision::Permit) => paint.good(text),
        TextRole::Outcome(Decision::Deny) => paint.bad(text),
        TextRole::Principal => paint.strong(text),
        TextRole::Detail => paint.dim(text),
    };
    let text = painted_explanation(
        told.decision,
        told.reason.as_ref(),
        told.explanation.as_ref(),
        &piece,
    );
    let bundle = told.explanation.as_ref().map(|explanation| {
        let line = format!(
            "bundle {}, revision {}",
            explanation.bundle.short(),
            explanation.revision
        );
        format!("{}\n", paint.dim(&line))
    });
    format!("{}{}", with_line_end(text), bundle.unwrap_or_default())
}
