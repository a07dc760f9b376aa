//! Reads objects from JSON text and keeps the digits of numbers as written.

use super::MAX_ENTRY_BYTES;
use super::error::EntryError;
use crate::http;
use crate::model::Record;

/// Maximum nesting of an entry: enough for the deepest context that a tuple may have (64 levels)
/// and the tuple around it.
pub(super) const MAX_DEPTH: usize = 80;

/// Reads one object.
pub(super) fn read_object(bytes: &[u8]) -> Result<Record, EntryError> {
    if bytes.len() > MAX_ENTRY_BYTES {
        return Err(EntryError::TooLarge);
    }
    http::read_object(bytes, MAX_DEPTH).map_err(|error| {
        let message = error.to_string();
        // The reader's messages say `the body` and `line 1`; both are taken out, since the caller
        // reports the line.
        let message = message
            .strip_prefix("the body ")
            .map(|rest| format!("it {rest}"))
            .unwrap_or(message);
        EntryError::Json(message.replace(" (line 1, ", " ("))
    })
}
