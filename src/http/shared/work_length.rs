//! Tells whether a request has to wait for its turn at a worker.

/// The expected cost of a request for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum WorkLength {
    /// A few microseconds: it is done at once.
    Short,
    /// More than that: it has to wait for its turn at the worker.
    Long,
}

/// The largest body that is read without a turn: reading a larger one takes as long as hundreds of
/// small ones.
const SMALL_BYTES: usize = 32 << 10;

impl WorkLength {
    /// Returns the expected cost of reading and answering one question.
    pub(in crate::http) fn of(body: &[u8]) -> Self {
        if body.len() > SMALL_BYTES {
            Self::Long
        } else {
            Self::Short
        }
    }
}
