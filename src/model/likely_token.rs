//! Recognises texts that are likely to be credentials where an id is expected.
//!
//! A caller who mistakes the form of a request puts a token where an id belongs: `{"type":
//! "Credential", "id": "<token>"}`. Such a request is denied, but the denial is shown and recorded,
//! which would reveal the token to everyone who reads records.
//!
//! INVARIANT: an id is hidden in a question only under a type that the schema does not declare, or
//! if the question is denied for it. Nothing is permitted for such a type, so no decision depends
//! on the id.

use super::shown::HIDDEN;
use super::{CredentialKind, EntityRef, MAX_NAME_BYTES, alike};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use smol_str::SmolStr;

/// Types by which callers mean credentials, in any spelling, besides the kinds of credentials.
const WORDS: [&str; 18] = [
    "credential",
    "credentials",
    "credential_value",
    "token",
    "refresh_token",
    "oauth_token",
    "authorization",
    "jwt",
    "bearer",
    "bearer_token",
    "api_key",
    "secret",
    "tokens",
    "access_tokens",
    "session_token",
    "password",
    "client_secret",
    "private_key",
];

/// The schemes of HTTP that a token stands behind, in lower case. They are words of their own.
const SCHEMES: [&str; 4] = ["bearer", "dpop", "basic", "token"];

/// The ends of the names of parameters that a token stands behind, in lower case.
const PARAMETERS: [&str; 5] = ["token", "secret", "password", "assertion", "api_key"];

/// LIMIT: a shorter text is not a token that any service would accept.
const LEAST_BYTES: usize = 16;

/// LIMIT: the header of a JWT has at least an algorithm.
const LEAST_HEADER_BYTES: usize = 12;

/// Hides the id and the type if they are likely to be tokens and the type is not declared, as
/// `is_declared` says.
///
/// Nearly every entity ends at one of the first two questions: looking for a token's marks first
/// took 600 instructions of an evaluation's 85,000.
pub(super) fn hide(uid: &mut EntityRef, is_declared: impl FnOnce(&SmolStr) -> bool) {
    let is_short = uid.kind.len() < LEAST_BYTES && uid.id.len() < LEAST_BYTES;
    if is_short || is_declared(&uid.kind) {
        return;
    }
    let is_odd = holds_token(&uid.kind);
    if is_odd || is_likely(uid) {
        uid.id = SmolStr::new_static(HIDDEN);
        if is_odd {
            uid.kind = SmolStr::new_static(HIDDEN);
        }
    }
}

/// Hides an id that is a token though its type is declared; returns `true` if it is one. Nobody is
/// called so, and a caller who names somebody by a token mistook a carrier.
pub(super) fn hide_declared(
    uid: &mut EntityRef,
    is_declared: impl FnOnce(&SmolStr) -> bool,
) -> bool {
    let is_token = is_no_id(&uid.id) && is_declared(&uid.kind);
    if is_token {
        uid.id = SmolStr::new_static(HIDDEN);
    }
    is_token
}

/// Returns `true` if an id is a token. Nearly every id ends after a look at its bytes. Of those
/// with a dot, most are names of hosts and mail addresses, and only a JWT is looked for.
fn is_no_id(id: &str) -> bool {
    if id.len() < LEAST_BYTES {
        return false;
    }
    let (has_dot, has_mark) = id.bytes().fold((false, false), |(dot, mark), byte| {
        let is_mark = matches!(byte, b' ' | b'%' | b'=');
        (dot || byte == b'.', mark || is_mark)
    });
    if has_mark {
        return holds_token(id);
    }
    has_dot && id.split(|c| !is_of_a_token(c)).any(begins_as_jwt)
}

/// Hides the name of an action that nobody declares if it is likely to be a token.
pub(super) fn hide_name(name: &mut SmolStr, is_declared: impl FnOnce(&SmolStr) -> bool) {
    if holds_token(name) && !is_declared(name) {
        *name = SmolStr::new_static(HIDDEN);
    }
}

/// Returns the entity with its id hidden if that is likely to be a token.
pub(super) fn hidden(mut uid: EntityRef) -> EntityRef {
    hide(&mut uid, |_| false);
    uid
}

fn is_likely(uid: &EntityRef) -> bool {
    uid.id.len() > MAX_NAME_BYTES
        || holds_token(&uid.id)
        || (uid.id.len() >= LEAST_BYTES && is_word(&uid.kind))
}

fn is_word(kind: &str) -> bool {
    let kinds = CredentialKind::ALL.map(CredentialKind::as_str);
    WORDS.into_iter().chain(kinds).any(|word| alike(word, kind))
}

/// Returns `true` if the text holds a JWT or the beginning of one, a key in PEM form, or what
/// stands behind a scheme of HTTP or a parameter for tokens. Any part may be written as in a URL.
pub(crate) fn holds_token(text: &str) -> bool {
    if text.len() < LEAST_BYTES {
        return false;
    }
    if text.as_bytes().contains(&b'%') {
        return has_token(&decoded(text));
    }
    has_token(text)
}

fn has_token(text: &str) -> bool {
    // Most names have none of these bytes, and this is asked of each name in a question.
    let has = |byte| text.as_bytes().contains(&byte);
    let is_jwt = has(b'.') && text.split(|c| !is_of_a_token(c)).any(begins_as_jwt);
    is_jwt || (has(b' ') && text.contains("-----BEGIN ")) || stands_behind_mark(text)
}

