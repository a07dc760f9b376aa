//! The settings of a session, and the port that it listens on.

use crate::bundle::AT_ONCE;
use crate::cli::args::DevArguments;
use crate::cli::serve::listen::BoundListener;
use crate::config::{self, Config, EnvironmentVariables, Flags, Listen, SocketSettings};
use crate::http::Permission;
use crate::model::{Problem, Problems};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The port that is tried first if none is named.
const PORT: u16 = 8181;

/// LIMIT: ports that are tried if none is named.
const PORTS: u16 = 10;

/// What everybody on this machine may do. Decisions that are made here are tries, and who asks sees
/// them on the page.
const ANYBODY: [Permission; 4] = [
    Permission::Decide,
    Permission::Search,
    Permission::Explain,
    Permission::DecisionsRead,
];

/// How long requests in progress may take when the session ends: its author waits.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Returns the settings of a session: those of a service that only this machine reaches, with what
/// bears on decisions from the file that was named.
pub(super) fn settings(
    arguments: &DevArguments,
    environment: &EnvironmentVariables,
) -> Result<Config, Problems> {
    let mut config = match &arguments.config {
        Some(path) => {
            let flags = Flags {
                config: Some(path.clone()),
                settings: Vec::new(),
            };
            relevant(config::load(&flags, &EnvironmentVariables::default())?)
        }
        None => Config::default(),
    };
    config.data = arguments
        .data
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|problem: Problem| Problem {
            message: format!("`--data`: {}", problem.message),
            ..problem
        })?;
    config.anonymous = Some(ANYBODY.into_iter().collect());
    // The watch of a session waits until an edit is complete.
    config.reload.quiet = AT_ONCE;
    config.limits.http.shutdown = SHUTDOWN;
    if config.log.filter.is_none() {
        config.log.filter = environment.get("RUST_LOG").map(str::to_owned);
    }
    Ok(config)
}

/// Keeps the settings that bear on decisions.
fn relevant(config: Config) -> Config {
    Config {
        issuers: config.issuers,
        trust_domains: config.trust_domains,
        limits: config.limits,
        cache: config.cache,
        search: config.search,
        log: config.log,
        ..Config::default()
    }
}

/// Binds the port on the loopback address, or the first free one if none is named.
pub(super) fn bind(port: Option<u16>) -> Result<BoundListener, Problem> {
    let open = |port| {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        BoundListener::bind(&Listen::Tcp(address), &SocketSettings::default())
    };
    let bound = open(port.unwrap_or(PORT));
    let bound = match port {
        Some(_) => bound,
        None => bound.or_else(|problem| {
            (1..PORTS)
                .find_map(|more| open(PORT + more).ok())
                .ok_or(problem)
        }),
    };
    bound.map_err(|problem| problem.help("choose another port with `--port`"))
}
