//! The one sequence that decides.

use crate::audit::Recorder;
use crate::bundle::{CaseReport, Files, Source};
use crate::clock::Clock;
use crate::model::{Answer, Depth, Digest, Fault, Malformed, Problems, Request, Timestamp};
use crate::telemetry::Metrics;
use std::sync::Arc;

/// Who asks, and how much they want to know.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// A configured caller's name, or `anonymous`.
    pub caller: &'a str,
    /// The caller's `X-Request-ID`.
    pub request_id: Option<&'a str>,
    /// Whether this caller may only ask for chains with an agent in them.
    pub require_actor: bool,
    /// How much the answer shall carry.
    pub depth: Depth,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is at fault: a 400.
    Malformed(Malformed),
    /// The service is: a 5xx.
    Fault(Fault),
}

/// When a batch stops (AuthZEN 1.0 section 7.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantic {
    /// Never.
    #[default]
    ExecuteAll,
    /// After the first denial or error.
    DenyOnFirstDeny,
    /// After the first permit.
    PermitOnFirstPermit,
}

/// What became of one item of a batch.
#[derive(Clone, Debug)]
pub enum ItemAnswer {
    /// It was decided.
    Decided(Box<Answer>),
    /// It was not well-formed: a denial with `context.error` (section 7.2.1).
    Malformed(Malformed),
}

/// The bundle that decides now, and what happened to the last attempt to replace it.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The live bundle and when it went live; none before the first.
    pub live: Option<(Digest, Timestamp)>,
    /// The problems of the last attempt, if it failed.
    pub last_failure: Option<Problems>,
}

/// What a successful load did.
#[derive(Debug)]
pub struct Loaded {
    /// The bundle that is live now.
    pub digest: Digest,
    /// Whether it differs from the one before.
    pub changed: bool,
    /// Its counts, for a log line.
    pub summary: String,
    /// Its cases.
    pub cases: CaseReport,
}

/// A bundle that was not taken. `files` lets the problems be shown with their lines.
#[derive(Debug)]
pub struct Refused {
    /// Everything that is wrong; a failing case is one problem.
    pub problems: Problems,
    /// What was read.
    pub files: Files,
}

/// Decides. Shared by all workers; every method takes `&self`.
pub struct Engine {
    _clock: Arc<dyn Clock>,
}

impl Engine {
    /// An engine without a bundle: it answers every question with [`Fault::NoBundle`].
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, _metrics: Arc<Metrics>, _recorder: Recorder) -> Self {
        Self { _clock: clock }
    }

    /// Reads, checks, runs the cases, and swaps in one step; on any problem the live bundle stays.
    pub fn load(&self, _source: &Source) -> Result<Loaded, Refused> {
        Err(Refused { problems: Problems::default(), files: Files })
    }

    /// The state of the bundle.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::default()
    }

    /// Decides one question.
    pub fn decide(&self, _ask: &Ask<'_>, _request: &Request) -> Result<Answer, Refusal> {
        Err(Refusal::Fault(Fault::NoBundle))
    }

    /// Decides a batch against one snapshot, in order, and stops where `semantic` says.
    pub fn decide_batch(
        &self,
        _ask: &Ask<'_>,
        _items: &[Result<Request, Malformed>],
        _semantic: Semantic,
    ) -> Result<Vec<ItemAnswer>, Fault> {
        Err(Fault::NoBundle)
    }
}
