//! What answers carry beside their yes or no.

use super::store::{DOCS, EMPTY, Store, model, object, texts, user};
use behest::model::{ModelType, Record, Revision, Tuple, TupleCondition, TupleUser, Value};
use behest::relations::{
    Expansion, ExpansionNode, Failure, Graph, ListResult, ListTruncation, Membership, ReaderTerms,
    RelationFault, RelationLimits, RelationReader, Rules, UserFilter,
};
use std::ops::ControlFlow;
use std::sync::Arc;

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
    let path = [
        "folder:b#parent@folder:a",
        "folder:a#viewer@group:staff#member",
        "group:staff#member@group:ops#member",
    ];
    assert_eq!(
        store.witness("folder:b#viewer@user:ann").unwrap(),
        [&path[..], &["group:ops#member@user:ann"]].concat()
    );
    // What showed that she would be an editor, and that she is blocked, is left out.
    assert_eq!(
        store.witness("doc:plan#viewer@user:ann").unwrap(),
        ["doc:plan#owner@user:ann"]
    );
    assert_eq!(
        store.witness("doc:memo#viewer@user:bob").unwrap(),
        ["doc:memo#editor@user:*"]
    );
    assert_eq!(
        store.witness("doc:plan#auditor@user:ann").unwrap(),
        ["doc:plan#owner@user:ann", "doc:plan#owner@user:ann"]
    );
    assert_eq!(
        store.witness("group:ops#member@group:ops#member").unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(store.witness("doc:plan#owner@user:bob"), None);
}

