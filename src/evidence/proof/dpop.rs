//! Checks a DPoP proof (RFC 9449 sections 4.2 and 4.3).

use super::replay::{ProofNote, ReplayCheck, Replays};
use super::target::target;
use crate::evidence::cache::Moment;
use crate::evidence::credential::DpopProof;
use crate::evidence::jose::{UnverifiedToken, all_asymmetric};
use crate::evidence::keys::PublicKey;
use crate::evidence::numeric_date::{NumericDate, milliseconds};
use crate::model::{CredentialError, Timestamp, Value};
use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use smol_str::SmolStr;

/// Maximum age of a proof: the caller asks while it handles the request that carried it.
pub(in crate::evidence) const FRESH_MS: i64 = 60_000;

/// How far in the future a proof may be made, for a clock that is ahead.
pub(in crate::evidence) const AHEAD_MS: i64 = 5_000;

/// LIMIT: bytes of a proof's `jti`.
const MAX_JTI_BYTES: usize = 256;

/// Members of a private key: a key that is published with its private half belongs to nobody any
/// more.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Checks that the proof was made for this token and request, by the key with this thumbprint, just
/// now, and that it was not used before. `replays` remembers it among this caller's proofs.
pub(in crate::evidence) fn check(
    dpop: &DpopProof<'_>,
    token: &str,
    thumbprint: &str,
    (replays, caller): (&Replays, Option<usize>),
    at: Moment,
) -> Result<(), CredentialError> {
    let proof = UnverifiedToken::read(dpop.proof.0).map_err(|_| wrong("is no JWT"))?;
    check_signature(&proof, thumbprint)?;
    check_request(&proof, dpop)?;
    let made_ms = check_times(&proof, at.now)?;
    let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
    if text(&proof, "ath") != Some(hash.as_str()) {
        return Err(wrong("is made for another token"));
    }
    let jti = text(&proof, "jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES);
    let jti = jti.ok_or_else(|| wrong("has no usable `jti`"))?;
    // This comes last, so that only proofs that are good in every other way take memory.
    let note = ProofNote {
        name: name_of(thumbprint, jti),
        made_ms,
        caller,
    };
    match replays.note(note, at.monotonic_ms) {
        ReplayCheck::Never => Ok(()),
        ReplayCheck::Before => Err(wrong("was used before")),
        ReplayCheck::Forgotten => Err(wrong("is not fresh")),
        ReplayCheck::Full => Err(CredentialError::unavailable(
            "too many proofs of possession were used lately: ask again in a minute",
        )),
    }
}

fn wrong(what: &str) -> CredentialError {
    CredentialError::proof(format!("the proof of possession {what}"))
}

fn text<'p>(proof: &'p UnverifiedToken<'_>, name: &str) -> Option<&'p str> {
    proof
        .claims
        .get(name)
        .and_then(Value::as_text)
        .map(SmolStr::as_str)
}

/// Checks that the key in the proof's header is the one with this thumbprint, and that it signed
/// the proof.
fn check_signature(proof: &UnverifiedToken<'_>, thumbprint: &str) -> Result<(), CredentialError> {
    if proof.media_type().as_deref() != Some("dpop+jwt") {
        return Err(wrong("is of another type than `dpop+jwt`"));
    }
    let algorithm = proof
        .algorithm(&all_asymmetric())
        .map_err(|_| wrong("has an algorithm that is not accepted"))?;
    let jwk = proof
        .header
        .get("jwk")
        .and_then(Value::as_record)
        .ok_or_else(|| wrong("has no key in its header"))?;
    if PRIVATE.iter().any(|member| jwk.get(member).is_some()) {
        return Err(wrong("carries a private key"));
    }
    let key = PublicKey::read(jwk).filter(|key| key.verifies(algorithm));
    let key = key.ok_or_else(|| wrong("has a key that is not of its algorithm"))?;
    if key.thumbprint() != thumbprint {
        return Err(wrong(
            "is made by another key than the one that the token is bound to",
        ));
    }
    if !proof.is_signed_by(&key.verifying, algorithm) {
        return Err(wrong("has a wrong signature"));
    }
    Ok(())
}

/// Checks that the proof was made for the method and the address of the request.
fn check_request(proof: &UnverifiedToken<'_>, dpop: &DpopProof<'_>) -> Result<(), CredentialError> {
    if text(proof, "htm") != Some(dpop.method) {
        return Err(wrong("is made for another method"));
    }
    let made_for = text(proof, "htu").and_then(target);
    if made_for.is_none() || made_for != target(dpop.url) {
        return Err(wrong("is made for another address"));
    }
    Ok(())
}

/// Returns the time in milliseconds at which the proof was made, if it is fresh.
fn check_times(proof: &UnverifiedToken<'_>, now: Timestamp) -> Result<i64, CredentialError> {
    let made = proof
        .claims
        .get("iat")
        .and_then(milliseconds)
        .ok_or_else(|| wrong("has no time"))?;
    if made.saturating_add(FRESH_MS) <= now.0 || made.saturating_sub(AHEAD_MS) > now.0 {
        return Err(wrong("is not fresh"));
    }
    // A proof may state itself when it is valid (RFC 7519 sections 4.1.4 and 4.1.5).
    let time = |name| match proof.claims.get_present(name) {
        None => Ok(None),
        Some(at) => NumericDate::read(at)
            .map(Some)
            .ok_or_else(|| wrong("has a time that is none")),
    };
    if time("exp")?.is_some_and(|ends| ends.milliseconds() <= now.0)
        || time("nbf")?.is_some_and(|begins| begins.milliseconds_up() > now.0 + AHEAD_MS)
    {
        return Err(wrong("is not fresh"));
    }
    Ok(made)
}

/// Returns the name of a proof. It includes the key, since two keys may use the same `jti`.
fn name_of(thumbprint: &str, jti: &str) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for part in [thumbprint, jti] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut name = [0; 32];
    name.copy_from_slice(hash.finish().as_ref());
    name
}
