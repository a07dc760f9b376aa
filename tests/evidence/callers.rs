//! Callers that come with a token of a configured issuer, and how often callers may ask.

use crate::world::{AUDIENCE, ISSUER, World, access, claims_with, profile, publish, question};
use behest::evidence::{CallerScope, IntrospectionEndpoint, Profile, Trust};
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Rate, Settings};
use behest::model::EntityRef;
use serde_json::json;
use std::time::Duration;
use support::service::{Reply, get, post, send};
use support::tokens::Key;
use support::web::Web;

pub(crate) const OURS: &str = "https://pdp.example";

pub(crate) fn caller(name: &str, by: CallerCredential, rate: Option<Rate>) -> Caller {
    let permissions = [Permission::Decide, Permission::RelationsRead]
        .into_iter()
        .collect();
    Caller {
        name: name.to_owned(),
        by,
        permissions,
        require_actor: false,
        reasons: false,
        rate,
        credentials: CallerScope::default(),
    }
}

pub(crate) fn gateway(rate: Option<Rate>) -> Caller {
    let principal = EntityRef::new("agent", "gateway");
    caller(
        "gateway",
        CallerCredential::Token {
            issuer: ISSUER.to_owned(),
            principal,
        },
        rate,
    )
}

fn world(callers: Vec<Caller>) -> (World, Key, support::web::Web) {
    let key = Key::new("k1");
    let web = publish(&key);
    let profile = Profile {
        caller_audiences: vec![OURS.into()],
        ..profile(&web)
    };
    let settings = Settings {
        callers,
        ..Settings::default()
    };
    (World::with(vec![profile], Vec::new(), settings), key, web)
}

pub(crate) async fn call(world: &World, authorization: &str) -> Reply {
    let body = question("look", &[])
        .to_string()
        .replace("credential", "user");
    let body = body.replace("\"context\":{\"users\":[]}", "\"context\":{}");
    send(
        &world.server,
        post("/access/v1/evaluation", body).insert_header(("Authorization", authorization)),
    )
    .await
}

#[actix_web::test]
async fn a_caller_is_known_by_its_own_token_for_this_service() {
    let (world, key, _web) = world(vec![
        gateway(None),
        caller("other", CallerCredential::key(KeyHash::of(b"key")), None),
    ]);
    let own = json!({"sub": "gateway", "client_id": "gateway", "aud": OURS});
    let token = |over| key.access_token(&support::tokens::with(&claims_with(&own), &over));
    let good = token(json!({}));
    assert_eq!(call(&world, &format!("Bearer {good}")).await.status, 200);
    assert_eq!(call(&world, &format!("bearer {good}")).await.status, 200);
    assert_eq!(call(&world, "Bearer key").await.status, 200);
    for (token, why) in [
        (token(json!({"aud": AUDIENCE})), "a token for requests"),
        (
            token(json!({"sub": "other", "client_id": "other"})),
            "another party",
        ),
        (token(json!({"client_id": "web"})), "a user of that name"),
        (
            token(json!({"sub": "alice", "act": {"sub": "gateway"}})),
            "on behalf of somebody",
        ),
        (token(json!({"exp": 1})), "expired"),
        (token(json!({"cnf": {"jkt": "x"}})), "bound to a key"),
        (
            token(json!({"cnf": {"x5t#S256": "x"}})),
            "bound to a certificate that nobody showed",
        ),
        (
            Key::new("k1").access_token(&claims_with(&own)),
            "another key",
        ),
        ("x".to_owned(), "no token"),
        ("a.b.c".to_owned(), "no token of three parts"),
    ] {
        let reply = call(&world, &format!("Bearer {token}")).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("www-authenticate")),
            (
                401,
                Some("Bearer realm=\"behest\", error=\"invalid_token\"")
            ),
            "{why}"
        );
        // On every path that asks who calls, and with the request's id.
        for path in ["/nowhere", "/stores"] {
            let request = get(path)
                .insert_header(("Authorization", format!("Bearer {token}")))
                .insert_header(("X-Request-ID", "r1"));
            let reply = send(&world.server, request).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("x-request-id")),
                (401, Some("r1")),
                "{why} {path}"
            );
        }
    }
    // The token of a caller is none of a request.
    let mut body = question("look", &[access(&good)]);
    body["options"] = json!({"reason": true});
    let request = post("/access/v1/evaluation", body.to_string())
        .insert_header(("Authorization", "Bearer key"));
    assert_eq!(
        send(&world.server, request).await.json()["context"]["reason"]["code"],
        "credential_invalid"
    );
}

