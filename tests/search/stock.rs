//! What is stored in the worlds of [`crate::wide`].

use serde_json::{Map, Value as Json, json};
use support::dice::Dice;
use support::lab::bundle::spelled;
use support::lab::{Bundle, doc_ids, person_ids};

/// Documents that may be stored. Tuples spell some of them otherwise, and the last is too long for
/// one.
pub(crate) fn stored_docs() -> Vec<String> {
    let more = [
        "d3".to_owned(),
        "100%".to_owned(),
        "ä b".to_owned(),
        "m".repeat(300),
    ];
    doc_ids().into_iter().chain(more).collect()
}

/// Everything that a policy compares, now and then.
pub(crate) fn entities(dice: &mut Dice, bundle: &Bundle) -> Json {
    let stock = Stock::new(bundle);
    let mut all = stock.places();
    all.extend(stock.persons(dice));
    all.extend(stock.bots(dice));
    all.extend(stock.docs(dice));
    Json::Array(all)
}

/// Names and values of a world's entities.
struct Stock {
    namespaced: bool,
    people: [Json; 4],
    clearances: [Json; 2],
}

impl Stock {
    fn new(bundle: &Bundle) -> Self {
        let namespaced = bundle.namespaced;
        Self {
            namespaced,
            people: ["p0", "p1", "p2", "p4"].map(|id| uid(namespaced, "person", id)),
            clearances: ["high", "low"].map(|id| json!({"type": "Level", "id": id})),
        }
    }

    fn uid(&self, kind: &str, id: &str) -> Json {
        uid(self.namespaced, kind, id)
    }

    fn entity(&self, kind: &str, id: &str, attributes: Json, parents: Json) -> Json {
        json!({"uid": self.uid(kind, id), "attrs": attributes, "parents": parents})
    }

    /// Nowhere, or in one of two that hold one another.
    fn parents(&self, kind: &str, ids: [&str; 2]) -> [Json; 3] {
        [
            json!([]),
            json!([self.uid(kind, ids[0])]),
            json!([self.uid(kind, ids[1])]),
        ]
    }

    fn places(&self) -> Vec<Json> {
        let east = json!({"open": true, "wing": "east", "keeper": self.uid("person", "p0")});
        vec![
            self.entity("shelf", "s0", json!({}), json!([self.uid("shelf", "s1")])),
            self.entity("shelf", "s1", json!({}), json!([])),
            self.entity("squad", "q0", json!({}), json!([self.uid("squad", "q1")])),
            self.entity("squad", "q1", json!({}), json!([])),
            self.entity("room", "r0", east, json!([])),
            self.entity("room", "r1", json!({"wing": "west"}), json!([])),
        ]
    }

    fn persons(&self, dice: &mut Dice) -> Vec<Json> {
        let squads = self.parents("squad", ["q0", "q1"]);
        let tags = [json!({}), json!({"k": "v"}), json!({"k": "w"})];
        let mut persons = Vec::new();
        for id in person_ids().into_iter().chain(["p4".to_owned()]) {
            if dice.chance(35) {
                continue;
            }
            let attributes = self.of_person(dice);
            let mut person = self.entity("person", &id, attributes, dice.one(&squads).clone());
            person["tags"] = dice.one(&tags).clone();
            persons.push(person);
        }
        persons
    }

    fn of_person(&self, dice: &mut Dice) -> Json {
        let people = &self.people;
        let boss = dice.one(people).clone();
        let members: [(&str, &[Json]); 12] = [
            ("level", &[json!(2), json!(4)]),
            ("ip", &[json!("10.0.0.1"), json!("::1")]),
            ("ttl", &[json!("30m"), json!("2h")]),
            (
                "since",
                &[
                    json!("2026-06-01T11:59:59.999Z"),
                    json!("2026-06-01T12:00:03Z"),
                ],
            ),
            (
                "friends",
                &[json!([people[0]]), json!([people[1], people[3]])],
            ),
            ("cards", &[json!([{"n": 1}]), json!([{"n": 2}])]),
            ("clearance", &self.clearances),
            ("home", &[json!({"city": "a", "zip": 1}), json!({"zip": 5})]),
            ("boss", &[boss]),
            ("mfa", &[json!(true), json!(false)]),
            ("desk", &[self.uid("room", "r0"), self.uid("room", "r1")]),
            ("score", &[json!("2.49"), json!("2.5")]),
        ];
        with_kind(dice, &members)
    }

