//! Generates policies, stored entities and requests: scopes of every kind, equalities that lead and
//! that do not, guards, conditions that fail, and values that are absent, stored, sent, or of the
//! wrong type.

use crate::model::{Action, Chain, Entity, EntityRef, Number, Question, Record, Value};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value as Json, json};

/// `level` and `kind` are required: a policy may read them without a guard, and a request may leave
/// them out.
pub(super) const SCHEMA: &str = r#"
entity Group in [Group];
entity Folder in [Folder];
entity user in [Group] {
  tenant?: String, level: Long, active?: Bool, home?: Group, region?: String,
  profile?: { zone?: String }, roles?: Set<String>,
} tags String;
entity agent in [Group] {
  tenant?: String, level: Long, active?: Bool, home?: Group, profile?: { zone?: String }
};
entity doc in [Folder] { tenant?: String, kind: String, rank?: Long, owner?: user };
entity tool in [Folder] { tenant?: String, kind: String, rank?: Long, owner?: user };
action all;
action read, write in [all] appliesTo {
  principal: [user, agent], resource: [doc, tool],
  context: { tenant?: String, tries?: Long, args?: { name?: String, dry?: Bool } }
};
"#;

/// A conjunct, after the guards that the type checker demands before it.
type ConjunctText = (&'static [&'static str], &'static str);

const CONJUNCTS: [ConjunctText; 53] = [
    (&["principal has tenant"], "principal.tenant == \"a\""),
    (&["principal has tenant"], "\"b\" == principal.tenant"),
    (&["principal has tenant"], "principal.tenant == \"c\""),
    (&["principal has tenant"], "principal.tenant != \"a\""),
    (&["resource has tenant"], "resource.tenant == \"a\""),
    (&["resource has tenant"], "resource.tenant == \"b\""),
    (
        &["principal has tenant", "resource has tenant"],
        "principal.tenant == resource.tenant",
    ),
    // These have no guard: they fail if the attribute is absent.
    (&[], "principal.level == 1"),
    (&[], "principal.level == 2"),
    (&[], "principal.level < 2"),
    (&[], "resource.kind == \"a\""),
    (&[], "resource.kind == \"b\""),
    (&["principal has level"], "principal.level == 3"),
    (&["principal has active"], "principal.active == true"),
    (&["principal has active"], "principal.active"),
    (&["principal has home"], "principal.home == Group::\"g0\""),
    (&["principal has home"], "principal.home == Group::\"g1\""),
    (
        &["principal is user", "principal has region"],
        "principal.region == \"a\"",
    ),
    (&["principal is user"], "principal == user::\"1\""),
    (
        &["principal has profile.zone"],
        "principal.profile.zone == \"a\"",
    ),
    (
        &["principal has profile", "principal.profile has zone"],
        "principal.profile.zone == \"b\"",
    ),
    (&["resource has owner"], "resource.owner == user::\"0\""),
    (
        &["resource has owner", "resource.owner has tenant"],
        "resource.owner.tenant == \"a\"",
    ),
    (&["resource has owner"], "resource.owner.level == 1"),
    (&["context has tenant"], "context.tenant == \"a\""),
    (&["context has args.name"], "context.args.name == \"b\""),
    (&["context has args"], "context.args has name"),
    (&["principal has active"], "principal.active == false"),
    (&["principal has active"], "!principal.active"),
    (&[], "principal.level == -9223372036854775808"),
    (
        &["principal has tenant"],
        "[\"a\", \"b\"].contains(principal.tenant)",
    ),
    (&["principal has tenant"], "principal.tenant like \"a*\""),
    (
        &["principal is user", "principal has roles"],
        "principal.roles.contains(\"a\")",
    ),
    (
        &["principal is user", "principal has roles"],
        "principal.roles.isEmpty()",
    ),
    (&["resource has rank"], "resource.rank == 1"),
    (&["resource has owner"], "resource.owner == principal"),
    (&["resource has owner"], "resource.owner in Group::\"g1\""),
    (
        &["resource has owner", "resource.owner has home"],
        "resource.owner.home == Group::\"g0\"",
    ),
    (&["context has args.dry"], "context.args.dry"),
    (&[], "principal in [Group::\"g0\", Group::\"g2\"]"),
    (&[], "action == Action::\"read\""),
    (&[], "action in Action::\"all\""),
    (&[], "(principal.level == 1 || resource.kind == \"a\")"),
    // These end the walk: a tag may be absent, a function may fail.
    (&["principal is user"], "principal.hasTag(\"k\")"),
    (
        &["principal is user", "principal.hasTag(\"k\")"],
        "principal.getTag(\"k\") == \"a\"",
    ),
    (&[], "decimal(\"1.0\").lessThan(decimal(\"2.0\"))"),
    // These overflow for some values.
    (&[], "principal.level + 9223372036854775805 > 0"),
    (&["context has tries"], "-context.tries < 0"),
    (&["context has tries"], "context.tries == 1"),
    (
        &[],
        "(if principal is agent then resource.kind == \"a\" else true)",
    ),
    (&[], "principal in Group::\"g1\""),
    (&["resource is doc"], "principal in resource.viewer"),
    (&[], "principal in Userset::\"doc:1#viewer\""),
];

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) policies: String,
    /// The stored entities in Cedar's form, each once.
    pub(super) stored: Vec<Json>,
    pub(super) asked: Vec<WorldQuestion>,
}

