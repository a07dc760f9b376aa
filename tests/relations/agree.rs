//! The engine says what the oracle says.

use super::oracle::{Oracle, Value};
use super::scene::{PATIENCE, value_of, worlds};
use super::world::{RELATIONS, World};
use behest::model::{ObjectRef, Revision, TupleKey, TupleUser};
use behest::relations::{Membership, ReaderTerms, RelationError, RelationLimits, RelationReader};
use std::collections::BTreeMap;
use support::dice::Dice;

/// Every question that can be asked of a user.
fn questions(world: &World, user: &TupleUser) -> Vec<TupleKey> {
    let about = |object: &ObjectRef| {
        let key = |relation: &&str| TupleKey {
            object: object.clone(),
            relation: (*relation).into(),
            user: user.clone(),
        };
        RELATIONS.iter().map(key).collect::<Vec<_>>()
    };
    world.objects().iter().flat_map(about).collect()
}

/// What the oracle says, as an answer: a cycle is false. None where it gave up.
fn said(oracle: &Oracle<'_>, key: &TupleKey) -> Option<Value> {
    oracle.patience.set(PATIENCE);
    let value = oracle.check(&key.user, &(key.object.clone(), key.relation.clone()));
    let value = if value == Value::Cycle {
        Value::Lacks
    } else {
        value
    };
    (oracle.patience.get() > 0).then_some(value)
}

#[test]
fn checks_and_batches_agree_and_witnesses_are_true() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for (seed, scene) in worlds() {
        let mut dice = Dice::new(seed + 1_000_000);
        let oracle = scene.oracle();
        for tuple in &scene.tuples {
            let condition = tuple
                .condition
                .as_ref()
                .map(|condition| condition.name.as_str());
            assert_eq!(
                scene.world.model.allows(&tuple.key, condition),
                oracle.admits(tuple),
                "{}",
                tuple.key
            );
        }
        let mut keys: Vec<TupleKey> = questions(&scene.world, &scene.world.user(&mut dice));
        // What one question leaves behind must not change another, in whatever order they come.
        for at in (1..keys.len()).rev() {
            keys.swap(at, dice.below(at + 1));
        }
        let batch = scene.reader(false).check_all(&keys);
        let mut shared = scene.reader(true);
        for (key, in_batch) in keys.iter().zip(batch) {
            let Some(wanted) = said(&oracle, key) else {
                *seen.entry("given up").or_default() += 1;
                continue;
            };
            let found = value_of(&scene.reader(false).check(key));
            assert_eq!(found, wanted, "world {seed}: {key}\n{}", scene.show());
            assert_eq!(
                value_of(&in_batch),
                wanted,
                "in a batch, world {seed}: {key}\n{}",
                scene.show()
            );
            let shown = shared.check(key);
            assert_eq!(
                value_of(&shown),
                wanted,
                "with a witness, world {seed}: {key}\n{}",
                scene.show()
            );
            if let Ok(Membership::Holds(witness)) = shown {
                for step in &witness {
                    let counts = |tuple: &&behest::model::Tuple| {
                        tuple.key == *step
                            && oracle.admits(tuple)
                            && oracle.applies(tuple) == Ok(true)
                    };
                    assert!(
                        oracle.tuples.iter().any(|tuple| counts(&tuple)),
                        "world {seed}: {step} in {witness:?}"
                    );
                }
            }
            *seen
                .entry(match wanted {
                    Value::Holds => "holds",
                    Value::Lacks | Value::Cycle => "lacks",
                    Value::Error(RelationError::TooDeep(_)) => "too deep",
                    Value::Error(_) => "condition",
                })
                .or_default() += 1;
        }
    }
    // The worlds must not become so poor that agreement says nothing.
    for outcome in ["holds", "lacks", "too deep", "condition"] {
        assert!(
            seen.get(outcome).is_some_and(|count| *count >= 50),
            "{seen:?}"
        );
    }
    let all: u32 = seen.values().sum();
    assert!(
        seen.get("given up").is_none_or(|count| count * 50 < all),
        "{seen:?}"
    );
}

/// As long as nobody writes to a row that a check has read, its answer stays.
#[test]
fn a_check_depends_on_nothing_but_the_rows_that_it_names() {
    for (seed, scene) in worlds() {
        let mut dice = Dice::new(seed + 2_000_000);
        for _ in 0..5 {
            let user = scene.world.user(&mut dice);
            let key = dice.one(&questions(&scene.world, &user)).clone();
            let mut reader = scene.reader(false);
            let before = value_of(&reader.check(&key));
            let rows = reader.rows_read();
            for tuple in &scene.world.layers[1] {
                let touched = behest::relations::RowHash::of_tuple(&tuple.key);
                if touched.iter().any(|row| rows.contains(row)) {
                    continue;
                }
                let graph = scene
                    .graph
                    .apply(std::slice::from_ref(&tuple.key), &[], Revision(2))
                    .unwrap();
                let terms = ReaderTerms {
                    contextual: &scene.world.layers[2],
                    limits: RelationLimits {
                        depth: scene.world.max_depth,
                        ..RelationLimits::default()
                    },
                    ..ReaderTerms::new(&scene.world.context)
                };
                let after = value_of(
                    &RelationReader::new(&graph, &scene.rules, terms)
                        .unwrap()
                        .check(&key),
                );
                assert_eq!(
                    after,
                    before,
                    "world {seed}: {key} without {}\n{}",
                    tuple.key,
                    scene.show()
                );
            }
        }
    }
}
