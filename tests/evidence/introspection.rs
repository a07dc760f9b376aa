//! Opaque tokens: what their issuer says of them counts, and nothing else does.

use crate::service::NOW_MS;
use crate::tokens::{Key, with};
use crate::web::{Asked, Web};
use crate::world::{AUDIENCE, ISSUER, World, access, claims_with, profile, publish, question};
use behest::evidence::{Introspection, Profile, Secret, Trust};
use serde_json::{Value, json};
use std::time::Duration;

fn asked_by(url: &str) -> Introspection {
    Introspection {
        url: url.to_owned(),
        client_id: "pdp one".to_owned(),
        client_secret: Some(Secret::new("s3cret:&")),
        keep: Duration::from_secs(10),
        signed: false,
    }
}

fn active() -> Value {
    let now = NOW_MS / 1_000;
    json!({"active": true, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE, "exp": now + 300, "iss": ISSUER})
}

/// An issuer that says this of the token `opaque`, and of any other that it is not active.
fn issuer(claims: Value) -> Web {
    Web::start(move |asked: &Asked| {
        let known = asked.body.starts_with("token=opaque&");
        let right = asked.head.contains("Basic cGRwJTIwb25lOnMzY3JldCUzQSUyNg==");
        match (known, right) {
            (_, false) => (401, String::new(), String::new()),
            (true, true) => (200, "Content-Type: application/json\r\n".to_owned(), claims.to_string()),
            (false, true) => (200, String::new(), json!({"active": false}).to_string()),
        }
    })
}

fn world(web: &Web) -> World {
    let introspection = Some(asked_by(&web.url));
    World::new(vec![Profile { trust: Trust::Introspection, introspection, ..profile(web) }], Vec::new())
}

#[actix_web::test]
async fn an_opaque_token_is_what_its_issuer_says_and_is_remembered_for_its_time() {
    let web = issuer(active());
    let world = world(&web);
    assert_eq!(world.read("opaque").await, "permit");
    assert_eq!(world.read("opaque").await, "permit");
    assert_eq!(web.count(), 1);
    assert!(world.read("unknown").await.contains("not active"));
    // Revoked: seen within the time that an answer is kept.
    web.answer(|_| (200, String::new(), json!({"active": false}).to_string()));
    world.wait_ms(9_999);
    assert_eq!(world.read("opaque").await, "permit");
    world.wait_ms(1);
    assert!(world.read("opaque").await.starts_with("credential_invalid: "));
}

#[actix_web::test]
async fn an_issuer_that_does_not_answer_denies() {
    let web = issuer(active());
    let world = world(&web);
    let out_of_reach = "credential_unavailable: `context.credentials[0]`: the credential's issuer does not answer about it now: ask again later";
    web.set_down(true);
    assert_eq!(world.read("opaque").await, out_of_reach);
    web.set_down(false);
    assert_eq!(world.read("opaque").await, "permit");
    world.wait_ms(10_000);
    web.set_down(true);
    assert_eq!(world.read("opaque").await, out_of_reach);
    web.set_down(false);
    for (status, body) in [(500, "{}"), (302, "{}"), (200, ""), (200, "[]"), (200, "{\"active\":true,\"active\":true}")]
    {
        web.answer(move |_| (status, String::new(), body.to_owned()));
        assert_eq!(world.read("opaque").await, out_of_reach, "{status} {body}");
    }
    let huge = format!("{{\"active\":true,\"x\":\"{}\"}}", "x".repeat(1 << 20));
    web.answer(move |_| (200, String::new(), huge.clone()));
    assert_eq!(world.read("opaque").await, out_of_reach);
}

#[actix_web::test]
async fn what_the_issuer_says_is_read_like_a_token() {
    for (over, expected) in [
        (json!({"active": "true"}), "not active"),
        (json!({"active": null}), "not active"),
        (json!({"aud": "https://other.example"}), "another audience"),
        (json!({"aud": null}), "another audience"),
        (json!({"iss": "https://other.example"}), "another issuer"),
        (json!({"exp": 1}), "expired"),
        (json!({"sub": null}), "names no subject"),
        (json!({"act": {"sub": 7}}), "does not fit the form"),
        (json!({"cnf": {"jkt": "x"}}), "proof of possession"),
        (json!({"iss": null, "exp": null}), "permit"),
    ] {
        let web = issuer(with(&active(), &over));
        let found = world(&web).read("opaque").await;
        assert!(found.contains(expected), "{over}: {found}");
    }
}

#[actix_web::test]
async fn a_token_is_shown_to_one_issuer() {
    let (one, other) = (issuer(active()), issuer(active()));
    let second = Profile {
        issuer: "https://partner.example".into(),
        ids: vec![("user".into(), "p|".into()), ("agent".into(), "p|".into())],
        introspection: Some(asked_by(&other.url)),
        trust: Trust::Introspection,
        ..profile(&other)
    };
    let first = Profile { trust: Trust::Introspection, introspection: Some(asked_by(&one.url)), ..profile(&one) };
    let world = World::new(vec![first, second], Vec::new());
    assert!(world.read("opaque").await.contains("name one in `issuer`"));
    assert_eq!((one.count(), other.count()), (0, 0));
    let named = |issuer: &str| json!({"type": "access_token", "value": "opaque", "issuer": issuer});
    assert_eq!(world.ask(&question("read", &[named(ISSUER)])).await, "permit");
    assert_eq!((one.count(), other.count()), (1, 0));
    // What one issuer said is nothing that the other said.
    assert!(world.ask(&question("read", &[named("https://partner.example")])).await.contains("another issuer"));
    assert!(world.ask(&question("read", &[named("https://nobody.example")])).await.contains("no issuer is configured"));
}

#[actix_web::test]
async fn a_signed_answer_must_be_the_issuers_and_for_this_service() {
    let key = Key::new("k1");
    let keys = publish(&key);
    let inner = active();
    let signed = |header: Value, claims: Value, key: &Key| key.sign(&header, &claims);
    let header = || json!({"alg": "ES256", "typ": "token-introspection+jwt", "kid": "k1"});
    let claims = json!({"iss": ISSUER, "aud": "pdp one", "iat": NOW_MS / 1_000, "token_introspection": inner});
    let stranger = Key::new("k1");
    for (answer, good) in [
        (signed(header(), claims.clone(), &key), true),
        (signed(header(), with(&claims, &json!({"aud": ["x", "pdp one"]})), &key), true),
        (signed(header(), with(&claims, &json!({"aud": "other"})), &key), false),
        (signed(header(), with(&claims, &json!({"iss": "https://other.example"})), &key), false),
        (signed(json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}), claims.clone(), &key), false),
        (signed(header(), claims.clone(), &stranger), false),
        (inner.to_string(), false),
    ] {
        let web = Web::start(move |_| (200, String::new(), answer.clone()));
        let introspection = Some(Introspection { signed: true, ..asked_by(&web.url) });
        let world = World::new(vec![Profile { introspection, ..profile(&keys) }], Vec::new());
        assert_eq!(world.read("opaque").await == "permit", good);
    }
}

#[actix_web::test]
async fn a_jwt_of_an_issuer_with_keys_is_not_shown_to_it() {
    let key = Key::new("k1");
    let (keys, web) = (publish(&key), issuer(active()));
    let world = World::new(vec![Profile { introspection: Some(asked_by(&web.url)), ..profile(&keys) }], Vec::new());
    assert_eq!(world.ask(&question("read", &[access(&key.access_token(&claims_with(&json!({}))))])).await, "permit");
    assert_eq!(web.count(), 0);
    assert_eq!(world.read("opaque").await, "permit");
}
