//! The trace of a request, and when its phases ended.
//!
//! It is noted with the request where it has a `traceparent`, or is chosen to have spans. Any other
//! request pays for one look among its headers.
//!
//! Whose word counts: the id of a trace is noted whoever sends it, as an `X-Request-ID` is. It is
//! data, and gives nothing. Whether there are spans is up to a known caller, whose own trace would
//! have a gap without them; anybody else could have the service write to its collector.

use crate::http::caller::identity::CallerHint;
use crate::http::shared::ServiceState;
use crate::telemetry::{PhaseEnds, RequestPhase, SpanId, TraceId, TraceParent};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage as _, HttpRequest};
use std::cell::Cell;
use std::time::Instant;

/// The header with a caller's step of a trace.
const TRACE_PARENT: &str = "traceparent";

/// The header with what systems of traces add to it.
pub(in crate::http) const TRACE_STATE: &str = "tracestate";

/// The trace of a request.
#[derive(Debug)]
pub(in crate::http) struct RequestTrace {
    /// Its id.
    pub(in crate::http) id: TraceId,
    /// What spans are made of; `None` if there are to be none.
    pub(in crate::http) sampled: Option<SampledRequest>,
}

/// What the spans of a request are made of.
#[derive(Debug)]
pub(in crate::http) struct SampledRequest {
    /// The caller's own span, if the trace is the caller's.
    pub(in crate::http) parent: Option<SpanId>,
    /// Whether the caller chose that there are spans.
    pub(in crate::http) is_chosen_by_caller: bool,
    begun: Instant,
    ends: Cell<PhaseEnds>,
}

impl SampledRequest {
    /// Returns when the phases ended, counted from the request's beginning.
    pub(in crate::http) fn phases(&self) -> PhaseEnds {
        self.ends.get()
    }
}

impl RequestTrace {
    /// Finds the trace of a request that began at `begun`, and notes it with the request.
    /// `has_spans` says whether its endpoint may have spans at all.
    pub(in crate::http) fn note(
        request: &ServiceRequest,
        shared: &ServiceState,
        begun: Instant,
        has_spans: bool,
    ) {
        let parent = parent_of(request.headers());
        let tracer = shared.settings.tracer.as_ref().filter(|_| has_spans);
        if parent.is_none() && tracer.is_none() {
            return;
        }
        let chosen = tracer.and_then(|tracer| {
            // A token is verified later; until then nobody has chosen anything.
            let is_known = request.extensions().get::<CallerHint>().is_some();
            match parent.filter(|_| is_known) {
                Some(parent) => parent.is_sampled.then_some((parent.trace, true)),
                None => tracer.begin().map(|trace| (trace, false)),
            }
        });
        let id = match (parent, chosen) {
            (Some(parent), _) => parent.trace,
            (None, Some((begun_here, _))) => begun_here,
            (None, None) => return,
        };
        let sampled = chosen.map(|(_, is_chosen_by_caller)| SampledRequest {
            parent: parent.map(|parent| parent.span),
            is_chosen_by_caller,
            begun,
            ends: Cell::default(),
        });
        request.extensions_mut().insert(Self { id, sampled });
    }
}

/// Reads a caller's step of a trace, if there is exactly one such header.
fn parent_of(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACE_PARENT);
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    TraceParent::read(value.as_bytes())
}

/// Returns the id of a request's trace, if it has one.
pub(in crate::http) fn id_of(request: &HttpRequest) -> Option<TraceId> {
    let extensions = request.extensions();
    extensions.get::<RequestTrace>().map(|trace| trace.id)
}

impl ServiceState {
    /// Notes that a phase of a request has ended, if its spans are wanted.
    pub(in crate::http) fn phase_ended(&self, request: &HttpRequest, phase: RequestPhase) {
        if self.settings.tracer.is_none() {
            return;
        }
        let extensions = request.extensions();
        let trace = extensions.get::<RequestTrace>();
        if let Some(sampled) = trace.and_then(|trace| trace.sampled.as_ref()) {
            let mut ends = sampled.ends.get();
            if let Some(end) = ends.get_mut(phase as usize) {
                *end = Some(sampled.begun.elapsed());
            }
            sampled.ends.set(ends);
        }
    }

    /// Notes that a request is opened: where there are credentials to verify, that took a phase of
    /// its own.
    pub(in crate::http) fn opened(&self, request: &HttpRequest) {
        let phase = match self.settings.verifier {
            Some(_) => RequestPhase::Credentials,
            None => RequestPhase::Read,
        };
        self.phase_ended(request, phase);
    }
}
