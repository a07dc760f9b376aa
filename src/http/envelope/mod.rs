//! Wraps every request: returns its ids, refuses a wrong key or a request above the caller's rate,
//! logs faults, and tells operators of it (`observed`).
//!
//! This is the outermost layer, so that the framework's own responses (405, 404) and public paths
//! pass through it as well.

mod observed;
pub(in crate::http) mod tokens;

use crate::http::admin::health;
use crate::http::authzen::{evaluation, evaluations};
use crate::http::caller::identity::CallerHint;
use crate::http::connection::Connection;
use crate::http::endpoint::request_path;
use crate::http::load::lag;
use crate::http::openfga::ApiError;
use crate::http::shared::newest::WorkerState;
use crate::http::shared::{REQUEST_ID, ServiceState, request_trace};
use crate::http::{Error, console, docs, routes};
use crate::model::shown_request_id;
use crate::telemetry::{Metrics, TraceId};
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Path, Payload, Service, ServiceRequest, ServiceResponse, Url};
use actix_web::http::ConnectionType;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use actix_web::{Error as ActixError, HttpMessage as _, HttpRequest, HttpResponse};
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Smaller answers are not charged to the budget: the system's own buffers hold as much for each
/// connection.
const LARGE_ANSWER_BYTES: u64 = 16 << 10;

/// Size in bytes by which each item of a batch may exceed the limit on answers, for its decision
/// and the names of what was left out.
const DECISION_BYTES: usize = 100;

/// Labels of answers that are of the service's own making, and as large as that is.
const OWN_ANSWERS: [&str; 5] = [
    console::PAGE.label,
    docs::PAGE.label,
    docs::OPENAPI.label,
    health::METRICS.label,
    routes::OTHER,
];

/// A request's ids. A client that is handed one and adds its own sends two: both come back, in
/// order, and records hold the first.
type RequestIds = SmallVec<[HeaderValue; 1]>;

/// Passes a request on, with the state of now for its handler. An id that the HTTP parser accepted
/// is a valid header value, and is returned byte for byte.
pub(super) fn wrap<S, B>(
    mut request: ServiceRequest,
    service: &S,
    worker: &WorkerState,
) -> impl Future<Output = Result<ServiceResponse<EitherBody<B>>, ActixError>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = ActixError>,
    B: MessageBody + 'static,
{
    // This uses the system's monotonic clock, not the injected one: it is a duration that no
    // decision sees.
    let begun = Instant::now();
    let seen = worker.begin(&mut request);
    let shared = &seen.shared;
    lag::probe(begun, shared.settings.limits.queue_time);
    let progress = RequestProgress::begin(&request, shared.is_draining());
    let ids: RequestIds = request.headers().get_all(&REQUEST_ID).cloned().collect();
    let endpoint = routes::label(request_path(request.match_info()));
    let shared = Arc::clone(shared);
    let identified = identify(&request, &shared);
    observed::begin(&request, &shared, begun, endpoint);
    let answering = match identified {
        Ok(()) => Ok(service.call(request)),
        Err(error) => Err(refuse(request.into_parts().0, error)),
    };
    async move {
        let mut response = match answering {
            Ok(answered) => answered.await?.map_into_left_body(),
            Err(refused) => refused,
        };
        // Whatever one connection has sent would be answered without a pause, however many requests
        // it is: after each, others have their turn. A decision on one question has let them
        // already.
        if endpoint != evaluation::ENDPOINT.label || !response.status().is_success() {
            tokio::task::yield_now().await;
        }
        if let BodySize::Sized(size @ LARGE_ANSWER_BYTES..) = response.response().body().size()
            && let Err(error) = admit_answer(
                response.request(),
                size,
                endpoint,
                progress.connection.as_deref(),
            )
        {
            response = refuse(response.into_parts().0, error);
        }
        if let Some(error) = response.response().error() {
            let trace = request_trace::id_of(response.request());
            report(error, endpoint, (ids.first(), trace), &shared.metrics);
        }
        finish(&mut response, ids, progress.is_last);
        observed::finish(&response, &shared, begun, endpoint);
        Ok(response)
    }
}

