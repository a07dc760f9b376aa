//! Defines the service as one value: its shared state, the application of one worker, and the
//! server that runs it.

mod listen;

pub use listen::Listener;

use crate::clock::Clock;
use crate::engine::{Engine, RequestCache};
use crate::evidence::{Signer, SignerError};
use crate::http::authzen::metadata::METADATA;
use crate::http::authzen::metadata::document::Metadata;
use crate::http::caller::rate::RateMeter;
use crate::http::connection::ConnectionWatch;
use crate::http::docs::openapi;
use crate::http::envelope::{self, tokens};
use crate::http::load::apart::LongWorkPlaces;
use crate::http::load::budget::ByteBudget;
use crate::http::load::revision_wait::WaitingPlaces;
use crate::http::openfga::{
    EXPORTS_OF_CALLER, MAX_EXPORTS, MAX_STREAMS, STREAMS_OF_CALLER, StreamPlaces,
};
use crate::http::routes;
use crate::http::settings::{HttpLimits, Settings};
use crate::http::shared::ServiceState;
use crate::telemetry::Metrics;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, from_fn};
use actix_web::rt::System;
use actix_web::{App, web};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The HTTP/1.1 server of all APIs, with or without TLS.
#[derive(Clone)]
pub struct Server {
    shared: Arc<ServiceState>,
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
        let meters = settings
            .callers
            .iter()
            .map(|_| RateMeter::default())
            .collect();
        let jwks = serde_json::to_vec(&signer.jwks())
            .map_err(|error| SignerError::Key(format!("the key set cannot be written: {error}")))?;
        let limits = &settings.limits;
        let shared = ServiceState {
            waiting: WaitingPlaces::new(limits, settings.callers.len()),
            bodies_memory: ByteBudget::new(limits.bodies_bytes),
            answers_memory: ByteBudget::new(limits.answers_bytes),
            bodies: RequestCache::new(settings.known_bytes, Arc::clone(&metrics)),
            jwks: jwks.into(),
            description: LazyLock::new(|| openapi::written().into()),
            settings,
            engine,
            metrics,
            clock,
            metadata,
            meters,
            exports: StreamPlaces::new(MAX_EXPORTS, EXPORTS_OF_CALLER),
            streams: StreamPlaces::new(MAX_STREAMS, STREAMS_OF_CALLER),
            decisions: LongWorkPlaces::for_questions(),
            questions: LongWorkPlaces::for_questions(),
            searches: LongWorkPlaces::for_searches(),
            pages: LongWorkPlaces::for_pages(),
            writes: LongWorkPlaces::for_writes(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Serves until `shutdown` completes, then waits for requests in flight to end. Blocks the
    /// calling thread.
    ///
    /// Returns an error if a listener cannot be used.
    pub fn run(
        self,
        listeners: Vec<Listener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        System::new().block_on(async move {
            let Settings {
                limits,
                workers,
                tls,
                ..
            } = &self.shared.settings;
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
            builder.run().await
        })
    }

    /// Creates the watch over the connections of one worker.
    fn watch(&self) -> Rc<ConnectionWatch> {
        let answers = Arc::clone(&self.shared.answers_memory);
        ConnectionWatch::new(self.limits(), Arc::clone(&self.shared.metrics), move || {
            answers.is_pressed()
        })
    }

    fn limits(&self) -> &HttpLimits {
        &self.shared.settings.limits
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
        let shared = Arc::clone(&self.shared);
        let verifying = Arc::clone(&self.shared);
        // Every request reserves the memory for this layer's future, whether or not the layer is
        // enabled: 2,700 bytes, copied twice on the way (1,300 of a decision's 85,000
        // instructions). Boxed, the future needs only the size of a pointer.
        let bearers = from_fn(move |request, next| {
            Box::pin(tokens::verify(Arc::clone(&verifying), request, next))
        });
        App::new()
            .app_data(web::Data::from(Arc::clone(&self.shared)))
            .configure(routes::mount)
            .wrap(Condition::new(self.shared.settings.takes_tokens(), bearers))
            .wrap_fn(move |request, service| envelope::wrap(request, service, &shared))
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
            .field("settings", &self.shared.settings)
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
