//! The store `main`: always there, with the bundle's model and the bundle's tuples, which no call
//! changes.

use crate::{BOTH, Fixture, error, key, keys, model};
use actix_web::http::Method;
use behest::model::{Digest, Tuple};
use behest::relations::model::{AuthorizationModel, from_json};
use behest::stores::{StoreId, Stores};
use serde_json::json;

fn compiled() -> AuthorizationModel {
    AuthorizationModel::new(from_json(&model()).unwrap()).unwrap()
}

fn tuple(text: &str) -> Tuple {
    Tuple::from(text.parse::<behest::model::TupleKey>().unwrap())
}

fn load(stores: &Stores, tuples: &[&str], digest: u8) {
    let layer = stores
        .prepare_main(
            Some(&compiled()),
            tuples.iter().map(|text| tuple(text)).collect(),
            false,
        )
        .unwrap();
    stores
        .commit_main(layer, Digest::new([digest; 32]), None)
        .unwrap();
}

fn fixture() -> Fixture {
    let fixture = Fixture::empty();
    load(&fixture.stores, &["document:handbook#viewer@user:alice"], 1);
    Fixture {
        store: StoreId::MAIN.to_string(),
        ..fixture
    }
}

#[actix_web::test]
async fn main_is_there_and_stays_with_the_bundles_model() {
    let fixture = fixture();
    let path = format!("/stores/{}", fixture.store);
    assert_eq!(fixture.get(&path).await.json()["name"], "main");
    assert_eq!(
        error(&fixture.call(Method::DELETE, &path, Some(BOTH), None).await),
        "400 validation_error"
    );
    assert_eq!(
        error(&fixture.on_store("authorization-models", &model()).await),
        "400 validation_error"
    );
    let models = fixture
        .get(&format!("{path}/authorization-models"))
        .await
        .json();
    let id = models["authorization_models"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(models["authorization_models"].as_array().unwrap().len(), 1);
    let one = fixture
        .get(&format!("{path}/authorization-models/{id}"))
        .await
        .json();
    assert_eq!(
        one["authorization_model"],
        models["authorization_models"][0]
    );
    let assertions = format!("{path}/assertions/{id}");
    let reply = fixture
        .call(
            Method::PUT,
            &assertions,
            Some(BOTH),
            Some(&json!({ "assertions": [] })),
        )
        .await;
    assert_eq!(error(&reply), "400 validation_error");
    // The same bundle makes the same model id, whenever it is loaded.
    load(&fixture.stores, &[], 2);
    let again = fixture
        .get(&format!("{path}/authorization-models"))
        .await
        .json();
    assert_eq!(again, models);
}

#[actix_web::test]
async fn the_bundles_tuples_cannot_be_written_or_deleted_whatever_is_ignored() {
    let fixture = fixture();
    let own = keys(&["document:handbook#viewer@user:alice"]);
    for body in [
        json!({ "writes": { "tuple_keys": own } }),
        json!({ "writes": { "tuple_keys": own, "on_duplicate": "ignore" } }),
        json!({ "writes": { "tuple_keys": own, "on_duplicate": "replace" } }),
        json!({ "deletes": { "tuple_keys": own } }),
        json!({ "deletes": { "tuple_keys": own, "on_missing": "ignore" } }),
    ] {
        let reply = fixture.on_store("write", &body).await;
        assert_eq!(
            error(&reply),
            "400 write_failed_due_to_invalid_input",
            "{body}"
        );
        assert_eq!(
            reply.json()["message"],
            "`document:handbook#viewer@user:alice` is one of the bundle's tuples: change it there"
        );
    }
    let check = json!({ "tuple_key": own[0] });
    assert_eq!(
        fixture.on_store("check", &check).await.json()["allowed"],
        true
    );
}

#[actix_web::test]
async fn ids_in_main_are_in_canonical_encoding() {
    let fixture = fixture();
    for (tuple, is_canonical) in [
        ("document:a%3Ab#viewer@user:alice", true),
        ("document:plain#viewer@user:spiffe%3A//a/b", true),
        ("document:a%3ab#viewer@user:alice", false),
        ("document:a%41#viewer@user:alice", false),
        ("document:plain#viewer@user:100%", false),
        ("document:plain#viewer@team:a*b#member", false),
        ("document:plain#viewer@team:https://a/b#member", false),
    ] {
        let reply = fixture
            .on_store(
                "write",
                &json!({ "writes": { "tuple_keys": keys(&[tuple]) } }),
            )
            .await;
        let found = if reply.status == 200 {
            "200".to_owned()
        } else {
            error(&reply)
        };
        assert_eq!(
            found,
            if is_canonical {
                "200"
            } else {
                "400 validation_error"
            },
            "{tuple}"
        );
    }
}

#[actix_web::test]
async fn an_entity_is_written_as_answers_show_it() {
    let fixture = fixture();
    let shown = "document:plan#viewer@user:https://idp.example/alice%2F1";
    let spelled = "document:plan#viewer@user:https%3A//idp.example/alice%252F1";
    fixture.write(&[shown]).await;
    for tuple in [shown, spelled] {
        assert_eq!(
            fixture
                .on_store("check", &json!({ "tuple_key": key(tuple) }))
                .await
                .json()["allowed"],
            true
        );
        let again = fixture
            .on_store(
                "write",
                &json!({ "writes": { "tuple_keys": keys(&[tuple]) } }),
            )
            .await;
        assert_eq!(
            error(&again),
            "400 write_failed_due_to_invalid_input",
            "the same tuple"
        );
        let read = fixture
            .on_store("read", &json!({ "tuple_key": key(tuple) }))
            .await
            .json();
        assert_eq!(read["tuples"][0]["key"], key(spelled));
        let list = json!({ "type": "document", "relation": "viewer", "user": key(tuple)["user"] });
        assert_eq!(
            fixture.on_store("list-objects", &list).await.json()["objects"],
            json!(["document:plan"])
        );
    }
    let deleted = fixture
        .on_store(
            "write",
            &json!({ "deletes": { "tuple_keys": keys(&[shown]) } }),
        )
        .await;
    assert_eq!(deleted.json()["deleted"], 1);
    // OpenFGA's own stores have OpenFGA's rules.
    let other = Fixture::new().await;
    let refused = other
        .on_store(
            "write",
            &json!({ "writes": { "tuple_keys": keys(&[shown]) } }),
        )
        .await;
    assert_eq!(error(&refused), "400 validation_error");
}

#[actix_web::test]
async fn a_bundle_that_collides_with_the_store_or_orphans_it_is_refused_with_the_list() {
    let fixture = fixture();
    fixture
        .write(&[
            "document:plan#viewer@user:alice",
            "team:sre#member@user:bob",
        ])
        .await;
    let both = vec![
        tuple("document:plan#viewer@user:alice"),
        tuple("team:sre#member@user:bob"),
    ];
    let refused = fixture
        .stores
        .prepare_main(Some(&compiled()), both, false)
        .unwrap_err();
    let expected = [
        "the tuple `document:plan#viewer@user:alice` of the bundle is stored in `main` too",
        "the tuple `team:sre#member@user:bob` of the bundle is stored in `main` too",
    ];
    assert_eq!(
        refused
            .0
            .iter()
            .map(|problem| problem.message.as_str())
            .collect::<Vec<_>>(),
        expected
    );

    let mut smaller = model();
    smaller["type_definitions"]
        .as_array_mut()
        .unwrap()
        .truncate(2);
    smaller["conditions"] = json!(null);
    let smaller = AuthorizationModel::new(from_json(&smaller).unwrap()).unwrap();
    let refused = fixture
        .stores
        .prepare_main(Some(&smaller), Vec::new(), false)
        .unwrap_err();
    let expected = [
        "the bundle's model does not allow the tuple `document:plan#viewer@user:alice`, which is stored in `main`",
    ];
    assert_eq!(
        refused
            .0
            .iter()
            .map(|problem| problem.message.as_str())
            .collect::<Vec<_>>(),
        expected
    );
    assert_eq!(
        fixture
            .stores
            .prepare_main(None, Vec::new(), false)
            .unwrap_err()
            .0
            .len(),
        2
    );
    assert!(
        fixture
            .stores
            .prepare_main(Some(&smaller), Vec::new(), true)
            .is_ok()
    );
}

#[actix_web::test]
async fn what_was_written_since_a_bundle_was_checked_is_checked_again() {
    let fixture = fixture();
    let tuples = vec![tuple("document:plan#viewer@user:alice")];
    let layer = fixture
        .stores
        .prepare_main(Some(&compiled()), tuples, false)
        .unwrap();
    fixture.write(&["document:plan#viewer@user:alice"]).await;
    let refused = fixture
        .stores
        .commit_main(layer, Digest::new([9; 32]), None)
        .unwrap_err();
    assert_eq!(refused.0.len(), 1);
    // The layer from before still decides.
    let check = json!({ "tuple_key": key("document:handbook#viewer@user:alice") });
    assert_eq!(
        fixture.on_store("check", &check).await.json()["allowed"],
        true
    );
}

#[actix_web::test]
async fn bundle_and_store_are_read_and_decide_together() {
    let fixture = fixture();
    fixture
        .write(&[
            "document:handbook#viewer@user:bob",
            "document:a#viewer@user:alice",
        ])
        .await;
    let page = |token: String| {
        let body = json!({ "page_size": 1, "continuation_token": token });
        let fixture = &fixture;
        async move { fixture.on_store("read", &body).await.json() }
    };
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let read = page(token).await;
        let tuple = &read["tuples"][0]["key"];
        found.push(format!(
            "{}@{}",
            tuple["object"].as_str().unwrap(),
            tuple["user"].as_str().unwrap()
        ));
        token = read["continuation_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(
        found,
        [
            "document:handbook@user:alice",
            "document:a@user:alice",
            "document:handbook@user:bob"
        ]
    );
    let before = fixture.stores.main().revision();
    load(&fixture.stores, &[], 3);
    assert!(fixture.stores.main().revision() > before);
    let check = json!({ "tuple_key": key("document:handbook#viewer@user:alice") });
    assert_eq!(
        fixture.on_store("check", &check).await.json()["allowed"],
        false
    );
}

#[actix_web::test]
async fn everything_about_somebody_goes_but_for_what_the_bundle_says() {
    let fixture = fixture();
    fixture
        .write(&[
            "document:a#viewer@user:alice",
            "team:sre#member@user:alice",
            "team:sre#member@user:bob",
        ])
        .await;
    let reply = fixture
        .on_store("delete-tuples", &json!({ "user": "user:alice" }))
        .await;
    let revision = fixture.stores.main().revision().0;
    assert_eq!(
        reply.json(),
        json!({ "revision": revision, "deleted": 2, "left": 0, "in_bundle": 1 })
    );
    let left = fixture.on_store("read", &json!({})).await.json();
    assert_eq!(left["tuples"].as_array().unwrap().len(), 2);
}
