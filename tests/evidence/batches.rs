//! The credentials of a batch and of its items.

use crate::world::{access, claims, standard};
use serde_json::{Value, json};
use support::service::{post, send};

#[actix_web::test]
async fn a_batch_verifies_each_credential_once_and_denies_the_item_that_has_a_bad_one() {
    let (world, key, web) = standard();
    let good = access(&key.access_token(&claims()));
    let item = |credentials: Value| json!({"context": {"credentials": credentials}});
    let batch = json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "d"},
        "context": {"credentials": [good]},
        "evaluations": [{}, item(json!([good])), item(json!([access("x")])), item(json!([])), {}],
        "options": {"reason": true},
    });
    let reply = send(
        &world.server,
        post("/access/v1/evaluations", batch.to_string()),
    )
    .await
    .json();
    let found: Vec<String> = reply["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| {
            answer["context"]["reason"]["code"]
                .as_str()
                .unwrap_or("permit")
                .to_owned()
        })
        .collect();
    // An item's own credentials that differ from the default's are a conflict about who asks.
    assert_eq!(
        found,
        [
            "permit",
            "permit",
            "chain_conflict",
            "chain_conflict",
            "permit"
        ]
    );
    assert_eq!(web.count(), 1);
}

#[actix_web::test]
async fn a_batch_with_too_many_different_credentials_verifies_no_more() {
    let (world, _key, _web) = standard();
    let items: Vec<Value> = (0..70)
        .map(|at| json!({"context": {"credentials": [access(&format!("token{at}"))]}}))
        .collect();
    let batch = json!({
        "subject": {"type": "credential", "id": "0"}, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"},
        "evaluations": items, "options": {"reason": true},
    });
    let reply = send(
        &world.server,
        post("/access/v1/evaluations", batch.to_string()),
    )
    .await
    .json();
    let last = &reply["evaluations"][69]["context"]["reason"]["message"];
    assert!(
        last.as_str()
            .unwrap()
            .contains("more than 64 different credentials"),
        "{last}"
    );
    assert!(
        !reply["evaluations"][63]["context"]["reason"]["message"]
            .as_str()
            .unwrap()
            .contains("more than")
    );
}
