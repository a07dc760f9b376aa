//! Pages: complete, without repetition, bound to their question, whatever happens in between.

use crate::{Fixture, error, keys};
use serde_json::{Value, json};

/// Reads page after page of a body, and returns the users.
async fn users(fixture: &Fixture, mut body: Value) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let reply = fixture.on_store("read", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let page = reply.json();
        let tuples = page["tuples"].as_array().unwrap();
        found.extend(
            tuples
                .iter()
                .map(|tuple| tuple["key"]["user"].as_str().unwrap().to_owned()),
        );
        if page["continuation_token"] == "" {
            return found;
        }
        body["continuation_token"] = page["continuation_token"].clone();
    }
}

#[actix_web::test]
async fn tuples_are_read_whole_by_what_is_asked_for() {
    let fixture = Fixture::new().await;
    fixture
        .write(&[
            "document:a#viewer@user:u1",
            "document:a#viewer@user:u2",
            "document:a#viewer@user:u22",
            "document:b#viewer@user:u2",
            "document:b#viewer@team:t#member",
            "team:t#member@user:u2",
        ])
        .await;
    for (key, expected) in [
        (
            json!(null),
            vec![
                "user:u1",
                "user:u2",
                "user:u22",
                "team:t#member",
                "user:u2",
                "user:u2",
            ],
        ),
        (
            json!({ "object": "document:a" }),
            vec!["user:u1", "user:u2", "user:u22"],
        ),
        (
            json!({ "object": "document:a", "relation": "viewer" }),
            vec!["user:u1", "user:u2", "user:u22"],
        ),
        (
            json!({ "object": "document:a", "relation": "member" }),
            vec![],
        ),
        (
            json!({ "object": "document:a", "relation": "viewer", "user": "user:u2" }),
            vec!["user:u2"],
        ),
        (
            json!({ "object": "document:b", "user": "user:u2" }),
            vec!["user:u2"],
        ),
        (
            json!({ "object": "document:", "user": "user:u2" }),
            vec!["user:u2", "user:u2"],
        ),
        (
            json!({ "object": "document:", "user": "team:t#member" }),
            vec!["team:t#member"],
        ),
        (json!({ "object": "document:", "user": "team:t" }), vec![]),
        (
            json!({ "object": "team:", "relation": "viewer", "user": "user:u2" }),
            vec![],
        ),
        (json!({ "object": "document:", "user": "user:*" }), vec![]),
    ] {
        for size in [1, 2, 3, 100] {
            let body = json!({ "tuple_key": key, "page_size": size });
            assert_eq!(users(&fixture, body).await, expected, "{key} by {size}");
        }
    }
    for key in [
        json!({}),
        json!({ "user": "user:u2" }),
        json!({ "object": "document:" }),
        json!({ "object": "nothing" }),
    ] {
        let reply = fixture.on_store("read", &json!({ "tuple_key": key })).await;
        assert_eq!(error(&reply), "400 validation_error", "{key}");
    }
}

#[actix_web::test]
async fn a_page_goes_on_where_its_last_tuple_was_deleted() {
    let fixture = Fixture::new().await;
    let all = [
        "document:a#viewer@user:u1",
        "document:a#viewer@user:u2",
        "document:a#viewer@user:u3",
    ];
    fixture.write(&all).await;
    let first = fixture
        .on_store("read", &json!({ "page_size": 2 }))
        .await
        .json();
    let reply = fixture
        .on_store(
            "write",
            &json!({ "deletes": { "tuple_keys": keys(&all[..2]) } }),
        )
        .await;
    assert_eq!(reply.status, 200);
    let body = json!({ "continuation_token": first["continuation_token"] });
    assert_eq!(users(&fixture, body).await, ["user:u3"]);
}

