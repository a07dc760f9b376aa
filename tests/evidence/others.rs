//! Actors of another issuer: each has the id that it has in its own issuer's tokens, or the token
//! is refused.

use crate::actors::chain;
use crate::world::{World, access, claims_with, profile, publish, question};
use behest::evidence::{KeySource, Preset, Profile, TrustDomain};
use serde_json::{Value, json};
use std::time::Duration;
use support::tokens::Key;

const KEYCLOAK: &str = "https://keycloak.example";
const DOMAIN: &str = "spiffe://prod.example";

fn world() -> (World, Key) {
    let key = Key::new("k1");
    let web = publish(&key);
    let own = profile(&web);
    let keycloak = Profile {
        trust: own.trust.clone(),
        audiences: own.audiences.clone(),
        ids: vec![
            ("user".into(), "kc/".into()),
            ("agent".into(), "kc/".into()),
        ],
        ..Preset::Keycloak.profile(KEYCLOAK)
    };
    let domain = TrustDomain {
        name: "prod.example".into(),
        bundle: KeySource::Jwks(web.url.clone()),
        audiences: vec!["pdp".into()],
        entity_type: "agent".into(),
        longest_life: Duration::from_hours(1),
        leeway: Duration::from_secs(30),
    };
    (World::new(vec![own, keycloak], vec![domain]), key)
}

/// Actors, and how each is named: none where it is refused.
fn actors() -> Vec<(Value, Option<&'static str>)> {
    vec![
        // A service account has there the number of its user, and its own tokens name its client.
        (json!({"sub": "5f1c", "iss": KEYCLOAK}), None),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "client_id": 7}),
            None,
        ),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "client_id": "batch"}),
            Some("agent:kc/batch"),
        ),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "azp": "batch"}),
            Some("agent:kc/batch"),
        ),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "azp": "batch", "client_id": "batch"}),
            Some("agent:kc/batch"),
        ),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "azp": "batch", "client_id": "copilot"}),
            None,
        ),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "azp": "copilot", "Client_Id": "batch"}),
            None,
        ),
        (
            json!({"sub": "5f1c", "iss": KEYCLOAK, "sub_profile": "user"}),
            Some("user:kc/5f1c"),
        ),
        (
            json!({"sub": "spiffe://prod.example/x", "iss": DOMAIN}),
            Some("agent:spiffe://prod.example/x"),
        ),
        (json!({"sub": "x", "iss": DOMAIN}), None),
        (json!({"sub": "/x", "iss": DOMAIN}), None),
        (
            json!({"sub": "spiffe://prod.example/x/", "iss": DOMAIN}),
            None,
        ),
        (
            json!({"sub": "spiffe://prod.example/y/../x", "iss": DOMAIN}),
            None,
        ),
        (json!({"sub": "spiffe://prod.example", "iss": DOMAIN}), None),
        (
            json!({"sub": "spiffe://other.example/x", "iss": DOMAIN}),
            None,
        ),
        (
            json!({"sub": "SPIFFE://prod.example/x", "iss": DOMAIN}),
            None,
        ),
    ]
}

#[actix_web::test]
async fn an_actor_of_another_issuer_has_the_id_of_its_own_tokens() {
    let (world, key) = world();
    for (act, expected) in actors() {
        let found = chain(
            &world,
            &key.access_token(&claims_with(&json!({"act": act}))),
        )
        .await;
        match expected {
            Some(name) => assert_eq!(found, format!("user:alice > {name}"), "{act}"),
            None => {
                assert!(
                    found.starts_with("credential_invalid: ") && found.contains("names nobody"),
                    "{act}: {found}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_request_names_such_an_actor_by_the_same_rule() {
    let (world, _key) = world();
    for (act, expected) in actors() {
        let mut body = question("look", &[access("x")]);
        body["subject"] = json!({"type": "user", "id": "alice", "properties": {"act": act}});
        body["context"] = json!({});
        let legs = world.explain(&body).await["legs"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let names = legs.iter().map(|leg| &leg["principal"]);
        let names: Vec<String> = names
            .map(|uid| {
                format!(
                    "{}:{}",
                    uid["type"].as_str().unwrap(),
                    uid["id"].as_str().unwrap()
                )
            })
            .collect();
        match expected {
            // A member of `act` that names a client may be refused in a request; a number never
            // names one.
            Some(name) if !names.is_empty() => assert_eq!(names, ["user:alice", name], "{act}"),
            Some(_) => assert!(act.get("client_id").or(act.get("azp")).is_some(), "{act}"),
            None => assert!(names.is_empty(), "{act}: {names:?}"),
        }
    }
}
