//! Sets up a listener: connections under the service's own time limits
//! ([`crate::http::connection`]), TLS, and HTTP/1.1.
//!
//! The framework's own server would give its HTTP layer a stream of its own. This file assembles
//! the same parts, with our stream ([`TimedStream`]) in between.

use crate::http::GatewayKind;
use crate::http::HttpLimits;
use crate::http::caller::certificate;
use crate::http::connection::{ConnectionWatch, TimedStream};
use crate::http::server::Server;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
use actix_service::{
    IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Extensions, ServiceRequest, ServiceResponse};
use actix_web::rt::net::{TcpStream, UnixStream};
use rustls::ServerConfig;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A socket on which requests arrive.
#[derive(Debug)]
pub enum Listener {
    /// A bound TCP address.
    Tcp(TcpListener),
    /// A bound Unix socket.
    Unix(UnixListener),
}

/// A socket on which a gateway asks.
#[derive(Debug)]
pub struct GatewayListener {
    /// The kind of the gateway.
    pub kind: GatewayKind,
    /// The socket.
    pub listener: Listener,
}

/// How long a client may go on sending an unread body after its answer.
const LINGER: Duration = Duration::from_secs(1);

/// A connection for the HTTP layer: the stream, the HTTP version, and the peer's address.
type AcceptedStream<T> = (T, Protocol, Option<SocketAddr>);

/// Adds a listener to the server.
pub(super) fn listen(
    builder: ServerBuilder,
    listener: Listener,
    tls: Option<&ServerConfig>,
    server: &Server,
) -> io::Result<ServerBuilder> {
    listen_with(builder, listener, tls, server, Server::app)
}

/// Adds a listener on which a gateway asks.
pub(super) fn listen_for_gateway(
    builder: ServerBuilder,
    gateway: GatewayListener,
    tls: Option<&ServerConfig>,
    server: &Server,
) -> io::Result<ServerBuilder> {
    let GatewayListener { kind, listener } = gateway;
    let app = move |server: &Server| server.gateway_app(kind);
    listen_with(builder, listener, tls, server, app)
}

/// Adds a listener whose requests this application answers.
fn listen_with<A, B>(
    builder: ServerBuilder,
    listener: Listener,
    tls: Option<&ServerConfig>,
    server: &Server,
    app: impl Fn(&Server) -> App<A> + Copy + Send + 'static,
) -> io::Result<ServerBuilder>
where
    A: WorkerApp<B>,
    B: MessageBody + 'static,
{
    let server = server.clone();
    let ending = builder.graceful_shutdown_signal();
    match (listener, tls.cloned()) {
        (Listener::Tcp(listener), None) => builder.listen("tcp", listener, move || {
            let watch = server.watch();
            fn_service(move |stream| ready(Ok(accept_tcp(stream, &watch)))).and_then(http(
                app(&server),
                &server,
                &ending,
                |stream: &TimedStream<TcpStream>, data| {
                    data.insert(Rc::clone(stream.connection()));
                },
            ))
        }),
        (Listener::Tcp(listener), Some(config)) => {
            listen_tls(builder, listener, config, server, ending, app)
        }
        (Listener::Unix(listener), _) => builder.listen_uds("unix", listener, move || {
            let watch = server.watch();
            fn_service(move |stream: UnixStream| {
                let stream = TimedStream::new(stream, &watch);
                ready(Ok::<AcceptedStream<_>, DispatchError>((
                    stream,
                    Protocol::Http1,
                    None,
                )))
            })
            .and_then(http(
                app(&server),
                &server,
                &ending,
                |stream: &TimedStream<UnixStream>, data| {
                    data.insert(Rc::clone(stream.connection()));
                },
            ))
        }),
    }
}

fn listen_tls<A, B>(
    builder: ServerBuilder,
    listener: TcpListener,
    mut config: ServerConfig,
    server: Server,
    ending: GracefulShutdownSignal,
    app: impl Fn(&Server) -> App<A> + Copy + Send + 'static,
) -> io::Result<ServerBuilder>
where
    A: WorkerApp<B>,
    B: MessageBody + 'static,
{
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    builder.listen("tls", listener, move || {
        let watch = server.watch();
        let mut acceptor = Acceptor::new(config.clone());
        acceptor.set_handshake_timeout(server.limits().head_time);
        fn_service(move |stream| {
            let (stream, ..) = accept_tcp(stream, &watch);
            ready(Ok::<_, TlsError<io::Error, DispatchError>>(stream))
        })
        .and_then(acceptor.map_err(TlsError::into_service_error))
        .map(|stream: TlsStream<TimedStream<TcpStream>>| {
            let from = stream.get_ref().0.get_ref().peer_addr().ok();
            (stream, Protocol::Http1, from)
        })
        .and_then(
            http(
                app(&server),
                &server,
                &ending,
                |stream: &TlsStream<TimedStream<TcpStream>>, data| {
                    data.insert(Rc::clone(stream.get_ref().0.connection()));
                    certificate::remember(stream, data);
                },
            )
            .map_err(TlsError::Service),
        )
    })
}

/// Puts a connection under the time limits of this worker.
fn accept_tcp(
    stream: TcpStream,
    watch: &Rc<ConnectionWatch>,
) -> AcceptedStream<TimedStream<TcpStream>> {
    // Answers are written whole, so a delay would gather nothing. If this fails, the connection is
    // gone.
    let _is_gone = stream.set_nodelay(true);
    let from = stream.peer_addr().ok();
    (TimedStream::new(stream, watch), Protocol::Http1, from)
}

/// An application of one worker.
trait WorkerApp<B>:
    ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<B>,
        Error = actix_web::Error,
        InitError = (),
    > + 'static
{
}

impl<A, B> WorkerApp<B> for A where
    A: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static
{
}

/// Creates the HTTP/1.1 service for streams of this kind, with the application of one worker.
fn http<T, F, A, B>(
    app: App<A>,
    server: &Server,
    ending: &GracefulShutdownSignal,
    remember: F,
) -> impl ServiceFactory<
    AcceptedStream<T>,
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
> + use<T, F, A, B>
where
    A: WorkerApp<B>,
    B: MessageBody + 'static,
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Fn(&T, &mut Extensions) + 'static,
{
    let app = app
        .into_factory()
        .map_err(|error: actix_web::Error| error.error_response());
    let HttpLimits { keep_alive, .. } = *server.limits();
    let ending = ending.clone();
    HttpService::build()
        .keep_alive(keep_alive)
        // Only our own time limit applies: the framework's would answer a complete request with 408
        // after a stall of this worker.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        .graceful_shutdown_signal(move || {
            let ending = ending.clone();
            async move { ending.notified().await }
        })
        .on_connect_ext(remember)
        .finish(map_config(app, |()| AppConfig::default()))
}
