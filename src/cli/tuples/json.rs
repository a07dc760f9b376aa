//! Objects from JSON text, with the digits of their numbers.

use super::MAX_ENTRY_BYTES;
use crate::http;
use crate::model::Record;

/// Deepest nesting of an entry: of the deepest context that a model allows, with its tuple around
/// it.
pub(super) const MAX_DEPTH: usize = 80;

/// Reads an object.
pub(super) fn read_object(bytes: &[u8]) -> Result<Record, String> {
    if bytes.len() > MAX_ENTRY_BYTES {
        return Err(format!("it has more than {MAX_ENTRY_BYTES} bytes"));
    }
    http::read_object(bytes, MAX_DEPTH).map_err(|error| {
        let message = error.to_string();
        // The reader speaks of bodies; the line is told apart.
        let message = message
            .strip_prefix("the body ")
            .map(|rest| format!("it {rest}"))
            .unwrap_or(message);
        message.replace(" (line 1, ", " (")
    })
}
