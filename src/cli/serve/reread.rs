//! Reads the settings again while the service runs.
//!
//! **Problem.** Whoever takes a caller, a key or an issuer out of the settings wants it to count
//! for nothing now, and a restart is a gap in everybody's answers. A file that is half written, or
//! that does not fit what stays as it is, must not let anybody in.
//! **Decision.** On SIGHUP all sources are read anew, exactly as at start. What a running service
//! can follow is put together with what stays, checked as a whole, and then takes the place of what
//! was there in one step ([`Server::renew`]). Everything that was noticed is logged, and kept for
//! operators who ask.
//! **Trade-off.** One bad line keeps all changes out, a withdrawal among them: it is refused
//! loudly, and nothing is changed in part.
//!
//! INVARIANT: no reading lets callers without a key in who were not let in before. That takes a
//! restart, by somebody who sees it happen.

use super::admin_key::AdminKey;
use super::key_ends::KeyWatch;
use super::parts::http_settings;
use super::trust;
use crate::clock::Clock;
use crate::config::{self, Config, EnvironmentVariables, Flags, SettingsUpdate};
use crate::engine::Engine;
use crate::evidence::Verifier;
use crate::http::{self, Permissions, Server, SettingsReport};
use crate::model::{Problem, Problems, Timestamp};
use crate::telemetry::Metrics;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads the settings again.
pub(super) struct SettingsReader {
    pub(super) flags: Flags,
    pub(super) environment: EnvironmentVariables,
    pub(super) admin_key: Option<Arc<AdminKey>>,
    pub(super) server: Server,
    pub(super) engine: Arc<Engine>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) key_watch: Arc<KeyWatch>,
    pub(super) counting: Mutex<CountingSettings>,
}

/// The settings that count now.
pub(super) struct CountingSettings {
    pub(super) config: Config,
    pub(super) facts: trust::HeldFacts,
}

impl SettingsReader {
    /// Reads the settings, lets them count, and logs what has changed.
    pub(super) fn read_again(&self) {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let read_at = Timestamp(self.clock.now_ms());
        match self.try_read(&mut counting) {
            Ok((changes, restarts)) => {
                self.metrics.settings().reloaded(restarts.len(), read_at.0);
                let report = SettingsReport {
                    read_at,
                    refused: None,
                    changes,
                    restarts,
                };
                self.server.report_settings(report.clone());
                // Whoever waits for the line finds the rest.
                log_changes(&report);
            }
            Err(problems) => {
                self.metrics.settings().reload_failed(read_at.0);
                let before = self.server.settings_report();
                self.server.report_settings(SettingsReport {
                    read_at,
                    refused: Some(problems.clone()),
                    ..SettingsReport::clone(&before)
                });
                log_refusal(&problems);
            }
        }
    }

    /// Returns what has changed, and what counts after a restart.
    fn try_read(
        &self,
        counting: &mut CountingSettings,
    ) -> Result<(Vec<String>, Vec<String>), Problems> {
        let read = config::load(&self.flags, &self.environment)?;
        let SettingsUpdate {
            config,
            mut changes,
            mut restarts,
        } = config::update(&counting.config, read)?;
        let admin = self.admin(&config)?;
        let before = self.server.settings();
        let made = trust::renew(
            &config,
            &counting.facts,
            before.verifier.as_ref(),
            &self.clock,
        )?;
        if made.needs_restart {
            restarts.push("issuers.facts".to_owned());
        }
        let wanted = http_settings(&config, admin)?;
        let anonymous = in_both(before.anonymous, wanted.anonymous);
        if anonymous != wanted.anonymous {
            restarts.push("anonymous".to_owned());
        }
        if before.anonymous.is_some() && anonymous.is_none() {
            changes.push("callers without a key are not let in any more".to_owned());
        }
        if differ(before.verifier.as_ref(), made.verifier.as_ref()) && changes.is_empty() {
            changes.push("files of issuers have changed".to_owned());
        }
        self.server.renew(http::Settings {
            anonymous,
            verifier: made.verifier,
            tls: before.tls.clone(),
            access_log: before.access_log.clone(),
            tracer: before.tracer.clone(),
            ..wanted
        });
        // What comes now can no longer fail.
        trust::warn(&config);
        if let Some(live) = self.engine.snapshot() {
            trust::warn_types(&config, live.bundle());
        }
        self.key_watch
            .look(&self.server.settings().callers, self.clock.now_ms());
        *counting = CountingSettings {
            config,
            facts: made.facts,
        };
        Ok((changes, restarts))
    }

    /// Returns the admin key that counts beside these callers. One that was made is for a service
    /// without callers.
    fn admin(&self, config: &Config) -> Result<Option<&AdminKey>, Problem> {
        match self.admin_key.as_deref() {
            Some(key) if key.is_made() && !config.callers.is_empty() => Ok(None),
            Some(key) => key.check_own(config).map(|()| Some(key)),
            None => Ok(None),
        }
    }
}

fn in_both(before: Option<Permissions>, wanted: Option<Permissions>) -> Option<Permissions> {
    let (before, wanted) = (before?, wanted?);
    let both: Permissions = wanted.iter().filter(|one| before.has(*one)).collect();
    Some(both).filter(|both| !both.is_empty())
}

fn differ(before: Option<&Arc<Verifier>>, now: Option<&Arc<Verifier>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    }
}

fn log_changes(report: &SettingsReport) {
    let (changes, restarts) = (&report.changes, &report.restarts);
    for change in changes {
        tracing::info!("settings: {change}");
    }
    for key in restarts {
        tracing::warn!("settings: `{key}` has changed, and counts after a restart");
    }
    if changes.is_empty() && restarts.is_empty() {
        tracing::info!("the settings were read again and are the same");
    } else {
        let (changes, restarts) = (changes.len(), restarts.len());
        tracing::info!(changes, restarts, "the settings were read again");
    }
}

fn log_refusal(problems: &Problems) {
    let lines: Vec<String> = problems
        .0
        .iter()
        .map(|problem| match &problem.help {
            Some(help) => format!("{problem}; {help}"),
            None => problem.to_string(),
        })
        .collect();
    tracing::error!(
        "the settings are refused, and those of before still count\n{}\n",
        lines.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reading_lets_more_in_without_a_key() {
        let set = |text: &str| Some(text.parse::<Permissions>().unwrap());
        for (before, wanted, expected) in [
            (None, None, None),
            (None, set("decide"), None),
            (set("decide"), None, None),
            (set("decide"), set("decide,explain"), set("decide")),
            (set("decide,explain"), set("decide"), set("decide")),
            (set("explain"), set("decide"), None),
        ] {
            assert_eq!(in_both(before, wanted), expected, "{before:?} {wanted:?}");
        }
    }
}
