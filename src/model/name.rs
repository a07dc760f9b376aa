//! Types, ids and names as requests have them: one rule for subject, actors, resource and action.
//!
//! INVARIANT: an empty text and a text beyond the limit are not names. Both deny in every role: an
//! id that is accepted in one role and not in another would be two principals to two policies.

use std::fmt;

/// LIMIT: bytes of a type, an id or a name: those of the longest SPIFFE id. An id is repeated in
/// reasons, records and cache keys.
pub const MAX_NAME_BYTES: usize = 2048;

/// The reason why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFlaw {
    /// The text is empty.
    Empty,
    /// The text has more than [`MAX_NAME_BYTES`] bytes.
    TooLong,
}

impl fmt::Display for NameFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => write!(f, "is longer than {MAX_NAME_BYTES} bytes"),
        }
    }
}

/// Refuses a text that cannot be a type, an id or a name.
pub fn check_name(text: &str) -> Result<(), NameFlaw> {
    match text.len() {
        0 => Err(NameFlaw::Empty),
        1..=MAX_NAME_BYTES => Ok(()),
        _ => Err(NameFlaw::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_byte_to_the_limit() {
        assert_eq!(check_name(""), Err(NameFlaw::Empty));
        assert_eq!(check_name("a"), Ok(()));
        assert_eq!(check_name(&"a".repeat(MAX_NAME_BYTES)), Ok(()));
        let flaw = check_name(&"a".repeat(MAX_NAME_BYTES + 1));
        assert_eq!(
            flaw.map_err(|flaw| flaw.to_string()),
            Err("is longer than 2048 bytes".to_owned())
        );
    }
}
