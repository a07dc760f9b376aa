//! Decides how much of a value a message shows; no other module does.
//!
//! INVARIANT: a message consists of its own words and a bounded part of the values sent. In a
//! batch, a default value may be repeated in the reason of each of a thousand items.

use super::likely_token::holds_token;
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

/// The text that is shown instead of a value that is likely to be a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// LIMIT: bytes of a value that are looked through for a token. More than this is not shown, and a
/// longer header of a JWT has nothing secret in what is.
const LOOKED_THROUGH_BYTES: usize = 512;

/// LIMIT: edits that a misspelt word may be away from the word that was meant.
const MISSPELT_EDITS: usize = 3;

/// What ends the scheme of an address.
const SCHEME_END: &str = "://";

/// Returns a value as messages show it: its beginning, with an ellipsis if it was cut, and nothing
/// of a value that holds a token.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    let begin = text.get(..text.floor_char_boundary(LOOKED_THROUGH_BYTES));
    if begin.is_some_and(holds_token) {
        return Cow::Borrowed(HIDDEN);
    }
    cut(text, SHOWN_CHARS)
}

/// Returns a word of the settings as messages show it, in backticks, if it is likely to be a
/// misspelt one of these. Any other text may be a secret that stands at the wrong setting.
#[must_use]
pub fn shown_word(text: &str, known: &[&str]) -> String {
    let is_near = |word: &&str| {
        let edits = strsim::damerau_levenshtein(&text.to_ascii_lowercase(), word);
        edits <= MISSPELT_EDITS && 2 * edits <= word.len()
    };
    if text.len() <= SHOWN_CHARS && known.iter().any(is_near) {
        format!("`{text}`")
    } else {
        "what stands there (it is not shown: it could be a secret)".to_owned()
    }
}

/// Returns a message with each address in it as [`shown_url`] shows it.
#[must_use]
pub fn without_passwords(message: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = message;
    while let Some((before, address)) = rest.split_once(SCHEME_END) {
        let end = address
            .find(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\''))
            .unwrap_or(address.len());
        let (address, behind) = address.split_at(end);
        shown.push_str(before);
        shown.push_str(SCHEME_END);
        shown.push_str(&without_secrets(address));
        rest = behind;
    }
    if shown.is_empty() {
        return Cow::Borrowed(message);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Returns an address as messages and logs show it: without a user and a password, and without a
/// query, which may contain a key. A text that is not an address is not shown.
#[must_use]
pub fn shown_url(url: &str) -> String {
    match url.split_once(SCHEME_END) {
        Some((scheme, rest)) => format!("{scheme}{SCHEME_END}{}", without_secrets(rest)),
        None => HIDDEN.to_owned(),
    }
}

/// Returns what stands behind an address's scheme without what may be a secret. A password may hold
/// any character, so it ends at the last `@`, also if that stands in a path.
fn without_secrets(rest: &str) -> String {
    let (user, rest) = rest
        .rsplit_once('@')
        .map_or(("", rest), |(_, rest)| ("…@", rest));
    match rest.find(['?', '#']) {
        Some(end) => format!("{user}{}?…", rest.get(..end).unwrap_or_default()),
        None => format!("{user}{rest}"),
    }
}

/// Returns a request's id as records and logs show it: not one that holds a token, which a client
/// has put there by mistake.
#[must_use]
pub fn shown_request_id(text: &str) -> Cow<'_, str> {
    if holds_token(text) {
        return Cow::Borrowed(HIDDEN);
    }
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

    #[test]
    fn nothing_of_a_token_is_shown() {
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        for text in [
            token.to_owned(),
            format!("agent:{token}"),
            format!("Bearer {token}"),
        ] {
            assert_eq!(shown(&text), HIDDEN, "{text}");
        }
        assert_eq!(shown("agent:copilot"), "agent:copilot");
        let behind = format!("{}{token}", "x ".repeat(300));
        assert!(!shown(&behind).contains("c2lnbmF0dXJl"));
    }

    #[test]
    fn a_misspelt_word_is_shown_and_anything_else_is_not() {
        let known = ["decide", "relations.read"];
        for text in ["decid", "Decide", "relations.raed", "relation.read"] {
            assert_eq!(shown_word(text, &known), format!("`{text}`"));
        }
        for text in [
            "behest_S3CRETkey",
            "sekretpassword",
            "x",
            "",
            &"decide".repeat(40),
        ] {
            let shown = shown_word(text, &known);
            assert!(!shown.contains('`'), "{text}: {shown}");
        }
    }

    #[test]
    fn addresses_are_shown_without_their_users() {
        for (message, shown) in [
            (
                "`https://u:pw@pdp.example/x` has a user",
                "`https://…@pdp.example/x` has a user",
            ),
            ("postgres://u:p@w@h", "postgres://…@h"),
            ("ftp://a@b and ftp://c:d@e", "ftp://…@b and ftp://…@e"),
            ("`https://u:p/w@h/x` is none", "`https://…@h/x` is none"),
            (
                "https://pdp.example/x?key=s and",
                "https://pdp.example/x?… and",
            ),
            ("alice@example.com", "alice@example.com"),
            ("", ""),
        ] {
            assert_eq!(without_passwords(message), shown);
        }
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_a_secret() {
        for (url, expected) in [
            ("https://a.example/x", "https://a.example/x"),
            (
                "https://u:pw@a.example/x?api_key=s",
                "https://…@a.example/x?…",
            ),
            ("https://u:p/w?@a.example/x", "https://…@a.example/x"),
            ("https://u:p@w@a.example", "https://…@a.example"),
            ("https://a.example#s", "https://a.example?…"),
            ("s3cret", "(hidden)"),
        ] {
            assert_eq!(shown_url(url), expected);
        }
    }
}
