//! Callers that come with a token of a configured issuer, and how often callers may ask.

use crate::service::{Reply, get, post, send};
use crate::tokens::Key;
use crate::web::{Asked, Web};
use crate::world::{AUDIENCE, ISSUER, World, access, claims_with, profile, publish, question};
use behest::evidence::{Introspection, Preset, Profile, Scope, Trust};
use behest::http::{By, Caller, KeyHash, Permission, Rate, Settings};
use behest::model::EntityRef;
use serde_json::json;
use std::time::Duration;

const OURS: &str = "https://pdp.example";

fn caller(name: &str, by: By, rate: Option<Rate>) -> Caller {
    let permissions = [Permission::Decide, Permission::RelationsRead].into_iter().collect();
    Caller {
        name: name.to_owned(),
        by,
        permissions,
        require_actor: false,
        reasons: false,
        rate,
        credentials: Scope::default(),
    }
}

fn gateway(rate: Option<Rate>) -> Caller {
    let principal = EntityRef::new("agent", "gateway");
    caller("gateway", By::Token { issuer: ISSUER.to_owned(), principal }, rate)
}

fn world(callers: Vec<Caller>) -> (World, Key, crate::web::Web) {
    let key = Key::new("k1");
    let web = publish(&key);
    let profile = Profile { caller_audiences: vec![OURS.into()], ..profile(&web) };
    let settings = Settings { callers, ..Settings::default() };
    (World::with(vec![profile], Vec::new(), settings), key, web)
}

async fn call(world: &World, authorization: &str) -> Reply {
    let body = question("look", &[]).to_string().replace("credential", "user");
    let body = body.replace("\"context\":{\"users\":[]}", "\"context\":{}");
    send(&world.server, post("/access/v1/evaluation", body).insert_header(("Authorization", authorization))).await
}

