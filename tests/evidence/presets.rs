//! Presets: tokens as the issuers that they are made for write them.

use crate::world::{AUDIENCE, ISSUER, World, access, profile, publish, question};
use behest::evidence::{Preset, Profile};
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, with};

const NOW: i64 = NOW_MS / 1_000;

fn world(preset: Preset, key: &Key) -> World {
    let keys = profile(&publish(key));
    let made = Profile {
        trust: keys.trust,
        audiences: vec![AUDIENCE.into()],
        id_token_audiences: vec!["web".into()],
        own_clients: vec!["web".into()],
        ..preset.profile(ISSUER)
    };
    World::new(vec![made], Vec::new())
}

/// Who the token is of, and what it is said to hold; or why it is refused.
async fn read(world: &World, key: &Key, claims: &Value) -> String {
    let token = key.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}), claims);
    let body = question("read", &[access(&token)]);
    let explanation = world.explain(&body).await;
    let answer = world.ask(&body).await;
    match explanation["credentials"][0]["chain"]
        .as_array()
        .map(Vec::as_slice)
    {
        Some([one]) => format!(
            "{}:{} {answer}",
            one["type"].as_str().unwrap(),
            one["id"].as_str().unwrap()
        ),
        _ => answer,
    }
}

#[actix_web::test]
async fn keycloak() {
    let key = Key::new("k1");
    let world = world(Preset::Keycloak, &key);
    let token = json!({
        "exp": NOW + 300, "iat": NOW - 10, "auth_time": NOW - 60, "jti": "onrtac:1", "iss": ISSUER, "aud": [AUDIENCE, "account"],
        "sub": "7a1f-uuid", "typ": "Bearer", "azp": "web", "sid": "s1", "acr": "1", "allowed-origins": ["https://web.example"],
        "realm_access": {"roles": ["offline_access"]}, "resource_access": {"account": {"roles": ["view-profile"]}},
        "scope": "openid read", "email_verified": false, "preferred_username": "alice",
    });
    assert_eq!(read(&world, &key, &token).await, "user:7a1f-uuid permit");
    let of_client = json!({"azp": "batch", "client_id": "batch", "sid": null, "preferred_username": "service-account-batch",
               "clientHost": "10.0.0.1", "clientAddress": "10.0.0.1"});
    assert_eq!(
        read(&world, &key, &with(&token, &of_client)).await,
        "agent:batch permit"
    );
    for missing in [
        "preferred_username",
        "clientHost",
        "clientAddress",
        "client_id",
    ] {
        let own = with(&with(&token, &of_client), &json!({ missing: null }));
        assert_eq!(
            read(&world, &key, &own).await,
            "agent:batch permit",
            "{missing}"
        );
    }
    let posing = json!({"azp": "batch", "preferred_username": "service-account-batch"});
    // Without the scope `service_account` there is the name, and no session.
    assert_eq!(
        read(
            &world,
            &key,
            &with(&with(&token, &posing), &json!({"sid": null}))
        )
        .await,
        "agent:batch permit"
    );
    for (over, expected) in [
        // A user who registered by that name, in her session; and one whom the issuer knows both
        // ways.
        (
            posing.clone(),
            "has a user's claim `sid`: it has marks of both",
        ),
        (
            json!({"azp": "batch", "preferred_username": "service-account-batch", "sid": null, "session_state": "s1"}),
            "has a user's claim `session_state`",
        ),
        (
            with(
                &posing,
                &json!({"preferred_username": null, "username": "service-account-Batch"}),
            ),
            "has marks of both",
        ),
        (
            with(&of_client, &json!({"sid": "s1"})),
            "has a user's claim `sid`: it has marks of both",
        ),
        (
            with(&of_client, &json!({"session_state": "s1"})),
            "has a user's claim `session_state`",
        ),
        (json!({"clientHost": "10.0.0.1"}), "has marks of both"),
        (
            json!({"sid": null, "sub": "web", "session_state": "s1"}),
            "has marks of both",
        ),
        (
            json!({"preferred_username": "service-account-batch"}),
            "is another client's",
        ),
        // Its other tokens, which have the same type in the header, some the same audience.
        (json!({"typ": "ID", "at_hash": "x"}), "is an ID token"),
        (json!({"typ": "ID"}), "is an ID token"),
        (json!({"typ": "Refresh", "aud": ISSUER}), "another audience"),
        (json!({"typ": "Refresh"}), "is no access token"),
        (json!({"typ": "Logout", "events": {}}), "tells of an event"),
        (json!({"typ": null}), "is no access token"),
    ] {
        let found = read(&world, &key, &with(&token, &over)).await;
        assert!(
            found.starts_with("credential_invalid: ") && found.contains(expected),
            "{over}: {found}"
        );
    }
}

