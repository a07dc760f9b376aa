//! Generates worlds: random policies, entities, chains and requests over a fixed vocabulary.

use crate::spellings::{Member, SPELLINGS, Spelling, spell};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};

pub const SCHEMA: &str = r#"
entity team;
entity folder;
entity user in [team] { level?: Long, tags?: Set<String>, boss?: user };
entity agent in [team] { level?: Long, owner?: user, tags?: Set<String> };
entity service { level?: Long };
entity doc in [folder] { owner?: user, level?: Long, public?: Bool };
action touch;
action read, write in [touch] appliesTo {
  principal: [user, agent, service], resource: doc, context: { limit?: Long, purpose?: String }
};
action audit appliesTo { principal: [user], resource: doc };
"#;

/// Conditions of every kind: plain ones, guarded ones, ones that follow references or read facts,
/// and ones that fail by overflow.
const CONDITIONS: [&str; 21] = [
    "principal has level && principal.level > 2",
    "principal has level && principal.level + 9223372036854775806 > 0",
    "principal has tags && principal.tags.contains(\"x\")",
    "principal has boss && principal.boss has level && principal.boss.level > 1",
    "principal has owner && principal.owner has level && principal.owner.level > 1",
    "principal is user && resource has owner && resource.owner == principal",
    "resource has public && resource.public",
    "resource has level && principal has level && principal.level >= resource.level",
    "principal in team::\"t0\"",
    "context has limit && context.limit * 4611686018427387904 < 5",
    "context has limit && context.limit < 3",
    "context has purpose && context.purpose like \"s*\"",
    "context.delegation.depth < 2",
    "context has delegation.from.user && context.delegation.from.user has level",
    "context has delegation.from.agent",
    "context has delegation.earlier.user && context.delegation.earlier.user.contains(user::\"u1\")",
    "context.now >= datetime(\"2026-01-01\")",
    "(if principal is agent then resource has owner else true)",
    "(if resource has public then context.delegation else context.delegation).depth < 2",
    "context has delegation.from.user && context.delegation.from.user has level && context.delegation.from.user.level > 1",
    "action in Action::\"touch\"",
];

#[derive(Clone, Debug)]
pub struct World {
    pub policies: String,
    pub entities: Json,
}

/// Generates up to a dozen policies over up to a dozen entities.
pub fn worlds() -> impl Strategy<Value = World> {
    let policies = prop::collection::vec(policy(), 1..10);
    (policies, entities()).prop_map(|(policies, entities)| World {
        policies: policies
            .into_iter()
            .enumerate()
            .map(|(at, text)| format!("@id(\"p{at}\") {text}\n"))
            .collect(),
        entities,
    })
}

fn policy() -> impl Strategy<Value = String> {
    let effect = prop_oneof![3 => Just("permit"), 1 => Just("forbid")];
    let principal = select(vec![
        "principal",
        "principal is user",
        "principal is agent",
        "principal in team::\"t0\"",
        "principal == user::\"u0\"",
        "principal is agent in team::\"t1\"",
    ]);
    let action = select(vec![
        "action",
        "action == Action::\"read\"",
        "action in [Action::\"read\", Action::\"write\"]",
    ]);
    let resource = select(vec![
        "resource",
        "resource == doc::\"d0\"",
        "resource in folder::\"f0\"",
        "resource is doc",
    ]);
    let conditions = subsequence(CONDITIONS.to_vec(), 0..4);
    (
        effect,
        principal,
        action,
        resource,
        conditions,
        any::<bool>(),
    )
        .prop_map(
            |(effect, principal, action, resource, mut conditions, unless)| {
                if effect == "forbid" {
                    keep_possible(principal, unless, &mut conditions);
                }
                // The audit action applies to users only: a scope that excludes them would make an
                // impossible policy.
                let action = if action == "action" {
                    "action in [Action::\"read\", Action::\"write\"]"
                } else {
                    action
                };
                let clause = match (conditions.is_empty(), unless) {
                    (true, _) => String::new(),
                    (false, false) => format!(" when {{ {} }}", conditions.join(" && ")),
                    (false, true) => format!(" unless {{ {} }}", conditions.join(" && ")),
                };
                format!("{effect} ({principal}, {action}, {resource}){clause};")
            },
        )
}

/// Keeps those conditions of a forbid that some request can meet: a forbid that can never apply is
/// refused.
fn keep_possible(principal: &str, unless: bool, conditions: &mut Vec<&str>) {
    let mut kind = ["user", "agent"]
        .into_iter()
        .find(|kind| principal.contains(kind));
    conditions.retain(|condition| {
        let needs = if condition.starts_with("principal has boss")
            || condition.starts_with("principal is user")
        {
            Some("user")
        } else if condition.starts_with("principal has owner") {
            Some("agent")
        } else {
            None
        };
        kind = kind.or(needs);
        needs.is_none() || kind == needs
    });
    if unless {
        conditions.retain(|condition| !condition.starts_with("action in"));
    }
    if unless && kind == Some("user") {
        conditions.retain(|condition| !condition.starts_with("(if principal is agent"));
    }
}

