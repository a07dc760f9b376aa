//! The decision record: requests and answers as lines of JSON.
//!
//! **Problem.** It must be possible long afterwards to say who was permitted what, and on whose
//! authority. Yet a slow disk must not slow decisions, and a full disk must not go unnoticed.
//! **Decision.** A record is one line of JSON (`line`). It enters a queue that is bounded in
//! records and in bytes; one thread (`writer`) writes it to the sink. If the queue is full, either
//! the record is lost and counted, or the decision is refused, as the operator's setting
//! ([`WhenFull`]) says. The writer never discards a line: while the sink fails it tries again, so
//! the queue fills up and the same setting applies.
//! **Trade-off.** Lines are passed to the operating system in batches and not synced to the disk
//! one by one: a crash of the machine can lose the last lines, a crash of the process those in the
//! queue.
//!
//! The same records are shown to those who watch decisions as they are made (`feed`), whether they
//! are written or not.
//!
//! INVARIANT: every record is written or counted as lost, or its decision is refused.

mod feed;
mod filter;
mod line;
mod sink;
mod writer;

pub use feed::{DecisionEvent, DecisionWatch, WatchedDecisions};
pub use filter::{DecisionFilter, EntityPattern, WatchedOutcome};
pub use sink::Sink;
pub use writer::RecordWriter;

use crate::model::{Answer, Question, Request, Timestamp};
use crate::telemetry::{Metrics, TraceId};
use feed::DecisionFeed;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use writer::Queue;

/// The data of one record.
#[derive(Clone, Copy, Debug)]
pub struct DecisionRecord<'a> {
    /// The time of the decision.
    pub at: Timestamp,
    /// The caller: a configured caller's name, or `anonymous`.
    pub caller: &'a str,
    /// The caller's `X-Request-ID`.
    pub request_id: Option<&'a str>,
    /// The trace that the request belongs to; its sender chose it, unless it began here.
    pub trace_id: Option<TraceId>,
    /// The question; `None` if the chain could not be read.
    pub question: Option<&'a Question>,
    /// The request as received, for its action and resource, and for its subject if there is no
    /// chain.
    pub request: &'a Request,
    /// The inputs that policies read, by leg and path (`legs[1].principal.email`,
    /// `legs[0].context.arguments.amount`), as Cedar writes values. Values of attributes marked
    /// `@secret` are not among them.
    pub inputs: &'a [(String, String)],
    /// The ids of the determining policies, per leg in chain order.
    pub policies: &'a [String],
    /// The answer.
    pub answer: &'a Answer,
}

/// What happens to a record if the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The record is lost and counted; the decision stands.
    #[default]
    Drop,
    /// The decision is refused.
    Deny,
}

impl FromStr for WhenFull {
    type Err = RecordSettingError;

    fn from_str(word: &str) -> Result<Self, RecordSettingError> {
        match word {
            "drop" => Ok(Self::Drop),
            "deny" => Ok(Self::Deny),
            _ => Err(RecordSettingError::WhenFull(word.to_owned())),
        }
    }
}

/// Why a text is no setting of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordSettingError {
    /// The text names no sink.
    #[error("the value is empty; write a file's path, or `-` for standard output")]
    NoSink,
    /// The word does not say what happens if the queue is full.
    #[error("`{0}` is not one of `drop` and `deny`")]
    WhenFull(String),
}

/// The bounds of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Maximum number of waiting records.
    pub records: usize,
    /// Maximum number of bytes of all waiting records: one record can contain a request's whole
    /// context.
    pub bytes: usize,
    /// What happens to a record that exceeds a bound.
    pub when_full: WhenFull,
}

impl Default for QueueSettings {
    /// Returns bounds for some seconds of a busy service's records, in memory that a small
    /// container has.
    fn default() -> Self {
        Self {
            records: 16_384,
            bytes: 64 << 20,
            when_full: WhenFull::Drop,
        }
    }
}

/// Accepts records. It is cheap to clone. Unless it is started with a sink, it only shows records
/// to those who watch.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    queue: Option<Arc<Queue>>,
    feed: Arc<DecisionFeed>,
}

/// The error that the queue is full and the setting is to deny then.
#[derive(Debug)]
pub struct QueueFull;

impl Recorder {
    /// Opens the sink and starts the writer. The [`RecordWriter`] must be closed before the process
    /// ends.
    ///
    /// Returns `Err` if the sink cannot be opened: a service that is configured to record does not
    /// start without its sink.
    pub fn start(
        sink: Sink,
        settings: QueueSettings,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, RecordWriter)> {
        let (queue, writer) = writer::start(sink, settings, metrics)?;
        let recorder = Self {
            queue: Some(queue),
            feed: Arc::default(),
        };
        Ok((recorder, writer))
    }

    /// Whether records are written or watched; if not, callers need not collect an entry.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some() || self.feed.is_watched()
    }

    /// Records one decision, which took this long, and shows it to those who watch. A decision that
    /// is refused, since its record has no room in the queue, is not shown.
    pub fn record(&self, entry: &DecisionRecord<'_>, took: Duration) -> Result<(), QueueFull> {
        let is_watched = self.feed.is_watched();
        match &self.queue {
            None if !is_watched => {}
            None => self.feed.offer(entry, &line::write(entry), took),
            Some(queue) => {
                let line = line::write(entry);
                let shown = is_watched.then(|| line.clone());
                queue.push(line)?;
                if let Some(line) = shown {
                    self.feed.offer(entry, &line, took);
                }
            }
        }
        Ok(())
    }

    /// Begins a watch over decisions. `metrics` is where they are counted.
    #[must_use]
    pub fn watch(&self, filter: DecisionFilter, metrics: &Arc<Metrics>) -> DecisionWatch {
        self.feed.watch(filter, Arc::clone(metrics))
    }
}
