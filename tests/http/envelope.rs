//! The request's id on every response (AuthZEN 1.0 section 10.1.3), and its spans.

use crate::{EVALUATION, deciding, question};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, HttpLimits, KeyHash, Permission, Settings};
use behest::telemetry::{Metrics, SendSpans, Tracer, TracerSettings};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::service::{empty, get, local, post, request, send};

#[actix_web::test]
async fn the_id_comes_back_whatever_happens() {
    let limits = HttpLimits {
        body_bytes: 200,
        ..HttpLimits::default()
    };
    let server = empty(Settings { limits, ..local() });
    let body = question().to_string();
    let cases: Vec<(TestRequest, u16)> = vec![
        (get("/healthz"), 200),
        (get("/"), 307),
        (post(EVALUATION, "{}"), 400),
        (post(EVALUATION, "{"), 400),
        (
            post(EVALUATION, body.clone()).insert_header(("Content-Type", "text/plain")),
            400,
        ),
        (
            post(EVALUATION, body.clone()).insert_header(("Authorization", "Bearer x")),
            401,
        ),
        (
            post(EVALUATION, body.clone()).insert_header(("Host", "evil.example")),
            403,
        ),
        (post("/nowhere", body.clone()), 404),
        (get("/docs/nothing.js"), 404),
        (get(EVALUATION), 405),
        (request(Method::OPTIONS, EVALUATION), 405),
        (post(EVALUATION, "x".repeat(201)), 413),
        (post("/access/v1/search/subject", body.clone()), 503),
        (post(EVALUATION, body), 503),
    ];
    for (request, status) in cases {
        let reply = send(&server, request.insert_header(("X-Request-ID", "id-1"))).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("x-request-id")),
            (status, Some("id-1"))
        );
    }
}

#[actix_web::test]
async fn any_string_is_an_id() {
    let server = empty(local());
    let long = "r".repeat(4096);
    for id in ["0", "a b/c:d;e=f,{g}~!@#$%^&*()", long.as_str()] {
        let reply = send(&server, get("/healthz").insert_header(("X-Request-ID", id))).await;
        assert_eq!(reply.header("x-request-id"), Some(id));
    }
    let bytes = HeaderValue::from_bytes(b"caf\xc3\xa9 \xff").unwrap();
    let reply = send(
        &server,
        get("/healthz").insert_header(("X-Request-ID", bytes.clone())),
    )
    .await;
    assert_eq!(reply.headers.get("x-request-id"), Some(&bytes));
}

#[actix_web::test]
async fn no_id_is_invented() {
    assert_eq!(
        send(&empty(local()), get("/healthz"))
            .await
            .header("x-request-id"),
        None
    );
}

#[actix_web::test]
async fn two_ids_both_come_back_in_order() {
    let request = get("/healthz")
        .append_header(("X-Request-ID", "a"))
        .append_header(("X-Request-ID", "b"));
    let reply = send(&empty(local()), request).await;
    let ids: Vec<&HeaderValue> = reply.headers.get_all("x-request-id").collect();
    assert_eq!(ids, ["a", "b"]);
}

/// Sends requests to a service whose spans are kept, and returns the names of these spans.
async fn spans_of(requests: Vec<TestRequest>) -> Vec<String> {
    let metrics = Metrics::default();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&bodies);
    let collect: SendSpans = Box::new(move |body| {
        sent.lock().unwrap().push(body.to_vec());
        Ok(0)
    });
    let settings = TracerSettings {
        otlp: String::new(),
        service_name: "behest".to_owned(),
        ratio: 0.0,
        headers_file: None,
        ca_file: None,
        timeout_ms: 1,
        queue: 64,
    };
    let tracer = Tracer::start(&settings, metrics.exports(), collect).unwrap();
    let gateway = Caller {
        name: "gateway".to_owned(),
        by: CallerCredential::key(KeyHash::of(b"key")),
        permissions: std::iter::once(Permission::Decide).collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let server = deciding(Settings {
        callers: vec![gateway],
        tracer: Some(Arc::clone(&tracer)),
        ..Settings::default()
    });
    for request in requests {
        send(&server, request).await;
    }
    tracer.close(Duration::from_secs(30));
    let bodies = bodies.lock().unwrap();
    let spans = bodies.iter().flat_map(|body| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap()
            .clone()
    });
    spans
        .map(|span| span["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A stranger could otherwise have the service write to its collector as much as it likes.
#[actix_web::test]
async fn only_a_known_caller_chooses_that_there_are_spans() {
    let asked = |key: Option<&str>, parents: &[&str]| {
        let request = post(EVALUATION, question().to_string());
        let request = match key {
            Some(key) => request.insert_header(("Authorization", format!("Bearer {key}"))),
            None => request,
        };
        parents.iter().fold(request, |request, parent| {
            request.append_header(("traceparent", *parent))
        })
    };
    let sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let malformed = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let none = spans_of(vec![
        asked(None, &[sampled]),
        asked(Some("nobody"), &[sampled]),
        asked(Some("key"), &[]),
        asked(Some("key"), &[unsampled]),
        asked(Some("key"), &[malformed]),
        asked(Some("key"), &[sampled, sampled]),
    ]);
    assert_eq!(none.await, Vec::<String>::new());
    let own = "POST /access/v1/evaluation";
    let found = spans_of(vec![asked(Some("key"), &[sampled])]).await;
    assert_eq!(found, [own, "read", "decide"]);
    // What is refused before it is read has a span as well, and no phases.
    let refused = post("/nowhere", "{}")
        .insert_header(("Authorization", "Bearer key"))
        .insert_header(("traceparent", sampled));
    assert_eq!(spans_of(vec![refused]).await, ["POST"]);
}
