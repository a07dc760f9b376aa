//! What is added to OpenFGA's API.

use crate::{Fixture, READER, key};
use actix_web::http::Version;
use serde_json::{Value, json};
use support::service::{post, send};

#[actix_web::test]
async fn a_relation_that_is_a_letter_off_is_suggested() {
    let fixture = Fixture::new().await;
    let key = key("document:a#viewr@user:b");
    for (call, body) in [
        ("check", json!({ "tuple_key": key })),
        ("write", json!({ "writes": { "tuple_keys": [key] } })),
        (
            "list-objects",
            json!({ "type": "document", "relation": "viewr", "user": "user:b" }),
        ),
    ] {
        let reply = fixture.on_store(call, &body).await;
        assert_eq!(reply.status, 400, "{call}");
        assert!(
            reply.json()["message"]
                .as_str()
                .unwrap()
                .contains("did you mean `viewer`?"),
            "{call}: {}",
            reply.body
        );
    }
}

#[actix_web::test]
async fn a_check_shows_its_witness_where_it_is_asked_for() {
    let fixture = Fixture::new().await;
    fixture
        .write(&[
            "document:plan#viewer@team:sre#member",
            "team:sre#member@user:alice",
        ])
        .await;
    let check = |user: &str, trace: bool| {
        let tuple = key(&format!("document:plan#viewer@{user}"));
        json!({ "tuple_key": tuple, "trace": trace })
    };
    let reply = fixture.on_store("check", &check("user:alice", true)).await;
    let path = "document:plan#viewer@team:sre#member, team:sre#member@user:alice";
    assert_eq!(reply.json(), json!({ "allowed": true, "resolution": path }));
    assert!(
        reply
            .header("openfga-authorization-model-id")
            .is_some_and(|id| id.len() == 26)
    );
    let silent = fixture
        .on_store("check", &check("user:alice", false))
        .await
        .json();
    assert_eq!(silent, json!({ "allowed": true, "resolution": "" }));
    let denied = fixture
        .on_store("check", &check("user:bob", true))
        .await
        .json();
    assert_eq!(denied, json!({ "allowed": false, "resolution": "" }));
    // A userset is in itself without a tuple.
    let itself = json!({ "tuple_key": key("team:sre#member@team:sre#member"), "trace": true });
    assert_eq!(
        fixture.on_store("check", &itself).await.json(),
        json!({ "allowed": true, "resolution": "" })
    );
}

