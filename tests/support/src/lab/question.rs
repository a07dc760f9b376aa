//! A [`Question`] is stored in parts, so that a random walk can change one part and leave the
//! others alone.

use super::{Bundle, doc_ids, person_ids, word};
use crate::dice::Dice;
use serde_json::{Map, Value as Json, json};

/// The carrier of a chain with several members.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Carrier {
    List,
    Act,
    OnBehalfOf,
    Delegation,
    ContextAgent,
    UserAndAgent,
}

const CARRIERS: [Carrier; 6] = [
    Carrier::List,
    Carrier::Act,
    Carrier::OnBehalfOf,
    Carrier::Delegation,
    Carrier::ContextAgent,
    Carrier::UserAndAgent,
];

#[derive(Clone, Debug)]
struct Member {
    kind: &'static str,
    id: String,
    properties: Map<String, Json>,
}

/// A question in parts.
#[derive(Clone, Debug)]
pub struct Question {
    members: Vec<Member>,
    carrier: Carrier,
    action: &'static str,
    action_properties: Map<String, Json>,
    resource: Member,
    context: Map<String, Json>,
}

impl Question {
    /// Creates the question with which a walk begins.
    pub fn first(dice: &mut Dice, bundle: &Bundle) -> Self {
        let resource = Member {
            kind: "doc",
            id: dice.one(&doc_ids()).clone(),
            properties: required(),
        };
        let mut question = Self {
            members: vec![member(dice, "person")],
            carrier: Carrier::List,
            action: "read",
            action_properties: Map::new(),
            resource,
            context: Map::new(),
        };
        (0..6).for_each(|_| question.change(dice, bundle));
        question
    }

    /// Sets, changes or removes one part, and nothing else; most often a part that the bundle's
    /// policies mention.
    pub fn change(&mut self, dice: &mut Dice, bundle: &Bundle) {
        let policies = if dice.chance(80) {
            bundle.policies()
        } else {
            ""
        };
        match dice.below(20) {
            0 => self.members[0].id.clone_from(dice.one(&person_ids())),
            1 if self.members.len() < 3 => self.members.push(member(dice, "bot")),
            1 | 2 if self.members.len() > 1 => drop(self.members.pop()),
            3 => self.carrier = *dice.one(&CARRIERS),
            4 => self.act(dice),
            5 => change_one(
                dice,
                "",
                &mut self.action_properties,
                &[("soft", vec![json!(true), json!(false), json!("no")])],
            ),
            6 => {
                self.resource.id = match self.resource.kind {
                    "doc" => dice.one(&doc_ids()).clone(),
                    _ => dice.one(&person_ids()).clone(),
                }
            }
            7..12 => change_one(
                dice,
                policies,
                &mut self.resource.properties,
                &of_resource(),
            ),
            12..15 => {
                let at = dice.below(self.members.len());
                change_one(
                    dice,
                    policies,
                    &mut self.members[at].properties,
                    &of_member(),
                );
            }
            _ => change_one(dice, policies, &mut self.context, &of_context()),
        }
    }

    /// Chooses another action, most of the time with a resource that it applies to.
    fn act(&mut self, dice: &mut Dice) {
        self.action = word(dice, &["read", "read", "read", "write", "write", "greet"]);
        let wanted = if self.action == "greet" {
            "person"
        } else {
            "doc"
        };
        if self.resource.kind != wanted && dice.chance(90) {
            self.resource.kind = wanted;
            self.resource.id = if wanted == "doc" {
                "d0".to_owned()
            } else {
                "p1".to_owned()
            };
        }
    }

