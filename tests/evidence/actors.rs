//! `act` in a token: each form is read as its profile says, and what fits no form is refused.

use crate::world::{World, access, claims_with, profile, publish, question, standard};
use behest::evidence::{ActorForm, AutonomousClaim, ClaimPath, Profile};
use serde_json::{Value, json};
use support::tokens::Key;

/// The chain that the token is read as, or why it is refused.
pub(crate) async fn chain(world: &World, token: &str) -> String {
    let body = question("look", &[access(token)]);
    let explanation = world.explain(&body).await;
    let members = explanation["credentials"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    match members.first() {
        Some(credential) => {
            let name = |member: &Value| {
                format!(
                    "{}:{}",
                    member["type"].as_str().unwrap(),
                    member["id"].as_str().unwrap()
                )
            };
            credential["chain"]
                .as_array()
                .unwrap()
                .iter()
                .map(name)
                .collect::<Vec<_>>()
                .join(" > ")
        }
        None => world.ask(&body).await,
    }
}

fn world_of(actor: ActorForm) -> (World, Key) {
    let key = Key::new("k1");
    let web = publish(&key);
    let profile = Profile {
        actor,
        ..profile(&web)
    };
    (World::new(vec![profile], Vec::new()), key)
}

#[actix_web::test]
async fn each_form_is_read_as_its_profile_says() {
    let cases = [
        (
            ActorForm::Rfc8693,
            json!({"sub": "alice", "act": {"sub": "bot"}}),
            "user:alice > agent:bot",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "alice", "act": {"sub": "specialist", "act": {"sub": "orchestrator"}}}),
            "user:alice > agent:orchestrator > agent:specialist",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "alice", "act": {"sub": "bob", "sub_profile": "user", "iss": "https://login.example"}}),
            "user:alice > user:bob",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "alice", "act": null}),
            "user:alice",
        ),
        (
            ActorForm::Inverted,
            json!({"sub": "bot", "act": {"sub": "alice"}}),
            "user:alice > agent:bot",
        ),
        (
            ActorForm::Inverted,
            json!({"sub": "specialist", "act": {"sub": "orchestrator", "act": {"sub": "alice"}}}),
            "user:alice > agent:orchestrator > agent:specialist",
        ),
        (
            ActorForm::List,
            json!({"sub": "specialist", "act": [{"sub": "orchestrator"}, {"sub": "alice"}]}),
            "user:alice > agent:orchestrator > agent:specialist",
        ),
        // The one who acts stands first there, also where the `act` behind it was lost, and the
        // client is the own hand of nobody then.
        (
            ActorForm::Inverted,
            json!({"sub": "bot"}),
            "agent:bot > agent:web",
        ),
        (
            ActorForm::Inverted,
            json!({"sub": "bot", "client_id": null}),
            "agent:bot",
        ),
        (
            ActorForm::List,
            json!({"sub": "bot", "act": null}),
            "agent:bot > agent:web",
        ),
        (ActorForm::None, json!({"sub": "alice"}), "user:alice"),
    ];
    for (form, over, expected) in cases {
        let (world, key) = world_of(form);
        assert_eq!(
            chain(&world, &key.access_token(&claims_with(&over))).await,
            expected,
            "{form:?} {over}"
        );
    }
}

#[actix_web::test]
async fn what_fits_no_form_is_refused_and_never_shortens_the_chain() {
    let nested = |levels: usize| {
        (0..levels).fold(
            Value::Null,
            |act, at| json!({"sub": format!("a{at}"), "act": act}),
        )
    };
    for (form, act, expected) in [
        (
            ActorForm::None,
            json!({"sub": "bot"}),
            "its issuer's profile knows none",
        ),
        (ActorForm::Rfc8693, json!("bot"), "does not fit the form"),
        (
            ActorForm::Rfc8693,
            json!([{"sub": "bot"}]),
            "does not fit the form",
        ),
        (ActorForm::Rfc8693, json!({}), "does not fit the form"),
        (
            ActorForm::Rfc8693,
            json!({"sub": 7}),
            "does not fit the form",
        ),
        (ActorForm::Rfc8693, json!({"sub": ""}), "`act` names nobody"),
        (
            ActorForm::Rfc8693,
            json!({"sub": "bot", "iss": "https://other.example"}),
            "its issuer is not configured",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "bot", "sub_profile": "robot"}),
            "`act.sub_profile` is not",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "bot", "sub_profile": "service"}),
            "its issuer has no ids of this type",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "bot", "Act": {"sub": "x"}}),
            "spelled like another member",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "bot", "act": {"sub": "bot"}}),
            "names somebody twice",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "alice", "sub_profile": "user"}),
            "names somebody twice",
        ),
        (ActorForm::Rfc8693, nested(9), "names more than 8 parties"),
        (
            ActorForm::Inverted,
            json!([{"sub": "bot"}]),
            "does not fit the form",
        ),
        (
            ActorForm::List,
            json!({"sub": "bot"}),
            "does not fit the form",
        ),
        (ActorForm::List, json!([]), "does not fit the form"),
        (
            ActorForm::List,
            json!([{"sub": "a", "act": {"sub": "b"}}]),
            "does not fit the form",
        ),
        (
            ActorForm::List,
            json!(vec![json!({"sub": "a"}); 9]),
            "names more than 8 parties",
        ),
    ] {
        let (world, key) = world_of(form);
        let found = chain(
            &world,
            &key.access_token(&claims_with(&json!({"act": act}))),
        )
        .await;
        assert!(
            found.starts_with("credential_invalid: ") && found.contains(expected),
            "{form:?} {act}: {found}"
        );
    }
    let (world, key) = world_of(ActorForm::Rfc8693);
    let eight = key.access_token(&claims_with(&json!({"act": nested(8)})));
    assert_eq!(chain(&world, &eight).await.split(" > ").count(), 9);
}