fn entities() -> impl Strategy<Value = Json> {
    let one = (any::<bool>(), 0i64..5, any::<bool>(), 0usize..3, 0usize..3);
    prop::collection::vec(one, 9).prop_map(|made| {
        let mut all = vec![
            json!({"uid": {"type": "team", "id": "t0"}, "attrs": {}, "parents": []}),
            json!({"uid": {"type": "team", "id": "t1"}, "attrs": {}, "parents": []}),
            json!({"uid": {"type": "folder", "id": "f0"}, "attrs": {}, "parents": []}),
        ];
        for (index, (stored, level, flag, other, team)) in made.into_iter().enumerate() {
            if !stored {
                continue;
            }
            let boss = json!({"__entity": {"type": "user", "id": format!("u{other}")}});
            let team = if team < 2 { json!([{"type": "team", "id": format!("t{team}")}]) } else { json!([]) };
            let tags = if flag { json!(["x"]) } else { json!(["y", "z"]) };
            let number = index % 3;
            all.push(match index / 3 {
                0 => json!({"uid": {"type": "user", "id": format!("u{number}")},
                            "attrs": {"level": level, "tags": tags, "boss": boss}, "parents": team}),
                1 => json!({"uid": {"type": "agent", "id": format!("a{number}")},
                            "attrs": {"level": level, "owner": boss}, "parents": team}),
                _ => json!({"uid": {"type": "doc", "id": format!("d{number}")},
                            "attrs": {"level": level, "public": flag, "owner": boss},
                            "parents": if flag { json!([{"type": "folder", "id": "f0"}]) } else { json!([]) }}),
            });
        }
        Json::Array(all)
    })
}

/// Generates a chain of up to four members, as `(type, id)`, without repetition.
pub fn chains() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let members: Vec<(&'static str, String)> = (0..3)
        .map(|at| ("user", format!("u{at}")))
        .chain((0..3).map(|at| ("agent", format!("a{at}"))))
        .chain([("service", "s0".to_owned()), ("spaceship", "x".to_owned())])
        .collect();
    subsequence(members, 1..5).prop_shuffle()
}

/// Generates a request of this chain; some of its values do not fit, and some members are not
/// declared.
pub fn requests() -> impl Strategy<Value = Json> {
    let action =
        prop_oneof![4 => Just("read"), 3 => Just("write"), 1 => Just("audit"), 1 => Just("fly")];
    let limit = prop_oneof![
        2 => Just(Json::Null), 4 => (0i64..6).prop_map(Json::from), 1 => Just(json!(2.5)), 1 => Just(json!("3")),
    ];
    let purpose = prop_oneof![2 => Just(Json::Null), 2 => Just(json!("support")), 1 => Just(json!(["support"]))];
    (
        members(),
        select(SPELLINGS.to_vec()),
        action,
        0usize..4,
        properties(),
        limit,
        purpose,
    )
        .prop_map(
            |(members, spelling, action, doc, properties, limit, purpose)| {
                let body = json!({
                    "action": {"name": action},
                    "resource": {"type": "doc", "id": format!("d{doc}"), "properties": properties},
                    "context": {"limit": limit, "purpose": purpose},
                });
                of_chain(&body, &members, spelling)
            },
        )
}

/// Generates a chain with the properties of each member in the request.
pub fn members() -> impl Strategy<Value = Vec<Member>> {
    (chains(), prop::collection::vec(properties(), 4)).prop_map(|(chain, properties)| {
        chain
            .into_iter()
            .zip(properties)
            .map(|((kind, id), properties)| (kind, id, properties))
            .collect()
    })
}

/// Returns a request of this chain, in this spelling or, if the chain has no such spelling, as a
/// list.
pub fn of_chain(body: &Json, members: &[Member], spelling: Spelling) -> Json {
    let spelled = spell(spelling, members).or_else(|| spell(Spelling::List, members));
    let (subject, agent) = spelled.expect("every chain can be a list");
    let mut body = body.clone();
    body["subject"] = subject;
    body["context"]["agent"] = agent;
    body
}

/// Generates properties of an entity: none, ones that are declared for some types, ones that do not
/// fit, and ones that are not declared.
fn properties() -> impl Strategy<Value = Json> {
    prop_oneof![
        3 => Just(json!({})), 1 => Just(json!({"level": 4})), 1 => Just(json!({"level": [4]})), 1 => Just(json!({"rank": 1})),
        1 => Just(json!({"owner": "u1", "tags": ["x", 5], "public": true})),
    ]
}

/// Returns the subject object that names a chain; `properties` are the last member's.
pub fn subject(chain: &[(&str, String)], properties: &Json) -> Json {
    let (last, before) = chain.split_last().expect("a chain has a member");
    let mut subject = json!({"type": last.0, "id": last.1, "properties": properties});
    if !before.is_empty() {
        let list: Vec<Json> = before
            .iter()
            .map(|(kind, id)| json!({"type": kind, "id": id}))
            .collect();
        subject["delegation_chain"] = Json::Array(list);
    }
    subject
}
