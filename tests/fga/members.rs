//! Members that nobody would read: refused at every level of every body, and nothing is done.

use crate::{BOTH, Fixture, error, key, keys};
use actix_web::http::Method;
use serde_json::{Value, json};

/// What a caller writes where a condition was meant.
const NO_CONDITIONS: [&str; 7] = [
    "Condition",
    "conditions",
    "conditon",
    "CONDITION",
    "condition.Context",
    "contex",
    "condition_name",
];

fn until() -> Value {
    json!({ "name": "until", "context": { "end": "2027-01-01T00:00:00Z" } })
}

/// A tuple whose condition nobody would read.
fn strays() -> Vec<Value> {
    let mut tuples: Vec<Value> = Vec::new();
    for name in NO_CONDITIONS {
        let mut tuple = key("document:plan#viewer@user:mallory");
        tuple[name] = until();
        tuples.push(tuple);
    }
    for name in ["Context", "contex", "contexts", "parameters"] {
        let mut tuple = key("document:plan#viewer@user:mallory");
        tuple["condition"] = json!({ "name": "until" });
        tuple["condition"][name] = json!({ "end": "2027-01-01T00:00:00Z" });
        tuples.push(tuple);
    }
    tuples
}

async fn stored(fixture: &Fixture) -> usize {
    fixture.on_store("read", &json!({})).await.json()["tuples"]
        .as_array()
        .unwrap()
        .len()
}

#[actix_web::test]
async fn a_tuple_whose_condition_nobody_would_read_is_no_tuple() {
    let fixture = Fixture::new().await;
    let mallory = key("document:plan#viewer@user:mallory");
    for tuple in strays() {
        let contextual = json!({ "tuple_keys": [tuple] });
        let item =
            json!({ "correlation_id": "a", "tuple_key": mallory, "contextual_tuples": contextual });
        for (call, body) in [
            ("write", json!({ "writes": { "tuple_keys": [tuple] } })),
            (
                "write",
                json!({ "deletes": { "tuple_keys": [tuple], "on_missing": "ignore" } }),
            ),
            (
                "check",
                json!({ "tuple_key": mallory, "contextual_tuples": contextual }),
            ),
            ("check", json!({ "tuple_key": tuple })),
            (
                "expand",
                json!({ "tuple_key": mallory, "contextual_tuples": contextual }),
            ),
            (
                "list-objects",
                json!({ "type": "document", "relation": "viewer", "user": "user:mallory",
                    "contextual_tuples": contextual }),
            ),
            (
                "streamed-list-objects",
                json!({ "type": "document", "relation": "viewer", "user": "user:mallory",
                    "contextual_tuples": contextual }),
            ),
            (
                "list-users",
                json!({ "object": { "type": "document", "id": "plan" }, "relation": "viewer",
                    "user_filters": [{ "type": "user" }], "contextual_tuples": [tuple] }),
            ),
        ] {
            // Whatever is said of the condition of a key that is deleted or asked about, nothing
            // reads it.
            if tuple.get("condition").is_some()
                && (body.get("deletes").is_some() || body["tuple_key"] == tuple)
            {
                continue;
            }
            let reply = fixture.on_store(call, &body).await;
            assert_eq!(reply.status, 400, "{call} {body}: {}", reply.body);
            assert!(
                reply.body.contains("is not read"),
                "{call} {body}: {}",
                reply.body
            );
        }
        let batch = fixture
            .on_store("batch-check", &json!({ "checks": [item] }))
            .await;
        assert!(
            !batch.body.contains("\"allowed\":true"),
            "{tuple}: {}",
            batch.body
        );
        assert!(
            batch.body.contains("is not read"),
            "{tuple}: {}",
            batch.body
        );
    }
    assert_eq!(stored(&fixture).await, 0);
}

#[actix_web::test]
async fn a_write_whose_part_nobody_would_read_does_nothing() {
    let fixture = Fixture::new().await;
    fixture.write(&["document:plan#viewer@user:alice"]).await;
    let writes = json!({ "tuple_keys": keys(&["document:plan#viewer@user:bob"]) });
    let deletes = json!({ "tuple_keys": keys(&["document:plan#viewer@user:alice"]) });
    for name in [
        "Deletes",
        "delete",
        "DELETES",
        "del-etes",
        "tuple_keys",
        "on_duplicate",
        "onMissing",
    ] {
        let mut body = json!({ "writes": writes });
        body[name] = deletes.clone();
        assert_eq!(
            error(&fixture.on_store("write", &body).await),
            "400 validation_error",
            "{name}"
        );
    }
    for (name, value) in [
        (
            "tupleKeys",
            json!(keys(&["document:plan#viewer@user:carol"])),
        ),
        ("TupleKeys", json!([])),
        ("on_duplicates", json!("ignore")),
        ("on_missing", json!("ignore")),
        ("anything", json!(1)),
    ] {
        let mut body = json!({ "writes": writes });
        body["writes"][name] = value;
        assert_eq!(
            error(&fixture.on_store("write", &body).await),
            "400 validation_error",
            "{name}"
        );
    }
    for (one, other) in [
        ("on_duplicate", "onDuplicate"),
        ("onDuplicate", "on_duplicate"),
    ] {
        let mut body = json!({ "writes": writes });
        body["writes"][one] = json!("ignore");
        body["writes"][other] = json!("error");
        let reply = fixture.on_store("write", &body).await;
        assert!(
            reply
                .body
                .contains("`writes.on_duplicate` and `writes.onDuplicate` are one member"),
            "{}",
            reply.body
        );
    }
    assert_eq!(stored(&fixture).await, 1);
}

