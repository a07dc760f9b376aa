//! Metrics and logs: what an operator sees of a running service.
//!
//! **Problem.** Dashboards and alerts depend on names, so these must not change by accident. And
//! counting must not cost as much as what it counts: a decision takes microseconds.
//! **Decision.** Every metric is a field of [`Metrics`], registered under a name of [`names`].
//! There are no globals, so each test has its own counts. Counts per decision use handles that were
//! looked up in advance.
//! **Trade-off.** A new metric needs a new method here; it cannot be added where the event happens.
//!
//! Fields of log lines, by the same names everywhere:
//!
//! | Field | What |
//! |---|---|
//! | `bundle` | the first twelve digits of a bundle's digest |
//! | `path` | a file or a directory |
//! | `error` | the message of the system or a library |
//! | `records` | a number of decision records |
//! | `address` | the address that the service listens on |
//! | `request_id` | the request's `X-Request-ID`, at most 256 characters of it |
//! | `trace_id` | the trace that the request belongs to |
//! | `endpoint` | an endpoint's label, as in metrics |

mod access_log;
mod background;
mod cache;
mod caller_metrics;
mod decision_counters;
mod export_metrics;
mod last_load;
mod lines;
mod load;
mod log_queue;
mod logging;
mod metrics;
mod printable;
mod process;
mod settings_metrics;
mod spans;
mod state_metrics;
mod trace_context;

pub use access_log::{AccessLine, AccessLog, AccessLogMode};
pub use cache::{CacheMetrics, CacheMiss};
pub use caller_metrics::{ANONYMOUS_CALLER, CallerMetrics, CallerTally, UNKNOWN_CALLER};
pub use decision_counters::MAX_REASONS;
pub use export_metrics::ExportMetrics;
pub use load::{ConnectionEnd, LoadMetrics, RefusalCause};
pub use log_queue::Log;
pub use logging::{DEFAULT_FILTER, LogFormat, LoggingError, start_logging};
pub use metrics::Metrics;
pub use printable::{is_printable, printable, write_json_escape, write_printable};
pub use settings_metrics::SettingsMetrics;
pub use spans::{
    PhaseEnds, RequestPhase, RequestSpan, SendError, SendSpans, Tracer, TracerSettings,
};
pub use state_metrics::{CertificateEnds, RelationFigures, StateMetrics};
pub use trace_context::{SpanId, TraceId, TraceParent, trace_state};