#[actix_web::test]
async fn a_token_belongs_to_its_question() {
    let fixture = Fixture::new().await;
    fixture
        .write(&["document:a#viewer@user:u1", "document:a#viewer@user:u2"])
        .await;
    let first = fixture
        .on_store("read", &json!({ "page_size": 1 }))
        .await
        .json();
    let token = first["continuation_token"].as_str().unwrap();
    let other = json!({ "tuple_key": { "object": "document:a" }, "continuation_token": token });
    assert_eq!(
        error(&fixture.on_store("read", &other).await),
        "400 invalid_continuation_token"
    );
    for path in [
        "/stores?".to_owned(),
        format!("/stores/{}/changes?", fixture.store),
    ] {
        let reply = fixture
            .get(&format!("{path}continuation_token={token}"))
            .await;
        assert_eq!(error(&reply), "400 invalid_continuation_token", "{path}");
    }
}

#[actix_web::test]
async fn stores_and_models_come_in_pages() {
    let fixture = Fixture::new().await;
    for name in ["one", "two", "two"] {
        assert_eq!(
            fixture
                .post("/stores", &json!({ "name": name }))
                .await
                .status,
            201
        );
    }
    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let page = fixture
            .get(&format!("/stores?page_size=2&continuation_token={token}"))
            .await
            .json();
        names.extend(
            page["stores"]
                .as_array()
                .unwrap()
                .iter()
                .map(|store| store["name"].as_str().unwrap().to_owned()),
        );
        token = page["continuation_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    // By id, and the id of `main` is of an earlier day.
    assert_eq!(names, ["main", "documents", "one", "two", "two"]);
    let twos = fixture.get("/stores?name=two").await.json();
    assert_eq!(twos["stores"].as_array().unwrap().len(), 2);

    let second = fixture
        .on_store("authorization-models", &crate::model())
        .await
        .json();
    let models = format!("/stores/{}/authorization-models", fixture.store);
    let page = fixture.get(&format!("{models}?page_size=1")).await.json();
    assert_eq!(
        page["authorization_models"][0]["id"],
        second["authorization_model_id"]
    );
    let token = page["continuation_token"].as_str().unwrap();
    let last = fixture
        .get(&format!("{models}?page_size=1&continuation_token={token}"))
        .await
        .json();
    assert_eq!(last["authorization_models"].as_array().unwrap().len(), 1);
    assert_eq!(last["continuation_token"], "");
}

/// A model of about 100 KB.
fn large_model(at: usize) -> Value {
    let relation = |of: usize| {
        (
            format!("relation_{at}_{of}_{}", "x".repeat(20)),
            json!({ "this": {} }),
        )
    };
    let relations: serde_json::Map<_, _> = (0..600).map(relation).collect();
    let of_user = json!({ "directly_related_user_types": [{ "type": "user" }] });
    let known: serde_json::Map<_, _> = relations
        .keys()
        .map(|name| (name.clone(), of_user.clone()))
        .collect();
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            { "type": "document", "relations": relations, "metadata": { "relations": known } },
        ],
    })
}

