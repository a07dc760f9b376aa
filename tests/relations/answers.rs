//! What answers carry beside their yes or no, and where the engine stops.

use super::dice::Dice;
use behest::model::{ModelType, ObjectRef, Record, Revision, Tuple, TupleCondition, TupleUser, Value};
use behest::relations::model::{AuthorizationModel, ModelFile, read_dsl};
use behest::relations::{
    Allowance, Cut, Expansion, ExpansionNode, Failure, Graph, Limits, Listed, MAX_NESTING, Membership, Reader,
    RelationError, RelationFault, RowHash, Rules, Terms, UserFilter,
};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

const DOCS: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type doc
  relations
    define parent: [folder]
    define owner: [user, user with until]
    define blocked: [user, group#member]
    define editor: [user, user:*] but not blocked
    define viewer: editor or owner or viewer from parent
    define auditor: viewer and owner
condition until(now: timestamp, end: timestamp) {
  now < end
}
";

fn model(text: &str) -> AuthorizationModel {
    AuthorizationModel::of_source(read_dsl(ModelFile { name: "model.fga", text }).unwrap()).unwrap()
}

/// A store with these tuples, and a model compiled for it.
struct Store {
    graph: Graph,
    rules: Rules,
}

impl Store {
    fn new(text: &str, tuples: impl IntoIterator<Item = String>) -> Self {
        let tuples = tuples.into_iter().map(|tuple| Tuple::from(tuple.parse::<behest::model::TupleKey>().unwrap()));
        let graph = Graph::load(tuples, Revision(7)).unwrap();
        let rules = Rules::compile(&model(text), &graph).unwrap();
        Self { graph, rules }
    }

    fn docs(tuples: &[&str]) -> Self {
        Self::new(DOCS, tuples.iter().map(ToString::to_string))
    }

    fn reader<'a>(&'a self, terms: Terms<'a>) -> Reader<'a> {
        Reader::new(&self.graph, &self.rules, terms).unwrap()
    }

    fn check(&self, key: &str, limits: Limits) -> Result<bool, Failure> {
        let terms = Terms { limits, ..Terms::new(&EMPTY) };
        self.reader(terms).check(&key.parse().unwrap()).map(|answer| answer.holds())
    }

    fn witness(&self, key: &str) -> Option<Vec<String>> {
        let terms = Terms { witness: true, ..Terms::new(&EMPTY) };
        match self.reader(terms).check(&key.parse().unwrap()).unwrap() {
            Membership::Holds(path) => Some(path.iter().map(ToString::to_string).collect()),
            Membership::Lacks => None,
        }
    }
}

static EMPTY: Record = Record::new();

fn user(text: &str) -> TupleUser {
    text.parse().unwrap()
}

fn object(text: &str) -> ObjectRef {
    text.parse().unwrap()
}

fn texts<T: ToString>(listed: &Listed<T>) -> Vec<String> {
    let mut texts: Vec<String> = listed.found.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

#[test]
fn a_witness_is_the_path_from_the_object_to_the_user() {
    let store = Store::docs(&[
        "doc:plan#parent@folder:b",
        "folder:b#parent@folder:a",
        "folder:a#viewer@group:staff#member",
        "group:staff#member@group:ops#member",
        "group:ops#member@user:ann",
        "doc:plan#owner@user:ann",
        "doc:plan#editor@user:*",
        "doc:plan#blocked@user:ann",
        "doc:memo#editor@user:*",
    ]);
    let path =
        ["folder:b#parent@folder:a", "folder:a#viewer@group:staff#member", "group:staff#member@group:ops#member"];
    assert_eq!(
        store.witness("folder:b#viewer@user:ann").unwrap(),
        [&path[..], &["group:ops#member@user:ann"]].concat()
    );
    // What showed that she would be an editor, and that she is blocked, is left out.
    assert_eq!(store.witness("doc:plan#viewer@user:ann").unwrap(), ["doc:plan#owner@user:ann"]);
    assert_eq!(store.witness("doc:memo#viewer@user:bob").unwrap(), ["doc:memo#editor@user:*"]);
    assert_eq!(
        store.witness("doc:plan#auditor@user:ann").unwrap(),
        ["doc:plan#owner@user:ann", "doc:plan#owner@user:ann"]
    );
    assert_eq!(store.witness("group:ops#member@group:ops#member").unwrap(), Vec::<String>::new());
    assert_eq!(store.witness("doc:plan#owner@user:bob"), None);
}

#[test]
fn the_depth_limit_counts_dispatches_and_is_an_error_of_the_question() {
    let chain = |len: u32| (0..len).map(|at| format!("group:{at}#member@group:{}#member", at + 1));
    let store =
        Store::new(DOCS, chain(30).chain(["group:25#member@user:near".into(), "group:26#member@user:far".into()]));
    let check = |user: &str| store.check(&format!("group:0#member@user:{user}"), Limits::default());
    assert_eq!(check("near"), Ok(true));
    assert_eq!(check("far"), Err(RelationError::TooDeep(25).into()));
    assert_eq!(check("nobody"), Err(RelationError::TooDeep(25).into()));
    assert_eq!(store.check("group:5#member@user:far", Limits::default()), Ok(true));
    // Where nothing in the model leads to the user's type, nothing is read.
    assert_eq!(store.check("group:0#member@folder:f", Limits { check_reads: 0, ..Limits::default() }), Ok(false));
}

#[test]
fn groups_in_circles_cost_what_there_are_of_them() {
    const GROUPS: u32 = 40;
    let pairs = (0..GROUPS).flat_map(|from| (0..GROUPS).map(move |to| (from, to)));
    let tangle =
        pairs.filter(|(from, to)| from != to).map(|(from, to)| format!("group:{from}#member@group:{to}#member"));
    let store = Store::new(DOCS, tangle.chain(["doc:1#blocked@group:0#member".into(), "doc:1#editor@user:*".into()]));
    let reads = u64::from(3 * GROUPS * GROUPS);
    let limits = Limits { check_reads: reads, ..Limits::default() };
    assert_eq!(store.check("group:0#member@user:ann", limits), Ok(false));
    // Ann is in none of the groups, but whoever would find out walks in a circle; then nobody is taken to be unblocked.
    assert_eq!(store.check("doc:1#editor@user:ann", limits), Ok(false));
    let few = Limits { check_reads: 100, ..Limits::default() };
    assert_eq!(store.check("group:0#member@user:ann", few), Err(RelationFault::TooBroad(100).into()));
}

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
    let shares = |from: u32| (from..from + 5_000).map(|at| format!("doc:1#viewer@team:{at}#member"));
    let mine = ["team:4000#member@user:ann", "team:9999#member@user:bob", "doc:2#viewer@team:1#member"];
    let store = Store::new(text, shares(0).chain(mine.map(ToOwned::to_owned)));
    let limits = Limits { check_reads: 100, ..Limits::default() };
    for (user, wanted) in [("ann", true), ("bob", false), ("eve", false)] {
        assert_eq!(store.check(&format!("doc:1#viewer@user:{user}"), limits), Ok(wanted), "{user}");
    }
    assert_eq!(store.check("doc:1#viewer@team:4999#member", limits), Ok(true));
    assert_eq!(store.check("doc:1#viewer@team:5000#member", Limits::default()), Ok(false));
    // By whichever side it was found, a condition without an answer is an error.
    let key: behest::model::TupleKey = "team:3000#member@user:eve".parse().unwrap();
    let condition = Some(Arc::new(TupleCondition { name: "ok".into(), context: Record::new() }));
    let tuple = Tuple { key, condition };
    let graph = store.graph.apply(&[], &[tuple], Revision(8)).unwrap();
    let terms = Terms { limits, trace: true, ..Terms::new(&EMPTY) };
    let mut reader = Reader::new(&graph, &store.rules, terms).unwrap();
    let failure = reader.check(&"doc:1#viewer@user:eve".parse().unwrap()).unwrap_err();
    assert_eq!(failure.to_string(), "condition `ok` has no value for `yes`: send it in the context");
    // Whoever lets everyone in, or the user, touches a row that the answer rests on.
    let mut reader = store.reader(terms);
    assert_eq!(reader.check(&"doc:1#viewer@user:bob".parse().unwrap()), Ok(Membership::Lacks));
    let rows = reader.rows_read();
    for write in ["team:4500#member@user:bob", "team:4500#member@user:*", "doc:1#viewer@team:7000#member"] {
        let touched = RowHash::of_tuple(&write.parse().unwrap());
        assert!(touched.iter().any(|row| rows.contains(row)), "{write}");
    }
    // The limit on depth holds whichever side is looked at.
    let shallow = Limits { depth: 0, ..limits };
    assert_eq!(
        store.check("doc:1#viewer@user:ann", Limits { check_reads: 100_000, ..shallow }),
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
            let (relation, row) = (*dice.one(&["member", "lead"]), *dice.one(&["viewer", "viewer", "hidden"]));
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
                        let holds = |user: &str| tuples.contains(&format!("team:{team}#{relation}@user:{user}"));
                        tuples.contains(&format!("doc:1#{row}@team:{team}#{relation}"))
                            && (holds(&user.to_string()) || holds("*"))
                    })
                })
            };
            let check = |relation: &str| store.check(&format!("doc:1#{relation}@user:{user}"), Limits::default());
            assert_eq!(check("viewer"), Ok(is_in("viewer")), "world {world}, user {user}");
            assert_eq!(check("open"), Ok(is_in("viewer") && !is_in("hidden")), "world {world}, user {user}");
        }
    }
}

