//! Who may call: every call needs a key with its permission, before its body is read.

use crate::{BOTH, Fixture, READER, WRITER, error};
use actix_web::http::Method;
use serde_json::json;

/// Every call, and whether it writes.
fn calls(store: &str) -> Vec<(Method, String, bool)> {
    let model = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let of = |rest: &str| format!("/stores/{store}{rest}");
    vec![
        (Method::GET, "/stores".to_owned(), false),
        (Method::POST, "/stores".to_owned(), true),
        (Method::GET, of(""), false),
        (Method::GET, of("/authorization-models"), false),
        (Method::POST, of("/authorization-models"), true),
        (
            Method::GET,
            of(&format!("/authorization-models/{model}")),
            false,
        ),
        (Method::POST, of("/write"), true),
        (Method::POST, of("/read"), false),
        (Method::GET, of("/changes"), false),
        (Method::GET, of("/export-tuples"), false),
        (Method::POST, of("/delete-tuples"), true),
        (Method::POST, of("/check"), false),
        (Method::POST, of("/batch-check"), false),
        (Method::POST, of("/expand"), false),
        (Method::POST, of("/list-objects"), false),
        (Method::POST, of("/streamed-list-objects"), false),
        (Method::POST, of("/list-users"), false),
        (Method::GET, of(&format!("/assertions/{model}")), false),
        (Method::PUT, of(&format!("/assertions/{model}")), true),
        (Method::DELETE, of(""), true),
    ]
}

#[actix_web::test]
async fn a_call_needs_a_key_with_its_permission_before_its_body_is_read() {
    let fixture = Fixture::new().await;
    for (method, path, writes) in calls(&fixture.store) {
        let call = |key| fixture.call(method.clone(), &path, key, None);
        assert_eq!(
            error(&call(None).await),
            "401 bearer_token_missing",
            "{method} {path}"
        );
        assert_eq!(
            error(&call(Some("nobody")).await),
            "401 unauthenticated",
            "{method} {path}"
        );
        let wrong = if writes { READER } else { WRITER };
        assert_eq!(
            error(&call(Some(wrong)).await),
            "403 forbidden",
            "{method} {path}"
        );
        let right = call(Some(if writes { WRITER } else { READER })).await;
        assert!(
            ![401, 403].contains(&right.status.as_u16()),
            "{method} {path}: {}",
            right.body
        );
    }
}

#[actix_web::test]
async fn every_call_is_described() {
    let fixture = Fixture::new().await;
    let described = serde_json::to_value(behest::http::openapi()).unwrap();
    let mut count = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        if path.starts_with("/stores") {
            count += item.as_object().unwrap().len();
        }
    }
    assert_eq!(count, calls(&fixture.store).len());
}

#[actix_web::test]
async fn what_is_not_there_is_told_apart() {
    let fixture = Fixture::new().await;
    for (method, path, expected) in [
        (
            Method::GET,
            "/stores/01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
            "404 store_id_not_found",
        ),
        (
            Method::GET,
            "/stores/81ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
            "404 store_id_not_found",
        ),
        (
            Method::GET,
            "/stores/short".to_owned(),
            "400 store_id_invalid_length",
        ),
        (
            Method::GET,
            "/stores/01arz3ndektsv4rrffq69g5fav".to_owned(),
            "400 validation_error",
        ),
        (
            Method::GET,
            format!("/stores/{}/nothing", fixture.store),
            "404 undefined_endpoint",
        ),
        (
            Method::GET,
            format!("/stores/{}/check", fixture.store),
            "405 unimplemented",
        ),
        (Method::PUT, "/stores".to_owned(), "405 unimplemented"),
    ] {
        let reply = fixture.call(method, &path, Some(BOTH), None).await;
        assert_eq!(error(&reply), expected, "{path}");
    }
    let check = json!({ "authorization_model_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "tuple_key": { "user": "user:a", "relation": "viewer", "object": "document:a" } });
    assert_eq!(
        error(&fixture.on_store("check", &check).await),
        "400 authorization_model_not_found"
    );
}
