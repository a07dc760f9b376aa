//! Spans: what requests were, for a collector of traces.
//!
//! **Problem.** Whoever looks at a slow call of an agent sees one trace over many services, and
//! asks how much of it was the decision. A collector that is slow or down must not become part of
//! the answer.
//! **Decision.** A request that is chosen becomes one [`RequestSpan`] when it has been answered,
//! with the times at which its phases ended. It is offered to a bounded queue; a thread makes the
//! JSON of the OpenTelemetry protocol of it ([`otlp`]) and sends many at once, each lot once. What
//! is not taken is lost and counted.
//! **Trade-off.** Nothing is sent a second time, and a request that never ends has no span.
//!
//! How it is sent is for whoever starts it ([`SendSpans`]): nothing here opens a connection.
//!
//! INVARIANT: neither the number of spans that wait nor the size of one depends on anything but
//! settings and limits.

mod otlp;
#[cfg(test)]
mod tests;

use super::background::{Arrivals, Background};
use super::export_metrics::SpanLoss;
use super::{ExportMetrics, SpanId, TraceId};
use serde::Deserialize;
use smol_str::SmolStr;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How many requests are sent at once.
const BATCH: usize = 512;

/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_secs(1);

/// The settings of traces.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct Telemetry")]
pub struct TracerSettings {
    /// The collector's address, to which `/v1/traces` is added.
    pub otlp: String,
    /// The name of this service in traces.
    #[serde(default = "service_name")]
    pub service_name: String,
    /// The share of requests that begin a trace here, from 0 to 1. Whether a request is sent that
    /// continues a caller's trace is the caller's choice.
    #[serde(default = "ratio")]
    pub ratio: f64,
    /// A file of headers for the collector, each on a line.
    #[serde(default)]
    pub headers_file: Option<PathBuf>,
    /// The authorities of the collector's certificate; those of the system without it.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How long sending may take, in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// How many requests may wait to be sent.
    #[serde(default = "queue")]
    pub queue: usize,
}

fn service_name() -> String {
    "behest".to_owned()
}

fn ratio() -> f64 {
    1.0
}

/// A collector nearby takes milliseconds.
fn timeout_ms() -> u64 {
    5_000
}

/// Each takes at most some two kilobytes.
fn queue() -> usize {
    2_048
}

/// A part of a request's time, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPhase {
    /// The caller is known, and its body read.
    Read,
    /// The revision that it wants is there, and its credentials are verified.
    Credentials,
    /// The question is decided, and recorded.
    Decide,
}

impl RequestPhase {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Read, Self::Credentials, Self::Decide];

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Credentials => "credentials",
            Self::Decide => "decide",
        }
    }
}

/// When each phase ended, from the beginning of the request; `None` for those that there were not.
pub type PhaseEnds = [Option<Duration>; RequestPhase::ALL.len()];

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct RequestSpan {
    /// The trace.
    pub trace: TraceId,
    /// The caller's span, if the trace is the caller's.
    pub parent: Option<SpanId>,
    /// The caller's `tracestate`, as far as it may be passed on.
    pub state: Option<Box<str>>,
    /// The method, `other` for one that HTTP does not know.
    pub method: &'static str,
    /// The endpoint's path with the names of its parameters; `None` where there is no endpoint.
    pub route: Option<Box<str>>,
    /// Whether the connection is encrypted by this service.
    pub is_tls: bool,
    /// The status of the answer.
    pub status: u16,
    /// The time of day at the answer, in milliseconds since 1970.
    pub ended_ms: i64,
    /// From the request's head to the answer.
    pub elapsed: Duration,
    /// When its phases ended.
    pub phases: PhaseEnds,
    /// The caller's name, `anonymous` or `unknown`.
    pub caller: SmolStr,
    /// The request's `X-Request-ID`, at most 256 characters of it.
    pub request_id: Option<Box<str>>,
    /// The id of the decision, as in its record; of a batch the first.
    pub decision: Option<Box<str>>,
    /// The address of the other end of the connection; `None` on a unix socket.
    pub peer: Option<SocketAddr>,
}

