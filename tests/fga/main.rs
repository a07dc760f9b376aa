//! The OpenFGA HTTP API beyond what its own runner covers: who may call, the store `main`, pages,
//! limits, what is added.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

mod aliases;
mod busy;
mod callers;
mod examples;
mod export;
mod extras;
mod limits;
mod main_store;
mod members;
mod pages;
mod reloads;
mod writes;

use actix_web::http::Method;
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, Signer};
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Server, Settings};
use behest::record::Recorder;
use behest::stores::{StoreLimits, Stores, TupleStore, open_memory};
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::service::{NOW_MS, Reply, request, send};

const READER: &str = "reader-key";
const WRITER: &str = "writer-key";
const BOTH: &str = "both-keys";

/// A service with relations in memory, three callers, and one store with a model.
struct Fixture {
    server: Server,
    stores: Arc<Stores>,
    store: String,
}

impl Fixture {
    async fn new() -> Self {
        Self::with_model(Self::empty()).await
    }

    /// The same over another store.
    async fn over(store: Arc<dyn TupleStore>) -> Self {
        Self::with_model(Self::of(store, StoreLimits::default())).await
    }

    async fn with_model(fixture: Self) -> Self {
        let store = fixture
            .post("/stores", &json!({ "name": "documents" }))
            .await
            .json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let fixture = Self { store, ..fixture };
        let reply = fixture.on_store("authorization-models", &model()).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        fixture
    }

    fn empty() -> Self {
        Self::of(open_memory().unwrap(), StoreLimits::default())
    }

    /// Where there may be so many stores.
    fn within(stores: usize) -> Self {
        Self::of(
            open_memory().unwrap(),
            StoreLimits {
                stores,
                ..StoreLimits::default()
            },
        )
    }

    fn of(store: Arc<dyn TupleStore>, limits: StoreLimits) -> Self {
        Self::make(store, limits, None)
    }

    /// With what this folder holds as its bundle.
    fn of_bundle(folder: &Path) -> Self {
        Self::make(open_memory().unwrap(), StoreLimits::default(), Some(folder))
    }

    fn make(store: Arc<dyn TupleStore>, limits: StoreLimits, folder: Option<&Path>) -> Self {
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let stores = Arc::new(
            Stores::open(store, clock.clone())
                .unwrap()
                .with_limits(limits),
        );
        let metrics = Arc::new(Metrics::default());
        let engine = Engine::new(clock.clone(), metrics.clone(), Recorder::default())
            .with_stores(stores.clone());
        let engine = engine.with_quiet(Duration::from_millis(1));
        if let Some(Err(refused)) =
            folder.map(|folder| engine.load(&BundleSource::Dir(folder.to_owned())))
        {
            panic!(
                "{}",
                behest::bundle::render(&refused.problems, &refused.files, false)
            );
        }
        let callers = vec![
            caller("reader", READER, &[Permission::RelationsRead]),
            caller("writer", WRITER, &[Permission::RelationsWrite]),
            caller(
                "both",
                BOTH,
                &[Permission::RelationsRead, Permission::RelationsWrite],
            ),
        ];
        // As generous to anonymous callers as no configuration could be.
        let settings = Settings {
            callers,
            anonymous: Some(Permission::ALL.into_iter().collect()),
            ..Settings::default()
        };
        let signer = Signer::in_memory().unwrap();
        let server = Server::new(settings, Arc::new(engine), metrics, clock, &signer).unwrap();
        Self {
            server,
            stores,
            store: String::new(),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Reply {
        let mut request = request(method, path);
        if let Some(key) = key {
            request = request.insert_header(("Authorization", format!("Bearer {key}")));
        }
        if let Some(body) = body {
            request = request
                .insert_header(("Content-Type", "application/json"))
                .set_payload(body.to_string());
        }
        send(&self.server, request).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, Some(BOTH), Some(body)).await
    }

    async fn post_anonymously(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, None, Some(body)).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, Some(BOTH), None).await
    }

    async fn on_store(&self, call: &str, body: &Value) -> Reply {
        self.post(&format!("/stores/{}/{call}", self.store), body)
            .await
    }

    /// Writes tuples, `object#relation@user` each.
    async fn write(&self, tuples: &[&str]) {
        let reply = self
            .on_store(
                "write",
                &json!({ "writes": { "tuple_keys": keys(tuples) } }),
            )
            .await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
        let revision = reply.header("behest-revision").unwrap();
        let body = format!(
            "{{\"revision\":{revision},\"written\":{},\"deleted\":0}}",
            tuples.len()
        );
        assert_eq!(reply.body, body);
    }
}

fn caller(name: &str, key: &str, permissions: &[Permission]) -> Caller {
    Caller {
        name: name.to_owned(),
        by: CallerCredential::key(KeyHash::of(key.as_bytes())),
        permissions: permissions.iter().copied().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    }
}

fn key(tuple: &str) -> Value {
    let (object, rest) = tuple.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    json!({ "user": user, "relation": relation, "object": object })
}

fn keys(tuples: &[&str]) -> Vec<Value> {
    tuples.iter().map(|tuple| key(tuple)).collect()
}

/// The model of the documentation's examples.
fn model() -> Value {
    behest::http::openfga::examples::examples()
        .into_iter()
        .find(|example| example.name == "1-model")
        .unwrap()
        .body
}

/// Status and code of an error.
fn error(reply: &Reply) -> String {
    format!(
        "{} {}",
        reply.status.as_u16(),
        reply.json()["code"].as_str().unwrap_or("?")
    )
}