    /// Returns the request body. If `aliased`, types that have aliases are written by these.
    pub fn body(&self, bundle: &Bundle, aliased: bool) -> Json {
        let kind = |kind: &str| match (bundle.namespaced, aliased, kind) {
            (true, false, _) => format!("Lab::{kind}"),
            (false, true, "person") => "human".to_owned(),
            _ => kind.to_owned(),
        };
        let entity = |member: &Member| json!({"type": kind(member.kind), "id": member.id, "properties": member.properties});
        let (last, before) = self.members.split_last().unwrap();
        let mut context = self.context.clone();
        let mut subject = entity(last);
        match (self.carrier, before) {
            (_, []) => {}
            (Carrier::OnBehalfOf, [user]) => subject["properties"]["on_behalf_of"] = entity(user),
            (Carrier::Delegation, [user]) if user.properties.is_empty() => {
                subject["properties"]["delegation"] =
                    json!({"delegator_type": kind(user.kind), "delegator_id": user.id});
            }
            (Carrier::ContextAgent, [user]) => {
                subject = entity(user);
                context.insert("agent".to_owned(), entity(last));
            }
            (Carrier::UserAndAgent, [user]) => {
                subject = json!({"user": entity(user), "agent": entity(last)});
            }
            (Carrier::Act, [user]) => {
                subject = entity(user);
                // The token's claim has no room for one of our types or for properties.
                subject["properties"]["act"] = json!({"sub": last.id, "sub_profile": "ai_agent"});
            }
            (_, before) => subject["delegation_chain"] = before.iter().map(entity).collect(),
        }
        let action = json!({"name": self.action, "properties": self.action_properties});
        json!({"subject": subject, "action": action, "resource": entity(&self.resource), "context": context})
    }
}

fn member(dice: &mut Dice, kind: &'static str) -> Member {
    let id = match kind {
        "person" => dice.one(&person_ids()).clone(),
        _ => format!("b{}", dice.below(2)),
    };
    Member {
        kind,
        id,
        properties: required(),
    }
}

/// Returns the attributes that every entity must have: without them, a policy that reads them
/// fails.
fn required() -> Map<String, Json> {
    [("kind".to_owned(), json!("x"))].into_iter().collect()
}

type Members<'a> = Vec<(&'a str, Vec<Json>)>;

fn change_one(
    dice: &mut Dice,
    policies: &str,
    of: &mut Map<String, Json>,
    members: &[(&str, Vec<Json>)],
) {
    let mentioned: Vec<_> = members
        .iter()
        .filter(|(name, _)| policies.contains(name))
        .cloned()
        .collect();
    let (name, values) = dice.one(if mentioned.is_empty() {
        members
    } else {
        &mentioned
    });
    if dice.chance(25) {
        of.remove(*name);
    } else {
        of.insert((*name).to_owned(), dice.one(values).clone());
    }
}

fn of_member() -> Members<'static> {
    let mut members = of_anyone();
    members.extend([
        ("ttl", vec![json!("30m"), json!("2h"), json!(5)]),
        ("since", times()),
        (
            "friends",
            vec![
                json!(["p0"]),
                json!(["p1", "p0"]),
                json!([{"type": "doc", "id": "d0"}]),
            ],
        ),
        (
            "cards",
            vec![json!([{"n": 1}]), json!([{"n": 2}]), json!([{"n": "1"}])],
        ),
        ("home", places()),
        ("boss", vec![json!("p0"), json!("p1")]),
        (
            "score",
            vec![json!(2.49), json!(2.5), json!("2.4"), json!("x")],
        ),
        ("desk", vec![json!("r0")]),
    ]);
    members
}

fn of_resource() -> Members<'static> {
    let mut members = of_anyone();
    members.extend([
        ("owner", vec![json!("p0"), json!("p1"), json!("p2")]),
        (
            "readers",
            vec![json!(["p0"]), json!(["p1", "p2"]), json!([]), json!([null])],
        ),
        (
            "source",
            vec![json!("10.0.0.1"), json!("192.168.0.1"), json!("nowhere")],
        ),
        ("age", vec![json!("30m"), json!("2h"), Json::Null]),
        ("until", times()),
        (
            "price",
            vec![
                json!(2.49),
                json!(2.490),
                json!(2.5),
                json!("2.4"),
                json!("x"),
            ],
        ),
        ("place", places()),
        (
            "marks",
            vec![
                json!([{"n": 1}]),
                json!([]),
                json!([{"n": 2}, {"n": 1}]),
                json!([{}]),
            ],
        ),
        (
            "labels",
            vec![json!(["a"]), json!(["a", "b"]), json!(["b"]), json!([])],
        ),
        ("room", vec![json!("r0")]),
    ]);
    members
}

