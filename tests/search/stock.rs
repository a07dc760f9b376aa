//! What is stored in the worlds of [`crate::wide`].

use crate::dice::Dice;
use crate::lab::{Bundle, doc_ids, person_ids, spelled};
use serde_json::{Map, Value as Json, json};

/// Documents that may be stored. Tuples spell some of them otherwise, and the last is too long for one.
pub(crate) fn stored_docs() -> Vec<String> {
    let more = ["d3".to_owned(), "100%".to_owned(), "ä b".to_owned(), "m".repeat(300)];
    doc_ids().into_iter().chain(more).collect()
}

/// Everything that a policy compares, now and then.
pub(crate) fn entities(dice: &mut Dice, bundle: &Bundle) -> Json {
    let kind = |kind: &str| spelled(&format!("{{ns}}{kind}"), bundle.namespaced);
    let uid = |of: &str, id: &str| json!({"type": kind(of), "id": id});
    let entity = |of: &str, id: &str, attributes: Json, parents: Json| json!({"uid": uid(of, id), "attrs": attributes, "parents": parents});
    let high = json!({"type": "Level", "id": "high"});
    let low = json!({"type": "Level", "id": "low"});
    let people = ["p0", "p1", "p2", "p4"].map(|id| uid("person", id));
    let mut all = vec![
        entity("shelf", "s0", json!({}), json!([uid("shelf", "s1")])),
        entity("shelf", "s1", json!({}), json!([])),
        entity("squad", "q0", json!({}), json!([uid("squad", "q1")])),
        entity("squad", "q1", json!({}), json!([])),
        entity("room", "r0", json!({"open": true, "wing": "east", "keeper": uid("person", "p0")}), json!([])),
        entity("room", "r1", json!({"wing": "west"}), json!([])),
    ];
    let squads = [json!([]), json!([uid("squad", "q0")]), json!([uid("squad", "q1")])];
    for id in person_ids().into_iter().chain(["p4".to_owned()]) {
        if dice.chance(35) {
            continue;
        }
        let boss = dice.one(&people).clone();
        let mut attributes = some(
            dice,
            &[
                ("level", &[json!(2), json!(4)]),
                ("ip", &[json!("10.0.0.1"), json!("::1")]),
                ("ttl", &[json!("30m"), json!("2h")]),
                ("since", &[json!("2026-06-01T11:59:59.999Z"), json!("2026-06-01T12:00:03Z")]),
                ("friends", &[json!([people[0]]), json!([people[1], people[3]])]),
                ("cards", &[json!([{"n": 1}]), json!([{"n": 2}])]),
                ("clearance", &[high.clone(), low.clone()]),
                ("home", &[json!({"city": "a", "zip": 1}), json!({"zip": 5})]),
                ("boss", &[boss]),
                ("mfa", &[json!(true), json!(false)]),
                ("desk", &[uid("room", "r0"), uid("room", "r1")]),
                ("score", &[json!("2.49"), json!("2.5")]),
            ],
        );
        attributes["kind"] = dice.one(&[json!("x"), json!("y")]).clone();
        let mut person = entity("person", &id, attributes, dice.one(&squads).clone());
        person["tags"] = dice.one(&[json!({}), json!({"k": "v"}), json!({"k": "w"})]).clone();
        all.push(person);
    }
    for id in ["b0", "b1", "b2"] {
        let owner = dice.one(&people).clone();
        let mut attributes =
            some(dice, &[("level", &[json!(2), json!(4)]), ("owner", &[owner]), ("ip", &[json!("10.0.0.1")])]);
        attributes["kind"] = dice.one(&[json!("x"), json!("y")]).clone();
        if dice.chance(70) {
            all.push(entity("bot", id, attributes, dice.one(&squads).clone()));
        }
    }
    let shelves = [json!([]), json!([uid("shelf", "s0")]), json!([uid("shelf", "s1")])];
    let action = |id: &str| json!({"type": kind("Action"), "id": id});
    for id in stored_docs() {
        if dice.chance(35) {
            continue;
        }
        let owner = dice.one(&people).clone();
        let mut attributes = some(
            dice,
            &[
                ("level", &[json!(1), json!(2), json!(3)]),
                ("owner", &[owner]),
                ("readers", &[json!([people[0]]), json!([people[1], people[2]]), json!([])]),
                ("source", &[json!("10.0.0.1"), json!("::1")]),
                ("age", &[json!("30m"), json!("2h")]),
                ("until", &[json!("2026-06-01T12:00:00Z"), json!("2026-06-01T12:00:03Z")]),
                ("price", &[json!("2.5"), json!("2.49")]),
                ("clearance", &[high.clone(), low.clone()]),
                ("place", &[json!({"city": "a", "zip": 1}), json!({"zip": 5})]),
                ("marks", &[json!([{"n": 1}]), json!([{"n": 2}, {"n": 1}]), json!([])]),
                ("room", &[uid("room", "r0"), uid("room", "r1"), uid("room", "r2")]),
                ("rooms", &[json!([uid("room", "r0")]), json!([uid("room", "r1"), uid("room", "r2")])]),
                ("mfa", &[json!(true), json!(false)]),
                ("labels", &[json!(["a"]), json!(["a", "b"]), json!(["c"])]),
                ("one", &[action("peek:d1"), action("open"), action("join"), action("peers")]),
                ("some", &[json!([action("peek:d1")]), json!([action("open"), action("join")])]),
            ],
        );
        attributes["kind"] = dice.one(&[json!("x"), json!("y")]).clone();
        let mut doc = entity("doc", &id, attributes, dice.one(&shelves).clone());
        doc["tags"] = dice.one(&[json!({}), json!({"k": ["v"]}), json!({"k": ["w"], "x": []})]).clone();
        all.push(doc);
    }
    Json::Array(all)
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