/// The names of all metrics, without the endings that the exposition format adds (`_total`,
/// `_info`, `_bucket`).
pub mod names {
    /// Decisions, by `decision` (`permit`, `deny`) and `reason` (a code, `none` for a permit).
    pub const DECISIONS: &str = "behest_decisions";
    /// The time to answer a request, by `endpoint` and `status`.
    pub const REQUEST_SECONDS: &str = "behest_request_seconds";
    /// Seconds since the live bundle went live.
    pub const BUNDLE_AGE_SECONDS: &str = "behest_bundle_age_seconds";
    /// The live bundle's digest, as the label `digest` of a metric that is 1.
    pub const BUNDLE_INFO: &str = "behest_bundle_info";
    /// 1 while the kept bundle decides, because the bundle's own files were refused at start.
    pub const BUNDLE_KEPT: &str = "behest_bundle_kept";
    /// Bundles that went live.
    pub const BUNDLE_LOADS: &str = "behest_bundle_loads";
    /// Bundles that were refused.
    pub const RELOAD_FAILURES: &str = "behest_bundle_reload_failures";
    /// Decision records that were written.
    pub const RECORDS_WRITTEN: &str = "behest_records_written";
    /// Decision records that were lost.
    pub const RECORDS_DROPPED: &str = "behest_records_dropped";
    /// Attempts to write decision records that failed.
    pub const RECORD_WRITE_ERRORS: &str = "behest_record_write_errors";
    /// Candidates that pages of searches went through, by `search` (`subject`, `resource`,
    /// `action`).
    pub const SEARCH_CANDIDATES: &str = "behest_search_candidates";
    /// Candidates that were decided.
    pub const SEARCH_DECIDED: &str = "behest_search_decided";
    /// Candidates that were returned.
    pub const SEARCH_RETURNED: &str = "behest_search_returned";
    /// Legs whose outcome was found in the cache.
    pub const CACHE_HITS: &str = "behest_cache_hits";
    /// Legs that were evaluated although there is a cache, by `cause` (`absent`, `stale`, `time`,
    /// `uncacheable`).
    pub const CACHE_MISSES: &str = "behest_cache_misses";
    /// Requests that were answered without being read, from the request cache.
    pub const CACHE_KNOWN: &str = "behest_cache_known_requests";
    /// Outcomes that were evicted from the cache.
    pub const CACHE_EVICTIONS: &str = "behest_cache_evictions";
    /// Misses among the `stale` ones whose write may have been to other rows: that row shares a
    /// stripe with a row of the leg, or the leg depends on too many rows to name them.
    pub const CACHE_COLLISIONS: &str = "behest_cache_stripe_collisions";
    /// Memory that cached outcomes take.
    pub const CACHE_BYTES: &str = "behest_cache_bytes";
    /// Requests that were refused because of load, by `cause` (`time`, `bodies`, `answers`,
    /// `left`).
    pub const REQUESTS_REFUSED: &str = "behest_requests_refused";
    /// Connections that the service closed, by `cause` (`request`, `answer`, `age`).
    pub const CONNECTIONS_ENDED: &str = "behest_connections_ended";
    /// User and system time of the process, in seconds.
    pub const PROCESS_CPU_SECONDS: &str = "process_cpu_seconds";
    /// When the process started, in seconds since 1970.
    pub const PROCESS_START_SECONDS: &str = "process_start_time_seconds";
    /// Threads of the process.
    pub const PROCESS_THREADS: &str = "process_threads";
    /// Memory that is resident.
    pub const PROCESS_RESIDENT_BYTES: &str = "process_resident_memory_bytes";
    /// Addresses that are mapped.
    pub const PROCESS_VIRTUAL_BYTES: &str = "process_virtual_memory_bytes";
    /// Open file descriptors.
    pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
    /// How many file descriptors may be open.
    pub const PROCESS_MAX_FDS: &str = "process_max_fds";
    /// Settings that were read again.
    pub const SETTINGS_RELOADS: &str = "behest_settings_reloads";
    /// Settings that were refused when they were read again.
    pub const SETTINGS_RELOAD_FAILURES: &str = "behest_settings_reload_failures";
    /// How many settings differ from those that count, until a restart.
    pub const SETTINGS_RESTART_NEEDED: &str = "behest_settings_restart_needed";
    /// When a caller's key ends, by `caller` and `key` (its place among the caller's keys).
    pub const KEY_EXPIRY: &str = "behest_caller_key_expiry_timestamp_seconds";
    /// Whether the settings that were read last count (1) or were refused (0).
    pub const SETTINGS_LAST_LOAD_SUCCESSFUL: &str = "behest_settings_last_reload_successful";
    /// When settings were last read, in seconds since 1970.
    pub const SETTINGS_LAST_LOAD_SECONDS: &str = "behest_settings_last_reload_timestamp_seconds";
    /// Whether the last bundle that was read was found good (1) or refused (0).
    pub const LAST_LOAD_SUCCESSFUL: &str = "behest_bundle_last_reload_successful";
    /// When a bundle was last read, in seconds since 1970.
    pub const LAST_LOAD_SECONDS: &str = "behest_bundle_last_reload_timestamp_seconds";
    /// Requests, by `caller` (a configured one, `admin`, `anonymous`, `unknown`) and `outcome`
    /// (`answered`, `refused`, `limited`, `failed`).
    pub const CALLER_REQUESTS: &str = "behest_caller_requests";
    /// The newest revision of the relations that decisions see.
    pub const REVISION: &str = "behest_relations_revision";
    /// Stores of relations.
    pub const STORES: &str = "behest_stores";
    /// Tuples of all stores, by `layer` (`stored`, `bundle`).
    pub const TUPLES: &str = "behest_tuples";
    /// Size of the files in the data directory.
    pub const DATA_BYTES: &str = "behest_data_bytes";
    /// When a certificate ends, in seconds since 1970, by `certificate` (`server`,
    /// `client_authority`).
    pub const CERTIFICATE_END: &str = "behest_tls_certificate_not_after_seconds";
    /// Whether the last reading of the certificates found nothing wrong (1) or something (0).
    pub const CERTIFICATES_READ: &str = "behest_tls_last_reload_successful";
    /// Lines of the log that were lost.
    pub const LOG_LINES_DROPPED: &str = "behest_log_lines_dropped";
    /// Lines of the access log that were lost.
    pub const ACCESS_LINES_DROPPED: &str = "behest_access_lines_dropped";
    /// Spans that the collector has taken.
    pub const SPANS_SENT: &str = "behest_spans_exported";
    /// Spans that were lost, by `cause` (`queue`, `collector`, `end`).
    pub const SPANS_DROPPED: &str = "behest_spans_dropped";
    /// The running version, as the label `version`.
    pub const BUILD: &str = "behest_build";
}
