//! What walks came past: a kind of world that no search ever found anything by proves nothing, so
//! each has to come.

use crate::wide::{Packs, Wide};
use behest::engine::SearchPage;
use behest::model::{Tuple, encode_id};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// How often a kind has to come.
const LEAST: usize = 1;

/// What a policy that permitted something found must look like: any of the texts of a kind stands
/// in it.
const POLICIES: [(&str, &[&str]); 36] = [
    ("a type in a namespace", &["Lab::"]),
    (
        "a type in none",
        &[
            " is person",
            " is bot",
            " is doc",
            " doc::",
            " person::",
            " squad::",
        ],
    ),
    ("an unless", &[") unless {"]),
    ("principal ==", &["(principal == "]),
    (
        "principal is",
        &[
            "(principal is person,",
            "(principal is Lab::person,",
            "(principal is bot,",
            "(principal is Lab::bot,",
        ],
    ),
    ("principal in", &["(principal in "]),
    (
        "principal is in",
        &["(principal is person in", "(principal is Lab::person in"],
    ),
    ("resource ==", &[", resource == "]),
    (
        "resource is",
        &[", resource is doc)", ", resource is Lab::doc)"],
    ),
    ("resource in", &[", resource in "]),
    (
        "resource is in",
        &[", resource is doc in", ", resource is Lab::doc in"],
    ),
    ("action ==", &[", action == "]),
    ("a list of actions", &[", action in ["]),
    (
        "a group of actions",
        &["Action::\"all\"", "Action::\"peers\""],
    ),
    ("a template", &["?principal"]),
    ("a required attribute", &[".kind"]),
    ("a tag", &["getTag(", "hasTag("]),
    ("an enumeration", &["Level::"]),
    ("an address", &["ip(\"", "isLoopback"]),
    ("a duration", &["duration("]),
    ("a time", &["datetime(", "context.now"]),
    ("a decimal", &["decimal("]),
    ("a set of entities", &["readers", "friends", ".rooms"]),
    ("a set of records", &["{n: "]),
    ("a record", &["place.", "home."]),
    (
        "an attribute that holds actions",
        &["resource.one", "resource.some"],
    ),
    (
        "a relation of the resource",
        &[
            "resource.viewer",
            "resource.can",
            "resource.via",
            "resource.member",
        ],
    ),
    ("a relation of an attribute", &["resource.room.viewer"]),
    ("a userset by name", &["Userset::"]),
    ("a negation", &["!("]),
    ("a branch", &["(if "]),
    ("a disjunction", &[" || "]),
    (
        "an attribute behind an attribute",
        &["resource.owner.", "resource.room."],
    ),
    ("a fact: whose authority", &["delegation.subject"]),
    ("a fact: the one before", &["delegation.from"]),
    ("a fact: those before", &["delegation.earlier"]),
];

/// Everything else that has to come.
const OTHERS: [&str; 37] = [
    "a search for subjects",
    "a search for resources",
    "a search for actions",
    "a subject alone",
    "a subject before another",
    "a subject behind another",
    "a chain in delegation_chain",
    "a chain in on_behalf_of",
    "a chain in delegation",
    "a chain in context.agent",
    "a chain in two parts",
    "a chain in act",
    "properties on an earlier member",
    "an alias",
    "an id that tuples encode",
    "a long id",
    "an id that only a link names",
    "an id that only a policy names",
    "a specialised action",
    "an action that only its special ones are for",
    "an action of a namespace by its id",
    "an action by its whole name",
    "a pack beside a namespace",
    "a type of a pack beside a namespace",
    "members of an enumeration",
    "groups in a circle",
    "the condition small",
    "the condition listed",
    "the condition mapped",
    "the condition short",
    "the condition near",
    "the condition timed",
    "the condition exactly",
    "a denial suspended",
    "a denial delegation_missing",
    "a denial bad_value",
    "a denial relation_error",
];

/// One search, and what came of it.
pub(crate) struct Sight<'a> {
    pub(crate) wide: &'a Wide,
    pub(crate) kind: &'a str,
    pub(crate) body: &'a Json,
    pub(crate) page: &'a SearchPage,
    pub(crate) tuples: &'a [Tuple],
    pub(crate) codes: &'a BTreeSet<String>,
}

/// How often each kind came.
#[derive(Default)]
pub(crate) struct Census {
    counts: BTreeMap<String, usize>,
}

impl Census {
    pub(crate) fn note(&mut self, sight: &Sight<'_>) {
        sight
            .codes
            .iter()
            .for_each(|code| self.count(format!("a denial {code}")));
        if sight.page.found.is_empty() {
            return;
        }
        for policy in sight.policies() {
            for (kind, texts) in POLICIES {
                if texts.iter().any(|text| policy.contains(text)) {
                    self.count(kind.to_owned());
                }
            }
        }
        sight
            .of_subjects()
            .into_iter()
            .for_each(|kind| self.count(kind.to_owned()));
        sight
            .of_ids()
            .into_iter()
            .for_each(|kind| self.count(kind.to_owned()));
        sight
            .of_actions()
            .into_iter()
            .for_each(|kind| self.count(kind.to_owned()));
        sight
            .of_relations()
            .into_iter()
            .for_each(|kind| self.count(kind));
    }

    fn count(&mut self, kind: String) {
        *self.counts.entry(kind).or_default() += 1;
    }

    /// Every kind came.
    pub(crate) fn check(&self) {
        let all = POLICIES.iter().map(|(kind, _)| *kind).chain(OTHERS);
        let rare: Vec<String> = all
            .map(|kind| (kind, self.counts.get(kind).copied().unwrap_or_default()))
            .filter(|(_, count)| *count < LEAST)
            .map(|(kind, count)| format!("{kind}: {count}"))
            .collect();
        assert!(
            rare.is_empty(),
            "these hardly ever come: {rare:#?}\n{:#?}",
            self.counts
        );
    }
}

