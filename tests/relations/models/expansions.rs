//! An expansion is the tree that the definition says, over the tuples that count.

use crate::oracle::Oracle;
use crate::scene::worlds;
use behest::model::{ObjectRef, Revision, TupleUser};
use behest::relations::model::Rewrite;
use behest::relations::{
    Expansion, ExpansionNode, Failure, ReaderTerms, RelationError, RelationReader, RowHash,
};
use std::collections::{BTreeMap, BTreeSet};

/// The tree of `object#relation`: conditions are not asked, and nothing is followed.
fn expanded(oracle: &Oracle<'_>, object: &ObjectRef, relation: &str, of: &Rewrite) -> Expansion {
    let named = |relation: &str| format!("{object}#{relation}");
    let users = |relation: &str| -> BTreeSet<TupleUser> {
        let on_row = oracle.tuples.iter().filter(|tuple| {
            tuple.key.object == *object && tuple.key.relation == relation && oracle.admits(tuple)
        });
        on_row.map(|tuple| tuple.key.user.clone()).collect()
    };
    let below = |part: &Rewrite| expanded(oracle, object, relation, part);
    let node = match of {
        Rewrite::This => ExpansionNode::Users(users(relation).into_iter().collect()),
        Rewrite::Computed(name) => ExpansionNode::Computed(named(name)),
        Rewrite::FromTupleset { tupleset, computed } => ExpansionNode::FromTupleset {
            tupleset: named(tupleset),
            computed: users(tupleset)
                .iter()
                .map(|parent| format!("{parent}#{computed}"))
                .collect::<BTreeSet<String>>()
                .into_iter()
                .collect(),
        },
        Rewrite::Union(parts) => ExpansionNode::Union(parts.iter().map(below).collect()),
        Rewrite::Intersection(parts) => {
            ExpansionNode::Intersection(parts.iter().map(below).collect())
        }
        Rewrite::Difference { base, subtract } => ExpansionNode::Difference {
            base: Box::new(below(base)),
            subtract: Box::new(below(subtract)),
        },
    };
    Expansion {
        name: named(relation),
        node,
    }
}

fn count(expansion: &Expansion, seen: &mut BTreeMap<&'static str, usize>) {
    let (kind, below): (_, Vec<&Expansion>) = match &expansion.node {
        ExpansionNode::Users(users) => {
            for user in users {
                let form = match user {
                    TupleUser::Object(_) => "an object",
                    TupleUser::Userset { .. } => "a userset",
                    TupleUser::Wildcard(_) => "everyone",
                };
                *seen.entry(form).or_default() += 1;
            }
            ("users", Vec::new())
        }
        ExpansionNode::Computed(_) => ("computed", Vec::new()),
        ExpansionNode::FromTupleset { computed, .. } if computed.is_empty() => {
            ("from nothing", Vec::new())
        }
        ExpansionNode::FromTupleset { .. } => ("from", Vec::new()),
        ExpansionNode::Union(parts) => ("union", parts.iter().collect()),
        ExpansionNode::Intersection(parts) => ("intersection", parts.iter().collect()),
        ExpansionNode::Difference { base, subtract } => ("difference", vec![base, subtract]),
    };
    *seen.entry(kind).or_default() += 1;
    below.into_iter().for_each(|it| count(it, seen));
}

#[test]
fn an_expansion_is_the_tree_of_the_definition() {
    let mut seen = BTreeMap::new();
    for (seed, scene) in worlds() {
        let oracle = scene.oracle();
        // One reader answers all, and each answer is as if it were the only one.
        let mut reader = scene.reader(false);
        for object in scene.world.objects() {
            for relation in &scene
                .world
                .model
                .type_named(object.kind())
                .unwrap()
                .relations
            {
                let wanted = expanded(&oracle, &object, &relation.name, &relation.rewrite);
                let found = reader.expand(&object, &relation.name).unwrap();
                assert_eq!(found, wanted, "world {seed}\n{}", scene.show());
                count(&found, &mut seen);
            }
            let unknown = reader.expand(&object, "nowhere");
            let is_unknown = matches!(
                unknown,
                Err(Failure::Error(RelationError::UnknownRelation { .. }))
            );
            assert!(is_unknown, "{unknown:?}");
        }
        let nothing = ObjectRef::new("nothing", "1").unwrap();
        let unknown = reader.expand(&nothing, "r0");
        let wanted = RelationError::UnknownType("nothing".into());
        assert_eq!(unknown, Err(Failure::Error(wanted)));
    }
    let kinds = [
        "an object",
        "a userset",
        "everyone",
        "users",
        "computed",
        "from nothing",
    ];
    for kind in kinds
        .into_iter()
        .chain(["from", "union", "intersection", "difference"])
    {
        assert!(
            seen.get(kind).is_some_and(|count| *count > 100),
            "{kind}: {seen:?}"
        );
    }
}

/// As long as nobody writes to a row that an expansion has read, it stays.
#[test]
fn an_expansion_depends_on_nothing_but_the_rows_that_it_names() {
    let mut left_alone = 0;
    let mut changed = 0;
    for (seed, scene) in worlds().take(120) {
        for object in scene.world.objects() {
            for relation in &scene
                .world
                .model
                .type_named(object.kind())
                .unwrap()
                .relations
            {
                let mut reader = scene.reader(false);
                let before = reader.expand(&object, &relation.name).unwrap();
                let rows: Vec<RowHash> = reader.rows_read().to_vec();
                for tuple in &scene.world.layers[1] {
                    let deleted = std::slice::from_ref(&tuple.key);
                    let graph = scene.graph.apply(deleted, &[], Revision(2)).unwrap();
                    let terms = ReaderTerms {
                        contextual: &scene.world.layers[2],
                        ..ReaderTerms::new(&scene.world.context)
                    };
                    let mut reader = RelationReader::new(&graph, &scene.rules, terms).unwrap();
                    let after = reader.expand(&object, &relation.name).unwrap();
                    let touched = RowHash::of_tuple(&tuple.key);
                    if after != before {
                        changed += 1;
                        let is_named = touched.iter().any(|row| rows.contains(row));
                        assert!(is_named, "world {seed}: {} changed {object}", tuple.key);
                    } else if touched.iter().all(|row| !rows.contains(row)) {
                        left_alone += 1;
                    }
                }
            }
        }
    }
    assert!(
        changed > 300 && left_alone > 1_000,
        "{changed}, {left_alone}"
    );
}