#[actix_web::test]
async fn a_deletion_that_was_meant_to_spare_some_takes_none() {
    let fixture = Fixture::new().await;
    fixture
        .write(&[
            "document:plan#viewer@user:alice",
            "team:sre#member@user:alice",
        ])
        .await;
    for (name, value) in [
        ("relation", json!("viewer")),
        ("object_type", json!("document")),
        ("type", json!("document")),
        ("page_size", json!(1)),
        ("Object", json!("document:plan")),
        ("User", json!("user:bob")),
        ("condition", json!("until")),
        ("dry_run", json!(true)),
        ("relation", json!(null)),
    ] {
        let mut body = json!({ "user": "user:alice" });
        body[name] = value;
        let reply = fixture.on_store("delete-tuples", &body).await;
        assert_eq!(error(&reply), "400 validation_error", "{name}");
        assert!(
            reply.body.contains(&format!("`{name}` is not read")),
            "{}",
            reply.body
        );
        assert!(
            reply.body.contains("there are `object` and `user`"),
            "{}",
            reply.body
        );
    }
    assert_eq!(stored(&fixture).await, 2);
}

#[actix_web::test]
async fn a_read_that_was_meant_to_be_narrow_does_not_read_all() {
    let fixture = Fixture::new().await;
    fixture.write(&["document:plan#viewer@user:alice"]).await;
    let narrow = json!({ "object": "document:other" });
    for name in [
        "TupleKey",
        "tuple_keys",
        "tuplekey",
        "tuple-key",
        "tuple_ke",
        "object",
    ] {
        assert_eq!(
            error(&fixture.on_store("read", &json!({ name: narrow })).await),
            "400 validation_error",
            "{name}"
        );
    }
    for name in ["Relation", "relations", "users"] {
        let body = json!({ "tuple_key": { "object": "document:plan", name: "viewer" } });
        assert_eq!(
            error(&fixture.on_store("read", &body).await),
            "400 validation_error",
            "{name}"
        );
    }
}

#[actix_web::test]
async fn a_parameter_that_nobody_would_read_is_refused() {
    let fixture = Fixture::new().await;
    let model = fixture
        .get(&format!(
            "/stores/{}/authorization-models?pageSize=1",
            fixture.store
        ))
        .await;
    assert_eq!(model.status, 200, "{}", model.body);
    for (path, status) in [
        ("changes?type=team", 200),
        ("changes?Type=team", 400),
        ("changes?types=team", 400),
        ("changes?type=team&type=document", 400),
        ("changes?page_size=1&pageSize=2", 400),
        ("changes?trace_id=7", 200),
        ("export-tuples?Type=team", 400),
        ("export-tuples?trace_id=7", 400),
    ] {
        let path = format!("/stores/{}/{path}", fixture.store);
        let reply = fixture.call(Method::GET, &path, Some(BOTH), None).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
    }
}

