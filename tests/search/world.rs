//! Generated bundles with policies, stored entities, relations and conditions; and searches in
//! them.

use crate::policies::policy;
use crate::served::{line, named, open, write};
use behest::clock::FixedClock;
use behest::engine::{Engine, SearchLimits};
use behest::model::Tuple;
use behest::stores::Stores;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use support::engines;

pub(crate) const SCHEMA: &str = r#"
entity team in [team];
entity user in [team] {
  @stored level?: Long,
  @stored boss?: user,
  @request mfa?: Bool,
};
entity agent in [team] {
  @stored owner?: user,
  @stored mirrors?: Bool,
  @stored tools?: Set<doc>,
};
entity group;
entity folder { @stored open?: Bool };
entity doc in [team] {
  owner?: user,
  public?: Bool,
  level?: Long,
  @stored folder?: folder,
  labels?: Set<String>,
  readers?: Set<user>,
} tags String;
entity mode enum ["fast", "slow"];
action read, write appliesTo {
  principal: [user, agent], resource: doc, context: { limit?: Long, arguments?: { limit?: Long } },
};
action "read:d1" in [read] appliesTo {
  principal: [user, agent], resource: doc, context: { limit?: Long, arguments: { limit: Long, note?: String } },
};
action audit appliesTo { principal: user, resource: [doc, folder] };
action follow appliesTo { principal: [user, agent], resource: user };
action pick appliesTo { principal: user, resource: mode };
action test appliesTo { principal: [user, agent], resource: Lab::probe };
namespace Lab {
  entity probe { @stored owner?: user };
}
"#;

pub(crate) const MODEL: &str = "model
  schema 1.1
