//! Verifies the tokens by which callers identify themselves.
//!
//! Verification may wait for the issuer, so it is a layer of its own, inside the outermost one,
//! which has marked the request as carrying a token; other requests pass through it at the cost of
//! a look at the mark. The verified token stays with the request, so that it can be checked again
//! after the wait for the body and the credentials in it, during which keys may be withdrawn.

use super::refusal;
use crate::http::caller::bearer;
use crate::http::caller::identity::CallerHint;
use crate::http::endpoint::request_path;
use crate::http::routes;
use crate::http::shared::ServiceState;
use actix_utils::future::Either;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::web::Data;
use actix_web::{Error as ActixError, HttpMessage as _};
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

/// The layer.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct TokenLayer;

/// The layer around the service of one worker.
#[derive(Debug)]
pub(in crate::http) struct TokenService<S> {
    service: Rc<S>,
}

/// What becomes of a request with a token.
type AnswerToToken = Pin<Box<dyn Future<Output = Result<ServiceResponse, ActixError>>>>;

impl<S> Transform<S, ServiceRequest> for TokenLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = ActixError> + 'static,
{
    type Response = ServiceResponse;
    type Error = ActixError;
    type Transform = TokenService<S>;
    type InitError = ();
    type Future = Ready<Result<TokenService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(TokenService {
            service: Rc::new(service),
        }))
    }
}

impl<S> Service<ServiceRequest> for TokenService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = ActixError> + 'static,
{
    type Response = ServiceResponse;
    type Error = ActixError;
    type Future = Either<S::Future, AnswerToToken>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let presented = request.extensions().get().copied();
        if presented == Some(CallerHint::Token) {
            let service = Rc::clone(&self.service);
            Either::right(Box::pin(verify(service, request)))
        } else {
            Either::left(self.service.call(request))
        }
    }
}

/// Verifies the token of a request, and passes the request on.
async fn verify<S>(service: Rc<S>, request: ServiceRequest) -> Result<ServiceResponse, ActixError>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = ActixError>,
{
    let Some(shared) = request.app_data::<Data<ServiceState>>().cloned() else {
        return service.call(request).await;
    };
    // INVARIANT: no issuer is asked about a token that opens nothing: on public paths the sender of
    // a token stays anonymous.
    if !routes::is_public(request_path(request.match_info()), &shared.settings) {
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
    service.call(request).await
}
