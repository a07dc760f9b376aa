//! Tests of the ordered objects.

use super::*;
use crate::model::{Revision, Tuple, TupleKey};
use std::collections::BTreeSet;

fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

fn graph(count: usize) -> Graph {
    let tuples =
        (0..count).map(|n| Tuple::from(key(&format!("doc:{n}#viewer@team:t{}#member", n % 7))));
    Graph::load(
        tuples.chain([key("doc:all#viewer@user:*").into()]),
        Revision(1),
    )
    .unwrap()
}

#[test]
fn every_named_object_is_met_once_and_from_any_place_on() {
    let graph = graph(3_000);
    let all: Vec<ObjectPlace> = graph.ordered_objects("doc", None).collect();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    let ids: BTreeSet<String> = all.iter().map(|(_, id)| id.to_string()).collect();
    assert_eq!(
        ids,
        (0..3_000)
            .map(|n| n.to_string())
            .chain(["all".to_owned()])
            .collect()
    );
    for at in [0, 1, 1_499, 3_000] {
        assert_eq!(
            graph
                .ordered_objects("doc", Some(&all[at]))
                .collect::<Vec<_>>(),
            all[at + 1..]
        );
    }
    assert_eq!(graph.ordered_objects("team", None).count(), 7);
    assert_eq!(
        (
            graph.ordered_objects("user", None).count(),
            graph.ordered_objects("unheard-of", None).count()
        ),
        (0, 0)
    );
}

#[test]
fn an_object_goes_with_its_last_tuple_and_others_keep_their_places() {
    let before = graph(50);
    let after = before
        .apply(&[key("doc:7#viewer@team:t0#member")], &[], Revision(2))
        .unwrap();
    let expected: Vec<ObjectPlace> = before
        .ordered_objects("doc", None)
        .filter(|(_, id)| id != "7")
        .collect();
    assert_eq!(
        after.ordered_objects("doc", None).collect::<Vec<_>>(),
        expected
    );
    assert!(
        before.speaks_of(&"doc:7".parse().unwrap()) && !after.speaks_of(&"doc:7".parse().unwrap())
    );
    assert!(
        after.speaks_of(&"team:t0".parse().unwrap())
            && !after.speaks_of(&"team:none".parse().unwrap())
    );
}
