//! Names of metrics, spans and fields.

/// Every metric of the service.
#[derive(Debug, Default)]
pub struct Metrics;

impl Metrics {
    /// A decision was made: `decision` is `permit` or `deny`, `reason` a code or `none`.
    pub fn decided(&self, _decision: &str, _reason: &str) {}
    /// A bundle went live.
    pub fn bundle_loaded(&self, _digest: &str, _at_ms: i64) {}
    /// A bundle was refused.
    pub fn reload_failed(&self) {}
    /// A request was answered.
    pub fn observe_request(&self, _endpoint: &'static str, _status: u16, _seconds: f64) {}
    /// The Prometheus text.
    #[must_use]
    pub fn encode(&self, _now_ms: i64) -> String {
        String::new()
    }
}
