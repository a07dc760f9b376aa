//! Around every response: the request's id comes back, the time is measured, a fault is logged.
//!
//! The outermost layer, so that the framework's own responses (405, 404) pass through it as well.

use super::fga::ApiError;
use super::shared::Shared;
use super::{Error, routes};
use actix_web::Error as ActixError;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use std::time::Instant;

/// AuthZEN 1.0 section 10.1.3.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Passes a request on. An id that the HTTP parser took is a header value, and goes back byte for byte.
pub(super) fn wrap<S, B>(
    request: ServiceRequest,
    service: &S,
    shared: &Shared,
) -> impl Future<Output = Result<ServiceResponse<B>, ActixError>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = ActixError>,
{
    // Measured with the monotonic clock: this is a duration, and no decision sees it.
    let begun = Instant::now();
    let id = request.headers().get(&REQUEST_ID).cloned();
    let endpoint = routes::endpoint_name(request.path());
    let metrics = shared.metrics.clone();
    let answered = service.call(request);
    async move {
        let mut response = answered.await?;
        log_fault(&response, endpoint, id.as_ref());
        if let Some(id) = id {
            response.headers_mut().insert(REQUEST_ID.clone(), id);
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
