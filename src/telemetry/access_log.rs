//! The access log: one line for each request, if it is asked for.
//!
//! **Problem.** Lines of the log are written by whoever has something to say, and wait for a
//! terminal or a pipe that takes them slowly. One line for each request would make every answer
//! wait.
//! **Decision.** A worker offers what it knows of a request to a bounded queue; a thread makes
//! lines of it, in the form and under the filter of all other lines. A line that finds the queue
//! full is lost and counted.
//! **Trade-off.** A line comes a moment after its answer, and after a fault's own line.
//!
//! INVARIANT: a line holds no body, no key, no token and no path that a request chose. Its texts
//! are bounded.

use super::background::{Arrivals, Background};
use super::{ExportMetrics, TraceId};
use serde::Deserialize;
use smol_str::SmolStr;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// LIMIT: lines that wait to be written: a tenth of a second at eighty thousand requests a second,
/// and some ten megabytes where each request has the longest id.
const QUEUE: usize = 8_192;

/// What the lines of the log call it.
pub(super) const TARGET: &str = "behest::access";

/// How many lines are taken from the queue at once.
const BATCH: usize = 256;

/// How long the end of the service waits for lines that are not written yet.
const FLUSH: Duration = Duration::from_millis(500);

/// Which requests have a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "enum Word")]
pub enum AccessLogMode {
    /// None.
    #[default]
    Off,
    /// All but probes and `/metrics`.
    On,
    /// All.
    All,
}

impl fmt::Display for AccessLogMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
            Self::All => "all",
        })
    }
}

/// What a line says.
#[derive(Clone, Debug)]
pub struct AccessLine {
    /// The request's `X-Request-ID`, at most 256 characters of it.
    pub request_id: Option<Box<str>>,
    /// The trace that the request belongs to.
    pub trace_id: Option<TraceId>,
    /// The caller's name, `anonymous` or `unknown`.
    pub caller: SmolStr,
    /// The method, `other` for one that HTTP does not know.
    pub method: &'static str,
    /// The endpoint's label, as in metrics.
    pub endpoint: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// The length of the answer's body; `None` if it is streamed.
    pub bytes: Option<u64>,
    /// From the request's head to the answer, in microseconds.
    pub duration_us: u64,
    /// The address of the other end of the connection; `None` on a unix socket.
    pub peer: Option<SocketAddr>,
    /// The id of the decision, as in its record; of a batch the first.
    pub decision: Option<Box<str>>,
}

/// The thread that writes the lines.
pub struct AccessLog {
    background: Background<AccessLine>,
    metrics: ExportMetrics,
}

impl AccessLog {
    /// Starts the thread.
    pub fn start(metrics: &ExportMetrics) -> io::Result<Self> {
        Self::with_queue(QUEUE, metrics, write)
    }

    fn with_queue(
        capacity: usize,
        metrics: &ExportMetrics,
        write: impl Fn(&AccessLine) + Send + 'static,
    ) -> io::Result<Self> {
        let run = move |mut arrivals: Arrivals<AccessLine>| {
            loop {
                let lines = arrivals.batch(Duration::ZERO, BATCH);
                if lines.is_empty() {
                    break;
                }
                for line in lines {
                    write(&line);
                    arrivals.done(1);
                }
            }
        };
        Ok(Self {
            background: Background::start("access-log", capacity, run)?,
            metrics: metrics.clone(),
        })
    }

    /// Hands over a line; it is lost and counted if too many wait. Never waits.
    pub fn offer(&self, line: AccessLine) {
        if !self.background.offer(line) {
            self.metrics.lines_lost(1);
        }
    }

    /// Writes the lines that wait, and ends the thread. What cannot be written in time is counted
    /// as lost.
    pub fn close(&self) {
        self.metrics.lines_lost(self.background.close(FLUSH));
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLog(..)")
    }
}

fn write(line: &AccessLine) {
    let trace_id = line.trace_id.map(|trace| trace.to_string());
    let peer = line
        .peer
        .map_or_else(|| "unix".to_owned(), |peer| peer.to_string());
    tracing::info!(
        target: TARGET,
        request_id = line.request_id.as_deref(),
        trace_id = trace_id.as_deref(),
        caller = line.caller.as_str(),
        method = line.method,
        endpoint = line.endpoint,
        status = line.status,
        bytes = line.bytes,
        duration_us = line.duration_us,
        peer,
        decision = line.decision.as_deref(),
        "request"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;
    use std::sync::mpsc::channel;

    fn line() -> AccessLine {
        AccessLine {
            request_id: None,
            trace_id: None,
            caller: SmolStr::new("gateway"),
            method: "POST",
            endpoint: "evaluation",
            status: 200,
            bytes: Some(17),
            duration_us: 12,
            peer: None,
            decision: None,
        }
    }

    fn lost(metrics: &Metrics) -> bool {
        let text = metrics.encode(0);
        let zero = "behest_access_lines_dropped_total 0\n";
        !text.contains(zero)
    }

    #[test]
    fn lines_are_written_in_order_and_the_last_before_the_end() {
        let metrics = Metrics::default();
        let (told, seen) = channel();
        let write = move |line: &AccessLine| told.send(line.duration_us).unwrap();
        let log = AccessLog::with_queue(64, metrics.exports(), write).unwrap();
        for number in 0..50 {
            log.offer(AccessLine {
                duration_us: number,
                ..line()
            });
        }
        log.close();
        assert!(seen.iter().eq(0..50));
        assert!(!lost(&metrics));
    }

    /// A pipe that nobody reads from stops the thread, and no worker.
    #[test]
    fn a_reader_that_is_stuck_costs_lines_and_no_time() {
        let metrics = Metrics::default();
        let (free, stuck) = channel::<()>();
        let write = move |_: &AccessLine| {
            let _ = stuck.recv();
        };
        let log = AccessLog::with_queue(4, metrics.exports(), write).unwrap();
        let begun = std::time::Instant::now();
        for _ in 0..10_000 {
            log.offer(line());
        }
        assert!(lost(&metrics));
        log.close();
        assert!(begun.elapsed() < Duration::from_secs(20));
        drop(free);
    }
}