const SHARED: &str = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    \
    define member: [user, user with small, group#member]\ntype doc\n  relations\n    \
    define owner: [user with small, group#member with small]\n    define blocked: [user with small]\n    \
    define parent: [doc with small]\n    define viewer: owner or viewer from parent\n    \
    define editor: owner but not blocked\n    define keeper: [user]\n    \
    define reviewer: editor and keeper\ncondition small(amount: int, most: int) {\n  \
    amount <= most\n}\n";

/// Returns the tuples that a check says would have counted, each with why it does not.
fn unmet(tuples: &[(&str, Option<i64>)], key: &str, amount: &str) -> Vec<String> {
    let tuples = tuples.iter().map(|(key, most)| Tuple {
        key: key.parse().unwrap(),
        condition: most.map(|most| {
            let most = ("most".into(), Value::from(most));
            Arc::new(TupleCondition {
                name: "small".into(),
                context: Record::from_iter([most]),
            })
        }),
    });
    let graph = Graph::load(tuples, Revision(1)).unwrap();
    let rules = Rules::compile(&model(SHARED), &graph).unwrap();
    let context = context_of(amount);
    let terms = ReaderTerms {
        witness: true,
        ..ReaderTerms::new(&context)
    };
    let mut reader = RelationReader::new(&graph, &rules, terms).unwrap();
    let _answer = reader.check(&key.parse().unwrap());
    let unmet = reader.take_unmet();
    assert_eq!(reader.take_unmet(), [], "they are taken once");
    for tuple in &unmet {
        let names: Vec<&str> = tuple.parameters.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["amount", "most"]);
        assert_eq!(tuple.condition.name, "small");
    }
    let told = unmet.iter().map(|tuple| match &tuple.error {
        None => tuple.tuple.to_string(),
        Some(error) => format!("{}: {error}", tuple.tuple),
    });
    told.collect()
}

/// Returns a context with a number, or an empty one.
fn context_of(amount: &str) -> Record {
    let amount = amount.parse::<i64>().ok();
    amount
        .map(|amount| ("amount".into(), Value::from(amount)))
        .into_iter()
        .collect()
}

#[test]
fn a_tuple_whose_condition_is_false_is_told_if_it_would_have_counted() {
    let tuples = [
        ("doc:a#owner@user:ann", Some(10)),
        ("doc:a#owner@group:staff#member", Some(20)),
        ("doc:a#owner@group:other#member", Some(20)),
        ("doc:a#parent@doc:b", Some(5)),
        ("doc:b#owner@group:ops#member", Some(7)),
        ("group:staff#member@user:ann", None),
        ("group:other#member@user:bob", None),
        ("group:ops#member@user:ann", Some(6)),
        ("group:ops#member@user:cid", Some(1)),
    ];
    assert_eq!(
        unmet(&tuples, "doc:a#viewer@user:ann", "50"),
        [
            "doc:a#parent@doc:b",
            "doc:b#owner@group:ops#member",
            "group:ops#member@user:ann",
            "doc:a#owner@user:ann",
            "doc:a#owner@group:staff#member",
        ],
        "the group of others, and what is another's, would not have"
    );
    assert_eq!(
        unmet(&tuples, "doc:a#viewer@user:ann", "15"),
        [""; 0],
        "it holds"
    );
    assert_eq!(unmet(&tuples, "doc:a#owner@user:dan", "50"), [""; 0]);
    let circle = [
        ("doc:a#parent@doc:b", Some(5)),
        ("doc:b#parent@doc:a", Some(5)),
    ];
    assert_eq!(unmet(&circle, "doc:a#viewer@user:ann", "50"), [""; 0]);
    let missing = "condition `small` has no value for `amount`: store it in the context of the \
                   tuple's condition, or send it in the request's `context`";
    assert_eq!(
        unmet(&tuples[..1], "doc:a#viewer@user:ann", ""),
        [format!("doc:a#owner@user:ann: {missing}")]
    );
}

#[test]
fn what_would_have_taken_a_relation_away_is_not_told() {
    let tuples = [
        ("doc:a#owner@user:ann", Some(10)),
        ("doc:a#blocked@user:ann", Some(5)),
    ];
    assert_eq!(unmet(&tuples, "doc:a#reviewer@user:ann", "7"), [""; 0]);
    assert_eq!(unmet(&tuples, "doc:a#editor@user:ann", "7"), [""; 0]);
    assert_eq!(
        unmet(&tuples, "doc:a#editor@user:ann", "50"),
        ["doc:a#owner@user:ann"]
    );
    assert_eq!(
        unmet(&tuples, "doc:a#editor@user:ann", "3"),
        [""; 0],
        "blocked"
    );
}

#[test]
fn the_tuples_that_are_told_are_few_and_none_without_a_witness() {
    let groups: Vec<(String, String)> = (0..100)
        .map(|at| {
            (
                format!("doc:a#owner@group:g{at}#member"),
                format!("group:g{at}#member@user:ann"),
            )
        })
        .collect();
    let tuples: Vec<(&str, Option<i64>)> = groups
        .iter()
        .flat_map(|(owner, member)| [(owner.as_str(), Some(1)), (member.as_str(), None)])
        .collect();
    assert_eq!(unmet(&tuples, "doc:a#owner@user:ann", "50").len(), 8);
    assert_eq!(unmet(&tuples, "doc:a#owner@user:bob", "50"), [""; 0]);
    let (ending, no_witness) = (
        ("until".into(), Value::from("2000")),
        ReaderTerms::new(&EMPTY),
    );
    let condition = TupleCondition {
        name: "until".into(),
        context: Record::from_iter([ending]),
    };
    let store = Store::docs(&[]);
    let tuple = Tuple {
        key: "doc:1#viewer@user:ann".parse().unwrap(),
        condition: Some(Arc::new(condition)),
    };
    let contextual = [tuple];
    let mut reader = store.reader(ReaderTerms {
        contextual: &contextual,
        ..no_witness
    });
    let _answer = reader.check(&"doc:1#viewer@user:ann".parse().unwrap());
    assert_eq!(reader.take_unmet(), []);
}

#[test]
fn a_list_with_as_many_results_as_wanted_is_complete_and_one_more_cuts_it() {
    let store = Store::docs(&[
        "doc:1#owner@user:ann",
        "doc:2#owner@user:ann",
        "doc:2#owner@user:bob",
    ]);
    let mut reader = store.reader(ReaderTerms::new(&EMPTY));
    let mut objects = |max| {
        reader
            .list_objects(&user("user:ann"), "viewer", "doc", max)
            .unwrap()
    };
    assert_eq!(
        (texts(&objects(2)), objects(2).cut),
        (vec!["doc:1".into(), "doc:2".into()], None)
    );
    assert_eq!(
        (objects(1).found.len(), objects(1).cut),
        (1, Some(ListTruncation::Results))
    );
    assert_eq!(
        objects(0),
        ListResult {
            found: Vec::new(),
            cut: Some(ListTruncation::Results)
        }
    );
    let filter = UserFilter {
        kind: "user".into(),
        relation: None,
    };
    let mut users = |max| {
        reader
            .list_users(&object("doc:2"), "viewer", &filter, max)
            .unwrap()
    };
    assert_eq!(
        (texts(&users(2)), users(2).cut),
        (vec!["user:ann".into(), "user:bob".into()], None)
    );
    assert_eq!(users(1).cut, Some(ListTruncation::Results));
    let mut seen = 0;
    let cut = reader.stream_objects(&user("user:ann"), "viewer", "doc", &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((seen, cut), (1, Ok(Some(ListTruncation::Results))));
}

#[test]
fn the_tuples_of_the_request_count_for_it_alone() {
    let store = Store::docs(&["group:ops#member@user:ann"]);
    let own = [
        "folder:new#viewer@group:ops#member",
        "doc:new#parent@folder:new",
    ]
    .map(|key| Tuple::from(key.parse::<behest::model::TupleKey>().unwrap()));
    let mut reader = store.reader(ReaderTerms {
        contextual: &own,
        witness: true,
        ..ReaderTerms::new(&EMPTY)
    });
    let Ok(Membership::Holds(path)) = reader.check(&"doc:new#viewer@user:ann".parse().unwrap())
    else {
        panic!()
    };
    assert_eq!(path.len(), 3);
    assert_eq!(
        texts(
            &reader
                .list_objects(&user("user:ann"), "viewer", "doc", 9)
                .unwrap()
        ),
        ["doc:new"]
    );
    assert_eq!(reader.revision(), Revision(7));
    assert_eq!(
        store.check("doc:new#viewer@user:ann", RelationLimits::default()),
        Ok(false)
    );
}

#[test]
fn a_tuple_of_the_request_stands_for_the_one_of_its_key() {
    let text = DOCS.replace(
        "group#member]\n    define editor",
        "group#member, user:*, group#member with until]\n    define editor",
    );
    let stored = [
        "doc:1#owner@user:ann",
        "doc:1#blocked@group:g#member",
        "doc:1#blocked@user:*",
        "group:g#member@user:ann",
    ];
    let store = Store::new(&text, stored.iter().map(ToString::to_string));
    let until = |key: &str, end: &str| {
        let context = [
            ("end".into(), Value::text(end)),
            ("now".into(), Value::text("2026-06-01T00:00:00Z")),
        ];
        let condition = TupleCondition {
            name: "until".into(),
            context: context.into_iter().collect(),
        };
        Tuple {
            key: key.parse().unwrap(),
            condition: Some(Arc::new(condition)),
        }
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
        (
            vec![until(group, over), until("doc:1#blocked@user:*", over)],
            "doc:1#blocked@user:ann",
            false,
        ),
        (vec![until(group, over)], group, false),
    ] {
        let mut reader = store.reader(ReaderTerms {
            contextual: &own,
            ..ReaderTerms::new(&EMPTY)
        });
        let holds = reader.check(&key.parse().unwrap()).unwrap().holds();
        // Of everyone the model allows no condition: such a tuple counts for nothing, and hides the
        // stored one.
        assert_eq!(holds, expected, "{key} {own:?}");
        let TupleKeyParts {
            user: who,
            relation,
            object,
        } = parts(key);
        let listed = reader.list_objects(&who, &relation, "doc", 9).unwrap();
        assert_eq!(
            texts(&listed) == [object.clone()],
            expected,
            "{key} {own:?}"
        );
    }
}

struct TupleKeyParts {
    user: TupleUser,
    relation: String,
    object: String,
}

fn parts(key: &str) -> TupleKeyParts {
    let key: behest::model::TupleKey = key.parse().unwrap();
    TupleKeyParts {
        user: key.user,
        relation: key.relation.to_string(),
        object: key.object.to_string(),
    }
}

#[test]
fn readers_see_one_revision_whole_while_writes_go_on() {
    let store = Store::docs(&[]);
    let live = arc_swap::ArcSwap::from_pointee(store.graph.clone());
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let both = ["doc:1#owner@user:ann", "doc:2#owner@user:ann"]
        .map(|key| key.parse::<behest::model::TupleKey>().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for revision in 8..2_000 {
                let tuples = both.clone().map(Tuple::from);
                let (deletes, writes) = if revision % 2 == 0 {
                    (&both[..0], &tuples[..])
                } else {
                    (&both[..], &tuples[..0])
                };
                live.store(Arc::new(
                    live.load()
                        .apply(deletes, writes, Revision(revision))
                        .unwrap(),
                ));
            }
            is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
            let graph = live.load_full();
            let mut reader =
                RelationReader::new(&graph, &store.rules, ReaderTerms::new(&EMPTY)).unwrap();
            let wanted = graph.revision() != Revision(7) && graph.revision().0 % 2 == 0;
            for answer in reader.check_all(&both) {
                assert_eq!(answer.map(|answer| answer.holds()), Ok(wanted));
            }
            let listed = reader
                .list_objects(&user("user:ann"), "viewer", "doc", 9)
                .unwrap();
            assert_eq!(listed.found.len(), if wanted { 2 } else { 0 });
        }
    });
}

