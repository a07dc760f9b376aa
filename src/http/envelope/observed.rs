//! What operators see of a request: metrics, its line in the access log, and its spans.
//!
//! INVARIANT: what is said of a request is bounded, and holds nothing that gives access: no body,
//! no header but the request's id and its trace, and no path but that of an endpoint.

use crate::http::admin::health;
use crate::http::authzen::evaluation::DECISION;
use crate::http::caller::identity::{CallerHint, Identity};
use crate::http::shared::request_trace::{RequestTrace, TRACE_STATE};
use crate::http::shared::{REQUEST_ID, ServiceState};
use crate::model::shown_request_id;
use crate::telemetry::{
    ANONYMOUS_CALLER, AccessLine, AccessLog, AccessLogMode, CallerTally, RequestSpan, Tracer,
    UNKNOWN_CALLER, trace_state,
};
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpMessage as _, HttpRequest};
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// What asks for itself again and again, and would hide everything else.
const PROBES: [&str; 3] = [
    health::HEALTHZ.label,
    health::READYZ.label,
    health::METRICS.label,
];

/// Begins a request, once it is known who presents it.
pub(super) fn begin(
    request: &ServiceRequest,
    shared: &ServiceState,
    begun: Instant,
    endpoint: &'static str,
) {
    RequestTrace::note(request, shared, begun, !PROBES.contains(&endpoint));
}

/// Tells of a request that was answered.
pub(super) fn finish<B: MessageBody>(
    response: &ServiceResponse<B>,
    shared: &ServiceState,
    begun: Instant,
    endpoint: &'static str,
) {
    let elapsed = begun.elapsed();
    let status = response.status().as_u16();
    let metrics = &shared.metrics;
    metrics.observe_request(endpoint, status, elapsed.as_secs_f64());
    let (caller, tally) = sender_of(response.request(), shared);
    tally.count(status);
    let settings = &shared.settings;
    let wanted = match settings.access {
        AccessLogMode::Off => false,
        AccessLogMode::On => !PROBES.contains(&endpoint),
        AccessLogMode::All => true,
    };
    if let Some(log) = settings.access_log.as_deref().filter(|_| wanted) {
        offer_line(log, response, caller, (endpoint, elapsed));
    }
    if let Some(tracer) = settings.tracer.as_deref() {
        offer_span(tracer, response, shared, caller, elapsed);
    }
}

/// Returns the name and the counters of whoever sent a request.
fn sender_of<'a>(request: &HttpRequest, shared: &'a ServiceState) -> (&'a str, &'a CallerTally) {
    let callers = shared.metrics.callers();
    let known = Identity::caller_of(request, &shared.settings);
    let known = known.and_then(|(at, caller)| Some((caller, shared.callers.get(at)?)));
    match known {
        Some((caller, entry)) => (&caller.name, &entry.tally),
        None if request.headers().contains_key(AUTHORIZATION) => (UNKNOWN_CALLER, &callers.unknown),
        None => (ANONYMOUS_CALLER, &callers.anonymous),
    }
}

fn offer_line<B: MessageBody>(
    log: &AccessLog,
    response: &ServiceResponse<B>,
    caller: &str,
    (endpoint, elapsed): (&'static str, Duration),
) {
    let request = response.request();
    let bytes = match response.response().body().size() {
        BodySize::None => Some(0),
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::Stream => None,
    };
    log.offer(AccessLine {
        request_id: request_id(request),
        trace_id: request
            .extensions()
            .get::<RequestTrace>()
            .map(|trace| trace.id),
        caller: SmolStr::new(caller),
        method: method(request),
        endpoint,
        status: response.status().as_u16(),
        bytes,
        duration_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        peer: request.peer_addr(),
        decision: decision(response),
    });
}

fn offer_span<B>(
    tracer: &Tracer,
    response: &ServiceResponse<B>,
    shared: &ServiceState,
    caller: &str,
    elapsed: Duration,
) {
    let request = response.request();
    let extensions = request.extensions();
    let Some(trace) = extensions.get::<RequestTrace>() else {
        return;
    };
    let Some(sampled) = &trace.sampled else {
        return;
    };
    // Who came with a token that did not verify was nobody, and chose nothing.
    let is_known = matches!(extensions.get(), Some(CallerHint::Caller(_)));
    if sampled.is_chosen_by_caller && !is_known {
        return;
    }
    let peer = request.peer_addr();
    let mut states = request.headers().get_all(TRACE_STATE);
    let state = match (sampled.parent, states.next(), states.next()) {
        (Some(_), Some(state), None) => trace_state(state.as_bytes()).map(Box::from),
        _ => None,
    };
    tracer.offer(RequestSpan {
        trace: trace.id,
        parent: sampled.parent,
        state,
        method: method(request),
        route: request.match_pattern().map(String::into_boxed_str),
        is_tls: shared.settings.tls.is_some() && peer.is_some(),
        status: response.status().as_u16(),
        ended_ms: shared.clock.now_ms(),
        elapsed,
        phases: sampled.phases(),
        caller: SmolStr::new(caller),
        request_id: request_id(request),
        decision: decision(response),
        peer,
    });
}

/// Returns the method as one of a closed list, whatever a client calls it.
fn method(request: &HttpRequest) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "other",
    }
}

/// Returns the request's id as records show it.
fn request_id(request: &HttpRequest) -> Option<Box<str>> {
    let id = request.headers().get(&REQUEST_ID)?;
    let id = str::from_utf8(id.as_bytes()).ok()?;
    Some(shown_request_id(id).into())
}

fn decision<B>(response: &ServiceResponse<B>) -> Option<Box<str>> {
    let id = response.headers().get(&DECISION)?.to_str().ok()?;
    Some(id.into())
}
