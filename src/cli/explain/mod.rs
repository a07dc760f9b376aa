//! `behest explain`: explains one decision, from a bundle or from a running service.
//!
//! Both ways produce the same values of the model and the same text, so a terminal shows what the
//! service says.

mod comparison;
mod record_line;
mod reply;
mod request;
mod service;

use super::args::ExplainArguments;
use super::chosen::ChosenBundle;
use super::exit::{CommandFailure, ExitReason};
use super::output::{Paint, fail, fail_with_lines, print, with_line_end};
use super::service::NamedService;
use super::validate;
use crate::bundle::{Assumptions, Bundle, BundleFiles};
use crate::engine::{Ask, Refusal, TextRole, painted_explanation};
use crate::http;
use crate::model::{
    AnswerDepth, Arguments, Decision, Explanation, Problem, Problems, Reason, Record, Request,
};
use crate::policy::SourceFile;
use comparison::Comparison;
use record_line::RecordedDecision;
use request::ExplainSubject;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

/// LIMIT: bytes of a file with assumptions; a person writes it for one question.
const MAX_GIVEN_BYTES: u64 = 4 << 20;

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
    let told = match target {
        Some(target) => ask(target, arguments, body, recorded).map_err(fail)?,
        None => decide(arguments, body, recorded)?,
    };
    let comparison =
        recorded.map(|recorded| Comparison::new(recorded, &told, told.inputs.as_deref()));
    if arguments.json {
        print_json(&told, comparison.as_ref()).map_err(fail)?;
    } else {
        let paint = Paint::for_results();
        print(&render(&told, arguments.revision, paint));
        if let Some(comparison) = &comparison {
            print(&format!("\n{}", comparison.text(paint)));
        }
    }
    Ok(match (told.decision, &comparison) {
        (_, Some(comparison)) if arguments.exit_code && !comparison.is_same => {
            ExitReason::Failed.into()
        }
        (Decision::Deny, _) if arguments.exit_code => ExitReason::Denied.into(),
        (Decision::Deny | Decision::Permit, _) => ExitCode::SUCCESS,
    })
}

/// Asks a service. It takes no facts of credentials but those that it verifies.
fn ask(
    target: NamedService,
    arguments: &ExplainArguments,
    body: &Record,
    recorded: Option<&RecordedDecision>,
) -> Result<ExplainedDecision, CommandFailure> {
    let lacks = match recorded {
        Some(recorded) if recorded.token.is_some() => {
            Some("policies read facts of credentials, which are not in the record")
        }
        Some(recorded) if !recorded.line.unknown.is_empty() => {
            Some("its arguments were unknown, as in a batch or a search")
        }
        _ => None,
    };
    if let Some(why) = lacks {
        let told = format!("a service cannot be asked this line of the record again: {why}");
        return Err(Problem::new(told)
            .help("ask the bundle that decided: `--bundle DIR`")
            .into());
    }
    service::ask(target, body.clone(), arguments.revision)
}

/// Decides with a bundle that is loaded as the service loads it, including its cases. If it returns
/// `Err`, the problems are already printed.
fn decide(
    arguments: &ExplainArguments,
    body: &Record,
    recorded: Option<&RecordedDecision>,
) -> Result<ExplainedDecision, ExitCode> {
    request::refuse_options(body).map_err(fail)?;
    let request = Request::from_body(body).map_err(|error| {
        fail(
            Problem::new(format!("the request is not of its form: {error}"))
                .help("see `behest explain --help`"),
        )
    })?;
    let engine = validate::load(&ChosenBundle::announced(&arguments.bundle).source())?;
    let snapshot = engine.snapshot();
    let bundle = snapshot.as_ref().map(|snapshot| snapshot.bundle().as_ref());
    let mut assumed = match (&arguments.given, bundle) {
        (Some(file), Some(bundle)) => assumptions(file, bundle)?,
        _ => Assumptions::default(),
    };
    assumed.now = arguments.now.or(assumed.now);
    if let Some(recorded) = recorded {
        assumed.token = assumed.token.or_else(|| recorded.token.clone());
    }
    let is_unknown = recorded.is_some_and(|recorded| !recorded.line.unknown.is_empty());
    let ask = Ask {
        caller: "explain",
        request_id: None,
        require_actor: false,
        depth: AnswerDepth::Explain,
        arguments: if is_unknown {
            Arguments::Unknown
        } else {
            Arguments::Known
        },
        evidence: None,
    };
    let told = engine
        .decide_assuming(&ask, &request, &assumed)
        .map_err(|refusal| fail(describe(&refusal)))?;
    let answer = told.answer;
    let json = http::write_answer(&answer, AnswerDepth::Explain, usize::MAX).map_err(|error| {
        fail(Problem::new(format!(
            "the answer cannot be written as JSON: {error}"
        )))
    })?;
    Ok(ExplainedDecision {
        decision: answer.decision,
        reason: answer.reason,
        explanation: answer.explanation,
        inputs: Some(told.inputs),
        json: json.to_vec(),
    })
}

/// Reads what is assumed. If it returns `Err`, the problems are already printed.
fn assumptions(path: &Path, bundle: &Bundle) -> Result<Assumptions, ExitCode> {
    let name = path.display().to_string();
    let unread = |why: String| {
        fail(CommandFailure::usage(
            Problem::new(format!("`--given`: `{name}` {why}"))
                .help("name a file; `behest explain --help` shows its form"),
        ))
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_GIVEN_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| unread(format!("cannot be read: {error}")))?;
    if text.len() as u64 > MAX_GIVEN_BYTES {
        return Err(unread(format!("has more than {MAX_GIVEN_BYTES} bytes")));
    }
    let file = SourceFile::new(&name, text.as_str());
    Assumptions::read(&file, bundle).map_err(|problems: Problems| {
        let files = BundleFiles::from_texts([(name.clone(), text)]);
        let _broken = fail_with_lines(&problems, &files);
        ExitReason::Usage.into()
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

fn print_json(
    told: &ExplainedDecision,
    comparison: Option<&Comparison<'_>>,
) -> Result<(), Problem> {
    let foreign = |error| Problem::new(format!("the answer is not JSON: {error}"));
    let mut answer: serde_json::Value = serde_json::from_slice(&told.json).map_err(foreign)?;
    if let (Some(comparison), Some(members)) = (comparison, answer.as_object_mut()) {
        members.insert("record".to_owned(), comparison.json());
    }
    let text = serde_json::to_string_pretty(&answer).map_err(foreign)?;
    print(&with_line_end(text));
    Ok(())
}

fn render(told: &ExplainedDecision, at_least: Option<u64>, paint: Paint) -> String {
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
    format!("{}{}", with_line_end(text), bundle.unwrap_or_default())
}