#[actix_web::test]
async fn a_question_whose_part_nobody_would_read_has_no_answer() {
    let fixture = Fixture::new().await;
    let alice = key("document:plan#viewer@user:alice");
    let contextual = json!({ "tuple_keys": [alice] });
    let item = json!({ "correlation_id": "a", "tuple_key": alice });
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let check = json!({ "tuple_key": alice });
    let users = json!({ "object": { "type": "document", "id": "plan" }, "relation": "viewer",
        "user_filters": [{ "type": "user" }] });
    for (call, body) in [
        ("check", with(check.clone(), "Context", json!({}))),
        (
            "check",
            with(check.clone(), "contextual_tuple", contextual.clone()),
        ),
        (
            "check",
            with(check.clone(), "contextual_tuples", json!({ "tuples": [] })),
        ),
        (
            "check",
            with(check.clone(), "authorization_modelid", json!("x")),
        ),
        ("check", with(check.clone(), "condition", json!({}))),
        ("check", with(check.clone(), "tupleKey", alice.clone())),
        (
            "batch-check",
            json!({ "checks": [with(item.clone(), "contexts", json!({}))] }),
        ),
        (
            "batch-check",
            json!({ "checks": [item], "contextual_tuples": contextual }),
        ),
        ("batch-check", json!({ "checks": [item], "context": {} })),
        (
            "list-users",
            with(
                users.clone(),
                "user_filters",
                json!([{ "type": "team", "Relation": "member" }]),
            ),
        ),
        (
            "list-users",
            with(
                users.clone(),
                "object",
                json!({ "type": "document", "id": "plan", "ID": "other" }),
            ),
        ),
    ] {
        let reply = fixture.on_store(call, &body).await;
        assert_eq!(
            error(&reply),
            "400 validation_error",
            "{call} {body}: {}",
            reply.body
        );
    }
    let model = fixture
        .get(&format!("/stores/{}/authorization-models", fixture.store))
        .await
        .json();
    let model = model["authorization_models"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/stores/{}/assertions/{model}", fixture.store);
    for (name, status) in [
        ("expectation", 204),
        ("expectaton", 400),
        ("Expectation", 400),
    ] {
        let body = json!({ "assertions": [{ "tuple_key": alice, name: true }] });
        let reply = fixture
            .call(Method::PUT, &path, Some(BOTH), Some(&body))
            .await;
        assert_eq!(reply.status, status, "{name}: {}", reply.body);
    }
}

/// What OpenFGA's clients send besides, or spell as protobuf does, is taken.
#[actix_web::test]
async fn what_nothing_can_have_been_meant_by_is_passed_over() {
    let fixture = Fixture::new().await;
    let bob = json!({ "user": "user:bob", "relation": "viewer", "object": "document:plan", "condition": null });
    for (call, body) in [
        (
            "write",
            json!({ "store_id": "x", "trace_id": 7, "writes": { "tupleKeys": [bob], "onDuplicate": "ignore" } }),
        ),
        (
            "write",
            json!({ "writes": null, "deletes": { "tupleKeys": [bob] }, "Writes": null }),
        ),
        (
            "read",
            json!({ "tupleKey": { "object": "document:plan" }, "pageSize": 5, "client": "x" }),
        ),
        (
            "check",
            json!({ "tupleKey": bob, "contextualTuples": { "tupleKeys": [bob] }, "session": "x" }),
        ),
    ] {
        let reply = fixture.on_store(call, &body).await;
        assert_eq!(reply.status, 200, "{call} {body}: {}", reply.body);
    }
}

#[actix_web::test]
async fn a_refusal_shows_a_bounded_part_of_what_was_sent() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(300_000);
    let alice = key("document:plan#viewer@user:alice");
    let tuple = |condition: Value| {
        let mut tuple = alice.clone();
        tuple["condition"] = condition;
        json!({ "writes": { "tuple_keys": [tuple] } })
    };
    let of_types =
        |kind: &str| json!({ "schema_version": "1.1", "type_definitions": [{ "type": kind }] });
    for (call, body) in [
        ("write", json!({ "writes": { &long: 1 } })),
        (
            "write",
            json!({ "writes": { "tuple_keys": [alice], "on_duplicate": &long } }),
        ),
        ("write", tuple(json!({ "name": &long }))),
        (
            "write",
            tuple(json!({ "name": "until", "context": { &long: 1 } })),
        ),
        ("check", json!({ "tuple_key": alice, "consistency": &long })),
        ("delete-tuples", json!({ "user": "user:alice", &long: 1 })),
        ("authorization-models", of_types(&long)),
        ("authorization-models", json!({ "schema_version": &long })),
    ] {
        let reply = fixture.on_store(call, &body).await;
        assert_eq!(reply.status, 400, "{call}");
        assert!(reply.body.len() < 20_000, "{call}: {}", reply.body.len());
    }
}

/// Each member that nobody knows is compared with those that there are: a body is refused before
/// that takes long.
#[actix_web::test]
async fn a_body_of_many_members_that_nobody_knows_is_refused() {
    let fixture = Fixture::new().await;
    for (call, body) in [
        (
            "check",
            json!({ "tuple_key": key("document:plan#viewer@user:mallory") }),
        ),
        (
            "write",
            json!({ "writes": { "tuple_keys": [key("document:plan#viewer@user:mallory")] } }),
        ),
        ("read", json!({})),
    ] {
        let mut body = body;
        for at in 0..101 {
            body[format!("tupel_kyes_{at}")] = json!(1);
        }
        let reply = fixture.on_store(call, &body).await;
        assert_eq!(
            error(&reply),
            "400 validation_error",
            "{call}: {}",
            reply.body
        );
        assert!(
            reply
                .body
                .contains("the body has more than 100 members that are not read"),
            "{call}: {}",
            reply.body
        );
    }
    assert_eq!(stored(&fixture).await, 0);
}
