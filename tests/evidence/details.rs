//! Rich authorization requests: one object covers, or none does.

use crate::world::{World, access, claims_with, profile, publish};
use behest::evidence::Profile;
use behest::model::{DetailRule, MemberPath};
use serde_json::{Value, json};
use support::tokens::{Key, with};

fn world() -> (World, Key) {
    let path = |text| MemberPath::parse(text).unwrap();
    let rule = DetailRule {
        kind: "payment".into(),
        resource_type: "account".into(),
        equal: vec![
            (path("creditor"), path("context.arguments.to")),
            (path("limit.currency"), path("context.arguments.currency")),
        ],
        at_most: vec![(path("limit.amount"), path("context.arguments.amount"))],
        actions: vec![
            ("initiate".into(), vec!["pay".into()]),
            ("status".into(), vec!["look".into()]),
        ],
        ..DetailRule::default()
    };
    let key = Key::new("k1");
    let web = publish(&key);
    (
        World::new(
            vec![Profile {
                details: vec![rule],
                ..profile(&web)
            }],
            Vec::new(),
        ),
        key,
    )
}

fn detail(amount: &str, to: &str) -> Value {
    let limit = json!({"amount": amount, "currency": "EUR"});
    json!({"type": "payment", "actions": ["initiate"], "creditor": to, "limit": limit})
}

#[actix_web::test]
async fn an_object_is_of_one_resource_and_speaks_the_words_of_its_api() {
    let (world, key) = world();
    for (over, expected) in [
        (json!({}), "permit"),
        (json!({"identifier": "main"}), "permit"),
        (json!({"identifier": "savings"}), "not_permitted"),
        (json!({"identifier": ["main"]}), "not_permitted"),
        (json!({"identifiers": ["savings", "main"]}), "permit"),
        (
            json!({"identifier": "main", "identifiers": ["savings"]}),
            "not_permitted",
        ),
        (json!({"actions": ["status"]}), "not_permitted"),
        (json!({"actions": ["pay"]}), "not_permitted"),
        (json!({"actions": ["status", "initiate"]}), "permit"),
        (json!({"actions": "initiate"}), "not_permitted"),
        (json!({"actions": null}), "not_permitted"),
    ] {
        let detail = with(&detail("100", "bob"), &over);
        let token = key.access_token(&claims_with(&json!({"authorization_details": [detail]})));
        let body = json!({
            "subject": {"type": "credential", "id": "0"},
            "action": {"name": "pay"},
            "resource": {"type": "account", "id": "main"},
            "context": {"credentials": [access(&token)], "arguments": {"amount": 1, "to": "bob", "currency": "EUR"}},
        });
        let found = world.ask(&body).await;
        assert_eq!(found.split(':').next().unwrap(), expected, "{over}");
    }
}

#[actix_web::test]
async fn a_payment_is_covered_by_one_object_and_never_by_a_mixture() {
    let (world, key) = world();
    let ask = async |details: Value, amount: Value, to: &str| {
        let token = key.access_token(&claims_with(&json!({"authorization_details": details})));
        let body = json!({
            "subject": {"type": "credential", "id": "0"},
            "action": {"name": "pay"},
            "resource": {"type": "account", "id": "main"},
            "context": {"credentials": [access(&token)], "arguments": {"amount": amount, "to": to, "currency": "EUR"}},
        });
        world.ask(&body).await.split(':').next().unwrap().to_owned()
    };
    let both = json!([detail("100", "bob"), detail("5", "eve")]);
    assert_eq!(ask(both.clone(), json!(100), "bob").await, "permit");
    assert_eq!(ask(both.clone(), json!(5.0), "eve").await, "permit");
    assert_eq!(ask(both.clone(), json!(100), "eve").await, "not_permitted");
    assert_eq!(
        ask(both.clone(), json!(100.01), "bob").await,
        "not_permitted"
    );
    // As numbers: as text, 9 would be above 10.
    assert_eq!(
        ask(json!([detail("10", "bob")]), json!(9), "bob").await,
        "permit"
    );
    assert_eq!(
        ask(json!([detail("9", "bob")]), json!(10), "bob").await,
        "not_permitted"
    );
    let mut other = detail("100", "bob");
    other["limit"]["currency"] = json!("USD");
    assert_eq!(ask(json!([other]), json!(1), "bob").await, "not_permitted");
    assert_eq!(
        ask(json!([{"type": "admin"}]), json!(1), "bob").await,
        "not_permitted"
    );
    assert_eq!(
        ask(json!(["payment"]), json!(1), "bob").await,
        "credential_invalid"
    );
    assert_eq!(ask(json!([]), json!(1), "bob").await, "not_permitted");
}

/// A detail is compared with what policies see: a request's word does not count where they read a
/// stored value.
#[actix_web::test]
async fn a_detail_is_compared_with_what_policies_see_of_the_resource() {
    let path = |text: &str| MemberPath::parse(text).unwrap();
    let rules = ["iban", "bank", "branch", "memo"].map(|name| DetailRule {
        kind: name.into(),
        resource_type: "account".into(),
        equal: vec![(path(name), path(&format!("resource.properties.{name}")))],
        ..DetailRule::default()
    });
    let fee = DetailRule {
        kind: "fee".into(),
        resource_type: "account".into(),
        at_most: vec![(path("fee"), path("resource.properties.fee"))],
        ..DetailRule::default()
    };
    let key = Key::new("k1");
    let web = publish(&key);
    let details = rules.into_iter().chain([fee]).collect();
    let world = World::new(
        vec![Profile {
            details,
            ..profile(&web)
        }],
        Vec::new(),
    );
    let stored = json!("STORED");
    let claimed = json!("CLAIMED");
    for (name, account, sent, detail, expected) in [
        // A stored value wins.
        ("iban", "main", claimed.clone(), claimed.clone(), false),
        ("iban", "main", claimed.clone(), stored.clone(), true),
        ("iban", "main", Value::Null, stored.clone(), true),
        ("iban", "savings", claimed.clone(), claimed.clone(), true),
        ("iban", "savings", Value::Null, claimed.clone(), false),
        // Stored values alone count.
        ("bank", "main", claimed.clone(), claimed.clone(), false),
        ("bank", "main", claimed.clone(), stored.clone(), true),
        ("bank", "savings", claimed.clone(), claimed.clone(), false),
        // The request's wins.
        ("branch", "main", claimed.clone(), claimed.clone(), true),
        ("branch", "main", claimed.clone(), stored.clone(), false),
        ("branch", "main", Value::Null, stored.clone(), true),
        // The schema does not declare it.
        ("memo", "main", claimed.clone(), claimed.clone(), true),
        ("memo", "main", Value::Null, claimed.clone(), false),
        ("fee", "main", json!(1), json!("12.5"), true),
        ("fee", "main", json!(1), json!(12), false),
        ("fee", "savings", json!(1), json!(12), true),
    ] {
        let detail = json!({"type": name, "actions": ["pay"], name: detail});
        let token = key.access_token(&claims_with(&json!({"authorization_details": [detail]})));
        let body = json!({
            "subject": {"type": "credential", "id": "0"},
            "action": {"name": "pay"},
            "resource": {"type": "account", "id": account, "properties": {name: sent}},
            "context": {"credentials": [access(&token)], "arguments": {}},
        });
        let found = world.ask(&body).await;
        let expected = if expected { "permit" } else { "not_permitted" };
        assert_eq!(
            found.split(':').next().unwrap(),
            expected,
            "{account} {sent} {detail}"
        );
    }
}
