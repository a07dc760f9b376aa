//! The outcome of the last attempt to load something, and when it was made.
//!
//! A counter of failures ends an alert although what failed still counts for nothing. These two
//! gauges say what is so now.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// The outcome and the time of the last attempt. Before the first, neither is a number.
#[derive(Clone, Debug)]
pub(super) struct LastLoad {
    successful: Gauge<f64, AtomicU64>,
    at: Gauge<f64, AtomicU64>,
}

impl Default for LastLoad {
    fn default() -> Self {
        let of_none = Self {
            successful: Gauge::default(),
            at: Gauge::default(),
        };
        of_none.successful.set(f64::NAN);
        of_none.at.set(f64::NAN);
        of_none
    }
}

impl LastLoad {
    /// Records an attempt that ended at `at_ms`, in milliseconds since 1970.
    pub(super) fn ended(&self, is_successful: bool, at_ms: i64) {
        self.successful.set(f64::from(u8::from(is_successful)));
        self.at.set(super::metrics::seconds_between(0, at_ms));
    }

    /// Registers both under their names.
    pub(super) fn register(&self, registry: &mut Registry, names: [&str; 2], help: [&str; 2]) {
        for (gauge, (name, help)) in [&self.successful, &self.at]
            .into_iter()
            .zip(names.into_iter().zip(help))
        {
            registry.register(name, help, gauge.clone());
        }
    }
}
