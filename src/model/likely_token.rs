//! Recognises texts that are likely to be credentials where an id is expected.
//!
//! A caller who mistakes the form of a request puts a token where an id belongs: `{"type":
//! "Credential", "id": "<token>"}`. Such a request is denied, but the denial is shown and recorded,
//! which would reveal the token to everyone who reads records.
//!
//! INVARIANT: an id is hidden in a question only under a type that the schema does not declare.
//! Nothing is permitted for such a type, so no decision depends on the id.

use super::{EntityRef, MAX_NAME_BYTES, alike};
use smol_str::SmolStr;

/// The text that is shown instead of a hidden id.
const HIDDEN: &str = "(hidden)";

/// Types by which callers mean credentials, in any spelling.
const WORDS: [&str; 12] = [
    "credential",
    "credentials",
    "token",
    "access_token",
    "id_token",
    "refresh_token",
    "jwt",
    "jwt_svid",
    "x509_svid",
    "bearer",
    "bearer_token",
    "api_key",
];

/// LIMIT: a shorter text is not a token that any service would accept.
const LEAST_BYTES: usize = 16;

/// Hides the id if it is likely to be a token and its type is not declared, as `is_declared` says.
pub(super) fn hide(uid: &mut EntityRef, is_declared: impl FnOnce(&SmolStr) -> bool) {
    if is_likely(uid) && !is_declared(&uid.kind) {
        uid.id = SmolStr::new_static(HIDDEN);
    }
}

/// Returns the entity with its id hidden if that is likely to be a token.
pub(super) fn hidden(mut uid: EntityRef) -> EntityRef {
    hide(&mut uid, |_| false);
    uid
}

fn is_likely(uid: &EntityRef) -> bool {
    uid.id.len() >= LEAST_BYTES
        && (is_token(&uid.id) || WORDS.iter().any(|word| alike(word, &uid.kind)))
}

/// Returns `true` for a JWT, with or without its scheme, for text in PEM form, and for text that is
/// longer than an id may be.
fn is_token(text: &str) -> bool {
    const BEARER: &str = "bearer ";
    let text = text.trim_start();
    let token = match text.split_at_checked(BEARER.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(BEARER) => rest.trim_start(),
        _ => text,
    };
    text.len() > MAX_NAME_BYTES || text.starts_with("-----BEGIN ") || is_jwt(token)
}

/// Returns `true` for three or five parts in base64url of which the first encodes an object (RFC
/// 7515 section 7.1, RFC 7516 section 7.1).
fn is_jwt(text: &str) -> bool {
    let [b'e', b'w'..=b'z', ..] = text.as_bytes() else {
        return false;
    };
    let parts = text.split('.').count();
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
    (parts == 3 || parts == 5) && text.trim_end().bytes().all(|byte| is_part(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

    fn shown(kind: &str, id: &str, is_declared: bool) -> String {
        let mut uid = EntityRef::new(kind, id);
        hide(&mut uid, |_| is_declared);
        uid.id.to_string()
    }

    #[test]
    fn what_is_likely_a_token_is_hidden_where_its_type_is_not_declared() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        let texts = [
            JWT.to_owned(),
            format!("Bearer {JWT}"),
            format!(" {JWT}\n"),
            format!("{JWT}.a.b"),
            JWT.replace("eyJ", "ewo"),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
            long,
        ];
        for text in &texts {
            assert_eq!(shown("anything", text, false), HIDDEN, "{text}");
            assert_eq!(shown("user", text, true), *text);
            assert_eq!(hidden(EntityRef::new("user", text.as_str())).id, HIDDEN);
        }
    }

    #[test]
    fn what_stands_under_a_word_for_credentials_is_hidden_however_it_is_spelled() {
        for kind in [
            "credential",
            "Credential",
            "credentials",
            "access_token",
            "AccessToken",
            "ID-Token",
            "JWT",
            "Bearer",
        ] {
            assert_eq!(
                shown(kind, "2YotnFZFEjr1zCsicMWpAA", false),
                HIDDEN,
                "{kind}"
            );
            assert_eq!(shown(kind, "0", false), "0", "{kind}");
            assert_eq!(
                shown(kind, "2YotnFZFEjr1zCsicMWpAA", true),
                "2YotnFZFEjr1zCsicMWpAA",
                "{kind}"
            );
        }
    }

    #[test]
    fn names_are_shown() {
        for id in [
            "",
            "alice",
            "e.x.y",
            "5f2f1c0a-7b6e-4d3c-9a1b-0c2d3e4f5a6b",
            "eyes.of.a.name with spaces",
            "auth0|abc.d.e",
        ] {
            assert_eq!(shown("usr", id, false), id);
        }
    }
}