impl Sight<'_> {
    /// The texts of the policies that permit something found.
    fn policies(&self) -> Vec<&str> {
        let ids: BTreeSet<&String> = self
            .page
            .found
            .iter()
            .flat_map(|found| &found.policies)
            .collect();
        let policies = self.wide.policies.iter().filter(|(id, _)| ids.contains(id));
        policies.map(|(_, text)| text.as_str()).collect()
    }

    fn of_subjects(&self) -> Vec<&'static str> {
        let subject = &self.body["subject"];
        let agent = &self.body["context"]["agent"];
        let chain = subject["delegation_chain"].as_array();
        let before = chain.and_then(|chain| chain.first()).unwrap_or(&Json::Null);
        let (properties, parts) = (&subject["properties"], &subject["user"]);
        let mut found = vec![match self.kind {
            "subject" => "a search for subjects",
            "resource" => "a search for resources",
            _ => "a search for actions",
        }];
        let carriers = [
            ("a chain in delegation_chain", before, false),
            (
                "a chain in on_behalf_of",
                &properties["on_behalf_of"],
                false,
            ),
            ("a chain in delegation", &properties["delegation"], false),
            ("a chain in act", &properties["act"], true),
            ("a chain in context.agent", agent, true),
            ("a chain in two parts", parts, false),
        ];
        let carriers: Vec<_> = carriers
            .into_iter()
            .filter(|(_, value, _)| !value.is_null())
            .collect();
        found.extend(carriers.iter().map(|(name, ..)| *name));
        if self.kind == "subject" {
            found.push(match carriers.first() {
                None => "a subject alone",
                Some((.., true)) => "a subject before another",
                Some((.., false)) => "a subject behind another",
            });
        }
        // Each has the one that it must have.
        let has_more = |value: &Json| {
            value["properties"]
                .as_object()
                .is_some_and(|members| members.len() > 1)
        };
        if carriers.iter().any(|(_, value, _)| has_more(value)) {
            found.push("properties on an earlier member");
        }
        let is_short = |value: &Json| {
            matches!(value["type"].as_str(), Some("person" | "bot")) == self.wide.bundle.namespaced
        };
        if subject["type"] == "human"
            || (subject["type"].is_string() && self.wide.bundle.namespaced && is_short(subject))
        {
            found.push("an alias");
        }
        found
    }

    fn of_ids(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        for id in self.page.found.iter().map(|found| found.id.as_str()) {
            found.extend((encode_id(id) != id).then_some("an id that tuples encode"));
            found.extend((id.len() > 100).then_some("a long id"));
            found.extend((id == "linked").then_some("an id that only a link names"));
            found.extend((id == "lit").then_some("an id that only a policy names"));
        }
        found
    }

    fn of_actions(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        let namespaced = self.wide.bundle.namespaced;
        let found_ids = || self.page.found.iter().map(|found| found.id.as_str());
        let actions: Vec<&str> = match self.kind {
            "action" => found_ids().collect(),
            _ => self.body["action"]["name"].as_str().into_iter().collect(),
        };
        let resources: Vec<&str> = match self.kind {
            "resource" => found_ids().collect(),
            _ => self.body["resource"]["id"].as_str().into_iter().collect(),
        };
        for action in actions {
            let special = resources
                .iter()
                .any(|id| matches!((action, *id), ("read", "d2") | ("peek", "d1")));
            found.extend(special.then_some("a specialised action"));
            found.extend(
                (action == "probe").then_some("an action that only its special ones are for"),
            );
            found.extend(
                (namespaced && action == "peek").then_some("an action of a namespace by its id"),
            );
            found.extend(
                action
                    .contains("::")
                    .then_some("an action by its whole name"),
            );
            found.extend(
                (namespaced && action == "visit").then_some("a type of a pack beside a namespace"),
            );
            found.extend((action == "rate").then_some("members of an enumeration"));
        }
        found.extend(
            (namespaced && self.wide.packs != Packs::None).then_some("a pack beside a namespace"),
        );
        found
    }

    fn of_relations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let text = self.body.to_string();
        let ids: Vec<&str> = self
            .page
            .found
            .iter()
            .map(|found| found.id.as_str())
            .collect();
        let is_named = |id: &str| {
            let id = behest::model::decode_id(id).unwrap_or_default();
            ids.contains(&id.as_str()) || text.contains(&format!("\"{id}\""))
        };
        let policies = self.policies();
        let asks = |relation: &str| policies.iter().any(|policy| policy.contains(relation));
        for tuple in self.tuples {
            let Some(condition) = &tuple.condition else {
                continue;
            };
            let (object, relation) = (tuple.key.object.to_string(), tuple.key.relation.to_string());
            let about_object = is_named(object.split_once(':').map_or("", |(_, id)| id));
            if about_object
                && asks(if relation == "viewer" {
                    "resource."
                } else {
                    "resource.can"
                })
            {
                found.push(format!("the condition {}", condition.name));
            }
        }
        let key = |tuple: &Tuple| tuple.key.to_string().replace("Lab/", "");
        let keys: BTreeSet<String> = self.tuples.iter().map(key).collect();
        let circle =
            |at: usize| keys.contains(&format!("team:t{at}#member@team:t{}#member", (at + 1) % 3));
        if (0..3).all(circle)
            && (asks("resource.member") || asks("resource.viewer") || asks("#member"))
        {
            found.push("groups in a circle".to_owned());
        }
        found
    }
}