#[test]
fn rewrites_are_followed_into_one_another_up_to_a_limit() {
    // Each relation of the chain opens a difference and its base; at its end there is a union and one of its operands.
    const CHAIN: u32 = 49;
    const DOCS: u32 = MAX_NESTING / (2 * CHAIN + 2);
    assert_eq!(DOCS * (2 * CHAIN + 2), MAX_NESTING);
    let mut text = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define no: [user]\n".to_owned();
    text += "    define parent: [doc]\n";
    writeln!(text, "    define r0: [user] or r{CHAIN} from parent").unwrap();
    for at in 1..=CHAIN {
        writeln!(text, "    define r{at}: r{} but not no", at - 1).unwrap();
    }
    writeln!(text, "    define one_more: r{CHAIN}").unwrap();
    let parents = (1..DOCS).map(|at| format!("doc:{}#parent@doc:{at}", at - 1));
    let store = Store::new(&text, parents.chain([format!("doc:{}#r0@user:ann", DOCS - 1)]));
    let limits = Limits::default();
    assert_eq!(store.check(&format!("doc:0#r{CHAIN}@user:ann"), limits), Ok(true));
    assert_eq!(store.check("doc:0#one_more@user:ann", limits), Err(RelationFault::TooNested.into()));
}

#[test]
fn time_and_breadth_are_faults_of_a_check_and_cut_a_list() {
    let tuples = (0..5_000).map(|at| format!("doc:{at}#owner@user:ann"));
    let store = Store::new(DOCS, tuples.chain((0..3_000).map(|at| format!("doc:x#blocked@group:{at}#member"))));
    let asked = Cell::new(0);
    let is_over = || {
        asked.set(asked.get() + 1);
        true
    };
    let mut reader = store.reader(Terms { is_over: &is_over, ..Terms::new(&EMPTY) });
    let fault = reader.check(&"doc:x#blocked@user:ann".parse().unwrap());
    assert_eq!(fault, Err(RelationFault::OutOfTime.into()));
    let listed = reader.list_objects(&user("user:ann"), "owner", "doc", usize::MAX).unwrap();
    assert_eq!(listed.cut, Some(Cut::Time));
    assert!(asked.get() > 0);
    let limits = Limits { list_reads: 2_000, ..Limits::default() };
    let mut reader = store.reader(Terms { limits, ..Terms::new(&EMPTY) });
    let listed = reader.list_objects(&user("user:ann"), "owner", "doc", usize::MAX).unwrap();
    assert_eq!(listed.cut, Some(Cut::Breadth));
}

