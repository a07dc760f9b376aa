//! Refuses settings that are valid by themselves but contradict each other.

use super::table::out_of_range;
use super::{
    CacheSize, CallerSettings, Config, KeySettings, Listen, SocketSettings, gateway, secrets,
    telemetry,
};
use crate::http::MAX_KEYS;
use crate::model::{Problem, Problems};
use crate::telemetry::{ANONYMOUS_CALLER, UNKNOWN_CALLER};

/// Maximum length of a caller's name in bytes: it is in every record and log line of the caller.
const MAX_NAME: usize = 64;

/// Names that records and metrics use for callers that are not configured.
const RESERVED_NAMES: [&str; 3] = [ANONYMOUS_CALLER, "admin", UNKNOWN_CALLER];

/// Checks all settings, and reports all contradictions together.
pub(super) fn check(config: &Config) -> Result<(), Problems> {
    let mut problems = out_of_range(&config.limits);
    problems.extend(out_of_range(&config.search));
    problems.extend(out_of_range(&config.reload));
    problems.extend(check_paths(config));
    check_exposure(config, &mut problems);
    problems.extend(gateway::check(config));
    problems.extend(check_socket(config));
    check_anonymous(config, &mut problems);
    check_callers(config, &mut problems);
    secrets::check(config, &mut problems);
    problems.extend(config.telemetry.iter().flat_map(telemetry::check));
    if matches!(config.cache, CacheSize::Bytes(bytes) if bytes < CacheSize::LEAST) {
        problems.push(
            Problem::new("`cache` is too small to keep anything")
                .help("set at least `64KiB`, or `off`"),
        );
    }
    if config
        .record
        .as_ref()
        .is_some_and(|record| record.queue.records == 0 || record.queue.bytes == 0)
    {
        problems.push(
            Problem::new("`record.queue` or `record.queue_bytes` is 0")
                .help("leave it out, or set at least 1"),
        );
    }
    Problems(problems).into_result()
}

/// Refuses empty paths: they would mean the directory that the service starts in, or fail much
/// later.
fn check_paths(config: &Config) -> Vec<Problem> {
    let tls = config.tls.as_ref();
    let paths = [
        ("bundle", config.bundle.as_deref()),
        ("data", config.data_dir()),
        ("tls.certificate", tls.map(|tls| tls.certificate.as_path())),
        ("tls.key", tls.map(|tls| tls.key.as_path())),
        (
            "tls.client_authorities",
            tls.and_then(|tls| tls.client_authorities.as_deref()),
        ),
    ];
    let empty = paths
        .into_iter()
        .filter(|(_, path)| path.is_some_and(|path| path.as_os_str().is_empty()));
    empty
        .map(|(key, _)| {
            Problem::new(format!("`{key}` is empty")).help("leave it out, or name a path")
        })
        .collect()
}

/// Refuses the mode or the group of a socket where there is no file to have them.
fn check_socket(config: &Config) -> Option<Problem> {
    let is_set = config.socket != SocketSettings::default();
    match &config.listen {
        Listen::Tcp(address) if is_set => Some(
            Problem::new(format!(
                "`socket` is set, and the service listens on `{address}`, which has no file"
            ))
            .help("leave `socket` out, or set `listen = \"unix:PATH\"`"),
        ),
        Listen::Tcp(_) | Listen::Unix(_) => None,
    }
}

/// Refuses an address that other machines can reach without configured callers and TLS.
fn check_exposure(config: &Config, problems: &mut Vec<Problem>) {
    let Listen::Tcp(address) = &config.listen else {
        return;
    };
    if config.listen.is_local() {
        return;
    }
    if config.callers.is_empty() {
        problems.push(
            Problem::new(format!(
                "`{address}` can be reached from other machines, and no caller is configured"
            ))
            .help("add `[[callers]]` to behest.toml, or listen on `127.0.0.1:8181` or `unix:PATH`"),
        );
    }
    if !config.behind_proxy && config.tls.is_none() {
        problems.push(
            Problem::new(format!(
                "`{address}` can be reached from other machines, and keys would travel in the clear"
            ))
            .help(
                "set `tls`, or put a proxy that ends TLS before the service and set \
                 `behind_proxy = true`, or listen on `127.0.0.1:8181`",
            ),
        );
    }
}

