//! ID tokens: known by what they have, beside a credential of their subject, and granting nothing.

use crate::world::{
    AUDIENCE, ISSUER, World, access, claims, claims_with, profile, publish, question,
};
use behest::evidence::{Preset, Profile, Secret, Trust};
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, sign_with_secret, with};
use support::web::Web;

const NOW: i64 = NOW_MS / 1_000;

fn world(over: impl Fn(Profile) -> Profile) -> (World, Key, Web) {
    let key = Key::new("k1");
    let web = publish(&key);
    let made = over(Profile {
        id_token_audiences: vec!["web".into()],
        ..profile(&web)
    });
    (World::new(vec![made], Vec::new()), key, web)
}

fn untyped(key: &Key, claims: &Value) -> String {
    key.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), claims)
}

fn id_token(key: &Key, over: &Value) -> Value {
    let claims = with(
        &claims_with(&json!({"aud": "web", "nonce": "n", "client_id": null, "scope": null})),
        over,
    );
    json!({"type": "id_token", "value": untyped(key, &claims)})
}

#[actix_web::test]
async fn an_id_token_never_stands_alone_and_grants_nothing() {
    let (world, key, _web) = world(|profile| profile);
    let id = id_token(&key, &json!({}));
    let token = |over: Value| access(&key.access_token(&claims_with(&over)));
    let narrow = token(json!({"scope": "write"}));
    let (own, bot) = (
        token(json!({})),
        token(json!({"sub": "bot", "client_id": "bot"})),
    );
    let alone = "credential_mismatch: `context.credentials[0]` is an ID token, which never stands alone: send an access \
                 token of the same subject beside it";
    assert_eq!(
        world
            .ask(&question("look", std::slice::from_ref(&id)))
            .await,
        alone
    );
    assert_eq!(
        world
            .ask(&question("look", &[id.clone(), id.clone()]))
            .await,
        alone
    );
    for (action, credentials, expected) in [
        ("look", vec![id.clone(), own.clone()], "permit"),
        ("read", vec![id.clone(), own.clone()], "permit"),
        ("read", vec![own.clone(), id.clone()], "permit"),
        // It adds no scope.
        ("read", vec![id.clone(), narrow.clone()], "not_permitted"),
        // Another's.
        (
            "look",
            vec![id_token(&key, &json!({"sub": "bob"})), own.clone()],
            "credential_mismatch",
        ),
    ] {
        let found = world.ask(&question(action, &credentials)).await;
        assert_eq!(
            found.split(':').next(),
            Some(expected),
            "{credentials:?}: {found}"
        );
    }
    // A user's ID token and an agent's own token are no token of the user's for the agent.
    let mut body = question("read", &[id.clone(), bot]);
    body["subject"] = json!({"type": "user", "id": "alice", "properties": {"act": {"sub": "bot"}}});
    assert!(world.ask(&body).await.starts_with("credential_mismatch: "));
    body["action"]["name"] = json!("look");
    assert!(world.ask(&body).await.starts_with("credential_mismatch: "));
}

#[actix_web::test]
async fn a_setting_lets_an_id_token_stand_alone_without_facts() {
    let (world, key, _web) = world(|profile| Profile {
        id_tokens_alone: true,
        ..profile
    });
    let id = id_token(&key, &json!({}));
    assert_eq!(
        world
            .ask(&question("look", std::slice::from_ref(&id)))
            .await,
        "permit"
    );
    assert!(
        world
            .ask(&question("read", std::slice::from_ref(&id)))
            .await
            .starts_with("not_permitted: ")
    );
    let bot = access(&key.access_token(&claims_with(&json!({"sub": "bot", "client_id": "bot"}))));
    let mut body = question("read", &[id, bot]);
    body["subject"] = json!({"type": "user", "id": "alice", "properties": {"act": {"sub": "bot"}}});
    // The scope is the agent's, and no authority of hers.
    assert!(world.ask(&body).await.starts_with("not_permitted: "));
}

