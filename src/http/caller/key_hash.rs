//! The hashes of callers' keys, which stand in settings in place of the keys.

use crate::model::read_sha256;
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;

/// The SHA-256 of a caller's key. Keys are random and long, so a plain hash is enough to store one.
/// Two hashes are compared in constant time.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// The error for text that is not the hash of a key. It does not repeat the text, which may be the
/// key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is not 64 hexadecimal digits; make one with `printf %s \"$KEY\" | sha256sum`")]
pub struct KeyHashError;

impl KeyHash {
    /// Hashes a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(hash)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

/// Reads the digits, or the whole output of `sha256sum`, which has `-` for standard input after
/// them.
impl FromStr for KeyHash {
    type Err = KeyHashError;

    fn from_str(text: &str) -> Result<Self, KeyHashError> {
        read_sha256(text.strip_suffix("  -").unwrap_or(text))
            .map(Self)
            .ok_or(KeyHashError)
    }
}

/// Hides the hash: the hash of a weak key would reveal the key, and hashes show which keys are
/// equal.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_either_case_and_nothing_else_is() {
        let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        for text in [hex, &hex.to_uppercase(), &format!("{hex}  -")] {
            assert_eq!(text.parse(), Ok(KeyHash::of(b"secret")), "{text}");
        }
        for text in [
            "",
            "2b",
            "zz",
            &hex[1..],
            &format!("{hex}0"),
            &hex.replace('2', "g"),
            &hex.replace("2b", "+b"),
        ] {
            assert_eq!(text.parse::<KeyHash>(), Err(KeyHashError), "{text}");
        }
        assert_ne!(KeyHash::of(b"secret"), KeyHash::of(b"Secret"));
    }
}
