//! A question to a bundle that is loaded as the service loads it, including its cases.

use super::assumed_tuples::AssumedTuples;
use super::record_line::RecordedDecision;
use super::{ExplainedDecision, request, service};
use crate::bundle::{Assumptions, Bundle, BundleFiles};
use crate::cli::args::ExplainArguments;
use crate::cli::chosen::ChosenBundle;
use crate::cli::exit::{CommandFailure, ExitReason};
use crate::cli::output::{fail, fail_with_lines, notice};
use crate::cli::validate;
use crate::engine::{Ask, Engine, Refusal};
use crate::http;
use crate::model::{AnswerDepth, Arguments, Problem, Problems, Record, Request};
use crate::policy::SourceFile;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// LIMIT: bytes of a file with assumptions; a person writes it for one question.
const MAX_GIVEN_BYTES: u64 = 4 << 20;

/// A question, and the bundle that decides it.
pub(super) struct BundleQuestion {
    engine: Engine,
    bundle: Arc<Bundle>,
    request: Request,
    assumed: Assumptions,
    arguments: Arguments,
}

impl BundleQuestion {
    /// Loads the bundle, and reads what is assumed. If it returns `Err`, the problems are already
    /// printed.
    pub(super) fn new(
        arguments: &ExplainArguments,
        body: &Record,
        recorded: Option<&RecordedDecision>,
    ) -> Result<Self, ExitCode> {
        request::refuse_options(body).map_err(fail)?;
        if body.get_present(service::ASSUMED).is_some() {
            let problem = Problem::new("a bundle reads no member `assume` of a request").help(
                "name the service with `--url`, or say what is assumed with `--assume`, `--now` \
                 and `--given`",
            );
            return Err(fail(CommandFailure::usage(problem)));
        }
        let request = Request::from_body(body).map_err(|error| {
            fail(
                Problem::new(format!("the request is not of its form: {error}"))
                    .help("see `behest explain --help`"),
            )
        })?;
        let engine = validate::load(&ChosenBundle::announced(&arguments.bundle).source())?;
        let Some(snapshot) = engine.snapshot() else {
            return Err(fail(Problem::new("there is no bundle")));
        };
        let bundle = Arc::clone(snapshot.bundle());
        let mut assumed = match &arguments.given {
            Some(file) => assumptions(file, &bundle)?,
            None => Assumptions::default(),
        };
        assumed.now = arguments.now.or(assumed.now);
        if let Some(recorded) = recorded {
            assumed.token = assumed.token.or_else(|| recorded.token.clone());
        }
        for key in &arguments.without {
            if !bundle.tuples().iter().any(|tuple| tuple.key == *key) {
                notice(&format!(
                    "note: the bundle has no tuple `{key}` that could be missing\n"
                ));
            }
        }
        let is_unknown = recorded.is_some_and(|recorded| !recorded.line.unknown.is_empty());
        Ok(Self {
            engine,
            bundle,
            request,
            assumed,
            arguments: if is_unknown {
                Arguments::Unknown
            } else {
                Arguments::Known
            },
        })
    }

    /// Decides the question under what is assumed besides.
    pub(super) fn ask(&self, more: &AssumedTuples) -> Result<ExplainedDecision, CommandFailure> {
        let mut assumed = self.assumed.clone();
        for tuple in &more.tuples {
            assumed
                .assume(tuple.clone(), &self.bundle)
                .map_err(CommandFailure::usage)?;
        }
        assumed.without.extend(more.without.iter().cloned());
        let ask = Ask {
            caller: "explain",
            request_id: None,
            trace_id: None,
            require_actor: false,
            depth: AnswerDepth::Explain,
            arguments: self.arguments,
            evidence: None,
        };
        let told = self
            .engine
            .decide_assuming(&ask, &self.request, &assumed)
            .map_err(|refusal| describe(&refusal))?;
        let answer = told.answer;
        let json =
            http::write_answer(&answer, AnswerDepth::Explain, usize::MAX).map_err(|error| {
                Problem::new(format!("the answer cannot be written as JSON: {error}"))
            })?;
        Ok(ExplainedDecision {
            decision: answer.decision,
            reason: answer.reason,
            explanation: answer.explanation,
            inputs: Some(told.inputs),
            json: json.to_vec(),
        })
    }
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