#[actix_web::test]
async fn entra() {
    let key = Key::new("k1");
    let world = world(Preset::Entra, &key);
    let token = json!({
        "aud": AUDIENCE, "iss": ISSUER, "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 4_000, "azp": "web", "azpacr": "0",
        "name": "Alice", "oid": "00000000-oid", "preferred_username": "alice@acme.example", "rh": "x", "scp": "read",
        "sub": "pairwise", "tid": "00000000-tid", "uti": "x", "ver": "2.0",
    });
    assert_eq!(read(&world, &key, &token).await, "user:00000000-oid permit");
    let of_application = json!({"azp": "batch", "scp": null, "sub": "00000000-oid", "roles": ["read"],
               "preferred_username": null, "name": null});
    // Whether or not the application asks for `idtyp`. Its roles are no scopes.
    for idtyp in [Value::Null, json!("app")] {
        let claims = with(&with(&token, &of_application), &json!({"idtyp": idtyp}));
        let found = read(&world, &key, &claims).await;
        assert!(found.starts_with("agent:batch not_permitted: "), "{found}");
    }
    for (over, expected) in [
        (
            json!({"azp": null, "scp": null, "nonce": "n"}),
            "is an ID token",
        ),
        (json!({"azp": null, "scp": null}), "is no access token"),
        (json!({"ver": "1.0"}), "is no access token"),
        (json!({"oid": null}), "names no subject"),
        (
            json!({"act": {"sub": "bot"}}),
            "its issuer's profile knows none",
        ),
    ] {
        let found = read(&world, &key, &with(&token, &over)).await;
        assert!(
            found.starts_with("credential_invalid: ") && found.contains(expected),
            "{over}: {found}"
        );
    }
}

#[actix_web::test]
async fn entra_version_1() {
    let key = Key::new("k1");
    let world = world(Preset::EntraV1, &key);
    let token = json!({
        "aud": AUDIENCE, "iss": ISSUER, "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 4_000, "acr": "1", "amr": ["pwd", "mfa"],
        "appid": "web", "appidacr": "0", "name": "Alice", "oid": "00000000-oid", "rh": "x", "scp": "read", "sub": "pairwise",
        "tid": "00000000-tid", "unique_name": "alice@acme.example", "uti": "x", "ver": "1.0",
    });
    assert_eq!(read(&world, &key, &token).await, "user:00000000-oid permit");
    for idtyp in [Value::Null, json!("app")] {
        let own = json!({"appid": "batch", "scp": null, "sub": "00000000-oid", "roles": ["read"], "idtyp": idtyp,
                         "unique_name": null, "name": null});
        let found = read(&world, &key, &with(&token, &own)).await;
        assert!(found.starts_with("agent:batch not_permitted: "), "{found}");
    }
    for (over, expected) in [
        (json!({"appid": null, "nonce": "n"}), "is an ID token"),
        (json!({"appid": null}), "its claim `appid` is missing"),
        (json!({"ver": "2.0"}), "its claim `ver` is missing"),
        (
            json!({"ver": "2.0", "appid": null, "azp": "web"}),
            "is no access token",
        ),
    ] {
        let found = read(&world, &key, &with(&token, &over)).await;
        assert!(
            found.starts_with("credential_invalid: ") && found.contains(expected),
            "{over}: {found}"
        );
    }
}

#[test]
fn every_word_of_a_setting_is_a_preset() {
    for (word, preset) in Preset::WORDS {
        assert_eq!(Preset::from_word(word), Some(preset));
    }
    assert_eq!(Preset::from_word("Keycloak"), None);
}

#[test]
fn the_page_and_the_example_say_of_each_preset_what_it_is() {
    let read = |name: &str| {
        std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let (page, example) = (read("docs/credentials.md"), read("behest.example.toml"));
    for (word, _) in Preset::WORDS {
        let in_row = |line: &str| {
            line.starts_with('|')
                && line
                    .split('|')
                    .nth(1)
                    .unwrap()
                    .contains(&format!("`{word}`"))
        };
        assert!(page.lines().any(in_row), "{word}");
        assert!(example.contains(&format!("\"{word}\"")), "{word}");
    }
}
