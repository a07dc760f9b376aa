//! Identifies callers by an access token of a configured issuer.
//!
//! Verification may wait for the issuer, so it is a layer of its own, which is active only if such
//! a caller is configured; other services pay nothing for it. The layer is inside `envelope`, which
//! has marked the request as carrying a token. The verified token stays with the request, so that
//! it can be checked again after the wait for the body and the credentials in it, during which keys
//! may be withdrawn. A token that cannot be verified now is not wrong: its sender is told to retry
//! later.

use crate::http::caller::certificate::PeerCertificate;
use crate::http::caller::{CallerHint, bearer_token};
use crate::http::endpoint::request_path;
use crate::http::shared::ServiceState;
use crate::http::{CallerCredential, Error, Settings, routes};
use crate::model::{Code, VerifiedCredential};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpMessage as _, HttpResponse};
use std::sync::Arc;

/// Verifies the token of a request that carries one, and passes the request on.
pub(in crate::http) async fn verify(
    shared: Arc<ServiceState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let presented = request.extensions().get().copied();
    // INVARIANT: no issuer is asked about a token that opens nothing: on public paths the sender of
    // a token stays anonymous.
    if presented == Some(CallerHint::Token)
        && !routes::is_public(request_path(request.match_info()))
    {
        let peer = shared.peer(request.conn_data());
        let found = caller(&shared.settings, request.headers(), peer)
            .await
            .and_then(|found| shared.count_request(found.0).map(|()| found));
        match found {
            Ok((at, token)) => {
                request.extensions_mut().insert(CallerHint::Caller(at));
                request.extensions_mut().insert(token);
            }
            Err(error) => {
                let api = request_path(request.match_info()).starts_with("/stores");
                let refused = if api {
                    HttpResponse::from_error(crate::http::openfga::ApiError::from(error))
                } else {
                    HttpResponse::from_error(error)
                };
                return Ok(request.into_response(refused));
            }
        }
    }
    next.call(request)
        .await
        .map(ServiceResponse::map_into_boxed_body)
}

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
        .map_err(|unproven| match unproven.code {
            Code::CredentialUnavailable => Error::CallerUnverified,
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
        CallerCredential::Key(_) | CallerCredential::Certificate(_) => false,
    });
    Ok((known.ok_or(Error::WrongCredential)?, verified))
}
