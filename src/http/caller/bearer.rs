//! Identifies callers by an access token of a configured issuer.
//!
//! A token that cannot be verified now is not wrong: its sender is told to retry later.

use crate::http::caller::certificate::PeerCertificate;
use crate::http::caller::identity::bearer_token;
use crate::http::{CallerCredential, Error, Settings};
use crate::model::{Code, NextAction, VerifiedCredential};
use actix_web::http::header::HeaderMap;

/// Returns the index of the caller whose token a request carries, and what is known of the token.
/// The certificate is that of its connection, if the authorities vouch for it.
pub(in crate::http) async fn caller(
    settings: &Settings,
    headers: &HeaderMap,
    peer: Option<&PeerCertificate>,
) -> Result<(usize, VerifiedCredential), Error> {
    let verifier = settings.verifier.as_ref().ok_or(Error::WrongCredential)?;
    let token = bearer_token(headers)
        .ok_or(Error::WrongCredential)?
        .to_owned();
    let certificate = peer.map(|peer| peer.encoded().to_owned());
    let verified = verifier
        .verify_caller(&token, certificate.as_deref())
        .await
        .map_err(|unproven| match (unproven.code, unproven.next_action) {
            (Code::CredentialUnavailable, NextAction::None) => Error::CallerUnverifiable,
            (Code::CredentialUnavailable, _) => Error::CallerUnverified,
            _ => Error::WrongCredential,
        })?;
    // A token by which somebody acts for another identifies no caller.
    let proven = &verified.proven;
    let [holder] = proven.chain.as_slice() else {
        return Err(Error::WrongCredential);
    };
    let known = settings.callers.iter().position(|caller| match &caller.by {
        CallerCredential::Token { issuer, principal } => {
            *issuer == proven.issuer.as_str() && principal == holder
        }
        CallerCredential::Keys(_) | CallerCredential::Certificate(_) => false,
    });
    Ok((known.ok_or(Error::WrongCredential)?, verified))
}