#[actix_web::test]
async fn a_caller_is_known_by_its_own_token_for_this_service() {
    let (world, key, _web) = world(vec![gateway(None), caller("other", By::Key(KeyHash::of(b"key")), None)]);
    let own = json!({"sub": "gateway", "client_id": "gateway", "aud": OURS});
    let token = |over| key.access_token(&crate::tokens::with(&claims_with(&own), &over));
    let good = token(json!({}));
    assert_eq!(call(&world, &format!("Bearer {good}")).await.status, 200);
    assert_eq!(call(&world, &format!("bearer {good}")).await.status, 200);
    assert_eq!(call(&world, "Bearer key").await.status, 200);
    for (token, why) in [
        (token(json!({"aud": AUDIENCE})), "a token for requests"),
        (token(json!({"sub": "other", "client_id": "other"})), "another party"),
        (token(json!({"client_id": "web"})), "a user of that name"),
        (token(json!({"sub": "alice", "act": {"sub": "gateway"}})), "on behalf of somebody"),
        (token(json!({"exp": 1})), "expired"),
        (token(json!({"cnf": {"jkt": "x"}})), "bound to a key"),
        (token(json!({"cnf": {"x5t#S256": "x"}})), "bound to a certificate that nobody showed"),
        (Key::new("k1").access_token(&claims_with(&own)), "another key"),
        ("x".to_owned(), "no token"),
        ("a.b.c".to_owned(), "no token of three parts"),
    ] {
        let reply = call(&world, &format!("Bearer {token}")).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("www-authenticate")),
            (401, Some("Bearer realm=\"behest\", error=\"invalid_token\"")),
            "{why}"
        );
        // On every path that asks who calls, and with the request's id.
        for path in ["/nowhere", "/stores"] {
            let request = get(path)
                .insert_header(("Authorization", format!("Bearer {token}")))
                .insert_header(("X-Request-ID", "r1"));
            let reply = send(&world.server, request).await;
            assert_eq!((reply.status.as_u16(), reply.header("x-request-id")), (401, Some("r1")), "{why} {path}");
        }
    }
    // The token of a caller is none of a request.
    let mut body = question("look", &[access(&good)]);
    body["options"] = json!({"reason": true});
    let request = post("/access/v1/evaluation", body.to_string()).insert_header(("Authorization", "Bearer key"));
    assert_eq!(send(&world.server, request).await.json()["context"]["reason"]["code"], "credential_invalid");
}

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
    let ours = Profile { audiences, id_token_audiences: vec!["web".into()], ..profile(&web) };
    let narrow = |name: &str, audiences: &[&str], issuers: &[&str]| Caller {
        credentials: Scope {
            audiences: audiences.iter().map(|audience| (*audience).into()).collect(),
            issuers: issuers.iter().map(|issuer| (*issuer).into()).collect(),
        },
        ..caller(name, By::Key(KeyHash::of(name.as_bytes())), None)
    };
    let callers = vec![
        narrow("any", &[], &[]),
        narrow("api", &[AUDIENCE], &[]),
        narrow("partners", &[], &[PARTNER]),
        narrow("both", &[OTHER], &[ISSUER]),
    ];
    let world = World::with(vec![ours, partner], Vec::new(), Settings { callers, ..Settings::default() });
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
        let answer = send(&world.server, request.insert_header(("Authorization", format!("Bearer {caller}")))).await;
        let answer = answer.json();
        assert_eq!(answer["decision"], json!(good), "{caller} {issuer} {audience}: {answer}");
        if !good {
            assert_eq!(answer["context"]["reason"]["code"], "credential_invalid", "{answer}");
        }
    }
    let id = json!({"aud": "web", "nonce": "n", "client_id": null});
    let id = key.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), &claims_with(&id));
    let credentials = [token(ISSUER, AUDIENCE), json!({"type": "id_token", "value": id})];
    let request = post("/access/v1/evaluation", question("read", &credentials).to_string());
    let answer = send(&world.server, request.insert_header(("Authorization", "Bearer api"))).await.json();
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
    let scope = Scope { audiences: vec![AUDIENCE.into()], issuers: Vec::new() };
    let callers = vec![
        Caller { credentials: scope, ..caller("api", By::Key(KeyHash::of(b"api")), None) },
        caller("any", By::Key(KeyHash::of(b"any")), None),
    ];
    let world = World::with(vec![keycloak], Vec::new(), Settings { callers, ..Settings::default() });
    let token = |audience: &serde_json::Value, at: &str| {
        let roles = json!({at: {"roles": ["clerk", "payer"]}});
        let claims = json!({"typ": "Bearer", "aud": audience, "azp": "web", "resource_access": roles});
        key.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), &claims_with(&claims))
    };
    let both = json!([AUDIENCE, OTHER]);
    // Whoever may send tokens for both sees what both are told, and whoever is one of them what that one is.
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
        let request = post("/access/v1/evaluation", body).insert_header(("Authorization", format!("Bearer {caller}")));
        assert_eq!(send(&world.server, request).await.json()["decision"], good, "{caller} {audience} {at}");
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
        Some(Introspection { url, client_id: "pdp".into(), client_secret: None, keep, signed: None, carries_act: true })
    };
    let ours = Profile { trust: Trust::Introspection, introspection: asked(&web), ..profile(&web) };
    let partner = Profile {
        issuer: PARTNER.into(),
        ids: vec![("user".into(), "p|".into()), ("agent".into(), "p|".into())],
        introspection: asked(&partners),
        ..ours.clone()
    };
    let narrow = Scope { audiences: Vec::new(), issuers: vec![ISSUER.into()] };
    let callers = vec![
        caller("any", By::Key(KeyHash::of(b"any")), None),
        Caller { credentials: narrow, ..caller("ours", By::Key(KeyHash::of(b"ours")), None) },
    ];
    let world = World::with(vec![ours, partner], Vec::new(), Settings { callers, ..Settings::default() });
    let named = |issuer: &str| json!({"type": "access_token", "value": "opaque", "issuer": issuer});
    let ask = async |caller: &str, credential: &serde_json::Value| {
        let body = question("read", std::slice::from_ref(credential)).to_string();
        let request = post("/access/v1/evaluation", body).insert_header(("Authorization", format!("Bearer {caller}")));
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

#[actix_web::test]
async fn a_callers_issuer_that_is_out_of_reach_is_a_503() {
    let key = Key::new("k1");
    let web = publish(&key);
    web.set_down(true);
    let profile = Profile { caller_audiences: vec![OURS.into()], ..profile(&web) };
    let settings = Settings { callers: vec![gateway(None)], ..Settings::default() };
    let world = World::with(vec![profile], Vec::new(), settings);
    let token = key.access_token(&claims_with(&json!({"sub": "gateway", "client_id": "gateway", "aud": OURS})));
    let reply = call(&world, &format!("Bearer {token}")).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.json()["error"]["code"], "caller_unverified");
    let stores = send(&world.server, get("/stores").insert_header(("Authorization", format!("Bearer {token}")))).await;
    assert_eq!((stores.status.as_u16(), &stores.json()["code"]), (503, &json!("unavailable")));
}

