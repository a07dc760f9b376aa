//! Decides how much of a value a message shows; no other module does.
//!
//! INVARIANT: a message consists of its own words and a bounded part of the values sent. In a
//! batch, a default value may be repeated in the reason of each of a thousand items.

use std::borrow::Cow;

/// LIMIT: characters of one value in a message: enough to recognise it.
const SHOWN_CHARS: usize = 80;

/// LIMIT: bytes of the values in one decision record: as many as any sensible decision reads. A
/// batch of a thousand such records fills the queue, but not the memory.
pub const RECORD_INPUT_BYTES: usize = 64 << 10;

/// LIMIT: characters of a request's id in records and logs: several times what tracing needs. The
/// answer repeats the id in full.
const REQUEST_ID_CHARS: usize = 256;

/// LIMIT: characters of a whole message: the first hundred of a model's thousands of problems are
/// enough to begin with.
const MESSAGE_CHARS: usize = 16_384;

/// Returns a value as messages show it: its beginning, with an ellipsis if it was cut.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN_CHARS)
}

/// Returns a request's id as records and logs show it.
#[must_use]
pub fn shown_request_id(text: &str) -> Cow<'_, str> {
    cut(text, REQUEST_ID_CHARS)
}

/// Shortens a message that is composed of many parts, each of which is bounded or was written by
/// the author of a model.
#[must_use]
pub fn shown_message(text: &str) -> Cow<'_, str> {
    cut(text, MESSAGE_CHARS)
}

fn cut(text: &str, chars: usize) -> Cow<'_, str> {
    if text.len() <= chars {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(chars) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_up_to_the_limit_and_no_further() {
        let limit = "é".repeat(SHOWN_CHARS);
        assert_eq!(shown(&limit), limit);
        assert_eq!(shown(&format!("{limit}x")), format!("{limit}…"));
        assert_eq!(shown(""), "");
        assert_eq!(
            shown_request_id(&"é".repeat(257)),
            format!("{}…", "é".repeat(256))
        );
        assert_eq!(shown_message(&"x".repeat(100_000)).chars().count(), 16_385);
    }
}
