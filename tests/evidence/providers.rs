//! Presets of hosted providers and platforms: tokens as each of them writes them.

use crate::world::{AUDIENCE, ISSUER, World, access, profile, publish, question};
use behest::evidence::{Preset, Profile};
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, with};

const NOW: i64 = NOW_MS / 1_000;

fn world(preset: Preset, key: &Key, over: impl FnOnce(Profile) -> Profile) -> World {
    let keys = profile(&publish(key));
    let made = over(preset.profile(ISSUER));
    let id_token_audiences = if made.id_tokens.is_empty() {
        Vec::new()
    } else {
        vec!["web".into()]
    };
    World::new(
        vec![Profile {
            trust: keys.trust,
            id_token_audiences,
            ..made
        }],
        Vec::new(),
    )
}

fn for_the_audience(profile: Profile) -> Profile {
    Profile {
        audiences: vec![AUDIENCE.into()],
        ..profile
    }
}

/// The chain that a token with this type proves; or why it is refused.
async fn chain(world: &World, key: &Key, typ: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": "ES256", "kid": "k1"});
    if let Some(typ) = typ {
        header["typ"] = json!(typ);
    }
    let body = question("look", &[access(&key.sign(&header, claims))]);
    let explanation = world.explain(&body).await;
    match explanation["credentials"][0]["chain"].as_array() {
        Some(chain) => {
            let member = |one: &Value| {
                format!(
                    "{}:{}",
                    one["type"].as_str().unwrap(),
                    one["id"].as_str().unwrap()
                )
            };
            chain.iter().map(member).collect::<Vec<_>>().join(" > ")
        }
        None => world.ask(&body).await,
    }
}

async fn refused(world: &World, key: &Key, typ: Option<&str>, claims: &Value, why: &str) {
    let found = chain(world, key, typ, claims).await;
    assert!(
        found.starts_with("credential_invalid: ") && found.contains(why),
        "{claims}: {found}"
    );
}

#[actix_web::test]
async fn auth0() {
    let key = Key::new("k1");
    let world = world(Preset::Auth0, &key, for_the_audience);
    let user = json!({
        "iss": ISSUER, "sub": "auth0|5f7c8ec7", "aud": [AUDIENCE, "https://acme.auth0.com/userinfo"], "iat": NOW - 10,
        "exp": NOW + 86_000, "azp": "web", "scope": "openid profile read", "permissions": ["read"],
    });
    assert_eq!(
        chain(&world, &key, Some("JWT"), &user).await,
        "user:auth0|5f7c8ec7 > agent:web"
    );
    let standard = with(&user, &json!({"azp": null, "client_id": "web", "jti": "x"}));
    assert_eq!(
        chain(&world, &key, Some("at+jwt"), &standard).await,
        "user:auth0|5f7c8ec7 > agent:web"
    );
    let machine = json!({"sub": "batch@clients", "azp": "batch", "gty": "client-credentials", "aud": AUDIENCE});
    assert_eq!(
        chain(&world, &key, Some("JWT"), &with(&user, &machine)).await,
        "agent:batch"
    );
    let machine = with(
        &machine,
        &json!({"gty": null, "azp": null, "client_id": "batch"}),
    );
    let machine = with(&standard, &machine);
    assert_eq!(
        chain(&world, &key, Some("at+jwt"), &machine).await,
        "agent:batch"
    );
    let other = with(&machine, &json!({"client_id": "web"}));
    refused(&world, &key, Some("at+jwt"), &other, "is another client's").await;
    let id = with(
        &user,
        &json!({"aud": "web", "azp": null, "scope": null, "sid": "s1", "name": "Alice"}),
    );
    refused(&world, &key, Some("JWT"), &id, "another audience").await;
    refused(
        &world,
        &key,
        Some("JWT"),
        &with(&id, &json!({"aud": AUDIENCE})),
        "is an ID token",
    )
    .await;
}

