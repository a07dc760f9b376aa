//! What an issuer was asked is asked again once a request has waited.

use crate::callers::{OURS, gateway};
use crate::world::{AUDIENCE, World, access, profile, question};
use actix_web::body::to_bytes;
use actix_web::test::{call_service, init_service};
use behest::evidence::{IntrospectionEndpoint, Profile, Trust};
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Settings};
use serde_json::{Value, json};
use std::time::Duration;
use support::service::{NOW_MS, get, post, send};
use support::tokens::with;
use support::web::{Asked, Web};

/// How long an issuer takes that is slow.
const SLOW: Duration = Duration::from_millis(300);

fn active(over: &Value) -> Value {
    let now = NOW_MS / 1_000;
    let claims = json!({"active": true, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE, "exp": now + 300});
    with(&claims, over)
}

/// A service whose callers are `other`, by a key, and `gateway`, by an opaque token.
fn world(web: &Web, keep: Duration) -> World {
    let introspection = IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".into(),
        client_secret: None,
        keep,
        signed: None,
        carries_act: true,
    };
    let of_issuer = Profile {
        trust: Trust::Introspection,
        introspection: Some(introspection),
        caller_audiences: vec![OURS.into()],
        ..profile(web)
    };
    let other = Caller {
        name: "other".to_owned(),
        by: CallerCredential::key(KeyHash::of(b"key")),
        permissions: [Permission::Decide, Permission::RelationsWrite]
            .into_iter()
            .collect(),
        reasons: true,
        ..gateway(None)
    };
    let settings = Settings {
        callers: vec![
            other,
            Caller {
                reasons: true,
                ..gateway(None)
            },
        ],
        ..Settings::default()
    };
    World::with(vec![of_issuer], Vec::new(), settings)
}

/// Asks with these opaque tokens while so much time passes, and has the first answer otherwise from
/// then on. Returns the reason, and how often the issuer was asked.
async fn asked_of(keep: Duration, passes_ms: i64, later: &Value) -> (String, usize) {
    let web = Web::start(|_| (200, String::new(), String::new()));
    let answers = |later: Option<Value>| {
        move |asked: &Asked| {
            let is_slow = asked.body.starts_with("token=slow");
            if is_slow {
                std::thread::sleep(SLOW);
            }
            let later = later.clone().filter(|_| !is_slow);
            let answer = later.unwrap_or_else(|| active(&json!({})));
            (200, String::new(), answer.to_string())
        }
    };
    web.answer(answers(None));
    let world = world(&web, keep);
    let body = question("read", &[access("quick"), access("slow")]).to_string();
    let request =
        post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer key"));
    let meanwhile = async {
        tokio::time::sleep(SLOW / 3).await;
        // The answer about `slow` is on its way.
        world.wait_ms(passes_ms);
        web.answer(answers(Some(later.clone())));
    };
    let (reply, ()) = tokio::join!(send(&world.server, request), meanwhile);
    let answer = reply.json();
    let outcome = match answer["decision"].as_bool() {
        Some(true) => "permit".to_owned(),
        _ => answer["context"]["reason"]["code"].to_string(),
    };
    (outcome, web.count())
}

#[actix_web::test]
async fn a_credential_is_asked_about_again_where_anothers_issuer_was_waited_for() {
    let (none, ten) = (Duration::ZERO, Duration::from_secs(10));
    let gone = json!({"active": false});
    let same = active(&json!({}));
    for (keep, passes_ms, later, expected, count) in [
        (none, 0, &gone, "permit", 2),
        (none, 999, &gone, "permit", 2),
        (none, 1_000, &gone, "\"credential_invalid\"", 3),
        (none, 1_000, &same, "permit", 3),
        (ten, 9_999, &gone, "permit", 2),
        (ten, 10_000, &gone, "\"credential_invalid\"", 3),
        (ten, 10_000, &same, "permit", 3),
        // Another end is none of another token; another party is.
        (
            none,
            1_000,
            &active(&json!({"exp": NOW_MS / 1_000 + 200})),
            "permit",
            3,
        ),
        (
            none,
            1_000,
            &active(&json!({"act": {"sub": "x"}})),
            "\"credential_unavailable\"",
            3,
        ),
        (
            none,
            1_000,
            &active(&json!({"scope": "read write"})),
            "\"credential_unavailable\"",
            3,
        ),
    ] {
        let found = asked_of(keep, passes_ms, later).await;
        assert_eq!(
            found,
            (expected.to_owned(), count),
            "{keep:?} {passes_ms} {later}"
        );
    }
}