#[actix_web::test]
async fn neither_kind_is_taken_for_the_other() {
    let (world, key, _web) = world(|profile| profile);
    let beside = access(&key.access_token(&claims()));
    let ask = async |claims: &Value| {
        let id = json!({"type": "id_token", "value": untyped(&key, claims)});
        world.ask(&question("look", &[id, beside.clone()])).await
    };
    let good = claims_with(&json!({"aud": "web", "nonce": "n"}));
    for (over, expected) in [
        (json!({}), "permit"),
        (json!({"nonce": null, "at_hash": "h"}), "permit"),
        (json!({"nonce": null}), "is no ID token"),
        (json!({"sub": "web"}), "a client's own"),
        (json!({"client_id": null, "azp": "alice"}), "a client's own"),
        (json!({"aud": ["web", "other"], "azp": "web"}), "permit"),
        (
            json!({"aud": ["web", "other"], "client_id": null, "azp": "other"}),
            "was issued to none of ours",
        ),
        (
            json!({"aud": ["web", "other"]}),
            "was issued to none of ours",
        ),
        (json!({"aud": AUDIENCE}), "another audience"),
        (json!({"aud": null}), "has no `aud`"),
        (json!({"events": {}}), "tells of an event"),
    ] {
        let found = ask(&with(&good, &over)).await;
        assert!(found.contains(expected), "{over}: {found}");
    }
    let typed = json!({"type": "id_token", "value": key.access_token(&good)});
    assert!(
        world
            .ask(&question("look", &[typed, beside.clone()]))
            .await
            .contains("the token's type is not one")
    );
    assert!(
        world
            .read(&untyped(&key, &good))
            .await
            .starts_with("credential_invalid: ")
    );
}

#[actix_web::test]
async fn keycloaks_tokens_are_told_apart_by_their_type() {
    let (world, key, _web) = world(|profile| Profile {
        trust: profile.trust,
        audiences: profile.audiences,
        id_token_audiences: vec!["web".into(), AUDIENCE.into()],
        own_clients: vec!["web".into()],
        ..Preset::Keycloak.profile(ISSUER)
    });
    let token = json!({
        "iss": ISSUER, "sub": "alice", "aud": [AUDIENCE, "web"], "azp": "web", "typ": "Bearer", "iat": NOW - 10,
        "exp": NOW + 300, "scope": "openid read", "preferred_username": "alice",
    });
    let over = |over: Value| untyped(&key, &with(&token, &over));
    let beside = access(&over(json!({})));
    let as_id = async |value: String| {
        world
            .ask(&question(
                "look",
                &[json!({"type": "id_token", "value": value}), beside.clone()],
            ))
            .await
    };
    assert_eq!(
        as_id(over(json!({"typ": "ID", "scope": null}))).await,
        "permit"
    );
    for typ in [
        json!("Bearer"),
        json!("DPoP"),
        json!("Refresh"),
        json!("Offline"),
        Value::Null,
    ] {
        let found = as_id(over(json!({"typ": typ, "nonce": "n", "at_hash": "h"}))).await;
        assert!(found.contains("is no ID token"), "{typ}: {found}");
    }
    let account = json!({"typ": "ID", "aud": "web", "sub": "a-uuid", "azp": "batch", "clientHost": "10.0.0.1"});
    assert!(as_id(over(account)).await.contains("a client's own"));
    // Before version 25, and by a mapper.
    assert_eq!(world.read(&over(json!({"nonce": "n"}))).await, "permit");
    let bound = json!({"typ": "DPoP", "cnf": {"jkt": Key::new("").thumbprint()}});
    assert!(
        world
            .read(&over(bound))
            .await
            .starts_with("proof_invalid: ")
    );
    assert!(
        world
            .read(&over(json!({"typ": "DPoP"})))
            .await
            .contains("bound to a key, and not to which")
    );
    for typ in [json!("ID"), json!("Refresh"), Value::Null] {
        assert!(
            world
                .read(&over(json!({"typ": typ})))
                .await
                .starts_with("credential_invalid: "),
            "{typ}"
        );
    }
}

#[actix_web::test]
async fn a_shared_secret_makes_no_id_token() {
    let secret = b"0123456789abcdef0123456789abcdef";
    let shared = Profile {
        trust: Trust::Secret(Secret::new(secret.to_vec())),
        ..Preset::SharedSecret.profile("local")
    };
    let world = World::new(vec![shared], Vec::new());
    let claims = json!({"agentId": "dev-1", "permissions": ["read"], "nonce": "n", "iat": NOW, "exp": NOW + 60});
    let token = sign_with_secret(secret, &json!({"alg": "HS256", "typ": "JWT"}), &claims);
    assert_eq!(world.read(&token).await, "permit");
    for credentials in [
        vec![json!({"type": "id_token", "value": token})],
        vec![json!({"type": "id_token", "value": token}), access(&token)],
    ] {
        let found = world.ask(&question("look", &credentials)).await;
        assert!(
            found.contains("an issuer with a shared secret has no ID tokens"),
            "{found}"
        );
    }
}
