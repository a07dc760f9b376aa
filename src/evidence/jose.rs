//! Parses a compact JWS (RFC 7515 section 7.1) and checks its signature.
//!
//! INVARIANT: the algorithm is one that the caller lists, and fits the kind of the key: a token can
//! choose among what is allowed, and cannot allow anything. Keys that a header contains (`jwk`,
//! `x5c`) or points to (`jku`, `x5u`) are never used here; a header with `crit` is refused, since
//! no extension is supported.

use super::json;
use crate::json::JsonError;
use crate::model::{CredentialError, Record, Value};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use smol_str::SmolStr;

/// LIMIT: bytes of a token. One with many groups has some kilobytes; HTTP servers accept headers of
/// 8 to 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// LIMIT: bytes of a token's header. A `kid` and a public key take less than one kilobyte.
const MAX_HEADER_BYTES: usize = 4 * 1024;

/// Members of a header that must be texts if they are present (RFC 7515 section 4.1).
const TEXTS: [&str; 3] = ["alg", "kid", "typ"];

/// Algorithms for key pairs, by their names (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864).
/// HMAC is not among them: whoever can verify such a token can also make one.
const ASYMMETRIC: [(&str, Algorithm); 10] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
    // The same algorithm with its curve in the name (RFC 9864 section 2.2); no other curve of EdDSA
    // is supported.
    ("Ed25519", Algorithm::EdDSA),
];

/// Returns every algorithm for key pairs.
pub(super) fn all_asymmetric() -> Vec<Algorithm> {
    ASYMMETRIC.map(|(_, algorithm)| algorithm).to_vec()
}

/// Returns the algorithm for key pairs with this name.
#[must_use]
pub fn asymmetric(name: &str) -> Option<Algorithm> {
    ASYMMETRIC
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, algorithm)| algorithm)
}

/// A token whose parts have been parsed and whose signature has not been checked.
pub(super) struct UnverifiedToken<'a> {
    pub(super) header: Record,
    pub(super) claims: Record,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> UnverifiedToken<'a> {
    /// Parses a token.
    pub(super) fn read(token: &'a str) -> Result<Self, CredentialError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(CredentialError::invalid(format!(
                "the token is larger than {MAX_TOKEN_BYTES} bytes"
            )));
        }
        let malformed = || CredentialError::invalid("the token is no JWT of three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        if payload.contains('.') {
            return Err(malformed());
        }
        if header.len() > MAX_HEADER_BYTES {
            return Err(CredentialError::invalid(format!(
                "the token's header is larger than {MAX_HEADER_BYTES} bytes"
            )));
        }
        let part = |text: &str| match BASE64_URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) => json::read_object(&bytes).map_err(|unread| match unread {
                JsonError::Twice { name, .. } => duplicate_member(&name),
                JsonError::Syntax { .. }
                | JsonError::TooDeep(_)
                | JsonError::TooHeavy
                | JsonError::NoObject(_) => malformed(),
            }),
            Err(_) => Err(malformed()),
        };
        let header = part(header)?;
        if header.get("crit").is_some() {
            return Err(CredentialError::misfit(
                "the token's header has `crit`, and no extension is understood",
            ));
        }
        // A `kid` of another type does not count as absent: without a `kid`, the only key may be
        // meant.
        if TEXTS.iter().any(|name| {
            header
                .get(name)
                .is_some_and(|value| value.as_text().is_none())
        }) {
            return Err(CredentialError::invalid(
                "the token's header is not of its form",
            ));
        }
        let claims = part(payload)?;
        Ok(Self {
            header,
            claims,
            signed,
            signature,
        })
    }

    /// Returns `true` if some reader would take a text for a JWT, whether or not it is accepted
    /// here: its contents must not be overlooked. The contents of an encrypted token (RFC 7516
    /// section 7.1) cannot be read anyway.
    pub(super) fn is_meant(token: &str) -> bool {
        let Some((header, rest)) = token.split_once('.') else {
            return false;
        };
        begins_an_object(header) && !(rest.split('.').count() == 4 && is_of_encrypted(header))
    }

    /// Returns the algorithm if it is one of these.
    pub(super) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, CredentialError> {
        let name = self.header_text("alg").unwrap_or_default();
        let named = if name == "HS256" {
            Some(Algorithm::HS256)
        } else {
            asymmetric(name)
        };
        named
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or_else(|| {
                CredentialError::misfit("the token's algorithm is not one that its issuer may use")
            })
    }

    /// Returns the type as [`media_type`] writes it, or `None` if the header has none.
    pub(super) fn media_type(&self) -> Option<String> {
        self.header_text("typ").map(media_type)
    }

    /// Returns a member of the header if it is a text.
    pub(super) fn header_text(&self, name: &str) -> Option<&str> {
        self.header
            .get(name)
            .and_then(Value::as_text)
            .map(SmolStr::as_str)
    }

    /// Returns `true` if the key signed the token with the algorithm.
    pub(super) fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        // An error means that the signature or the key is malformed.
        jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm)
            .unwrap_or(false)
    }
}

/// Returns `true` if a base64 text encodes the beginning of a JSON object, decoded as leniently as
/// by any reader: in either alphabet, with padding, and ignoring characters of neither alphabet.
fn begins_an_object(header: &str) -> bool {
    let mut digits: Vec<u8> = header
        .bytes()
        .filter_map(|byte| match byte {
            b'+' => Some(b'-'),
            b'/' => Some(b'_'),
            b'-' | b'_' => Some(byte),
            _ => byte.is_ascii_alphanumeric().then_some(byte),
        })
        .collect();
    // An incomplete group of digits encodes the end of an object and not its beginning.
    digits.truncate(digits.len() / 4 * 4);
    let text = BASE64_URL_SAFE_NO_PAD.decode(digits).unwrap_or_default();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let inner = text
        .trim_ascii_start()
        .strip_prefix(b"{")
        .map(<[u8]>::trim_ascii_start);
    inner.is_some_and(|inner| matches!(inner.first(), None | Some(b'"' | b'}')))
}

/// Returns `true` for the header of an encrypted token.
fn is_of_encrypted(header: &str) -> bool {
    let header = BASE64_URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|header| json::read(&header));
    header.is_some_and(|header| {
        header
            .get_present("enc")
            .is_some_and(|enc| enc.as_text().is_some())
    })
}

/// Refuses a name that occurs twice. The name is shown only if it looks like a claim's, since it
/// could be any part of the token.
fn duplicate_member(name: &str) -> CredentialError {
    let is_plain = name.len() <= 32
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let which = if is_plain {
        format!(" `{name}`")
    } else {
        String::new()
    };
    CredentialError::invalid(format!(
        "the token has a member{which} twice: two readers could see two tokens in it"
    ))
}

/// Returns a type in lower case, without the prefix `application/`, which is optional (RFC 7515
/// section 4.1.9).
pub(super) fn media_type(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower
        .strip_prefix("application/")
        .map(str::to_owned)
        .unwrap_or(lower)
}
