//! JWTs that their issuer is asked about: two sources about one token agree, or it is refused.

use crate::world::{AUDIENCE, ISSUER, World, access, claims_with, profile, question};
use behest::evidence::{
    ActorForm, ClaimPath, ClaimPaths, FactKind, FactRule, IntrospectionEndpoint, Profile, Trust,
};
use serde_json::{Value, json};
use std::time::Duration;
use support::cases;
use support::service::NOW_MS;
use support::tokens::{Key, with};
use support::web::Web;

const NOW: i64 = NOW_MS / 1_000;

/// A service that asks an issuer with these answers about every token.
fn world(answer: &Value, carries_act: bool, actor: ActorForm) -> World {
    world_of(answer, carries_act, |asked| Profile { actor, ..asked })
}

fn world_of(answer: &Value, carries_act: bool, over: impl Fn(Profile) -> Profile) -> World {
    let answer = answer.to_string();
    let web = Web::start(move |_| (200, String::new(), answer.clone()));
    let introspection = Some(IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act,
    });
    // Without an act in answers no client is known to be a user's own hand.
    let own_clients = if carries_act {
        vec!["web".into()]
    } else {
        Vec::new()
    };
    let asked = Profile {
        trust: Trust::Introspection,
        introspection,
        own_clients,
        ..profile(&web)
    };
    World::new(vec![over(asked)], Vec::new())
}

fn answer() -> Value {
    json!({
        "active": true, "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "client_id": "web", "scope": "write read",
        "exp": NOW + 300,
    })
}

/// What becomes of a JWT with these claims, when its issuer answers with those.
async fn ask(of_token: &Value, of_answer: &Value) -> String {
    let token = Key::new("k1").access_token(&claims_with(of_token));
    world(&with(&answer(), of_answer), true, ActorForm::Rfc8693)
        .read(&token)
        .await
}

#[actix_web::test]
async fn a_claim_that_decides_stands_in_both_with_one_value() {
    for (of_token, of_answer, expected) in
        cases::read::<(Value, Value, String)>(include_str!("agreement.cases"))
    {
        let found = ask(&of_token, &of_answer).await;
        assert!(found.contains(&expected), "{of_token} {of_answer}: {found}");
    }
}

#[actix_web::test]
async fn times_bound_the_use_of_a_token_whoever_tells_them() {
    for (of_token, of_answer, expected) in [
        (
            json!({"exp": NOW - 60}),
            json!({"exp": null}),
            "has expired",
        ),
        (
            json!({"exp": NOW - 60}),
            json!({}),
            "the token's `exp` is another",
        ),
        (json!({"nbf": NOW + 60}), json!({}), "not valid yet"),
        (json!({"iat": NOW + 60}), json!({}), "issued in the future"),
    ] {
        let found = ask(&of_token, &of_answer).await;
        assert!(found.contains(expected), "{of_token} {of_answer}: {found}");
    }
}

#[actix_web::test]
async fn where_answers_never_say_who_acts_the_token_adds_actors_and_its_client_acts() {
    let act = json!({"sub": "x", "act": {"sub": "y"}});
    let token = Key::new("k1").access_token(&claims_with(&json!({"act": act})));
    for (form, expected) in [
        (ActorForm::Rfc8693, json!(["alice", "y", "x", "web"])),
        // There, `act` would say whose authority it is.
        (ActorForm::Inverted, json!([])),
        (ActorForm::List, json!([])),
    ] {
        let world = world(&answer(), false, form);
        let legs = world.explain(&question("look", &[access(&token)])).await["legs"].clone();
        let ids: Vec<&Value> = legs
            .as_array()
            .unwrap()
            .iter()
            .map(|leg| &leg["principal"]["id"])
            .collect();
        assert_eq!(json!(ids), expected, "{form:?}");
    }
    let world = world(
        &with(&answer(), &json!({"act": {"sub": "z"}})),
        false,
        ActorForm::Rfc8693,
    );
    assert!(
        world
            .read(&token)
            .await
            .contains("the token's `act` is another")
    );
    let opaque = world.explain(&question("look", &[access("opaque")])).await["legs"].clone();
    let ids: Vec<&Value> = opaque
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| &leg["principal"]["id"])
        .collect();
    assert_eq!(ids, ["alice", "z", "web"]);
}

/// An issuer whose profile reads more than the usual claims.
fn with_more_claims(asked: Profile) -> Profile {
    let paths = |names: &[&str]| {
        names
            .iter()
            .map(|name| ClaimPath::new(*name))
            .collect::<Vec<_>>()
    };
    let fact = |name: &str, claim: ClaimPath, kind| FactRule {
        name: name.into(),
        claim,
        kind,
    };
    Profile {
        claims: ClaimPaths {
            scopes: paths(&["scope", "scp"]),
            groups: paths(&["groups", "groups2"]),
            roles: paths(&["roles", "realm.roles"]),
            ..asked.claims.clone()
        },
        of_users: paths(&["uid"]),
        facts: vec![
            fact("level", ClaimPath::new("level"), FactKind::Long),
            fact(
                "tenant",
                ClaimPath::exact(["https://acme.example/", "tenant"]),
                FactKind::Text,
            ),
        ],
        ..asked
    }
}

