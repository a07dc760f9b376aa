//! The metrics of one service, in the `OpenMetrics` text format.
//!
//! INVARIANT: label values are bounded. Endpoints are named by the code, and reasons by the bundle,
//! at most [`super::MAX_REASONS`] of them; nothing that a caller writes becomes a label.

use super::decision_counters::DecisionCounters;
use super::last_load::LastLoad;
use super::{
    CacheMetrics, CallerMetrics, ExportMetrics, LoadMetrics, SettingsMetrics, StateMetrics, names,
};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{
    counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info,
};
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Upper bounds of the latency buckets in seconds: a decision on a worker takes tens of
/// microseconds, a slow client seconds.
const LATENCY_BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// The value that [`Metrics`] holds before a bundle has gone live.
const NEVER: i64 = i64::MIN;

/// Every metric of the service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: DecisionCounters,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
    bundle_live_since_ms: AtomicI64,
    bundle_age: Gauge<f64, AtomicU64>,
    bundle_info: Family<[(&'static str, String); 1], Gauge>,
    bundle_kept: Gauge,
    bundle_loads: Counter,
    reload_failures: Counter,
    last_load: LastLoad,
    records_written: Counter,
    records_dropped: Counter,
    record_write_errors: Counter,
    search_candidates: Searches,
    search_decided: Searches,
    search_returned: Searches,
    cache: CacheMetrics,
    load: LoadMetrics,
    settings: SettingsMetrics,
    callers: CallerMetrics,
    state: StateMetrics,
    exports: ExportMetrics,
}

/// A counter for each kind of search.
type Searches = Family<[(&'static str, &'static str); 1], Counter>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            decisions: DecisionCounters::default(),
            requests: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            bundle_live_since_ms: AtomicI64::new(NEVER),
            bundle_age: Gauge::default(),
            bundle_info: Family::default(),
            bundle_kept: Gauge::default(),
            bundle_loads: Counter::default(),
            reload_failures: Counter::default(),
            last_load: LastLoad::default(),
            records_written: Counter::default(),
            records_dropped: Counter::default(),
            record_write_errors: Counter::default(),
            search_candidates: Family::default(),
            search_decided: Family::default(),
            search_returned: Family::default(),
            cache: CacheMetrics::default(),
            load: LoadMetrics::default(),
            settings: SettingsMetrics::default(),
            callers: CallerMetrics::default(),
            state: StateMetrics::default(),
            exports: ExportMetrics::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// Counts a decision: `decision` is `permit` or `deny`, `reason` a denial's code and `none` for
    /// a permit.
    ///
    /// Costs one or two atomic additions and, for a denial, a look-up without a lock.
    pub fn decided(&self, decision: &str, reason: &str) {
        if decision == "permit" {
            self.decisions.permits.inc();
        } else {
            self.decisions.count_denial(reason);
        }
    }

    /// Returns how many decisions were counted since the process began.
    #[must_use]
    pub fn decisions_so_far(&self) -> u64 {
        self.decisions.total()
    }

    /// Counts an answered request: its endpoint (a name in the code, never a path that a caller
    /// wrote), its status, and its duration in seconds.
    pub fn observe_request(&self, endpoint: &'static str, status: u16, seconds: f64) {
        self.requests
            .get_or_create(&RequestLabels { endpoint, status })
            .observe(seconds);
    }

    /// Records that a bundle went live at `at_ms`, in milliseconds since 1970.
    pub fn bundle_loaded(&self, digest: &str, at_ms: i64) {
        self.bundle_loads.inc();
        self.bundle_live_since_ms.store(at_ms, Ordering::Relaxed);
        self.bundle_info.clear();
        self.bundle_info
            .get_or_create(&[("digest", digest.to_owned())])
            .set(1);
    }

    /// Records whether the live bundle is the one that was kept, because the bundle's own files
    /// were refused at start.
    pub fn set_bundle_kept(&self, is_kept: bool) {
        self.bundle_kept.set(i64::from(is_kept));
    }

    /// Records that a bundle was found good at `at_ms`, be it another or the live one again.
    pub fn load_succeeded(&self, at_ms: i64) {
        self.last_load.ended(true, at_ms);
    }

    /// Counts a bundle that was refused at `at_ms`.
    pub fn reload_failed(&self, at_ms: i64) {
        self.reload_failures.inc();
        self.last_load.ended(false, at_ms);
    }

    /// Counts decision records that reached their sink.
    pub fn records_written(&self, records: u64) {
        self.records_written.inc_by(records);
    }

    /// Counts decision records that were lost because the queue was full, or because the sink
    /// failed until the end.
    pub fn records_dropped(&self, records: u64) {
        self.records_dropped.inc_by(records);
    }

    /// Counts a failed attempt to write to the records' sink.
    pub fn record_write_failed(&self) {
        self.record_write_errors.inc();
    }

    /// Counts a page of a search (`subject`, `resource` or `action`): how many candidates it went
    /// through, decided, and returned.
    pub fn searched(
        &self,
        search: &'static str,
        candidates: usize,
        decided: usize,
        returned: usize,
    ) {
        let counts = [
            (&self.search_candidates, candidates),
            (&self.search_decided, decided),
            (&self.search_returned, returned),
        ];
        for (family, count) in counts {
            family
                .get_or_create(&[("search", search)])
                .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// Returns the metrics of the caches.
    #[must_use]
    pub fn cache(&self) -> &CacheMetrics {
        &self.cache
    }

    /// Returns the metrics of a service under load.
    #[must_use]
    pub fn load(&self) -> &LoadMetrics {
        &self.load
    }

    /// Returns the metrics of the settings.
    #[must_use]
    pub fn settings(&self) -> &SettingsMetrics {
        &self.settings
    }

    /// Returns the metrics of the callers.
    #[must_use]
    pub fn callers(&self) -> &CallerMetrics {
        &self.callers
    }

    /// Returns the metrics of what the service holds.
    #[must_use]
    pub fn state(&self) -> &StateMetrics {
        &self.state
    }

    /// Returns the metrics of what leaves the process: the access log and spans.
    #[must_use]
    pub fn exports(&self) -> &ExportMetrics {
        &self.exports
    }

    /// Returns all metrics in the `OpenMetrics` text format, with the age of the bundle at
    /// `now_ms`.
    #[must_use]
    pub fn encode(&self, now_ms: i64) -> String {
        let since = self.bundle_live_since_ms.load(Ordering::Relaxed);
        // Without a bundle the age is not a number, which an alert on "older than" never mistakes
        // for a fresh bundle.
        self.bundle_age.set(if since == NEVER {
            f64::NAN
        } else {
            seconds_between(since, now_ms)
        });
        self.state.measure();
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "the metrics could not be written out");
        }
        text
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register(names::BUILD, "The running version", build);
        let decisions = self.decisions.family.clone();
        registry.register(
            names::DECISIONS,
            "Decisions by outcome and reason",
            decisions,
        );
        let requests = self.requests.clone();
        registry.register(
            names::REQUEST_SECONDS,
            "Time to answer a request, in seconds",
            requests,
        );
        let age = self.bundle_age.clone();
        registry.register(
            names::BUNDLE_AGE_SECONDS,
            "Time since the live bundle went live, in seconds",
            age,
        );
        registry.register(
            names::BUNDLE_INFO,
            "The digest of the live bundle",
            self.bundle_info.clone(),
        );
        registry.register(
            names::BUNDLE_KEPT,
            "Whether the kept bundle decides, because the bundle's own files are refused",
            self.bundle_kept.clone(),
        );
        self.register_counters();
        self.register_searches();
        self.cache.register(&mut self.registry);
        self.load.register(&mut self.registry);
        self.registry
            .register_collector(Box::new(super::process::ProcessCollector));
        self.settings.register(&mut self.registry);
        self.callers.register(&mut self.registry);
        self.state.register(&mut self.registry);
        self.exports.register(&mut self.registry);
        self.last_load.register(
            &mut self.registry,
            [names::LAST_LOAD_SUCCESSFUL, names::LAST_LOAD_SECONDS],
            [
                "Whether the last bundle that was read was found good",
                "When a bundle was last read, in seconds since 1970",
            ],
        );
    }

    fn register_counters(&mut self) {
        for (name, help, counter) in [
            (
                names::BUNDLE_LOADS,
                "Bundles that went live",
                &self.bundle_loads,
            ),
            (
                names::RELOAD_FAILURES,
                "Bundles that were refused",
                &self.reload_failures,
            ),
            (
                names::RECORDS_WRITTEN,
                "Decision records that were written",
                &self.records_written,
            ),
            (
                names::RECORDS_DROPPED,
                "Decision records that were lost",
                &self.records_dropped,
            ),
            (
                names::RECORD_WRITE_ERRORS,
                "Failed attempts to write decision records",
                &self.record_write_errors,
            ),
        ] {
            self.registry.register(name, help, counter.clone());
        }
    }

    fn register_searches(&mut self) {
        for (name, help, searches) in [
            (
                names::SEARCH_CANDIDATES,
                "Candidates that searches went through",
                &self.search_candidates,
            ),
            (
                names::SEARCH_DECIDED,
                "Candidates that searches decided",
                &self.search_decided,
            ),
            (
                names::SEARCH_RETURNED,
                "Results that searches returned",
                &self.search_returned,
            ),
        ] {
            self.registry.register(name, help, searches.clone());
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an age in milliseconds is far below 2^53"
)]
pub(super) fn seconds_between(since_ms: i64, now_ms: i64) -> f64 {
    now_ms.saturating_sub(since_ms) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::super::decision_counters::MAX_REASONS;
    use super::*;

    fn lines_with<'a>(text: &'a str, part: &str) -> Vec<&'a str> {
        text.lines()
            .filter(|line| !line.starts_with('#') && line.contains(part))
            .collect()
    }

    #[test]
    fn decisions_are_counted_by_outcome_and_reason() {
        let metrics = Metrics::default();
        metrics.decided("permit", "none");
        metrics.decided("deny", "forbidden");
        metrics.decided("deny", "forbidden");
        let text = metrics.encode(0);
        let mut found = lines_with(&text, "behest_decisions_total");
        found.sort_unstable();
        assert_eq!(
            found,
            [
                r#"behest_decisions_total{decision="deny",reason="forbidden"} 2"#,
                r#"behest_decisions_total{decision="deny",reason="other"} 0"#,
                r#"behest_decisions_total{decision="permit",reason="none"} 1"#,
            ]
        );
    }

    #[test]
    fn reasons_past_the_limit_are_counted_together() {
        let metrics = Metrics::default();
        for number in 0..MAX_REASONS + 3 {
            metrics.decided("deny", &format!("reason_{number}"));
        }
        let text = metrics.encode(0);
        let last = MAX_REASONS - 1;
        assert_eq!(lines_with(&text, &format!("\"reason_{last}\"")).len(), 1);
        assert_eq!(
            lines_with(&text, &format!("\"reason_{MAX_REASONS}\"")),
            Vec::<&str>::new()
        );
        assert_eq!(
            lines_with(&text, r#"reason="other""#),
            [r#"behest_decisions_total{decision="deny",reason="other"} 3"#]
        );
    }

    #[test]
    fn the_age_of_the_bundle_is_computed_when_it_is_read() {
        let metrics = Metrics::default();
        assert_eq!(
            lines_with(&metrics.encode(5_000), "bundle_age"),
            ["behest_bundle_age_seconds NaN"]
        );
        metrics.bundle_loaded("aa", 1_000);
        metrics.bundle_loaded("bb", 2_000);
        let text = metrics.encode(5_500);
        assert_eq!(
            lines_with(&text, "bundle_age"),
            ["behest_bundle_age_seconds 3.5"]
        );
        assert_eq!(
            lines_with(&text, "bundle_info"),
            [r#"behest_bundle_info{digest="bb"} 1"#]
        );
        assert_eq!(
            lines_with(&text, "bundle_loads"),
            ["behest_bundle_loads_total 2"]
        );
    }

    #[test]
    fn requests_are_observed_by_endpoint_and_status() {
        let metrics = Metrics::default();
        metrics.observe_request("evaluation", 200, 0.000_06);
        let text = metrics.encode(0);
        let bucket = |le: &str| {
            format!(
                r#"behest_request_seconds_bucket{{le="{le}",endpoint="evaluation",status="200"}}"#
            )
        };
        assert_eq!(
            lines_with(&text, &bucket("0.00005")),
            [format!("{} 0", bucket("0.00005"))]
        );
        assert_eq!(
            lines_with(&text, &bucket("0.0001")),
            [format!("{} 1", bucket("0.0001"))]
        );
    }
}
