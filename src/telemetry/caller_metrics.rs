//! How many requests each caller has sent, and what became of them.
//!
//! INVARIANT: callers are the operator's own, and so are these labels; whoever is not one of them
//! is `anonymous` (no credential) or `unknown` (one that is nobody's). Nothing that a request says
//! becomes a label.

use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family};
use prometheus_client::registry::Registry;

/// The label of requests without a credential.
pub const ANONYMOUS_CALLER: &str = "anonymous";

/// The label of requests with a credential that is nobody's.
pub const UNKNOWN_CALLER: &str = "unknown";

/// What becomes of a request.
const OUTCOMES: [&str; 4] = ["answered", "refused", "limited", "failed"];

type CallerRequests = Family<[(&'static str, String); 2], Counter>;

/// The counters of one caller, looked up in advance.
#[derive(Clone, Debug)]
pub struct CallerTally {
    answered: Counter,
    refused: Counter,
    limited: Counter,
    failed: Counter,
}

impl CallerTally {
    /// Counts a request by the status of its answer: below 400 it was answered, 429 says that the
    /// caller's rate was exceeded, below 500 it was refused, and all others failed.
    pub fn count(&self, status: u16) {
        match status {
            ..400 => self.answered.inc(),
            429 => self.limited.inc(),
            400..500 => self.refused.inc(),
            500.. => self.failed.inc(),
        };
    }
}

/// The requests of all callers.
#[derive(Clone, Debug)]
pub struct CallerMetrics {
    requests: CallerRequests,
    /// Requests without a credential.
    pub anonymous: CallerTally,
    /// Requests with a credential that is nobody's.
    pub unknown: CallerTally,
}

impl Default for CallerMetrics {
    fn default() -> Self {
        let requests = CallerRequests::default();
        Self {
            anonymous: tally(&requests, ANONYMOUS_CALLER),
            unknown: tally(&requests, UNKNOWN_CALLER),
            requests,
        }
    }
}

impl CallerMetrics {
    /// Returns the counters of a configured caller.
    #[must_use]
    pub fn of(&self, caller: &str) -> CallerTally {
        tally(&self.requests, caller)
    }

    /// Forgets a caller that is no longer configured. What its requests in progress still count is
    /// lost.
    pub fn forget(&self, caller: &str) {
        for outcome in OUTCOMES {
            self.requests.remove(&labels(caller, outcome));
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            names::CALLER_REQUESTS,
            "Requests by caller and outcome",
            self.requests.clone(),
        );
    }
}

fn tally(requests: &CallerRequests, caller: &str) -> CallerTally {
    let [answered, refused, limited, failed] =
        OUTCOMES.map(|outcome| requests.get_or_create_owned(&labels(caller, outcome)));
    CallerTally {
        answered,
        refused,
        limited,
        failed,
    }
}

fn labels(caller: &str, outcome: &'static str) -> [(&'static str, String); 2] {
    [
        ("caller", caller.to_owned()),
        ("outcome", outcome.to_owned()),
    ]
}