/// Reads who presents a request, notes it with the request, and counts the request against the rate
/// of its caller.
fn identify(request: &ServiceRequest, shared: &ServiceState) -> Result<(), Error> {
    let peer = shared.peer(request.conn_data());
    let clock = shared.clock.as_ref();
    let presented = CallerHint::by(request.headers(), peer, &shared.settings, clock)?;
    if let Some(hint) = presented {
        request.extensions_mut().insert(hint);
    }
    match presented {
        Some(CallerHint::Caller(at)) => shared.count_request(at),
        Some(CallerHint::Token) | None => Ok(()),
    }
}

/// Adds the request's ids to the response, and closes the connection if this response is its last.
fn finish<B>(response: &mut ServiceResponse<B>, ids: RequestIds, is_last: bool) {
    if is_last {
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    for id in ids {
        response.headers_mut().append(REQUEST_ID.clone(), id);
    }
}

/// Answers a request with a refusal.
fn refuse<B>(request: HttpRequest, error: Error) -> ServiceResponse<EitherBody<B>> {
    let response = refusal(request.match_info(), error);
    ServiceResponse::new(request, response).map_into_right_body()
}

/// Creates the response of a refusal, in the error form of the API that was called.
fn refusal(matched: &Path<Url>, error: Error) -> HttpResponse {
    if request_path(matched).starts_with("/stores") {
        HttpResponse::from_error(ApiError::from(error))
    } else {
        HttpResponse::from_error(error)
    }
}

/// Refuses an answer that is too large, or for which there is no memory as long as others are not
/// taken.
fn admit_answer(
    request: &HttpRequest,
    size: u64,
    endpoint: &'static str,
    connection: Option<&Connection>,
) -> Result<(), Error> {
    let Some(shared) = request.app_data::<Data<ServiceState>>() else {
        return Ok(());
    };
    let limits = &shared.settings.limits;
    let allowance = if endpoint == evaluations::ENDPOINT.label {
        limits.evaluations.saturating_mul(DECISION_BYTES)
    } else {
        0
    };
    let most = u64::try_from(limits.answer_bytes.saturating_add(allowance)).unwrap_or(u64::MAX);
    if size > most && !OWN_ANSWERS.contains(&endpoint) {
        return Err(Error::AnswerTooLarge(limits.answer_bytes));
    }
    shared.pay_answer(connection, size)
}

/// Logs a fault, and counts a refusal by its cause.
fn report(
    error: &ActixError,
    endpoint: &'static str,
    (id, trace): (Option<&HeaderValue>, Option<TraceId>),
    metrics: &Metrics,
) {
    let (detail, cause) = match (error.as_error::<ApiError>(), error.as_error::<Error>()) {
        (Some(ApiError::Http(error)), _) | (None, Some(error)) => {
            (error.internal_detail(), error.refusal_cause())
        }
        (Some(error), _) => (error.internal_detail(), None),
        (None, None) => (None, None),
    };
    if let Some(detail) = detail {
        let request_id = id.and_then(|id| id.to_str().ok()).map(shown_request_id);
        let request_id = request_id.as_deref();
        let trace_id = trace.map(|trace| trace.to_string());
        let trace_id = trace_id.as_deref();
        tracing::error!(
            endpoint,
            request_id,
            trace_id,
            detail,
            "the request could not be answered"
        );
    }
    if let Some(cause) = cause {
        metrics.load().refused(cause);
    }
}

/// A request in progress; the connection is told when it begins and when it is answered.
struct RequestProgress {
    connection: Option<Rc<Connection>>,
    /// Whether the connection is closed after this answer.
    is_last: bool,
}

impl RequestProgress {
    /// Begins a request; whatever it is, it is the last of its connection if the service drains.
    fn begin(request: &ServiceRequest, is_draining: bool) -> Self {
        let connection = request.conn_data::<Rc<Connection>>().cloned();
        let has_body = !matches!(request.parts().1, Payload::None);
        let is_last = connection
            .as_ref()
            .is_some_and(|connection| connection.begin(has_body));
        Self {
            connection,
            is_last: is_last || is_draining,
        }
    }
}

impl Drop for RequestProgress {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.answered();
        }
    }
}
