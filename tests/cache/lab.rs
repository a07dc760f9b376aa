//! A wider world than [`crate::world`]: types in a namespace, tags, enumerations, required attributes, addresses, durations,
//! sets of entities and of records, every form of scope, conditions with lists and maps, encoded and long ids, cycles, and
//! every carrier with properties on every member.
//!
//! It is longer than other files: its tables are one vocabulary, which bundles, tuples and questions share.
//!
//! A [`Question`] is kept in parts, so that a walk can change one part of it and leave the others alone.

use crate::dice::Dice;
use behest::model::{Record, Tuple, TupleCondition, Value};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;
use std::sync::Arc;

/// Around this the clock moves: 2026-06-01T12:00:00Z, in milliseconds.
pub(crate) const NOON: i64 = 1_780_315_200_000;

/// `{in}` and `{out}` open and close the namespace of the types; `{ns}` is what stands before their names outside.
const SCHEMA: &str = r#"
entity Level enum ["low", "high"];
{in}
entity squad in [squad];
entity person in [squad] {
  kind: String, level?: Long, ip?: ipaddr, ttl?: duration, since?: datetime, friends?: Set<person>,
  cards?: Set<{n: Long}>, clearance?: Level, home?: { city?: String, zip?: Long }, boss?: person,
  @request mfa?: Bool, @stored desk?: room, score?: decimal,
} tags String;
entity bot in [squad] { kind: String, level?: Long, owner?: person, ip?: ipaddr };
entity team;
entity room { open?: Bool };
entity shelf in [shelf];
entity doc in [shelf] {
  kind: String, level?: Long, owner?: person, readers?: Set<person>, source?: ipaddr, age?: duration, until?: datetime,
  price?: decimal, clearance?: Level, place?: { city?: String, zip?: Long }, marks?: Set<{n: Long}>,
  @stored room?: room, mfa?: Bool, labels?: Set<String>,
} tags Set<String>;
{out}
action all;
action read, write in [all] appliesTo {
  principal: [{ns}person, {ns}bot], resource: {ns}doc, context: { {context} exact?: { n: Long } },
};
action "read:d2" in [read] appliesTo {
  principal: [{ns}person, {ns}bot], resource: {ns}doc, context: { {context} exact: { n: Long } },
};
action greet in [all] appliesTo { principal: [{ns}person, {ns}bot], resource: [{ns}person, {ns}bot] };
"#;

const CONTEXT: &str = "
  limit?: Long, items?: Set<String>, window?: duration, origin?: ipaddr, at?: datetime, table?: { a?: Long, b?: Long },
  peer?: {ns}person, peers?: Set<{ns}person>, rank?: Level, request_id?: String,
  arguments?: { n?: Long, s?: String, deep?: { x?: Bool } }, action_properties?: { soft?: Bool },
";

const MODEL: &str = "model
  schema 1.1