#[test]
fn a_list_with_as_many_results_as_wanted_is_complete_and_one_more_cuts_it() {
    let store = Store::docs(&["doc:1#owner@user:ann", "doc:2#owner@user:ann", "doc:2#owner@user:bob"]);
    let mut reader = store.reader(Terms::new(&EMPTY));
    let mut objects = |max| reader.list_objects(&user("user:ann"), "viewer", "doc", max).unwrap();
    assert_eq!((texts(&objects(2)), objects(2).cut), (vec!["doc:1".into(), "doc:2".into()], None));
    assert_eq!((objects(1).found.len(), objects(1).cut), (1, Some(Cut::Results)));
    assert_eq!(objects(0), Listed { found: Vec::new(), cut: Some(Cut::Results) });
    let filter = UserFilter { kind: "user".into(), relation: None };
    let mut users = |max| reader.list_users(&object("doc:2"), "viewer", &filter, max).unwrap();
    assert_eq!((texts(&users(2)), users(2).cut), (vec!["user:ann".into(), "user:bob".into()], None));
    assert_eq!(users(1).cut, Some(Cut::Results));
    let mut seen = 0;
    let cut = reader.stream_objects(&user("user:ann"), "viewer", "doc", &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((seen, cut), (1, Ok(Some(Cut::Results))));
}

#[test]
fn the_tuples_of_the_request_count_for_it_alone() {
    let store = Store::docs(&["group:ops#member@user:ann"]);
    let own = ["folder:new#viewer@group:ops#member", "doc:new#parent@folder:new"]
        .map(|key| Tuple::from(key.parse::<behest::model::TupleKey>().unwrap()));
    let mut reader = store.reader(Terms { contextual: &own, witness: true, ..Terms::new(&EMPTY) });
    let Ok(Membership::Holds(path)) = reader.check(&"doc:new#viewer@user:ann".parse().unwrap()) else { panic!() };
    assert_eq!(path.len(), 3);
    assert_eq!(texts(&reader.list_objects(&user("user:ann"), "viewer", "doc", 9).unwrap()), ["doc:new"]);
    assert_eq!(reader.revision(), Revision(7));
    assert_eq!(store.check("doc:new#viewer@user:ann", Limits::default()), Ok(false));
}

#[test]
fn a_tuple_of_the_request_stands_for_the_one_of_its_key() {
    let text = DOCS.replace(
        "group#member]\n    define editor",
        "group#member, user:*, group#member with until]\n    define editor",
    );
    let stored =
        ["doc:1#owner@user:ann", "doc:1#blocked@group:g#member", "doc:1#blocked@user:*", "group:g#member@user:ann"];
    let store = Store::new(&text, stored.iter().map(ToString::to_string));
    let until = |key: &str, end: &str| {
        let context = [("end".into(), Value::text(end)), ("now".into(), Value::text("2026-06-01T00:00:00Z"))];
        let condition = TupleCondition { name: "until".into(), context: context.into_iter().collect() };
        Tuple { key: key.parse().unwrap(), condition: Some(Arc::new(condition)) }
    };
    let over = "2026-01-01T00:00:00Z";
    let lasts = "2027-01-01T00:00:00Z";
    let plain = |key: &str| Tuple::from(key.parse::<behest::model::TupleKey>().unwrap());
    let owner = "doc:1#owner@user:ann";
    let group = "doc:1#blocked@group:g#member";
    for (own, key, expected) in [
        (vec![], owner, true),
        (vec![until(owner, over)], owner, false),
        (vec![until(owner, lasts)], owner, true),
        (vec![until(owner, over), plain(owner)], owner, false),
        (vec![plain(owner), until(owner, over)], owner, true),
        // Through a userset and everyone as well, of which OpenFGA lets both count.
        (vec![until(group, over)], "doc:1#blocked@user:ann", true),
        (vec![until(group, over), until("doc:1#blocked@user:*", over)], "doc:1#blocked@user:ann", false),
        (vec![until(group, over)], group, false),
    ] {
        let mut reader = store.reader(Terms { contextual: &own, ..Terms::new(&EMPTY) });
        let holds = reader.check(&key.parse().unwrap()).unwrap().holds();
        // Of everyone the model allows no condition: such a tuple counts for nothing, and hides the stored one.
        assert_eq!(holds, expected, "{key} {own:?}");
        let TupleKeyParts { user: who, relation, object } = parts(key);
        let listed = reader.list_objects(&who, &relation, "doc", 9).unwrap();
        assert_eq!(texts(&listed) == [object.clone()], expected, "{key} {own:?}");
    }
}

struct TupleKeyParts {
    user: TupleUser,
    relation: String,
    object: String,
}

fn parts(key: &str) -> TupleKeyParts {
    let key: behest::model::TupleKey = key.parse().unwrap();
    TupleKeyParts { user: key.user, relation: key.relation.to_string(), object: key.object.to_string() }
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
        let key = format!("doc:d#{relation}@team:{team}#member").parse().unwrap();
        let condition = TupleCondition { name: condition.into(), context: Record::new() };
        Tuple { key, condition: Some(Arc::new(condition)) }
    };
    let graph = Graph::load((0..teams).map(tuple), Revision(7)).unwrap();
    let rules = Rules::compile(&model(SHARED), &graph).unwrap();
    Store { graph, rules }
}