/// Whatever a slow issuer takes to answer, it is asked again only where its own answer is too old.
#[actix_web::test]
async fn a_slow_issuer_and_a_fast_one_answer_in_the_end() {
    let web = Web::start(|asked: &Asked| {
        if asked.body.starts_with("token=slow") {
            std::thread::sleep(SLOW);
        }
        (200, String::new(), active(&json!({})).to_string())
    });
    let world = world(&web, Duration::ZERO);
    let body = question("read", &[access("quick"), access("slow")]).to_string();
    let request =
        post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer key"));
    // More passes while the slow one is asked than an answer counts for.
    let passing = async {
        loop {
            tokio::time::sleep(SLOW / 3).await;
            world.wait_ms(450);
        }
    };
    let reply = tokio::select! {
        reply = send(&world.server, request) => reply,
        () = passing => unreachable!(),
    };
    assert_eq!(reply.json()["decision"], true, "{}", reply.body);
    assert!(web.count() < 6, "{}", web.count());
}

/// Two slow issuers are asked at once in the end, so that their answers come together: of two
/// credentials, and of the caller and a credential.
#[actix_web::test]
async fn two_slow_issuers_answer_in_the_end() {
    let own = active(&json!({"sub": "gateway", "client_id": "gateway", "aud": OURS}));
    for (key, tokens) in [
        ("key", ["slow-a", "slow-b"].as_slice()),
        ("slow-own", &["slow-a"]),
    ] {
        let of_caller = own.to_string();
        let web = Web::start(move |asked: &Asked| {
            std::thread::sleep(SLOW);
            let is_own = asked.body.starts_with("token=slow-own");
            let answer = if is_own {
                of_caller.clone()
            } else {
                active(&json!({})).to_string()
            };
            (200, String::new(), answer)
        });
        let world = world(&web, Duration::ZERO);
        let tokens: Vec<Value> = tokens.iter().copied().map(access).collect();
        let body = question("read", &tokens).to_string();
        let request = post("/access/v1/evaluation", body)
            .insert_header(("Authorization", format!("Bearer {key}")));
        // One issuer's answer is too old when another's comes that was asked after it.
        let passing = async {
            loop {
                tokio::time::sleep(SLOW / 3).await;
                world.wait_ms(360);
            }
        };
        let reply = tokio::select! {
            reply = send(&world.server, request) => reply,
            () = passing => unreachable!(),
        };
        assert_eq!(reply.json()["decision"], true, "{key}: {}", reply.body);
        assert!(web.count() <= 7, "{key}: {}", web.count());
    }
}

#[actix_web::test]
async fn a_caller_is_asked_about_again_where_its_request_waited() {
    let own = active(&json!({"sub": "gateway", "client_id": "gateway", "aud": OURS}));
    for (passes_ms, later, expected, count) in [
        (999, json!({"active": false}), 200, 2),
        (1_000, json!({"active": false}), 401, 3),
        (1_000, own.clone(), 200, 3),
        (
            1_000,
            with(&own, &json!({"sub": "x", "client_id": "x"})),
            401,
            3,
        ),
    ] {
        let web = Web::start(|_| (200, String::new(), String::new()));
        let answers = |own: Value| {
            move |asked: &Asked| {
                let is_slow = asked.body.starts_with("token=slow");
                if is_slow {
                    std::thread::sleep(SLOW);
                }
                let answer = if is_slow {
                    active(&json!({}))
                } else {
                    own.clone()
                };
                (200, String::new(), answer.to_string())
            }
        };
        web.answer(answers(own.clone()));
        let world = world(&web, Duration::ZERO);
        let body = question("read", &[access("slow")]).to_string();
        let request =
            post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer opaque"));
        let meanwhile = async {
            tokio::time::sleep(SLOW / 2).await;
            world.wait_ms(passes_ms);
            web.answer(answers(later.clone()));
        };
        let (reply, ()) = tokio::join!(send(&world.server, request), meanwhile);
        assert_eq!(
            (reply.status.as_u16(), web.count()),
            (expected, count),
            "{passes_ms} {later}: {}",
            reply.body
        );
    }
}

#[actix_web::test]
async fn an_export_breaks_off_where_its_caller_is_no_longer_let_in() {
    let own = active(&json!({"sub": "gateway", "client_id": "gateway", "aud": OURS}));
    for (passes_ms, later, is_whole) in [
        (0, own.clone(), true),
        (1_000, own.clone(), true),
        (1_000, json!({"active": false}), false),
        // The token has ended, whatever its issuer says.
        (400_000, own.clone(), false),
    ] {
        let first = own.to_string();
        let web = Web::start(move |_| (200, String::new(), first.clone()));
        let world = world(&web, Duration::ZERO);
        let app = init_service(world.server.app()).await;
        let created =
            post("/stores", r#"{"name": "teams"}"#).insert_header(("Authorization", "Bearer key"));
        let store = send(&world.server, created).await.json()["id"].clone();
        let request = get(&format!(
            "/stores/{}/export-tuples",
            store.as_str().unwrap()
        ))
        .insert_header(("Authorization", "Bearer opaque"))
        .to_request();
        let response = call_service(&app, request).await;
        assert_eq!(response.status().as_u16(), 200);
        world.wait_ms(passes_ms);
        let answer = later.to_string();
        web.answer(move |_| (200, String::new(), answer.clone()));
        let read = to_bytes(response.into_body()).await;
        assert_eq!(read.is_ok(), is_whole, "{passes_ms} {later}");
    }
}