/// Refuses permissions of anonymous callers if there can be no such callers: it is a mistake about
/// who has access. Also refuses permissions that anonymous callers cannot have.
fn check_anonymous(config: &Config, problems: &mut Vec<Problem>) {
    let listed = config
        .anonymous
        .as_ref()
        .is_some_and(|listed| !listed.is_empty());
    if listed && !config.allows_anonymous() {
        problems.push(
            Problem::new("`anonymous` lets callers without a key in, and there can be none here")
                .help(
                    "leave `anonymous` out: it counts only on a loopback or unix address, \
                     without `[[callers]]` and without `behind_proxy`",
                ),
        );
    }
    for permission in config.anonymous.unwrap_or_default().iter() {
        if !permission.may_be_anonymous() {
            problems.push(
                Problem::new(format!("`anonymous` lists `{}`", permission.as_str()))
                    .help("it takes `decide`, `search` and `explain`; everything else needs a key"),
            );
        }
    }
}

fn check_callers(config: &Config, problems: &mut Vec<Problem>) {
    for (index, caller) in config.callers.iter().enumerate() {
        let name = &caller.name;
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            problems.push(
                Problem::new(format!(
                    "the name of caller {} is empty, too long or has control characters",
                    index + 1
                ))
                .help(format!("give it a name of 1 to {MAX_NAME} bytes")),
            );
        } else if RESERVED_NAMES.contains(&name.as_str()) {
            problems.push(Problem::new(format!("a caller is named `{name}`")).help(
                "records and metrics use this name for callers that are not configured; \
                     choose another",
            ));
        }
        let others = config.callers.get(..index).unwrap_or_default();
        if others.iter().any(|other| other.name == *name) {
            problems.push(
                Problem::new(format!("two callers are named `{name}`")).help("rename one of them"),
            );
        }
        let same = |other: &&CallerSettings| {
            let has = |key| other.all_keys().any(|one: KeySettings| one.sha256 == key);
            let keys = caller.all_keys().any(|key| has(key.sha256));
            let tokens = caller.token.is_some() && other.token == caller.token;
            keys || tokens
                || (caller.certificate.is_some() && other.certificate == caller.certificate)
        };
        if let Some(other) = others.iter().find(same) {
            problems.push(
                Problem::new(format!(
                    "the callers `{}` and `{name}` have the same key",
                    other.name
                ))
                .help("give each its own, so that records say who asked"),
            );
        }
        problems.extend(check_caller(caller, config));
    }
}

