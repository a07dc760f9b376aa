//! The decision record: what was asked and answered, as JSON lines.

use crate::model::{Answer, Question, Timestamp};

/// What one record is made of.
#[derive(Debug)]
pub struct Entry<'a> {
    /// When it was decided.
    pub at: Timestamp,
    /// Who asked: a configured caller's name, or `anonymous`.
    pub caller: &'a str,
    /// The caller's `X-Request-ID`.
    pub request_id: Option<&'a str>,
    /// What was asked; none where the chain could not be read.
    pub question: Option<&'a Question>,
    /// The inputs that policies read, by path (`principal.email`, `context.arguments.amount`), as Cedar writes values.
    /// Values of attributes marked `@secret` are not among them.
    pub inputs: &'a [(String, String)],
    /// The ids of the determining policies, per leg in chain order.
    pub policies: &'a [String],
    /// What was answered.
    pub answer: &'a Answer,
}

/// Takes records. Cheap to clone; off until it is given a sink.
#[derive(Clone, Debug, Default)]
pub struct Recorder;

/// The queue is full and the setting says to deny then.
#[derive(Debug)]
pub struct QueueFull;

impl Recorder {
    /// Whether anything is recorded; where not, callers need not collect an entry.
    #[must_use]
    pub fn is_on(&self) -> bool {
        false
    }

    /// Takes one record.
    pub fn record(&self, _entry: &Entry<'_>) -> Result<(), QueueFull> {
        Ok(())
    }
}
