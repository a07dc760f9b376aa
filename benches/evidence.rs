//! Measures what a verified credential adds to a request: the whole path of the service without a
//! credential, with a token that is in the token cache, and with a token that is new.
//!
//! `cargo bench --bench evidence`. A cached ES256 token should add at most a quarter.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has failed"
)]

use actix_web::test::{TestRequest, call_service, init_service};
use behest::bundle::BundleSource;
use behest::clock::{Clock as _, SystemClock};
use behest::engine::Engine;
use behest::evidence::{HttpClient, KeySource, Preset, Profile, Signer, Trust, Verifier};
use behest::http::{Permission, Server, Settings};
use behest::record::Recorder;
use behest::telemetry::Metrics;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::Arc;
use support::tokens::Key;

/// The program's allocator, so that the cost of memory that one thread allocates and another frees
/// is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ISSUER: &str = "https://login.example";

fn server(key: &Key, folder: &std::path::Path) -> Server {
    let keys = folder.join("keys.json");
    std::fs::write(&keys, json!({"keys": [key.published()]}).to_string()).unwrap();
    let profile = Profile {
        trust: Trust::Keys {
            source: KeySource::File(keys),
            algorithms: vec![Algorithm::ES256],
        },
        audiences: vec!["https://api.example".into()],
        ..Preset::Standard.profile(ISSUER)
    };
    let clock = Arc::new(SystemClock);
    let verifier = Verifier::start(
        vec![(profile, HttpClient::new(None).unwrap())],
        Vec::new(),
        clock.clone(),
    )
    .unwrap();
    let settings = Settings {
        anonymous: Some([Permission::Decide].into_iter().collect()),
        verifier: Some(Arc::new(verifier)),
        ..Settings::default()
    };
    let metrics = Arc::new(Metrics::default());
    let engine = Arc::new(Engine::new(
        clock.clone(),
        metrics.clone(),
        Recorder::default(),
    ));
    engine.load(&BundleSource::Embedded).unwrap();
    Server::new(
        settings,
        engine,
        metrics,
        clock,
        &Signer::in_memory().unwrap(),
    )
    .unwrap()
}

/// Returns the body of the same question, with a credential or without.
fn body(token: Option<&str>) -> String {
    let mut context = json!({"arguments": {"order": "o-17", "amount": 249.9}});
    let subject = match token {
        None => json!({"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}}),
        Some(token) => {
            context["credentials"] = json!([{"type": "access_token", "value": token}]);
            json!({"type": "credential", "id": "0"})
        }
    };
    json!({
        "subject": subject,
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "payments/refund"},
        "context": context,
    })
    .to_string()
}

fn claims(number: u32) -> Value {
    let now = SystemClock.now_ms() / 1_000;
    json!({
        "iss": ISSUER, "sub": "alice", "aud": "https://api.example", "client_id": "web", "scope": "read write",
        "act": {"sub": "copilot"}, "iat": now, "exp": now + 3600, "jti": format!("t{number}"),
    })
}

fn whole_path(c: &mut Criterion) {
    let (key, folder) = (Key::new("k1"), tempfile::tempdir().unwrap());
    let server = server(&key, folder.path());
    let system = actix_web::rt::System::new();
    let app = system.block_on(init_service(server.app()));
    let ask = |body: String| {
        let request = TestRequest::post()
            .uri("/access/v1/evaluation")
            .insert_header(("Host", "127.0.0.1:8181"))
            .insert_header(("Content-Type", "application/json"))
            .set_payload(body);
        let response = system.block_on(call_service(&app, request.to_request()));
        assert_eq!(response.status(), 200);
    };
    let mut group = c.benchmark_group("evaluation");
    let plain = body(None);
    group.bench_function("without a credential", |b| b.iter(|| ask(plain.clone())));
    let known = body(Some(&key.access_token(&claims(0))));
    group.bench_function("with a known ES256 token", |b| {
        b.iter(|| ask(known.clone()));
    });
    let number = Cell::new(0);
    group.bench_function("with an ES256 token of the first time", |b| {
        b.iter_batched(
            || {
                number.set(number.get() + 1);
                body(Some(&key.access_token(&claims(number.get()))))
            },
            &ask,
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, whole_path);
criterion_main!(benches);