#[actix_web::test]
async fn okta() {
    let key = Key::new("k1");
    let world = world(Preset::Okta, &key, for_the_audience);
    let user = json!({
        "ver": 1, "jti": "AT.x", "iss": ISSUER, "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 3_600, "cid": "0oaweb",
        "uid": "00ualice", "scp": ["openid", "read"], "auth_time": NOW - 60, "sub": "alice@acme.example",
    });
    // The login is what a name is made of, and the number is who it is.
    assert_eq!(
        chain(&world, &key, None, &user).await,
        "user:00ualice > agent:0oaweb"
    );
    let machine = json!({"uid": null, "auth_time": null, "cid": "0oabatch", "sub": "0oabatch"});
    assert_eq!(
        chain(&world, &key, None, &with(&user, &machine)).await,
        "agent:0oabatch"
    );
    let id = json!({"cid": null, "scp": null, "uid": null, "sub": "00ualice", "idp": "00o1", "amr": ["pwd"]});
    refused(&world, &key, None, &with(&user, &id), "is an ID token").await;
    refused(
        &world,
        &key,
        None,
        &with(&user, &json!({"cid": null})),
        "its claim `cid` is missing",
    )
    .await;
}

#[actix_web::test]
async fn cognito() {
    let key = Key::new("k1");
    let world = world(Preset::Cognito, &key, |made| Profile {
        client_ids: vec!["web".into(), "batch".into()],
        ..made
    });
    let user = json!({
        "sub": "aaaa-uuid", "cognito:groups": ["staff"], "iss": ISSUER, "version": 2, "client_id": "web", "origin_jti": "o",
        "event_id": "e", "token_use": "access", "scope": "openid read", "auth_time": NOW - 60, "exp": NOW + 3_600,
        "iat": NOW - 10, "jti": "j", "username": "alice",
    });
    assert_eq!(
        chain(&world, &key, None, &user).await,
        "user:aaaa-uuid > agent:web"
    );
    let machine = json!({"sub": "batch", "client_id": "batch", "username": null, "cognito:groups": null, "origin_jti": null});
    assert_eq!(
        chain(&world, &key, None, &with(&user, &machine)).await,
        "agent:batch"
    );
    refused(
        &world,
        &key,
        None,
        &with(&user, &json!({"client_id": "other"})),
        "not listed in `client_ids`",
    )
    .await;
    refused(
        &world,
        &key,
        None,
        &with(&user, &json!({"client_id": null})),
        "names no client",
    )
    .await;
    // A token with an audience is for that one, and here is none.
    refused(
        &world,
        &key,
        None,
        &with(&user, &json!({"aud": "https://other.example"})),
        "another audience",
    )
    .await;
    let id =
        json!({"aud": "web", "client_id": null, "token_use": "id", "cognito:username": "alice"});
    refused(&world, &key, None, &with(&user, &id), "names no client").await;
    refused(
        &world,
        &key,
        None,
        &with(&user, &json!({"token_use": "id"})),
        "is an ID token",
    )
    .await;
}

#[actix_web::test]
async fn google() {
    let key = Key::new("k1");
    let world = world(Preset::Google, &key, for_the_audience);
    let account = json!({
        "aud": AUDIENCE, "azp": "1047", "email": "batch@acme.iam.gserviceaccount.com", "email_verified": true,
        "exp": NOW + 3_600, "iat": NOW - 10, "iss": ISSUER, "sub": "1047",
    });
    assert_eq!(
        chain(&world, &key, Some("JWT"), &account).await,
        "agent:1047"
    );
    let person =
        json!({"email": "alice@acme.example", "sub": "1099", "azp": "web", "hd": "acme.example"});
    refused(
        &world,
        &key,
        Some("JWT"),
        &with(&account, &person),
        "its claim `email`",
    )
    .await;
    for over in [
        json!({"email_verified": false}),
        json!({"email_verified": null}),
        json!({"email": ".gserviceaccount.com"}),
        json!({"email": "batch@gserviceaccount.com.evil.example"}),
    ] {
        refused(
            &world,
            &key,
            Some("JWT"),
            &with(&account, &over),
            "its claim `email",
        )
        .await;
    }
}

