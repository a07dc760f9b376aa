//! Builds the parts of the service from its settings.

use super::admin_key::AdminKey;
use super::{collector, no_thread, trust};
use crate::bundle::BundleKeeper;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, CacheSize, Config};
use crate::engine::{Engine, Sealer};
use crate::evidence::{Signer, Verifier};
use crate::http::{self, CallerCredential, CallerKey, CertificateName, MAX_KEYS, Server, Tls};
use crate::model::{Problem, Problems};
use crate::record::{RecordWriter, Recorder};
use crate::storage::{StoreLocation, open_memory};
use crate::stores::Stores;
use crate::telemetry::{AccessLog, Metrics, Tracer};
use smallvec::SmallVec;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

/// The parts of a service, without a bundle yet.
pub(super) struct ServiceParts {
    pub(super) engine: Arc<Engine>,
    /// The writer of decision records; `None` if decisions are not recorded.
    pub(super) writer: Option<RecordWriter>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    signer: Signer,
    /// The verifier of credentials; `None` if no issuer and no trust domain is configured.
    pub(super) verifier: Option<Arc<Verifier>>,
    /// The TLS settings; `None` if the service does not use TLS.
    pub(super) tls: Option<Arc<Tls>>,
    access_log: Arc<AccessLog>,
    /// What sends spans; `None` if there is no collector.
    tracer: Option<Arc<Tracer>>,
}

