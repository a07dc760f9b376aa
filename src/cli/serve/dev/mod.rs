//! `behest dev`: serves a bundle for its author, who edits it.
//!
//! **Problem.** An author wants to see at once what an edit does: to the cases, and to decisions
//! that no case is about.
//! **Decision.** It is the service, on the loopback address, with the bundle loaded at each change.
//! A line says what came of it. What is broken or fails is shown, and the bundle before it goes on
//! deciding, as it would in a running service. There is no bundle to fall back on when the session
//! begins: then questions are answered with 503 until the author has mended it.
//! **Trade-off.** Settings of a service are left aside: its callers, certificates, data and record
//! would be in the way, or come to harm. Who is on this machine may decide, search and
//! explain, and watch what is decided.

mod browser;
mod greeting;
mod loopback;
mod question;
mod report;
mod session;

use super::admin_key::AdminKey;
use super::parts::ServiceParts;
use super::{no_thread, signals, watch};
use crate::cli::args::DevArguments;
use crate::cli::chosen::ChosenBundle;
use crate::cli::exit::{CommandFailure, ExitReason};
use crate::cli::output::{Paint, chosen_color, fail, fail_all, print};
use crate::cli::serve::edits::EditWatch;
use crate::config::{Config, EnvironmentVariables};
use crate::model::{Problem, Problems};
use crate::telemetry::{Metrics, start_logging};
use greeting::Greeting;
use question::FirstQuestion;
use session::DevSession;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The log's filter: the lines of a session say what its author needs.
const FILTER: &str = "warn,actix_http=off";

/// Serves until a signal ends the session.
pub(in crate::cli) fn run(arguments: &DevArguments) -> ExitCode {
    let chosen = ChosenBundle::of(&arguments.bundle.named());
    if let ChosenBundle::Named(dir) = &chosen
        && !has_folder(dir)
    {
        return fail(no_bundle(dir));
    }
    match develop(arguments, &chosen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => fail_all(&problems),
    }
}

fn develop(arguments: &DevArguments, chosen: &ChosenBundle) -> Result<(), Problems> {
    let paint = Paint::for_results();
    let environment = EnvironmentVariables::of_process();
    let config = loopback::settings(arguments, &environment)?;
    let filter = config.log.filter.as_deref().unwrap_or(FILTER);
    let _until_the_end = start_logging(config.log.format, filter, chosen_color())
        .map_err(|error| Problem::new(error.to_string()))?;
    let bound = loopback::bind(arguments.port)?;
    let url = bound.url().unwrap_or_default();
    // Signals are handled before this, because whoever reads it may send one.
    let ended = end_of_session()?;
    let greeting = Greeting { url: &url, paint };
    print(&greeting.begin());
    signals::outlive_full_disks()?;
    let parts = ServiceParts::make(&config)?;
    let admin_key = admin_key(&config, &environment)?;
    let server = parts.server(&config, admin_key.as_ref(), chosen.dir().is_some())?;
    // The first listing is made before the load, so that a change during the load is noticed.
    let watch = chosen.dir().map(EditWatch::new);
    let mut session = DevSession::new(Arc::clone(&parts.engine), chosen.source());
    let load = session.load();
    let live = parts.engine.snapshot();
    let question = live.and_then(|live| FirstQuestion::of(live.bundle()));
    print(&greeting.bundle(chosen, &load, question.as_ref()));
    print(&greeting.end(admin_key.as_ref(), config.data_dir(), watch.is_some()));
    if let (Some(watch), Some(dir)) = (watch, chosen.dir()) {
        let dir = dir.to_owned();
        let metrics = Arc::clone(&parts.metrics);
        std::thread::Builder::new()
            .name("bundle-watcher".to_owned())
            .spawn(move || follow(session, watch, &dir, &metrics, paint))
            .map_err(|error| no_thread(&error))?;
    }
    if !arguments.no_open {
        browser::open(&browser::page_with(question.as_ref(), &url));
    }
    let (listener, at) = bound.into_parts();
    let outcome = server.run(vec![listener], ended);
    parts.close_observers();
    print("stopped\n");
    outcome.map_err(|error| Problem::new(format!("serving on `{at}` failed: {error}")).into())
}

/// Whether a directory has a folder of a bundle, which may still be empty.
fn has_folder(dir: &Path) -> bool {
    ["schemas", "policies"]
        .iter()
        .any(|folder| dir.join(folder).exists())
}

fn no_bundle(dir: &Path) -> CommandFailure {
    let shown = dir.display();
    let problem = match dir.read_dir().map(|mut entries| entries.next().is_none()) {
        Ok(true) => Problem::new(format!("`{shown}` is empty")),
        Ok(false) => Problem::new(format!(
            "`{shown}` holds no bundle: neither `schemas/` nor `policies/`"
        )),
        Err(error) => Problem::new(format!("`{shown}` cannot be read: {error}")),
    };
    CommandFailure {
        problem: problem.help(format!(
            "`behest init {shown}` writes a bundle to begin with, with cases"
        )),
        reason: ExitReason::BrokenBundle,
    }
}

/// Returns the admin key, if somebody is told it: on a terminal, or by giving it in the variable.
fn admin_key(
    config: &Config,
    environment: &EnvironmentVariables,
) -> Result<Option<AdminKey>, Problem> {
    let key = AdminKey::choose(config, environment)?;
    let is_seen = io::stdout().is_terminal();
    Ok(key.filter(|key| is_seen || !key.is_made()))
}

/// Loads the bundle at each change.
fn follow(
    mut session: DevSession,
    mut watch: EditWatch,
    dir: &Path,
    metrics: &Metrics,
    paint: Paint,
) {
    loop {
        let edited = watch.wait().to_string();
        watch::contain(metrics, || {
            let load = session.load();
            print(&report::render(&load, &edited, dir, paint));
        });
    }
}

/// Returns a future that completes at the first signal; a second one exits the process immediately.
/// A terminal that is closed ends the session, too.
fn end_of_session() -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|error| Problem::new(format!("signals cannot be handled: {error}")))?;
    let (end, ended) = oneshot::channel();
    let handle = move || {
        let mut end = Some(end);
        for signal in signals.forever() {
            match end.take() {
                Some(end) => drop(end.send(())),
                None => std::process::exit(128 + signal),
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(handle)
        .map_err(|error| no_thread(&error))?;
    Ok(async {
        let _sender_is_gone = ended.await;
    })
}
