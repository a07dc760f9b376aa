//! What the HTTP surface can be told, and its limits with their reasons.
//!
//! The composition root fills these in from its own settings; nothing here reads a file or an
//! environment.

use super::tls::Tls;
use super::{By, Caller, Permissions, PublicUrl};
use crate::evidence::Verifier;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the HTTP surface can be told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The service's identifier (AuthZEN 1.0 section 9.1). Until it is set, the metadata answer 404
    /// with a hint: an identifier taken from the `Host` header could be anybody's.
    pub public_url: Option<PublicUrl>,
    /// Who may call with a key.
    pub callers: Vec<Caller>,
    /// What a caller without a key may do; `None` answers such a caller with 401. Whatever stands
    /// here, an anonymous request needs a loopback `Host` and may not have passed a proxy.
    pub anonymous: Option<Permissions>,
    /// Whether `Authorization: <key>`, without a scheme, is read as a key: some gateways send it
    /// so.
    pub raw_keys: bool,
    /// Who verifies the credentials in requests; without one, a request that holds any is denied.
    pub verifier: Option<Arc<Verifier>>,
    /// What the service speaks TLS with; without it, it speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Bytes that bodies may take which were asked before; none are kept by default. Of use only to
    /// an engine that keeps the outcomes of legs.
    pub known_bytes: usize,
    /// The limits.
    pub limits: Limits,
    /// Threads that answer; `None` for one per core.
    pub workers: Option<usize>,
}

impl Settings {
    /// Whether a caller may show who it is by a token.
    pub(super) fn takes_tokens(&self) -> bool {
        self.verifier.is_some()
            && self
                .callers
                .iter()
                .any(|caller| matches!(caller.by, By::Token { .. }))
    }
}

/// Limits on what one client can cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body. A larger one is a 413.
    pub body_bytes: usize,
    /// Levels of objects and arrays in a body, the outermost counted; at most
    /// [`Limits::MAX_JSON_DEPTH`] takes effect.
    pub json_depth: usize,
    /// Items of one batch.
    pub evaluations: usize,
    /// Memory that the items of one batch may inherit from its defaults, all together, in bytes.
    /// More is a 400.
    pub inherited_bytes: usize,
    /// How long the items of one batch may take together. A batch that takes longer is a 503.
    pub batch_time: Duration,
    /// How long a request may wait for the revision in its `options.at_least`. It is a 503 after
    /// that.
    pub at_least_time: Duration,
    /// How many requests may wait for one at once. One more is a 503 at once.
    pub waiting: usize,
    /// How long a request's head may take to arrive.
    pub head_time: Duration,
    /// How long a request's body may take to arrive. A slower one is a 408.
    pub body_time: Duration,
    /// How long a client may take no byte of an answer that is there. Its connection is closed
    /// then.
    pub answer_time: Duration,
    /// How long a connection lives. The answer after that is its last, and what is still in
    /// progress after as long again is cut off.
    pub connection_time: Duration,
    /// How long what takes long, as a batch, may wait for its turn. A request that would wait for
    /// longer is a 503.
    pub queue_time: Duration,
    /// Bytes of one answer. Explanations and reasons are left out of what would be larger, and said
    /// to be; what is still larger is a 400.
    pub answer_bytes: usize,
    /// Bytes that bodies of requests may take together, as text and as what is read from it. One
    /// more is a 503.
    pub bodies_bytes: usize,
    /// Bytes that answers may take together which nobody has taken yet. One more is a 503.
    pub answers_bytes: usize,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// Open connections, over all threads.
    pub connections: usize,
    /// How long requests in flight may take to end once the service is told to stop; rounded up to
    /// whole seconds.
    pub shutdown: Duration,
}

impl Limits {
    /// The deepest nesting that a setting can allow: reading and dropping a value takes stack for
    /// each level.
    pub const MAX_JSON_DEPTH: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A tool call with its arguments has some kilobytes; a full batch of plain items some
            // hundred.
            body_bytes: 1024 * 1024,
            // Real requests stay under ten levels.
            json_depth: 64,
            // Each item is a decision of its own.
            evaluations: 1000,
            // What the largest body takes in memory, so that defaults multiply no body's cost: 60
            // items that inherit ten thousand numbers, or a thousand that inherit ten kilobytes of
            // text with three hundred members.
            inherited_bytes: 32 * 1024 * 1024,
            // A full batch of plain items takes some tens of milliseconds.
            batch_time: Duration::from_secs(5),
            // A process that follows another is some milliseconds behind. A caller that enforces
            // cannot wait for longer.
            at_least_time: Duration::from_secs(2),
            // Each holds its connection and the text of its body; a tenth of the connections may do
            // so.
            waiting: 1_000,
            // Callers are servers nearby: one that needs longer is stuck or hostile.
            head_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            // A client that is busy for longer has given up by itself.
            answer_time: Duration::from_secs(30),
            // Balances load again after replicas have come, and ends what nobody remembers.
            connection_time: Duration::from_hours(1),
            // 64 clients that send batches of 50 at once wait for 20 ms; a caller that enforces has
            // given up after a second.
            queue_time: Duration::from_millis(100),
            // A full batch with reasons takes some hundred kilobytes; an explanation some.
            answer_bytes: 4 * 1024 * 1024,
            // Six of the largest bodies of the worst kind, which take forty times their length;
            // hundreds of usual ones.
            bodies_bytes: 256 * 1024 * 1024,
            answers_bytes: 256 * 1024 * 1024,
            // Longer than the idle time of common connection pools, so that the client closes
            // first.
            keep_alive: Duration::from_secs(75),
            // Some kilobytes of buffers each, and at most 64.
            connections: 10_000,
            shutdown: Duration::from_secs(10),
        }
    }
}
