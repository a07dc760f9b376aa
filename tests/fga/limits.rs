//! Limits, at each and one past it.

use crate::{BOTH, Fixture, error, key};
use actix_web::http::Method;
use serde_json::{Value, json};
use support::service::request;
use support::two::send_two;

/// `200` or the error.
fn outcome(reply: &support::service::Reply) -> String {
    if reply.status.is_success() {
        reply.status.as_u16().to_string()
    } else {
        error(reply)
    }
}

fn numbered(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| key(&format!("document:d{n}#viewer@user:alice")))
        .collect()
}

#[actix_web::test]
async fn a_write_takes_a_hundred_tuples() {
    let fixture = Fixture::new().await;
    let write = |writes: usize| json!({ "writes": { "tuple_keys": numbered(writes) } });
    assert_eq!(
        outcome(&fixture.on_store("write", &write(101)).await),
        "400 exceeded_entity_limit"
    );
    assert_eq!(
        outcome(&fixture.on_store("write", &write(100)).await),
        "200"
    );
    assert_eq!(
        outcome(&fixture.on_store("write", &write(0)).await),
        "400 invalid_write_input"
    );
    assert_eq!(
        outcome(&fixture.on_store("write", &json!({})).await),
        "400 invalid_write_input"
    );
}

#[actix_web::test]
async fn a_question_takes_a_hundred_contextual_tuples() {
    let fixture = Fixture::new().await;
    let tuple_key = key("document:d0#viewer@user:alice");
    for (count, expected) in [(100, "200"), (101, "400 validation_error")] {
        let contextual = json!({ "tuple_keys": numbered(count) });
        let check = json!({ "tuple_key": tuple_key, "contextual_tuples": contextual });
        assert_eq!(
            outcome(&fixture.on_store("check", &check).await),
            expected,
            "{count}"
        );
        let list = json!({ "type": "document", "relation": "viewer", "user": "user:alice", "contextual_tuples": contextual });
        assert_eq!(
            outcome(&fixture.on_store("list-objects", &list).await),
            expected,
            "{count}"
        );
        let users = json!({ "object": { "type": "document", "id": "d0" }, "relation": "viewer",
            "user_filters": [{ "type": "user" }], "contextual_tuples": numbered(count) });
        assert_eq!(
            outcome(&fixture.on_store("list-users", &users).await),
            expected,
            "{count}"
        );
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
        (
            json!({ "checks": [item("a".repeat(37))] }),
            "400 validation_error",
        ),
        (
            json!({ "checks": [item("a b".to_owned())] }),
            "400 validation_error",
        ),
        (
            json!({ "checks": [item("a".to_owned()), item("a".to_owned())] }),
            "400 validation_error",
        ),
    ] {
        assert_eq!(
            outcome(&fixture.on_store("batch-check", &body).await),
            expected,
            "{body}"
        );
    }
}

#[actix_web::test]
async fn a_page_has_one_to_a_hundred_entries() {
    let fixture = Fixture::new().await;
    for (size, expected) in [
        (0, "400 page_size_invalid"),
        (1, "200"),
        (100, "200"),
        (101, "400 page_size_invalid"),
    ] {
        let read = fixture
            .on_store("read", &json!({ "page_size": size }))
            .await;
        assert_eq!(outcome(&read), expected, "{size}");
        for path in [
            "/stores".to_owned(),
            format!("/stores/{}/changes", fixture.store),
        ] {
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
        assert_eq!(
            outcome(&fixture.post("/stores", &json!({ "name": name })).await),
            expected,
            "{name}"
        );
    }
}

#[actix_web::test]
async fn a_model_has_a_hundred_assertions_with_twenty_contextual_tuples_each() {
    let fixture = Fixture::new().await;
    let models = fixture
        .get(&format!("/stores/{}/authorization-models", fixture.store))
        .await
        .json();
    let id = models["authorization_models"][0]["id"].as_str().unwrap();
    let path = format!("/stores/{}/assertions/{id}", fixture.store);
    let put = async |assertions: Vec<Value>| {
        let body = json!({ "assertions": assertions });
        outcome(
            &fixture
                .call(Method::PUT, &path, Some(BOTH), Some(&body))
                .await,
        )
    };
    let one = |contextual: usize| {
        json!({ "tuple_key": key("document:a#viewer@user:a"), "expectation": true,
            "contextual_tuples": numbered(contextual) })
    };
    assert_eq!(put(vec![one(20)]).await, "204");
    assert_eq!(put(vec![one(21)]).await, "400 validation_error");
    assert_eq!(
        put(vec![one(0); 101]).await,
        "400 assertions_too_many_items"
    );
    assert_eq!(put(vec![one(0); 100]).await, "204");
    let unknown = json!({ "tuple_key": key("document:a#nothing@user:a"), "expectation": true });
    assert_eq!(put(vec![unknown]).await, "400 validation_error");
    let kept = fixture.get(&path).await.json();
    assert_eq!(kept["assertions"].as_array().unwrap().len(), 100);
}

#[actix_web::test]
async fn a_deletion_takes_ten_thousand_tuples_and_counts_the_rest() {
    let fixture = Fixture::new().await;
    let store: behest::stores::StoreId = fixture.store.parse().unwrap();
    let tuples = |from: usize, to: usize| {
        let text = |n| {
            format!("document:d{n}#viewer@user:alice")
                .parse::<behest::model::TupleKey>()
                .unwrap()
        };
        (from..to).map(|n| text(n).into()).collect()
    };
    for (from, to) in [(0, 5_000), (5_000, 10_001)] {
        fixture
            .stores
            .write(
                store,
                None,
                behest::stores::TupleBatch::of_writes(tuples(from, to)),
            )
            .unwrap();
    }
    let before = fixture.stores.pin(store).unwrap().revision().0;
    let body = json!({ "user": "user:alice" });
    let first = fixture.on_store("delete-tuples", &body).await.json();
    assert_eq!(
        first,
        json!({ "revision": before + 1, "deleted": 10_000, "left": 1, "in_bundle": 0 })
    );
    let second = fixture.on_store("delete-tuples", &body).await.json();
    assert_eq!(
        second,
        json!({ "revision": before + 2, "deleted": 1, "left": 0, "in_bundle": 0 })
    );
}

/// A document that 8,000 teams may view on a condition, in place of the fixture's model.
async fn wide() -> Fixture {
    let fixture = Fixture::new().await;
    let this = json!({ "this": {} });
    let members = json!([{ "type": "user" }, { "type": "team", "relation": "member" }]);
    let items = json!({ "type_name": "TYPE_NAME_LIST", "generic_types": [{ "type_name": "TYPE_NAME_STRING" }] });
    let model = json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            { "type": "team", "relations": { "member": this },
              "metadata": { "relations": { "member": { "directly_related_user_types": members } } } },
            { "type": "doc", "relations": { "viewer": this }, "metadata": { "relations": { "viewer": {
                "directly_related_user_types": [{ "type": "team", "relation": "member", "condition": "listed" }] } } } },
        ],
        "conditions": { "listed": {
            "name": "listed", "expression": "items.size() > 3", "parameters": { "items": items } } },
    });
    let reply = fixture.on_store("authorization-models", &model).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let tuple = |team: usize| {
        let condition = behest::model::TupleCondition {
            name: "listed".into(),
            context: behest::model::Record::new(),
        };
        let key = format!("doc:wide#viewer@team:{team}#member")
            .parse()
            .unwrap();
        behest::model::Tuple {
            key,
            condition: Some(std::sync::Arc::new(condition)),
        }
    };
    let mut tuples: Vec<behest::model::Tuple> = (0..8_000).map(tuple).collect();
    tuples.push(
        "team:1#member@user:ann"
            .parse::<behest::model::TupleKey>()
            .unwrap()
            .into(),
    );
    let store = fixture.store.parse().unwrap();
    fixture
        .stores
        .write(store, None, behest::stores::TupleBatch::of_writes(tuples))
        .unwrap();
    fixture
}

