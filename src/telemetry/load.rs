//! What a service under load counts: what it refused, and which connections it ended.

use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family};
use prometheus_client::registry::Registry;

/// Why a request was refused for load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCause {
    /// Its answer would have come too late.
    Time,
    /// Bodies of requests take too much memory together.
    Bodies,
    /// Answers that nobody has taken yet take too much memory together.
    Answers,
    /// Its client had gone away before its turn came.
    Left,
}

/// Why the service ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// No whole request came in time.
    Request,
    /// The client took no byte of its answer for too long.
    Answer,
    /// It was too old.
    Age,
}

type Causes = Family<[(&'static str, &'static str); 1], Counter>;

/// The counters.
#[derive(Clone, Debug, Default)]
pub struct LoadMetrics {
    refused: Causes,
    ended: Causes,
}

impl LoadMetrics {
    /// A request was refused.
    pub fn refused(&self, cause: RefusalCause) {
        let cause = match cause {
            RefusalCause::Time => "time",
            RefusalCause::Bodies => "bodies",
            RefusalCause::Answers => "answers",
            RefusalCause::Left => "left",
        };
        self.refused.get_or_create(&[("cause", cause)]).inc();
    }

    /// A connection was ended.
    pub fn connection_ended(&self, cause: ConnectionEnd) {
        let cause = match cause {
            ConnectionEnd::Request => "request",
            ConnectionEnd::Answer => "answer",
            ConnectionEnd::Age => "age",
        };
        self.ended.get_or_create(&[("cause", cause)]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        // What has not happened yet is zero, and no gap: an alarm on a rate needs the first sample.
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
