//! The service under test, in the process or behind a real socket.

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};
use behest::clock::{Clock, FixedClock};
use behest::engine::Engine;
use behest::evidence::Signer;
use behest::http::{Permission, Server, Settings};
use behest::record::Recorder;
use behest::telemetry::Metrics;
use std::sync::Arc;

/// Thursday, 2026-10-01T09:00:00Z: the time of the shipped cases.
pub const NOW_MS: i64 = 1_790_845_200_000;

/// Returns a developer's settings: no callers, and everything allowed from the same machine.
pub fn local() -> Settings {
    let permissions = [Permission::Decide, Permission::Search, Permission::Explain];
    Settings {
        anonymous: Some(permissions.into_iter().collect()),
        ..Settings::default()
    }
}

/// Creates a service without a bundle: a request that reaches the decision gets a 503.
pub fn empty(settings: Settings) -> Server {
    with_engine(settings).0
}

/// Creates a service and its engine, which has no bundle yet.
pub fn with_engine(settings: Settings) -> (Server, Arc<Engine>) {
    with_clock(settings, Arc::new(FixedClock::at(NOW_MS)), |engine| engine)
}

/// Creates a service with this clock and an engine that `change` has configured.
pub fn with_clock(
    settings: Settings,
    clock: Arc<dyn Clock>,
    change: impl FnOnce(Engine) -> Engine,
) -> (Server, Arc<Engine>) {
    let metrics = Arc::new(Metrics::default());
    let engine = Arc::new(change(Engine::new(
        clock.clone(),
        metrics.clone(),
        Recorder::default(),
    )));
    let signer = Signer::in_memory().expect("the system has randomness");
    let server = Server::new(settings, engine.clone(), metrics, clock, &signer)
        .expect("the metadata are signed");
    (server, engine)
}

/// Creates a POST of JSON from the same machine.
pub fn post(path: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    request(Method::POST, path)
        .insert_header(("Content-Type", "application/json"))
        .set_payload(body.into())
}

/// Creates a GET from the same machine.
pub fn get(path: &str) -> TestRequest {
    request(Method::GET, path)
}

/// Creates any request from the same machine.
pub fn request(method: Method, path: &str) -> TestRequest {
    TestRequest::with_uri(path)
        .method(method)
        .insert_header(("Host", "127.0.0.1:8181"))
}

/// A response, read in full.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    /// Returns the body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// Returns a header if it is present and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Sends one request.
pub async fn send(server: &Server, request: TestRequest) -> Reply {
    let app = init_service(server.app()).await;
    reply(call_service(&app, request.to_request()).await).await
}

/// Reads a response in full.
pub async fn reply(response: ServiceResponse<impl MessageBody>) -> Reply {
    let (status, headers) = (response.status(), response.headers().clone());
    let Ok(body) = to_bytes(response.into_body()).await else {
        panic!("the body cannot be read")
    };
    Reply {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).expect("the body is text"),
    }
}
