//! Settings that take the place of others in a server that runs.

use crate::clock::Clock;
use crate::http::load::revision_wait::WaitingPlaces;
use crate::http::server::Server;
use crate::http::shared::ServiceState;
use crate::http::shared::newest::{CallerEntry, answers_alike};
use crate::http::{Caller, Settings, SettingsReport};
use crate::model::Timestamp;
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use std::sync::Arc;

impl Server {
    /// Returns the settings that count now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.live.load().settings)
    }

    /// Returns what the last reading of the settings came to.
    #[must_use]
    pub fn settings_report(&self) -> Arc<SettingsReport> {
        self.live.load().report.load_full()
    }

    /// Keeps what a reading of the settings came to, for operators who ask.
    pub fn report_settings(&self, report: SettingsReport) {
        self.live.load().report.store(Arc::new(report));
    }

    /// Lets other settings count from now on, for requests in progress as well: whoever they do not
    /// know any more gets no answer.
    ///
    /// What is read when connections are taken stays as it was: the certificates, the number of
    /// workers and connections, the times and the budgets of connections.
    pub fn renew(&self, settings: Settings) {
        let _one_at_a_time = self.live.turn();
        let before = self.live.load();
        let settings = Arc::new(settings);
        let (callers, anonymous_number) = number(&settings, &before);
        forget_others(&settings, &before);
        let limits = &settings.limits;
        let is_as_before =
            *limits == before.settings.limits && settings.callers.len() == before.callers.len();
        let waiting = if is_as_before {
            Arc::clone(&before.waiting)
        } else {
            Arc::new(WaitingPlaces::new(limits, settings.callers.len()))
        };
        tell_key_ends(&settings, &before.metrics);
        self.live.replace(ServiceState {
            number: before.number + 1,
            next_number: before.next_number + 1 + callers.len(),
            callers,
            anonymous_number,
            waiting,
            settings: Arc::clone(&settings),
            ..ServiceState::clone(&before)
        });
        if let Some(verifier) = &before.settings.verifier {
            verifier.withdraw_all_but(settings.verifier.as_deref());
        }
    }
}

/// Returns the report of the settings with which a server starts.
pub(super) fn first_report(clock: &dyn Clock) -> Arc<ArcSwap<SettingsReport>> {
    Arc::new(ArcSwap::from_pointee(SettingsReport {
        read_at: Timestamp(clock.now_ms()),
        refused: None,
        changes: Vec::new(),
        restarts: Vec::new(),
    }))
}

/// Numbers all callers, from `first` on.
pub(super) fn number_anew(
    settings: &Settings,
    first: usize,
    metrics: &Metrics,
) -> Arc<[CallerEntry]> {
    let entry = |(at, caller): (usize, &Caller)| CallerEntry {
        number: first + at,
        meter: Arc::default(),
        tally: metrics.callers().of(&caller.name),
    };
    settings.callers.iter().enumerate().map(entry).collect()
}

/// Numbers the callers of new settings, and anonymous ones.
///
/// INVARIANT: a number goes on only with a caller whose answers depend on nothing that has changed.
/// What a limit refuses now must not come from the cache either, so that other limits give
/// everybody a new number.
fn number(settings: &Settings, before: &ServiceState) -> (Arc<[CallerEntry]>, usize) {
    let has_same_limits = settings.limits == before.settings.limits;
    let anew = number_anew(settings, before.next_number + 1, &before.metrics);
    let known = || before.settings.callers.iter().zip(before.callers.iter());
    let callers = settings.callers.iter().zip(anew.iter());
    let entries = callers.map(|(caller, fresh)| {
        let same = known().find(|(other, _)| other.name == caller.name);
        let Some((other, entry)) = same else {
            return fresh.clone();
        };
        let keeps = has_same_limits && answers_alike(caller, other);
        CallerEntry {
            number: if keeps { entry.number } else { fresh.number },
            // A caller cannot send more by being changed.
            meter: Arc::clone(&entry.meter),
            tally: entry.tally.clone(),
        }
    });
    let keeps = has_same_limits && settings.anonymous == before.settings.anonymous;
    let anonymous = if keeps {
        before.anonymous_number
    } else {
        before.next_number
    };
    (entries.collect(), anonymous)
}

/// Lets the metrics forget callers that are not among the new ones.
fn forget_others(settings: &Settings, before: &ServiceState) {
    for caller in &before.settings.callers {
        if !settings.callers.iter().any(|one| one.name == caller.name) {
            before.metrics.callers().forget(&caller.name);
        }
    }
}

/// Tells the metrics when callers' keys end.
pub(super) fn tell_key_ends(settings: &Settings, metrics: &Metrics) {
    let keys = settings.callers.iter().flat_map(|caller| {
        let keys = caller.by.keys().iter().enumerate();
        keys.filter_map(|(at, key)| Some((caller.name.as_str(), at + 1, key.until?.0)))
    });
    metrics.settings().set_key_ends(keys);
}