type {ns}person
type {ns}bot
type {ns}team
  relations
    define member: [{ns}person, {ns}bot, {ns}team#member]
type {ns}room
  relations
    define inside: [{ns}room]
    define viewer: [{ns}person, {ns}bot, {ns}team#member, {ns}person:*] or viewer from inside
type {ns}doc
  relations
    define inside: [{ns}room]
    define viewer: [{ns}person, {ns}person with small, {ns}person with listed, {ns}person with mapped, {ns}person with short, {ns}person with near, {ns}person with timed, {ns}person with exactly, {ns}bot, {ns}bot with small, {ns}team#member, {ns}team#member with listed]
    define blocked: [{ns}person, {ns}person with mapped, {ns}bot]
    define can: viewer but not blocked
    define via: viewer from inside
condition small(limit: int) {
  limit < {small}
}
condition listed(items: list<string>, wanted: string) {
  wanted in items
}
condition mapped(table: map<int>) {
  table['a'] < 3
}
condition short(window: duration) {
  window < duration('1h')
}
condition near(origin: ipaddress, net: string) {
  origin.in_cidr(net)
}
condition timed(at: timestamp) {
  at < timestamp('2026-06-01T12:00:00Z')
}
condition exactly(action: string, resource: string, deep: any) {
  action == 'read' && resource != 'x' && deep != 'none'
}
";

/// Conditions about documents; `{ns}` is the namespace, with its colons.
const ABOUT_DOCS: [&str; 58] = [
    "principal in resource.viewer",
    "principal in resource.can",
    "principal in resource.via",
    "principal in resource.viewer && !(principal in resource.blocked)",
    "resource has room && principal in resource.room.viewer",
    "principal in Userset::\"{model}team:t0#member\"",
    "context has peer && context.peer in resource.viewer",
    "{has:from} && {get:from} in resource.can",
    "principal.kind == \"x\"",
    "resource.kind == \"x\"",
    "principal.kind == resource.kind",
    "principal has level && principal.level > 2",
    "resource has level && resource.level > 2",
    "principal has level && resource has level && principal.level == resource.level",
    "principal has ip && principal.ip.isInRange(ip(\"10.0.0.0/8\"))",
    "resource has source && resource.source.isInRange(ip(\"10.0.0.0/8\"))",
    "principal has ip && resource has source && principal.ip == resource.source",
    "context has origin && context.origin.isLoopback()",
    "principal is {ns}person && principal has ttl && principal.ttl < duration(\"1h\")",
    "resource has age && resource.age < duration(\"1h\")",
    "context has window && context.window < duration(\"1h\")",
    "principal is {ns}person && principal has since && principal.since < datetime(\"2026-06-01T12:00:00Z\")",
    "resource has until && context.now < resource.until",
    "context has at && context.at < datetime(\"2026-06-01T12:00:00Z\")",
    "principal is {ns}person && principal has friends && resource has owner && principal.friends.contains(resource.owner)",
    "principal is {ns}person && resource has readers && resource.readers.contains(principal)",
    "resource has readers && principal in resource.readers",
    "context has peers && resource has readers && resource.readers.containsAny(context.peers)",
    "principal is {ns}person && principal has cards && principal.cards.contains({n: 1})",
    "resource has marks && resource.marks.contains({n: 1})",
    "resource has marks && resource.marks.isEmpty()",
    "principal is {ns}person && principal has clearance && principal.clearance == Level::\"high\"",
    "resource has clearance && resource.clearance == Level::\"high\"",
    "context has rank && resource has clearance && context.rank == resource.clearance",
    "principal is {ns}person && principal has home.zip && principal.home.zip < 3",
    "resource has place.zip && resource.place.zip < 3",
    "resource has place.city && resource.place.city == \"a\"",
    "principal is {ns}person && principal has boss && principal.boss.kind == \"x\"",
    "resource has owner && resource.owner has level && resource.owner.level > 2",
    "principal is {ns}person && principal has mfa && principal.mfa",
    "resource has mfa && resource.mfa",
    "principal is {ns}person && principal has score && principal.score.lessThan(decimal(\"2.5\"))",
    "resource has price && resource.price.lessThan(decimal(\"2.5\"))",
    "principal is {ns}person && principal.hasTag(\"k\") && principal.getTag(\"k\") == \"v\"",
    "resource.hasTag(\"k\") && resource.getTag(\"k\").contains(\"v\")",
    "resource has labels && resource.labels.containsAll([\"a\"])",
    "resource in {ns}shelf::\"s0\"",
    "principal in {ns}squad::\"q0\"",
    "context has limit && context.limit < 3",
    "context has items && context.items.contains(\"a\")",
    "context has table.a && context.table.a < 3",
    "context has arguments.n && context.arguments.n < 3",
    "context has arguments.deep.x && context.arguments.deep.x",
    "context has exact && context.exact == {n: 1}",
    "context has action_properties.soft && context.action_properties.soft",
    "context.delegation.depth < 1",
    "{has:earlier} && {get:earlier}.contains({ns}person::\"p1\")",
    "{has:subject} && {get:subject}.kind == \"x\"",
];

pub(crate) const ABOUT_ANYONE: [&str; 6] = [
    "principal == resource",
    "principal.kind == resource.kind",
    "resource has level && resource.level > 2",
    "resource has ip && resource.ip == ip(\"10.0.0.1\")",
    "principal has level && resource has level && principal.level <= resource.level",
    "resource is {ns}person && resource has boss && principal == resource.boss",
];

/// Scopes of policies about documents.
pub(crate) const SCOPES: [&str; 10] = [
    "principal, action in Action::\"all\", resource is {ns}doc",
    "principal, action in [Action::\"read\", Action::\"write\"], resource",
    "principal is {ns}person, action in Action::\"read\", resource",
    "principal is {ns}bot, action in Action::\"read\", resource is {ns}doc",
    "principal == {ns}person::\"p0\", action in Action::\"all\", resource is {ns}doc",
    "principal in {ns}squad::\"q0\", action in Action::\"read\", resource",
    "principal is {ns}person in {ns}squad::\"q1\", action in Action::\"read\", resource",
    "principal, action == Action::\"write\", resource == {ns}doc::\"d0\"",
    "principal, action in Action::\"read\", resource in {ns}shelf::\"s0\"",
    "principal, action in Action::\"read\", resource is {ns}doc in {ns}shelf::\"s1\"",
];

/// What one bundle says: the namespace of its types, and its files.
#[derive(Clone)]
pub(crate) struct Bundle {
    pub(crate) files: Vec<(&'static str, String)>,
    pub(crate) namespaced: bool,
}

impl Bundle {
    pub(crate) fn policies(&self) -> &str {
        &self.files[3].1
    }
}

/// A bundle made at random. Whether its types have a namespace is the caller's to say: a bundle that replaces one whose
/// types have none leaves nothing of the first one's schema.
pub(crate) fn bundle(dice: &mut Dice, namespaced: bool) -> Bundle {
    let spell = |text: &str| spelled(text, namespaced);
    let mut policies = String::new();
    for at in 0..6 + dice.below(6) {
        let effect = if dice.chance(85) { "permit" } else { "forbid" };
        let clause = if dice.chance(85) { "when" } else { "unless" };
        let (scope, conditions): (&str, &[&str]) = if dice.chance(85) {
            (word(dice, &SCOPES), &ABOUT_DOCS)
        } else {
            ("principal, action == Action::\"greet\", resource", &ABOUT_ANYONE)
        };
        let one = spell(word(dice, conditions));
        let whole = match dice.below(5) {
            0 => format!("({one}) || ({})", spell(word(dice, conditions))),
            1 => format!("({one}) && ({})", spell(word(dice, conditions))),
            _ => one,
        };
        writeln!(policies, "@id(\"p{at}\") {effect} ({}) {clause} {{ {whole} }};", spell(scope)).unwrap();
    }
    let schema = spell(&SCHEMA.replace("{context}", CONTEXT));
    let relations =
        MODEL.replace("{ns}", if namespaced { "Lab/" } else { "" }).replace("{small}", word(dice, &["3", "6"]));
    let manifest = if namespaced {
        let alias = |kind: &str| format!("{kind} = \"Lab::{kind}\"\n");
        format!("allow_orphans = true\n[types]\n{}{}{}", alias("person"), alias("bot"), alias("doc"))
    } else {
        "allow_orphans = true\n[types]\nhuman = \"person\"\n".to_owned()
    };
    let files = vec![
        ("policies/bundle.toml", manifest),
        ("schemas/lab.cedarschema", schema),
        ("schemas/model.fga", relations),
        ("policies/lab.cedar", policies),
        ("policies/entities.json", entities(dice, namespaced).to_string()),
    ];
    Bundle { files, namespaced }
}

/// A text of a schema or of a policy, with the names that the namespace, if there is one, gives to what it is about.
pub(crate) fn spelled(text: &str, namespaced: bool) -> String {
    let names = if namespaced {
        [("{ns}", "Lab::"), ("{model}", "Lab/"), ("{in}", "namespace Lab {"), ("{out}", "}")]
    } else {
        [("{ns}", ""), ("{model}", ""), ("{in}", ""), ("{out}", "")]
    };
    let text = ["from", "earlier", "subject"].iter().fold(text.to_owned(), |text, place| {
        let [has, get] = fact(namespaced, place);
        text.replace(&format!("{{has:{place}}}"), &has).replace(&format!("{{get:{place}}}"), &get)
    });
    names.iter().fold(text, |text, (place, name)| text.replace(place, name))
}

/// How a policy asks whether a fact has a person, and names that person: facts have a place for each principal type.
fn fact(namespaced: bool, place: &str) -> [String; 2] {
    if namespaced {
        let has = format!("(context.delegation has {place} && context.delegation.{place} has \"Lab::person\")");
        [has, format!("context.delegation.{place}[\"Lab::person\"]")]
    } else {
        [format!("context has delegation.{place}.person"), format!("context.delegation.{place}.person")]
    }
}

fn entities(dice: &mut Dice, namespaced: bool) -> Json {
    let kind = |kind: &str| if namespaced { format!("Lab::{kind}") } else { kind.to_owned() };
    let uid = |of: &str, id: &str| json!({"type": kind(of), "id": id});
    let reference = |of: &str, id: &str| json!({"__entity": {"type": kind(of), "id": id}});
    let mut all = vec![
        json!({"uid": uid("shelf", "s0"), "attrs": {}, "parents": [uid("shelf", "s1")]}),
        json!({"uid": uid("shelf", "s1"), "attrs": {}, "parents": []}),
        json!({"uid": uid("squad", "q0"), "attrs": {}, "parents": [uid("squad", "q1")]}),
        json!({"uid": uid("squad", "q1"), "attrs": {}, "parents": []}),
        json!({"uid": uid("room", "r0"), "attrs": {"open": true}, "parents": []}),
    ];
    for id in ["p0", "p1"] {
        if dice.chance(60) {
            let mut attributes = json!({"kind": dice.one(&["x", "y"])});
            if dice.chance(50) {
                attributes["level"] = json!(dice.below(5));
                attributes["boss"] = reference("person", word(dice, &["p0", "p1", "p2"]));
                attributes["desk"] = reference("room", "r0");
            }
            if dice.chance(30) {
                attributes["friends"] = json!([reference("person", "p1")]);
                attributes["clearance"] = json!({"__entity": {"type": "Level", "id": "high"}});
            }
            let parents = if dice.chance(50) { json!([uid("squad", "q0")]) } else { json!([]) };
            let tags = if dice.chance(50) { json!({"k": dice.one(&["v", "w"])}) } else { json!({}) };
            all.push(json!({"uid": uid("person", id), "attrs": attributes, "parents": parents, "tags": tags}));
        }
    }
    if dice.chance(60) {
        let attributes = json!({"kind": "x", "owner": reference("person", "p0")});
        all.push(json!({"uid": uid("bot", "b0"), "attrs": attributes, "parents": [uid("squad", "q1")]}));
    }
    for id in ["d0", "d1"] {
        if dice.chance(60) {
            let mut attributes = json!({"kind": dice.one(&["x", "y"])});
            if dice.chance(60) {
                attributes["room"] = reference("room", "r0");
            }
            if dice.chance(30) {
                attributes["level"] = json!(dice.below(5));
                attributes["owner"] = reference("person", word(dice, &["p0", "p1"]));
            }
            let tags = if dice.chance(50) { json!({"k": ["v"]}) } else { json!({}) };
            all.push(
                json!({"uid": uid("doc", id), "attrs": attributes, "parents": [uid("shelf", "s0")], "tags": tags}),
            );
        }
    }
    Json::Array(all)
}

/// Ids of documents: plain ones, one that a tuple has to encode, and a long one.
pub(crate) fn doc_ids() -> [String; 5] {
    ["d0".to_owned(), "d1".to_owned(), "d2".to_owned(), "urn:x#a*b".to_owned(), "l".repeat(180)]
}

pub(crate) fn person_ids() -> [String; 4] {
    ["p0".to_owned(), "p1".to_owned(), "p2".to_owned(), "spiffe://acme/p#3".to_owned()]
}

/// One of some words.
pub(crate) fn word<'t>(dice: &mut Dice, of: &[&'t str]) -> &'t str {
    of[dice.below(of.len())]
}

/// A tuple of the model's, which may or may not be stored.
pub(crate) fn tuple(dice: &mut Dice, bundle: &Bundle) -> Tuple {
    let ns = if bundle.namespaced { "Lab/" } else { "" };
    let person = format!("{ns}person:{}", behest::model::encode_id(person_ids()[dice.below(4)].as_str()));
    let bot = format!("{ns}bot:b{}", dice.below(2));
    let doc = format!("{ns}doc:{}", behest::model::encode_id(doc_ids()[dice.below(5)].as_str()));
    let room = |dice: &mut Dice| format!("{ns}room:r{}", dice.below(3));
    let team = |dice: &mut Dice| format!("{ns}team:t{}", dice.below(3));
    let (key, condition) = match dice.below(10) {
        0 => (format!("{}#member@{person}", team(dice)), None),
        1 => (format!("{}#member@{}#member", team(dice), team(dice)), None),
        2 => (format!("{}#inside@{}", room(dice), room(dice)), None),
        3 => (format!("{}#viewer@{}", room(dice), dice.one(&[person, bot, format!("{ns}person:*")])), None),
        4 => (format!("{doc}#inside@{}", room(dice)), None),
        5 => (format!("{doc}#viewer@{}#member", team(dice)), condition(dice, &["listed"])),
        6 => (format!("{doc}#viewer@{bot}"), condition(dice, &["small"])),
        7 => (format!("{doc}#blocked@{person}"), condition(dice, &["mapped"])),
        _ => (
            format!("{doc}#viewer@{person}"),
            condition(dice, &["small", "listed", "mapped", "short", "near", "timed", "exactly"]),
        ),
    };
    Tuple { key: key.parse().unwrap(), condition: condition.map(Arc::new) }
}

fn condition(dice: &mut Dice, names: &[&str]) -> Option<TupleCondition> {
    let name = dice.chance(75).then(|| word(dice, names))?;
    let member = match name {
        "listed" => Some(("wanted", Value::text(word(dice, &["a", "b"])))),
        "near" => Some(("net", Value::text(word(dice, &["10.0.0.0/8", "::1/128"])))),
        _ => None,
    };
    let context: Record = member.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Some(TupleCondition { name: name.into(), context })
}

/// How a chain of several members is written.
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
pub(crate) struct Question {
    members: Vec<Member>,
    carrier: Carrier,
    action: &'static str,
    action_properties: Map<String, Json>,
    resource: Member,
    context: Map<String, Json>,
}

impl Question {
    /// Where a walk begins.
    pub(crate) fn first(dice: &mut Dice, bundle: &Bundle) -> Self {
        let resource = Member { kind: "doc", id: dice.one(&doc_ids()).clone(), properties: required() };
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

    /// Sets, changes or takes away one part, and nothing else; most often one that the bundle's policies mention.
    pub(crate) fn change(&mut self, dice: &mut Dice, bundle: &Bundle) {
        let policies = if dice.chance(80) { bundle.policies() } else { "" };
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
            7..12 => change_one(dice, policies, &mut self.resource.properties, &of_resource()),
            12..15 => {
                let at = dice.below(self.members.len());
                change_one(dice, policies, &mut self.members[at].properties, &of_member());
            }
            _ => change_one(dice, policies, &mut self.context, &of_context()),
        }
    }

    /// Another action, with a resource that it applies to, most of the time.
    fn act(&mut self, dice: &mut Dice) {
        self.action = word(dice, &["read", "read", "read", "write", "write", "greet"]);
        let wanted = if self.action == "greet" { "person" } else { "doc" };
        if self.resource.kind != wanted && dice.chance(90) {
            self.resource.kind = wanted;
            self.resource.id = if wanted == "doc" { "d0".to_owned() } else { "p1".to_owned() };
        }
    }

    /// The body. `aliased` writes types by their other names where there are any.
    pub(crate) fn body(&self, bundle: &Bundle, aliased: bool) -> Json {
        let kind = |kind: &str| match (bundle.namespaced, aliased, kind) {
            (true, false, _) => format!("Lab::{kind}"),
            (false, true, "person") => "human".to_owned(),
            _ => kind.to_owned(),
        };
        let entity =
            |member: &Member| json!({"type": kind(member.kind), "id": member.id, "properties": member.properties});
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
            (Carrier::UserAndAgent, [user]) => subject = json!({"user": entity(user), "agent": entity(last)}),
            (Carrier::Act, [user]) => {
                subject = entity(user);
                // The token's claim has no place for a type of ours, nor for properties.
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
    Member { kind, id, properties: required() }
}

/// What every entity has to have: where it is absent, whatever reads it fails.
fn required() -> Map<String, Json> {
    [("kind".to_owned(), json!("x"))].into_iter().collect()
}

type Members<'a> = Vec<(&'a str, Vec<Json>)>;

fn change_one(dice: &mut Dice, policies: &str, of: &mut Map<String, Json>, members: &[(&str, Vec<Json>)]) {
    let mentioned: Vec<_> = members.iter().filter(|(name, _)| policies.contains(name)).cloned().collect();
    let (name, values) = dice.one(if mentioned.is_empty() { members } else { &mentioned });
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
        ("friends", vec![json!(["p0"]), json!(["p1", "p0"]), json!([{"type": "doc", "id": "d0"}])]),
        ("cards", vec![json!([{"n": 1}]), json!([{"n": 2}]), json!([{"n": "1"}])]),
        ("home", places()),
        ("boss", vec![json!("p0"), json!("p1")]),
        ("score", vec![json!(2.49), json!(2.5), json!("2.4"), json!("x")]),
        ("desk", vec![json!("r0")]),
    ]);
    members
}

