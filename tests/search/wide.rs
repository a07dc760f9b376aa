//! The worlds of the cache's walks ([`support::lab`]), with what a search looks up in them: more
//! that is stored, policies that compare it in every way, templates with links, actions in a
//! namespace and in attributes, packs beside types of a namespace, groups in a circle. And searches
//! in them.

use crate::served;
use crate::stock::{entities, stored_docs};
use crate::words::{
    ABOUT_ACTIONS, ABOUT_DOCS, ABOUT_FACTS, OTHERS, SCHEMA, SECOND, TEMPLATES, VISIT,
};
use behest::clock::FixedClock;
use behest::engine::{Engine, SearchLimits};
use behest::model::{Record, Tuple, TupleCondition, Value, encode_id};
use behest::stores::Stores;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use support::dice::Dice;
use support::lab::bundle::spelled;
use support::lab::vocabulary::SCOPES;
use support::lab::{self, Bundle, Question, person_ids, word};

/// The packs of a bundle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Packs {
    None,
    Revocation,
    /// Those that bring the types `user` and `agent`.
    Both,
}

pub(crate) struct Wide {
    pub(crate) bundle: Bundle,
    pub(crate) packs: Packs,
    pub(crate) files: Vec<(&'static str, String)>,
    /// Every policy by its id, or by that of its link.
    pub(crate) policies: Vec<(String, String)>,
    entities: Json,
    /// What links name.
    slots: String,
}

impl Wide {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let namespaced = dice.chance(65);
        let bundle = lab::bundle(dice, namespaced);
        let packs = *dice.one(&[
            Packs::None,
            Packs::Revocation,
            Packs::Revocation,
            Packs::Both,
        ]);
        let mut wide = Self {
            files: bundle.files.clone(),
            entities: entities(dice, &bundle),
            policies: Vec::new(),
            slots: String::new(),
            bundle,
            packs,
        };
        wide.declare();
        let own = wide.write_policies(dice);
        let linked = wide.link(dice);
        let by_id = |text: &str| {
            let id = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
            text.lines()
                .map(|line| (id(line), line.to_owned()))
                .collect::<Vec<_>>()
        };
        wide.policies.extend(by_id(wide.bundle.policies()));
        wide.policies.extend(by_id(&own));
        wide.policies.extend(linked);
        wide.files.push(("policies/wide.cedar", own));
        let mut keys = BTreeSet::new();
        let tuples: Vec<Tuple> = (0..8).map(|_| wide.tuple(dice)).collect();
        // A bundle names none that is true without a tuple.
        let is_needed = |tuple: &&Tuple| {
            !tuple
                .key
                .user
                .to_string()
                .starts_with(&tuple.key.object.to_string())
        };
        let tuples = tuples
            .iter()
            .filter(is_needed)
            .filter(|tuple| keys.insert(tuple.key.to_string()));
        let lines = tuples.map(served::line);
        wide.files.push(("policies/tuples.jsonl", lines.collect()));
        wide
    }

    fn spelled(&self, text: &str) -> String {
        spelled(text, self.bundle.namespaced)
    }

    fn kind(&self, kind: &str) -> String {
        self.spelled(&format!("{{ns}}{kind}"))
    }

    /// Schema, relations and manifest.
    fn declare(&mut self) {
        let mut schema = self.spelled(SCHEMA);
        if self.bundle.namespaced {
            schema.push_str(SECOND);
        }
        let mut manifest = String::new();
        match self.packs {
            Packs::None => {}
            Packs::Revocation => manifest.push_str("packs = [\"revocation\"]\n"),
            Packs::Both => {
                manifest.push_str("packs = [\"revocation\", \"delegation\"]\n");
                schema.push_str(&self.spelled(VISIT));
                let visitor = self
                    .spelled("    define visitor: [user, agent, {model}person]\n    define via:");
                self.replace("schemas/model.fga", |model| {
                    model.replace("    define via:", &visitor)
                });
            }
        }
        let alias = match self.packs {
            // What a claim calls an agent; where no pack declares that type.
            Packs::None | Packs::Revocation => self.spelled("agent = \"{ns}bot\"\n"),
            Packs::Both => String::new(),
        };
        self.replace("policies/bundle.toml", |text| manifest + text + &alias);
        let entities = self.entities.to_string();
        self.replace("policies/entities.json", |_| entities);
        self.files.push(("schemas/wide.cedarschema", schema));
    }

