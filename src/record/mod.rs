//! The decision record: what was asked and answered, as JSON lines.
//!
//! **Problem.** Who was let in, and on whose authority, must be answerable long after the fact; yet
//! a slow disk must not slow decisions, and a full one must not go unnoticed.
//! **Decision.** A record is one line of JSON (`line`), put into a queue with two bounds, records
//! and bytes; one thread (`writer`) writes it to the sink. A full queue either loses the record and
//! counts it, or refuses the decision: that is the operator's setting ([`WhenFull`]). The writer
//! never discards a line: while the sink fails it tries again, so the queue fills, and the setting
//! decides here too.
//! **Trade-off.** Lines are handed to the operating system in batches and not forced to the disk
//! one by one: a crash of the machine can lose the last ones, a crash of the process those in the
//! queue.
//!
//! INVARIANT: every record is written, counted as lost, or its decision refused.

mod line;
mod sink;
mod writer;

pub use sink::Sink;
pub use writer::Writer;

use crate::model::{Answer, Question, Request, Timestamp};
use crate::telemetry::Metrics;
use std::io;
use std::sync::Arc;
use writer::Queue;

/// What one record is made of.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// When it was decided.
    pub at: Timestamp,
    /// Who asked: a configured caller's name, or `anonymous`.
    pub caller: &'a str,
    /// The caller's `X-Request-ID`.
    pub request_id: Option<&'a str>,
    /// What was asked; none where the chain could not be read.
    pub question: Option<&'a Question>,
    /// The request as it came: for its action and resource, and its subject where there is no
    /// chain.
    pub request: &'a Request,
    /// The inputs that policies read, by leg and path (`legs[1].principal.email`,
    /// `legs[0].context.arguments.amount`), as Cedar writes values. Values of attributes marked
    /// `@secret` are not among them.
    pub inputs: &'a [(String, String)],
    /// The ids of the determining policies, per leg in chain order.
    pub policies: &'a [String],
    /// What was answered.
    pub answer: &'a Answer,
}

/// What happens to a record that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is lost and counted; the decision stands.
    #[default]
    Drop,
    /// The decision is refused.
    Deny,
}

/// How records are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How many records may wait.
    pub records: usize,
    /// How many bytes they may have together: one record can carry a request's whole context.
    pub bytes: usize,
    /// What happens to one more.
    pub when_full: WhenFull,
}

impl Default for QueueSettings {
    /// Some seconds of a busy service's records, in memory that a small container has.
    fn default() -> Self {
        Self {
            records: 16_384,
            bytes: 64 << 20,
            when_full: WhenFull::Drop,
        }
    }
}

/// Takes records. Cheap to clone; off until it is given a sink.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    queue: Option<Arc<Queue>>,
}

/// The queue is full and the setting says to deny then.
#[derive(Debug)]
pub struct QueueFull;

impl Recorder {
    /// Opens the sink and starts its writer. The [`Writer`] is to be closed before the process
    /// ends.
    ///
    /// `Err` where the sink cannot be opened: a service that is told to record does not start
    /// without.
    pub fn start(
        sink: Sink,
        settings: QueueSettings,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, Writer)> {
        let (queue, writer) = writer::start(sink, settings, metrics)?;
        Ok((Self { queue: Some(queue) }, writer))
    }

    /// Whether anything is recorded; where not, callers need not collect an entry.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Takes one record.
    pub fn record(&self, entry: &Entry<'_>) -> Result<(), QueueFull> {
        match &self.queue {
            None => Ok(()),
            Some(queue) => queue.push(line::write(entry)),
        }
    }
}
