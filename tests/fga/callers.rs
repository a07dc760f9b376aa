//! Who may call: every call needs a key with its permission, before its body is read.

use crate::{BOTH, Fixture, READER, WRITER, error};
use actix_web::http::Method;
use behest::http::endpoints;
use serde_json::json;

/// The calls that write, named once more: none is let in with a permission to read.
const WRITES: [(&str, &str); 6] = [
    ("POST", "/stores"),
    ("POST", "/stores/{store_id}/authorization-models"),
    ("POST", "/stores/{store_id}/write"),
    ("POST", "/stores/{store_id}/delete-tuples"),
    ("PUT", "/stores/{store_id}/assertions/{model_id}"),
    ("DELETE", "/stores/{store_id}"),
];

/// Every call, and whether it writes. The store is deleted last.
fn calls(store: &str) -> Vec<(Method, String, bool)> {
    let mut calls: Vec<_> = endpoints()
        .filter(|endpoint| endpoint.path.starts_with("/stores"))
        .map(|endpoint| {
            let method = endpoint.method.verbs().remove(0);
            let writes = WRITES.contains(&(method.as_str(), endpoint.path));
            let path = endpoint
                .path
                .replace("{store_id}", store)
                .replace("{model_id}", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
            (method, path, writes)
        })
        .collect();
    calls.sort_by_key(|(method, ..)| *method == Method::DELETE);
    let writing = calls.iter().filter(|(.., writes)| *writes);
    assert_eq!(writing.count(), WRITES.len());
    calls
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