/// Checks how one caller authenticates, and how many requests it may send.
fn check_caller(caller: &CallerSettings, config: &Config) -> Vec<Problem> {
    let name = &caller.name;
    let mut problems = Vec::new();
    let ways = [
        caller.key_sha256.is_some(),
        !caller.keys.is_empty(),
        caller.token.is_some(),
        caller.certificate.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() != 1 {
        problems.push(
            Problem::new(format!(
                "the caller `{name}` is known by none or by several of a key, \
                 a token, a certificate"
            ))
            .help("give it exactly one of `key_sha256`, `keys`, `token` and `certificate`"),
        );
    }
    problems.extend(check_keys(caller));
    problems.extend(check_token(caller, config));
    problems.extend(check_certificate(caller, config));
    problems.extend(check_scope(caller, config));
    if caller
        .rate
        .is_some_and(|rate| !(1..=1_000_000).contains(&rate.per_second) || rate.burst == Some(0))
    {
        problems.push(
            Problem::new(format!(
                "the rate of the caller `{name}` lets nothing through, or is none"
            ))
            .help(
                "`rate.per_second` takes a number from 1 to 1000000, and `rate.burst` one from 1",
            ),
        );
    }
    problems
}

/// Checks the keys of a caller: the one in use, and the one that takes its place.
fn check_keys(caller: &CallerSettings) -> Vec<Problem> {
    let name = &caller.name;
    let mut problems = Vec::new();
    let count = caller.keys.len();
    if count > MAX_KEYS {
        problems.push(
            Problem::new(format!("the caller `{name}` has {count} keys")).help(format!(
                "it can have {MAX_KEYS}: the one in use, with an `until`, and the one that takes \
                 its place; remove those that have ended"
            )),
        );
    }
    if let [one, rest @ ..] = caller.keys.as_slice()
        && rest.iter().any(|other| other.sha256 == one.sha256)
    {
        problems.push(
            Problem::new(format!("the caller `{name}` has one key twice"))
                .help("remove one of them, so that it has one end"),
        );
    }
    problems
}

/// Checks a caller that authenticates with a token: its issuer must be configured for tokens of
/// callers, and the principal must be an entity.
fn check_token(caller: &CallerSettings, config: &Config) -> Vec<Problem> {
    let Some(token) = &caller.token else {
        return Vec::new();
    };
    let name = &caller.name;
    let mut problems = Vec::new();
    let issuer = config
        .issuers
        .iter()
        .find(|issuer| issuer.issuer == token.issuer);
    if issuer.is_none_or(|issuer| issuer.caller_audiences.is_empty()) {
        problems.push(
            Problem::new(format!(
                "the caller `{name}` comes with a token of `{}`, which no caller can",
                token.issuer
            ))
            .help(
                "add the issuer to `[[issuers]]`, with this service's \
                 audience in `caller_audiences`",
            ),
        );
    }
    if token.principal.parse::<crate::model::EntityRef>().is_err() {
        problems.push(
            Problem::new(format!(
                "the caller `{name}` comes with a token of `{}`, which is nobody",
                token.principal
            ))
            .help("write for example `principal = \"agent:gateway\"`"),
        );
    }
    problems
}

/// Checks a caller that authenticates with a certificate: the service must request certificates,
/// and the caller must be identified by exactly one name.
fn check_certificate(caller: &CallerSettings, config: &Config) -> Vec<Problem> {
    let Some(certificate) = &caller.certificate else {
        return Vec::new();
    };
    let name = &caller.name;
    let mut problems = Vec::new();
    if config
        .tls
        .as_ref()
        .is_none_or(|tls| tls.client_authorities.is_none())
    {
        problems.push(
            Problem::new(format!(
                "the caller `{name}` is known by a certificate, and nobody is asked for one"
            ))
            .help("set `tls` with `client_authorities`, or give the caller a key"),
        );
    }
    if certificate.sha256.is_some() == certificate.uri.is_some() {
        problems.push(
            Problem::new(format!(
                "the certificate of the caller `{name}` has no name, or two"
            ))
            .help("give it exactly one of `sha256` and `uri`"),
        );
    }
    problems
}

/// Checks whose credentials a caller may send: an issuer or audience that is not configured is a
/// mistake, since it could never occur.
fn check_scope(caller: &CallerSettings, config: &Config) -> Vec<Problem> {
    let name = &caller.name;
    let domains = config
        .trust_domains
        .iter()
        .map(|domain| (format!("spiffe://{}", domain.name), &domain.audiences));
    let issuers = config
        .issuers
        .iter()
        .map(|issuer| (issuer.issuer.clone(), &issuer.audiences));
    let all: Vec<(String, &Vec<String>)> = issuers.chain(domains).collect();
    let mut problems = Vec::new();
    if let Some(unknown) = caller
        .issuers
        .iter()
        .find(|issuer| !all.iter().any(|(known, _)| known == *issuer))
    {
        problems.push(
            Problem::new(format!(
                "the caller `{name}` may send credentials of `{unknown}`, which is not configured"
            ))
            .help(
                "list in its `issuers` what `[[issuers]]` has as `issuer`, \
                 or `spiffe://` and a trust domain",
            ),
        );
    }
    let is_its = |issuer: &String| caller.issuers.is_empty() || caller.issuers.contains(issuer);
    let its = all.iter().filter(|(issuer, _)| is_its(issuer));
    let taken: Vec<&String> = its.flat_map(|(_, audiences)| audiences.iter()).collect();
    if let Some(unknown) = caller
        .audiences
        .iter()
        .find(|audience| !taken.contains(audience))
    {
        problems.push(
            Problem::new(format!(
                "the caller `{name}` may send tokens for `{unknown}`, \
                 which no issuer of its own has"
            ))
            .help("list in its `audiences` some of those of `[[issuers]]`"),
        );
    }
    problems
}
