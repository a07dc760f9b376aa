//! Ends a page before the answer would be larger than the service sends.
//!
//! INVARIANT: a page holds at least one entry where there is one, or is refused, so that whoever
//! follows `next` comes to an end.

use crate::http::Error;
use crate::model::Fault;
use serde::Serialize;
use serde_json::value::RawValue;

/// Bytes that are left to the members of a page beside its entries, and to the commas between them.
const MARGIN: usize = 1_024;

/// The entries of a page that fit into an answer.
pub(super) struct FittingEntries {
    /// The entries, as JSON.
    pub(super) entries: Vec<Box<RawValue>>,
    /// The place of the entry with which the next page begins; `None` at the end.
    pub(super) next: Option<usize>,
}

impl FittingEntries {
    /// Takes the first of the entries that fit into an answer of `limit` bytes. They begin at
    /// `from` among `total`.
    pub(super) fn of<T: Serialize>(
        entries: impl IntoIterator<Item = Result<T, Error>>,
        (from, total): (usize, usize),
        limit: usize,
    ) -> Result<Self, Error> {
        let mut left = limit.saturating_sub(MARGIN);
        let mut fitting = Vec::new();
        for entry in entries {
            let json = serde_json::value::to_raw_value(&entry?).map_err(|error| {
                Error::Fault(Fault::Internal(format!("an entry is not JSON: {error}")))
            })?;
            // One for the comma.
            let bytes = json.get().len() + 1;
            if bytes > left {
                if fitting.is_empty() {
                    return Err(Error::AnswerTooLarge(limit));
                }
                break;
            }
            left -= bytes;
            fitting.push(json);
        }
        let end = from.saturating_add(fitting.len());
        Ok(Self {
            entries: fitting,
            next: (end < total).then_some(end),
        })
    }
}