/// Returns a text with the characters that matter here as they are, where they are escaped as in a
/// URL.
fn decoded(text: &str) -> String {
    const ESCAPES: [(&str, &str); 10] = [
        ("%2E", "."),
        ("%2e", "."),
        ("%20", " "),
        ("%09", " "),
        ("%3D", "="),
        ("%3d", "="),
        ("%3A", ":"),
        ("%3a", ":"),
        ("%2B", "+"),
        ("%2b", "+"),
    ];
    let escapes = ESCAPES.iter();
    escapes.fold(text.to_owned(), |text, (escape, meant)| {
        text.replace(escape, meant)
    })
}

fn is_of_a_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Returns `true` if a part of the text, up to a dot, encodes the beginning of an object in JSON
/// (RFC 7515 section 7.1, RFC 7516 section 7.1).
fn begins_as_jwt(text: &str) -> bool {
    let mut parts = text.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_some() && is_header(part) {
            return true;
        }
    }
    false
}

fn is_header(part: &str) -> bool {
    part.len() >= LEAST_HEADER_BYTES
        && matches!(part.as_bytes(), [b'e', b'w'..=b'z', ..])
        && BASE64_URL_SAFE_NO_PAD
            .decode(part)
            .is_ok_and(|header| header.starts_with(b"{") && header.contains(&b'"'))
}

/// Returns `true` if a text as long as a token stands behind a scheme or a parameter, in any case
/// of letters.
fn stands_behind_mark(text: &str) -> bool {
    let bytes = text.as_bytes().iter().enumerate();
    let marks = bytes.filter(|(_, byte)| matches!(byte, b' ' | b'\t' | b'+' | b':' | b'='));
    marks.map(|(at, _)| at).any(|at| {
        let (before, behind) = (text.get(..at), text.get(at + 1..));
        before.zip(behind).is_some_and(|(before, behind)| {
            let is_parameter = behind_is_value(text, at)
                && PARAMETERS
                    .iter()
                    .any(|mark| ends_with(before, mark).is_some());
            let is_scheme = || {
                let ends = |scheme: &str| ends_with(before, scheme).is_some_and(is_ended);
                SCHEMES.iter().any(|scheme| ends(scheme))
            };
            (is_parameter || is_scheme()) && is_as_long_as_a_token(behind)
        })
    })
}

/// Returns `true` if the mark at this place stands between a parameter and its value.
fn behind_is_value(text: &str, at: usize) -> bool {
    matches!(text.as_bytes().get(at), Some(b'=' | b':'))
}

/// Returns what is before a word at the end of a text.
fn ends_with<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (before, end) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    end.eq_ignore_ascii_case(word).then_some(before)
}

/// Returns `true` if a word may begin behind a text.
fn is_ended(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric())
}

fn is_as_long_as_a_token(text: &str) -> bool {
    let text = text.trim_start().bytes();
    text.take_while(|byte| !byte.is_ascii_whitespace()).count() >= LEAST_BYTES
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
            format!("\"{JWT}\""),
            format!("DPoP {JWT}"),
            format!("access_token={JWT}"),
            "Bearer 2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "dpop 2YotnFZFEjr1zCsicMWpAA".to_owned(),
            JWT.replacen('.', ".\n", 1),
            JWT.replacen('.', ". ", 2),
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9".to_owned(),
            JWT.replace("eyJ", "ewo"),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
            JWT.replace('.', "%2E"),
            JWT.replace('.', "%2e"),
            "Bearer:2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "Bearer\t2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "Bearer%202YotnFZFEjr1zCsicMWpAA".to_owned(),
            "Bearer+2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "Authorization: Bearer 2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "Token 2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "refresh_token=2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "client_secret=2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "client_secret%3D2YotnFZFEjr1zCsicMWpAA".to_owned(),
            "https://app.example/cb?token=2YotnFZFEjr1zCsicMWpAA".to_owned(),
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
            "access_tokens",
            "SessionToken",
            "password",
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
    fn a_type_and_the_name_of_an_action_that_are_tokens_are_hidden() {
        let mut uid = EntityRef::new(JWT, "d1");
        hide(&mut uid, |_| false);
        assert_eq!((uid.kind.as_str(), uid.id.as_str()), (HIDDEN, HIDDEN));
        for (name, is_declared, shown) in [
            (JWT, false, HIDDEN),
            ("Bearer 2YotnFZFEjr1zCsicMWpAA", false, HIDDEN),
            (JWT, true, JWT),
            ("tickets/read", false, "tickets/read"),
        ] {
            let mut action = SmolStr::new(name);
            hide_name(&mut action, |_| is_declared);
            assert_eq!(action, shown);
        }
    }

    #[test]
    fn a_token_is_no_id_under_a_declared_type() {
        let bearer = format!("Bearer {JWT}");
        let escaped = JWT.replace('.', "%2E");
        for (id, is_hidden) in [
            (JWT, true),
            (&bearer, true),
            (&escaped, true),
            ("access_token=2YotnFZFEjr1zCsicMWpAA", true),
            ("alice", false),
            ("alice.of.the.long.name@example.com", false),
            ("spiffe://example.org/ns/agents/sa/copilot", false),
            ("5f2f1c0a-7b6e-4d3c-9a1b-0c2d3e4f5a6b", false),
            ("2YotnFZFEjr1zCsicMWpAA", false),
        ] {
            let mut uid = EntityRef::new("user", id);
            assert!(!hide_declared(&mut uid, |_| false), "{id}");
            assert_eq!(hide_declared(&mut uid, |_| true), is_hidden, "{id}");
            assert_eq!(uid.id, if is_hidden { HIDDEN } else { id });
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
            "eyebrow-and-more.of-a.name",
            "the bearer of news",
            "basic access",
            "token:1",
            "user:alice-in-wonderland",
            "forbearer of the-long-name-of-news",
            "tokens of-a-game-that-all-play",
            "100%-of-all-that-there-is",
        ] {
            assert_eq!(shown("usr", id, false), id);
        }
    }
}
