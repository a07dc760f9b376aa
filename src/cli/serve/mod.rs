//! `behest serve`: puts the parts together, and runs the process from start to end.
//!
//! **Problem.** A service that starts without its bundle, its record or its address decides wrongly
//! or not at all, and this is noticed late.
//! **Decision.** Everything that can fail at start is done before the first request is accepted, in
//! the order that is most useful to the person who starts it. Any failure ends the process with one
//! report. Later events (a changed bundle, a signal) are handled in threads of their own.
//! Where the bundle is refused at start, the one that was kept decides in its place, loudly
//! ([`last_good`]).
//! **Trade-off.** Without a data directory, a service whose bundle is broken at start does not
//! start. The address is bound before the bundle is read, so a client may connect early and then
//! waits, as `listen` explains.

mod admin_key;
mod banner;
mod collector;
pub(super) mod dev;
pub(super) mod edits;
mod key_ends;
mod last_good;
mod listen;
mod notify;
mod parts;
mod renew;
mod reread;
mod signals;
mod trust;
mod watch;

use super::args::{ServeArguments, source_of};
use super::output::{chosen_color, fail_all, fail_with_lines, notice};
use crate::bundle::BundleSource;
use crate::config::{self, Config, EnvironmentVariables, Flags, Listen};
use crate::engine::{BundleRefusal, Engine, LoadReport};
use crate::http::{GatewayListener, Server, Tls};
use crate::model::{Problem, Problems};
use crate::record::RecordWriter;
use crate::telemetry::{DEFAULT_FILTER, Log, start_logging};
use admin_key::{AdminKey, KeyFile};
use key_ends::KeyWatch;
use listen::{BoundListener, ListenerAddress};
use notify::Supervisor;
use parts::ServiceParts;
use reread::{CountingSettings, SettingsReader};
use signals::{EndSignal, HangUp, SignalThread};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use watch::{Reloader, Watcher};

/// Why the service does not start, or why it ends.
enum ServeStop {
    Problems(Problems),
    Bundle(Box<BundleRefusal>),
    /// The bundle is refused, and so is the kept one.
    Bundles(Box<[BundleRefusal; 2]>),
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
        Err(ServeStop::Bundles(refused)) => {
            let [own, kept] = *refused;
            let code = fail_with_lines(&own.problems, &own.files);
            notice("the kept bundle cannot decide in its place:\n");
            fail_with_lines(&kept.problems, &kept.files);
            code
        }
    }
}

fn serve(arguments: &ServeArguments) -> Result<(), ServeStop> {
    let environment = EnvironmentVariables::of_process();
    let config = config::load(&arguments.flags(), &environment)?;
    let log = log_as_set(&config)?;
    // Signals are handled before the address is bound, because whoever sees it may send one.
    let signals = SignalThread::start()?;
    let admin_key = AdminKey::choose(&config, &environment)?.map(Arc::new);
    let bound = BoundListener::open(&config, &environment)?;
    signals.remove_at_early_end(bound.socket());
    let gateway = open_gateway(&config)?;
    signals::outlive_full_disks()?;
    let mut parts = ServiceParts::make(&config)?;
    log.count_in(parts.metrics.exports());
    let source = source_of(config.bundle.clone());
    let (loaded, watcher) = load_first(&source, &config, &parts)?;
    let server = parts.server(&config, admin_key.as_deref(), false)?;
    let writer = parts.writer.take().map(Arc::new);
    let of_bundle = watcher
        .map(|watcher| watcher.start(Arc::clone(&parts.engine), Arc::clone(&parts.metrics)))
        .transpose()
        .map_err(|error| no_thread(&error))?;
    if let Some(tls) = &parts.tls {
        renew::start(tls).map_err(|error| no_thread(&error))?;
    }
    let settings = SettingsReader {
        flags: arguments.flags().with_file(&environment),
        admin_key: admin_key.clone(),
        ..reader(&config, &environment, &parts, &server)?
    };
    let ended = signals.serve(hang_up(
        settings,
        of_bundle,
        writer.clone(),
        parts.tls.clone(),
    ))?;
    // From here on a signal ends the service by its way back, which removes what it leaves.
    let loaded = (&source, &loaded, parts.engine.as_ref());
    let _removed_at_the_end =
        announce(&config, &environment, loaded, &bound, admin_key.as_deref())?;
    if let Some(live) = parts.engine.snapshot() {
        trust::warn_types(&config, live.bundle());
    }
    let supervisor = Supervisor::of(&environment);
    supervisor.ready();
    let by_default = drain_by_default(&config.listen);
    let shutdown = drain(ended, server.clone(), by_default, supervisor);
    let (listener, at) = bound.into_parts();
    let (gateway, _removed_with_it) = gateway.unzip();
    let outcome = server.run_with_gateway(vec![listener], gateway, shutdown);
    if let Some(writer) = writer {
        writer.close();
    }
    parts.close_observers();
    tracing::info!("stopped");
    outcome.map_err(|error| {
        Problem::new(format!("serving on `{at}` failed: {error}"))
            .help("see the log lines above")
            .into()
    })
}