#[actix_web::test]
async fn an_issuer_vouches_for_its_own_people_alone() {
    const PARTNER: &str = "https://partner.example";
    let key = Key::new("k1");
    let web = publish(&key);
    let world = |actor, subjects_of: &[&str]| {
        let partner = Profile {
            issuer: PARTNER.into(),
            ids: vec![
                ("user".into(), "partner|".into()),
                ("agent".into(), "partner|".into()),
            ],
            ..profile(&web)
        };
        let subjects_of = subjects_of.iter().map(|issuer| (*issuer).into()).collect();
        World::new(
            vec![
                Profile {
                    actor,
                    subjects_of,
                    ..profile(&web)
                },
                partner,
            ],
            Vec::new(),
        )
    };
    let alice = json!({"sub": "alice", "iss": PARTNER});
    let others = "does not vouch for that one's";
    for (form, act, subjects_of, expected) in [
        (ActorForm::Inverted, alice.clone(), &[][..], others),
        (ActorForm::List, json!([alice]), &[], others),
        (
            ActorForm::Inverted,
            json!({"sub": "helper", "act": alice}),
            &[],
            others,
        ),
        (
            ActorForm::List,
            json!([{"sub": "helper"}, alice]),
            &[],
            others,
        ),
        (
            ActorForm::Inverted,
            alice.clone(),
            &[PARTNER],
            "user:partner|alice > agent:bot",
        ),
        (
            ActorForm::Inverted,
            json!({"sub": "alice", "iss": "https://login.example"}),
            &[],
            "user:alice > agent:bot",
        ),
        // Others' parties may act.
        (
            ActorForm::Inverted,
            json!({"sub": "helper", "iss": PARTNER, "act": {"sub": "alice"}}),
            &[],
            "user:alice > agent:partner|helper > agent:bot",
        ),
        (
            ActorForm::Rfc8693,
            json!({"sub": "helper", "iss": PARTNER}),
            &[],
            "agent:bot > agent:partner|helper",
        ),
    ] {
        let token = key.access_token(&claims_with(
            &json!({"sub": "bot", "client_id": "bot", "act": act}),
        ));
        let found = chain(&world(form, subjects_of), &token).await;
        assert!(found.contains(expected), "{form:?} {act}: {found}");
    }
}

#[actix_web::test]
async fn a_client_that_acts_for_itself_is_no_user() {
    let (world, key, _web) = standard();
    let own = key.access_token(&claims_with(&json!({"sub": "batch", "client_id": "batch"})));
    assert_eq!(chain(&world, &own).await, "agent:batch");
    let key = Key::new("k1");
    let web = publish(&key);
    let claim = AutonomousClaim::client("name", "service-account-", "");
    let world = World::new(
        vec![Profile {
            autonomous: vec![claim],
            ..profile(&web)
        }],
        Vec::new(),
    );
    let account = json!({"sub": "a-uuid", "client_id": "batch", "name": "service-account-batch"});
    assert_eq!(
        chain(&world, &key.access_token(&claims_with(&account))).await,
        "agent:batch"
    );
    let account = json!({"sub": "a-uuid", "client_id": "Batch", "name": "service-account-batch"});
    assert_eq!(
        chain(&world, &key.access_token(&claims_with(&account))).await,
        "agent:Batch"
    );
    let person = json!({"sub": "a-uuid", "client_id": "batch", "name": "alice"});
    assert_eq!(
        chain(&world, &key.access_token(&claims_with(&person))).await,
        "user:a-uuid > agent:batch"
    );
    // Somebody who chose a client's name, and comes by another client.
    let posing = json!({"sub": "a-uuid", "client_id": "web", "name": "service-account-batch"});
    let found = chain(&world, &key.access_token(&claims_with(&posing))).await;
    assert!(
        found.starts_with("credential_invalid: ") && found.contains("another client's"),
        "{found}"
    );
    // Where tokens of users are known by what they have.
    let of_users = vec![ClaimPath::new("scp")];
    let world = World::new(
        vec![Profile {
            of_users,
            ..profile(&web)
        }],
        Vec::new(),
    );
    let app = json!({"sub": "batch", "client_id": "batch"});
    assert_eq!(
        chain(&world, &key.access_token(&claims_with(&app))).await,
        "agent:batch"
    );
    let unknown = json!({"sub": "a-uuid", "client_id": "batch"});
    let found = chain(&world, &key.access_token(&claims_with(&unknown))).await;
    assert!(
        found.contains("is not known to be the account of"),
        "{found}"
    );
    let person = json!({"sub": "a-uuid", "client_id": "batch", "scp": "read"});
    assert_eq!(
        chain(&world, &key.access_token(&claims_with(&person))).await,
        "user:a-uuid > agent:batch"
    );
}