#[test]
fn the_values_of_a_tuple_win_over_those_of_the_request() {
    let key = "doc:1#owner@user:ann".parse().unwrap();
    let stored = Record::from_iter([("end".into(), Value::from("2026-10-01T00:00:00Z"))]);
    let condition = Some(Arc::new(TupleCondition {
        name: "until".into(),
        context: stored,
    }));
    let graph = Graph::load([Tuple { key, condition }], Revision(1)).unwrap();
    let rules = Rules::compile(&model(DOCS), &graph).unwrap();
    let check = |context: &[(&str, &str)]| {
        let context = context
            .iter()
            .map(|(name, value)| ((*name).into(), Value::from(*value)))
            .collect();
        let answer = RelationReader::new(&graph, &rules, ReaderTerms::new(&context))
            .unwrap()
            .check(&"doc:1#owner@user:ann".parse().unwrap());
        answer
            .map(|answer| answer.holds())
            .map_err(|failure| failure.to_string())
    };
    assert_eq!(check(&[("now", "2026-09-30T00:00:00Z")]), Ok(true));
    assert_eq!(
        check(&[
            ("now", "2026-10-02T00:00:00Z"),
            ("end", "2027-01-01T00:00:00Z")
        ]),
        Ok(false)
    );
    assert_eq!(
        check(&[]),
        Err(
            "condition `until` has no value for `now`: store it in the context of \
         the tuple's condition, or send it in the request's `context`"
                .into()
        )
    );
}