#[actix_web::test]
async fn a_question_that_takes_long_delays_no_other() {
    let fixture = wide().await;
    let context = json!({ "items": ["a", "b", "c", "d"] });
    let check = |object: &str| json!({ "tuple_key": key(&format!("{object}#viewer@user:bob")), "context": context });
    let in_batch = |object: &str, id: &str| json!({ "tuple_key": key(&format!("{object}#viewer@user:bob")), "context": context, "correlation_id": id });
    let batch = json!({ "checks": [in_batch("doc:wide", "a"), in_batch("doc:plain", "b")] });
    let list =
        json!({ "type": "doc", "relation": "viewer", "user": "user:bob", "context": context });
    let users = json!({ "object": { "type": "doc", "id": "wide" }, "relation": "viewer",
        "user_filters": [{ "type": "user" }], "context": context });
    let wide_row = json!({ "tuple_key": { "object": "doc:wide", "relation": "viewer" } });
    let request = |call: &str, body: &Value| {
        let request = request(Method::POST, &format!("/stores/{}/{call}", fixture.store));
        let request = request.insert_header(("Authorization", format!("Bearer {BOTH}")));
        request
            .insert_header(("Content-Type", "application/json"))
            .set_payload(body.to_string())
    };
    for (call, body, expected) in [
        (
            "check",
            check("doc:wide"),
            json!({ "allowed": false, "resolution": "" }),
        ),
        (
            "batch-check",
            batch,
            json!({ "result": { "a": { "allowed": false }, "b": { "allowed": false } } }),
        ),
        (
            "list-users",
            users,
            json!({ "users": [{ "object": { "type": "user", "id": "ann" } }] }),
        ),
    ] {
        let (long, short) = (|| request(call, &body), || request("list-objects", &list));
        let (long, short, attempts) = send_two(&fixture.server, long, short).await;
        assert_eq!(
            (long.status.as_u16(), long.json()),
            (200, expected),
            "{call}"
        );
        assert_eq!(
            (short.status.as_u16(), short.json()),
            (200, json!({ "objects": [] }))
        );
        assert!(attempts.is_some(), "{call}");
    }
    let tree = fixture.on_store("expand", &wide_row).await.json();
    let users = &tree["tree"]["root"]["leaf"]["users"]["users"];
    assert_eq!(users.as_array().map(Vec::len), Some(8_000));
}

#[actix_web::test]
async fn a_contextual_tuple_stands_for_the_stored_one_of_its_key() {
    let fixture = wide().await;
    let conditional = json!({ "user": "team:1#member", "relation": "viewer", "object": "doc:wide",
        "condition": { "name": "listed", "context": { "items": ["one"] } } });
    let check = |own: Value| {
        json!({ "tuple_key": key("doc:wide#viewer@user:ann"), "context": { "items": ["a", "b", "c", "d"] },
            "contextual_tuples": { "tuple_keys": own } })
    };
    for (own, allowed) in [(json!([]), true), (json!([conditional]), false)] {
        assert_eq!(
            fixture.on_store("check", &check(own)).await.json()["allowed"],
            json!(allowed)
        );
    }
}
