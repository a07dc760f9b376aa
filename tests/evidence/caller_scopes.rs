//! Whose tokens, and for whom, a caller may send.

use crate::callers::caller;
use crate::world::{AUDIENCE, ISSUER, World, access, claims_with, profile, publish, question};
use behest::evidence::{CallerScope, IntrospectionEndpoint, Preset, Profile, Trust};
use behest::http::{Caller, CallerCredential, KeyHash, Settings};
use serde_json::json;
use std::time::Duration;
use support::service::{post, send};
use support::tokens::Key;
use support::web::Web;

#[actix_web::test]
async fn a_caller_may_send_what_is_for_it_alone() {
    const OTHER: &str = "https://other.example";
    const PARTNER: &str = "https://partner.example";
    let key = Key::new("k1");
    let web = publish(&key);
    let audiences = vec![AUDIENCE.into(), OTHER.into()];
    let partner = Profile {
        issuer: PARTNER.into(),
        ids: vec![("user".into(), "p|".into()), ("agent".into(), "p|".into())],
        audiences: audiences.clone(),
        ..profile(&web)
    };
    let ours = Profile {
        audiences,
        id_token_audiences: vec!["web".into()],
        ..profile(&web)
    };
    let narrow = |name: &str, audiences: &[&str], issuers: &[&str]| Caller {
        credentials: CallerScope {
            audiences: audiences
                .iter()
                .map(|audience| (*audience).into())
                .collect(),
            issuers: issuers.iter().map(|issuer| (*issuer).into()).collect(),
        },
        ..caller(
            name,
            CallerCredential::key(KeyHash::of(name.as_bytes())),
            None,
        )
    };
    let callers = vec![
        narrow("any", &[], &[]),
        narrow("api", &[AUDIENCE], &[]),
        narrow("partners", &[], &[PARTNER]),
        narrow("both", &[OTHER], &[ISSUER]),
    ];
    let world = World::with(
        vec![ours, partner],
        Vec::new(),
        Settings {
            callers,
            ..Settings::default()
        },
    );
    let token = |issuer: &str, audience: &str| {
        access(&key.access_token(&claims_with(&json!({"iss": issuer, "aud": audience}))))
    };
    for (caller, issuer, audience, good) in [
        ("any", ISSUER, AUDIENCE, true),
        ("any", PARTNER, OTHER, true),
        ("api", ISSUER, AUDIENCE, true),
        ("api", ISSUER, OTHER, false),
        ("partners", PARTNER, OTHER, true),
        ("partners", ISSUER, OTHER, false),
        ("both", ISSUER, OTHER, true),
        ("both", ISSUER, AUDIENCE, false),
        ("both", PARTNER, OTHER, false),
    ] {
        // A token that one caller may send is kept, and is none for another.
        let mut body = question("read", &[token(issuer, audience)]);
        body["options"] = json!({"reason": true});
        let request = post("/access/v1/evaluation", body.to_string());
        let answer = send(
            &world.server,
            request.insert_header(("Authorization", format!("Bearer {caller}"))),
        )
        .await;
        let answer = answer.json();
        assert_eq!(
            answer["decision"],
            json!(good),
            "{caller} {issuer} {audience}: {answer}"
        );
        if !good {
            assert_eq!(
                answer["context"]["reason"]["code"], "credential_invalid",
                "{answer}"
            );
        }
    }
    let id = json!({"aud": "web", "nonce": "n", "client_id": null});
    let id = key.sign(
        &json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}),
        &claims_with(&id),
    );
    let credentials = [
        token(ISSUER, AUDIENCE),
        json!({"type": "id_token", "value": id}),
    ];
    let request = post(
        "/access/v1/evaluation",
        question("read", &credentials).to_string(),
    );
    let answer = send(
        &world.server,
        request.insert_header(("Authorization", "Bearer api")),
    )
    .await
    .json();
    assert_eq!(answer["decision"], json!(true));
}

