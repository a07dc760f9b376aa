//! Claims that a profile names, as policies see them.

use crate::world::{World, access, claims, profile, publish, question};
use behest::evidence::{ClaimPath, FactKind, FactRule, Profile};
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, with};
use support::web::Web;

const REGION: &str = "https://acme.example/region";

fn world() -> (World, Key, Web) {
    let key = Key::new("k1");
    let web = publish(&key);
    let rule = |name: &str, claim: ClaimPath, kind| FactRule {
        name: name.into(),
        claim,
        kind,
    };
    let facts = vec![
        rule("tenant", ClaimPath::new("tid"), FactKind::Text),
        rule(
            "level",
            ClaimPath::exact(["ext", "my.level"]),
            FactKind::Long,
        ),
        rule("until", ClaimPath::new("ext.until"), FactKind::Time),
        rule("regions", ClaimPath::new(REGION), FactKind::Texts),
        rule("undeclared", ClaimPath::new("tid"), FactKind::Text),
    ];
    (
        World::new(
            vec![Profile {
                facts,
                ..profile(&web)
            }],
            Vec::new(),
        ),
        key,
        web,
    )
}

/// A claim with these digits, as they stand.
fn until(digits: &str) -> Value {
    let text = format!(r#"{{"tid": "acme", "ext": {{"until": {digits}}}}}"#);
    serde_json::from_str(&text).expect("JSON")
}

#[actix_web::test]
async fn a_claim_that_the_profile_names_is_a_fact_of_its_type() {
    let (world, key, _web) = world();
    let now = NOW_MS / 1_000;
    for (over, expected) in [
        (json!({"tid": "acme"}), "permit"),
        (json!({}), "not_permitted"),
        (json!({"tid": "other"}), "not_permitted"),
        (json!({"tid": null}), "not_permitted"),
        // What does not fit its type denies.
        (json!({"tid": 7}), "bad_value"),
        (json!({"tid": ["acme"]}), "bad_value"),
        (json!({"tid": "acme", "ext": {"my.level": 2}}), "permit"),
        (
            json!({"tid": "acme", "ext": {"my.level": 3}}),
            "not_permitted",
        ),
        (
            json!({"tid": "acme", "ext": {"my.level": "2"}}),
            "bad_value",
        ),
        (
            json!({"tid": "acme", "ext": {"my": {"level": 9}}}),
            "permit",
        ),
        (json!({"tid": "acme", "ext": {"until": now}}), "permit"),
        (json!({"tid": "acme", "ext": {"until": 1}}), "not_permitted"),
        // No time becomes another.
        (until("1790812800.499"), "not_permitted"),
        (until("1790812800.5"), "permit"),
        (
            json!({"tid": "acme", "ext": {"until": "2027-01-01T00:00:00Z"}}),
            "permit",
        ),
        (json!({"tid": "acme", REGION: "eu"}), "permit"),
        (json!({"tid": "acme", REGION: ["us", "eu"]}), "permit"),
        (json!({"tid": "acme", REGION: "us"}), "not_permitted"),
        // What the token says to hold elsewhere is unknown, not absent.
        (
            json!({"tid": "acme", "_claim_names": {"tid": "src1"}}),
            "bad_value",
        ),
    ] {
        let token = key.access_token(&with(&claims(), &over));
        let found = world.ask(&question("tell", &[access(&token)])).await;
        assert_eq!(
            found.split(':').next().unwrap(),
            expected,
            "{over}: {found}"
        );
    }
}

#[actix_web::test]
async fn facts_that_decide_tell_cached_answers_apart() {
    let (world, key, _web) = world();
    let token = |over: Value| key.access_token(&with(&claims(), &over));
    let ask = async |token: &str, action: &str| {
        world.ask(&question(action, &[access(token)])).await == "permit"
    };
    let (acme, other) = (
        token(json!({"tid": "acme", "jti": "t1"})),
        token(json!({"tid": "other", "jti": "t2"})),
    );
    for _ in 0..2 {
        assert_eq!(
            [ask(&acme, "tell").await, ask(&other, "tell").await],
            [true, false]
        );
        assert_eq!(
            [ask(&acme, "read").await, ask(&other, "read").await],
            [true, true]
        );
    }
}
