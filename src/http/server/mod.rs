//! Defines the service as one value: its shared state, the application of one worker, and the
//! server that runs it.

mod listen;
mod new_settings;

pub use listen::{GatewayListener, Listener};

use crate::clock::Clock;
use crate::engine::{Engine, RequestCache};
use crate::evidence::{Signer, SignerError};
use crate::http::admin::backup::MAX_BACKUPS;
use crate::http::authzen::metadata::METADATA;
use crate::http::authzen::metadata::document::Metadata;
use crate::http::connection::ConnectionWatch;
use crate::http::console::{MAX_WATCHES, WATCHES_OF_CALLER};
use crate::http::docs::openapi;
use crate::http::envelope;
use crate::http::envelope::tokens::TokenLayer;
use crate::http::gateway::{GatewayKind, GatewayLayer};
use crate::http::load::apart::LongWorkPlaces;
use crate::http::load::budget::ByteBudget;
use crate::http::load::places::StreamPlaces;
use crate::http::load::revision_wait::WaitingPlaces;
use crate::http::openfga::{EXPORTS_OF_CALLER, MAX_EXPORTS, MAX_STREAMS, STREAMS_OF_CALLER};
use crate::http::routes;
use crate::http::settings::{HttpLimits, Settings};
use crate::http::shared::ServiceState;
use crate::http::shared::newest::{LiveState, NewestSettings, WorkerState};
use crate::telemetry::Metrics;
use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::rt::System;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The HTTP/1.1 server of all APIs, with or without TLS.
#[derive(Clone)]
pub struct Server {
    live: Arc<LiveState>,
    /// The state with which the server starts. What of it is read when connections are taken stays
    /// as it is until the process ends.
    first: Arc<ServiceState>,
}

impl Server {
    /// Builds the server from its parts. This signs the metadata, once.
    pub fn new(
        settings: Settings,
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        signer: &Signer,
    ) -> Result<Self, SignerError> {
        let metadata = match &settings.public_url {
            Some(url) => {
                let named = routes::endpoints();
                let now_ms = clock.now_ms();
                Some(Metadata::new(url, &METADATA, named, signer, now_ms)?)
            }
            None => None,
        };
        let jwks = serde_json::to_vec(&signer.jwks())
            .map_err(|error| SignerError::Key(format!("the key set cannot be written: {error}")))?;
        let settings = Arc::new(settings);
        let limits = &settings.limits;
        let callers = new_settings::number_anew(&settings, 1, &metrics);
        metrics.settings().started(clock.now_ms());
        new_settings::tell_key_ends(&settings, &metrics);
        let shared = ServiceState {
            number: 0,
            newest: NewestSettings::new(&settings),
            report: new_settings::first_report(clock.as_ref()),
            draining: Arc::new(AtomicBool::new(false)),
            next_number: 1 + callers.len(),
            callers,
            anonymous_number: 0,
            waiting: Arc::new(WaitingPlaces::new(limits, settings.callers.len())),
            bodies_memory: ByteBudget::new(limits.bodies_bytes),
            answers_memory: ByteBudget::new(limits.answers_bytes),
            bodies: Arc::new(RequestCache::new(
                settings.known_bytes,
                Arc::clone(&metrics),
            )),
            jwks: jwks.into(),
            description: Arc::new(LazyLock::new(|| openapi::written().into())),
            settings,
            engine,
            metrics,
            clock,
            metadata: metadata.map(Arc::new),
            backups: StreamPlaces::new(MAX_BACKUPS, MAX_BACKUPS),
            exports: StreamPlaces::new(MAX_EXPORTS, EXPORTS_OF_CALLER),
            streams: StreamPlaces::new(MAX_STREAMS, STREAMS_OF_CALLER),
            watches: StreamPlaces::new(MAX_WATCHES, WATCHES_OF_CALLER),
            decisions: Arc::new(LongWorkPlaces::for_questions()),
            questions: Arc::new(LongWorkPlaces::for_questions()),
            searches: Arc::new(LongWorkPlaces::for_searches()),
            pages: Arc::new(LongWorkPlaces::for_pages()),
            scratches: Arc::new(LongWorkPlaces::for_scratches()),
            writes: Arc::new(LongWorkPlaces::for_writes()),
        };
        let live = Arc::new(LiveState::new(shared));
        let first = live.load();
        Ok(Self { live, first })
    }

    /// Lets `/readyz` say from now on that the service wants no more requests, and closes each
    /// connection after its next answer.
    pub fn drain(&self) {
        self.first.draining.store(true, Ordering::Relaxed);
    }

    /// Serves until `shutdown` completes, then waits for requests in flight to end; whoever watches
    /// decisions is told. Blocks the calling thread.
    ///
    /// Returns an error if a listener cannot be used.
    pub fn run(
        self,
        listeners: Vec<Listener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.run_with_gateway(listeners, None, shutdown)
    }

    /// Serves as [`Server::run`] does, and answers a gateway on a listener of its own.
    pub fn run_with_gateway(
        self,
        listeners: Vec<Listener>,
        gateway: Option<GatewayListener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let server = self.clone();
        let shutdown = async move {
            shutdown.await;
            server.drain();
        };
        System::new().block_on(async move {
            let Settings {
                limits,
                workers,
                tls,
                ..
            } = self.first.settings.as_ref();
            let workers = workers
                .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
                .max(1);
            let connections = limits.connections.div_ceil(workers).max(1);
            // The framework's own limit is a few hundred concurrent handshakes, so clients that
            // stall in a handshake would shut others out.
            actix_tls::accept::max_concurrent_tls_connect(connections);
            let tls = tls
                .as_ref()
                .map(|tls| tls.config().map_err(io::Error::other))
                .transpose()?;
            let mut builder = actix_server::Server::build()
                .workers(workers)
                .max_concurrent_connections(connections)
                .shutdown_timeout(whole_seconds(limits.shutdown))
                .shutdown_signal(shutdown);
            for listener in listeners {
                builder = listen::listen(builder, listener, tls.as_ref(), &self)?;
            }
            if let Some(gateway) = gateway {
                builder = listen::listen_for_gateway(builder, gateway, tls.as_ref(), &self)?;
            }
            builder.run().await
        })
    }

    /// Creates the watch over the connections of one worker.
    fn watch(&self) -> Rc<ConnectionWatch> {
        let answers = Arc::clone(&self.first.answers_memory);
        ConnectionWatch::new(self.limits(), Arc::clone(&self.first.metrics), move || {
            answers.is_pressed()
        })
    }

    fn limits(&self) -> &HttpLimits {
        &self.first.settings.limits
    }

    /// Returns the application of one worker.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        let worker = WorkerState::new(Arc::clone(&self.live));
        let worker = Rc::new(worker);
        App::new()
            .configure(routes::mount)
            .wrap(TokenLayer)
            .wrap_fn(move |request, service| envelope::wrap(request, service, &worker))
    }
}

impl Server {
    /// Returns the application of one worker for a gateway of this kind.
    #[must_use]
    pub fn gateway_app(
        &self,
        kind: GatewayKind,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        self.app()
            .wrap(GatewayLayer::new(kind, Arc::clone(&self.live)))
    }
}

/// Rounds a time up to whole seconds, the only unit that the framework takes; a fraction of a
/// second must not become zero.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Shows the settings only, and no key.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.live.load().settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_is_a_whole_one() {
        for (ms, seconds) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (8000, 8)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds, "{ms} ms");
        }
    }
}
