//! Tokens that somebody made up, at an issuer that is asked about each.

use crate::callers::{OURS, call, caller, gateway};
use crate::world::{AUDIENCE, ISSUER, World, access, profile, question};
use behest::evidence::{IntrospectionEndpoint, Profile, Trust};
use behest::http::{CallerCredential, KeyHash, Settings};
use serde_json::json;
use std::time::Duration;
use support::service::{Reply, get, post, send};
use support::web::{Asked, Web};

/// An issuer that is asked about each token: `gateway` is the gateway's, `alice` a user's, and
/// others nobody's.
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
    let introspection = IntrospectionEndpoint {
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
    let keyed =
        |name: &str, key: &[u8]| caller(name, CallerCredential::key(KeyHash::of(key)), None);
    let callers = vec![
        gateway(None),
        keyed("other", b"key"),
        keyed("flood", b"flood"),
    ];
    (
        World::with(
            vec![profile],
            Vec::new(),
            Settings {
                callers,
                ..Settings::default()
            },
        ),
        web,
    )
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
        let reply = send(
            &world.server,
            get(path).insert_header(("Authorization", "Bearer invented")),
        )
        .await;
        assert_eq!(reply.status, 200, "{path}");
    }
    send(
        &world.server,
        get("/readyz").insert_header(("Authorization", "Bearer invented")),
    )
    .await;
    send(
        &world.server,
        get("/.well-known/authzen-configuration").insert_header(("Authorization", "Bearer x")),
    )
    .await;
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
        let request =
            post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer key"));
        let (known, user) =
            tokio::join!(call(&world, "Bearer gateway"), send(&world.server, request));
        (known.status.as_u16(), user.json()["decision"].clone())
    };
    // Those who come later would overtake them, and they would be sent away.
    let before = all(some.iter().map(|token| call(&world, token)));
    let after = all(others.iter().map(|token| call(&world, token)));
    let (before, (known, user), after) = tokio::join!(before, real, after);
    assert_eq!((known, user), (200, json!(true)));
    let count = |status: u16| {
        before
            .iter()
            .chain(&after)
            .filter(|found| **found == status)
            .count()
    };
    assert_eq!(count(401) + count(503), 100, "{before:?} {after:?}");
    assert!(count(503) > 0 && web.count() < 100, "{before:?} {after:?}");
}

/// One caller with more invented tokens than an issuer answers about takes nothing from another's
/// good ones.
#[actix_web::test]
async fn one_callers_invented_tokens_keep_no_other_callers_waiting() {
    let (world, web) = asked_issuer();
    web.set_pause(Duration::from_millis(50));
    let ask = |key: &str, token: String| {
        let body = question("read", &[access(&token)]).to_string();
        let request = post("/access/v1/evaluation", body)
            .insert_header(("Authorization", format!("Bearer {key}")));
        async { send(&world.server, request).await }
    };
    let good: Vec<_> = (0..15)
        .map(|at| Box::pin(ask("key", format!("good{at}"))))
        .collect();
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
    for key in [
        "behest_EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8",
        "Behest_x",
        "behets_x",
    ] {
        let reply = call(&world, &format!("Bearer {key}")).await;
        assert_eq!((reply.status.as_u16(), web.count()), (401, 0), "{key}");
        let body = question("read", &[access(key)]).to_string();
        let request =
            post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer key"));
        assert_eq!(
            (send(&world.server, request).await.json(), web.count()),
            (json!({"decision": false}), 0),
            "{key}"
        );
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
        if statuses.contains(&0) {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    statuses
}