fn of_resource() -> Members<'static> {
    let mut members = of_anyone();
    members.extend([
        ("owner", vec![json!("p0"), json!("p1"), json!("p2")]),
        ("readers", vec![json!(["p0"]), json!(["p1", "p2"]), json!([]), json!([null])]),
        ("source", vec![json!("10.0.0.1"), json!("192.168.0.1"), json!("nowhere")]),
        ("age", vec![json!("30m"), json!("2h"), Json::Null]),
        ("until", times()),
        ("price", vec![json!(2.49), json!(2.490), json!(2.5), json!("2.4"), json!("x")]),
        ("place", places()),
        ("marks", vec![json!([{"n": 1}]), json!([]), json!([{"n": 2}, {"n": 1}]), json!([{}])]),
        ("labels", vec![json!(["a"]), json!(["a", "b"]), json!(["b"]), json!([])]),
        ("room", vec![json!("r0")]),
    ]);
    members
}

/// What people, bots and documents have in common.
fn of_anyone() -> Members<'static> {
    vec![
        ("kind", vec![json!("x"), json!("y"), Json::Null, json!(1)]),
        ("level", vec![json!(1), json!(4), json!(4.0), json!("4"), Json::Null]),
        ("ip", vec![json!("10.0.0.1"), json!("10.0.0.0/8"), json!("::1"), json!("ten")]),
        ("clearance", vec![json!("high"), json!("low"), json!("none")]),
        ("mfa", vec![json!(true), json!(false), json!("true")]),
        ("nobody_declares", vec![json!(1), json!(2)]),
    ]
}