#[actix_web::test]
async fn pages_of_large_models_hold_fewer_and_together_all() {
    const MODELS: usize = 25;
    const PAGE_BYTES: usize = 1 << 20;
    let fixture = Fixture::new().await;
    let models = format!("/stores/{}/authorization-models", fixture.store);
    let first = fixture.get(&models).await.json()["authorization_models"][0]["id"].clone();
    let mut written = vec![first];
    for at in 0..MODELS {
        let reply = fixture
            .on_store("authorization-models", &large_model(at))
            .await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        written.push(reply.json()["authorization_model_id"].clone());
    }
    written.reverse();
    let mut found = Vec::new();
    let mut pages = 0;
    let mut token = String::new();
    loop {
        let reply = fixture
            .get(&format!("{models}?continuation_token={token}"))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(
            reply.body.len() < PAGE_BYTES + 1_000,
            "a page of {} bytes",
            reply.body.len()
        );
        let page = reply.json();
        let of_page = page["authorization_models"].as_array().unwrap();
        assert!(!of_page.is_empty());
        found.extend(of_page.iter().map(|model| model["id"].clone()));
        pages += 1;
        token = page["continuation_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, written);
    assert!((2..MODELS).contains(&pages), "{pages} pages");
}

#[actix_web::test]
async fn changes_are_read_once_each_and_by_type() {
    let fixture = Fixture::new().await;
    fixture
        .write(&[
            "document:a#viewer@user:u1",
            "team:t#member@user:u1",
            "document:a#viewer@user:u2",
        ])
        .await;
    let deletes = json!({ "deletes": { "tuple_keys": keys(&["document:a#viewer@user:u1"]) } });
    assert_eq!(fixture.on_store("write", &deletes).await.status, 200);
    let path = format!("/stores/{}/changes", fixture.store);
    for size in [1, 2, 100] {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let page = fixture
                .get(&format!(
                    "{path}?type=document&page_size={size}&continuation_token={token}"
                ))
                .await
                .json();
            let next = page["continuation_token"].as_str().unwrap().to_owned();
            let changes = page["changes"].as_array().unwrap();
            found.extend(changes.iter().map(|change| {
                let operation = change["operation"]
                    .as_str()
                    .unwrap()
                    .trim_start_matches("TUPLE_OPERATION_");
                format!(
                    "{operation} {}",
                    change["tuple_key"]["user"].as_str().unwrap()
                )
            }));
            if changes.is_empty() {
                assert_eq!(next, token, "at the end the same token comes back");
                break;
            }
            token = next;
        }
        assert_eq!(
            found,
            ["WRITE user:u1", "WRITE user:u2", "DELETE user:u1"],
            "by {size}"
        );
        let other = fixture
            .get(&format!("{path}?type=team&continuation_token={token}"))
            .await;
        assert_eq!(
            error(&other),
            "400 query_string_type_continuation_token_mismatch"
        );
    }
    for (at, expected) in [("2026-10-01T09:00:00Z", 4), ("2026-10-01T09:00:00.001Z", 0)] {
        let since = fixture.get(&format!("{path}?start_time={at}")).await.json();
        assert_eq!(since["changes"].as_array().unwrap().len(), expected, "{at}");
    }
    assert_eq!(
        error(&fixture.get(&format!("{path}?start_time=yesterday")).await),
        "400 validation_error"
    );
}

#[actix_web::test]
async fn a_page_of_changes_passes_by_a_bounded_number_of_others() {
    let fixture = Fixture::new().await;
    let store = fixture.store.parse().unwrap();
    let many = |from: usize| {
        let text = |at: usize| {
            format!("document:{at}#viewer@user:u")
                .parse::<behest::model::TupleKey>()
                .unwrap()
                .into()
        };
        behest::stores::TupleBatch::of_writes((from..from + 10_000).map(text).collect())
    };
    for from in [0, 10_000, 20_000] {
        fixture.stores.write(store, None, many(from)).unwrap();
    }
    fixture.write(&["team:t#member@user:u1"]).await;
    fixture.stores.write(store, None, many(30_000)).unwrap();
    let page = async |kind: &str, token: &str| {
        let path = format!(
            "/stores/{}/changes?type={kind}&continuation_token={token}",
            fixture.store
        );
        let page = fixture.get(&path).await.json();
        (
            page["changes"].as_array().unwrap().len(),
            page["continuation_token"].as_str().unwrap().to_owned(),
        )
    };
    // Two pages' worth of others stand before the first, and one behind it.
    let (none, first) = page("team", "").await;
    let (one, second) = page("team", &first).await;
    assert_eq!(
        (none, one, first.is_empty(), first == second),
        (0, 1, false, false)
    );
    assert_eq!(page("team", &second).await, (0, second.clone()), "the end");
    fixture.write(&["team:t#member@user:u2"]).await;
    assert_eq!(page("team", &second).await.0, 1);
    // Of a type that is nowhere, the end is found page by page, and then stays.
    let (mut token, mut pages) = (String::new(), 0);
    loop {
        let (found, next) = page("nowhere", &token).await;
        assert_eq!(found, 0);
        if next == token {
            break;
        }
        (token, pages) = (next, pages + 1);
    }
    assert_eq!(pages, 2);
}
