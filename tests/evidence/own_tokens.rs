//! Nobody whom a token names is lost: whatever its marks say, however its claims are spelled, and
//! whatever the type that they have.

use crate::actors::chain;
use crate::world::{ISSUER, World, access, claims_with, profile, publish, question};
use behest::evidence::{
    ActorForm, AutonomousClaim, ClaimPath, ClaimPaths, FactKind, FactRule, KeySource, Preset,
    Profile, TrustDomain,
};
use serde_json::{Value, json};
use std::time::Duration;
use support::service::NOW_MS;
use support::tokens::Key;

const NOW: i64 = NOW_MS / 1_000;

/// The chain of an access token with these claims beside the usual ones, or why it is refused.
async fn named(over: impl Fn(Profile) -> Profile, claims: &Value) -> String {
    let key = Key::new("k1");
    let world = World::new(vec![over(profile(&publish(&key)))], Vec::new());
    chain(&world, &key.access_token(&claims_with(claims))).await
}

/// A profile of this preset, whose tokens have the type of the standard's.
fn preset(preset: Preset) -> impl Fn(Profile) -> Profile {
    move |profile| Profile {
        types: vec!["at+jwt".to_owned()],
        trust: profile.trust,
        audiences: profile.audiences,
        ..preset.profile(ISSUER)
    }
}

fn paths(names: &[&str]) -> Vec<ClaimPath> {
    names.iter().map(|name| ClaimPath::new(*name)).collect()
}

async fn hold(over: impl Fn(Profile) -> Profile, cases: &[(Value, &str)]) {
    for (claims, expected) in cases {
        let found = named(&over, claims).await;
        assert!(
            found == *expected
                || (expected.contains(' ') && !found.contains(" > ") && found.contains(expected)),
            "{claims}: {found}"
        );
    }
}

