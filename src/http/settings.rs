//! The settings of the HTTP surface, and its limits with their reasons.
//!
//! The composition root fills these in from the service's settings; nothing here reads a file or an
//! environment variable.

use super::tls::Tls;
use super::{Caller, CallerCredential, Permissions, PublicUrl};
use crate::evidence::Verifier;
use crate::model::{Problems, Timestamp};
use crate::telemetry::{AccessLog, AccessLogMode, Tracer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// All settings of the HTTP surface.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The service's identifier (AuthZEN 1.0 section 9.1). Until it is set, the metadata endpoint
    /// answers 404 with a hint: an identifier taken from the `Host` header could be forged.
    pub public_url: Option<PublicUrl>,
    /// The configured callers.
    pub callers: Vec<Caller>,
    /// The permissions of anonymous callers; with `None`, a request without a credential is a 401.
    /// In any case an anonymous request must name a loopback `Host` and must not have passed a
    /// proxy.
    pub anonymous: Option<Permissions>,
    /// Whether `Authorization: <key>`, without a scheme, is read as a key; some gateways send keys
    /// this way.
    pub raw_keys: bool,
    /// The verifier of the credentials in requests; without one, a request that holds any is
    /// denied.
    pub verifier: Option<Arc<Verifier>>,
    /// The certificates for TLS; without them, the service speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Who reads `/metrics`.
    pub metrics: PageReaders,
    /// Who reads `/docs` and the description of the API.
    pub docs: PageReaders,
    /// Memory of the request cache in bytes; 0, the default, turns it off. It helps only if the
    /// engine's cache is on too: an entry holds the keys under which that cache stores the outcome
    /// of each leg, the decision for one member of the chain.
    pub known_bytes: usize,
    /// Whether edits are saved into the bundle's directory: a session of its author does, and no
    /// service.
    pub saves_edits: bool,
    /// Which requests have a line in the access log.
    pub access: AccessLogMode,
    /// What writes these lines; without it, there are none.
    pub access_log: Option<Arc<AccessLog>>,
    /// What sends spans of requests; without it, there are none.
    pub tracer: Option<Arc<Tracer>>,
    /// The limits.
    pub limits: HttpLimits,
    /// The number of worker threads; `None` means one per core.
    pub workers: Option<usize>,
}

/// What a reading of the settings came to.
#[derive(Clone, Debug)]
pub struct SettingsReport {
    /// When they were read.
    pub read_at: Timestamp,
    /// Why they were refused; `None` if they count.
    pub refused: Option<Problems>,
    /// What they have changed, each in a sentence.
    pub changes: Vec<String>,
    /// The keys of those that count after a restart.
    pub restarts: Vec<String>,
}

/// A page whose readers a setting chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// `/metrics`.
    Metrics,
    /// The page of the API, its files, and the description of the API.
    Docs,
}

impl Page {
    /// Returns the name of its setting.
    pub(in crate::http) fn setting(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Docs => "docs",
        }
    }
}

/// Who may read a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageReaders {
    /// Everybody: probes, scrapers and browsers carry no keys.
    #[default]
    Open,
    /// Every configured caller, whatever its permissions.
    Callers,
    /// Nobody: the page is not there.
    Off,
}

impl PageReaders {
    /// Every word, with what it stands for.
    const WORDS: [(&'static str, Self); 3] = [
        ("open", Self::Open),
        ("callers", Self::Callers),
        ("off", Self::Off),
    ];
}

/// The error for a text that does not say who reads a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nobody who reads a page; write `open`, `callers` or `off`")]
pub struct PageReadersError(String);

impl FromStr for PageReaders {
    type Err = PageReadersError;

    fn from_str(word: &str) -> Result<Self, PageReadersError> {
        let known = Self::WORDS.into_iter().find(|(known, _)| *known == word);
        known
            .map(|(_, readers)| readers)
            .ok_or_else(|| PageReadersError(word.to_owned()))
    }
}

impl fmt::Display for PageReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Callers => "callers",
            Self::Off => "off",
        })
    }
}

impl Settings {
    /// Returns who may read a page.
    pub(super) fn readers(&self, page: Page) -> PageReaders {
        match page {
            Page::Metrics => self.metrics,
            Page::Docs => self.docs,
        }
    }

    /// Returns `true` if some caller is identified by a token, and tokens can be verified.
    pub(super) fn takes_tokens(&self) -> bool {
        self.verifier.is_some()
            && self
                .callers
                .iter()
                .any(|caller| matches!(caller.by, CallerCredential::Token { .. }))
    }
}

