//! The metrics of a service under load: refused requests and closed connections.

use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family};
use prometheus_client::registry::Registry;

/// Why a request was refused because of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCause {
    /// The answer would have come too late.
    Time,
    /// The bodies of all requests take too much memory together.
    Bodies,
    /// The answers that clients have not yet read take too much memory together.
    Answers,
    /// The client disconnected before its request was due.
    Left,
}

/// Why the service closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// No complete request arrived in time.
    Request,
    /// The client read nothing of its answer for too long.
    Answer,
    /// The connection was too old.
    Age,
}

type Causes = Family<[(&'static str, &'static str); 1], Counter>;

/// The counters of refused requests and closed connections.
#[derive(Clone, Debug, Default)]
pub struct LoadMetrics {
    refused: Causes,
    ended: Causes,
}

impl LoadMetrics {
    /// Counts a refused request.
    pub fn refused(&self, cause: RefusalCause) {
        let cause = match cause {
            RefusalCause::Time => "time",
            RefusalCause::Bodies => "bodies",
            RefusalCause::Answers => "answers",
            RefusalCause::Left => "left",
        };
        self.refused.get_or_create(&[("cause", cause)]).inc();
    }

    /// Counts a connection that the service closed.
    pub fn connection_ended(&self, cause: ConnectionEnd) {
        let cause = match cause {
            ConnectionEnd::Request => "request",
            ConnectionEnd::Answer => "answer",
            ConnectionEnd::Age => "age",
        };
        self.ended.get_or_create(&[("cause", cause)]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        // Counters start at zero rather than missing: an alert on a rate needs the first sample.
        for cause in ["time", "bodies", "answers", "left"] {
            drop(self.refused.get_or_create(&[("cause", cause)]));
        }
        for cause in ["request", "answer", "age"] {
            drop(self.ended.get_or_create(&[("cause", cause)]));
        }
        registry.register(
            names::REQUESTS_REFUSED,
            "Requests refused for load, by cause",
            self.refused.clone(),
        );
        let ended = self.ended.clone();
        registry.register(
            names::CONNECTIONS_ENDED,
            "Connections that the service ended, by cause",
            ended,
        );
    }
}
