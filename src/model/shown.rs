//! How much of a value a message shows: the only place that decides it.
//!
//! INVARIANT: a message is as long as its own words and a bounded part of what was sent. A batch repeats a default in
//! the reason of each of its items: a thousand times whatever one message shows.

use std::borrow::Cow;

/// LIMIT: characters of one value in a message: enough to recognise it by.
const SHOWN_CHARS: usize = 80;

/// Returns a value as messages show it: its beginning, with an ellipsis where more followed.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN_CHARS {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(SHOWN_CHARS) {
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
    }
}
