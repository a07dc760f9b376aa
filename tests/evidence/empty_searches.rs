//! A search whose credentials are refused says so, as an evaluation does; and does not look like
//! the end of a list.

use crate::world::{World, access, claims, claims_with, profile, publish, standard};
use serde_json::{Value, json};
use support::service::{post, send};
use support::tokens::{Key, with};

fn body(credentials: &[Value]) -> Value {
    json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "d"},
        "context": {"credentials": credentials},
        "options": {"reason": true},
    })
}

async fn reasons(world: &World, body: &Value) -> (Value, Vec<Value>) {
    let reply = send(
        &world.server,
        post("/access/v1/evaluation", body.to_string()),
    )
    .await
    .json();
    assert_eq!(reply["decision"], false, "{reply}");
    let mut found = Vec::new();
    for searched in ["resource", "action", "subject"] {
        let mut body = body.clone();
        if searched == "subject" {
            body["subject"] = json!({"type": "user"});
        }
        let reply = send(
            &world.server,
            post(&format!("/access/v1/search/{searched}"), body.to_string()),
        )
        .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let page = reply.json();
        assert_eq!(page["results"], json!([]), "{page}");
        found.push(page["context"]["reason"].clone());
    }
    (reply["context"]["reason"].clone(), found)
}

#[actix_web::test]
async fn what_is_a_reason_in_an_evaluation_is_the_reason_of_a_page() {
    let (world, key, _web) = standard();
    let dead_key = Key::new("k1");
    let web = publish(&dead_key);
    let dead = World::new(vec![profile(&web)], Vec::new());
    web.set_down(true);
    dead.wait_ms(3 * 3_600_000);
    let later = dead_key.access_token(&claims_with(
        &json!({"exp": support::service::NOW_MS / 1_000 + 6 * 3_600}),
    ));
    let expired = key.access_token(&claims_with(
        &json!({"exp": support::service::NOW_MS / 1_000 - 600}),
    ));
    for (world, token, code) in [
        (&world, expired, "credential_expired"),
        (&world, "x".to_owned(), "credential_invalid"),
        (&dead, later, "credential_unavailable"),
    ] {
        let (evaluation, pages) = reasons(world, &body(&[access(&token)])).await;
        assert_eq!(evaluation["code"], code, "{evaluation}");
        for page in pages {
            assert_eq!(page, evaluation);
        }
    }
}

/// The first page held one of two; the second cannot be told from the end of the list, and is
/// refused.
#[actix_web::test]
async fn a_page_whose_credential_has_expired_meanwhile_is_not_the_last() {
    let (world, key, _web) = standard();
    let now = support::service::NOW_MS / 1_000;
    let token = access(&key.access_token(&with(&claims(), &json!({"exp": now + 100}))));
    let mut body = body(&[token]);
    body["page"] = json!({"limit": 1});
    let first = send(
        &world.server,
        post("/access/v1/search/resource", body.to_string()),
    )
    .await
    .json();
    assert_eq!(first["results"].as_array().unwrap().len(), 1, "{first}");
    body["page"] = json!({"token": first["page"]["next_token"]});
    world.wait_ms(200_000);
    let second = send(
        &world.server,
        post("/access/v1/search/resource", body.to_string()),
    )
    .await;
    assert_eq!(second.status, 400, "{}", second.body);
    assert!(
        second.body.contains("page_token_expired") && second.body.contains("denied by now"),
        "{}",
        second.body
    );
}