    fn bots(&self, dice: &mut Dice) -> Vec<Json> {
        let squads = self.parents("squad", ["q0", "q1"]);
        let mut bots = Vec::new();
        for id in ["b0", "b1", "b2"] {
            let owner = dice.one(&self.people).clone();
            let members: [(&str, &[Json]); 3] = [
                ("level", &[json!(2), json!(4)]),
                ("owner", &[owner]),
                ("ip", &[json!("10.0.0.1")]),
            ];
            let attributes = with_kind(dice, &members);
            if dice.chance(70) {
                bots.push(self.entity("bot", id, attributes, dice.one(&squads).clone()));
            }
        }
        bots
    }

    fn docs(&self, dice: &mut Dice) -> Vec<Json> {
        let shelves = self.parents("shelf", ["s0", "s1"]);
        let tags = [json!({}), json!({"k": ["v"]}), json!({"k": ["w"], "x": []})];
        let mut docs = Vec::new();
        for id in stored_docs() {
            if dice.chance(35) {
                continue;
            }
            let attributes = self.of_doc(dice);
            let mut doc = self.entity("doc", &id, attributes, dice.one(&shelves).clone());
            doc["tags"] = dice.one(&tags).clone();
            docs.push(doc);
        }
        docs
    }

    fn of_doc(&self, dice: &mut Dice) -> Json {
        let people = &self.people;
        let owner = dice.one(people).clone();
        let [first, second, third] = ["r0", "r1", "r2"].map(|id| self.uid("room", id));
        let action = |id: &str| self.uid("Action", id);
        let members: [(&str, &[Json]); 16] = [
            ("level", &[json!(1), json!(2), json!(3)]),
            ("owner", &[owner]),
            (
                "readers",
                &[json!([people[0]]), json!([people[1], people[2]]), json!([])],
            ),
            ("source", &[json!("10.0.0.1"), json!("::1")]),
            ("age", &[json!("30m"), json!("2h")]),
            (
                "until",
                &[json!("2026-06-01T12:00:00Z"), json!("2026-06-01T12:00:03Z")],
            ),
            ("price", &[json!("2.5"), json!("2.49")]),
            ("clearance", &self.clearances),
            (
                "place",
                &[json!({"city": "a", "zip": 1}), json!({"zip": 5})],
            ),
            (
                "marks",
                &[json!([{"n": 1}]), json!([{"n": 2}, {"n": 1}]), json!([])],
            ),
            ("room", &[first.clone(), second.clone(), third.clone()]),
            ("rooms", &[json!([first]), json!([second, third])]),
            ("mfa", &[json!(true), json!(false)]),
            ("labels", &[json!(["a"]), json!(["a", "b"]), json!(["c"])]),
            (
                "one",
                &[
                    action("peek:d1"),
                    action("open"),
                    action("join"),
                    action("peers"),
                ],
            ),
            (
                "some",
                &[
                    json!([action("peek:d1")]),
                    json!([action("open"), action("join")]),
                ],
            ),
        ];
        with_kind(dice, &members)
    }
}

fn uid(namespaced: bool, kind: &str, id: &str) -> Json {
    json!({"type": spelled(&format!("{{ns}}{kind}"), namespaced), "id": id})
}

/// Some of the members, and the kind that every entity has to have.
fn with_kind(dice: &mut Dice, members: &[(&str, &[Json])]) -> Json {
    let mut attributes = some(dice, members);
    attributes["kind"] = dice.one(&[json!("x"), json!("y")]).clone();
    attributes
}

/// About half of the members, each with one of its values.
fn some(dice: &mut Dice, members: &[(&str, &[Json])]) -> Json {
    let mut made = Map::new();
    for (name, values) in members {
        if dice.chance(45) {
            made.insert((*name).to_owned(), dice.one(values).clone());
        }
    }
    Json::Object(made)
}
