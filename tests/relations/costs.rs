//! Where the engine stops, and what a question costs.

use super::store::{DOCS, EMPTY, Store, model, object, user};
use behest::model::{Record, Revision, Tuple, TupleCondition, Value};
use behest::relations::{
    Allowance, Graph, ListTruncation, MAX_NESTING, Membership, ReaderTerms, RelationError,
    RelationFault, RelationLimits, Rules,
};
use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;

#[test]
fn the_depth_limit_counts_dispatches_and_is_an_error_of_the_question() {
    let chain = |len: u32| (0..len).map(|at| format!("group:{at}#member@group:{}#member", at + 1));
    let store = Store::new(
        DOCS,
        chain(30).chain([
            "group:25#member@user:near".into(),
            "group:26#member@user:far".into(),
        ]),
    );
    let check = |user: &str| {
        store.check(
            &format!("group:0#member@user:{user}"),
            RelationLimits::default(),
        )
    };
    assert_eq!(check("near"), Ok(true));
    assert_eq!(check("far"), Err(RelationError::TooDeep(25).into()));
    assert_eq!(check("nobody"), Err(RelationError::TooDeep(25).into()));
    assert_eq!(
        store.check("group:5#member@user:far", RelationLimits::default()),
        Ok(true)
    );
    // Where nothing in the model leads to the user's type, nothing is read.
    assert_eq!(
        store.check(
            "group:0#member@folder:f",
            RelationLimits {
                check_reads: 0,
                ..RelationLimits::default()
            }
        ),
        Ok(false)
    );
}

#[test]
fn groups_in_circles_cost_what_there_are_of_them() {
    const GROUPS: u32 = 40;
    let pairs = (0..GROUPS).flat_map(|from| (0..GROUPS).map(move |to| (from, to)));
    let tangle = pairs
        .filter(|(from, to)| from != to)
        .map(|(from, to)| format!("group:{from}#member@group:{to}#member"));
    let store = Store::new(
        DOCS,
        tangle.chain([
            "doc:1#blocked@group:0#member".into(),
            "doc:1#editor@user:*".into(),
        ]),
    );
    let reads = u64::from(3 * GROUPS * GROUPS);
    let limits = RelationLimits {
        check_reads: reads,
        ..RelationLimits::default()
    };
    assert_eq!(store.check("group:0#member@user:ann", limits), Ok(false));
    // Ann is in none of the groups, but whoever would find out walks in a circle; then nobody is
    // taken to be unblocked.
    assert_eq!(store.check("doc:1#editor@user:ann", limits), Ok(false));
    let few = RelationLimits {
        check_reads: 100,
        ..RelationLimits::default()
    };
    assert_eq!(
        store.check("group:0#member@user:ann", few),
        Err(RelationFault::TooBroad(100).into())
    );
}

#[test]
fn rewrites_are_followed_into_one_another_up_to_a_limit() {
    // Each relation of the chain opens a difference and its base; at its end there is a union and
    // one of its operands.
    const CHAIN: u32 = 49;
    const DOCS: u32 = MAX_NESTING / (2 * CHAIN + 2);
    assert_eq!(DOCS * (2 * CHAIN + 2), MAX_NESTING);
    let mut text =
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define no: [user]\n".to_owned();
    text += "    define parent: [doc]\n";
    writeln!(text, "    define r0: [user] or r{CHAIN} from parent").unwrap();
    for at in 1..=CHAIN {
        writeln!(text, "    define r{at}: r{} but not no", at - 1).unwrap();
    }
    writeln!(text, "    define one_more: r{CHAIN}").unwrap();
    let parents = (1..DOCS).map(|at| format!("doc:{}#parent@doc:{at}", at - 1));
    let store = Store::new(
        &text,
        parents.chain([format!("doc:{}#r0@user:ann", DOCS - 1)]),
    );
    let limits = RelationLimits::default();
    assert_eq!(
        store.check(&format!("doc:0#r{CHAIN}@user:ann"), limits),
        Ok(true)
    );
    assert_eq!(
        store.check("doc:0#one_more@user:ann", limits),
        Err(RelationFault::TooNested.into())
    );
}

#[test]
fn time_and_breadth_are_faults_of_a_check_and_cut_a_list() {
    let tuples = (0..5_000).map(|at| format!("doc:{at}#owner@user:ann"));
    let store = Store::new(
        DOCS,
        tuples.chain((0..3_000).map(|at| format!("doc:x#blocked@group:{at}#member"))),
    );
    let asked = Cell::new(0);
    let is_over = || {
        asked.set(asked.get() + 1);
        true
    };
    let mut reader = store.reader(ReaderTerms {
        is_over: &is_over,
        ..ReaderTerms::new(&EMPTY)
    });
    let fault = reader.check(&"doc:x#blocked@user:ann".parse().unwrap());
    assert_eq!(fault, Err(RelationFault::OutOfTime.into()));
    let listed = reader
        .list_objects(&user("user:ann"), "owner", "doc", usize::MAX)
        .unwrap();
    assert_eq!(listed.cut, Some(ListTruncation::Time));
    assert!(asked.get() > 0);
    let limits = RelationLimits {
        list_reads: 2_000,
        ..RelationLimits::default()
    };
    let mut reader = store.reader(ReaderTerms {
        limits,
        ..ReaderTerms::new(&EMPTY)
    });
    let listed = reader
        .list_objects(&user("user:ann"), "owner", "doc", usize::MAX)
        .unwrap();
    assert_eq!(listed.cut, Some(ListTruncation::Breadth));
}

