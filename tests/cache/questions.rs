//! Questions about the worlds of [`crate::world`], and the credentials behind them.

use crate::world::{MARKS, NOON, rfc3339};
use behest::model::{
    CredentialKind, DetailRule, EntityRef, Evidence, MemberPath, ProvenIdentity, Timestamp, Value,
    VerifiedCredential,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::dice::Dice;
use support::values;

/// Questions, as bodies of requests, in families: each has one that is made at random, and others
/// that differ from it in one part, or say the same thing in another place.
pub(crate) fn questions(dice: &mut Dice, families: usize, rich: bool) -> Vec<Json> {
    let mut all = Vec::new();
    for _ in 0..families {
        let first = question(dice, rich);
        let mut part = first.clone();
        match dice.below(4) {
            0 => part["subject"]["properties"] = properties(dice),
            1 => part["resource"]["properties"] = of_doc(dice),
            _ => part["context"] = context(dice),
        }
        // The same entity under its other name.
        let mut alias = first.clone();
        let other = match alias["subject"]["type"].as_str() {
            Some("user") => json!("identity"),
            Some("identity") => json!("user"),
            _ => json!("agent"),
        };
        alias["subject"]["type"] = other;
        let (mut here, mut there) = (first.clone(), first.clone());
        if dice.chance(50) {
            here["context"] = json!({"limit": 1});
            there["context"] = json!({"arguments": {"amount": 1}});
        } else {
            here["subject"]["properties"] = json!({"level": 4});
            there["subject"]["properties"] = json!({"profile": {"rank": 4}});
        }
        all.extend([first, part, alias, here, there]);
    }
    all
}

fn question(dice: &mut Dice, rich: bool) -> Json {
    let user = format!("u{}", dice.below(3));
    let agents = dice.below(3);
    let chain: Vec<Json> = [("a0", "agent"), ("a1", "agent")]
        .iter()
        .take(agents)
        .map(|(id, kind)| json!({"type": kind, "id": id}))
        .collect();
    let kind = if dice.chance(15) { "identity" } else { "user" };
    let mut subject = json!({"type": kind, "id": user, "properties": properties(dice)});
    if let Some((last, before)) = chain.split_last() {
        let mut list = vec![json!({"type": "user", "id": user})];
        list.extend(before.iter().cloned());
        subject = last.clone();
        subject["properties"] = properties(dice);
        subject["delegation_chain"] = Json::Array(list);
    }
    let mut action = json!({"name": if dice.chance(70) { "read" } else { "write" }});
    if dice.chance(30) {
        let soft = dice
            .one(&[json!(true), json!(false), Json::Null, json!("yes")])
            .clone();
        action["properties"] = json!({"soft": soft, "reference": dice.below(3).to_string()});
    }
    let mut resource =
        json!({"type": "doc", "id": format!("d{}", dice.below(3)), "properties": of_doc(dice)});
    if rich && dice.chance(15) {
        action = json!({"name": "follow"});
        // Whoever is in two roles has the same properties in both.
        let properties = if dice.chance(70) {
            subject["properties"].clone()
        } else {
            properties(dice)
        };
        resource =
            json!({"type": "user", "id": format!("u{}", dice.below(3)), "properties": properties});
    }
    json!({"subject": subject, "action": action, "resource": resource, "context": context(dice)})
}

/// Credentials by name: of users, of an agent, of an agent for a user, of nobody.
const CREDENTIALS: [&str; 8] = [
    "u0-a", "u0-b", "u0-id", "u1-a", "u1-b", "a0", "u0>a0", "forged",
];

/// Some credentials, most of them of members of the question's chain.
pub(crate) fn credentials(dice: &mut Dice, question: &Json) -> Json {
    let text = question["subject"].to_string();
    let fitting: Vec<&str> = CREDENTIALS
        .into_iter()
        .filter(|name| {
            dice.chance(5)
                || name
                    .split(['-', '>'])
                    .filter(|part| part.len() == 2)
                    .all(|id| text.contains(&format!("\"{id}\"")))
        })
        .collect();
    json!(
        (0..=dice.below(2))
            .map(|_| *dice.one(&fitting))
            .collect::<Vec<_>>()
    )
}

/// What they prove.
pub(crate) fn evidence() -> Evidence {
    let uid = |id: &str| EntityRef::new(if id.starts_with('a') { "agent" } else { "user" }, id);
    let rule = DetailRule {
        kind: "reading".into(),
        resource_type: "doc".into(),
        at_most: vec![(
            MemberPath::parse("amount").unwrap(),
            MemberPath::parse("context.arguments.amount").unwrap(),
        )],
        ..DetailRule::default()
    };
    let rules: Arc<[DetailRule]> = vec![rule].into();
    let mut evidence = Evidence::default();
    for (at, name) in (0..).zip(&CREDENTIALS[..7]) {
        let chain = name
            .split('-')
            .next()
            .unwrap()
            .split('>')
            .map(uid)
            .collect();
        let mut facts = json!({
            "kind": "access_token", "issuer": "https://login.example", "audiences": ["https://api.example"],
            "scopes": if at % 2 == 0 { json!(["read"]) } else { json!([]) }, "roles": if at % 3 == 0 { json!([]) } else { json!(["r"]) },
            "groups": [], "amr": [], "detailed": at == 6,
        });
        if at % 3 != 1 {
            facts["client"] = json!(format!("c{}", at % 2));
            facts["expires"] = json!(rfc3339(NOON + MARKS[at % MARKS.len()]));
        }
        let detail = json!({"type": "reading", "actions": ["read"], "identifiers": ["d0", "d1"], "amount": 2});
        if at == 4 {
            facts["groups"] = json!({"more_than_the_token_holds": true});
        }
        let is_id_token = name.ends_with("id");
        let proven = ProvenIdentity {
            kind: if is_id_token {
                CredentialKind::IdToken
            } else {
                CredentialKind::AccessToken
            },
            issuer: "https://login.example".into(),
            chain,
            audiences: Vec::new(),
            holders: Vec::new(),
            stands_alone: !is_id_token,
            facts: (!is_id_token).then(|| values::record(&facts)),
            details: if at == 6 {
                vec![values::record(&detail)]
            } else {
                Vec::new()
            },
            rules: Arc::clone(&rules),
            proof: None,
            until: Timestamp(NOON + if at == 1 { 3_000 } else { 60_000 }),
        };
        let verified = VerifiedCredential {
            proven: Arc::new(proven),
            voucher: None,
            answer: None,
        };
        evidence.insert(Value::text(*name), Ok(verified));
    }
    evidence
}

/// Sets some of the members, each to one of its values.
fn some(dice: &mut Dice, percent: usize, members: &[(&str, &[Json])]) -> Json {
    let mut made = serde_json::Map::new();
    for (name, values) in members {
        if dice.chance(percent) {
            made.insert((*name).to_owned(), dice.one(values).clone());
        }
    }
    Json::Object(made)
}

fn properties(dice: &mut Dice) -> Json {
    if dice.chance(40) {
        return json!({});
    }
    let times = times();
    let profiles = [
        json!({"rank": 2, "note": "a"}),
        json!({"rank": 2, "note": "b"}),
        json!({"note": "a"}),
        json!({"rank": 5}),
        json!(2),
    ];
    let owners = [
        json!("u0"),
        json!("u1"),
        json!({"type": "user", "id": "u1"}),
    ];
    some(
        dice,
        25,
        &[
            (
                "level",
                &[json!(1), json!(4), json!(4.0), json!("4"), Json::Null],
            ),
            ("tenant", &[json!("t0"), json!("t1"), json!("t2")]),
            ("tags", &[json!(["x"]), json!(["y"]), json!([null])]),
            ("expires", &times),
            ("profile", &profiles),
            ("owner", &owners),
            ("boss", &owners),
            ("unknown", &[json!(1), json!(2)]),
        ],
    )
}

fn of_doc(dice: &mut Dice) -> Json {
    if dice.chance(50) {
        return json!({});
    }
    let times = times();
    some(
        dice,
        30,
        &[
            (
                "level",
                &[json!(2.49), json!(2.490), json!(2.5), json!("2.4")],
            ),
            ("owner", &[json!("u0"), json!("u1"), json!("u2")]),
            ("public", &[json!(true), json!(false)]),
            ("until", &times),
            ("folder", &[json!("f0")]),
        ],
    )
}

fn context(dice: &mut Dice) -> Json {
    let times = times();
    let arguments = [
        json!({"amount": 1}),
        json!({"amount": 1, "note": "n"}),
        json!({"amount": 4}),
        json!({"note": "n"}),
        json!([1]),
    ];
    let mut context = some(
        dice,
        25,
        &[
            (
                "limit",
                &[
                    json!(1),
                    json!(2),
                    json!(3),
                    json!(2.0),
                    json!("2"),
                    json!(2.5),
                    Json::Null,
                ],
            ),
            ("purpose", &[json!("support"), json!("other")]),
            ("deadline", &times),
            ("peer", &[json!("u0"), json!("u1")]),
            ("arguments", &arguments),
            ("exact", &arguments),
            (
                "emergency",
                &[json!(true), json!(false), Json::Null, json!(1)],
            ),
            (
                "ticket",
                &[
                    json!("none"),
                    json!("T-1"),
                    Json::Null,
                    json!(5),
                    json!(5.0),
                ],
            ),
            ("current_time", &[json!("2020-01-01T00:00:00Z")]),
        ],
    );
    // No policy reads it, and every request has its own.
    context["request_id"] = Json::String(dice.below(1_000_000).to_string());
    context
}

fn times() -> Vec<Json> {
    let whole = MARKS.map(|mark| rfc3339(NOON + mark));
    // Half a millisecond behind some of them.
    let fine = whole.iter().step_by(2).map(|time| time.replace('Z', "5Z"));
    fine.chain(whole.clone()).map(Json::String).collect()
}