#[actix_web::test]
async fn what_the_subject_is_said_to_be_is_read() {
    let agent = "sub_profile";
    hold(
        |profile| profile,
        &[
            (
                json!({"sub": "x", agent: "ai_agent"}),
                "agent:x > agent:web",
            ),
            (
                json!({"sub": "x", agent: "ai_agent", "client_id": "copilot"}),
                "agent:x > agent:copilot",
            ),
            (
                json!({"sub": "x", agent: "ai_agent", "client_id": "x"}),
                "agent:x",
            ),
            (json!({agent: "user"}), "user:alice"),
            (json!({agent: null}), "user:alice"),
            (json!({agent: "service"}), "would have two ids"),
            (json!({agent: "robot"}), "`sub_profile` is not"),
            (
                json!({agent: ["ai_agent"]}),
                "`sub_profile` is not of its form",
            ),
            (
                json!({"subProfile": "ai_agent"}),
                "spelled like `sub_profile`",
            ),
            (
                json!({"sub": "web", agent: "user"}),
                "its `sub_profile` says that it is a user's",
            ),
        ],
    )
    .await;
    // A client that the issuer calls an agent is nobody's hand.
    hold(
        |profile| profile,
        &[
            (json!({"client_profile": "web_app"}), "user:alice"),
            (
                json!({"client_profile": "web_app ai_agent"}),
                "user:alice > agent:web",
            ),
            (
                json!({"client_profile": 1}),
                "`client_profile` is not of its form",
            ),
        ],
    )
    .await;
    // The account of an agent has a number, and the agent is its client.
    let account = json!({"typ": "Bearer", "sub": "5f1c", "client_id": null, "azp": "batch", agent: "ai_agent"});
    let named_so = json!({"typ": "Bearer", "sub": "5f1c", "client_id": null, "azp": "batch", agent: "ai_agent",
        "preferred_username": "service-account-batch"});
    hold(
        preset(Preset::Keycloak),
        &[(account, "would have two ids"), (named_so, "agent:batch")],
    )
    .await;
    let by_form = |profile: Profile| Profile {
        actor: ActorForm::Inverted,
        ..profile
    };
    hold(
        by_form,
        &[
            (
                json!({"sub": "bob", agent: "user", "act": {"sub": "alice"}}),
                "user:alice > user:bob",
            ),
            (
                json!({"sub": "x", agent: "ai_agent", "act": {"sub": "alice"}}),
                "user:alice > agent:x",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_subject_that_is_not_the_clients_account_is_never_lost() {
    let both = "marks of ";
    let entra = |over: Value| {
        let base = json!({"ver": "2.0", "oid": "o1", "sub": "p", "client_id": null, "azp": "batch", "roles": ["r"]});
        support::tokens::with(&base, &over)
    };
    hold(
        preset(Preset::Entra),
        &[
            (entra(json!({"scp": "r"})), "user:o1 > agent:batch"),
            (entra(json!({"sub": "o1"})), "agent:batch"),
            (entra(json!({"idtyp": "app"})), "agent:batch"),
            (entra(json!({})), both),
            (entra(json!({"idtyp": "user"})), both),
            (entra(json!({"idtyp": "user", "sub": "o1"})), both),
            (
                entra(json!({"idtyp": {"app": true}})),
                "`idtyp` is not of its form",
            ),
            (
                entra(json!({"sub": "o1", "Scp": "r"})),
                "spelled like `scp`",
            ),
            (
                entra(json!({"sub": "o1", "ID_TYP": "user"})),
                "spelled like `idtyp`",
            ),
        ],
    )
    .await;
    let auth0 =
        |sub: &str, gty: Value| json!({"sub": sub, "client_id": null, "azp": "web", "gty": gty});
    hold(
        preset(Preset::Auth0),
        &[
            (auth0("auth0|alice", json!("client-credentials")), both),
            (auth0("auth0|alice", json!(["client-credentials"])), both),
            (
                auth0("web@clients", json!("client-credentials")),
                "agent:web",
            ),
            (auth0("web", json!("client-credentials")), "agent:web"),
            (
                auth0("auth0|alice", json!("password")),
                "user:auth0|alice > agent:web",
            ),
            (
                auth0("auth0|alice", json!({"a": 1})),
                "`gty` is not of its form",
            ),
            (
                auth0("auth0|alice", json!(["refresh_token", "password"])),
                "user:auth0|alice > agent:web",
            ),
        ],
    )
    .await;
    hold(
        preset(Preset::Okta),
        &[
            (json!({"cid": "web", "sub": "alice@x"}), both),
            (json!({"cid": "web", "sub": "web"}), "agent:web"),
        ],
    )
    .await;
    let cognito = |profile: Profile| Profile {
        client_ids: vec!["web".into()],
        ..preset(Preset::Cognito)(profile)
    };
    hold(
        cognito,
        &[
            (json!({"token_use": "access", "sub": "alice"}), both),
            (json!({"token_use": "access", "sub": "web"}), "agent:web"),
            (
                json!({"token_use": "access", "sub": "web", "UserName": "alice"}),
                "spelled like `username`",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn keycloaks_accounts_are_known_by_what_only_they_have() {
    let keycloak = |over: Value| {
        let base = json!({"typ": "Bearer", "sub": "5f1c", "client_id": null, "azp": "batch"});
        support::tokens::with(&base, &over)
    };
    let name = "preferred_username";
    hold(
        preset(Preset::Keycloak),
        &[
            (keycloak(json!({"clientHost": "10.0.0.1"})), "agent:batch"),
            (keycloak(json!({"clientHost": ["10.0.0.1"]})), "agent:batch"),
            (
                keycloak(json!({"clientHost": false})),
                "`clientHost` is not of its form",
            ),
            (
                keycloak(json!({"clientHost": ""})),
                "`clientHost` is not of its form",
            ),
            (
                keycloak(json!({"clientHost": {"a": "10.0.0.1"}})),
                "`clientHost` is not of its form",
            ),
            (
                keycloak(json!({"clientHost": "10.0.0.1", name: "alice"})),
                "names somebody else",
            ),
            (
                keycloak(json!({name: ["service-account-batch"]})),
                "`preferred_username` is not of its form",
            ),
            (
                keycloak(json!({"Client_Host": "10.0.0.1", name: "alice"})),
                "spelled like `clientHost`",
            ),
            (
                keycloak(json!({name: "service-account-batch", "Sid": "s"})),
                "spelled like `sid`",
            ),
            (
                keycloak(json!({name: "service-account-batch", "sessionState": "s"})),
                "spelled like `session_state`",
            ),
            (
                keycloak(json!({name: "service-account-batch", "sid": "s"})),
                "turn off its refresh tokens",
            ),
            // What says the same in other letters says nothing more.
            (
                keycloak(json!({"sid": "s", "SID": "s", name: "alice"})),
                "user:5f1c > agent:batch",
            ),
            (
                keycloak(json!({"azp": "B\u{dc}RO", name: "service-account-b\u{fc}ro"})),
                "agent:B\u{dc}RO",
            ),
            (
                keycloak(json!({"azp": "B\u{dc}RO", name: "service-account-buro"})),
                "is another client's",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_mark_is_read_whatever_its_type_or_refused() {
    let marked = |profile: Profile| Profile {
        autonomous: vec![AutonomousClaim::account("is_app", "true")],
        ..profile
    };
    let app = |mark: Value| json!({"sub": "m1", "is_app": mark});
    hold(
        marked,
        &[
            (app(json!("true")), "agent:web"),
            (app(json!(true)), "agent:web"),
            (app(json!(["true"])), "agent:web"),
            (app(json!(false)), "user:m1"),
            (app(json!(null)), "user:m1"),
            (app(json!(1)), "`is_app` is not of its form"),
            (app(json!({"true": true})), "`is_app` is not of its form"),
            (app(json!([true])), "`is_app` is not of its form"),
            (json!({"sub": "m1", "isApp": true}), "spelled like `is_app`"),
        ],
    )
    .await;
    // Without a word of whose account it is.
    let unknown = |profile: Profile| Profile {
        autonomous: vec![AutonomousClaim::value("is_app", "true")],
        ..profile
    };
    hold(
        unknown,
        &[
            (app(json!(true)), "name in `autonomous` a claim"),
            (json!({"sub": "web", "is_app": true}), "agent:web"),
            (
                json!({"sub": "m1", "is_app": true, "client_id": null}),
                "agent:m1",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn whoever_acts_in_sub_stands_beside_the_client_whatever_the_marks_say() {
    for form in [ActorForm::Inverted, ActorForm::List] {
        let act = match form {
            ActorForm::List => json!([{"sub": "alice"}]),
            _ => json!({"sub": "alice"}),
        };
        let lacking = move |profile: Profile| Profile {
            actor: form,
            of_users: paths(&["scp"]),
            ..profile
        };
        let marked = move |profile: Profile| Profile {
            actor: form,
            autonomous: vec![AutonomousClaim::value("gty", "client_credentials")],
            ..profile
        };
        let acting = json!({"sub": "x", "gty": "client_credentials", "act": act});
        let chain = "user:alice > agent:x > agent:web";
        hold(lacking, &[(acting.clone(), chain)]).await;
        hold(marked, &[(acting, chain)]).await;
        let own = json!({"sub": "web", "gty": "client_credentials", "act": act});
        hold(marked, &[(own, "user:alice > agent:web")]).await;
    }
}

/// Where an ID token stands alone, whoever it was made for holds it and acts; beside another
/// credential that one says who acts.
#[actix_web::test]
async fn the_client_of_an_id_token_that_stands_alone_acts() {
    let key = Key::new("k1");
    let web = publish(&key);
    let world = |actor| {
        let made = Profile {
            actor,
            id_token_audiences: vec!["web".into(), "copilot".into()],
            id_tokens_alone: true,
            ..profile(&web)
        };
        World::new(vec![made], Vec::new())
    };
    let id = |over: &Value| {
        let base = json!({"aud": "web", "nonce": "n", "client_id": null, "scope": null});
        let claims = claims_with(&support::tokens::with(&base, over));
        let value = key.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), &claims);
        json!({"type": "id_token", "value": value})
    };
    let legs = async |world: &World, credentials: &[Value]| {
        let told = world.explain(&question("look", credentials)).await;
        let legs = told["legs"].as_array().cloned().unwrap_or_default();
        let name = |leg: &Value| leg["principal"]["id"].as_str().unwrap().to_owned();
        legs.iter().map(name).collect::<Vec<_>>().join(" > ")
    };
    let standard = world(ActorForm::Rfc8693);
    let token =
        |client: &str| access(&key.access_token(&claims_with(&json!({"client_id": client}))));
    for (over, alone) in [
        (json!({}), "alice"),
        (json!({"azp": "copilot"}), "alice > copilot"),
        (json!({"aud": "copilot"}), "alice > copilot"),
        (json!({"aud": "copilot", "azp": "web"}), "alice > copilot"),
        (json!({"aud": ["web", "x"], "azp": "web"}), "alice > x"),
        (
            json!({"aud": ["web", "x"], "azp": "copilot"}),
            "alice > copilot > x",
        ),
        (
            json!({"aud": "copilot", "act": {"sub": "x"}}),
            "alice > x > copilot",
        ),
        (json!({"sub_profile": "ai_agent"}), ""),
        (json!({"sub_profile": "user"}), "alice"),
    ] {
        let id = id(&over);
        assert_eq!(
            legs(&standard, std::slice::from_ref(&id)).await,
            alone,
            "{over}"
        );
        if !over["act"].is_null() || alone.is_empty() {
            continue;
        }
        // Beside a token of another client, and of her own hand.
        assert_eq!(
            legs(&standard, &[id.clone(), token("web")]).await,
            "alice",
            "{over}"
        );
        assert_eq!(
            legs(&standard, &[token("bot"), id]).await,
            "alice > bot",
            "{over}"
        );
    }
    // Where `sub` is whoever acts, an ID token may be an agent's.
    for form in [ActorForm::Inverted, ActorForm::List] {
        let world = world(form);
        let found = world
            .ask(&question("look", &[id(&json!({"sub": "bot"}))]))
            .await;
        assert!(found.contains("never stands alone"), "{form:?}: {found}");
    }
}

#[actix_web::test]
async fn two_claims_at_one_path_are_two_truths() {
    let dotted = |profile: Profile| Profile {
        claims: ClaimPaths {
            client: paths(&["ext.client"]),
            roles: paths(&["ext.roles"]),
            ..profile.claims
        },
        facts: vec![FactRule {
            name: "tenant".into(),
            claim: ClaimPath::new("ext.tenant"),
            kind: FactKind::Text,
        }],
        ..profile
    };
    let twice = "twice: as a name with a dot";
    hold(
        dotted,
        &[
            (json!({"ext": {"client": "web"}}), "user:alice"),
            (json!({"ext.client": "bot"}), "does not read"),
            (
                json!({"client_id": null, "ext.client": "bot"}),
                "user:alice > agent:bot",
            ),
            (
                json!({"client_id": "bot", "ext.client": "bot", "ext": {"client": "bot"}}),
                "user:alice > agent:bot",
            ),
            (
                json!({"ext.client": "web", "ext": {"client": "x"}}),
                "names two clients",
            ),
            (
                json!({"ext.client": "web", "ext": {"client": ["x"]}}),
                "`ext.client` is not of its form",
            ),
            (json!({"ext.roles": ["a"], "ext": {"roles": ["b"]}}), twice),
            (json!({"ext.tenant": "a", "ext": {"tenant": "b"}}), twice),
            (json!({"Ext": {"client": "x"}}), "spelled like `ext."),
            (json!({"ext": {"Client": "x"}}), "spelled like `ext.client`"),
            (
                json!({"ext": {"client": "web", "Client": "web"}}),
                "user:alice",
            ),
            (
                json!({"ext": {"client": "web", "Client": "x"}}),
                "spelled like `ext.client`",
            ),
            (
                json!({"ext": {"client": "web", "Roles": ["a"]}}),
                "spelled like `ext.roles`",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn names_beside_those_that_are_read_refuse_the_token() {
    hold(
        |profile| profile,
        &[
            (json!({"Sub": "x"}), "spelled like `sub`"),
            (json!({"Sub": "alice"}), "user:alice"),
            (json!({"Roles": ["a"]}), "spelled like `roles`"),
            (json!({"SCOPE": "a"}), "spelled like `scope`"),
            (json!({"Nonce": "a"}), "spelled like `nonce`"),
            (json!({"tokenType": "DPoP"}), "bound to a key"),
            (json!({"tokenType": "access"}), "user:alice"),
            (json!({"on_behalf_of": "bob"}), "which is not read"),
            (json!({"delegationChain": ["bob"]}), "which is not read"),
            (
                json!({"act": {"sub": "b", "on_behalf_of": "x"}}),
                "`act.on_behalf_of` names somebody",
            ),
            (
                json!({"act": {"sub": "b", "act": {"sub": "c", "delegationChain": ["x"]}}}),
                "`act.delegationChain` names somebody",
            ),
            (
                json!({"act": {"sub": "b", "context": {"agent": "x"}}}),
                "`act.context` names somebody",
            ),
            (
                json!({"act": {"sub": "b", "email": "b@x", "roles": ["a"]}}),
                "user:alice > agent:b",
            ),
        ],
    )
    .await;
    let nested = |profile: Profile| Profile {
        claims: ClaimPaths {
            actor_client: paths(&["x.client"]),
            ..profile.claims
        },
        ..profile
    };
    hold(
        nested,
        &[
            (
                json!({"act": {"sub": "9", "x": {"client": "bot"}}}),
                "user:alice > agent:bot",
            ),
            (
                json!({"act": {"sub": "web", "x": {"Client": "bot"}}}),
                "is spelled like one that names it",
            ),
            (
                json!({"act": {"sub": "web", "X": {"client": "bot"}}}),
                "is spelled like one that names it",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_workload_in_act_has_no_second_name() {
    let key = Key::new("k1");
    let web = publish(&key);
    let domain = TrustDomain {
        name: "prod.example".into(),
        bundle: KeySource::Jwks(web.url.clone()),
        audiences: vec!["pdp".into()],
        entity_type: "agent".into(),
        longest_life: Duration::from_hours(1),
        leeway: Duration::from_secs(30),
    };
    let world = World::new(vec![profile(&web)], vec![domain]);
    let id = "spiffe://prod.example/bot";
    for (beside, value, fits) in [
        ("roles", json!(["a"]), true),
        ("client_id", json!(id), true),
        ("client_id", json!("spiffe://prod.example/x"), false),
        ("azp", json!("x"), false),
        ("clientId", json!("x"), false),
        ("client_id", json!(7), false),
    ] {
        let act = json!({"sub": id, "iss": "spiffe://prod.example", beside: value});
        let found = chain(
            &world,
            &key.access_token(&claims_with(&json!({"act": act}))),
        )
        .await;
        if fits {
            assert_eq!(found, format!("user:alice > agent:{id}"), "{act}");
        } else {
            assert!(found.contains("its claims name two"), "{act}: {found}");
        }
    }
}

#[actix_web::test]
async fn tokens_of_entra_live_as_long_as_it_lets_them() {
    let token = |life: i64| {
        json!({"ver": "2.0", "oid": "o1", "sub": "o1", "client_id": null, "azp": "batch",
            "iat": NOW - 300, "exp": NOW - 300 + life})
    };
    hold(
        preset(Preset::Entra),
        &[
            (token(86_700), "agent:batch"),
            (token(28 * 3_600 + 300), "agent:batch"),
            (token(30 * 3_600), "or set `longest_life_s`"),
        ],
    )
    .await;
}
