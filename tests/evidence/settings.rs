//! Profiles that would accept what they should not do not start.

use crate::tokens::Key;
use crate::world::{profile, publish};
use behest::clock::SystemClock;
use behest::evidence::{HttpClient, Introspection, KeySource, Preset, Profile, Secret, SignedAnswers, Trust, Verifier};
use jsonwebtoken::Algorithm;
use std::sync::Arc;
use std::time::Duration;

fn refused(profiles: Vec<Profile>) -> String {
    let client = || HttpClient::new(None).unwrap();
    let profiles = profiles.into_iter().map(|profile| (profile, client())).collect();
    match Verifier::start(profiles, Vec::new(), Arc::new(SystemClock)) {
        Ok(verifier) => panic!("{verifier:?} starts"),
        Err(problems) => problems.join("\n"),
    }
}

#[test]
fn a_profile_that_is_too_open_does_not_start() {
    let web = publish(&Key::new("k1"));
    let good = profile(&web);
    let keys = |source| Trust::Keys { source, algorithms: vec![Algorithm::ES256] };
    let secret = |secret: &str| Profile {
        trust: Trust::Secret(Secret::new(secret)),
        client_type: "agent".into(),
        ..Preset::SharedSecret.profile("local")
    };
    let asked = |url: &str| Introspection {
        url: url.to_owned(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
    };
    for (profile, expected) in vec![
        (Profile { audiences: Vec::new(), ..good.clone() }, "it has no audiences"),
        (Profile { issuer: "".into(), ..good.clone() }, "it has no name"),
        (Profile { types: Vec::new(), ..good.clone() }, "it has no types"),
        (
            Profile { types: vec!["application/OAuth-ID-JAG+jwt".to_owned()], ..good.clone() },
            "is never the type of an access token",
        ),
        (Profile { leeway: Duration::from_secs(301), ..good.clone() }, "leeway"),
        (Profile { longest_life: Duration::ZERO, ..good.clone() }, "no time at all"),
        (Profile { subject_type: "robot".into(), ..good.clone() }, "no ids of the type `robot`"),
        (
            Profile { trust: keys(KeySource::Jwks("http://login.example/keys".to_owned())), ..good.clone() },
            "not `https`",
        ),
        (
            Profile {
                trust: Trust::Keys { source: KeySource::Jwks(web.url.clone()), algorithms: Vec::new() },
                ..good.clone()
            },
            "no algorithms",
        ),
        (Profile { trust: Trust::Introspection, ..good.clone() }, "neither keys nor introspection"),
        (Profile { subjects_of: vec!["https://x".into()], ..secret(&"s".repeat(32)) }, "users of another issuer"),
        (Profile { subjects_of: vec!["https://x".into()], ..good.clone() }, "is no configured issuer"),
        (Profile { subjects_of: vec![good.issuer.clone()], ..good.clone() }, "with itself"),
        (
            Profile { id_tokens: Vec::new(), id_token_audiences: vec!["web".into()], ..good.clone() },
            "its ID tokens are known by nothing",
        ),
        (
            Profile {
                trust: Trust::Introspection,
                introspection: Some(Introspection { carries_act: false, ..asked("https://login.example") }),
                ..good.clone()
            },
            "no client is known to be a user's own hand",
        ),
        (Profile { audiences: vec!["x".into()], ..secret(&"s".repeat(32)) }, "have no audiences"),
        (Profile { caller_audiences: vec!["x".into()], ..secret(&"s".repeat(32)) }, "have no audiences"),
        (secret("short"), "shorter than 32 bytes"),
        (Profile { introspection: Some(asked("http://login.example")), ..good.clone() }, "cannot be asked"),
        (
            Profile {
                introspection: Some(Introspection { keep: Duration::from_secs(61), ..asked("https://login.example") }),
                ..good.clone()
            },
            "kept longer than 60 s",
        ),
        (
            Profile {
                introspection: Some(Introspection {
                    signed: Some(SignedAnswers { keys: KeySource::Pem("x".into()), algorithms: Vec::new() }),
                    ..asked("https://login.example")
                }),
                ..good.clone()
            },
            "its answers have no algorithms",
        ),
    ] {
        let found = refused(vec![profile]);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    assert!(refused(vec![good.clone(), good]).contains("two issuers are named"));
}

#[test]
fn nothing_secret_is_in_a_debug_form() {
    let shown = format!("{:?} {:?}", Secret::new("hidden"), Trust::Secret(Secret::new("hidden")));
    assert!(!shown.contains("hidden"), "{shown}");
}
