//! `behest serve`: puts the parts together, and runs the process from start to end.
//!
//! **Problem.** A service that starts without its bundle, its record or its address decides wrongly
//! or not at all, and this is noticed late.
//! **Decision.** Everything that can fail at start is done before the first request is accepted, in
//! the order that is most useful to the person who starts it. Any failure ends the process with one
//! report. Later events (a changed bundle, a signal) are handled in threads of their own.
//! **Trade-off.** A service whose bundle is broken at start does not start, even if the previous
//! bundle would still work. The address is bound before the bundle is read, so a client may connect
//! early and then waits, as `listen` explains.

mod admin_key;
mod banner;
pub(super) mod dev;
pub(super) mod edits;
mod listen;
mod parts;
mod renew;
mod signals;
mod trust;
mod watch;

use super::args::{ServeArguments, source_of};
use super::output::{fail_all, fail_with_lines};
use crate::bundle::BundleSource;
use crate::config::{self, Config, EnvironmentVariables};
use crate::engine::{BundleRefusal, LoadReport};
use crate::model::{Problem, Problems};
use crate::telemetry::{DEFAULT_FILTER, start_logging};
use admin_key::{AdminKey, KeyFile};
use listen::BoundListener;
use parts::ServiceParts;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use watch::Watcher;

/// Why the service does not start, or why it ends.
enum ServeStop {
    Problems(Problems),
    Bundle(Box<BundleRefusal>),
}

impl From<Problem> for ServeStop {
    fn from(problem: Problem) -> Self {
        Self::Problems(problem.into())
    }
}

impl From<Problems> for ServeStop {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

/// Serves until a signal ends the process.
pub(super) fn run(arguments: &ServeArguments) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ServeStop::Problems(problems)) => fail_all(&problems),
        Err(ServeStop::Bundle(refused)) => fail_with_lines(&refused.problems, &refused.files),
    }
}

fn serve(arguments: &ServeArguments) -> Result<(), ServeStop> {
    let environment = EnvironmentVariables::of_process();
    let config = config::load(&arguments.flags(), &environment)?;
    let filter = config.log.filter.clone().unwrap_or_else(default_filter);
    start_logging(config.log.format, &filter).map_err(|error| Problem::new(error.to_string()))?;
    if !config.links.is_empty() {
        let links = "variables of a cluster's services or a container's links are no settings";
        tracing::info!(variables = %config.links.join(" "), "{links}");
    }
    let admin_key = AdminKey::choose(&config, &environment)?;
    let bound = BoundListener::open(&config.listen)?;
    signals::outlive_full_disks()?;
    let parts = ServiceParts::make(&config)?;
    let source = source_of(config.bundle.clone());
    // The watcher is made before the load, so that its first look notices changes made during the
    // load.
    let watcher = Watcher::new(&source, &config.reload);
    let loaded = parts
        .engine
        .load(&source)
        .map_err(|refused| ServeStop::Bundle(Box::new(refused)))?;
    crate::process::huge_pages::settle_pages();
    let server = parts.server(&config, admin_key.as_ref())?;
    let reload = watcher
        .map(|watcher| watcher.start(Arc::clone(&parts.engine), Arc::clone(&parts.metrics)))
        .transpose();
    let writer = parts.writer.map(Arc::new);
    if let Some(tls) = &parts.tls {
        renew::start(tls).map_err(|error| no_thread(&error))?;
    }
    let shutdown = signals::listen(
        reload.map_err(|error| no_thread(&error))?,
        writer.clone(),
        parts.tls.clone(),
        parts.verifier.clone(),
    )?;
    // Signals are handled before this, because whoever reads the announcement may send one.
    let _removed_at_the_end = announce(
        &config,
        &environment,
        &source,
        &loaded,
        &bound,
        admin_key.as_ref(),
    )?;
    if let Some(live) = parts.engine.snapshot() {
        trust::warn_types(&config, live.bundle());
    }
    let (listener, at) = bound.into_parts();
    let outcome = server.run(vec![listener], shutdown);
    if let Some(writer) = writer {
        writer.close();
    }
    tracing::info!("stopped");
    outcome.map_err(|error| {
        Problem::new(format!("serving on `{at}` failed: {error}"))
            .help("see the log lines above")
            .into()
    })
}

/// Returns the default log filter. The HTTP parser logs each request that it refuses as an error,
/// so anyone who reaches the port could fill the log, and hide in it. Faults of the service are
/// logged by `http` itself.
fn default_filter() -> String {
    format!("{DEFAULT_FILTER},actix_http=off")
}

fn no_thread(error: &std::io::Error) -> Problem {
    Problem::new(format!("a thread cannot be started: {error}"))
        .help("raise the limit on threads of this process")
}

/// Announces the service, on the terminal or in the log. If an admin key was made and there is no
/// terminal to show it on, returns the file that holds the key.
fn announce(
    config: &Config,
    environment: &EnvironmentVariables,
    source: &BundleSource,
    loaded: &LoadReport,
    bound: &BoundListener,
    admin_key: Option<&AdminKey>,
) -> Result<Option<KeyFile>, Problem> {
    let terminal = std::io::stderr().is_terminal();
    let key_file = match admin_key {
        Some(key) if key.is_made() && !terminal => Some(key.write(config.data_dir(), environment)?),
        _ => None,
    };
    if let Some(file) = &key_file {
        let path = file.path().display();
        tracing::info!(%path, "an admin key was made; the file is removed when the service ends");
    }
    if terminal {
        banner::print(config, source, loaded, bound, admin_key);
    } else {
        let bundle = loaded.digest.short();
        tracing::info!(address = %bound, %bundle, "serving: {}", loaded.summary);
        if config.data_dir().is_none() {
            tracing::info!("{}", banner::MEMORY_ONLY);
        }
    }
    watch::log_warnings(&loaded.warnings);
    Ok(key_file)
}
