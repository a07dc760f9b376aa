//! Verifies the tokens by which callers identify themselves.
//!
//! Verification may wait for the issuer, so it is a layer of its own, which is active only if such
//! a caller is configured; other services pay nothing for it. The layer is inside the outermost
//! one, which has marked the request as carrying a token. The verified token stays with the
//! request, so that it can be checked again after the wait for the body and the credentials in it,
//! during which keys may be withdrawn.

use super::refusal;
use crate::http::caller::bearer;
use crate::http::caller::identity::CallerHint;
use crate::http::endpoint::request_path;
use crate::http::routes;
use crate::http::shared::ServiceState;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpMessage as _};
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
        let found = bearer::caller(&shared.settings, request.headers(), peer)
            .await
            .and_then(|found| shared.count_request(found.0).map(|()| found));
        match found {
            Ok((at, token)) => {
                request.extensions_mut().insert(CallerHint::Caller(at));
                request.extensions_mut().insert(token);
            }
            Err(error) => {
                let refused = refusal(request.match_info(), error);
                return Ok(request.into_response(refused));
            }
        }
    }
    next.call(request)
        .await
        .map(ServiceResponse::map_into_boxed_body)
}