/// Binds the address on which a gateway asks, if there is one.
fn open_gateway(config: &Config) -> Result<Option<(GatewayListener, ListenerAddress)>, Problem> {
    let Some(settings) = &config.gateway else {
        return Ok(None);
    };
    let bound = BoundListener::bind_for_gateway(&settings.listen)?;
    let kind = settings.kind;
    tracing::info!(address = %bound, %kind, "a gateway may ask");
    let (listener, at) = bound.into_parts();
    Ok(Some((GatewayListener { kind, listener }, at)))
}

/// Starts the log, and names what it will not take for settings.
fn log_as_set(config: &Config) -> Result<Log, Problem> {
    let filter = config.log.filter.clone().unwrap_or_else(default_filter);
    let log = start_logging(config.log.format, &filter, chosen_color())
        .map_err(|error| Problem::new(error.to_string()))?;
    if !config.links.is_empty() {
        let links = "variables of a cluster's services or a container's links are no settings";
        tracing::info!(variables = %config.links.join(" "), "{links}");
    }
    Ok(log)
}

/// Loads the first bundle. The watcher is made before, so that its first look notices changes made
/// during the load.
fn load_first(
    source: &BundleSource,
    config: &Config,
    parts: &ServiceParts,
) -> Result<(LoadReport, Option<Watcher>), ServeStop> {
    let watcher = Watcher::new(source, &config.reload);
    let loaded = match parts.engine.load(source) {
        Ok(loaded) => loaded,
        Err(refused) => last_good::go_on(&parts.engine, source, refused)?,
    };
    crate::process::huge_pages::settle_pages();
    Ok((loaded, watcher))
}

/// How long a service that other machines can reach says that it is about to end before it refuses
/// connections: by then a cluster has taken it out of its lists.
const DRAIN: Duration = Duration::from_secs(5);

fn drain_by_default(listen: &Listen) -> Duration {
    if listen.is_local() {
        Duration::ZERO
    } else {
        DRAIN
    }
}

/// Completes when connections are to be refused: for a supervisor's signal after the time in which
/// `/readyz` says so before, for a person's at once.
async fn drain(
    ended: impl Future<Output = Option<EndSignal>>,
    server: Server,
    by_default: Duration,
    supervisor: Supervisor,
) {
    let signal = ended.await;
    supervisor.stopping();
    let pause = server.settings().limits.drain.unwrap_or(by_default);
    if signal == Some(EndSignal::Terminate) && !pause.is_zero() {
        server.drain();
        let seconds = pause.as_secs_f32();
        tracing::info!(
            seconds,
            "draining: `/readyz` says 503, and requests are still answered"
        );
        tokio::time::sleep(pause).await;
    }
    tracing::info!("stopping: requests in progress may end");
}

/// Makes what reads the settings again, and starts to watch the ends of keys.
fn reader(
    config: &Config,
    environment: &EnvironmentVariables,
    parts: &ServiceParts,
    server: &Server,
) -> Result<SettingsReader, Problem> {
    let key_watch = Arc::new(KeyWatch::default());
    let clock = Arc::clone(&parts.clock);
    key_watch
        .start(server.clone(), Arc::clone(&clock))
        .map_err(|error| no_thread(&error))?;
    let counting = CountingSettings {
        config: config.clone(),
        facts: trust::HeldFacts::of(config)?,
    };
    Ok(SettingsReader {
        flags: Flags::default(),
        environment: environment.clone(),
        admin_key: None,
        server: server.clone(),
        engine: Arc::clone(&parts.engine),
        metrics: Arc::clone(&parts.metrics),
        clock,
        key_watch,
        counting: Mutex::new(counting),
    })
}

/// Returns what SIGHUP does. The settings come first: what they withdraw counts for nothing by the
/// time that the rest is read.
fn hang_up(
    settings: SettingsReader,
    of_bundle: Option<Reloader>,
    writer: Option<Arc<RecordWriter>>,
    tls: Option<Arc<Tls>>,
) -> HangUp {
    Box::new(move || {
        settings.read_again();
        tls.iter().for_each(|tls| renew::reload(tls));
        if let Some(of_bundle) = &of_bundle {
            of_bundle.now();
        } else {
            tracing::info!("the default bundle is part of the program: there is nothing to reload");
        }
        writer.iter().for_each(|writer| writer.reopen());
        let verifier = &settings.server.settings().verifier;
        verifier.iter().for_each(|verifier| verifier.look_at_keys());
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
    (source, loaded, engine): (&BundleSource, &LoadReport, &Engine),
    bound: &BoundListener,
    admin_key: Option<&AdminKey>,
) -> Result<Option<KeyFile>, Problem> {
    let terminal = std::io::stderr().is_terminal();
    let deciding = last_good::name_deciding(source, engine);
    let key_file = match admin_key {
        Some(key) if key.is_made() && !terminal => Some(key.write(config.data_dir(), environment)?),
        _ => None,
    };
    if let Some(file) = &key_file {
        let path = file.path().display();
        tracing::info!(%path, "an admin key was made; the file is removed when the service ends");
    }
    if terminal {
        banner::print(config, &deciding, loaded, bound, admin_key);
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