#[test]
fn an_expansion_shows_one_level() {
    let store = Store::docs(&[
        "doc:1#parent@folder:a",
        "doc:1#editor@user:ann",
        "doc:1#editor@user:*",
        "doc:1#editor@group:x#member",
    ]);
    let expansion = store
        .reader(ReaderTerms::new(&EMPTY))
        .expand(&object("doc:1"), "viewer")
        .unwrap();
    let node = |name: &str, node| Expansion {
        name: name.into(),
        node,
    };
    let wanted = ExpansionNode::Union(vec![
        node(
            "doc:1#viewer",
            ExpansionNode::Computed("doc:1#editor".into()),
        ),
        node(
            "doc:1#viewer",
            ExpansionNode::Computed("doc:1#owner".into()),
        ),
        node(
            "doc:1#viewer",
            ExpansionNode::FromTupleset {
                tupleset: "doc:1#parent".into(),
                computed: vec!["folder:a#viewer".into()],
            },
        ),
    ]);
    assert_eq!(expansion, node("doc:1#viewer", wanted));
    let expansion = store
        .reader(ReaderTerms::new(&EMPTY))
        .expand(&object("doc:1"), "editor")
        .unwrap();
    let ExpansionNode::Difference { base, .. } = expansion.node else {
        panic!()
    };
    assert_eq!(
        base.node,
        ExpansionNode::Users(vec![user("user:ann"), user("user:*")])
    );
}

#[test]
fn what_the_model_does_not_define_is_an_error_of_the_question() {
    let store = Store::docs(&[]);
    for (key, message) in [
        ("page:1#viewer@user:ann", "the model defines no type `page`"),
        (
            "doc:1#reader@user:ann",
            "the model defines no relation `reader` of type `doc`",
        ),
        ("doc:1#viewer@robot:r", "the model defines no type `robot`"),
        (
            "doc:1#viewer@group:g#owner",
            "the model defines no relation `owner` of type `group`",
        ),
    ] {
        let failure = store.check(key, RelationLimits::default()).unwrap_err();
        assert!(matches!(failure, Failure::Error(_)), "{key}");
        assert_eq!(failure.to_string(), message);
    }
}

#[test]
fn rules_of_one_store_are_refused_in_another() {
    let (one, other) = (Store::docs(&[]), Store::docs(&[]));
    let refused =
        RelationReader::new(&one.graph, &other.rules, ReaderTerms::new(&EMPTY)).unwrap_err();
    assert_eq!(refused, RelationFault::ForeignRules);
    // A model may be newer than the version of the tuples that a reader has pinned.
    let text =
        "model\n  schema 1.1\ntype user\ntype note\n  relations\n    define reader: [user]\n";
    let newer = Rules::compile(&model(text), &one.graph).unwrap();
    let terms = ReaderTerms::new(&EMPTY);
    let answer = RelationReader::new(&one.graph, &newer, terms)
        .unwrap()
        .check(&"note:1#reader@user:ann".parse().unwrap());
    assert_eq!(answer, Ok(Membership::Lacks));
}

#[test]
fn the_conditions_on_which_a_relation_can_depend_are_known() {
    let store = Store::docs(&[]);
    let doc = ModelType::new("doc");
    assert_eq!(
        Vec::from_iter(store.rules.conditions_of(&doc, "viewer")),
        ["until"]
    );
    assert!(store.rules.conditions_of(&doc, "editor").is_empty());
    assert!(store.rules.conditions_of(&doc, "nothing").is_empty());
    assert!(
        store.rules.reads_context(&doc, "viewer") && !store.rules.reads_context(&doc, "editor")
    );
    // What is not known is taken to read it.
    assert!(store.rules.reads_context(&doc, "nothing"));
}