/// Whoever serves no callers is asked about none of them.
#[actix_web::test]
async fn a_callers_opaque_token_is_of_the_one_issuer_that_serves_callers() {
    const PARTNER: &str = "https://partner.example";
    let answer =
        json!({"active": true, "sub": "gateway", "client_id": "gateway", "aud": [OURS, AUDIENCE]})
            .to_string();
    let start = || {
        let answer = answer.clone();
        Web::start(move |_| (200, String::new(), answer.clone()))
    };
    let (web, partners) = (start(), start());
    let asked = |web: &Web| IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".into(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
    };
    let partner = Profile {
        issuer: PARTNER.into(),
        ids: vec![("user".into(), "p|".into()), ("agent".into(), "p|".into())],
        trust: Trust::Introspection,
        introspection: Some(asked(&partners)),
        ..profile(&web)
    };
    let ours = Profile {
        trust: Trust::Introspection,
        introspection: Some(asked(&web)),
        caller_audiences: vec![OURS.into()],
        ..profile(&web)
    };
    let settings = Settings {
        callers: vec![gateway(None)],
        ..Settings::default()
    };
    let world = World::with(vec![partner, ours], Vec::new(), settings);
    assert_eq!(call(&world, "Bearer opaque").await.status, 200);
    assert_eq!((web.count(), partners.count()), (1, 0));
}

#[actix_web::test]
async fn a_callers_issuer_that_is_out_of_reach_is_a_503() {
    let key = Key::new("k1");
    let web = publish(&key);
    web.set_down(true);
    let profile = Profile {
        caller_audiences: vec![OURS.into()],
        ..profile(&web)
    };
    let settings = Settings {
        callers: vec![gateway(None)],
        ..Settings::default()
    };
    let world = World::with(vec![profile], Vec::new(), settings);
    let token = key.access_token(&claims_with(
        &json!({"sub": "gateway", "client_id": "gateway", "aud": OURS}),
    ));
    let reply = call(&world, &format!("Bearer {token}")).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(reply.json()["error"]["code"], "caller_unverified");
    let stores = send(
        &world.server,
        get("/stores").insert_header(("Authorization", format!("Bearer {token}"))),
    )
    .await;
    assert_eq!(
        (stores.status.as_u16(), &stores.json()["code"]),
        (503, &json!("unavailable"))
    );
}

#[actix_web::test]
async fn a_caller_that_asks_too_often_is_told_when_to_come_back() {
    let rate = Some(Rate {
        per_second: 2,
        burst: Some(3),
    });
    let (world, key, _web) = world(vec![
        gateway(rate),
        caller("one", CallerCredential::key(KeyHash::of(b"one")), rate),
        caller("two", CallerCredential::key(KeyHash::of(b"two")), None),
    ]);
    let token = key.access_token(&claims_with(
        &json!({"sub": "gateway", "client_id": "gateway", "aud": OURS}),
    ));
    for authorization in ["Bearer one", &format!("Bearer {token}")] {
        for _ in 0..3 {
            assert_eq!(
                call(&world, authorization).await.status,
                200,
                "{authorization}"
            );
        }
        let refused = call(&world, authorization).await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("retry-after")),
            (429, Some("1"))
        );
        assert_eq!(refused.json()["error"]["code"], "too_many_requests");
        let stores = send(
            &world.server,
            get("/stores").insert_header(("Authorization", authorization)),
        )
        .await;
        assert_eq!(
            (stores.status.as_u16(), &stores.json()["code"]),
            (429, &json!("rate_limit_exceeded"))
        );
    }
    for _ in 0..20 {
        assert_eq!(call(&world, "Bearer two").await.status, 200);
    }
    world.wait_ms(500);
    assert_eq!(call(&world, "Bearer one").await.status, 200);
    assert_eq!(call(&world, "Bearer one").await.status, 429);
}