fn of_context() -> Members<'static> {
    vec![
        ("limit", vec![json!(1), json!(5), json!(9), json!(2.0), json!(2.5), json!("2"), Json::Null]),
        ("items", vec![json!(["a"]), json!(["b"]), json!(["a", "b"]), json!([]), json!([1])]),
        ("window", vec![json!("30m"), json!("2h"), json!("soon"), Json::Null]),
        ("origin", vec![json!("10.0.0.1"), json!("::1"), json!("127.0.0.1"), json!("ten")]),
        ("at", times()),
        ("table", vec![json!({"a": 1}), json!({"a": 5}), json!({"b": 1}), json!({"a": "1"}), json!([])]),
        ("peer", vec![json!("p0"), json!("p1")]),
        ("peers", vec![json!(["p0"]), json!(["p1", "p2"]), json!([])]),
        ("rank", vec![json!("high"), json!("low"), json!("none")]),
        ("deep", vec![json!("none"), json!({"x": [1, {"y": null}]}), json!([1, 2.50])]),
        ("wanted", vec![json!("a")]),
        ("exact", vec![json!({"n": 1}), json!({"n": 2}), json!({"n": 1, "m": 1})]),
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

fn times() -> Vec<Json> {
    ["2026-06-01T11:59:59.999Z", "2026-06-01T12:00:00Z", "2026-06-01T12:00:03Z", "noon"].map(Json::from).into()
}

/// Where the clock can be put: about the times that are compared with.
pub(crate) fn time(dice: &mut Dice) -> i64 {
    NOON + dice.one(&[-2_000, -1, 0, 1, 2_999, 3_000, 3_001])
}
