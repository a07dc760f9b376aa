//! `behest explain`: explains one decision, from a bundle or from a running service.
//!
//! Both ways produce the same values of the model and the same text, so a terminal shows what the
//! service says.

mod assumed_tuples;
mod bundle_question;
mod comparison;
mod record_line;
mod reply;
mod request;
mod service;
mod would_permit;

use super::args::ExplainArguments;
use super::exit::{CommandFailure, ExitReason};
use super::output::{Paint, fail, print, with_line_end};
use crate::engine::{TextRole, painted_explanation};
use crate::model::{Decision, Explanation, Problem, Reason, Record, Value};
use assumed_tuples::AssumedTuples;
use bundle_question::BundleQuestion;
use comparison::Comparison;
use record_line::RecordedDecision;
use request::ExplainSubject;
use service::ServiceQuestion;
use std::process::ExitCode;

/// A decision with its explanation, from either source.
struct ExplainedDecision {
    decision: Decision,
    reason: Option<Reason>,
    explanation: Option<Explanation>,
    /// The values that policies read; `None` from a service.
    inputs: Option<Vec<(String, String)>>,
    /// The answer as the service writes it.
    json: Vec<u8>,
}

/// Decides and explains. A denial is a valid answer: its exit code is 0, unless the exit code is to
/// tell.
pub(super) fn run(arguments: &ExplainArguments) -> ExitCode {
    explain(arguments).unwrap_or_else(|code| code)
}

/// If it returns `Err`, the problems are already printed.
fn explain(arguments: &ExplainArguments) -> Result<ExitCode, ExitCode> {
    let target = arguments
        .service
        .instead_of(&arguments.bundle)
        .map_err(fail)?;
    arguments.check_decider(target.is_some()).map_err(fail)?;
    let subject = request::read(arguments).map_err(fail)?;
    let recorded = match &subject {
        ExplainSubject::Request(_) => None,
        ExplainSubject::Record(recorded) => Some(recorded.as_ref()),
    };
    let body = match &subject {
        ExplainSubject::Request(body) => body,
        ExplainSubject::Record(recorded) => &recorded.body,
    };
    let question = match target {
        Some(target) => {
            check_recorded(recorded).map_err(fail)?;
            let question = ServiceQuestion::new(target, body, arguments.revision);
            DecidableQuestion::Service(question.map_err(fail)?)
        }
        None => {
            DecidableQuestion::Bundle(Box::new(BundleQuestion::new(arguments, body, recorded)?))
        }
    };
    let assumed = AssumedTuples {
        tuples: arguments.assume.clone(),
        without: arguments.without.clone(),
    };
    let says_itself = body.get_present(service::ASSUMED).is_some();
    if says_itself && !assumed.is_empty() {
        let problem = Problem::new("the request says itself what is assumed, in `assume`")
            .help("leave out `--assume` and `--without`, or the request's member");
        return Err(fail(CommandFailure::usage(problem)));
    }
    let told = question.ask(&assumed).map_err(fail)?;
    let comparison =
        recorded.map(|recorded| Comparison::new(recorded, &told, told.inputs.as_deref()));
    // A proof of possession counts once, so a question with credentials is asked once.
    let remedies = if recorded.is_some() || says_itself || has_credentials(body) {
        Vec::new()
    } else {
        would_permit::would_permit(&told, &mut |more| question.ask(&assumed.with(more)).ok())
    };
    if arguments.json {
        print_json(&told, comparison.as_ref(), &remedies).map_err(fail)?;
    } else {
        let paint = Paint::for_results();
        print(&render(&told, &remedies, arguments.revision, paint));
        if let Some(comparison) = &comparison {
            print(&format!("\n{}", comparison.text(paint)));
        }
    }
    Ok(exit_code(&told, comparison.as_ref(), arguments.exit_code))
}

/// A question, and what decides it.
enum DecidableQuestion<'a> {
    Bundle(Box<BundleQuestion>),
    Service(ServiceQuestion<'a>),
}

impl DecidableQuestion<'_> {
    fn ask(&self, assumed: &AssumedTuples) -> Result<ExplainedDecision, CommandFailure> {
        match self {
            Self::Bundle(question) => question.ask(assumed),
            Self::Service(question) => question.ask(assumed),
        }
    }
}

fn has_credentials(body: &Record) -> bool {
    let context = body.get_present("context").and_then(Value::as_record);
    context.is_some_and(|context| context.get_present("credentials").is_some())
}

fn exit_code(
    told: &ExplainedDecision,
    comparison: Option<&Comparison<'_>>,
    is_to_tell: bool,
) -> ExitCode {
    match (told.decision, comparison) {
        (_, Some(comparison)) if is_to_tell && !comparison.is_same => ExitReason::Failed.into(),
        (Decision::Deny, _) if is_to_tell => ExitReason::Denied.into(),
        (Decision::Deny | Decision::Permit, _) => ExitCode::SUCCESS,
    }
}

/// Refuses a line of the record that a service cannot be asked: it takes no facts of credentials
/// but those that it verifies.
fn check_recorded(recorded: Option<&RecordedDecision>) -> Result<(), CommandFailure> {
    let lacks = match recorded {
        Some(recorded) if recorded.token.is_some() => {
            "policies read facts of credentials, which are not in the record"
        }
        Some(recorded) if !recorded.line.unknown.is_empty() => {
            "its arguments were unknown, as in a batch or a search"
        }
        _ => return Ok(()),
    };
    let told = format!("a service cannot be asked this line of the record again: {lacks}");
    Err(Problem::new(told)
        .help("ask the bundle that decided: `--bundle DIR`")
        .into())
}

fn print_json(
    told: &ExplainedDecision,
    comparison: Option<&Comparison<'_>>,
    remedies: &[AssumedTuples],
) -> Result<(), Problem> {
    let foreign = |error| Problem::new(format!("the answer is not JSON: {error}"));
    let mut answer: serde_json::Value = serde_json::from_slice(&told.json).map_err(foreign)?;
    if let (Some(comparison), Some(members)) = (comparison, answer.as_object_mut()) {
        members.insert("record".to_owned(), comparison.json());
    }
    if let (false, Some(members)) = (remedies.is_empty(), answer.as_object_mut()) {
        members.insert("would_permit".to_owned(), would_permit::json(remedies));
    }
    let text = serde_json::to_string_pretty(&answer).map_err(foreign)?;
    print(&with_line_end(text));
    Ok(())
}

fn render(
    told: &ExplainedDecision,
    remedies: &[AssumedTuples],
    at_least: Option<u64>,
    paint: Paint,
) -> String {
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
        let asked = at_least
            .map(|revision| format!(" (at least {revision} was asked for)"))
            .unwrap_or_default();
        let line = format!(
            "bundle {}, revision {}{asked}",
            explanation.bundle.short(),
            explanation.revision
        );
        format!("{}\n", paint.dim(&line))
    });
    let remedies: String = remedies
        .iter()
        .map(|assumed| format!("{}\n", would_permit::line(assumed)))
        .collect();
    let bundle = bundle.unwrap_or_default();
    format!("{}{remedies}{bundle}", with_line_end(text))
}