#[actix_web::test]
async fn workloads() {
    let key = Key::new("k1");
    let base = json!({"iss": ISSUER, "aud": [AUDIENCE], "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 600, "jti": "j"});
    let job = "repo:acme/shop:ref:refs/heads/main";
    for (preset, typ, claims, who, required) in [
        (
            Preset::GithubActions,
            Some("JWT"),
            json!({
                "sub": job, "repository": "acme/shop", "repository_id": "7", "repository_owner": "acme", "actor": "alice",
                "job_workflow_ref": "acme/shop/.github/workflows/d.yml@refs/heads/main", "ref": "refs/heads/main",
            }),
            "agent:repo:acme/shop:ref:refs/heads/main",
            "job_workflow_ref",
        ),
        (
            Preset::Kubernetes,
            None,
            json!({
                "sub": "system:serviceaccount:shop:batch",
                "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "batch", "uid": "u"}},
            }),
            "agent:system:serviceaccount:shop:batch",
            "kubernetes.io",
        ),
        (
            Preset::Aws,
            Some("JWT"),
            json!({
                "sub": "arn:aws:iam::123456789012:role/Batch",
                "https://sts.amazonaws.com/": {"aws_account": "123456789012", "source_region": "eu-central-1"},
            }),
            "agent:arn:aws:iam::123456789012:role/Batch",
            "https://sts.amazonaws.com/",
        ),
    ] {
        let world = world(preset, &key, for_the_audience);
        let claims = with(&base, &claims);
        assert_eq!(chain(&world, &key, typ, &claims).await, who);
        refused(
            &world,
            &key,
            typ,
            &with(&claims, &json!({required: null})),
            required,
        )
        .await;
        refused(
            &world,
            &key,
            typ,
            &with(&claims, &json!({"aud": "sts.amazonaws.com"})),
            "another audience",
        )
        .await;
        refused(
            &world,
            &key,
            typ,
            &with(&claims, &json!({"act": {"sub": "x"}})),
            "its issuer's profile knows none",
        )
        .await;
    }
}

#[actix_web::test]
async fn keycloaks_roles_are_those_of_the_realm_and_of_this_service() {
    let key = Key::new("k1");
    let world = world(Preset::Keycloak, &key, for_the_audience);
    let token = json!({
        "exp": NOW + 300, "iat": NOW - 10, "jti": "x", "iss": ISSUER, "aud": AUDIENCE, "sub": "u", "typ": "Bearer",
        "azp": "web", "scope": "read", "preferred_username": "alice", "realm_access": {"roles": ["clerk"]},
        "resource_access": {AUDIENCE: {"roles": ["payer"]}, "other.app": {"roles": ["admin"]}},
    });
    let proven = async |claims: &Value| {
        let signed = key.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), claims);
        let body = question("roles", &[access(&signed)]);
        world.ask(&body).await
    };
    assert_eq!(proven(&token).await, "permit");
    for over in [
        json!({"realm_access": {"roles": []}}),
        json!({"resource_access": {"other.app": {"roles": ["payer"]}}}),
        json!({"resource_access": {AUDIENCE: {"roles": ["payer", "admin"]}}}),
    ] {
        assert!(
            proven(&with(&token, &over))
                .await
                .starts_with("not_permitted: "),
            "{over}"
        );
    }
    // A token that says that it is bound, and not to which key, is no bearer's.
    let bound = proven(&with(&token, &json!({"typ": "DPoP"}))).await;
    assert!(
        bound.contains("it is bound to a key, and not to which"),
        "{bound}"
    );
    let bound = proven(&with(&token, &json!({"typ": "DPoP", "cnf": {"jkt": "x"}}))).await;
    assert!(bound.starts_with("proof_invalid: "), "{bound}");
}
