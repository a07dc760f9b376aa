//! Writes and reads continuation tokens, which are opaque and bound to one question.
//!
//! A token holds a position and the question that it belongs to. It is not secret: a caller that
//! may read one page may read every page. A token of another question is refused, because its
//! position has no meaning here.

use crate::http::openfga::error::{ApiError, FgaCode};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Maximum length of a token in bytes: a position holds one tuple at most.
const MAX_TOKEN_BYTES: usize = 5_120;

/// The separator of the parts, which contain no control characters.
const PART: char = '\n';

/// Writes a token for a question.
pub(super) fn write(question: &str, place: &[&str]) -> String {
    let mut text = question.to_owned();
    for part in place {
        text.push(PART);
        text.push_str(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// Reads the position from a token of the same question; an empty token has none.
pub(super) fn read<const N: usize>(
    question: &str,
    token: &str,
) -> Result<Option<[String; N]>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let refuse = || {
        let told = "the `continuation_token` is not one that this call gave: begin without one";
        ApiError::new(FgaCode::InvalidToken, told)
    };
    if token.len() > MAX_TOKEN_BYTES {
        return Err(refuse());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| refuse())?;
    let text = String::from_utf8(bytes).map_err(|_| refuse())?;
    let mut parts = text.split(PART);
    if parts.next() != Some(question) {
        return Err(refuse());
    }
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    parts.try_into().map(Some).map_err(|_| refuse())
}

/// Parses a part of a position, or refuses the token.
pub(super) fn parse<T: std::str::FromStr>(part: &str) -> Result<T, ApiError> {
    let told = "the `continuation_token` is damaged: begin without one";
    part.parse()
        .map_err(|_| ApiError::new(FgaCode::InvalidToken, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_by_its_own_question_alone() {
        let token = write("stores", &["a", ""]);
        assert_eq!(
            read::<2>("stores", &token).unwrap(),
            Some(["a".to_owned(), String::new()])
        );
        assert_eq!(read::<2>("stores", "").unwrap(), None);
        for (question, token) in [
            ("read", token.as_str()),
            ("stores", "!"),
            ("stores", "c3RvcmVz"),
            ("", "AA"),
        ] {
            let refused = read::<2>(question, token).unwrap_err();
            assert_eq!(
                refused.code_name().0,
                "invalid_continuation_token",
                "{question} {token}"
            );
        }
        assert!(read::<1>("q", &write("q", &[&"x".repeat(3_000)])).is_ok());
        assert!(read::<1>("q", &write("q", &[&"x".repeat(4_000)])).is_err());
    }
}