impl ServiceParts {
    /// Makes the parts, and opens or creates their files on disk.
    pub(super) fn make(config: &Config) -> Result<Self, Problems> {
        let signer = open_signer(config.data_dir())?;
        let metrics = Arc::new(Metrics::default());
        if let Some(dir) = config.data_dir() {
            metrics.state().watch_data(dir);
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (recorder, writer) = start_recorder(config, &metrics)?;
        // This must come before the stores are opened: a configured key fixes the order in which a
        // search goes through candidates.
        let sealer = make_sealer(config)?;
        let stores = Arc::new(open_stores(config, &clock)?);
        stores.purge_beside();
        let mut engine = Engine::new(Arc::clone(&clock), Arc::clone(&metrics), recorder)
            .with_quiet(config.reload.quiet)
            .with_search(config.search.page, sealer)
            .with_token_facts(trust::token_facts(config)?)
            .with_stores(stores);
        if let Some(keeper) = open_keeper(config)? {
            engine = engine.with_keeper(keeper);
        }
        if let CacheSize::Bytes(bytes) = config.cache {
            engine = engine.with_cache(bytes.to_usize() - known_bytes(config));
        }
        let verifier = trust::make(config, &clock)?;
        trust::warn(config);
        let tls = open_tls(config)?;
        let access_log = AccessLog::start(metrics.exports()).map_err(|error| no_thread(&error))?;
        let tracer = config.telemetry.as_ref();
        let tracer = tracer.map(|settings| collector::start(settings, &metrics));
        let tracer = tracer.transpose()?;
        Ok(Self {
            engine: Arc::new(engine),
            writer,
            metrics,
            clock,
            signer,
            verifier,
            tls,
            access_log: Arc::new(access_log),
            tracer,
        })
    }

    /// Writes and sends what operators have yet to see, within a moment.
    pub(super) fn close_observers(&self) {
        if let Some(tracer) = &self.tracer {
            tracer.close(collector::FLUSH);
        }
        self.access_log.close();
    }

    /// Creates the HTTP server over the parts. `saves_edits` is for a session of an author alone.
    pub(super) fn server(
        &self,
        config: &Config,
        admin_key: Option<&AdminKey>,
        saves_edits: bool,
    ) -> Result<Server, Problem> {
        let verifier = self.verifier.clone();
        let tls = self.tls.clone();
        let settings = http::Settings {
            verifier,
            tls,
            access_log: Some(Arc::clone(&self.access_log)),
            tracer: self.tracer.clone(),
            saves_edits,
            ..http_settings(config, admin_key)?
        };
        let (engine, metrics, clock) = (
            Arc::clone(&self.engine),
            Arc::clone(&self.metrics),
            Arc::clone(&self.clock),
        );
        Server::new(settings, engine, metrics, clock, &self.signer).map_err(|error| {
            Problem::new(format!("the service's metadata cannot be signed: {error}"))
        })
    }
}

/// Returns the share of the cache's memory that the request cache gets: a quarter. A body is kept
/// with the cache keys of its legs; they and the body take a few hundred bytes each.
fn known_bytes(config: &Config) -> usize {
    match config.cache {
        CacheSize::Bytes(bytes) => bytes.to_usize() / 4,
        CacheSize::Off => 0,
    }
}

fn make_sealer(config: &Config) -> Result<Sealer, Problem> {
    let lifetime = config.search.token_lifetime;
    let sealer = match &config.search.token_key {
        Some(key) => Sealer::shared(key.bytes(), lifetime),
        None => Sealer::random(lifetime),
    };
    sealer.map_err(|_| Problem::new("the system has no randomness for the key of page tokens"))
}

fn open_signer(data: Option<&Path>) -> Result<Signer, Problem> {
    let Some(dir) = data else {
        return Signer::in_memory().map_err(|error| Problem::new(error.to_string()));
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| {
            Problem::new(format!(
                "the data directory `{}` cannot be made: {error}",
                dir.display()
            ))
            .help("`--data` takes a directory that this user may write to")
        })?;
    Signer::open(dir).map_err(|error| {
        Problem::new(error.to_string())
            .help("check who owns the data directory, and who may read its files")
    })
}

/// Opens the stores in the directory that `data` names, or in memory if there is none.
fn open_stores(config: &Config, clock: &Arc<dyn Clock>) -> Result<Stores, Problem> {
    let store = config
        .data
        .as_ref()
        .map_or_else(open_memory, StoreLocation::open);
    let store = store.map_err(|error| Problem::new(error.to_string()))?;
    let stores = Stores::open(store, Arc::clone(clock))
        .map_err(|error| Problem::new(format!("the relations cannot be read: {error}")))?;
    Ok(stores.with_limits(config.limits.stores))
}

/// Returns the keeper of bundles, if there is a data directory. If bundles are not to be kept, what
/// an earlier process kept is removed: it would be older than the last one that decided. The stores
/// are open, so nobody else has the directory.
fn open_keeper(config: &Config) -> Result<Option<BundleKeeper>, Problem> {
    let Some(dir) = config.data_dir() else {
        return Ok(None);
    };
    let keeper = BundleKeeper::new(dir);
    if config.keep_bundle.0 {
        return Ok(Some(keeper));
    }
    keeper.forget()?;
    Ok(None)
}

fn start_recorder(
    config: &Config,
    metrics: &Arc<Metrics>,
) -> Result<(Recorder, Option<RecordWriter>), Problem> {
    let Some(record) = &config.record else {
        return Ok((Recorder::default(), None));
    };
    let sink = record.sink.clone();
    let shown = sink.to_string();
    let (recorder, writer) =
        Recorder::start(sink, record.queue, Arc::clone(metrics)).map_err(|error| {
            Problem::new(format!(
                "decisions cannot be recorded in `{shown}`: {error}"
            ))
            .help(
                "`record.sink` takes a file in a directory that exists and that this \
                 user may write to, or `-`",
            )
        })?;
    Ok((recorder, Some(writer)))
}

/// Returns the settings of the HTTP surface, without its certificates and its verifier.
pub(super) fn http_settings(
    config: &Config,
    admin_key: Option<&AdminKey>,
) -> Result<http::Settings, Problem> {
    let mut callers = config
        .callers
        .iter()
        .map(caller)
        .collect::<Result<Vec<_>, _>>()?;
    callers.extend(admin_key.map(AdminKey::caller));
    Ok(http::Settings {
        public_url: config.public_url.clone(),
        callers,
        anonymous: config.anonymous_permissions(),
        raw_keys: config.raw_keys,
        verifier: None,
        tls: None,
        metrics: config.metrics,
        docs: config.docs,
        known_bytes: known_bytes(config),
        access: config.log.access,
        access_log: None,
        tracer: None,
        saves_edits: false,
        limits: config.limits.http.clone(),
        workers: config.limits.workers,
    })
}

fn open_tls(config: &Config) -> Result<Option<Arc<Tls>>, Problem> {
    let Some(files) = &config.tls else {
        return Ok(None);
    };
    Tls::open(files.clone())
        .map(Some)
        .map_err(|error| Problem::new(error.to_string()).help("correct `tls`"))
}

fn caller(caller: &config::CallerSettings) -> Result<http::Caller, Problem> {
    let unknown = || Problem::new(format!("the caller `{}` cannot be known", caller.name));
    let keys: SmallVec<[CallerKey; MAX_KEYS]> = caller
        .all_keys()
        .map(|key| CallerKey {
            hash: key.sha256,
            until: key.until,
        })
        .collect();
    let by = match (&caller.token, &caller.certificate) {
        _ if !keys.is_empty() => CallerCredential::Keys(keys),
        (Some(token), _) => {
            let principal = token.principal.parse().map_err(|_| unknown())?;
            CallerCredential::Token {
                issuer: token.issuer.clone(),
                principal,
            }
        }
        (None, Some(certificate)) => {
            CallerCredential::Certificate(match (&certificate.sha256, &certificate.uri) {
                (Some(sha256), _) => CertificateName::Sha256(sha256.bytes()),
                (None, Some(uri)) => CertificateName::Uri(uri.clone()),
                (None, None) => return Err(unknown()),
            })
        }
        (None, None) => return Err(unknown()),
    };
    Ok(http::Caller {
        name: caller.name.clone(),
        by,
        permissions: caller.permissions,
        require_actor: caller.require_actor,
        reasons: caller.reasons,
        rate: caller.rate,
        credentials: trust::scope(caller),
    })
}
