//! Writes spans as the JSON of the OpenTelemetry protocol (OTLP 1, `ExportTraceServiceRequest`).
//!
//! Names of attributes are those of OpenTelemetry's semantic conventions for HTTP servers, but for
//! what only this service has, which begins with `behest.`. The path of a request is not among
//! them: its sender chose it, and the route says as much.

use super::{RequestPhase, RequestSpan};
use crate::telemetry::SpanId;
use serde_json::{Value, json};
use std::time::Duration;

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_SERVER`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// Writes the body of one request to the collector.
pub(super) fn write(service: &str, requests: &[RequestSpan]) -> serde_json::Result<Vec<u8>> {
    let version = env!("CARGO_PKG_VERSION");
    let spans: Vec<Value> = requests.iter().flat_map(spans).collect();
    serde_json::to_vec(&json!({
        "resourceSpans": [{
            "resource": {
                "attributes": [text("service.name", service), text("service.version", version)],
            },
            "scopeSpans": [{
                "scope": { "name": "behest", "version": version },
                "spans": spans,
            }],
        }],
    }))
}

/// Returns the spans of one request, its own first; none if the system has no randomness for ids.
fn spans(request: &RequestSpan) -> Vec<Value> {
    let Some(id) = SpanId::random() else {
        return Vec::new();
    };
    let began = nanos(request.ended_ms) - whole(request.elapsed);
    let mut own = json!({
        "traceId": request.trace.to_string(),
        "spanId": id.to_string(),
        "name": name(request),
        "kind": SERVER,
        "startTimeUnixNano": began.to_string(),
        "endTimeUnixNano": nanos(request.ended_ms).to_string(),
        "attributes": attributes(request),
    });
    if let Some(own) = own.as_object_mut() {
        let parent = request.parent.map(|parent| parent.to_string());
        own.extend(parent.map(|parent| ("parentSpanId".to_owned(), parent.into())));
        let state = request.state.as_deref();
        own.extend(state.map(|state| ("traceState".to_owned(), state.into())));
        if request.status >= 500 {
            own.insert("status".to_owned(), json!({ "code": ERROR }));
        }
    }
    let mut all = vec![own];
    let mut from = Duration::ZERO;
    for (phase, until) in RequestPhase::ALL.into_iter().zip(request.phases) {
        let (Some(until), Some(of_phase)) = (until, SpanId::random()) else {
            continue;
        };
        all.push(json!({
            "traceId": request.trace.to_string(),
            "spanId": of_phase.to_string(),
            "parentSpanId": id.to_string(),
            "name": phase.name(),
            "kind": INTERNAL,
            "startTimeUnixNano": (began + whole(from)).to_string(),
            "endTimeUnixNano": (began + whole(until)).to_string(),
        }));
        from = until;
    }
    all
}

/// Returns the name of a request's span: its method and, if there is one, its route.
fn name(request: &RequestSpan) -> String {
    match request.route.as_deref() {
        Some(route) => format!("{} {route}", method(request)),
        None => method(request).to_owned(),
    }
}

/// Returns the method in the convention's own words.
fn method(request: &RequestSpan) -> &'static str {
    match request.method {
        "other" => "HTTP",
        known => known,
    }
}

fn attributes(request: &RequestSpan) -> Vec<Value> {
    let method = match request.method {
        "other" => "_OTHER",
        known => known,
    };
    let scheme = if request.is_tls { "https" } else { "http" };
    let mut all = vec![
        text("http.request.method", method),
        text("url.scheme", scheme),
        number("http.response.status_code", request.status.into()),
        text("behest.caller", &request.caller),
    ];
    let route = request.route.as_deref();
    all.extend(route.map(|route| text("http.route", route)));
    if request.status >= 500 {
        all.push(text("error.type", &request.status.to_string()));
    }
    if let Some(peer) = request.peer {
        all.push(text("network.peer.address", &peer.ip().to_string()));
        all.push(number("network.peer.port", peer.port().into()));
    }
    let id = request.request_id.as_deref();
    all.extend(id.map(|id| text("behest.request_id", id)));
    let decision = request.decision.as_deref();
    all.extend(decision.map(|decision| text("behest.decision", decision)));
    all
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A number of 64 bits is a text in this JSON.
fn number(key: &str, value: i64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanos(ms: i64) -> i128 {
    i128::from(ms) * 1_000_000
}

fn whole(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}
