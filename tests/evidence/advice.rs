//! What a refused credential's sender is told to do next: to ask again is no advice where only the
//! settings or the issuer can be mended.

use crate::callers::{OURS, call, gateway};
use crate::world::{World, access, claims, claims_with, profile, question, standard};
use behest::evidence::{IntrospectionEndpoint, KeySource, Profile, Trust};
use behest::http::Settings;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::time::Duration;
use support::service::{NOW_MS, post, send};
use support::tokens::Key;
use support::web::Web;

/// Returns the code and the next action of a denial of whoever holds a token.
async fn advice(world: &World, token: &str) -> (String, String) {
    let mut body = question("look", &[access(token)]);
    body["options"] = json!({"reason": true});
    let reply = send(
        &world.server,
        post("/access/v1/evaluation", body.to_string()),
    )
    .await;
    let reason = reply.json()["context"]["reason"].clone();
    let text = |name: &str| reason[name].as_str().unwrap_or("permit").to_owned();
    (text("code"), text("next_action"))
}

fn told(code: &str, next: &str) -> (String, String) {
    (code.to_owned(), next.to_owned())
}

/// What help there is against a credential: a better one, one for this service, or none.
#[actix_web::test]
async fn another_token_of_the_same_kind_is_no_remedy_for_how_its_issuer_makes_them() {
    let (world, key, _web) = standard();
    let now = NOW_MS / 1_000;
    for (over, expected) in [
        (json!({"aud": "https://other.example"}), "step_up"),
        (json!({"aud": null}), "step_up"),
        (json!({"iss": "https://stranger.example"}), "none"),
        (json!({"iss": null}), "none"),
        (json!({"exp": 1}), "retry"),
        (json!({"nbf": now + 600}), "retry"),
        (json!({"iat": now + 600}), "retry"),
        (json!({"exp": null}), "none"),
        (json!({"exp": now + 90 * 24 * 3600}), "none"),
        (json!({"sub": 7}), "none"),
        (json!({"sub": null}), "none"),
        (json!({"Sub": "bob"}), "none"),
        (json!({"cnf": {"kid": "x"}}), "none"),
        (json!({"act": {"sub": 7}}), "none"),
        (
            json!({"act": {"sub": "x", "iss": "https://stranger.example"}}),
            "none",
        ),
        (json!({"act": {"sub": "x", "sub_profile": "robot"}}), "none"),
    ] {
        let (code, next) = advice(&world, &key.access_token(&claims_with(&over))).await;
        assert!(code.starts_with("credential_"), "{over}: {code}");
        assert_eq!(next, expected, "{over}");
    }
    let stranger = Key::new("k9").access_token(&claims());
    assert_eq!(
        advice(&world, &stranger).await,
        told("credential_invalid", "retry")
    );
}

/// An agent that is told to ask again does so for ever where the address of the keys is wrong.
#[actix_web::test]
async fn keys_that_are_not_where_the_settings_say_are_no_reason_to_ask_again() {
    let key = Key::new("k1");
    let token = key.access_token(&claims());
    let set = json!({"keys": [key.published()]}).to_string();
    for (status, body, expected) in [
        (404, "{}", told("credential_unavailable", "none")),
        (401, "{}", told("credential_unavailable", "none")),
        (302, "{}", told("credential_unavailable", "none")),
        (200, "<html>", told("credential_unavailable", "none")),
        (410, "", told("credential_unavailable", "none")),
        (200, "{\"keys\":[]}", told("credential_invalid", "none")),
        (200, "{}", told("credential_invalid", "none")),
        (500, "{}", told("credential_unavailable", "retry")),
        (503, "{}", told("credential_unavailable", "retry")),
        (429, "{}", told("credential_unavailable", "retry")),
        (200, &set, told("permit", "permit")),
    ] {
        let answer = body.to_owned();
        let web = Web::start(move |_| (status, String::new(), answer.clone()));
        let world = World::new(vec![profile(&web)], Vec::new());
        assert_eq!(advice(&world, &token).await, expected, "{status} {body}");
    }
    let web = Web::start(|_| (404, String::new(), String::new()));
    let missing = Profile {
        trust: Trust::Keys {
            source: KeySource::File("/nonexistent/keys.json".into()),
            algorithms: vec![Algorithm::ES256],
        },
        ..profile(&web)
    };
    let world = World::new(vec![missing], Vec::new());
    assert_eq!(
        advice(&world, &token).await,
        told("credential_unavailable", "none")
    );
    web.set_down(true);
    let world = World::new(vec![profile(&web)], Vec::new());
    assert_eq!(
        advice(&world, &token).await,
        told("credential_unavailable", "retry")
    );
}

/// An issuer that has had keys will have them again.
#[actix_web::test]
async fn keys_that_were_there_may_come_back() {
    let (world, key, web) = standard();
    let token = key.access_token(&claims_with(&json!({"exp": NOW_MS / 1_000 + 6 * 3600})));
    assert_eq!(advice(&world, &token).await, told("permit", "permit"));
    web.answer(|_| (404, String::new(), String::new()));
    world.wait_ms(65 * 60 * 1_000);
    assert_eq!(
        advice(&world, &token).await,
        told("credential_unavailable", "retry")
    );
    web.answer(|_| (200, String::new(), json!({"keys": []}).to_string()));
    world.wait_ms(60_000);
    assert_eq!(
        advice(&world, &token).await,
        told("credential_invalid", "retry")
    );
}

fn asked_by(web: &Web) -> Profile {
    let introspection = IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
    };
    Profile {
        trust: Trust::Introspection,
        introspection: Some(introspection),
        ..profile(web)
    }
}

#[actix_web::test]
async fn an_issuer_that_refuses_to_say_anything_refuses_later_too() {
    for (status, body, expected) in [
        (401, "{}", told("credential_unavailable", "none")),
        (403, "{}", told("credential_unavailable", "none")),
        (404, "{}", told("credential_unavailable", "none")),
        (302, "{}", told("credential_unavailable", "none")),
        (500, "{}", told("credential_unavailable", "retry")),
        (429, "{}", told("credential_unavailable", "retry")),
        (200, "<html>", told("credential_unavailable", "retry")),
        (
            200,
            "{\"active\":false}",
            told("credential_invalid", "retry"),
        ),
    ] {
        let answer = body.to_owned();
        let web = Web::start(move |_| (status, String::new(), answer.clone()));
        let world = World::new(vec![asked_by(&web)], Vec::new());
        assert_eq!(advice(&world, "opaque").await, expected, "{status} {body}");
    }
}

/// The same holds for the token by which a caller is known.
#[actix_web::test]
async fn a_caller_is_not_told_to_come_back_where_only_the_settings_help() {
    for (status, retry_after, message) in [
        (503, Some("1"), "ask again later"),
        (404, None, "asking again does not help"),
    ] {
        let web = Web::start(move |_| (status, String::new(), String::new()));
        let settings = Settings {
            callers: vec![gateway(None)],
            ..Settings::default()
        };
        let issuer = Profile {
            caller_audiences: vec![OURS.into()],
            ..profile(&web)
        };
        let world = World::with(vec![issuer], Vec::new(), settings);
        let token = Key::new("k1").access_token(&claims());
        let reply = call(&world, &format!("Bearer {token}")).await;
        assert_eq!(reply.status, 503, "{}", reply.body);
        assert_eq!(reply.header("retry-after"), retry_after);
        let error: Value = reply.json()["error"].clone();
        assert_eq!(error["code"], "caller_unverified");
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
    }
}
