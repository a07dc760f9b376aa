//! Tests of pages of the bundle's tuples.

use super::*;
use crate::relations::model::{AuthorizationModel, from_json};

#[test]
fn the_bundles_tuples_are_read_in_pages_as_if_sorted_each_time() {
    let (_, stores) = failing();
    let all = tuples();
    // An earlier bundle, which was read from too.
    load(&stores, &all[..7], 1);
    assert_eq!(
        stores
            .read(StoreId::MAIN, &TupleSelection::default(), None, 100)
            .unwrap()
            .tuples
            .len(),
        7
    );
    load(&stores, &all, 2);
    for stored in STORED {
        stores.write(StoreId::MAIN, None, batch(stored)).unwrap();
    }
    let text = |tuple: &Tuple| tuple.key.to_string();
    for wanted in &selections() {
        let mut expected: Vec<String> = all
            .iter()
            .filter(|tuple| wanted.holds(&tuple.key))
            .map(text)
            .collect();
        expected.sort();
        let stored = STORED.map(str::to_owned);
        expected.extend(
            stored
                .into_iter()
                .filter(|text| wanted.holds(&text.parse().unwrap())),
        );
        for size in [1, 7, 1_000] {
            assert_eq!(
                read_in_pages(&stores, wanted, size),
                expected,
                "{wanted:?} by {size}"
            );
        }
    }
}

/// Tuples that are stored beside the bundle's.
const STORED: [&str; 2] = ["doc:0#owner@user:a", "doc:zz#viewer@user:*"];

const USERS: [&str; 5] = ["user:a", "user:b", "user:bb", "user:*", "doc:1#owner"];

/// Returns the bundle's tuples.
fn tuples() -> Vec<Tuple> {
    (0..400)
        .map(|at| format!("doc:{}#viewer@{}", at / 5, USERS[at % 5]))
        .chain((0..90).map(|at| format!("doc:{at}#owner@user:b")))
        .map(|text| text.parse::<TupleKey>().unwrap().into())
        .collect()
}

/// Loads a bundle with these tuples.
fn load(stores: &Stores, tuples: &[Tuple], digest: u8) {
    let json = json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            {
                "type": "doc",
                "relations": { "viewer": { "this": {} }, "owner": { "this": {} } },
                "metadata": { "relations": {
                    "viewer": { "directly_related_user_types": [
                        { "type": "user" },
                        { "type": "user", "wildcard": {} },
                        { "type": "doc", "relation": "owner" },
                    ] },
                    "owner": { "directly_related_user_types": [{ "type": "user" }] },
                } },
            },
        ],
    });
    let model = AuthorizationModel::new(from_json(&json).unwrap()).unwrap();
    let layer = stores
        .prepare_main(Some(&model), tuples.to_vec(), false)
        .unwrap();
    stores
        .commit_main(layer, Digest::new([digest; 32]), None)
        .unwrap();
}

fn selections() -> Vec<TupleSelection> {
    let object = |text: &str| Some(text.parse().unwrap());
    let mut selections = vec![TupleSelection::default()];
    for user in USERS {
        let user = Some(user.parse().unwrap());
        selections.push(TupleSelection {
            kind: Some("doc".into()),
            user: user.clone(),
            ..TupleSelection::default()
        });
        let relation = Some("viewer".into());
        selections.push(TupleSelection {
            kind: Some("doc".into()),
            user: user.clone(),
            relation,
            ..TupleSelection::default()
        });
        selections.push(TupleSelection {
            object: object("doc:1"),
            user,
            ..TupleSelection::default()
        });
    }
    for text in ["doc:1", "doc:7", "doc:nowhere"] {
        selections.push(TupleSelection {
            object: object(text),
            ..TupleSelection::default()
        });
        selections.push(TupleSelection {
            object: object(text),
            relation: Some("owner".into()),
            ..TupleSelection::default()
        });
    }
    selections
}

/// Returns every selected tuple, read in pages of this size.
fn read_in_pages(stores: &Stores, wanted: &TupleSelection, size: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let page = stores
            .read(StoreId::MAIN, wanted, from.as_ref(), size)
            .unwrap();
        found.extend(page.tuples.iter().map(|timed| timed.tuple.key.to_string()));
        assert!(page.tuples.len() <= size);
        from = page.next;
        if from.is_none() {
            return found;
        }
    }
}