#[derive(Clone, Debug)]
pub(super) struct WorldQuestion {
    pub(super) principal: (&'static str, usize),
    pub(super) action: &'static str,
    pub(super) resource: (&'static str, usize),
    pub(super) properties: [SentMembers; 2],
    pub(super) context: SentMembers,
}

/// Members of a request, as they are sent.
pub(super) type SentMembers = Vec<(&'static str, Json)>;

/// How many of the conjuncts come before those that can fail and those that concern relations.
const HARMLESS: usize = 43;

pub(super) fn worlds() -> impl Strategy<Value = World> {
    // Now and then there are more policies than `SHARED_POLICIES` about the same actions.
    let count = prop_oneof![20 => 1..24usize, 1 => 130..150usize];
    let policies = count.prop_flat_map(|count| prop::collection::vec(policy(), count));
    (policies, stored(), prop::collection::vec(asked(), 12)).prop_map(
        |(policies, stored, asked)| {
            let policies = policies
                .into_iter()
                .enumerate()
                .map(|(at, text)| format!("@id(\"p{at:02}\") {text}\n"))
                .collect();
            World {
                policies,
                stored,
                asked,
            }
        },
    )
}

fn policy() -> impl Strategy<Value = String> {
    let reason = select(vec!["", "", "@reason(\"told\") "]);
    let effect = prop_oneof![2 => Just("permit"), 1 => Just("forbid")];
    let principal = select(vec![
        "principal",
        "principal",
        "principal",
        "principal is user",
        "principal is agent",
        "principal == user::\"0\"",
        "principal == agent::\"1\"",
        "principal in Group::\"g0\"",
        "principal in Group::\"g2\"",
        "principal in user::\"1\"",
        "principal is user in Group::\"g1\"",
        "principal is agent in Group::\"g1\"",
    ]);
    let action = select(vec![
        "action",
        "action",
        "action == Action::\"read\"",
        "action in [Action::\"read\", Action::\"write\"]",
        "action in Action::\"all\"",
    ]);
    let resource = select(vec![
        "resource",
        "resource",
        "resource",
        "resource is doc",
        "resource == doc::\"1\"",
        "resource in Folder::\"f0\"",
        "resource in Folder::\"f1\"",
        "resource is tool in Folder::\"f0\"",
    ]);
    let conjuncts = subsequence(CONJUNCTS.to_vec(), 0..5).prop_shuffle();
    // The first conjunct is an equality more often than not.
    let first = select(CONJUNCTS[..HARMLESS].to_vec());
    (
        reason,
        effect,
        principal,
        action,
        resource,
        first,
        conjuncts,
        0..8usize,
    )
        .prop_map(
            |(reason, effect, principal, action, resource, first, mut conjuncts, form)| {
                if form < 5 {
                    conjuncts.insert(0, first);
                }
                let mut said: Vec<&str> = Vec::new();
                for (guards, text) in &conjuncts {
                    said.extend(
                        guards
                            .iter()
                            .filter(|guard| !said.contains(guard))
                            .copied()
                            .collect::<Vec<_>>(),
                    );
                    said.push(text);
                }
                let clause = match (said.is_empty(), form) {
                    (true, _) => String::new(),
                    (false, 7) => format!(" unless {{ {} }}", said.join(" && ")),
                    (false, _) => format!(" when {{ {} }}", said.join(" && ")),
                };
                format!("{reason}{effect} ({principal}, {action}, {resource}){clause};")
            },
        )
}

fn stored() -> impl Strategy<Value = Vec<Json>> {
    let member = |kind: &'static str,
                  id: usize,
                  groups: Vec<&'static str>,
                  above: &'static str,
                  members: SentMembers| {
        let parents: Vec<Json> = groups
            .into_iter()
            .map(|group| json!({"type": above, "id": group}))
            .collect();
        let uid = json!({"type": kind, "id": id.to_string()});
        let mut made = json!({"uid": uid, "attrs": in_cedar(&members), "parents": parents});
        if kind == "user" && id < 2 {
            made["tags"] = json!({"k": if parents.is_empty() { "a" } else { "b" }});
        }
        made
    };
    let one = move |kind: &'static str, id: usize| -> BoxedStrategy<Option<Json>> {
        let (groups, above) = match kind {
            "user" | "agent" => (vec!["g0", "g1", "g2"], "Group"),
            _ => (vec!["f0", "f1"], "Folder"),
        };
        let (groups, members) = (
            subsequence(groups.clone(), 0..=groups.len()),
            attributes(kind, true),
        );
        prop::option::of((groups, members))
            .prop_map(move |some| {
                some.map(|(groups, members)| member(kind, id, groups, above, members))
            })
            .boxed()
    };
    let all: Vec<_> = ["user", "agent", "doc", "tool"]
        .into_iter()
        .flat_map(|kind| (0..3).map(move |id| one(kind, id)))
        .collect();
    all.prop_map(|found| {
        let mut found: Vec<Json> = found.into_iter().flatten().collect();
        for (kind, below, above) in [
            ("Group", "g2", "g1"),
            ("Group", "g1", "g0"),
            ("Folder", "f1", "f0"),
        ] {
            let parents = json!([{"type": kind, "id": above}]);
            found
                .push(json!({"uid": {"type": kind, "id": below}, "attrs": {}, "parents": parents}));
        }
        found
    })
}

fn asked() -> impl Strategy<Value = WorldQuestion> {
    (
        select(vec!["user", "agent"]),
        0..4usize,
        select(vec!["read", "write"]),
        select(vec!["doc", "tool"]),
        0..4usize,
    )
        .prop_flat_map(|(who, id, action, what, which)| {
            let context = members(
                vec![
                    ("tenant", text(), json!(1)),
                    ("tries", number(), json!("a")),
                    (
                        "args",
                        select(vec![
                            json!({}),
                            json!({"name": "a"}),
                            json!({"name": "b", "dry": true}),
                        ])
                        .boxed(),
                        json!([]),
                    ),
                ],
                2,
                60,
            );
            (attributes(who, false), attributes(what, false), context).prop_map(
                move |(principal, resource, context)| WorldQuestion {
                    principal: (who, id),
                    action,
                    resource: (what, which),
                    properties: [principal, resource],
                    context,
                },
            )
        })
}

/// Generates the attributes of an entity: if stored, with all that are required; if sent, with some
/// that do not fit.
fn attributes(kind: &'static str, stored: bool) -> BoxedStrategy<SentMembers> {
    let entity = |kind: &'static str, ids: Vec<&'static str>| -> BoxedStrategy<Json> {
        select(ids)
            .prop_map(move |id| json!({"type": kind, "id": id}))
            .boxed()
    };
    let (required, mut optional) = match kind {
        "user" | "agent" => (
            ("level", number(), json!("a")),
            vec![
                (
                    "active",
                    select(vec![json!(true), json!(false)]).boxed(),
                    json!("a"),
                ),
                ("home", entity("Group", vec!["g0", "g1"]), json!(7)),
                (
                    "profile",
                    select(vec![json!({}), json!({"zone": "a"}), json!({"zone": "b"})]).boxed(),
                    json!("a"),
                ),
            ],
        ),
        _ => (
            ("kind", text(), json!(2)),
            vec![
                ("rank", number(), json!("a")),
                ("owner", entity("user", vec!["0", "1", "3"]), json!(7)),
            ],
        ),
    };
    optional.push(("tenant", text(), json!(3)));
    if kind == "user" {
        optional.push(("region", text(), json!(3)));
        let roles = select(vec![
            json!([]),
            json!(["a"]),
            json!(["b", "a"]),
            json!(["c"]),
        ]);
        optional.push(("roles", roles.boxed(), json!(["a", 1])));
    }
    let (misfits, present) = if stored { (0, 30) } else { (1, 70) };
    let required = members(vec![required], misfits, if stored { 100 } else { 80 });
    (required, members(optional, misfits, present))
        .prop_map(|(required, optional)| [required, optional].concat())
        .boxed()
}

/// Includes each member in `present` cases of a hundred, as a misfit in `misfits` of a hundred.
fn members(
    all: Vec<(&'static str, BoxedStrategy<Json>, Json)>,
    misfits: u32,
    present: u32,
) -> impl Strategy<Value = SentMembers> {
    let one = move |(name, fitting, misfit): (&'static str, BoxedStrategy<Json>, Json)| {
        (fitting, 0..100u32, 0..100u32).prop_map(move |(fitting, bad, there)| {
            let value = if bad < misfits {
                misfit.clone()
            } else {
                fitting
            };
            (there < present).then_some((name, value))
        })
    };
    let each: Vec<_> = all.into_iter().map(one).collect();
    each.prop_map(|found| found.into_iter().flatten().collect())
}

fn text() -> BoxedStrategy<Json> {
    select(vec![json!("a"), json!("b"), json!("c")]).boxed()
}

fn number() -> BoxedStrategy<Json> {
    select(vec![json!(1), json!(2), json!(3), json!(i64::MIN)]).boxed()
}

/// Converts members to the form that Cedar reads from JSON.
pub(super) fn in_cedar(members: &SentMembers) -> Json {
    let told = |value: &Json| match value.get("type") {
        Some(_) => json!({"__entity": value}),
        None => value.clone(),
    };
    members
        .iter()
        .map(|(name, value)| ((*name).to_owned(), told(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

impl WorldQuestion {
    pub(super) fn question(&self) -> Question {
        let entity = |(kind, id): (&'static str, usize), members: &SentMembers| Entity {
            uid: EntityRef::new(kind, id.to_string()),
            properties: record(members),
        };
        let [principal, resource] = &self.properties;
        Question {
            chain: Chain::alone(entity(self.principal, principal)),
            action: Action {
                name: self.action.into(),
                properties: Record::new(),
            },
            resource: entity(self.resource, resource),
            context: record(&self.context),
            credentials: Vec::new(),
            dropped: Vec::new(),
            asked: Vec::new(),
        }
    }
}

fn record(members: &SentMembers) -> Record {
    members
        .iter()
        .map(|(name, json)| ((*name).into(), value(json)))
        .collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Number(Number::parse(&number.to_string()).unwrap()),
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(members) => Value::Record(
            members
                .iter()
                .map(|(name, json)| (name.into(), value(json)))
                .collect(),
        ),
    }
}