    fn replace(&mut self, path: &str, text: impl FnOnce(&str) -> String) {
        let file = self
            .files
            .iter_mut()
            .find(|(at, _)| *at == path)
            .expect("the file");
        file.1 = text(&file.1);
    }

    fn write_policies(&self, dice: &mut Dice) -> String {
        let mut text = String::new();
        let is_visited = self.packs == Packs::Both;
        for at in 0..8 + dice.below(6) + if is_visited { 4 } else { 0 } {
            let effect = if dice.chance(88) { "permit" } else { "forbid" };
            let clause = if dice.chance(85) { "when" } else { "unless" };
            let (scope, conditions): (&str, &[&str]) = match dice.below(20) {
                _ if is_visited && at < 4 => OTHERS[3],
                0..7 => (word(dice, &SCOPES), &ABOUT_DOCS),
                7..10 => (word(dice, &SCOPES), &ABOUT_FACTS),
                10 => (
                    "principal, action in {ns}Action::\"peek\", resource",
                    &ABOUT_DOCS,
                ),
                11 if self.bundle.namespaced && dice.chance(50) => (
                    "principal, action == Other::Action::\"open\", resource is {ns}doc",
                    &ABOUT_DOCS,
                ),
                11 => (
                    "principal, action == {ns}Action::\"open\", resource is {ns}doc",
                    &ABOUT_DOCS,
                ),
                12 => (
                    "principal, action in Action::\"probe\", resource",
                    &ABOUT_DOCS,
                ),
                13..15 => (
                    "principal, action in {ns}Action::\"peers\", resource",
                    &ABOUT_ACTIONS,
                ),
                _ => OTHERS[dice.below(3)],
            };
            let one = word(dice, conditions);
            let whole = match dice.below(7) {
                0 => format!("({one}) || ({})", word(dice, conditions)),
                1 => format!("({one}) && ({})", word(dice, conditions)),
                2 => format!("!({one})"),
                _ => one.to_owned(),
            };
            let line = format!("@id(\"w{at}\") {effect} ({scope}) {clause} {{ {whole} }};");
            writeln!(text, "{}", self.spelled(&line)).expect("text");
        }
        text
    }

    /// Templates, of which each is linked once or twice. Returns every link's id with its policy.
    fn link(&mut self, dice: &mut Dice) -> Vec<(String, String)> {
        let mut templates = String::new();
        let mut links = Vec::new();
        let mut linked = Vec::new();
        for (at, (template, principals, resources)) in TEMPLATES.iter().enumerate() {
            if dice.chance(60) {
                continue;
            }
            let line = self.spelled(&format!("@id(\"t{at}\") {template};"));
            for number in 0..=dice.below(2) {
                let id = format!("t{at}-{number}");
                let principal = self.kind(word(dice, principals));
                let resource = self.kind(word(dice, resources));
                write!(self.slots, "{principal} {resource} ").expect("text");
                links.push(json!({"template_id": format!("t{at}"), "link_id": id,
                                  "args": {"?principal": principal, "?resource": resource}}));
                linked.push((id, line.clone()));
            }
            writeln!(templates, "{line}").expect("text");
        }
        if !links.is_empty() {
            self.files.push(("policies/templates.cedar", templates));
            self.files
                .push(("policies/wide.links.json", Json::Array(links).to_string()));
        }
        linked
    }

    pub(crate) fn engine(
        &self,
        clock: &Arc<FixedClock>,
        limits: SearchLimits,
    ) -> (Engine, Arc<Stores>) {
        served::open(&self.files, clock, limits)
    }