/// Returns the attributes that people, bots and documents have in common.
fn of_anyone() -> Members<'static> {
    vec![
        ("kind", vec![json!("x"), json!("y"), Json::Null, json!(1)]),
        (
            "level",
            vec![json!(1), json!(4), json!(4.0), json!("4"), Json::Null],
        ),
        (
            "ip",
            vec![
                json!("10.0.0.1"),
                json!("10.0.0.0/8"),
                json!("::1"),
                json!("ten"),
            ],
        ),
        (
            "clearance",
            vec![json!("high"), json!("low"), json!("none")],
        ),
        ("mfa", vec![json!(true), json!(false), json!("true")]),
        ("nobody_declares", vec![json!(1), json!(2)]),
    ]
}

fn of_context() -> Members<'static> {
    vec![
        (
            "limit",
            vec![
                json!(1),
                json!(5),
                json!(9),
                json!(2.0),
                json!(2.5),
                json!("2"),
                Json::Null,
            ],
        ),
        (
            "items",
            vec![
                json!(["a"]),
                json!(["b"]),
                json!(["a", "b"]),
                json!([]),
                json!([1]),
            ],
        ),
        (
            "window",
            vec![json!("30m"), json!("2h"), json!("soon"), Json::Null],
        ),
        (
            "origin",
            vec![
                json!("10.0.0.1"),
                json!("::1"),
                json!("127.0.0.1"),
                json!("ten"),
            ],
        ),
        ("at", times()),
        (
            "table",
            vec![
                json!({"a": 1}),
                json!({"a": 5}),
                json!({"b": 1}),
                json!({"a": "1"}),
                json!([]),
            ],
        ),
        ("peer", vec![json!("p0"), json!("p1")]),
        ("peers", vec![json!(["p0"]), json!(["p1", "p2"]), json!([])]),
        ("rank", vec![json!("high"), json!("low"), json!("none")]),
        (
            "deep",
            vec![
                json!("none"),
                json!({"x": [1, {"y": null}]}),
                json!([1, 2.50]),
            ],
        ),
        ("wanted", vec![json!("a")]),
        (
            "exact",
            vec![json!({"n": 1}), json!({"n": 2}), json!({"n": 1, "m": 1})],
        ),
        (
            "arguments",
            vec![
                json!({"n": 1}),
                json!({"n": 5}),
                json!({"n": 1, "s": "t"}),
                json!({"deep": {"x": true}}),
                json!({"deep": {"x": false}}),
                json!({"n": null}),
                json!([1]),
            ],
        ),
    ]
}

fn places() -> Vec<Json> {
    vec![
        json!({"city": "a", "zip": 1}),
        json!({"city": "a", "zip": 5}),
        json!({"zip": 1}),
        json!({"city": "a"}),
        json!({"zip": "1"}),
    ]
}

/// Points in time between two milliseconds, close to those with which policies and the clock are
/// compared; two of them are equal.
pub const FINE_TIMES: [&str; 6] = [
    "2026-06-01T11:59:59.999000001Z",
    "2026-06-01T11:59:59.9995Z",
    "2026-06-01T12:00:00.0005Z",
    "2026-06-01T14:00:00.0005+02:00",
    "2026-06-01T12:00:02.9999Z",
    "2026-06-01T12:00:03.0005Z",
];

fn times() -> Vec<Json> {
    let whole = [
        "2026-06-01T11:59:59.999Z",
        "2026-06-01T12:00:00Z",
        "2026-06-01T12:00:03Z",
        "noon",
    ];
    whole
        .into_iter()
        .chain(FINE_TIMES)
        .map(Json::from)
        .collect()
}
