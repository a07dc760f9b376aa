//! Searches with credentials find what evaluation permits with them, and nothing where one does not
//! verify.

use crate::world::{World, access, claims, claims_with, profile, publish, standard};
use behest::evidence::Profile;
use behest::model::{DetailRule, MemberPath};
use serde_json::{Value, json};
use support::service::{post, send};
use support::tokens::{Key, with};

/// The ids or names that a search finds, in alphabetical order, and the token of the next page.
async fn find(world: &World, searched: &str, body: &Value) -> (Vec<String>, String) {
    let reply = send(
        &world.server,
        post(&format!("/access/v1/search/{searched}"), body.to_string()),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    let name = |found: &Value| {
        found["id"]
            .as_str()
            .or(found["name"].as_str())
            .unwrap()
            .to_owned()
    };
    let mut found: Vec<String> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(name)
        .collect();
    found.sort_unstable();
    (
        found,
        answer["page"]["next_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

fn search(action: &str, kind: &str, credentials: &[Value]) -> Value {
    json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": action},
        "resource": {"type": kind, "id": "d"},
        "context": {"credentials": credentials},
    })
}

#[actix_web::test]
async fn what_a_token_reaches_is_found() {
    let (world, key, _web) = standard();
    let token = |scope: &str| access(&key.access_token(&claims_with(&json!({"scope": scope}))));
    let id_less = json!({"sub": "bot", "client_id": "bot", "scope": "write"});
    let other = access(&key.access_token(&claims_with(&id_less)));
    for (credentials, resources, actions) in [
        (
            vec![token("read")],
            vec!["d", "e"],
            vec!["look", "read", "session", "skim"],
        ),
        (
            vec![token("write")],
            vec![],
            vec!["look", "session", "skim"],
        ),
        (vec![access("x")], vec![], vec![]),
        (vec![token("read"), access("x")], vec![], vec![]),
        // Another's, which is in no chain of hers.
        (vec![token("read"), other], vec![], vec![]),
        (
            vec![token("read"), token("write")],
            vec![],
            vec!["look", "session", "skim"],
        ),
    ] {
        let body = search("read", "doc", &credentials);
        assert_eq!(
            find(&world, "resource", &body).await.0,
            resources,
            "{credentials:?}"
        );
        assert_eq!(
            find(&world, "action", &body).await.0,
            actions,
            "{credentials:?}"
        );
    }
}

#[actix_web::test]
async fn a_token_finds_its_own_subject_alone() {
    let (world, key, _web) = standard();
    let mut body = search("read", "doc", &[access(&key.access_token(&claims()))]);
    body["subject"] = json!({"type": "user"});
    assert_eq!(find(&world, "subject", &body).await.0, ["alice"]);
    body["action"]["name"] = json!("look");
    assert_eq!(find(&world, "subject", &body).await.0, ["alice"]);
    body["context"] = json!({});
    assert_eq!(find(&world, "subject", &body).await.0, ["alice", "bob"]);
    body["context"] = json!({"credentials": []});
    assert!(find(&world, "subject", &body).await.0.is_empty());
}

#[actix_web::test]
async fn a_detail_covers_each_resource_for_itself() {
    let key = Key::new("k1");
    let web = publish(&key);
    let rule = DetailRule {
        kind: "payment".into(),
        resource_type: "account".into(),
        ..DetailRule::default()
    };
    let world = World::new(
        vec![Profile {
            details: vec![rule],
            ..profile(&web)
        }],
        Vec::new(),
    );
    let detail = json!([{"type": "payment", "actions": ["pay"], "identifiers": ["main"]}]);
    let token = key.access_token(&claims_with(&json!({"authorization_details": detail})));
    assert_eq!(
        find(
            &world,
            "resource",
            &search("pay", "account", &[access(&token)])
        )
        .await
        .0,
        ["main"]
    );
}

#[actix_web::test]
async fn each_page_comes_with_a_proof_of_its_own() {
    let (world, issuer, _web) = standard();
    let holder = Key::new("");
    let token = issuer.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint()}})));
    let url = "https://api.example/tools";
    let page = |jti: &str, next: &str| {
        let now = support::service::NOW_MS / 1_000;
        let proof = holder.proof(
            &token,
            &json!({"htm": "POST", "htu": url, "iat": now, "jti": jti}),
        );
        let dpop = json!({"proof": proof, "method": "POST", "url": url});
        let mut body = search(
            "read",
            "doc",
            &[with(&access(&token), &json!({"dpop": dpop}))],
        );
        body["page"] = json!({"limit": 1, "token": next});
        body
    };
    let (first, next) = find(&world, "resource", &page("1", "")).await;
    let (second, end) = find(&world, "resource", &page("2", &next)).await;
    let mut both = [first, second].concat();
    both.sort_unstable();
    assert_eq!(
        (both, end.as_str()),
        (vec!["d".to_owned(), "e".to_owned()], "")
    );
    // A proof that was used finds nothing.
    assert!(find(&world, "resource", &page("2", "")).await.0.is_empty());
}

#[actix_web::test]
async fn what_some_arguments_could_be_covered_by_is_found_where_they_are_unknown() {
    let key = Key::new("k1");
    let web = publish(&key);
    let path = |text| MemberPath::parse(text).unwrap();
    let rule = DetailRule {
        kind: "payment".into(),
        resource_type: "account".into(),
        equal: vec![(path("creditor"), path("context.arguments.to"))],
        at_most: vec![(path("limit"), path("context.arguments.amount"))],
        ..DetailRule::default()
    };
    let world = World::new(
        vec![Profile {
            details: vec![rule],
            ..profile(&web)
        }],
        Vec::new(),
    );
    let mut both_found = 0;
    for (limit, creditor, account) in [
        (json!("100"), json!("bob"), "main"),
        (json!(0), json!("bob"), "main"),
        (json!(100), json!("bob"), "other"),
        (json!("-1"), json!("bob"), "main"),
        (json!("many"), json!("bob"), "main"),
        (json!("100"), json!(null), "main"),
        (json!(null), json!("bob"), "main"),
        (json!("100"), json!({}), "main"),
    ] {
        let detail = json!([{
            "type": "payment", "actions": ["pay"], "identifiers": [account], "limit": limit, "creditor": creditor,
        }]);
        let token =
            access(&key.access_token(&claims_with(&json!({"authorization_details": detail}))));
        let mut permitted = Vec::new();
        for account in ["main", "savings"] {
            let mut body = search("pay", "account", std::slice::from_ref(&token));
            body["resource"]["id"] = json!(account);
            let mut some = false;
            for (amount, to) in [(0, "bob"), (50, "bob"), (100, "bob"), (50, "eve")] {
                body["context"]["arguments"] = json!({"amount": amount, "to": to});
                some |= world.ask(&body).await == "permit";
            }
            if some {
                permitted.push(account.to_owned());
            }
        }
        let mut body = search("pay", "account", std::slice::from_ref(&token));
        body["options"] = json!({"unknown": ["arguments"]});
        let found = find(&world, "resource", &body).await.0;
        assert_eq!(found, permitted, "{detail}");
        both_found += found.len();
    }
    assert_eq!(both_found, 2);
}