    /// A tuple of the world's own, or one for what only this world has.
    pub(crate) fn tuple(&self, dice: &mut Dice) -> Tuple {
        let model = |text: &str| self.spelled(&format!("{{model}}{text}"));
        let doc = |dice: &mut Dice| {
            model(&format!(
                "doc:{}",
                encode_id(dice.one(&stored_docs()[..8]).as_str())
            ))
        };
        let person = |dice: &mut Dice| {
            model(&format!(
                "person:{}",
                encode_id(dice.one(&person_ids()).as_str())
            ))
        };
        let covers = || {
            let actions = ["visit", "write"].map(Value::text).to_vec();
            let context = Record::from_iter([("actions".into(), Value::List(actions))]);
            TupleCondition {
                name: "grant_covers".into(),
                context,
            }
        };
        let (key, condition) = match (dice.below(20), self.packs) {
            (0..2, Packs::Revocation | Packs::Both) => {
                let who = *dice.one(&["person:p1", "bot:b1"]);
                (format!("platform:main#suspended@{}", model(who)), None)
            }
            (2..5, Packs::Both) => {
                let condition = if dice.chance(50) {
                    Some(covers())
                } else {
                    None
                };
                (
                    format!("user:u{}#delegate@agent:a{}", dice.below(2), dice.below(2)),
                    condition,
                )
            }
            (5..9, Packs::Both) => {
                let who = *dice.one(&["user:u0", "user:u1", "agent:a0", "agent:a1"]);
                (format!("{}#visitor@{who}", doc(dice)), None)
            }
            // Round in a circle.
            (9, _) => {
                let of = dice.below(3);
                (
                    format!(
                        "{}#member@{}#member",
                        model(&format!("team:t{of}")),
                        model(&format!("team:t{}", (of + 1) % 3))
                    ),
                    None,
                )
            }
            (10, _) => (format!("{}#viewer@{}", doc(dice), person(dice)), None),
            (11, _) => (
                format!(
                    "{}#member@{}",
                    model(&format!("team:t{}", dice.below(3))),
                    person(dice)
                ),
                None,
            ),
            _ => return lab::tuple(dice, &self.bundle),
        };
        Tuple {
            key: key.parse().expect("a tuple"),
            condition: condition.map(Arc::new),
        }
    }

    /// The declared type that a word of a request means.
    fn declared(&self, kind: &str) -> String {
        match kind {
            "person" | "bot" | "doc" => self.kind(kind),
            "human" => "person".to_owned(),
            other => other.to_owned(),
        }
    }

    /// The ids of a type that are known.
    pub(crate) fn known(&self, tuples: &[Tuple], kind: &str) -> BTreeSet<String> {
        let kind = self.declared(kind);
        let policies: String = self
            .policies
            .iter()
            .map(|(_, text)| text.as_str())
            .chain([self.slots.as_str()])
            .collect();
        let mut ids = served::named(&self.entities, &policies, tuples.iter(), &kind);
        match kind.trim_start_matches("Lab::") {
            "Level" => ids.extend(["low", "high"].map(str::to_owned)),
            // What the schema has an action of its own for.
            "doc" => ids.extend(["d0", "d1", "d2"].map(str::to_owned)),
            _ => {}
        }
        ids
    }

    /// The names of all actions that can be asked for.
    pub(crate) fn actions(&self) -> BTreeSet<String> {
        let mut names = vec![
            "all", "read", "write", "greet", "peers", "peek", "join", "probe", "rate",
        ];
        names.extend(if self.bundle.namespaced {
            vec![OPEN[0], OPEN[1]]
        } else {
            vec!["open"]
        });
        names.extend((self.packs == Packs::Both).then_some("visit"));
        names.into_iter().map(str::to_owned).collect()
    }

