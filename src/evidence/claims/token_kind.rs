//! Tells kinds of tokens apart by their claims.
//!
//! INVARIANT: a token that is made for something else than to be used with a service is nobody's
//! credential, however it was verified: a refresh token, an event, a token to be exchanged.

use crate::evidence::profile::{ClaimMark, Profile, Trust};
use crate::evidence::providers::GOOGLE_ACCOUNTS;
use crate::model::{CredentialError, CredentialKind, Record, Value, alike, shown};
use smol_str::SmolStr;

/// The claim of a security event (RFC 8417 section 2.2): a token with it reports a log-out or the
/// like, and nobody may use it as a credential, whatever its header says.
const OF_EVENTS: &str = "events";

/// Claims that say what a token is for: `token_type` (RFC 6750, RFC 9449 section 5), and
/// `token_use` of Amazon Cognito and Ory.
const USES: [&str; 2] = ["token_type", "token_use"];

/// Their words in access tokens. A refresh token, and a token that can only be exchanged (`N_A`,
/// RFC 8693 section 2.2.1), may be genuine and active as well.
const USABLE: [&str; 4] = ["bearer", "dpop", "access", "access_token"];

/// Refuses claims that do not belong to this kind of token: each kind is recognised by claims of
/// its own.
pub(super) fn check(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
) -> Result<(), CredentialError> {
    if claims.get_present(OF_EVENTS).is_some() {
        return Err(CredentialError::invalid(
            "the token tells of an event, and is nobody's",
        ));
    }
    let mut identifies = false;
    for mark in &profile.id_tokens {
        identifies |= mark.is_in(claims)?;
    }
    match (kind, identifies) {
        (CredentialKind::IdToken, _) if matches!(profile.trust, Trust::Secret(_)) => {
            Err(CredentialError::invalid(
                "an issuer with a shared secret has no ID tokens: \
                 send the token as an access token",
            ))
        }
        (CredentialKind::IdToken, true) => Ok(()),
        (CredentialKind::IdToken, false) => Err(CredentialError::invalid(
            "the token is no ID token: it has none of the claims that its issuer's \
             ID tokens are known by",
        )),
        (
            CredentialKind::AccessToken | CredentialKind::JwtSvid | CredentialKind::X509Svid,
            true,
        ) => Err(CredentialError::invalid(
            "the token is an ID token: it says who somebody is, and grants nothing",
        )),
        (
            CredentialKind::AccessToken | CredentialKind::JwtSvid | CredentialKind::X509Svid,
            false,
        ) => match lacking(claims, profile) {
            Some(mark) => Err(CredentialError::invalid(format!(
                "the token is no access token of its issuer: \
                 its claim `{}` is missing, or is not that of one{}",
                mark.claim.name(),
                remedy(mark)
            ))),
            None => Ok(()),
        },
    }
}

/// Returns the first claim of access tokens that the token does not have.
fn lacking<'a>(claims: &Record, profile: &'a Profile) -> Option<&'a ClaimMark> {
    let is_lacking = |mark: &&ClaimMark| !mark.is_in(claims).unwrap_or_default();
    profile.required.iter().find(is_lacking)
}

/// Suggests a remedy if a claim of access tokens is missing.
fn remedy(mark: &ClaimMark) -> &'static str {
    if mark.values.iter().any(|value| value == GOOGLE_ACCOUNTS) {
        ". Ask the metadata server for the token with `format=full`, \
         and `gcloud` with `--include-email`"
    } else {
        ""
    }
}

/// Refuses a token that is known by a claim to be no access token. What the profile requires of the
/// claim has been checked.
pub(in crate::evidence) fn check_use(
    claims: &Record,
    profile: &Profile,
) -> Result<(), CredentialError> {
    let is_required = |name: &str| {
        let mut marks = profile.required.iter();
        marks.any(|mark| mark.claim.name() == name && !mark.values.is_empty())
    };
    let is_usable = |text: &SmolStr| USABLE.iter().any(|word| text.eq_ignore_ascii_case(word));
    let other = claims.iter().find(|(name, value)| {
        !value.is_null()
            && USES.iter().any(|known| alike(known, name))
            && !value.as_text().is_some_and(is_usable)
            && !is_required(name)
    });
    match other {
        None => Ok(()),
        Some((name, _)) => Err(CredentialError::invalid(format!(
            "the issuer says that the token is no access token: its `{}` is none of the words \
             {}; if access tokens have another, list it in `required`",
            shown(name),
            USABLE.map(|word| format!("`{word}`")).join(", ")
        ))),
    }
}

/// Returns `true` if the claims say that the token is bound to a key: Keycloak writes this into
/// tokens, and introspection answers use the type of RFC 9449 section 5.
pub(in crate::evidence) fn says_bound(claims: &Record) -> bool {
    let is_dpop = |value: &Value| {
        value
            .as_text()
            .is_some_and(|typ| typ.eq_ignore_ascii_case("dpop"))
    };
    claims
        .iter()
        .any(|(name, value)| is_dpop(value) && (alike("typ", name) || alike("token_type", name)))
}
