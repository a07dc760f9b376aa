//! One party has one id: in a token of its own, as an actor in its issuer's tokens, and in another
//! issuer's. Where a token does not say which it is, the token is refused.

use crate::actors::chain;
use crate::world::{AUDIENCE, World, claims_with, profile, publish, question};
use behest::evidence::{ActorForm, AutonomousClaim, ClaimPath, ClaimPaths, Preset, Profile};
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, with};

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
    with(
        &json!({"iss": PARTNER, "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 300}),
        over,
    )
}

/// A preset; a token of a party's own, and its name in the chain; and what may stand in `act` of
/// another issuer's token, each of which either names the same or is refused.
type Case = (Preset, Value, &'static str, Vec<(Value, bool)>);

fn cases() -> Vec<Case> {
    let account = "batch@p.iam.gserviceaccount.com";
    vec![
        (
            Preset::Entra,
            json!({"ver": "2.0", "azp": "batch", "oid": "sp-oid", "sub": "sp-oid", "idtyp": "app"}),
            "agent:p|batch",
            vec![
                (json!({"sub": "sp-oid"}), false),
                (json!({"sub": "sp-oid", "azp": "batch"}), true),
            ],
        ),
        (
            Preset::Auth0,
            json!({"sub": "batch@clients", "azp": "batch", "gty": "client-credentials"}),
            "agent:p|batch",
            vec![
                (json!({"sub": "batch@clients"}), true),
                (json!({"sub": "batch"}), true),
                (json!({"sub": "batch@clients", "azp": "batch"}), true),
                (json!({"sub": "batch@clients", "azp": "web"}), false),
            ],
        ),
        (
            Preset::Okta,
            json!({"cid": "web", "uid": "00u1", "sub": "alice@x", "scp": ["read"]}),
            "user:p|00u1",
            vec![
                (json!({"sub": "alice@x", "sub_profile": "user"}), false),
                (
                    json!({"sub": "alice@x", "uid": "00u1", "sub_profile": "user"}),
                    true,
                ),
                (
                    json!({"sub": "00u1", "uid": 7, "sub_profile": "user"}),
                    false,
                ),
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
    ]
}

fn keycloak_cases() -> Vec<Case> {
    vec![
        (
            Preset::Keycloak,
            json!({"typ": "Bearer", "sub": "5f1c", "azp": "batch", "client_id": "batch", "clientHost": "10.0.0.1"}),
            "agent:p|batch",
            vec![
                (json!({"sub": "5f1c"}), false),
                (json!({"sub": "5f1c", "client_id": "batch"}), true),
                (
                    json!({"sub": "5f1c", "client_id": "batch", "azp": "batch"}),
                    true,
                ),
                (
                    json!({"sub": "5f1c", "client_id": "web", "azp": "batch"}),
                    false,
                ),
                (
                    json!({"sub": "5f1c", "client_id": "batch", "azp": "web"}),
                    false,
                ),
                (
                    json!({"sub": "5f1c", "client_id": "batch", "azp": 7}),
                    false,
                ),
                (
                    json!({"sub": "5f1c", "Client_Id": "web", "azp": "batch"}),
                    false,
                ),
                (
                    json!({"sub": "5f1c", "client_id": "batch", "AZP": "web"}),
                    false,
                ),
            ],
        ),
        (
            Preset::Keycloak,
            json!({"typ": "Bearer", "sub": "5f1c", "azp": "batch", "username": "service-account-batch", "clientAddress": "::1"}),
            "agent:p|batch",
            vec![],
        ),
    ]
}

#[actix_web::test]
async fn a_party_has_the_id_of_its_own_tokens_wherever_it_is_named() {
    for (preset, claims, id, acts) in cases().into_iter().chain(keycloak_cases()) {
        let (world, key) = world(preset, |partner| partner);
        let found = chain(&world, &key.access_token(&own(&claims))).await;
        assert_eq!(found.split(" > ").next(), Some(id), "{preset:?}: {claims}");
        for (act, named) in acts {
            let sent = with(&act, &json!({"iss": PARTNER}));
            let found = chain(
                &world,
                &key.access_token(&claims_with(&json!({"act": sent}))),
            )
            .await;
            if named {
                assert_eq!(found, format!("user:alice > {id}"), "{preset:?}: {act}");
            } else {
                assert!(
                    found.starts_with("credential_invalid: "),
                    "{preset:?}: {act}: {found}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_person_is_named_by_the_claim_of_the_profile_in_act_too() {
    let by_name = |actor| {
        world(Preset::Standard, move |partner| Profile {
            claims: ClaimPaths {
                subject: vec![ClaimPath::new("preferred_username")],
                ..partner.claims.clone()
            },
            own_clients: vec!["*".into()],
            actor,
            ..partner
        })
    };
    let bob = json!({"sub": "uuid-bob", "preferred_username": "bob", "sub_profile": "user"});
    let unnamed = json!({"sub": "uuid-bob", "sub_profile": "user"});
    let (world, key) = by_name(ActorForm::Rfc8693);
    let token = |over: &Value| key.access_token(&own(over));
    assert_eq!(
        chain(&world, &token(&with(&bob, &json!({"sub_profile": null})))).await,
        "user:p|bob"
    );
    let alice = json!({"sub": "uuid-alice", "preferred_username": "alice"});
    let acted = chain(&world, &token(&with(&alice, &json!({"act": bob})))).await;
    assert_eq!(acted, "user:p|alice > user:p|bob");
    let refused = chain(&world, &token(&with(&alice, &json!({"act": unnamed})))).await;
    assert!(
        refused.contains("does not name the person by `preferred_username`"),
        "{refused}"
    );
    // As whom somebody acts for, who stands in `act` where the actor comes first.
    let (world, key) = by_name(ActorForm::Inverted);
    let bot = |act: &Value| {
        key.access_token(&own(
            &json!({"sub": "bot", "preferred_username": "bot", "act": act}),
        ))
    };
    assert_eq!(chain(&world, &bot(&bob)).await, "user:p|bob > agent:p|bot");
    assert!(
        chain(&world, &bot(&unnamed))
            .await
            .contains("does not name the person by")
    );
}

#[actix_web::test]
async fn a_claim_that_is_spelled_like_the_clients_makes_no_token_a_users_alone() {
    let (world, key) = world(Preset::Standard, |partner| partner);
    for name in ["Client_id", "clientId", "AZP", "client-id"] {
        let token = key.access_token(&own(&json!({"sub": "alice", name: "bot"})));
        let found = chain(&world, &token).await;
        assert!(
            found.contains("names no client, and has a claim that is spelled like"),
            "{name}: {found}"
        );
        // Where the client is named, it is more of the same.
        let token = key.access_token(&own(
            &json!({"sub": "alice", "client_id": "bot", name: "bot"}),
        ));
        assert_eq!(
            chain(&world, &token).await,
            "user:p|alice > agent:p|bot",
            "{name}"
        );
        // Another client is another truth.
        for other in [json!("x"), json!(7)] {
            let token = key.access_token(&own(
                &json!({"sub": "alice", "client_id": "bot", name: other}),
            ));
            let found = chain(&world, &token).await;
            assert!(
                found.contains("names a client, and has a claim that is spelled like"),
                "{name}: {found}"
            );
        }
    }
}

/// A client's own token, and what names it in `act` of the partner's own tokens, of another
/// issuer's, and in a request.
async fn named_everywhere(over: impl Fn(Profile) -> Profile, act: &Value) -> [String; 3] {
    let (world, key) = world(Preset::Standard, over);
    let sent = with(act, &json!({"iss": PARTNER}));
    let own = chain(
        &world,
        &key.access_token(&own(&json!({"sub": "u1", "client_id": "web", "act": act}))),
    )
    .await;
    let others = chain(
        &world,
        &key.access_token(&claims_with(&json!({"act": sent}))),
    )
    .await;
    let mut body = question("look", &[]);
    body["subject"] = json!({"type": "user", "id": "alice", "properties": {"act": sent}});
    body["context"] = json!({});
    let legs = world.explain(&body).await["legs"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let name = |uid: &Value| {
        format!(
            "{}:{}",
            uid["type"].as_str().unwrap(),
            uid["id"].as_str().unwrap()
        )
    };
    let asked: Vec<String> = legs.iter().map(|leg| name(&leg["principal"])).collect();
    [own, others, asked.join(" > ")]
}

#[actix_web::test]
async fn what_stands_around_a_clients_name_in_sub_is_no_part_of_it() {
    let forms = |before: &'static str, after: &'static str| {
        move |partner: Profile| Profile {
            autonomous: vec![AutonomousClaim::client("sub", before, after)],
            own_clients: vec!["web".into()],
            ..partner
        }
    };
    for (before, after) in [("client-", ""), ("", "@clients"), ("c|", "|x")] {
        let sub = format!("{before}batch{after}");
        let (world, key) = world(Preset::Standard, forms(before, after));
        let token =
            |client: &str| key.access_token(&own(&json!({"sub": sub, "client_id": client})));
        assert_eq!(chain(&world, &token("batch")).await, "agent:p|batch");
        // In another case it is another client's id, as it is in `act`.
        let found = chain(&world, &token("Batch")).await;
        assert!(found.contains("is another client's"), "{sub}: {found}");
        let [own, others, asked] =
            named_everywhere(forms(before, after), &json!({"sub": sub})).await;
        assert_eq!(own, "user:p|u1 > agent:p|batch", "{sub}");
        assert_eq!(others, "user:alice > agent:p|batch", "{sub}");
        assert_eq!(asked, "user:alice > agent:p|batch", "{sub}");
        // Where a setting says that `sub` is the client, it has the same around it.
        let by_sub = |partner: Profile| {
            let mut partner = forms(before, after)(partner);
            partner.claims.actor_client = vec![ClaimPath::new("sub")];
            partner
        };
        let [own, others, _] = named_everywhere(by_sub, &json!({"sub": sub})).await;
        assert_eq!(
            (own.as_str(), others.as_str()),
            ("user:p|u1 > agent:p|batch", "user:alice > agent:p|batch"),
            "{sub}"
        );
    }
}

#[actix_web::test]
async fn an_actor_that_names_a_client_beside_itself_is_refused() {
    let web = |partner: Profile| Profile {
        own_clients: vec!["web".into()],
        ..partner
    };
    for act in [
        json!({"sub": "copilot", "client_id": "batch"}),
        json!({"sub": "copilot", "azp": "batch"}),
        json!({"sub": "copilot", "client_id": "copilot", "azp": "batch"}),
        json!({"sub": "copilot", "client_id": ["copilot"]}),
        json!({"sub": "copilot", "clientId": "batch"}),
        json!({"sub": "copilot", "client_id": "copilot", "Azp": "batch"}),
    ] {
        let [own, others, asked] = named_everywhere(web, &act).await;
        assert!(
            own.contains("`act` names nobody: its claims name two") || own.contains("spelled like"),
            "{act}: {own}"
        );
        assert!(
            others.starts_with("credential_invalid: "),
            "{act}: {others}"
        );
        assert_eq!(asked, "", "{act}");
    }
    let [own, others, asked] = named_everywhere(
        web,
        &json!({"sub": "copilot", "client_id": "copilot", "azp": null}),
    )
    .await;
    assert_eq!(own, "user:p|u1 > agent:p|copilot");
    assert_eq!(
        (others.as_str(), asked.as_str()),
        (
            "user:alice > agent:p|copilot",
            "user:alice > agent:p|copilot"
        )
    );
}

#[actix_web::test]
async fn a_person_who_is_named_with_a_client_in_act_is_refused_unless_it_is_her_own_hand() {
    let web = |partner: Profile| Profile {
        own_clients: vec!["web".into()],
        ..partner
    };
    for (client, is_hand) in [
        (json!("web"), true),
        (json!("bot"), false),
        (json!(7), false),
    ] {
        let act = json!({"sub": "bob", "sub_profile": "user", "client_id": client});
        let [own, others, asked] = named_everywhere(web, &act).await;
        if is_hand {
            assert_eq!(
                (own.as_str(), others.as_str()),
                ("user:p|u1 > user:p|bob", "user:alice > user:p|bob")
            );
        } else {
            assert!(
                own.contains("name a client that would act") && others.contains("name a client"),
                "{own} {others}"
            );
        }
        assert_eq!(asked.is_empty(), !is_hand, "{act}: {asked}");
    }
}

/// One agent has one type, that of its own tokens.
#[actix_web::test]
async fn an_actor_has_the_type_of_its_issuers_clients() {
    let typed = |client: &'static str| {
        move |partner: Profile| Profile {
            ids: ["user", "agent", "service"]
                .map(|kind| (kind.into(), "p|".into()))
                .into(),
            client_type: client.into(),
            actor_type: client.into(),
            own_clients: vec!["web".into()],
            ..partner
        }
    };
    for (client, other, word) in [
        ("agent", "service", "service"),
        ("service", "agent", "ai_agent"),
    ] {
        let [own, others, asked] = named_everywhere(typed(client), &json!({"sub": "batch"})).await;
        assert_eq!(own, format!("user:p|u1 > {client}:p|batch"));
        assert_eq!(
            others,
            format!("user:alice > {client}:p|batch"),
            "not {other}, which actors of the token's issuer are"
        );
        assert_eq!(asked, format!("user:alice > {client}:p|batch"));
        let [own, others, asked] =
            named_everywhere(typed(client), &json!({"sub": "batch", "sub_profile": word})).await;
        for found in [own, others] {
            assert!(
                found.contains("its issuer's own tokens name clients by another type"),
                "{word}: {found}"
            );
        }
        assert_eq!(asked, "", "{word}");
    }
    // The client of the token is in its chain by its own type, whatever `act` says of somebody of
    // that name.
    let people = |partner: Profile| Profile {
        actor_type: "user".into(),
        ..partner
    };
    let (world, key) = world(Preset::Standard, people);
    let token = key.access_token(&own(
        &json!({"sub": "u1", "client_id": "batch", "act": {"sub": "batch"}}),
    ));
    assert_eq!(
        chain(&world, &token).await,
        "user:p|u1 > user:p|batch > agent:p|batch"
    );
}

/// Whoever chooses the name of a client is no client: the issuer gives out `sub`.
#[actix_web::test]
async fn a_user_who_is_named_like_the_client_is_a_user() {
    let by_name = |partner: Profile| Profile {
        claims: ClaimPaths {
            subject: vec![ClaimPath::new("preferred_username")],
            ..partner.claims.clone()
        },
        ..partner
    };
    let (world, key) = world(Preset::Standard, by_name);
    let token = |sub: Value| {
        let claims = json!({"sub": sub, "preferred_username": "copilot", "client_id": "copilot"});
        key.access_token(&own(&claims))
    };
    assert_eq!(
        chain(&world, &token(json!("uuid"))).await,
        "user:p|copilot > agent:p|copilot"
    );
    assert_eq!(
        chain(&world, &token(Value::Null)).await,
        "user:p|copilot > agent:p|copilot"
    );
    assert_eq!(
        chain(&world, &token(json!("copilot"))).await,
        "agent:p|copilot"
    );
}

#[actix_web::test]
async fn a_clients_own_token_with_a_users_claim_has_marks_of_both() {
    for (preset, claims) in [
        (Preset::Okta, json!({"cid": "bot", "sub": "bot"})),
        (
            Preset::Cognito,
            json!({"client_id": "bot", "sub": "bot", "token_use": "access"}),
        ),
        (
            Preset::Entra,
            json!({"ver": "2.0", "azp": "bot", "oid": "o", "idtyp": "app"}),
        ),
        (
            Preset::EntraV1,
            json!({"ver": "1.0", "appid": "bot", "oid": "o", "idtyp": "app"}),
        ),
    ] {
        let (world, key) = world(preset, |partner| partner);
        assert_eq!(
            chain(&world, &key.access_token(&own(&claims))).await,
            "agent:p|bot",
            "{claims}"
        );
        for users in ["uid", "username", "scp"] {
            let token = key.access_token(&own(&with(&claims, &json!({ users: "bot" }))));
            let found = chain(&world, &token).await;
            let is_users = matches!(
                (preset, users),
                (Preset::Okta, "uid") | (Preset::Cognito, "username")
            ) || (matches!(preset, Preset::Entra | Preset::EntraV1)
                && users == "scp");
            assert_eq!(
                found.contains("has marks of both"),
                is_users,
                "{claims} {users}: {found}"
            );
        }
    }
}