fn items(count: usize) -> Record {
    let items = (0..count).map(|at| Value::text(format!("item-{at}"))).collect();
    [("items".into(), Value::List(items))].into_iter().collect()
}

#[test]
fn a_parameter_is_converted_once_however_many_tuples_ask_for_it() {
    let (store, context) = (shared("viewer", "listed", 2_000), items(20_000));
    let allowance = Allowance::of_reads(100_000);
    let mut reader = store.reader(Terms { allowance: Some(&allowance), ..Terms::new(&context) });
    let key = "doc:d#viewer@user:ann".parse().unwrap();
    assert_eq!(reader.check(&key), Ok(Membership::Lacks));
    let first = 100_000 - allowance.reads();
    // Some reads for each team, and 20,000 values once.
    assert!((4_000..25_000).contains(&first), "{first}");
    let before = allowance.reads();
    let mut next = store.reader(Terms { allowance: Some(&allowance), ..Terms::new(&context) });
    next = next.with_evaluations(reader.take_evaluations());
    assert_eq!(next.check(&key), Ok(Membership::Lacks));
    assert!(before - allowance.reads() <= first - 1_000, "the next reader of the request converts nothing anew");
}

#[test]
fn what_conditions_do_is_paid_for_and_what_is_asked_together_has_one_end() {
    let (store, context) = (shared("editor", "doubled", 500), items(20_000));
    let key = "doc:d#editor@user:ann".parse().unwrap();
    let limits = Limits { check_reads: 50_000, ..Limits::default() };
    let mut reader = store.reader(Terms { limits, ..Terms::new(&context) });
    assert_eq!(reader.check(&key), Err(RelationFault::TooBroad(50_000).into()));
    let few = items(3);
    assert_eq!(store.reader(Terms { limits, ..Terms::new(&few) }).check(&key), Ok(Membership::Lacks));
    let allowance = Allowance::of_reads(50_000);
    let terms = Terms { allowance: Some(&allowance), ..Terms::new(&context) };
    assert_eq!(store.reader(terms).check(&key), Err(RelationFault::TooMuch.into()));
    let terms = Terms { allowance: Some(&allowance), ..Terms::new(&few) };
    assert_eq!(store.reader(terms).check(&key), Err(RelationFault::TooMuch.into()), "nothing is left");
    // Between two looks at the time there is no more work than that of a thousand tuples, or one evaluation.
    let looks = Cell::new(0);
    let is_over = || {
        looks.set(looks.get() + 1);
        false
    };
    let limits = Limits { check_reads: 20_000, ..Limits::default() };
    let terms = Terms { limits, is_over: &is_over, ..Terms::new(&context) };
    assert_eq!(store.reader(terms).check(&key), Err(RelationFault::TooBroad(20_000).into()));
    assert!(looks.get() >= 7, "{}", looks.get());
}