type user
type agent
type group
  relations
    define member: [user, agent, group#member, user with until]
type folder
  relations
    define parent: [folder]
    define viewer: [user, agent, group#member, user:*] or viewer from parent
type doc
  relations
    define parent: [folder]
    define banned: [user, agent, group#member]
    define viewer: [user, agent, user:*, group#member, user with until, user with only, agent with few, user with args] or viewer from parent
    define reader: viewer but not banned
    define editor: [user, agent, group#member] and viewer
type Lab/probe
  relations
    define tester: [user, agent, group#member]
condition until(current_time: timestamp, end: timestamp) {
  current_time < end
}
condition only(resource: string, which: string) {
  resource == which
}
condition few(limit: int) {
  limit < 3
}
condition args(arguments: map<int>) {
  arguments[\"limit\"] < 3
}
";

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) policies: String,
    pub(crate) entities: Json,
    /// In the bundle's layer.
    pub(crate) tuples: Vec<String>,
    /// In the store.
    pub(crate) stored: Vec<String>,
}

pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let policies = prop::collection::vec(policy(), 1..7);
    let tuples = subsequence(all_tuples(), 0..40);
    (policies, entities(), tuples, any::<u8>()).prop_map(|(policies, entities, tuples, at)| {
        let at = usize::from(at) % (tuples.len() + 1);
        let (stored, tuples) = tuples.split_at(at);
        World {
            policies: policies
                .into_iter()
                .enumerate()
                .map(|(at, text)| format!("@id(\"p{at}\") {text}\n"))
                .collect(),
            entities,
            tuples: tuples.to_vec(),
            stored: stored.to_vec(),
        }
    })
}

fn entities() -> impl Strategy<Value = Json> {
    let one = (any::<bool>(), 0i64..4, any::<bool>(), 0usize..4, 0usize..3);
    prop::collection::vec(one, 14).prop_map(|made| {
        let uid = |kind: &str, id: String| json!({"type": kind, "id": id});
        let mut all = vec![
            json!({"uid": uid("team", "t0".into()), "attrs": {}, "parents": []}),
            json!({"uid": uid("team", "t1".into()), "attrs": {}, "parents": [uid("team", "t0".into())]}),
            json!({"uid": uid("folder", "f0".into()), "attrs": {"open": true}, "parents": []}),
            json!({"uid": uid("Lab::probe", "p0".into()), "attrs": {"owner": uid("user", "u0".into())}, "parents": []}),
        ];
        for (index, (stored, level, flag, other, team)) in made.into_iter().enumerate() {
            let parents = if team < 2 { json!([uid("team", format!("t{team}"))]) } else { json!([]) };
            let user = uid("user", format!("u{other}"));
            if !stored {
                continue;
            }
            all.push(match index {
                0..4 => json!({"uid": uid("user", format!("u{index}")), "parents": parents,
                               "attrs": {"level": level, "boss": user}}),
                4..8 => json!({"uid": uid("agent", format!("a{}", index - 4)), "parents": parents,
                               "attrs": {"owner": user, "mirrors": flag,
                                         "tools": [uid("doc", format!("d{other}")), uid("doc", format!("d{level}"))]}}),
                _ => {
                    let mut attrs = json!({"labels": if flag { json!(["x", "y"]) } else { json!(["w"]) }});
                    if level != 0 {
                        attrs["owner"] = user;
                        attrs["level"] = json!(level);
                    }
                    if team != 0 {
                        attrs["public"] = json!(flag);
                        attrs["readers"] = json!([uid("user", format!("u{level}"))]);
                        attrs["folder"] = uid("folder", format!("f{}", other % 2));
                    }
                    let tags = if level == 1 { json!({"k": "v"}) } else { json!({"k": "w"}) };
                    json!({"uid": uid("doc", format!("d{}", index - 8)), "attrs": attrs, "parents": parents, "tags": tags})
                }
            });
        }
        Json::Array(all)
    })
}

/// Every tuple that a world or a write can have, as `object#relation@user` with perhaps a condition
/// behind it.
pub(crate) fn all_tuples() -> Vec<String> {
    let mut all = Vec::new();
    for doc in ["d0", "d1", "d2", "d4", "t only", "x%3Ay"].map(|id| id.replace(' ', "%20")) {
        for user in [
            "user:u0",
            "user:u2",
            "user:ghost",
            "agent:a0",
            "agent:a1",
            "group:g0#member",
            "user:*",
        ] {
            all.push(format!("doc:{doc}#viewer@{user}"));
        }
        all.push(format!(
            "doc:{doc}#viewer@user:u1 until 2026-07-01T00:00:00Z"
        ));
        all.push(format!(
            "doc:{doc}#viewer@user:u3 until 2026-05-01T00:00:00Z"
        ));
        all.push(format!("doc:{doc}#viewer@user:u1 only doc:{doc}"));
        all.push(format!("doc:{doc}#viewer@user:u3 only doc:d0"));
        all.push(format!("doc:{doc}#viewer@agent:a2 few"));
        all.push(format!("doc:{doc}#viewer@user:u3 args"));
        all.push(format!("doc:{doc}#parent@folder:f0"));
        all.push(format!("doc:{doc}#parent@folder:f1"));
        all.push(format!("doc:{doc}#banned@user:u0"));
        all.push(format!("doc:{doc}#banned@group:g1#member"));
        all.push(format!("doc:{doc}#editor@agent:a0"));
        all.push(format!("doc:{doc}#editor@user:u1"));
    }
    for member in [
        "user:u0",
        "user:u1",
        "agent:a0",
        "agent:a1",
        "user:ghost",
        "group:g1#member",
    ] {
        all.push(format!("group:g0#member@{member}"));
    }
    for member in ["user:u2", "agent:a2", "group:g0#member"] {
        all.push(format!("group:g1#member@{member}"));
    }
    for viewer in ["user:u1", "user:*", "agent:a1", "group:g1#member"] {
        all.push(format!("folder:f0#viewer@{viewer}"));
        all.push(format!("folder:f1#viewer@{viewer}"));
    }
    all.push("folder:f1#parent@folder:f0".into());
    for tester in ["user:u0", "agent:a1", "group:g0#member"] {
        all.extend(["p0", "p2"].map(|probe| format!("Lab/probe:{probe}#tester@{tester}")));
    }
    all
}

/// Reads what [`all_tuples`] writes.
pub(crate) fn tuple(text: &str) -> Tuple {
    use behest::model::{Record, TupleCondition, TupleKey, Value};
    let mut parts = text.split(' ');
    let key: TupleKey = parts.next().expect("a key").parse().expect("a tuple");
    let condition = parts.next().map(|name| {
        let member = match name {
            "until" => Some("end"),
            "only" => Some("which"),
            _ => None,
        };
        let context =
            member.map(|member| (member.into(), Value::text(parts.next().expect("a value"))));
        Arc::new(TupleCondition {
            name: name.into(),
            context: Record::from_iter(context),
        })
    });
    Tuple { key, condition }
}

/// One of a key, for a store holds no two.
fn once(tuples: &[String]) -> Vec<Tuple> {
    let mut keys = BTreeSet::new();
    tuples
        .iter()
        .map(|text| tuple(text))
        .filter(|tuple| keys.insert(tuple.key.to_string()))
        .collect()
}

/// An engine over the world. `limits` are those of a page.
pub(crate) fn engine(world: &World, limits: SearchLimits) -> (Engine, Arc<Stores>) {
    let bundled = once(&world.tuples);
    let files = [
        ("schemas/world.cedarschema", SCHEMA.to_owned()),
        ("schemas/world.fga", MODEL.to_owned()),
        ("policies/world.cedar", world.policies.clone()),
        ("policies/entities.json", world.entities.to_string()),
        ("policies/tuples.jsonl", bundled.iter().map(line).collect()),
    ];
    let (engine, stores) = open(&files, &Arc::new(FixedClock::at(engines::NOW_MS)), limits);
    let keys: BTreeSet<String> = bundled.iter().map(|tuple| tuple.key.to_string()).collect();
    let writes = once(&world.stored)
        .into_iter()
        .filter(|tuple| !keys.contains(&tuple.key.to_string()))
        .collect();
    write(&stores, Vec::new(), writes);
    (engine, stores)
}

/// The ids of a type that are known in a world.
pub(crate) fn universe<'t>(
    world: &World,
    tuples: impl Iterator<Item = &'t Tuple>,
    kind: &str,
) -> BTreeSet<String> {
    let mut ids = named(&world.entities, &world.policies, tuples, kind);
    match kind {
        "mode" => ids.extend(["fast", "slow"].map(str::to_owned)),
        // What the schema has an action of its own for is known.
        "doc" => ids.extend(["d1".to_owned()]),
        _ => {}
    }
    ids
}

/// An action, and a type that it is for, mostly.
fn action() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        9 => Just(("read", "doc")),
        6 => Just(("write", "doc")),
        3 => Just(("follow", "user")),
        2 => Just(("test", "Lab::probe")),
        2 => Just(("audit", "folder")),
        1 => Just(("audit", "doc")),
        1 => Just(("pick", "mode")),
        1 => Just(("fly", "doc")),
        1 => Just(("read:d1", "doc")),
        1 => Just(("read", "folder")),
        1 => Just(("read", "galaxy")),
    ]
}

fn context() -> impl Strategy<Value = Json> {
    let limit = prop_oneof![3 => Just(Json::Null), 3 => (0i64..6).prop_map(Json::from), 1 => Just(json!("3"))];
    let arguments = prop_oneof![
        4 => Just(Json::Null), 4 => (0i64..6).prop_map(|limit| json!({"limit": limit})), 1 => Just(json!({"note": "n"})),
    ];
    (limit, arguments)
        .prop_map(|(limit, arguments)| json!({"limit": limit, "arguments": arguments}))
}

/// Who asks, whole: with up to two actors, in several spellings.
pub(crate) fn subjects() -> impl Strategy<Value = Json> {
    let user = select(vec!["u0", "u1", "u2", "u3", "ghost", "nobody"]);
    let agent = select(vec!["a0", "a1", "a2", "a3"]);
    (user, agent.clone(), agent, 0u8..7).prop_map(|(user, first, second, form)| match form {
        0 | 1 => json!({"type": "user", "id": user}),
        2 => json!({"type": "user", "id": user, "properties": {"act": {"sub": first}, "mfa": true}}),
        3 => json!({"type": "agent", "id": first, "properties": {"on_behalf_of": user}}),
        4 => json!({"type": "agent", "id": first}),
        5 => json!({"type": "user", "id": user, "properties": {"act": {"sub": second, "act": {"sub": first}}}}),
        _ => json!({"user": user, "agent": first}),
    })
}

/// Who is searched for: first in a chain, last, alone, or behind a carrier that is malformed.
fn sought() -> impl Strategy<Value = Json> {
    let user = select(vec!["u0", "u1", "ghost"]);
    let agent = select(vec!["a0", "a1", "a2"]);
    (user, agent, 0u8..10).prop_map(|(user, agent, form)| match form {
        0 | 1 => json!({"type": "user", "id": "ignored", "properties": {"mfa": true}}),
        2 => json!({"type": "agent"}),
        3 | 4 => json!({"type": "user", "properties": {"act": {"sub": agent}}}),
        5 => json!({"type": "agent", "properties": {"on_behalf_of": user}}),
        6 => {
            json!({"type": "agent", "delegation_chain": [{"type": "user", "id": user}, {"type": "agent", "id": agent}]})
        }
        7 => json!({"type": "agent", "properties": {"act": {"sub": agent}}}),
        8 => json!({"type": "user", "properties": {"act": {"sub": 7}}}),
        _ => json!({"type": "spaceship"}),
    })
}

fn resource(kind: &'static str) -> impl Strategy<Value = Json> {
    let ids = match kind {
        "user" => vec!["u0", "u1", "u2", "ghost"],
        "Lab::probe" => vec!["p0", "p1", "p2"],
        "folder" => vec!["f0", "f1", "lit"],
        "mode" => vec!["fast", "slow", "none"],
        _ => vec!["d0", "d1", "d2", "d3", "d5", "lit", "x:y", "nothing"],
    };
    let properties = prop_oneof![3 => Just(json!({})), 1 => Just(json!({"public": true})), 1 => Just(json!({"level": 2}))];
    (select(ids), properties)
        .prop_map(move |(id, properties)| json!({"type": kind, "id": id, "properties": properties}))
}

/// The three kinds of search.
pub(crate) fn searches() -> impl Strategy<Value = (&'static str, Json)> {
    let agent = prop_oneof![4 => Just(None), 1 => select(vec!["a0", "a1"]).prop_map(Some)];
    let asked = action().prop_flat_map(|(action, kind)| (Just(action), resource(kind)));
    let subject = (sought(), asked, context(), agent).prop_map(|(subject, (action, resource), mut context, agent)| {
        if let Some(agent) = agent {
            context["agent"] = json!(agent);
        }
        ("subject", json!({"subject": subject, "action": {"name": action}, "resource": resource, "context": context}))
    });
    let found = (subjects(), action(), context()).prop_map(|(subject, (action, kind), context)| {
        let resource = json!({"type": kind, "id": "ignored", "properties": {"public": true}});
        ("resource", json!({"subject": subject, "action": {"name": action}, "resource": resource, "context": context}))
    });
    let actions = (
        subjects(),
        action().prop_flat_map(|(_, kind)| resource(kind)),
        context(),
    )
        .prop_map(|(subject, resource, context)| {
            (
                "action",
                json!({"subject": subject, "resource": resource, "context": context}),
            )
        });
    prop_oneof![3 => subject, 4 => found, 1 => actions]
}
