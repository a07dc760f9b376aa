//! Reads objects from JSON text and keeps the digits of numbers as written.

use super::MAX_ENTRY_BYTES;
use super::error::EntryError;
use crate::json::{JsonError, read_object as read_json};
use crate::model::Record;

/// Maximum nesting of an entry: enough for the deepest context that a tuple may have (64 levels)
/// and the tuple around it.
pub(super) const MAX_DEPTH: usize = 80;

/// Reads one object.
pub(super) fn read_object(bytes: &[u8]) -> Result<Record, EntryError> {
    if bytes.len() > MAX_ENTRY_BYTES {
        return Err(EntryError::TooLarge);
    }
    read_json(bytes, MAX_DEPTH).map_err(|error| {
        EntryError::Json(match error {
            // The caller reports the line.
            JsonError::Syntax {
                problem, column, ..
            } => format!("it is not valid JSON: {problem} (column {column})"),
            JsonError::Twice { .. }
            | JsonError::TooDeep(_)
            | JsonError::TooHeavy
            | JsonError::NoObject(_) => error.about("it"),
        })
    })
}
