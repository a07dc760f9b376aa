//! One party has one id: in a token of its own, as an actor in its issuer's tokens, and in another issuer's. Where a token
//! does not say which it is, the token is refused.

use crate::actors::chain;
use crate::service::NOW_MS;
use crate::tokens::{Key, with};
use crate::world::{AUDIENCE, World, claims_with, profile, publish};
use behest::evidence::{ActorForm, ClaimPath, Claims, Preset, Profile};
use serde_json::{Value, json};

const NOW: i64 = NOW_MS / 1_000;
const PARTNER: &str = "https://partner.example";

/// A world with the standard issuer and a partner of this preset.
fn world(preset: Preset, over: impl FnOnce(Profile) -> Profile) -> (World, Key) {
    let key = Key::new("k1");
    let own = profile(&publish(&key));
    let partner = Profile {
        trust: own.trust.clone(),
        audiences: vec![AUDIENCE.into()],
        id_token_audiences: Vec::new(),
        types: vec!["at+jwt".to_owned()],
        ids: vec![("user".into(), "p|".into()), ("agent".into(), "p|".into())],
        ..preset.profile(PARTNER)
    };
    (World::new(vec![own, over(partner)], Vec::new()), key)
}

/// The claims of a token of the partner's.
fn own(over: &Value) -> Value {
    with(&json!({"iss": PARTNER, "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 300}), over)
}

/// A preset; a token of a party's own, and its name in the chain; and what may stand in `act` of another issuer's token,
/// each of which either names the same or is refused.
type Case = (Preset, Value, &'static str, Vec<(Value, bool)>);

fn cases() -> Vec<Case> {
    let account = "batch@p.iam.gserviceaccount.com";
    vec![
        (
            Preset::Entra,
            json!({"ver": "2.0", "azp": "batch", "oid": "sp-oid", "sub": "sp-oid", "idtyp": "app"}),
            "agent:p|batch",
            vec![(json!({"sub": "sp-oid"}), false), (json!({"sub": "sp-oid", "azp": "batch"}), true)],
        ),
        (
            Preset::Auth0,
            json!({"sub": "batch@clients", "azp": "batch", "gty": "client-credentials"}),
            "agent:p|batch",
            vec![(json!({"sub": "batch@clients"}), true), (json!({"sub": "batch"}), true)],
        ),
        (
            Preset::Okta,
            json!({"cid": "web", "uid": "00u1", "sub": "alice@x", "scp": ["read"]}),
            "user:p|00u1",
            vec![
                (json!({"sub": "alice@x", "sub_profile": "user"}), false),
                (json!({"sub": "alice@x", "uid": "00u1", "sub_profile": "user"}), true),
                (json!({"sub": "00u1", "uid": 7, "sub_profile": "user"}), false),
            ],
        ),
        (
            Preset::Google,
            json!({"sub": "1134", "azp": account, "email": account, "email_verified": true}),
            "agent:p|1134",
            vec![(json!({"sub": "1134"}), true)],
        ),
        (
            Preset::Google,
            json!({"sub": "1134", "azp": "1134", "email": account, "email_verified": true}),
            "agent:p|1134",
            vec![(json!({"sub": "1134"}), true)],
        ),
        (
            Preset::Keycloak,
            json!({"typ": "Bearer", "sub": "5f1c", "azp": "batch", "client_id": "batch", "clientHost": "10.0.0.1"}),
            "agent:p|batch",
            vec![(json!({"sub": "5f1c"}), false), (json!({"sub": "5f1c", "client_id": "batch"}), true)],
        ),
        (
            Preset::Keycloak,
            json!({"typ": "Bearer", "sub": "5f1c", "azp": "batch", "username": "service-account-batch"}),
            "agent:p|batch",
            vec![],
        ),
    ]
}

#[actix_web::test]
async fn a_party_has_the_id_of_its_own_tokens_wherever_it_is_named() {
    for (preset, claims, id, acts) in cases() {
        let (world, key) = world(preset, |partner| partner);
        let found = chain(&world, &key.access_token(&own(&claims))).await;
        assert_eq!(found.split(" > ").next(), Some(id), "{preset:?}: {claims}");
        for (act, named) in acts {
            let sent = with(&act, &json!({"iss": PARTNER}));
            let found = chain(&world, &key.access_token(&claims_with(&json!({"act": sent})))).await;
            if named {
                assert_eq!(found, format!("user:alice > {id}"), "{preset:?}: {act}");
            } else {
                assert!(found.starts_with("credential_invalid: "), "{preset:?}: {act}: {found}");
            }
        }
    }
}

#[actix_web::test]
async fn a_person_is_named_by_the_claim_of_the_profile_in_act_too() {
    let by_name = |actor| {
        world(Preset::Standard, move |partner| Profile {
            claims: Claims { subject: vec![ClaimPath::new("preferred_username")], ..partner.claims.clone() },
            own_clients: vec!["*".into()],
            actor,
            ..partner
        })
    };
    let bob = json!({"sub": "uuid-bob", "preferred_username": "bob", "sub_profile": "user"});
    let unnamed = json!({"sub": "uuid-bob", "sub_profile": "user"});
    let (world, key) = by_name(ActorForm::Rfc8693);
    let token = |over: &Value| key.access_token(&own(over));
    assert_eq!(chain(&world, &token(&with(&bob, &json!({"sub_profile": null})))).await, "user:p|bob");
    let alice = json!({"sub": "uuid-alice", "preferred_username": "alice"});
    let acted = chain(&world, &token(&with(&alice, &json!({"act": bob})))).await;
    assert_eq!(acted, "user:p|alice > user:p|bob");
    let refused = chain(&world, &token(&with(&alice, &json!({"act": unnamed})))).await;
    assert!(refused.contains("does not name the person by `preferred_username`"), "{refused}");
    // As whom somebody acts for, who stands in `act` where the actor comes first.
    let (world, key) = by_name(ActorForm::Inverted);
    let bot = |act: &Value| key.access_token(&own(&json!({"sub": "bot", "preferred_username": "bot", "act": act})));
    assert_eq!(chain(&world, &bot(&bob)).await, "user:p|bob > agent:p|bot");
    assert!(chain(&world, &bot(&unnamed)).await.contains("does not name the person by"));
}

#[actix_web::test]
async fn a_claim_that_is_spelled_like_the_clients_makes_no_token_a_users_alone() {
    let (world, key) = world(Preset::Standard, |partner| partner);
    for name in ["Client_id", "clientId", "AZP", "client-id"] {
        let token = key.access_token(&own(&json!({"sub": "alice", name: "bot"})));
        let found = chain(&world, &token).await;
        assert!(found.contains("names no client, and has a claim that is spelled like"), "{name}: {found}");
        // Where the client is named, it is more of the same.
        let token = key.access_token(&own(&json!({"sub": "alice", "client_id": "bot", name: "bot"})));
        assert_eq!(chain(&world, &token).await, "user:p|alice > agent:p|bot", "{name}");
    }
}
