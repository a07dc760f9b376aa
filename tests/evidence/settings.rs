//! Profiles that would accept what they should not do not start.

use crate::world::{profile, publish};
use behest::clock::SystemClock;
use behest::evidence::{
    HttpClient, IntrospectionEndpoint, KeySource, Preset, Profile, Secret, SignedAnswers, Trust,
    Verifier,
};
use jsonwebtoken::Algorithm;
use std::sync::Arc;
use std::time::Duration;
use support::tokens::Key;

fn refused(profiles: Vec<Profile>) -> String {
    let client = || HttpClient::new(None).unwrap();
    let profiles = profiles
        .into_iter()
        .map(|profile| (profile, client()))
        .collect();
    match Verifier::start(profiles, Vec::new(), Arc::new(SystemClock)) {
        Ok(verifier) => panic!("{verifier:?} starts"),
        Err(problems) => problems.join("\n"),
    }
}

fn good() -> Profile {
    profile(&publish(&Key::new("k1")))
}

/// A good profile with one thing changed does not start, for this reason.
fn refuses(change: impl FnOnce(&mut Profile), expected: &str) {
    let mut changed = good();
    change(&mut changed);
    let found = refused(vec![changed]);
    assert!(found.contains(expected), "{expected}: {found}");
}

#[test]
fn a_profile_that_is_too_open_does_not_start() {
    refuses(|it| it.audiences.clear(), "it has no audiences");
    refuses(|it| it.issuer = "".into(), "it has no name");
    refuses(|it| it.types.clear(), "it has no types");
    let grant = "application/OAuth-ID-JAG+jwt";
    refuses(
        |it| it.types = vec![grant.to_owned()],
        "is never the type of an access token",
    );
    refuses(|it| it.leeway = Duration::from_secs(301), "leeway");
    refuses(|it| it.longest_life = Duration::ZERO, "no time at all");
    refuses(
        |it| it.subject_type = "robot".into(),
        "no ids of the type `robot`",
    );
    refuses(
        |it| it.subjects_of = vec!["https://x".into()],
        "is no configured issuer",
    );
    refuses(|it| it.subjects_of = vec![it.issuer.clone()], "with itself");
    let without_id_tokens = |it: &mut Profile| {
        it.id_tokens.clear();
        it.id_token_audiences = vec!["web".into()];
    };
    refuses(without_id_tokens, "its ID tokens are known by nothing");
    assert!(refused(vec![good(), good()]).contains("two issuers are named"));
}

#[test]
fn keys_that_anybody_could_replace_do_not_start() {
    let trust = |source, algorithms| Trust::Keys {
        source: KeySource::Jwks(source),
        algorithms,
    };
    let plain = "http://login.example/keys".to_owned();
    refuses(
        |it| it.trust = trust(plain, vec![Algorithm::ES256]),
        "not `https`",
    );
    let web = publish(&Key::new("k1"));
    refuses(
        |it| it.trust = trust(web.url.clone(), Vec::new()),
        "no algorithms",
    );
}

#[test]
fn a_shared_secret_that_says_too_much_or_is_guessed_does_not_start() {
    let secret = |secret: &str| Profile {
        trust: Trust::Secret(Secret::new(secret)),
        client_type: "agent".into(),
        ..Preset::SharedSecret.profile("local")
    };
    let long = || secret(&"s".repeat(32));
    for (profile, expected) in [
        (
            Profile {
                subjects_of: vec!["https://x".into()],
                ..long()
            },
            "users of another issuer",
        ),
        (
            Profile {
                audiences: vec!["x".into()],
                ..long()
            },
            "have no audiences",
        ),
        (
            Profile {
                caller_audiences: vec!["x".into()],
                ..long()
            },
            "have no audiences",
        ),
        (secret("short"), "shorter than 32 bytes"),
    ] {
        let found = refused(vec![profile]);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn an_issuer_that_cannot_be_asked_in_safety_does_not_start() {
    let asked = |url: &str| IntrospectionEndpoint {
        url: url.to_owned(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
    };
    let good = || asked("https://login.example");
    refuses(
        |it| it.trust = Trust::Introspection,
        "neither keys nor introspection",
    );
    let actors_unknown = |it: &mut Profile| {
        it.trust = Trust::Introspection;
        it.introspection = Some(IntrospectionEndpoint {
            carries_act: false,
            ..good()
        });
    };
    refuses(actors_unknown, "no client is known to be a user's own hand");
    refuses(
        |it| it.introspection = Some(asked("http://login.example")),
        "cannot be asked",
    );
    let kept = IntrospectionEndpoint {
        keep: Duration::from_secs(61),
        ..good()
    };
    refuses(|it| it.introspection = Some(kept), "kept longer than 60 s");
    let answers = SignedAnswers {
        keys: KeySource::Pem("x".into()),
        algorithms: Vec::new(),
    };
    let signed = IntrospectionEndpoint {
        signed: Some(answers),
        ..good()
    };
    refuses(
        |it| it.introspection = Some(signed),
        "its answers have no algorithms",
    );
}

#[test]
fn nothing_secret_is_in_a_debug_form() {
    let shown = format!(
        "{:?} {:?}",
        Secret::new("hidden"),
        Trust::Secret(Secret::new("hidden"))
    );
    assert!(!shown.contains("hidden"), "{shown}");
}