#[test]
fn an_expansion_is_no_longer_than_people_read() {
    let pad = "x".repeat(200);
    let row = |count: usize| {
        let tuples = (0..count).map(|at| format!("doc:d#owner@user:{pad}{at}"));
        Store::new(DOCS, tuples)
    };
    assert!(row(1_000).reader(Terms::new(&EMPTY)).expand(&object("doc:d"), "owner").is_ok());
    let fault = row(21_000).reader(Terms::new(&EMPTY)).expand(&object("doc:d"), "owner");
    assert_eq!(fault, Err(RelationFault::TooLong(4 << 20).into()));
}

#[test]
fn readers_see_one_revision_whole_while_writes_go_on() {
    let store = Store::docs(&[]);
    let live = arc_swap::ArcSwap::from_pointee(store.graph.clone());
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let both =
        ["doc:1#owner@user:ann", "doc:2#owner@user:ann"].map(|key| key.parse::<behest::model::TupleKey>().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for revision in 8..2_000 {
                let tuples = both.clone().map(Tuple::from);
                let (deletes, writes) =
                    if revision % 2 == 0 { (&both[..0], &tuples[..]) } else { (&both[..], &tuples[..0]) };
                live.store(Arc::new(live.load().apply(deletes, writes, Revision(revision)).unwrap()));
            }
            is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
            let graph = live.load_full();
            let mut reader = Reader::new(&graph, &store.rules, Terms::new(&EMPTY)).unwrap();
            let wanted = graph.revision() != Revision(7) && graph.revision().0 % 2 == 0;
            for answer in reader.check_all(&both) {
                assert_eq!(answer.map(|answer| answer.holds()), Ok(wanted));
            }
            let listed = reader.list_objects(&user("user:ann"), "viewer", "doc", 9).unwrap();
            assert_eq!(listed.found.len(), if wanted { 2 } else { 0 });
        }
    });
}

