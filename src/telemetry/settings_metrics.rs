//! The metrics of the settings: how often they were read again, and which keys end when.

use super::last_load::LastLoad;
use super::names;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;

/// When a key ends, by its caller and its place among the caller's keys.
type KeyEnds = Family<[(&'static str, String); 2], Gauge>;

/// The counters of readings, and the ends of keys.
///
/// Callers are the operator's own, and so are these labels.
#[derive(Clone, Debug, Default)]
pub struct SettingsMetrics {
    reloads: Counter,
    failures: Counter,
    restarts: Gauge,
    key_ends: KeyEnds,
    last_load: LastLoad,
}

impl SettingsMetrics {
    /// Records that the settings with which the service starts were read at `at_ms`, in
    /// milliseconds since 1970.
    pub fn started(&self, at_ms: i64) {
        self.last_load.ended(true, at_ms);
    }

    /// Counts settings that were read again at `at_ms` and count now, but for `restarts` of them,
    /// which count after a restart.
    pub fn reloaded(&self, restarts: usize, at_ms: i64) {
        self.reloads.inc();
        self.last_load.ended(true, at_ms);
        self.restarts
            .set(i64::try_from(restarts).unwrap_or(i64::MAX));
    }

    /// Counts settings that were refused at `at_ms`.
    pub fn reload_failed(&self, at_ms: i64) {
        self.failures.inc();
        self.last_load.ended(false, at_ms);
    }

    /// Replaces the ends of keys; each is a caller, the key's place among its keys, and the time in
    /// milliseconds.
    pub fn set_key_ends<'a>(&self, keys: impl Iterator<Item = (&'a str, usize, i64)>) {
        self.key_ends.clear();
        for (caller, place, until_ms) in keys {
            let labels = [("caller", caller.to_owned()), ("key", place.to_string())];
            let seconds = until_ms.div_euclid(1_000);
            self.key_ends.get_or_create(&labels).set(seconds);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            names::SETTINGS_RELOADS,
            "Settings that were read again",
            self.reloads.clone(),
        );
        registry.register(
            names::SETTINGS_RELOAD_FAILURES,
            "Settings that were refused when they were read again",
            self.failures.clone(),
        );
        registry.register(
            names::SETTINGS_RESTART_NEEDED,
            "Settings that differ from those that count, until a restart",
            self.restarts.clone(),
        );
        registry.register(
            names::KEY_EXPIRY,
            "When a caller's key ends, in seconds since 1970",
            self.key_ends.clone(),
        );
        self.last_load.register(
            registry,
            [
                names::SETTINGS_LAST_LOAD_SUCCESSFUL,
                names::SETTINGS_LAST_LOAD_SECONDS,
            ],
            [
                "Whether the settings that were read last count",
                "When settings were last read, in seconds since 1970",
            ],
        );
    }
}