#[actix_web::test]
async fn every_claim_that_the_profile_reads_is_held_to_the_answer() {
    let user = json!({"uid": "1"});
    for (of_token, of_answer, expected) in [
        (json!({}), json!({}), "permit"),
        (json!({"azp": "web"}), json!({}), "permit"),
        (
            json!({"azp": "evil"}),
            json!({}),
            "the token's `azp` is another",
        ),
        (json!({"azp": 7}), json!({}), "`azp` is not of its form"),
        (
            json!({"client_id": null, "azp": "web"}),
            json!({}),
            "permit",
        ),
        (
            json!({"groups2": ["b"]}),
            json!({}),
            "the token has `groups2`",
        ),
        (
            json!({"groups": ["a"], "groups2": ["b"]}),
            json!({"groups": ["a"]}),
            "the token's `groups` is another",
        ),
        (
            json!({"groups": ["a"], "groups2": ["b"]}),
            json!({"groups": ["b", "a"]}),
            "permit",
        ),
        (
            json!({"roles": ["a"], "realm": {"roles": ["b"]}}),
            json!({"roles": ["a"]}),
            "the token's `roles` is another",
        ),
        (json!({"scp": ["read", "write"]}), json!({}), "permit"),
        (
            json!({"scp": ["read"]}),
            json!({}),
            "the token's `scp` is another",
        ),
        (json!({"level": 4}), json!({}), "the token has `level`"),
        (
            json!({"level": 4}),
            json!({"level": 1}),
            "the token's `level` is another",
        ),
        (json!({"level": 4}), json!({"level": 4}), "permit"),
        (
            json!({"https://acme.example/": {"tenant": "a"}}),
            json!({}),
            "the token has `https://acme.example/.tenant`",
        ),
        (
            json!({"sid": "gone"}),
            json!({"sid": "x"}),
            "the token's `sid` is another",
        ),
        (json!({"typ": "DPoP"}), json!({}), "the token has `cnf`"),
        (
            json!({"Act": {"sub": "evil"}}),
            json!({}),
            "spelled like `act`",
        ),
        // Without it the answer is about the client's own token.
        (json!({}), json!({"uid": null}), "the token has `uid`"),
    ] {
        let token = Key::new("k1").access_token(&claims_with(&with(&user, &of_token)));
        let answer = with(&answer(), &with(&user, &of_answer));
        let found = world_of(&answer, true, with_more_claims).read(&token).await;
        assert!(found.contains(expected), "{of_token} {of_answer}: {found}");
    }
}

/// A client's own token is known by `sub`: an answer without it is about a person of its name.
#[actix_web::test]
async fn sub_is_held_to_the_answer_where_another_claim_names_people() {
    let by_name = |asked: Profile| Profile {
        claims: ClaimPaths {
            subject: vec![ClaimPath::new("preferred_username")],
            ..asked.claims.clone()
        },
        ..asked
    };
    let own = json!({"sub": "bot", "client_id": "bot", "preferred_username": "bot"});
    for (of_answer, expected) in [
        (json!({}), "permit"),
        (json!({"sub": null}), "the token has `sub`"),
        (json!({"sub": "uuid"}), "the token's `sub` is another"),
    ] {
        let token = Key::new("k1").access_token(&claims_with(&own));
        let answer = with(&with(&answer(), &own), &of_answer);
        let found = world_of(&answer, true, by_name).read(&token).await;
        assert!(found.contains(expected), "{of_answer}: {found}");
    }
}

#[actix_web::test]
async fn a_token_that_says_that_there_is_more_is_believed() {
    for (of_token, of_answer, action, expected) in [
        (json!({}), json!({}), "skim", "permit"),
        (json!({"hasgroups": true}), json!({}), "skim", "bad_value"),
        (
            json!({"hasgroups": true}),
            json!({"hasgroups": false}),
            "skim",
            "bad_value",
        ),
        (
            json!({"hasgroups": false}),
            json!({"hasgroups": true}),
            "skim",
            "bad_value",
        ),
        (
            json!({"_claim_names": {"groups": "s"}}),
            json!({"_claim_names": {}}),
            "skim",
            "bad_value",
        ),
        (
            json!({"_claim_names": {}}),
            json!({"_claim_names": {"groups": "s"}}),
            "skim",
            "bad_value",
        ),
        (
            json!({"_claim_names": {"groups": "s"}}),
            json!({"_claim_names": {"roles": "t"}}),
            "skim",
            "bad_value",
        ),
        (
            json!({"_claim_names": {"act": "s"}}),
            json!({"_claim_names": {"roles": "t"}}),
            "skim",
            "credential_invalid",
        ),
        (
            json!({"_claim_names": "s"}),
            json!({"_claim_names": {}}),
            "skim",
            "credential_invalid",
        ),
        // A session that the answer leaves out may be the one that is over.
        (json!({}), json!({}), "session", "permit"),
        (json!({"sid": "gone"}), json!({}), "session", "bad_value"),
        (json!({"sid": "gone"}), json!({}), "look", "permit"),
        (json!({}), json!({"sid": "gone"}), "session", "forbidden"),
    ] {
        let token = Key::new("k1").access_token(&claims_with(&of_token));
        let world = world(&with(&answer(), &of_answer), true, ActorForm::Rfc8693);
        let found = world.ask(&question(action, &[access(&token)])).await;
        assert_eq!(
            found.split(':').next(),
            Some(expected),
            "{of_token} {of_answer}: {found}"
        );
    }
}

#[actix_web::test]
async fn where_answers_never_say_who_acts_they_name_the_client() {
    let nobody = json!({"client_id": null});
    let answer = with(&answer(), &nobody);
    let jwt = Key::new("k1").access_token(&claims_with(&nobody));
    for token in ["opaque", &jwt] {
        let found = world(&answer, false, ActorForm::Rfc8693).read(token).await;
        assert!(found.contains("this one names no client"), "{found}");
        assert_eq!(
            world(&answer, true, ActorForm::Rfc8693).read(token).await,
            "permit"
        );
    }
}
