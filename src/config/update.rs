//! Compares settings that were read again with those that count.
//!
//! **Problem.** What is made at start (sockets, files, threads) cannot follow the settings, while
//! who is let in must. Read for itself, a file may be sound that is not together with what stays:
//! one that lists no callers and a local address, in a service that listens to everybody.
//! **Decision.** What counts is put together from both ([`SettingsUpdate::config`]), and checked as
//! a whole, as if the service started with it.
//! **Trade-off.** A file that needs a restart to make sense is refused as a whole.

use super::check::check;
use super::limits::LIVE_LIMITS;
use super::table::changed_numbers;
use super::{CallerSettings, Config, LimitSettings, LogSettings};
use crate::model::Problems;

/// What settings that were read again change.
#[derive(Clone, Debug)]
pub struct SettingsUpdate {
    /// The settings that count now.
    pub config: Config,
    /// What has changed, each in a sentence without a full stop.
    pub changes: Vec<String>,
    /// The keys of settings that differ and count after a restart.
    pub restarts: Vec<String>,
}

/// Puts together what counts from now on: of the settings that were `read`, what a running service
/// can follow, and else what is `running`. Refuses what would not start.
pub fn update(running: &Config, read: Config) -> Result<SettingsUpdate, Problems> {
    let restarts = restarts(running, &read);
    let config = Config {
        limits: live_limits(&running.limits, &read.limits),
        callers: read.callers,
        issuers: read.issuers,
        trust_domains: read.trust_domains,
        anonymous: read.anonymous,
        raw_keys: read.raw_keys,
        metrics: read.metrics,
        docs: read.docs,
        log: LogSettings {
            access: read.log.access,
            ..running.log.clone()
        },
        ..running.clone()
    };
    check(&config)?;
    let changes = changes(running, &config);
    Ok(SettingsUpdate {
        config,
        changes,
        restarts,
    })
}

/// Lists the settings that differ and that a running service cannot follow.
fn restarts(running: &Config, read: &Config) -> Vec<String> {
    let location = |config: &Config| format!("{:?}", config.data);
    let whole = [
        ("bundle", running.bundle != read.bundle),
        ("listen", running.listen != read.listen),
        ("socket", running.socket != read.socket),
        ("data", location(running) != location(read)),
        ("keep_bundle", running.keep_bundle != read.keep_bundle),
        ("public_url", running.public_url != read.public_url),
        ("cache", running.cache != read.cache),
        ("gateway", running.gateway != read.gateway),
        ("tls", running.tls != read.tls),
        ("behind_proxy", running.behind_proxy != read.behind_proxy),
        ("record", running.record != read.record),
        (
            "log",
            LogSettings {
                access: running.log.access,
                ..read.log.clone()
            } != running.log,
        ),
        ("telemetry", running.telemetry != read.telemetry),
        ("search", running.search != read.search),
        ("reload", running.reload != read.reload),
    ];
    let whole = whole
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key.to_owned());
    let limits = changed_numbers(&running.limits, &read.limits)
        .into_iter()
        .filter(|number| !LIVE_LIMITS.contains(&number.key.name))
        .map(|number| format!("limits.{}", number.key.name));
    whole.chain(limits).collect()
}

/// Returns the limits that count: those that were read where they are looked at with each request.
fn live_limits(running: &LimitSettings, read: &LimitSettings) -> LimitSettings {
    let mut limits = running.clone();
    let mut from = read.clone();
    for number in changed_numbers(running, read) {
        if LIVE_LIMITS.contains(&number.key.name) {
            number.key.place.copy(&mut from, &mut limits);
        }
    }
    limits
}

/// Lists what has changed.
fn changes(before: &Config, now: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    list(
        &mut changes,
        "the caller",
        (&before.callers, &now.callers),
        |caller| &caller.name,
        |before, now| caller_changes(before, now).join(", "),
    );
    list(
        &mut changes,
        "the issuer",
        (&before.issuers, &now.issuers),
        |issuer| &issuer.issuer,
        |_, _| String::new(),
    );
    list(
        &mut changes,
        "the trust domain",
        (&before.trust_domains, &now.trust_domains),
        |domain| &domain.name,
        |_, _| String::new(),
    );
    if before.anonymous != now.anonymous {
        changes.push("`anonymous` has changed".to_owned());
    }
    if before.raw_keys != now.raw_keys {
        changes.push(format!("`raw_keys` is {}", now.raw_keys));
    }
    let before_access = before.log.access;
    let now_access = now.log.access;
    if before_access != now_access {
        changes.push(format!(
            "`log.access` is `{now_access}`, and was `{before_access}`"
        ));
    }
    for (key, before, now) in [
        ("metrics", before.metrics, now.metrics),
        ("docs", before.docs, now.docs),
    ] {
        if before != now {
            changes.push(format!("`{key}` is `{now}`, and was `{before}`"));
        }
    }
    for number in changed_numbers(&before.limits, &now.limits) {
        let shown = |value: Option<u64>| value.map_or("not set".to_owned(), |it| it.to_string());
        changes.push(format!(
            "`limits.{}` is {}, and was {}",
            number.key.name,
            shown(number.now),
            shown(number.before)
        ));
    }
    changes
}

/// Lists what was added to, removed from and changed in a list whose items have names.
fn list<T: PartialEq>(
    changes: &mut Vec<String>,
    what: &str,
    (before, now): (&[T], &[T]),
    name: impl Fn(&T) -> &String,
    details: impl Fn(&T, &T) -> String,
) {
    for one in before {
        if !now.iter().any(|other| name(other) == name(one)) {
            changes.push(format!("{what} `{}` was removed", name(one)));
        }
    }
    for one in now {
        match before.iter().find(|other| name(other) == name(one)) {
            None => changes.push(format!("{what} `{}` was added", name(one))),
            Some(other) if other != one => {
                let details = details(other, one);
                let joint = if details.is_empty() { "" } else { ": " };
                changes.push(format!(
                    "{what} `{}` has changed{joint}{details}",
                    name(one)
                ));
            }
            Some(_) => {}
        }
    }
}

/// Lists the members of a caller that have changed; of keys, how many came and went.
fn caller_changes(before: &CallerSettings, now: &CallerSettings) -> Vec<String> {
    let has = |caller: &CallerSettings, key| caller.all_keys().any(|one| one.sha256 == key);
    let gone = before
        .all_keys()
        .filter(|key| !has(now, key.sha256))
        .count();
    let new = now
        .all_keys()
        .filter(|key| !has(before, key.sha256))
        .count();
    let until = now.all_keys().any(|key| {
        let same = before.all_keys().find(|one| one.sha256 == key.sha256);
        same.is_some_and(|one| one.until != key.until)
    });
    let keys = |count: usize| if count == 1 { "a key" } else { "two keys" };
    let mut changes = Vec::new();
    if new > 0 {
        changes.push(format!("{} added", keys(new)));
    }
    if gone > 0 {
        changes.push(format!("{} removed", keys(gone)));
    }
    let members = [
        ("the end of a key", until),
        ("token", before.token != now.token),
        ("certificate", before.certificate != now.certificate),
        ("permissions", before.permissions != now.permissions),
        ("rate", before.rate != now.rate),
        ("audiences", before.audiences != now.audiences),
        ("issuers", before.issuers != now.issuers),
        ("require_actor", before.require_actor != now.require_actor),
        ("reasons", before.reasons != now.reasons),
    ];
    let members = members.into_iter().filter(|(_, differs)| *differs);
    changes.extend(members.map(|(member, _)| member.to_owned()));
    changes
}