impl RequestSpan {
    /// Returns how many spans it becomes: its own, and one for each phase.
    fn spans(&self) -> usize {
        1 + self.phases.iter().flatten().count()
    }
}

/// Why a collector took no span of a lot.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// They cannot be written.
    #[error("they cannot be written: {0}")]
    Form(#[from] serde_json::Error),
    /// It answered with this status.
    #[error("it answers with the status {0}")]
    Status(u16),
    /// It did not answer in time.
    #[error("it does not answer: {0}")]
    Unreachable(String),
}

/// Sends a body of JSON to the collector, and returns how many spans it refused, or why it took
/// none.
pub type SendSpans = Box<dyn FnMut(&[u8]) -> Result<usize, SendError> + Send>;

/// What chooses requests, and sends them.
pub struct Tracer {
    background: Background<RequestSpan>,
    metrics: ExportMetrics,
    /// Of the numbers that a trace's id ends with, those below this one are chosen.
    chosen_below: u64,
    /// Whether all are chosen.
    is_all: bool,
}

impl Tracer {
    /// Starts the thread that sends spans.
    pub fn start(
        settings: &TracerSettings,
        metrics: &ExportMetrics,
        send: SendSpans,
    ) -> io::Result<Arc<Self>> {
        let sender = SpanSender {
            send,
            service: settings.service_name.clone(),
            metrics: metrics.clone(),
            is_failing: false,
        };
        let background = Background::start("spans", settings.queue, move |arrivals| {
            sender.run(arrivals);
        })?;
        Ok(Arc::new(Self {
            background,
            metrics: metrics.clone(),
            chosen_below: share(settings.ratio),
            is_all: settings.ratio >= 1.0,
        }))
    }

    /// Returns the id of a trace that begins here, if the request is chosen.
    #[must_use]
    pub fn begin(&self) -> Option<TraceId> {
        TraceId::random().filter(|trace| self.is_all || trace.low_half() < self.chosen_below)
    }

    /// Hands over a request; it is lost and counted if too many wait. Never waits.
    pub fn offer(&self, span: RequestSpan) {
        let spans = span.spans();
        if !self.background.offer(span) {
            self.metrics.spans_lost(SpanLoss::Queue, spans);
        }
    }

    /// Sends what waits, and ends the thread, within this time. What is left is counted as lost, a
    /// span for each request.
    pub fn close(&self, within: Duration) {
        let left = self.background.close(within);
        self.metrics.spans_lost(SpanLoss::End, left);
        if left > 0 {
            tracing::warn!(requests = left, "spans were lost at the end");
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("chosen_below", &self.chosen_below)
            .finish_non_exhaustive()
    }
}

/// Returns the number below which a share of all numbers lies.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share within a millionth is as good, and the conversion saturates"
)]
fn share(ratio: f64) -> u64 {
    (ratio * u64::MAX as f64) as u64
}

/// What the thread holds.
struct SpanSender {
    send: SendSpans,
    service: String,
    metrics: ExportMetrics,
    /// Whether the last lot was not taken, so that a failure is logged only when it begins and when
    /// it ends.
    is_failing: bool,
}

impl SpanSender {
    fn run(mut self, mut arrivals: Arrivals<RequestSpan>) {
        loop {
            let batch = arrivals.batch(GATHER, BATCH);
            if batch.is_empty() {
                break;
            }
            self.export(&batch);
            arrivals.done(batch.len());
        }
    }

    fn export(&mut self, batch: &[RequestSpan]) {
        let spans: usize = batch.iter().map(RequestSpan::spans).sum();
        let taken = otlp::write(&self.service, batch)
            .map_err(SendError::Form)
            .and_then(|body| (self.send)(&body));
        match taken {
            Ok(refused) => {
                let refused = refused.min(spans);
                self.metrics.spans_sent(spans - refused);
                self.metrics.spans_lost(SpanLoss::Collector, refused);
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("the collector takes spans again");
                }
            }
            Err(error) => {
                self.metrics.spans_lost(SpanLoss::Collector, spans);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%error, "the collector does not take spans; they are lost");
                }
            }
        }
    }
}
