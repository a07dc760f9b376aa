//! Writes: preconditions, conflicts, conditions, and what a request finds right after one.

use crate::{Fixture, error, key, keys};
use behest::clock::FixedClock;
use behest::storage::{DEFAULT_CACHE_BYTES, open_redb};
use behest::stores::{StoreId, Stores};
use serde_json::{Value, json};
use std::sync::Arc;

fn until(end: &str) -> Value {
    let mut tuple = key("document:plan#viewer@user:bob");
    tuple["condition"] = json!({ "name": "until", "context": { "end": end } });
    tuple
}

#[actix_web::test]
async fn a_write_is_refused_as_openfga_refuses_it() {
    let fixture = Fixture::new().await;
    let end = "2027-01-01T00:00:00Z";
    fixture.write(&["document:plan#viewer@user:alice"]).await;
    let bob = json!({ "writes": { "tuple_keys": [until(end)] } });
    assert_eq!(fixture.on_store("write", &bob).await.status, 200);
    let writes = |tuples: Vec<Value>, extra: &str| json!({ "writes": { "tuple_keys": tuples, "on_duplicate": extra } });
    let alice = keys(&["document:plan#viewer@user:alice"]);
    let carol = keys(&["document:plan#viewer@user:carol"]);
    for (body, expected) in [
        (
            writes(alice.clone(), "error"),
            "400 write_failed_due_to_invalid_input",
        ),
        (writes(alice.clone(), "ignore"), "200"),
        (writes(vec![until(end)], "ignore"), "200"),
        (
            writes(vec![until("2028-01-01T00:00:00Z")], "ignore"),
            "409 Aborted",
        ),
        (
            writes(keys(&["document:plan#viewer@user:bob"]), "ignore"),
            "409 Aborted",
        ),
        (writes(alice.clone(), "replace"), "200"),
        (writes(alice.clone(), "sometimes"), "400 validation_error"),
        (
            json!({ "deletes": { "tuple_keys": alice, "on_missing": "replace" } }),
            "400 validation_error",
        ),
        (
            writes(vec![carol[0].clone(), carol[0].clone()], "ignore"),
            "400 cannot_allow_duplicate_tuples_in_one_request",
        ),
        (
            json!({ "deletes": { "tuple_keys": carol } }),
            "400 write_failed_due_to_invalid_input",
        ),
        (
            json!({ "deletes": { "tuple_keys": carol, "on_missing": "ignore" } }),
            "200",
        ),
        (
            writes(keys(&["document:plan#nothing@user:a"]), "error"),
            "400 validation_error",
        ),
        (
            writes(keys(&["team:t#member@team:t#member"]), "error"),
            "400 validation_error",
        ),
        (
            writes(
                vec![json!({ "user": "user:a", "relation": "viewer" })],
                "error",
            ),
            "400 validation_error",
        ),
    ] {
        let reply = fixture.on_store("write", &body).await;
        let found = if reply.status == 200 {
            "200".to_owned()
        } else {
            error(&reply)
        };
        assert_eq!(found, expected, "{body}: {}", reply.body);
    }
    let changes = fixture
        .get(&format!("/stores/{}/changes", fixture.store))
        .await
        .json();
    assert_eq!(
        changes["changes"].as_array().unwrap().len(),
        2,
        "what is skipped makes no change"
    );
}

#[actix_web::test]
async fn a_grant_is_renewed_in_one_write() {
    let fixture = Fixture::new().await;
    let write = async |end: &str| {
        let body = json!({ "writes": { "tuple_keys": [until(end)], "on_duplicate": "replace" } });
        let reply = fixture.on_store("write", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let said = reply.json();
        (
            said["written"].as_u64().unwrap(),
            said["deleted"].as_u64().unwrap(),
            said["revision"].as_u64().unwrap(),
        )
    };
    let holds = async || {
        let context = json!({ "now": "2026-12-24T00:00:00Z" });
        let check =
            json!({ "tuple_key": key("document:plan#viewer@user:bob"), "context": context });
        fixture.on_store("check", &check).await.json()["allowed"]
            .as_bool()
            .unwrap()
    };
    let (first, second) = ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let (written, deleted, revision) = write(first).await;
    assert_eq!((written, deleted, holds().await), (1, 0, false));
    assert_eq!(
        (write(second).await, holds().await),
        ((1, 1, revision + 1), true)
    );
    assert_eq!(write(second).await, (0, 0, revision + 1));
    let read = fixture.on_store("read", &json!({})).await.json();
    assert_eq!(read["tuples"].as_array().unwrap().len(), 1);
    assert_eq!(
        read["tuples"][0]["key"]["condition"]["context"]["end"],
        second
    );
    // Whoever replays the changes one after another has what is there.
    let changes = fixture
        .get(&format!("/stores/{}/changes", fixture.store))
        .await
        .json();
    let told = |change: &Value| {
        let operation = change["operation"]
            .as_str()
            .unwrap()
            .trim_start_matches("TUPLE_OPERATION_")
            .to_owned();
        (
            operation,
            change["tuple_key"]["condition"]["context"]["end"]
                .as_str()
                .map(str::to_owned),
        )
    };
    let told: Vec<_> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(told)
        .collect();
    let write = |end: &str| ("WRITE".to_owned(), Some(end.to_owned()));
    assert_eq!(
        told,
        [write(first), ("DELETE".to_owned(), None), write(second)]
    );
}

#[actix_web::test]
async fn a_batch_with_one_bad_tuple_leaves_nothing() {
    let fixture = Fixture::new().await;
    fixture.write(&["document:plan#viewer@user:alice"]).await;
    let body = json!({ "writes": { "tuple_keys": keys(&["document:new#viewer@user:bob", "document:plan#viewer@user:alice"]) } });
    assert_eq!(
        error(&fixture.on_store("write", &body).await),
        "400 write_failed_due_to_invalid_input"
    );
    let check = json!({ "tuple_key": key("document:new#viewer@user:bob") });
    assert_eq!(
        fixture.on_store("check", &check).await.json()["allowed"],
        false
    );
}

#[actix_web::test]
async fn a_store_that_is_gone_answers_nothing() {
    let fixture = Fixture::new().await;
    let path = format!("/stores/{}", fixture.store);
    let reply = fixture
        .call(
            actix_web::http::Method::DELETE,
            &path,
            Some(crate::BOTH),
            None,
        )
        .await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (204, ""));
    let check = json!({ "tuple_key": key("document:new#viewer@user:bob") });
    assert_eq!(
        error(&fixture.on_store("check", &check).await),
        "404 store_id_not_found"
    );
    assert_eq!(error(&fixture.get(&path).await), "404 store_id_not_found");
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let clock = Arc::new(FixedClock::at(support::service::NOW_MS));
        Stores::open(open_redb(dir.path(), DEFAULT_CACHE_BYTES).unwrap(), clock).unwrap()
    };
    let stores = open();
    let store = stores.create("documents").unwrap().id;
    let model = stores.write_model(store, &crate::model()).unwrap();
    let tuple: behest::model::TupleKey = "document:plan#viewer@user:alice".parse().unwrap();
    let batch = behest::stores::TupleBatch::of_writes(vec![tuple.clone().into()]);
    let written = stores.write(store, None, batch).unwrap();
    drop(stores);
    let stores = open();
    assert_eq!(stores.record(store).unwrap().name, "documents");
    assert_eq!(stores.record(StoreId::MAIN).unwrap().name, "main");
    let (version, newest) = stores.with_model(store, None).unwrap();
    assert_eq!((newest.id, version.revision()), (model, written.revision));
    assert_eq!(version.graph().stored_len(), 1);
}
