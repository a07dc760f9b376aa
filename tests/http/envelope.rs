//! The request's id on every response (AuthZEN 1.0 section 10.1.3).

use crate::{EVALUATION, question};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use behest::http::{HttpLimits, Settings};
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
