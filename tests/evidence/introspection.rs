//! Opaque tokens: what their issuer says of them counts, and nothing else does.

use crate::world::{AUDIENCE, ISSUER, World, access, claims_with, profile, publish, question};
use behest::evidence::{IntrospectionEndpoint, KeySource, Profile, Secret, SignedAnswers, Trust};
use behest::http::{HttpLimits, Settings};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::time::Duration;
use support::service::{NOW_MS, local, post, send};
use support::tokens::{Key, with};
use support::web::{Asked, Web};

fn asked_by(url: &str) -> IntrospectionEndpoint {
    IntrospectionEndpoint {
        url: url.to_owned(),
        client_id: "pdp one".to_owned(),
        client_secret: Some(Secret::new("s3cret:&")),
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
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
        let right = asked
            .head
            .contains("Basic cGRwJTIwb25lOnMzY3JldCUzQSUyNg==");
        match (known, right) {
            (_, false) => (401, String::new(), String::new()),
            (true, true) => (
                200,
                "Content-Type: application/json\r\n".to_owned(),
                claims.to_string(),
            ),
            (false, true) => (200, String::new(), json!({"active": false}).to_string()),
        }
    })
}

fn world(web: &Web) -> World {
    let introspection = Some(asked_by(&web.url));
    World::new(
        vec![Profile {
            trust: Trust::Introspection,
            introspection,
            ..profile(web)
        }],
        Vec::new(),
    )
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
    assert!(
        world
            .read("opaque")
            .await
            .starts_with("credential_invalid: ")
    );
}

/// A body becomes forty times its size when it is read. While its credentials wait it is text
/// again, and that is paid for.
#[actix_web::test]
async fn what_waits_for_an_issuer_has_a_budget_and_gives_it_back() {
    let web = issuer(active());
    let introspection = Some(asked_by(&web.url));
    let profile = Profile {
        trust: Trust::Introspection,
        introspection,
        ..profile(&web)
    };
    let limits = HttpLimits {
        bodies_bytes: 160_000,
        ..HttpLimits::default()
    };
    let world = World::with(vec![profile], Vec::new(), Settings { limits, ..local() });
    web.set_pause(Duration::from_millis(100));
    let statuses = async |turn: usize| {
        let waits: Vec<_> = (0..40)
            .map(|at| {
                let mut body = question("read", &[access(&format!("token{turn}x{at}"))]);
                body["context"]["pad"] = json!(vec![json!([0]); 3_700]);
                let body = body.to_string();
                assert!((14_000..16_000).contains(&body.len()));
                Box::pin(async {
                    send(&world.server, post("/access/v1/evaluation", body))
                        .await
                        .status
                        .as_u16()
                })
            })
            .collect();
        join_all(waits).await
    };
    for turn in 0..2 {
        let statuses = statuses(turn).await;
        let answered = statuses.iter().filter(|status| **status == 200).count();
        assert!((8..=10).contains(&answered), "{statuses:?}");
        assert_eq!(
            statuses.iter().filter(|status| **status == 503).count(),
            40 - answered,
            "{statuses:?}"
        );
    }
    // What needs nobody's answer waits for nothing.
    assert!(
        world
            .read("token0x0")
            .await
            .starts_with("credential_invalid")
    );
}

