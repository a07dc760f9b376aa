//! What histories are made of: bundles and tuples over one vocabulary, with [`crate::questions`]
//! about them, small enough that the same legs come again and again, each time with something
//! changed that may or may not matter to them.

use behest::model::{ObjectRef, Record, Tuple, TupleCondition, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use support::dice::Dice;
pub(crate) use support::lab::NOON;

/// Times that policies, tuples and questions compare the clock with, in milliseconds from [`NOON`].
pub(crate) const MARKS: [i64; 5] = [-2_000, -500, 0, 700, 3_000];

/// Teams that may see `doc:d0`: more than a check looks at from one side.
const WIDE: usize = 48;

/// Folders near `doc:d1`: outcomes that rest on many rows.
const NEAR: usize = 70;

/// `{context}` is [`CONTEXT`].
const SCHEMA: &str = r#"
entity team;
entity user in [team] {
  level?: Long, tenant?: String, expires?: datetime, tags?: Set<String>, boss?: user,
  profile?: { rank?: Long, note?: String }, @stored seat?: folder,
};
entity agent { level?: Long, owner?: user, tenant?: String };
entity folder;
entity group;
entity doc { @stored folder?: folder, level?: decimal, owner?: user, until?: datetime, public?: Bool };
action read, write appliesTo { principal: [user, agent], resource: doc, context: { {context} exact?: { amount: Long } } };
action "read:d2" in [read] appliesTo {
  principal: [user, agent], resource: doc, context: { {context} exact: { amount: Long } },
};
action follow appliesTo { principal: [user, agent], resource: user };
"#;

const CONTEXT: &str = "
    limit?: Long, purpose?: String, deadline?: datetime, peer?: user, request_id?: String,
    arguments?: { amount?: Long, note?: String }, action_properties?: { soft?: Bool, reference?: String },
";

const MANIFEST: &str = "allow_orphans = true\n[types]\nidentity = \"user\"\n";

/// The model, in which `{viewer}` and `{small}` differ from bundle to bundle.
const MODEL: &str = r"model
  schema 1.1
type user
type agent
type platform
  relations
    define suspended: [user, agent]
type team
  relations
    define member: [user, team#member, user with until]
type group
  relations
    define member: [user]
type folder
  relations
    define parent: [folder]
    define viewer: [user, user:*, agent, agent with until, team#member, user with window] or viewer from parent
type doc
  relations
    define parent: [folder]
    define keeper: [user, agent]
    define blocked: [user, agent, user with small, user with mornings]
    define wide: [group#member]
    define near: [folder]
    define far: viewer from near
    define viewer: {viewer}
    define can: viewer but not blocked
condition until(current_time: timestamp, end: timestamp) {
  current_time < end
}
condition window(current_time: timestamp, start: timestamp, end: timestamp, emergency: bool) {
  emergency || (start <= current_time && current_time <= end)
}
condition small(limit: int, most: int) {
  limit < {small}
}
condition mornings(current_time: timestamp) {
  current_time.getHours('UTC') < 12
}
condition writes(action: string, ticket: any) {
  action == 'write' && ticket != 'none'
}
condition only(resource: string, which: string) {
  resource == which
}
";

const VIEWERS: [&str; 2] = [
    "[user, user with small, user with writes, user with only, team#member, team#member with until] or keeper or viewer from parent",
    "[user, user with small, user with writes, user with only, team#member, team#member with until] and keeper",
];

/// Conditions of policies; `{mark}` is one of [`MARKS`].
const CONDITIONS: [&str; 34] = [
    "principal in resource.viewer",
    "principal in resource.can",
    "principal in resource.wide",
    "principal in resource.keeper && principal in resource.viewer",
    "resource has folder && principal in resource.folder.viewer",
    "principal in Userset::\"team:t0#member\"",
    "context has peer && context.peer in resource.viewer",
    "context has delegation.from.user && context.delegation.from.user in resource.can",
    "context has delegation.from.user && principal is agent && principal has owner && principal.owner == context.delegation.from.user",
    "principal has level && principal.level > 2",
    "principal has level && principal.level + 9223372036854775806 > 0",
    "principal has tenant && principal.tenant == \"t0\"",
    "principal has tenant && principal.tenant == \"t1\" && principal has level",
    "principal is user && principal has tags && principal.tags.contains(\"x\")",
    "principal is user && principal has profile.rank && principal.profile.rank < 3",
    "principal is user && principal has boss && principal.boss has level && principal.boss.level > 1",
    "resource has owner && resource.owner has level && resource.owner.level > 1",
    "resource has level && resource.level.lessThan(decimal(\"2.5\"))",
    "resource has public && resource.public",
    "context has limit && context.limit < 3",
    "context has purpose && context.purpose like \"s*\"",
    "context has arguments.amount && context.arguments.amount < 3",
    "context has exact && context.exact == {amount: 1}",
    "context has action_properties.soft && context.action_properties.soft",
    "context.delegation.depth < 2",
    "context has delegation.earlier.user && context.delegation.earlier.user.contains(user::\"u1\")",
    "context has delegation.subject.user && context.delegation.subject.user has level && context.delegation.subject.user.level > 1",
    "context.now < datetime(\"{mark}\")",
    "context.now >= datetime(\"{mark}\") && principal has level",
    "principal is user && principal has expires && context.now < principal.expires",
    "resource has until && resource.until >= context.now",
    "context has deadline && (context.now < context.deadline || principal in resource.viewer)",
    "context has deadline && context.now == context.deadline",
    "context.now.toTime() < duration(\"12h\") || principal in resource.keeper",
];

/// Conditions of policies in a rich world beside these: on a credential, and on more rows than are
/// kept one by one.
const MORE_CONDITIONS: [&str; 7] = [
    "principal in resource.far",
    "context has token && context.token.scopes.contains(\"read\")",
    "context has token.client && context.token.client == \"c0\"",
    "context has token.expires && context.now < context.token.expires",
    "context has token.detail && context.token.detail.identifiers.contains(\"d0\")",
    "(if context has token then context.token.roles.isEmpty() else true)",
    "context has arguments && context has token && context.token.detailed",
];

/// Conditions of policies about a user as the resource, who may be the principal too, or stand in
/// the chain.
const ABOUT_USERS: [&str; 6] = [
    "principal == resource",
    "resource has level && resource.level > 2",
    "principal has level && resource has level && principal.level <= resource.level",
    "resource has boss && principal == resource.boss && resource.boss has level && resource.boss.level > 1",
    "resource has profile.rank && resource.profile.rank < 3",
    "context has delegation.from.user && context.delegation.from.user == resource && resource has tenant",
];

/// What the policies of a bundle are made of.
#[derive(Clone)]
pub(crate) struct Plan {
    policies: Vec<(&'static str, &'static str, &'static str, String)>,
    model: String,
}

/// Policies and a model, some of each. A rich world has more that can differ, and so of everything
/// less.
pub(crate) fn plan(dice: &mut Dice, rich: bool) -> Plan {
    let all = [
        "principal, action in [Action::\"read\", Action::\"write\"], resource",
        "principal, action in Action::\"read\", resource",
    ];
    let mut policies = Vec::new();
    for _ in 0..6 + dice.below(7) {
        let (scopes, conditions): (&[&str], &[&str]) = match dice.below(if rich { 10 } else { 7 }) {
            0..7 => (&all, &CONDITIONS),
            7 | 8 => (&all, &MORE_CONDITIONS),
            _ => (
                &["principal, action == Action::\"follow\", resource"],
                &ABOUT_USERS,
            ),
        };
        let condition = dice
            .one(conditions)
            .replace("{mark}", &rfc3339(NOON + dice.one(&MARKS)));
        let effect = if dice.chance(75) { "permit" } else { "forbid" };
        let reason = if dice.chance(30) {
            "@reason(\"of_its_own\") "
        } else {
            ""
        };
        policies.push((reason, effect, *dice.one(scopes), condition));
    }
    let small = *dice.one(&["most", "most - 1"]);
    let model = MODEL
        .replace("{viewer}", VIEWERS[dice.below(VIEWERS.len())])
        .replace("{small}", small);
    Plan { policies, model }
}

/// The same for the eyes of a cache: policies read what they did, and decide otherwise.
pub(crate) fn turned(dice: &mut Dice, plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for (_, effect, _, _) in &mut plan.policies {
        if dice.chance(40) {
            *effect = if *effect == "permit" {
                "forbid"
            } else {
                "permit"
            };
        }
    }
    plan
}

/// A bundle's files: a plan's policies and model, and entities and tuples, some of each.
pub(crate) fn bundle(dice: &mut Dice, plan: &Plan) -> Vec<(&'static str, String)> {
    let mut policies = String::new();
    for (at, (reason, effect, scope, condition)) in plan.policies.iter().enumerate() {
        writeln!(
            policies,
            "@id(\"p{at}\") {reason}{effect} ({scope}) when {{ {condition} }};"
        )
        .unwrap();
    }
    policies += "@id(\"suspended\") @reason(\"is_suspended\") forbid (principal, action, resource) when { principal in Userset::\"platform:main#suspended\" };\n";
    let mut tuples: String = (0..WIDE)
        .map(|at| line(&format!("doc:d0#wide@group:g{at}#member")))
        .collect();
    tuples.extend((0..NEAR).map(|at| line(&format!("doc:d1#near@folder:n{at}"))));
    tuples += &line("doc:d1#parent@folder:f0");
    if dice.chance(50) {
        tuples += &line("folder:f1#viewer@team:t1#member");
    }
    vec![
        ("policies/bundle.toml", MANIFEST.to_owned()),
        (
            "schemas/world.cedarschema",
            SCHEMA.replace("{context}", CONTEXT),
        ),
        ("schemas/model.fga", plan.model.clone()),
        ("policies/world.cedar", policies),
        ("policies/entities.json", entities(dice).to_string()),
        ("policies/tuples.jsonl", tuples),
    ]
}

fn line(key: &str) -> String {
    let (object, user) = key.split_once('@').unwrap();
    let (object, relation) = object.split_once('#').unwrap();
    format!(
        "{}\n",
        json!({"user": user, "relation": relation, "object": object})
    )
}

fn entities(dice: &mut Dice) -> Json {
    let reference = |kind: &str, id: String| json!({"__entity": {"type": kind, "id": id}});
    let mut all = vec![
        json!({"uid": {"type": "team", "id": "t0"}, "attrs": {}, "parents": []}),
        json!({"uid": {"type": "folder", "id": "f0"}, "attrs": {}, "parents": []}),
        json!({"uid": {"type": "folder", "id": "f1"}, "attrs": {}, "parents": []}),
    ];
    for at in 0..2 {
        if dice.chance(50) {
            let boss = reference("user", format!("u{}", dice.below(3)));
            let attributes = json!({"level": dice.below(5), "tenant": format!("t{}", dice.below(2)), "boss": boss});
            all.push(
                json!({"uid": {"type": "user", "id": format!("u{at}")}, "attrs": attributes,
                            "parents": [{"type": "team", "id": "t0"}]}),
            );
        }
        let attributes = json!({"folder": reference("folder", format!("f{}", dice.below(2)))});
        all.push(json!({"uid": {"type": "doc", "id": format!("d{at}")}, "attrs": attributes, "parents": []}));
    }
    Json::Array(all)
}

/// A tuple that may or may not be stored, most of them allowed by every model.
pub(crate) fn tuple(dice: &mut Dice, rich: bool) -> Tuple {
    let user = format!("user:u{}", dice.below(3));
    let agent = format!("agent:a{}", dice.below(2));
    let team = format!("team:t{}", dice.below(3));
    let object =
        |dice: &mut Dice, kind: &str, count| format!("{kind}:{}{}", &kind[..1], dice.below(count));
    let who = |dice: &mut Dice| {
        if dice.chance(65) {
            user.clone()
        } else {
            agent.clone()
        }
    };
    let (key, condition) = match dice.below(if rich { 13 } else { 12 }) {
        0 => (format!("platform:main#suspended@{}", who(dice)), None),
        1 => (format!("{team}#member@{user}"), chosen(dice, &["until"])),
        2 => (
            format!("{team}#member@team:t{}#member", dice.below(3)),
            None,
        ),
        3 | 4 => (format!("group:g{}#member@{user}", dice.below(WIDE)), None),
        5 => (
            format!("{}#viewer@{user}", object(dice, "folder", 2)),
            chosen(dice, &["window"]),
        ),
        6 => {
            let viewer = (*dice.one(&["user:*", "agent:a0", "team:t0#member"])).to_owned();
            (
                format!("{}#viewer@{viewer}", object(dice, "folder", 2)),
                None,
            )
        }
        7 => (
            format!("{}#viewer@{user}", object(dice, "doc", 3)),
            chosen(
                dice,
                if rich {
                    &["small", "writes", "only"]
                } else {
                    &["small", "writes"]
                },
            ),
        ),
        8 => (
            format!("{}#viewer@{team}#member", object(dice, "doc", 3)),
            chosen(dice, &["until"]),
        ),
        9 => (
            format!("{}#keeper@{}", object(dice, "doc", 3), who(dice)),
            None,
        ),
        10 => (
            format!("{}#blocked@{user}", object(dice, "doc", 3)),
            chosen(dice, &["small", "mornings"]),
        ),
        11 => (
            format!(
                "{}#parent@folder:f{}",
                object(dice, "doc", 3),
                dice.below(2)
            ),
            None,
        ),
        _ => (
            format!("folder:n{}#viewer@{}", dice.below(NEAR), who(dice)),
            None,
        ),
    };
    Tuple {
        key: key.parse().unwrap(),
        condition: condition.map(Arc::new),
    }
}

fn chosen(dice: &mut Dice, names: &[&str]) -> Option<TupleCondition> {
    let name = dice.chance(60).then(|| *dice.one(names))?;
    let mark = |dice: &mut Dice| Value::text(rfc3339(NOON + dice.one(&MARKS)));
    let context: BTreeMap<&str, Value> = match name {
        "until" => [("end", mark(dice))].into(),
        "window" => [("start", mark(dice)), ("end", mark(dice))].into(),
        "small" => [("most", Value::from(i64::try_from(dice.below(5)).unwrap()))].into(),
        "writes" if dice.chance(50) => [("ticket", Value::text("T-1"))].into(),
        "only" => [("which", Value::text(*dice.one(&["doc:d0", "doc:d1"])))].into(),
        _ => BTreeMap::new(),
    };
    let context: Record = context
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    Some(TupleCondition {
        name: name.into(),
        context,
    })
}

/// Somebody or something that a deletion of everything can be about.
pub(crate) fn somebody(dice: &mut Dice) -> ObjectRef {
    let all = [
        "user:u0",
        "user:u1",
        "agent:a0",
        "team:t0",
        "group:g20",
        "doc:d0",
        "folder:f0",
        "platform:main",
    ];
    let (kind, id) = dice.one(&all).split_once(':').unwrap();
    ObjectRef::new(kind, id).unwrap()
}

/// Where the clock can be put: on the marks, next to them, and between.
pub(crate) fn time(dice: &mut Dice) -> i64 {
    NOON + dice.one(&MARKS) + dice.one(&[-1, 0, 0, 1, 250])
}

pub(crate) fn rfc3339(ms: i64) -> String {
    let (days, seconds, millis) = (
        ms.div_euclid(86_400_000),
        ms.rem_euclid(86_400_000) / 1_000,
        ms.rem_euclid(1_000),
    );
    // All times here are on 2026-06-01, which is this day.
    assert_eq!(days, NOON.div_euclid(86_400_000));
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("2026-06-01T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}