#[test]
fn the_values_of_a_tuple_win_over_those_of_the_request() {
    let key = "doc:1#owner@user:ann".parse().unwrap();
    let stored = Record::from_iter([("end".into(), Value::from("2026-10-01T00:00:00Z"))]);
    let condition = Some(Arc::new(TupleCondition { name: "until".into(), context: stored }));
    let graph = Graph::load([Tuple { key, condition }], Revision(1)).unwrap();
    let rules = Rules::compile(&model(DOCS), &graph).unwrap();
    let check = |context: &[(&str, &str)]| {
        let context = context.iter().map(|(name, value)| ((*name).into(), Value::from(*value))).collect();
        let answer =
            Reader::new(&graph, &rules, Terms::new(&context)).unwrap().check(&"doc:1#owner@user:ann".parse().unwrap());
        answer.map(|answer| answer.holds()).map_err(|failure| failure.to_string())
    };
    assert_eq!(check(&[("now", "2026-09-30T00:00:00Z")]), Ok(true));
    assert_eq!(check(&[("now", "2026-10-02T00:00:00Z"), ("end", "2027-01-01T00:00:00Z")]), Ok(false));
    assert_eq!(check(&[]), Err("condition `until` has no value for `now`: send it in the context".into()));
}

#[test]
fn an_expansion_shows_one_level() {
    let store = Store::docs(&[
        "doc:1#parent@folder:a",
        "doc:1#editor@user:ann",
        "doc:1#editor@user:*",
        "doc:1#editor@group:x#member",
    ]);
    let expansion = store.reader(Terms::new(&EMPTY)).expand(&object("doc:1"), "viewer").unwrap();
    let node = |name: &str, node| Expansion { name: name.into(), node };
    let wanted = ExpansionNode::Union(vec![
        node("doc:1#viewer", ExpansionNode::Computed("doc:1#editor".into())),
        node("doc:1#viewer", ExpansionNode::Computed("doc:1#owner".into())),
        node(
            "doc:1#viewer",
            ExpansionNode::FromTupleset { tupleset: "doc:1#parent".into(), computed: vec!["folder:a#viewer".into()] },
        ),
    ]);
    assert_eq!(expansion, node("doc:1#viewer", wanted));
    let expansion = store.reader(Terms::new(&EMPTY)).expand(&object("doc:1"), "editor").unwrap();
    let ExpansionNode::Difference { base, .. } = expansion.node else { panic!() };
    assert_eq!(base.node, ExpansionNode::Users(vec![user("user:ann"), user("user:*")]));
}

#[test]
fn what_the_model_does_not_define_is_an_error_of_the_question() {
    let store = Store::docs(&[]);
    for (key, message) in [
        ("page:1#viewer@user:ann", "the model defines no type `page`"),
        ("doc:1#reader@user:ann", "the model defines no relation `reader` of type `doc`"),
        ("doc:1#viewer@robot:r", "the model defines no type `robot`"),
        ("doc:1#viewer@group:g#owner", "the model defines no relation `owner` of type `group`"),
    ] {
        let failure = store.check(key, Limits::default()).unwrap_err();
        assert!(matches!(failure, Failure::Error(_)), "{key}");
        assert_eq!(failure.to_string(), message);
    }
}

#[test]
fn rules_of_one_store_are_refused_in_another() {
    let (one, other) = (Store::docs(&[]), Store::docs(&[]));
    let refused = Reader::new(&one.graph, &other.rules, Terms::new(&EMPTY)).unwrap_err();
    assert_eq!(refused, RelationFault::ForeignRules);
    // A model may be newer than the version of the tuples that a reader has pinned.
    let text = "model\n  schema 1.1\ntype user\ntype note\n  relations\n    define reader: [user]\n";
    let newer = Rules::compile(&model(text), &one.graph).unwrap();
    let terms = Terms::new(&EMPTY);
    let answer = Reader::new(&one.graph, &newer, terms).unwrap().check(&"note:1#reader@user:ann".parse().unwrap());
    assert_eq!(answer, Ok(Membership::Lacks));
}

#[test]
fn the_conditions_on_which_a_relation_can_depend_are_known() {
    let store = Store::docs(&[]);
    let doc = ModelType::new("doc");
    assert_eq!(Vec::from_iter(store.rules.conditions_of(&doc, "viewer")), ["until"]);
    assert!(store.rules.conditions_of(&doc, "editor").is_empty());
    assert!(store.rules.conditions_of(&doc, "nothing").is_empty());
    assert!(store.rules.reads_context(&doc, "viewer") && !store.rules.reads_context(&doc, "editor"));
    // What is not known is taken to read it.
    assert!(store.rules.reads_context(&doc, "nothing"));
}
