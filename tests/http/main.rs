//! AuthZEN over HTTP, by clause: parsing, callers, decisions, batches, search, metadata, and
//! sockets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

mod apart;
mod callers;
mod console;
mod decisions;
mod empty_searches;
mod endpoints;
mod envelope;
mod evaluations;
mod gateway;
mod known;
mod load;
mod metadata;
mod operation;
mod overlooked;
mod parsing;
mod reload;
mod revision;
mod robustness;
mod search;
mod socket;

use behest::bundle::BundleSource;
use behest::http::{Server, Settings};
use serde_json::{Value, json};
use support::service::{Reply, with_engine};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

/// A service that decides with the default bundle.
fn deciding(settings: Settings) -> Server {
    let (server, engine) = with_engine(settings);
    if let Err(refused) = engine.load(&BundleSource::Embedded) {
        panic!("the default bundle does not load: {}", refused.problems);
    }
    server
}

/// A question that is well-formed; the default bundle permits it.
fn question() -> Value {
    json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "repository", "id": "checkout"},
    })
}

/// The question with one member replaced.
fn with(name: &str, value: &Value) -> String {
    let mut body = question();
    body.as_object_mut()
        .into_iter()
        .for_each(|members| drop(members.insert(name.to_owned(), value.clone())));
    body.to_string()
}

/// Status, code and message of an error, in one line.
fn error(reply: &Reply) -> String {
    let body = reply.json();
    let part = |name| {
        body.pointer(&format!("/error/{name}"))
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    format!(
        "{} {}: {}",
        reply.status.as_u16(),
        part("code"),
        part("message")
    )
}