    /// A search of a kind that a question is one of.
    pub(crate) fn search(&self, dice: &mut Dice, question: &Question) -> (&'static str, Json) {
        let mut body = question.body(&self.bundle, dice.chance(10));
        if dice.chance(30) {
            self.pair(dice, &mut body);
        }
        if dice.chance(if self.packs == Packs::Both { 75 } else { 45 }) {
            self.vary(dice, &mut body);
        }
        let kind = match dice.below(8) {
            // A subject in two parts has no id to leave out.
            0..3 if body["subject"].get("type").is_some() => "subject",
            0..6 => "resource",
            _ => "action",
        };
        if dice.chance(25) {
            body["context"]["arguments"] = json!({"n": dice.one(&[1, 5])});
        }
        let (from, member) = if kind == "action" {
            (&mut body, "action")
        } else {
            (&mut body[kind], "id")
        };
        from.as_object_mut().expect("an object").remove(member);
        (kind, body)
    }

    /// A bot for a person, in each of the ways in which a request says so.
    fn pair(&self, dice: &mut Dice, body: &mut Json) {
        let entity = |dice: &mut Dice, kind: &str, ids: &[&str]| {
            let mut entity = json!({"type": self.kind(kind), "id": word(dice, ids), "properties": {"kind": "x"}});
            if dice.chance(40) {
                entity["properties"]["level"] = json!(4);
            }
            entity
        };
        let person = entity(dice, "person", &["p0", "p1", "spiffe://acme/p#3"]);
        let mut bot = entity(dice, "bot", &["b0", "b1"]);
        let context = body["context"].as_object_mut().expect("a context");
        context.remove("agent");
        body["subject"] = match dice.below(6) {
            0 | 5 => {
                context.insert("agent".to_owned(), bot);
                person
            }
            1 => json!({"user": person, "agent": bot}),
            2 => {
                bot["properties"]["on_behalf_of"] = person;
                bot
            }
            3 => {
                bot["properties"]["delegation"] =
                    json!({"delegator_type": person["type"], "delegator_id": person["id"]});
                bot
            }
            _ => {
                let mut person = person;
                person["properties"]["act"] = json!({"sub": "b0", "sub_profile": "ai_agent"});
                person
            }
        };
    }

    /// Another action than the walks of the cache have.
    fn vary(&self, dice: &mut Dice, body: &mut Json) {
        let resource = |kind: String, id: &str| json!({"type": kind, "id": id});
        let doc = |dice: &mut Dice| resource(self.kind("doc"), dice.one(&stored_docs()).as_str());
        let name = match dice.below(8) {
            0 => {
                body["resource"] = resource("Level".to_owned(), word(dice, &["low", "high"]));
                "rate"
            }
            1 | 2 => {
                body["resource"] = resource(self.kind("team"), word(dice, &["t0", "t1", "t2"]));
                "join"
            }
            3..6 if self.packs == Packs::Both => {
                let (user, agent) = (format!("u{}", dice.below(2)), format!("a{}", dice.below(2)));
                body["subject"] = match dice.below(3) {
                    0 => json!({"type": "user", "id": user}),
                    1 => {
                        json!({"type": "user", "id": user, "properties": {"act": {"sub": agent, "sub_profile": "ai_agent"}}})
                    }
                    _ => {
                        json!({"type": "agent", "id": agent, "properties": {"on_behalf_of": {"type": "user", "id": user}}})
                    }
                };
                if let Some(context) = body["context"].as_object_mut() {
                    context.remove("agent");
                }
                body["resource"] = doc(dice);
                "visit"
            }
            3 | 4 if self.bundle.namespaced => *dice.one(&OPEN),
            3 | 4 => "open",
            5 => "probe",
            _ => "peek",
        };
        if matches!(name, "peek" | "probe" | "open") || OPEN.contains(&name) {
            body["resource"] = doc(dice);
        }
        body["action"] = json!({"name": name});
    }
}

/// The whole names of two actions of one id.
const OPEN: [&str; 2] = ["Lab::Action::\"open\"", "Other::Action::\"open\""];
