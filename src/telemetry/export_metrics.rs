//! The metrics of what leaves the process beside records: lines of logs, and spans.

use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family};
use prometheus_client::registry::Registry;

/// Why spans were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanLoss {
    /// Too many waited.
    Queue,
    /// The collector did not take them.
    Collector,
    /// They could not be sent before the end of the service.
    End,
}

impl SpanLoss {
    const ALL: [Self; 3] = [Self::Queue, Self::Collector, Self::End];

    fn cause(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Collector => "collector",
            Self::End => "end",
        }
    }
}

/// The counters of what leaves the process.
#[derive(Clone, Debug, Default)]
pub struct ExportMetrics {
    log_lines_lost: Counter,
    lines_lost: Counter,
    spans_sent: Counter,
    spans_lost: Family<[(&'static str, &'static str); 1], Counter>,
}

impl ExportMetrics {
    /// Counts a line of the log that was lost.
    pub(super) fn log_line_lost(&self) {
        self.log_lines_lost.inc();
    }

    /// Counts lines of the access log that were lost.
    pub(super) fn lines_lost(&self, lines: usize) {
        self.lines_lost.inc_by(number(lines));
    }

    /// Counts spans that the collector has taken.
    pub(super) fn spans_sent(&self, spans: usize) {
        self.spans_sent.inc_by(number(spans));
    }

    /// Counts spans that were lost.
    pub(super) fn spans_lost(&self, loss: SpanLoss, spans: usize) {
        self.spans_lost
            .get_or_create(&[("cause", loss.cause())])
            .inc_by(number(spans));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        // Counters start at zero rather than missing: an alert on a rate needs the first sample.
        for loss in SpanLoss::ALL {
            self.spans_lost(loss, 0);
        }
        registry.register(
            names::LOG_LINES_DROPPED,
            "Lines of the log that were lost",
            self.log_lines_lost.clone(),
        );
        registry.register(
            names::ACCESS_LINES_DROPPED,
            "Lines of the access log that were lost",
            self.lines_lost.clone(),
        );
        registry.register(
            names::SPANS_SENT,
            "Spans that the collector has taken",
            self.spans_sent.clone(),
        );
        registry.register(
            names::SPANS_DROPPED,
            "Spans that were lost, by cause",
            self.spans_lost.clone(),
        );
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
