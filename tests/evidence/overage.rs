//! Tokens that say that there is more than they hold: what is not there is unknown, and not none.

use crate::world::{AUDIENCE, ISSUER, World, access, profile, publish, question};
use behest::evidence::{ClaimPath, Overage, Preset, Profile};
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, with};
use support::web::Web;

const NOW: i64 = NOW_MS / 1_000;

/// A service that forbids `skim` to the group `blocked`, and permits `look` and `skim` otherwise.
fn world(preset: Preset, over: impl Fn(Profile) -> Profile) -> (World, Key, Web) {
    let key = Key::new("k1");
    let web = publish(&key);
    let keys = profile(&web);
    let made = Profile {
        trust: keys.trust,
        audiences: keys.audiences,
        own_clients: vec!["web".into()],
        ..preset.profile(ISSUER)
    };
    (World::new(vec![over(made)], Vec::new()), key, web)
}

fn token(key: &Key, over: &Value) -> String {
    let claims = json!({
        "aud": AUDIENCE, "iss": ISSUER, "iat": NOW - 10, "exp": NOW + 300, "azp": "web", "oid": "alice", "sub": "alice",
        "scp": "read", "ver": "2.0", "groups": ["staff"],
    });
    key.sign(
        &json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}),
        &with(&claims, over),
    )
}

fn more() -> [Value; 7] {
    [
        json!({"groups": null, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x"}}}),
        json!({"_claim_names": {"groups": "src1"}}),
        json!({"groups": "src1", "_claim_sources": {"src1": {"endpoint": "https://x"}}}),
        json!({"groups": null, "hasgroups": true}),
        json!({"hasgroups": "true"}),
        json!({"_claim_names": {"groups": null, "other": "src1"}, "hasgroups": true}),
        json!({"groups": null, "_claim_names": {"Groups": "src1"}}),
    ]
}

/// Groups that Entra ID writes into `roles`, as the profile says.
#[actix_web::test]
async fn groups_that_are_roles_are_unknown_where_there_are_more() {
    let roles = vec![ClaimPath::new("roles")];
    let (world, key, _web) = world(Preset::Entra, |mut profile| {
        profile.claims.groups = roles.clone();
        profile
    });
    let ask = async |over: &Value| {
        let over = with(over, &json!({"roles": ["clerk", "payer"]}));
        world
            .ask(&question("roles", &[access(&token(&key, &over))]))
            .await
    };
    assert_eq!(ask(&json!({})).await, "permit");
    for over in more() {
        assert!(
            ask(&over)
                .await
                .starts_with("bad_value: `context.token.roles`"),
            "{over}"
        );
    }
    let (world, key, _web) = self::world(Preset::Entra, |profile| profile);
    for over in more() {
        let over = with(&over, &json!({"roles": ["clerk", "payer"]}));
        assert_eq!(
            world
                .ask(&question("roles", &[access(&token(&key, &over))]))
                .await,
            "permit",
            "{over}"
        );
    }
}

#[actix_web::test]
async fn a_policy_that_reads_groups_denies_where_there_are_more() {
    let (world, key, _web) = world(Preset::Entra, |profile| profile);
    let ask = async |action: &str, over: &Value| {
        world
            .ask(&question(action, &[access(&token(&key, over))]))
            .await
    };
    assert_eq!(ask("skim", &json!({})).await, "permit");
    assert_eq!(ask("skim", &json!({"groups": null})).await, "permit");
    assert_eq!(
        ask("skim", &json!({"groups": null, "hasgroups": false})).await,
        "permit"
    );
    assert!(
        ask("skim", &json!({"groups": ["blocked"]}))
            .await
            .starts_with("forbidden: ")
    );
    for over in more() {
        for _ in 0..2 {
            let found = ask("skim", &over).await;
            let why = "bad_value: `context.token.groups`: a fact of which the token says that it does not hold all does not \
                       fit Set<String>";
            assert_eq!(found, why, "{over}");
            // Nothing reads them there.
            assert_eq!(ask("look", &over).await, "permit", "{over}");
            assert_eq!(ask("read", &over).await, "permit", "{over}");
        }
    }
    for name in ["acr", "roles", "sid", "jti"] {
        assert_eq!(
            ask("read", &json!({"_claim_names": {name: "src1"}})).await,
            "permit",
            "{name}"
        );
    }
    let sources = json!({"src1": {"endpoint": "https://x"}});
    for over in [
        json!({"sid": "src1", "_claim_sources": sources}),
        json!({"_claim_names": {"sid": "src1"}}),
    ] {
        assert_eq!(ask("read", &over).await, "permit", "{over}");
        assert!(
            ask("session", &over).await.starts_with("bad_value: "),
            "{over}"
        );
    }
    assert_eq!(ask("session", &json!({"sid": "src1"})).await, "permit");
    // What tells whose a token is, of which kind it is, and what it is bound to: scopes tell a
    // user's from a client's there.
    for name in [
        "oid", "azp", "sub", "aud", "cnf", "act", "exp", "scp", "idtyp", "ver", "nonce", "typ",
    ] {
        let found = ask("look", &json!({"_claim_names": {name: "src1"}})).await;
        assert!(
            found.contains(&format!("has its claim `{name}` elsewhere")),
            "{found}"
        );
    }
    for name in ["scp", "azp", "act", "cnf"] {
        let found = ask("look", &json!({name: "src1", "_claim_sources": sources})).await;
        assert!(
            found.contains(&format!("has its claim `{name}` elsewhere")),
            "{found}"
        );
    }
    for name in ["HasGroups", "has_groups", "_Claim_names"] {
        let found = ask("look", &json!({name: true})).await;
        assert!(
            found.contains("but for case or separators"),
            "{name}: {found}"
        );
    }
    for name in ["_claim_names", "_claim_sources"] {
        let found = ask("look", &json!({name: "groups"})).await;
        assert!(
            found.contains(&format!("`{name}` is not of its form")),
            "{found}"
        );
    }
}

#[actix_web::test]
async fn a_setting_refuses_such_tokens() {
    let (world, key, _web) = world(Preset::Entra, |profile| Profile {
        overage: Overage::Refuse,
        ..profile
    });
    let ask = async |over: &Value| {
        world
            .ask(&question("look", &[access(&token(&key, over))]))
            .await
    };
    assert_eq!(ask(&json!({})).await, "permit");
    for over in more() {
        let found = ask(&over).await;
        assert!(
            found.contains("does not hold all of its claim `groups`"),
            "{over}: {found}"
        );
    }
}