/// Writes as many documents that alice may view.
async fn documents(fixture: &Fixture, count: usize) {
    let tuples: Vec<String> = (0..count)
        .map(|n| format!("document:d{n}#viewer@user:alice"))
        .collect();
    for some in tuples.chunks(100) {
        fixture
            .write(&some.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
    }
}

#[actix_web::test]
async fn a_list_that_is_cut_says_so() {
    let fixture = Fixture::new().await;
    documents(&fixture, 1_000).await;
    let question = json!({ "type": "document", "relation": "viewer", "user": "user:alice" });
    let whole = fixture.on_store("list-objects", &question).await;
    assert_eq!(whole.json()["objects"].as_array().unwrap().len(), 1_000);
    assert_eq!(whole.header("behest-truncated"), None);
    fixture
        .write(&["document:one-more#viewer@user:alice"])
        .await;
    let cut = fixture.on_store("list-objects", &question).await;
    assert_eq!(cut.json()["objects"].as_array().unwrap().len(), 1_000);
    assert_eq!(cut.header("behest-truncated"), Some("results"));
    let streamed = fixture.on_store("streamed-list-objects", &question).await;
    assert_eq!(streamed.body.matches("\"object\"").count(), 1_001);
    assert_eq!(streamed.header("trailer"), Some("Behest-Truncated"));
    assert!(
        streamed.body.ends_with("0\r\n\r\n"),
        "a whole list has no trailer"
    );
}

#[actix_web::test]
async fn a_list_of_users_that_is_cut_says_so() {
    let fixture = Fixture::new().await;
    let users: Vec<String> = (0..1_001)
        .map(|n| format!("team:sre#member@user:u{n}"))
        .collect();
    for some in users.chunks(100) {
        fixture
            .write(&some.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
    }
    let question = json!({ "object": { "type": "team", "id": "sre" }, "relation": "member",
        "user_filters": [{ "type": "user" }] });
    let cut = fixture.on_store("list-users", &question).await;
    assert_eq!(cut.json()["users"].as_array().unwrap().len(), 1_000);
    assert_eq!(cut.header("behest-truncated"), Some("results"));
}

/// Before HTTP/1.1, a list that broke off would look complete.
#[actix_web::test]
async fn a_list_is_not_streamed_to_a_client_that_cannot_tell_whether_it_is_whole() {
    let fixture = Fixture::new().await;
    documents(&fixture, 2).await;
    let question = json!({ "type": "document", "relation": "viewer", "user": "user:alice" });
    let path = format!("/stores/{}/streamed-list-objects", fixture.store);
    let ask = async |version| {
        let asked = post(&path, question.to_string())
            .version(version)
            .insert_header(("Authorization", format!("Bearer {READER}")));
        send(&fixture.server, asked).await
    };
    assert_eq!(ask(Version::HTTP_11).await.status, 200);
    let refused = ask(Version::HTTP_10).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("a streamed list needs HTTP/1.1"),
        "{}",
        refused.body
    );
}

#[actix_web::test]
async fn an_error_before_the_first_object_is_a_status() {
    let fixture = Fixture::new().await;
    let question = json!({ "type": "nothing", "relation": "viewer", "user": "user:alice" });
    let reply = fixture.on_store("streamed-list-objects", &question).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["code"], "type_not_found");
    assert_eq!(reply.json()["error"]["code"], 3);
}

#[actix_web::test]
async fn everything_about_an_object_or_a_user_is_deleted_at_once() {
    let fixture = Fixture::new().await;
    let tuples = [
        "document:plan#viewer@team:sre#member",
        "document:plan#viewer@user:bob",
        "document:other#viewer@user:bob",
        "team:sre#member@user:alice",
    ];
    fixture.write(&tuples).await;
    let clear = async |body: &Value| fixture.on_store("delete-tuples", body).await.json();
    let revision = fixture
        .stores
        .pin(fixture.store.parse().unwrap())
        .unwrap()
        .revision()
        .0;
    let nothing =
        |revision: u64| json!({ "revision": revision, "deleted": 0, "left": 0, "in_bundle": 0 });
    assert_eq!(
        clear(&json!({ "object": "document:nothing" })).await,
        nothing(revision)
    );
    let cleared = fixture
        .on_store("delete-tuples", &json!({ "object": "document:plan" }))
        .await;
    assert_eq!(
        cleared.json(),
        json!({ "revision": revision + 1, "deleted": 2, "left": 0, "in_bundle": 0 })
    );
    assert_eq!(
        cleared.header("behest-revision"),
        Some((revision + 1).to_string().as_str())
    );
    assert_eq!(
        clear(&json!({ "object": "document:plan" })).await,
        nothing(revision + 1)
    );
    fixture.write(&tuples[..1]).await;
    // A user's usersets are the user's too.
    assert_eq!(clear(&json!({ "user": "team:sre" })).await["deleted"], 1);
    assert_eq!(clear(&json!({ "user": "user:bob" })).await["deleted"], 1);
    let left = fixture.on_store("read", &json!({})).await.json();
    assert_eq!(left["tuples"][0]["key"]["object"], "team:sre");
    for body in [
        json!({}),
        json!({ "object": "document:a", "user": "user:b" }),
        json!({ "user": "user:*" }),
    ] {
        assert_eq!(
            fixture.on_store("delete-tuples", &body).await.status,
            400,
            "{body}"
        );
    }
}