/// A document that is shared with teams on a condition.
const SHARED: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user, team#member]
type doc
  relations
    define viewer: [team#member with listed]
    define editor: [team#member with doubled]
condition listed(items: list<string>) {
  items.size() > 3
}
condition doubled(items: list<string>) {
  (items + items).size() > 3
}
";

fn shared(relation: &str, condition: &str, teams: usize) -> Store {
    let tuple = |team| {
        let key = format!("doc:d#{relation}@team:{team}#member")
            .parse()
            .unwrap();
        let condition = TupleCondition {
            name: condition.into(),
            context: Record::new(),
        };
        Tuple {
            key,
            condition: Some(Arc::new(condition)),
        }
    };
    let graph = Graph::load((0..teams).map(tuple), Revision(7)).unwrap();
    let rules = Rules::compile(&model(SHARED), &graph).unwrap();
    Store { graph, rules }
}

fn items(count: usize) -> Record {
    let items = (0..count)
        .map(|at| Value::text(format!("item-{at}")))
        .collect();
    [("items".into(), Value::List(items))].into_iter().collect()
}

#[test]
fn a_parameter_is_converted_once_however_many_tuples_ask_for_it() {
    let (store, context) = (shared("viewer", "listed", 2_000), items(20_000));
    let allowance = Allowance::of_reads(100_000);
    let mut reader = store.reader(ReaderTerms {
        allowance: Some(&allowance),
        ..ReaderTerms::new(&context)
    });
    let key = "doc:d#viewer@user:ann".parse().unwrap();
    assert_eq!(reader.check(&key), Ok(Membership::Lacks));
    let first = 100_000 - allowance.reads();
    // Some reads for each team, and 20,000 values once.
    assert!((4_000..25_000).contains(&first), "{first}");
    let before = allowance.reads();
    let mut next = store.reader(ReaderTerms {
        allowance: Some(&allowance),
        ..ReaderTerms::new(&context)
    });
    next = next.with_evaluations(reader.take_evaluations());
    assert_eq!(next.check(&key), Ok(Membership::Lacks));
    assert!(
        before - allowance.reads() <= first - 1_000,
        "the next reader of the request converts nothing anew"
    );
}

#[test]
fn what_conditions_do_is_paid_for_and_what_is_asked_together_has_one_end() {
    let (store, context) = (shared("editor", "doubled", 500), items(20_000));
    let key = "doc:d#editor@user:ann".parse().unwrap();
    let limits = RelationLimits {
        check_reads: 50_000,
        ..RelationLimits::default()
    };
    let mut reader = store.reader(ReaderTerms {
        limits,
        ..ReaderTerms::new(&context)
    });
    assert_eq!(
        reader.check(&key),
        Err(RelationFault::TooBroad(50_000).into())
    );
    let few = items(3);
    assert_eq!(
        store
            .reader(ReaderTerms {
                limits,
                ..ReaderTerms::new(&few)
            })
            .check(&key),
        Ok(Membership::Lacks)
    );
    let allowance = Allowance::of_reads(50_000);
    let terms = ReaderTerms {
        allowance: Some(&allowance),
        ..ReaderTerms::new(&context)
    };
    assert_eq!(
        store.reader(terms).check(&key),
        Err(RelationFault::TooMuch.into())
    );
    let terms = ReaderTerms {
        allowance: Some(&allowance),
        ..ReaderTerms::new(&few)
    };
    assert_eq!(
        store.reader(terms).check(&key),
        Err(RelationFault::TooMuch.into()),
        "nothing is left"
    );
    // Between two looks at the time there is no more work than that of a thousand tuples, or one
    // evaluation.
    let looks = Cell::new(0);
    let is_over = || {
        looks.set(looks.get() + 1);
        false
    };
    let limits = RelationLimits {
        check_reads: 20_000,
        ..RelationLimits::default()
    };
    let terms = ReaderTerms {
        limits,
        is_over: &is_over,
        ..ReaderTerms::new(&context)
    };
    assert_eq!(
        store.reader(terms).check(&key),
        Err(RelationFault::TooBroad(20_000).into())
    );
    assert!(looks.get() >= 7, "{}", looks.get());
}

#[test]
fn an_expansion_is_no_longer_than_people_read() {
    let pad = "x".repeat(200);
    let row = |count: usize| {
        let tuples = (0..count).map(|at| format!("doc:d#owner@user:{pad}{at}"));
        Store::new(DOCS, tuples)
    };
    assert!(
        row(1_000)
            .reader(ReaderTerms::new(&EMPTY))
            .expand(&object("doc:d"), "owner")
            .is_ok()
    );
    let fault = row(21_000)
        .reader(ReaderTerms::new(&EMPTY))
        .expand(&object("doc:d"), "owner");
    assert_eq!(fault, Err(RelationFault::TooLong(4 << 20).into()));
}
