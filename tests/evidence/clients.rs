//! The client of a user's token: who acts, unless it is the user's own hand.

use crate::actors::chain;
use crate::world::{World, claims_with, profile, publish};
use behest::evidence::{ActorForm, AutonomousClaim, ClaimPath, Preset, Profile};
use serde_json::{Value, json};
use support::cases;
use support::tokens::{Key, with};

async fn named(over: impl Fn(Profile) -> Profile, claims: &Value) -> String {
    let key = Key::new("k1");
    let web = publish(&key);
    let world = World::new(vec![over(profile(&web))], Vec::new());
    chain(&world, &key.access_token(&claims_with(claims))).await
}

fn with_own_clients(profile: Profile, clients: &[String]) -> Profile {
    Profile {
        own_clients: clients
            .iter()
            .map(|client| client.as_str().into())
            .collect(),
        ..profile
    }
}

#[actix_web::test]
async fn the_client_of_a_users_token_acts_last() {
    for (clients, claims, expected) in
        cases::read::<(Vec<String>, Value, String)>(include_str!("clients.cases"))
    {
        let found = named(|profile| with_own_clients(profile, &clients), &claims).await;
        assert_eq!(found, expected, "{clients:?} {claims}");
    }
}

#[actix_web::test]
async fn a_client_that_is_named_twice_or_not_of_its_form_refuses_the_token() {
    for (claims, expected) in [
        (
            json!({"client_id": "one", "azp": "two"}),
            "names two clients",
        ),
        (
            json!({"client_id": 7}),
            "the claim `client_id` is not of its form",
        ),
        (
            json!({"client_id": "one", "azp": 7}),
            "the claim `azp` is not of its form",
        ),
        (json!({"client_id": ""}), "the token's client is nobody"),
    ] {
        let found = named(|profile| with_own_clients(profile, &[]), &claims).await;
        assert!(found.contains(expected), "{claims}: {found}");
    }
    let nested = (0..8).fold(
        Value::Null,
        |act, at| json!({"sub": format!("a{at}"), "act": act}),
    );
    let found = named(
        |profile| with_own_clients(profile, &[]),
        &json!({"client_id": "one", "act": nested}),
    )
    .await;
    assert!(found.contains("names more than 8 actors"), "{found}");
}

#[actix_web::test]
async fn where_the_actor_stands_in_sub_the_client_is_named_too() {
    for (form, act) in [
        (ActorForm::Inverted, json!({"sub": "alice"})),
        (ActorForm::List, json!([{"sub": "alice"}])),
    ] {
        let of = move |profile: Profile| Profile {
            actor: form,
            own_clients: Vec::new(),
            ..profile
        };
        let claims = |client: &str| json!({"sub": "bot", "act": act, "client_id": client});
        assert_eq!(named(of, &claims("bot")).await, "user:alice > agent:bot");
        assert_eq!(
            named(of, &claims("other")).await,
            "user:alice > agent:bot > agent:other"
        );
        assert_eq!(
            named(of, &json!({"sub": "bot", "client_id": "other"})).await,
            "agent:bot > agent:other"
        );
    }
}

/// People choose their names, and one that is a client's names the person alone.
#[actix_web::test]
async fn a_person_in_act_who_is_named_like_a_client_stands_for_no_client() {
    let by_name = |profile: Profile| {
        let mut profile = profile;
        profile.claims.subject = vec![ClaimPath::new("preferred_username")];
        profile
    };
    let act = json!({"sub": "uuid", "preferred_username": "copilot", "sub_profile": "user"});
    let claims = |act: &Value| json!({"preferred_username": "alice", "act": act});
    assert_eq!(
        named(by_name, &claims(&act)).await,
        "user:alice > user:copilot"
    );
    for client in ["client_id", "azp"] {
        let led = with(&act, &json!({ client: "copilot" }));
        let found = named(by_name, &claims(&led)).await;
        assert!(
            found.contains("its claims name a client that would act, too"),
            "{led}: {found}"
        );
    }
}

/// `sub` alone may have something around a client's id.
#[actix_web::test]
async fn a_client_in_act_whose_id_is_anothers_with_text_around_it_is_another() {
    let around = |profile: Profile| Profile {
        autonomous: vec![AutonomousClaim::client("sub", "client-", "")],
        ..profile
    };
    let act = |client: &str| json!({"act": {"sub": "client-batch", "client_id": client}});
    assert_eq!(
        named(around, &act("batch")).await,
        "user:alice > agent:batch"
    );
    let found = named(around, &act("client-batch")).await;
    assert!(found.contains("its claims name two clients"), "{found}");
}

#[actix_web::test]
async fn one_agent_has_one_id_in_its_own_token_and_in_another() {
    let keycloak = |profile: Profile| Profile {
        types: vec!["at+jwt".to_owned()],
        trust: profile.trust,
        audiences: profile.audiences,
        ..Preset::Keycloak.profile(&profile.issuer)
    };
    let account = "5f1c9a5e-8a83-4f1b-9d63-0d6f1f1b2c11";
    let own = json!({"typ": "Bearer", "sub": account, "client_id": "batch", "azp": "batch",
        "preferred_username": "service-account-batch", "clientHost": "10.0.0.1"});
    assert_eq!(named(keycloak, &own).await, "agent:batch");
    let with_act =
        |act: Value| json!({"typ": "Bearer", "client_id": null, "azp": "batch", "act": act});
    for (act, expected) in [
        (
            json!({"sub": account, "client_id": "batch"}),
            "user:alice > agent:batch",
        ),
        (
            json!({"sub": account, "azp": "other"}),
            "user:alice > agent:other > agent:batch",
        ),
        (json!({"sub": "batch"}), "user:alice > agent:batch"),
        (
            json!({"sub": "bob", "sub_profile": "user"}),
            "user:alice > user:bob > agent:batch",
        ),
    ] {
        assert_eq!(
            named(keycloak, &with_act(act.clone())).await,
            expected,
            "{act}"
        );
    }
    for act in [
        json!({"sub": account}),
        // Somebody may have chosen it.
        json!({"sub": account, "preferred_username": "service-account-batch"}),
        json!({"sub": account, "preferred_username": "service-account-other"}),
        json!({"sub": account, "preferred_username": "batch"}),
        json!({"sub": "other"}),
    ] {
        let found = named(keycloak, &with_act(act.clone())).await;
        assert!(
            found.contains("`act` does not name the actor's client"),
            "{act}: {found}"
        );
    }
    // Where a mapper puts the client there.
    let mapped = |profile: Profile| {
        let mut profile = keycloak(profile);
        profile.claims.actor_client = vec![behest::evidence::ClaimPath::new("sub")];
        profile
    };
    assert_eq!(
        named(mapped, &with_act(json!({"sub": "other"}))).await,
        "user:alice > agent:other > agent:batch"
    );
}