/// What comes of futures that run at the same time.
async fn join_all<T>(mut waits: Vec<std::pin::Pin<Box<impl Future<Output = T>>>>) -> Vec<T> {
    let mut found: Vec<Option<T>> = waits.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (wait, found) in waits
            .iter_mut()
            .zip(&mut found)
            .filter(|(_, found)| found.is_none())
        {
            if let std::task::Poll::Ready(done) = wait.as_mut().poll(context) {
                *found = Some(done);
            }
        }
        if found.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    found.into_iter().flatten().collect()
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
    for (status, body) in [
        (500, "{}"),
        (200, ""),
        (200, "[]"),
        (200, "{\"active\":true,\"active\":true}"),
    ] {
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
        (json!({"aud": null}), "has no `aud`"),
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
    let first = Profile {
        trust: Trust::Introspection,
        introspection: Some(asked_by(&one.url)),
        ..profile(&one)
    };
    let world = World::new(vec![first, second], Vec::new());
    assert!(world.read("opaque").await.contains("name one in `issuer`"));
    assert_eq!((one.count(), other.count()), (0, 0));
    let named = |issuer: &str| json!({"type": "access_token", "value": "opaque", "issuer": issuer});
    assert_eq!(
        world.ask(&question("read", &[named(ISSUER)])).await,
        "permit"
    );
    assert_eq!((one.count(), other.count()), (1, 0));
    // What one issuer said is nothing that the other said.
    assert!(
        world
            .ask(&question("read", &[named("https://partner.example")]))
            .await
            .contains("another issuer")
    );
    assert!(
        world
            .ask(&question("read", &[named("https://nobody.example")]))
            .await
            .contains("no issuer is configured")
    );
}

#[actix_web::test]
async fn a_signed_answer_must_be_the_issuers_of_now_and_for_this_service() {
    let key = Key::new("k1");
    let keys = publish(&key);
    let inner = active();
    let signed = |header: Value, claims: Value, key: &Key| key.sign(&header, &claims);
    let header = || json!({"alg": "ES256", "typ": "token-introspection+jwt", "kid": "k1"});
    let now = NOW_MS / 1_000;
    let claims = json!({"iss": ISSUER, "aud": "pdp one", "iat": now, "token_introspection": inner});
    let over = |over: Value| signed(header(), with(&claims, &over), &key);
    let stranger = Key::new("k1");
    let jwt = "Content-Type: application/token-introspection+jwt\r\n";
    for (answer, content_type, good) in [
        (over(json!({})), jwt, true),
        (over(json!({"aud": ["x", "pdp one"]})), jwt, true),
        (over(json!({"iat": now - 89})), jwt, true),
        (over(json!({"iat": now + 36})), jwt, true),
        (over(json!({"aud": "other"})), jwt, false),
        (over(json!({"aud": null})), jwt, false),
        (over(json!({"iss": "https://other.example"})), jwt, false),
        (over(json!({"iat": null})), jwt, false),
        (over(json!({"iat": now - 90})), jwt, false),
        (over(json!({"iat": now + 37})), jwt, false),
        // What stands beside what it says about the token is nowhere read.
        (
            over(json!({"jti": "1", "exp": now + 60, "nbf": now, "sub": "alice"})),
            jwt,
            true,
        ),
        (over(json!({"exp": now - 31})), jwt, false),
        (over(json!({"exp": "x"})), jwt, false),
        (over(json!({"nbf": now + 31})), jwt, false),
        (over(json!({"sub": "mallory"})), jwt, false),
        (over(json!({"act": {"sub": "x"}})), jwt, false),
        (over(json!({"cnf": {"jkt": "x"}})), jwt, false),
        (over(json!({"azp": "x"})), jwt, false),
        (over(json!({"agents": [{"sub": "x"}]})), jwt, false),
        (
            over(json!({"Token_Introspection": {"active": false}})),
            jwt,
            false,
        ),
        (
            over(json!({"token_introspection": {"active": false}})),
            jwt,
            false,
        ),
        (
            over(json!({"token_introspection": null, "active": true, "sub": "alice"})),
            jwt,
            false,
        ),
        (
            signed(
                json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}),
                claims.clone(),
                &key,
            ),
            jwt,
            false,
        ),
        (signed(header(), claims.clone(), &stranger), jwt, false),
        (over(json!({})), "Content-Type: application/json\r\n", false),
        (inner.to_string(), jwt, false),
        (
            inner.to_string(),
            "Content-Type: application/json\r\n",
            false,
        ),
    ] {
        let web = Web::start(move |_| (200, content_type.to_owned(), answer.clone()));
        let source = KeySource::Jwks(keys.url.clone());
        let answers = SignedAnswers {
            keys: source,
            algorithms: vec![Algorithm::ES256],
        };
        let introspection = Some(IntrospectionEndpoint {
            signed: Some(answers),
            ..asked_by(&web.url)
        });
        // Whether or not behest has keys of the tokens themselves.
        for trust in [profile(&keys).trust, Trust::Introspection] {
            let introspection = introspection.clone();
            let world = World::new(
                vec![Profile {
                    introspection,
                    trust,
                    ..profile(&keys)
                }],
                Vec::new(),
            );
            let found = world.read("opaque").await;
            assert_eq!(found == "permit", good, "{found}");
        }
    }
}