/// Keycloak says to each service which roles its user has there.
#[actix_web::test]
async fn roles_at_another_service_are_none_here() {
    const OTHER: &str = "https://other.example";
    let key = Key::new("k1");
    let web = publish(&key);
    let own = profile(&web);
    let keycloak = Profile {
        trust: own.trust.clone(),
        audiences: vec![AUDIENCE.into(), OTHER.into()],
        own_clients: vec!["web".into()],
        ..Preset::Keycloak.profile(ISSUER)
    };
    let scope = CallerScope {
        audiences: vec![AUDIENCE.into()],
        issuers: Vec::new(),
    };
    let callers = vec![
        Caller {
            credentials: scope,
            ..caller("api", CallerCredential::key(KeyHash::of(b"api")), None)
        },
        caller("any", CallerCredential::key(KeyHash::of(b"any")), None),
    ];
    let world = World::with(
        vec![keycloak],
        Vec::new(),
        Settings {
            callers,
            ..Settings::default()
        },
    );
    let token = |audience: &serde_json::Value, at: &str| {
        let roles = json!({at: {"roles": ["clerk", "payer"]}});
        let claims =
            json!({"typ": "Bearer", "aud": audience, "azp": "web", "resource_access": roles});
        key.sign(
            &json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}),
            &claims_with(&claims),
        )
    };
    let both = json!([AUDIENCE, OTHER]);
    // Whoever may send tokens for both sees what both are told, and whoever is one of them what
    // that one is.
    for (caller, audience, at, good) in [
        ("any", json!(AUDIENCE), AUDIENCE, true),
        ("any", json!(AUDIENCE), OTHER, false),
        ("any", both.clone(), OTHER, true),
        ("api", json!(AUDIENCE), AUDIENCE, true),
        ("api", both.clone(), AUDIENCE, true),
        ("api", both.clone(), OTHER, false),
        ("any", both, OTHER, true),
    ] {
        let body = question("roles", &[access(&token(&audience, at))]).to_string();
        let request = post("/access/v1/evaluation", body)
            .insert_header(("Authorization", format!("Bearer {caller}")));
        assert_eq!(
            send(&world.server, request).await.json()["decision"],
            good,
            "{caller} {audience} {at}"
        );
    }
}

/// Which issuer an opaque token is of is not what somebody asked before.
#[actix_web::test]
async fn an_opaque_token_is_of_the_issuer_that_is_named_each_time() {
    const PARTNER: &str = "https://partner.example";
    let answer = json!({"active": true, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE});
    let start = || {
        let answer = answer.to_string();
        Web::start(move |_| (200, String::new(), answer.clone()))
    };
    let (web, partners) = (start(), start());
    let asked = |web: &Web| {
        let keep = Duration::from_secs(10);
        let url = web.url.clone();
        Some(IntrospectionEndpoint {
            url,
            client_id: "pdp".into(),
            client_secret: None,
            keep,
            signed: None,
            carries_act: true,
        })
    };
    let ours = Profile {
        trust: Trust::Introspection,
        introspection: asked(&web),
        ..profile(&web)
    };
    let partner = Profile {
        issuer: PARTNER.into(),
        ids: vec![("user".into(), "p|".into()), ("agent".into(), "p|".into())],
        introspection: asked(&partners),
        ..ours.clone()
    };
    let narrow = CallerScope {
        audiences: Vec::new(),
        issuers: vec![ISSUER.into()],
    };
    let callers = vec![
        caller("any", CallerCredential::key(KeyHash::of(b"any")), None),
        Caller {
            credentials: narrow,
            ..caller("ours", CallerCredential::key(KeyHash::of(b"ours")), None)
        },
    ];
    let world = World::with(
        vec![ours, partner],
        Vec::new(),
        Settings {
            callers,
            ..Settings::default()
        },
    );
    let named = |issuer: &str| json!({"type": "access_token", "value": "opaque", "issuer": issuer});
    let ask = async |caller: &str, credential: &serde_json::Value| {
        let body = question("read", std::slice::from_ref(credential)).to_string();
        let request = post("/access/v1/evaluation", body)
            .insert_header(("Authorization", format!("Bearer {caller}")));
        send(&world.server, request).await.json()["decision"].clone()
    };
    assert_eq!(ask("any", &access("opaque")).await, false);
    assert_eq!(ask("any", &named(ISSUER)).await, true);
    assert_eq!(ask("any", &named(PARTNER)).await, true);
    assert_eq!(ask("any", &access("opaque")).await, false);
    // One that may not send the partner's tokens shows it none.
    let shown = partners.count();
    assert_eq!(ask("ours", &named(PARTNER)).await, false);
    assert_eq!(ask("ours", &access("opaque")).await, true);
    assert_eq!(partners.count(), shown);
}