/// Limits on what one client can cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Maximum size of a request body in bytes. A larger one is a 413.
    pub body_bytes: usize,
    /// Maximum nesting of objects and arrays in a body, counting the outermost; a value above
    /// [`json::MAX_DEPTH`](crate::json::MAX_DEPTH) is lowered to it.
    pub json_depth: usize,
    /// Maximum number of items in one batch.
    pub evaluations: usize,
    /// Maximum memory, in bytes, that all items of one batch may inherit from its defaults. More is
    /// a 400.
    pub inherited_bytes: usize,
    /// Maximum time for all items of one batch together. A batch that takes longer is a 503.
    pub batch_time: Duration,
    /// Maximum time that a request may wait for the revision in its `options.at_least`; then it is
    /// a 503.
    pub at_least_time: Duration,
    /// Maximum number of requests that wait for a revision at the same time. One more is refused
    /// with a 503 at once.
    pub waiting: usize,
    /// Maximum time for a request's head to arrive.
    pub head_time: Duration,
    /// Maximum time for a request's body to arrive. A slower one is a 408.
    pub body_time: Duration,
    /// Maximum time for which a client may leave a ready answer waiting without taking a byte of
    /// it. Then the connection is closed.
    pub answer_time: Duration,
    /// Maximum age of a connection. After it, an idle connection is closed, and a busy one after
    /// its next answer. After twice this age, a request still in progress is cut off.
    pub connection_time: Duration,
    /// Maximum time that long work, such as a batch, may wait for its turn. A request that would
    /// wait longer is a 503.
    pub queue_time: Duration,
    /// Maximum size of an answer in bytes. From a larger one, explanations and reasons are left
    /// out, and the answer says so; if it is still too large, it is a 400.
    pub answer_bytes: usize,
    /// Memory, in bytes, for all request bodies together, as text and as parsed values. A request
    /// for which there is none left is a 503.
    pub bodies_bytes: usize,
    /// Memory, in bytes, for all answers that clients have not taken yet. An answer for which there
    /// is none left is a 503.
    pub answers_bytes: usize,
    /// Time after which an idle connection is closed.
    pub keep_alive: Duration,
    /// Maximum number of open connections, over all threads.
    pub connections: usize,
    /// How long `/readyz` says that the service is about to end before connections are refused.
    /// Without it, five seconds on an address that other machines can reach, and none on others.
    pub drain: Option<Duration>,
    /// Maximum time for requests in flight to end once the service is told to stop, rounded up to
    /// whole seconds.
    pub shutdown: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            // A tool call with its arguments has some kilobytes; a full batch of plain items has
            // some hundred.
            body_bytes: 1024 * 1024,
            // Real requests have fewer than ten levels.
            json_depth: 64,
            // Each item is a decision of its own.
            evaluations: 1000,
            // This is about as much memory as the largest body takes, so that defaults cannot
            // multiply a body's cost. It allows, for example, 60 items that each inherit ten
            // thousand numbers, or a thousand items that each inherit ten kilobytes of text with
            // three hundred members.
            inherited_bytes: 32 * 1024 * 1024,
            // A full batch of plain items takes some tens of milliseconds.
            batch_time: Duration::from_secs(5),
            // A replica is usually a few milliseconds behind the process that it follows. A caller
            // that enforces decisions cannot wait longer than two seconds.
            at_least_time: Duration::from_secs(2),
            // Each waiting request holds its connection and the text of its body; a tenth of the
            // connections may do so.
            waiting: 1_000,
            // Callers are services nearby: one that needs longer is stuck or hostile.
            head_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            // A client that takes nothing for longer has given up.
            answer_time: Duration::from_secs(30),
            // This rebalances load after replicas were added, and closes forgotten connections.
            connection_time: Duration::from_hours(1),
            // If 64 clients send batches of 50 at once, they wait for 20 ms. A caller that enforces
            // gives up after a second.
            queue_time: Duration::from_millis(100),
            // A full batch with reasons takes some hundred kilobytes, and so does an explanation.
            answer_bytes: 4 * 1024 * 1024,
            // This holds six of the largest bodies of the worst kind, which take forty times their
            // length in memory, or hundreds of usual ones.
            bodies_bytes: 256 * 1024 * 1024,
            answers_bytes: 256 * 1024 * 1024,
            // This is longer than the 60 s after which common proxies close their side, so that
            // the client closes first.
            keep_alive: Duration::from_secs(75),
            // Each connection takes a file descriptor and some kilobytes of buffers, at most 64;
            // the number is below the usual limit of 16,384 descriptors.
            connections: 10_000,
            // The default depends on the address.
            drain: None,
            // This is shorter than the 10 s after which container runtimes kill a process.
            shutdown: Duration::from_secs(8),
        }
    }
}
