//! Asks a service over HTTP, as a server that protects something does. The service is started in
//! the same process, on a free port, with the default bundle; the client is an ordinary one.
//!
//!     cargo run --example ask_over_http

#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use behest::bundle::{self, BundleSource};
use behest::clock::SystemClock;
use behest::engine::Engine;
use behest::evidence::Signer;
use behest::http::{Listener, Permission, Server, Settings};
use behest::record::Recorder;
use behest::telemetry::Metrics;
use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use tokio::sync::oneshot;

/// Alice's agent wants to refund more than Alice may. The reason is for the agent, which can then
/// act on it.
const QUESTION: &str = r#"{
    "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
    "action": {"name": "tools/call"},
    "resource": {"type": "tool", "id": "payments/refund"},
    "context": {"arguments": {"order": "o-17", "amount": 2490}},
    "options": {"reason": true}
}"#;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", ask(QUESTION)?);
    Ok(())
}

/// Starts a service, asks it one question, stops it, and returns the answer.
pub(crate) fn ask(question: &str) -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/access/v1/evaluation", listener.local_addr()?);
    let server = server()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let service = thread::spawn(move || server.run(vec![Listener::Tcp(listener)], shutdown));

    let answer = send(&url, question);
    drop(stop);
    service.join().map_err(|_| "the service panicked")??;
    answer
}

/// Sends the question; this is all that a client has to do. A service on another machine also needs
/// a key, in `Authorization: Bearer …`.
fn send(url: &str, question: &str) -> Result<String, Box<dyn Error>> {
    let mut response = ureq::post(url)
        .header("Content-Type", "application/json")
        .send(question)?;
    Ok(response.body_mut().read_to_string()?)
}

/// Returns a service with the default bundle that lets callers without a key ask for decisions.
fn server() -> Result<Server, Box<dyn Error>> {
    let clock = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::default());
    let engine = Engine::new(clock.clone(), Arc::clone(&metrics), Recorder::default());
    engine
        .load(&BundleSource::Embedded)
        .map_err(|refused| bundle::render(&refused.problems, &refused.files, false))?;
    let settings = Settings {
        anonymous: Some([Permission::Decide].into_iter().collect()),
        workers: Some(1),
        ..Settings::default()
    };
    Ok(Server::new(
        settings,
        Arc::new(engine),
        metrics,
        clock,
        &Signer::in_memory()?,
    )?)
}
