//! Limits, at each and one past it.

use crate::{BOTH, Fixture, error, key};
use actix_web::http::Method;
use serde_json::{Value, json};

/// `200` or the error.
fn outcome(reply: &crate::service::Reply) -> String {
    if reply.status.is_success() { reply.status.as_u16().to_string() } else { error(reply) }
}

fn numbered(count: usize) -> Vec<Value> {
    (0..count).map(|n| key(&format!("document:d{n}#viewer@user:alice"))).collect()
}

#[actix_web::test]
async fn a_write_takes_a_hundred_tuples() {
    let fixture = Fixture::new().await;
    let write = |writes: usize| json!({ "writes": { "tuple_keys": numbered(writes) } });
    assert_eq!(outcome(&fixture.on_store("write", &write(101)).await), "400 exceeded_entity_limit");
    assert_eq!(outcome(&fixture.on_store("write", &write(100)).await), "200");
    assert_eq!(outcome(&fixture.on_store("write", &write(0)).await), "400 invalid_write_input");
    assert_eq!(outcome(&fixture.on_store("write", &json!({})).await), "400 invalid_write_input");
}

#[actix_web::test]
async fn a_question_takes_a_hundred_contextual_tuples() {
    let fixture = Fixture::new().await;
    let tuple_key = key("document:d0#viewer@user:alice");
    for (count, expected) in [(100, "200"), (101, "400 validation_error")] {
        let contextual = json!({ "tuple_keys": numbered(count) });
        let check = json!({ "tuple_key": tuple_key, "contextual_tuples": contextual });
        assert_eq!(outcome(&fixture.on_store("check", &check).await), expected, "{count}");
        let list =
            json!({ "type": "document", "relation": "viewer", "user": "user:alice", "contextual_tuples": contextual });
        assert_eq!(outcome(&fixture.on_store("list-objects", &list).await), expected, "{count}");
        let users = json!({ "object": { "type": "document", "id": "d0" }, "relation": "viewer",
            "user_filters": [{ "type": "user" }], "contextual_tuples": numbered(count) });
        assert_eq!(outcome(&fixture.on_store("list-users", &users).await), expected, "{count}");
    }
}

#[actix_web::test]
async fn a_batch_takes_fifty_checks_with_ids_of_their_own() {
    let fixture = Fixture::new().await;
    let tuple_key = key("document:d0#viewer@user:alice");
    let item = |id: String| json!({ "tuple_key": tuple_key, "correlation_id": id });
    let batch = |count: usize| json!({ "checks": (0..count).map(|n| item(n.to_string())).collect::<Vec<_>>() });
    let answered = fixture.on_store("batch-check", &batch(50)).await;
    assert_eq!(answered.json()["result"].as_object().unwrap().len(), 50);
    for (body, expected) in [
        (batch(51), "400 validation_error"),
        (batch(0), "400 validation_error"),
        (json!({ "checks": [item("a".repeat(36))] }), "200"),
        (json!({ "checks": [item("a".repeat(37))] }), "400 validation_error"),
        (json!({ "checks": [item("a b".to_owned())] }), "400 validation_error"),
        (json!({ "checks": [item("a".to_owned()), item("a".to_owned())] }), "400 validation_error"),
    ] {
        assert_eq!(outcome(&fixture.on_store("batch-check", &body).await), expected, "{body}");
    }
}

#[actix_web::test]
async fn a_page_has_one_to_a_hundred_entries() {
    let fixture = Fixture::new().await;
    for (size, expected) in [(0, "400 page_size_invalid"), (1, "200"), (100, "200"), (101, "400 page_size_invalid")] {
        let read = fixture.on_store("read", &json!({ "page_size": size })).await;
        assert_eq!(outcome(&read), expected, "{size}");
        for path in ["/stores".to_owned(), format!("/stores/{}/changes", fixture.store)] {
            let reply = fixture.get(&format!("{path}?page_size={size}")).await;
            assert_eq!(outcome(&reply), expected, "{path} {size}");
        }
    }
}

#[actix_web::test]
async fn a_name_of_a_store_has_three_to_sixty_four_characters() {
    let fixture = Fixture::empty();
    for (name, expected) in [
        ("ab".to_owned(), "400 validation_error"),
        ("abc".to_owned(), "201"),
        ("a b-c/d^e_f&g@h.i".to_owned(), "201"),
        ("a".repeat(64), "201"),
        ("a".repeat(65), "400 validation_error"),
        ("naïve".to_owned(), "400 validation_error"),
    ] {
        assert_eq!(outcome(&fixture.post("/stores", &json!({ "name": name })).await), expected, "{name}");
    }
}

#[actix_web::test]
async fn a_model_has_a_hundred_assertions_with_twenty_contextual_tuples_each() {
    let fixture = Fixture::new().await;
    let models = fixture.get(&format!("/stores/{}/authorization-models", fixture.store)).await.json();
    let id = models["authorization_models"][0]["id"].as_str().unwrap();
    let path = format!("/stores/{}/assertions/{id}", fixture.store);
    let put = async |assertions: Vec<Value>| {
        let body = json!({ "assertions": assertions });
        outcome(&fixture.call(Method::PUT, &path, Some(BOTH), Some(&body)).await)
    };
    let one = |contextual: usize| {
        json!({ "tuple_key": key("document:a#viewer@user:a"), "expectation": true,
            "contextual_tuples": numbered(contextual) })
    };
    assert_eq!(put(vec![one(20)]).await, "204");
    assert_eq!(put(vec![one(21)]).await, "400 validation_error");
    assert_eq!(put(vec![one(0); 101]).await, "400 assertions_too_many_items");
    assert_eq!(put(vec![one(0); 100]).await, "204");
    let unknown = json!({ "tuple_key": key("document:a#nothing@user:a"), "expectation": true });
    assert_eq!(put(vec![unknown]).await, "400 validation_error");
    let kept = fixture.get(&path).await.json();
    assert_eq!(kept["assertions"].as_array().unwrap().len(), 100);
}

#[actix_web::test]
async fn a_deletion_takes_ten_thousand_tuples_and_counts_the_rest() {
    let fixture = Fixture::new().await;
    let store: behest::engine::stores::StoreId = fixture.store.parse().unwrap();
    let tuples = |from: usize, to: usize| {
        let text = |n| format!("document:d{n}#viewer@user:alice").parse::<behest::model::TupleKey>().unwrap();
        (from..to).map(|n| text(n).into()).collect()
    };
    for (from, to) in [(0, 5_000), (5_000, 10_001)] {
        fixture.stores.write(store, None, behest::engine::stores::Batch::of_writes(tuples(from, to))).unwrap();
    }
    let before = fixture.stores.pin(store).unwrap().revision().0;
    let body = json!({ "user": "user:alice" });
    let first = fixture.on_store("delete-tuples", &body).await.json();
    assert_eq!(first, json!({ "revision": before + 1, "deleted": 10_000, "left": 1, "in_bundle": 0 }));
    let second = fixture.on_store("delete-tuples", &body).await.json();
    assert_eq!(second, json!({ "revision": before + 2, "deleted": 1, "left": 0, "in_bundle": 0 }));
}
