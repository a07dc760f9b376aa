//! Around every response: the request's ids come back, a wrong key or one too many requests is refused, the time is
//! measured, a fault is logged.
//!
//! The outermost layer, so that the framework's own responses (405, 404) and paths that ask nobody for a key pass
//! through it as well.

use super::caller::Presented;
use super::fga::ApiError;
use super::shared::Shared;
use super::{Error, routes};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{Error as ActixError, HttpMessage as _, HttpResponse};
use smallvec::SmallVec;
use std::time::Instant;

/// AuthZEN 1.0 section 10.1.3.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's ids. A client that is handed one and adds its own sends two: both come back, in order, and records hold
/// the first.
type Ids = SmallVec<[HeaderValue; 1]>;

/// Passes a request on. An id that the HTTP parser took is a header value, and goes back byte for byte.
pub(super) fn wrap<S, B>(
    request: ServiceRequest,
    service: &S,
    shared: &Shared,
) -> impl Future<Output = Result<ServiceResponse<EitherBody<B>>, ActixError>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = ActixError>,
    B: MessageBody,
{
    // Measured with the monotonic clock: this is a duration, and no decision sees it.
    let begun = Instant::now();
    let ids: Ids = request.headers().get_all(&REQUEST_ID).cloned().collect();
    let endpoint = routes::endpoint_name(request.path());
    let metrics = shared.metrics.clone();
    let peer = shared.peer(request.conn_data());
    let known = Presented::by(request.headers(), peer, &shared.settings).and_then(|presented| {
        if let Some(Presented::Caller(at)) = presented {
            shared.count(at)?;
        }
        Ok(presented)
    });
    let answering = match known {
        Ok(presented) => {
            presented.map(|caller| request.extensions_mut().insert(caller));
            Ok(service.call(request))
        }
        // Each API has its own form of errors.
        Err(error) if request.path().starts_with("/stores") => {
            Err(request.into_response(HttpResponse::from_error(ApiError::from(error))))
        }
        Err(error) => Err(request.into_response(HttpResponse::from_error(error))),
    };
    async move {
        let mut response = match answering {
            Ok(answered) => answered.await?.map_into_left_body(),
            Err(refused) => refused.map_into_right_body(),
        };
        log_fault(&response, endpoint, ids.first());
        for id in ids {
            response.headers_mut().append(REQUEST_ID.clone(), id);
        }
        metrics.observe_request(endpoint, response.status().as_u16(), begun.elapsed().as_secs_f64());
        Ok(response)
    }
}

fn log_fault<B>(response: &ServiceResponse<B>, endpoint: &'static str, id: Option<&HeaderValue>) {
    let error = response.response().error();
    let detail = error.and_then(|error| match error.as_error::<ApiError>() {
        Some(error) => error.internal_detail(),
        None => error.as_error::<Error>().and_then(Error::internal_detail),
    });
    if let Some(detail) = detail {
        let request_id = id.and_then(|id| id.to_str().ok());
        tracing::error!(endpoint, request_id, detail, "the request could not be answered");
    }
}
