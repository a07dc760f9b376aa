//! Rows of many usersets, which are looked at from the user's side.

use super::store::{EMPTY, Store};
use behest::model::{Record, Revision, Tuple, TupleCondition};
use behest::relations::{
    Membership, ReaderTerms, RelationError, RelationLimits, RelationReader, RowHash,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use support::dice::Dice;

#[test]
fn a_row_of_many_usersets_costs_what_the_user_is_in() {
    let text = "model
  schema 1.1
type user
type team
  relations
    define member: [user, user:*, user with ok]
type doc
  relations
    define viewer: [user, team#member]
condition ok(yes: bool) {
  yes
}
";
    let shares =
        |from: u32| (from..from + 5_000).map(|at| format!("doc:1#viewer@team:{at}#member"));
    let mine = [
        "team:4000#member@user:ann",
        "team:9999#member@user:bob",
        "doc:2#viewer@team:1#member",
    ];
    let store = Store::new(text, shares(0).chain(mine.map(ToOwned::to_owned)));
    let limits = RelationLimits {
        check_reads: 100,
        ..RelationLimits::default()
    };
    for (user, wanted) in [("ann", true), ("bob", false), ("eve", false)] {
        assert_eq!(
            store.check(&format!("doc:1#viewer@user:{user}"), limits),
            Ok(wanted),
            "{user}"
        );
    }
    assert_eq!(
        store.check("doc:1#viewer@team:4999#member", limits),
        Ok(true)
    );
    assert_eq!(
        store.check("doc:1#viewer@team:5000#member", RelationLimits::default()),
        Ok(false)
    );
    // By whichever side it was found, a condition without an answer is an error.
    let key: behest::model::TupleKey = "team:3000#member@user:eve".parse().unwrap();
    let condition = Some(Arc::new(TupleCondition {
        name: "ok".into(),
        context: Record::new(),
    }));
    let tuple = Tuple { key, condition };
    let graph = store.graph.apply(&[], &[tuple], Revision(8)).unwrap();
    let terms = ReaderTerms {
        limits,
        trace: true,
        ..ReaderTerms::new(&EMPTY)
    };
    let mut reader = RelationReader::new(&graph, &store.rules, terms).unwrap();
    let failure = reader
        .check(&"doc:1#viewer@user:eve".parse().unwrap())
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "condition `ok` has no value for `yes`: store it in the context of \
         the tuple's condition, or send it in the request's `context`"
    );
    // Whoever lets everyone in, or the user, touches a row that the answer rests on.
    let mut reader = store.reader(terms);
    assert_eq!(
        reader.check(&"doc:1#viewer@user:bob".parse().unwrap()),
        Ok(Membership::Lacks)
    );
    let rows = reader.rows_read();
    for write in [
        "team:4500#member@user:bob",
        "team:4500#member@user:*",
        "doc:1#viewer@team:7000#member",
    ] {
        let touched = RowHash::of_tuple(&write.parse().unwrap());
        assert!(touched.iter().any(|row| rows.contains(row)), "{write}");
    }
    // The limit on depth holds whichever side is looked at.
    let shallow = RelationLimits { depth: 0, ..limits };
    assert_eq!(
        store.check(
            "doc:1#viewer@user:ann",
            RelationLimits {
                check_reads: 100_000,
                ..shallow
            }
        ),
        Err(RelationError::TooDeep(0).into())
    );
}

#[test]
fn a_wide_row_agrees_with_looking_at_every_team() {
    let text = "model\n  schema 1.1\ntype user\ntype team\n  relations\n    define member: [user, user:*]\n    \
        define lead: [user]\ntype doc\n  relations\n    define viewer: [user, team#member, team#lead]\n    \
        define open: viewer but not hidden\n    define hidden: [team#lead]\n";
    let mut dice = Dice::new(1);
    for world in 0..60 {
        let (teams, shares, memberships) = (40 + dice.below(80), dice.below(140), dice.below(120));
        let mut tuples = BTreeSet::new();
        for _ in 0..shares {
            let (relation, row) = (
                *dice.one(&["member", "lead"]),
                *dice.one(&["viewer", "viewer", "hidden"]),
            );
            if row == "viewer" || relation == "lead" {
                tuples.insert(format!("doc:1#{row}@team:{}#{relation}", dice.below(teams)));
            }
        }
        for _ in 0..memberships {
            let (relation, user) = (*dice.one(&["member", "lead"]), dice.below(30));
            tuples.insert(format!("team:{}#{relation}@user:{user}", dice.below(teams)));
        }
        if dice.chance(20) {
            tuples.insert(format!("team:{}#member@user:*", dice.below(teams)));
        }
        let store = Store::new(text, tuples.iter().cloned());
        for user in 0..30 {
            let is_in = |row: &str| {
                (0..teams).any(|team| {
                    ["member", "lead"].into_iter().any(|relation| {
                        let holds = |user: &str| {
                            tuples.contains(&format!("team:{team}#{relation}@user:{user}"))
                        };
                        tuples.contains(&format!("doc:1#{row}@team:{team}#{relation}"))
                            && (holds(&user.to_string()) || holds("*"))
                    })
                })
            };
            let check = |relation: &str| {
                store.check(
                    &format!("doc:1#{relation}@user:{user}"),
                    RelationLimits::default(),
                )
            };
            assert_eq!(
                check("viewer"),
                Ok(is_in("viewer")),
                "world {world}, user {user}"
            );
            assert_eq!(
                check("open"),
                Ok(is_in("viewer") && !is_in("hidden")),
                "world {world}, user {user}"
            );
        }
    }
}