#[actix_web::test]
async fn what_is_active_and_no_access_token_is_refused() {
    let thumbprint = Key::new("").thumbprint();
    for (over, expected) in [
        (json!({"token_type": "Bearer"}), "permit"),
        (json!({"token_type": "bearer"}), "permit"),
        (json!({"token_type": "N_A"}), "no access token"),
        (json!({"token_type": "Refresh"}), "no access token"),
        (json!({"token_type": 7}), "no access token"),
        (
            json!({"token_type": "DPoP"}),
            "bound to a key, and not to which",
        ),
        (
            json!({"token_type": "DPoP", "cnf": {"jkt": thumbprint}}),
            "send the proof of possession",
        ),
        (json!({"events": {}}), "tells of an event"),
    ] {
        let web = issuer(with(&active(), &over));
        let found = world(&web).read("opaque").await;
        assert!(found.contains(expected), "{over}: {found}");
    }
}

#[actix_web::test]
async fn a_jwt_that_its_issuer_is_asked_about_has_the_type_of_an_access_token() {
    let key = Key::new("k1");
    let web = Web::start(|_| (200, String::new(), active().to_string()));
    let world = world(&web);
    let typed = |typ: &str| {
        key.sign(
            &json!({"alg": "ES256", "typ": typ}),
            &claims_with(&json!({"scope": "read"})),
        )
    };
    assert_eq!(world.read(&typed("at+jwt")).await, "permit");
    for typ in ["oauth-id-jag+jwt", "JWT", "dpop+jwt"] {
        assert!(
            world
                .read(&typed(typ))
                .await
                .contains("the token's type is not one"),
            "{typ}"
        );
    }
    assert_eq!(web.count(), 1);
}

#[actix_web::test]
async fn an_answer_that_is_not_kept_is_asked_for_each_time() {
    let web = issuer(with(&active(), &json!({"exp": null})));
    let introspection = Some(IntrospectionEndpoint {
        keep: Duration::ZERO,
        ..asked_by(&web.url)
    });
    let world = World::new(
        vec![Profile {
            trust: Trust::Introspection,
            introspection,
            ..profile(&web)
        }],
        Vec::new(),
    );
    assert_eq!(world.read("opaque").await, "permit");
    assert_eq!(world.read("opaque").await, "permit");
    assert_eq!(web.count(), 2);
}

#[actix_web::test]
async fn many_requests_with_one_token_wait_for_one_answer() {
    let web = issuer(active());
    web.set_pause(Duration::from_millis(100));
    let world = world(&web);
    let (one, two, three) = tokio::join!(
        world.read("opaque"),
        world.read("opaque"),
        world.read("opaque")
    );
    assert_eq!([one, two, three], ["permit", "permit", "permit"]);
    assert_eq!(web.count(), 1);
}

#[actix_web::test]
async fn an_answer_lasts_no_longer_because_the_clock_is_set_back() {
    let web = issuer(active());
    let world = world(&web);
    assert_eq!(world.read("opaque").await, "permit");
    web.answer(|_| (200, String::new(), json!({"active": false}).to_string()));
    world.wait_ms(10_000);
    world.clock.correct(NOW_MS);
    assert!(world.read("opaque").await.contains("not active"));
}

#[actix_web::test]
async fn a_jwt_of_an_issuer_with_keys_is_not_shown_to_it() {
    let key = Key::new("k1");
    let (keys, web) = (publish(&key), issuer(active()));
    let world = World::new(
        vec![Profile {
            introspection: Some(asked_by(&web.url)),
            ..profile(&keys)
        }],
        Vec::new(),
    );
    assert_eq!(
        world
            .ask(&question(
                "read",
                &[access(&key.access_token(&claims_with(&json!({}))))]
            ))
            .await,
        "permit"
    );
    assert_eq!(web.count(), 0);
    assert_eq!(world.read("opaque").await, "permit");
}