/// An issuer that is asked about each token: `gateway` is the gateway's, `alice` a user's, and others nobody's.
fn asked_issuer() -> (World, Web) {
    let web = Web::start(move |asked: &Asked| {
        let active = json!({"active": true, "sub": "gateway", "client_id": "gateway", "aud": OURS, "iss": ISSUER});
        let user = json!({"active": true, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE});
        let answer = match asked.body.split('&').next().unwrap() {
            "token=gateway" => active,
            "token=alice" => user,
            token if token.starts_with("token=good") => user,
            _ => json!({"active": false}),
        };
        (200, String::new(), answer.to_string())
    });
    let introspection = Introspection {
        url: web.url.clone(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
    };
    let profile = Profile {
        trust: Trust::Introspection,
        introspection: Some(introspection),
        caller_audiences: vec![OURS.into()],
        ..profile(&web)
    };
    let keyed = |name: &str, key: &[u8]| caller(name, By::Key(KeyHash::of(key)), None);
    let callers = vec![gateway(None), keyed("other", b"key"), keyed("flood", b"flood")];
    (World::with(vec![profile], Vec::new(), Settings { callers, ..Settings::default() }), web)
}

#[actix_web::test]
async fn a_public_path_asks_nobody_about_a_token() {
    let (world, web) = asked_issuer();
    for path in [
        "/healthz",
        "/metrics",
        "/docs/",
        "/openapi.json",
        "/.well-known/jwks.json",
        "/%68ealthz",
        "/metric%73",
        "/opena%70i.json",
        "/%64ocs/",
        "/.well-known/jwks%2Ejson",
    ] {
        let reply = send(&world.server, get(path).insert_header(("Authorization", "Bearer invented"))).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    send(&world.server, get("/readyz").insert_header(("Authorization", "Bearer invented"))).await;
    send(&world.server, get("/.well-known/authzen-configuration").insert_header(("Authorization", "Bearer x"))).await;
    assert_eq!(web.count(), 0);
}

#[actix_web::test]
async fn a_token_that_was_refused_is_asked_about_once_a_second() {
    let (world, web) = asked_issuer();
    for _ in 0..5 {
        assert_eq!(call(&world, "Bearer invented").await.status, 401);
    }
    assert_eq!(web.count(), 1);
    world.wait_ms(999);
    assert_eq!(call(&world, "Bearer invented").await.status, 401);
    assert_eq!(web.count(), 1);
    world.wait_ms(1);
    assert_eq!(call(&world, "Bearer invented").await.status, 401);
    assert_eq!(web.count(), 2);
}

#[actix_web::test]
async fn invented_tokens_keep_no_known_caller_and_no_request_waiting() {
    let (world, web) = asked_issuer();
    assert_eq!(call(&world, "Bearer gateway").await.status, 200);
    web.set_pause(Duration::from_millis(300));
    // What was answered is no longer used: the issuer is asked again.
    world.wait_ms(10_000);
    let invented: Vec<String> = (0..100).map(|at| format!("Bearer invented{at}")).collect();
    let (some, others) = invented.split_at(20);
    let real = async {
        let body = question("read", &[access("alice")]).to_string();
        let request = post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer key"));
        let (known, user) = tokio::join!(call(&world, "Bearer gateway"), send(&world.server, request));
        (known.status.as_u16(), user.json()["decision"].clone())
    };
    // Those who come later would overtake them, and they would be sent away.
    let before = all(some.iter().map(|token| call(&world, token)));
    let after = all(others.iter().map(|token| call(&world, token)));
    let (before, (known, user), after) = tokio::join!(before, real, after);
    assert_eq!((known, user), (200, json!(true)));
    let count = |status: u16| before.iter().chain(&after).filter(|found| **found == status).count();
    assert_eq!(count(401) + count(503), 100, "{before:?} {after:?}");
    assert!(count(503) > 0 && web.count() < 100, "{before:?} {after:?}");
}

/// One caller with more invented tokens than an issuer answers about takes nothing from another's good ones.
#[actix_web::test]
async fn one_callers_invented_tokens_keep_no_other_callers_waiting() {
    let (world, web) = asked_issuer();
    web.set_pause(Duration::from_millis(50));
    let ask = |key: &str, token: String| {
        let body = question("read", &[access(&token)]).to_string();
        let request = post("/access/v1/evaluation", body).insert_header(("Authorization", format!("Bearer {key}")));
        async { send(&world.server, request).await }
    };
    let good: Vec<_> = (0..15).map(|at| Box::pin(ask("key", format!("good{at}")))).collect();
    let invented = all((0..150).map(|at| ask("flood", format!("invented{at}"))));
    let good = async {
        let mut permits = 0;
        for one in good {
            permits += usize::from(one.await.json()["decision"] == json!(true));
        }
        permits
    };
    // Half of the flood is there before them, and half comes later.
    let before = all((150..200).map(|at| ask("flood", format!("invented{at}"))));
    let (_, permits, _) = tokio::join!(before, good, invented);
    assert_eq!(permits, 15);
}

#[actix_web::test]
async fn a_mistyped_key_of_this_service_is_shown_to_no_issuer() {
    let (world, web) = asked_issuer();
    for key in ["behest_EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8", "Behest_x", "behets_x"] {
        let reply = call(&world, &format!("Bearer {key}")).await;
        assert_eq!((reply.status.as_u16(), web.count()), (401, 0), "{key}");
        let body = question("read", &[access(key)]).to_string();
        let request = post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer key"));
        assert_eq!((send(&world.server, request).await.json(), web.count()), (json!({"decision": false}), 0), "{key}");
    }
}

/// The statuses of calls that are made at the same time.
async fn all(calls: impl Iterator<Item = impl Future<Output = Reply>>) -> Vec<u16> {
    let mut calls: Vec<_> = calls.map(|call| Box::pin(call)).collect();
    let mut statuses = vec![0; calls.len()];
    std::future::poll_fn(|context| {
        for (call, status) in calls.iter_mut().zip(&mut statuses) {
            if *status == 0
                && let std::task::Poll::Ready(reply) = call.as_mut().poll(context)
            {
                *status = reply.status.as_u16();
            }
        }
        if statuses.contains(&0) { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    statuses
}

#[actix_web::test]
async fn a_caller_that_asks_too_often_is_told_when_to_come_back() {
    let rate = Some(Rate { per_second: 2, burst: 3 });
    let (world, key, _web) = world(vec![
        gateway(rate),
        caller("one", By::Key(KeyHash::of(b"one")), rate),
        caller("two", By::Key(KeyHash::of(b"two")), None),
    ]);
    let token = key.access_token(&claims_with(&json!({"sub": "gateway", "client_id": "gateway", "aud": OURS})));
    for authorization in ["Bearer one", &format!("Bearer {token}")] {
        for _ in 0..3 {
            assert_eq!(call(&world, authorization).await.status, 200, "{authorization}");
        }
        let refused = call(&world, authorization).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
        assert_eq!(refused.json()["error"]["code"], "too_many_requests");
        let stores = send(&world.server, get("/stores").insert_header(("Authorization", authorization))).await;
        assert_eq!((stores.status.as_u16(), &stores.json()["code"]), (429, &json!("rate_limit_exceeded")));
    }
    for _ in 0..20 {
        assert_eq!(call(&world, "Bearer two").await.status, 200);
    }
    world.wait_ms(500);
    assert_eq!(call(&world, "Bearer one").await.status, 200);
    assert_eq!(call(&world, "Bearer one").await.status, 429);
}
