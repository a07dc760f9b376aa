//! Tests of graph versions through the public functions: a version holds what was written to it.

use super::*;
use crate::model::TupleCondition;
use crate::relations::model::AuthorizationModel;
use std::collections::{BTreeMap, BTreeSet};

fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

fn tuple(text: &str) -> Tuple {
    key(text).into()
}

fn texts(tuples: impl IntoIterator<Item = Tuple>) -> Vec<String> {
    let mut texts: Vec<String> = tuples
        .into_iter()
        .map(|tuple| tuple.key.to_string())
        .collect();
    texts.sort();
    texts
}

#[test]
fn a_pinned_version_sees_no_later_write() {
    let empty = Graph::default();
    let one = empty
        .apply(&[], &[tuple("doc:1#viewer@user:a")], Revision(1))
        .unwrap();
    let two = one
        .apply(
            &[key("doc:1#viewer@user:a")],
            &[tuple("doc:1#viewer@user:*")],
            Revision(2),
        )
        .unwrap();
    assert_eq!(
        texts(empty.tuples(TupleOrigin::Store)),
        Vec::<String>::new()
    );
    assert_eq!(
        texts(one.tuples(TupleOrigin::Store)),
        ["doc:1#viewer@user:a"]
    );
    assert_eq!(
        texts(two.tuples(TupleOrigin::Store)),
        ["doc:1#viewer@user:*"]
    );
    assert_eq!(
        [empty.revision(), one.revision(), two.revision()],
        [Revision(0), Revision(1), Revision(2)]
    );
}

#[test]
fn the_layers_stand_side_by_side() {
    let graph = Graph::load([tuple("doc:1#viewer@user:a")], Revision(4)).unwrap();
    let graph = graph
        .with_bundle([tuple("doc:1#viewer@user:b")], Revision(4))
        .unwrap();
    assert_eq!(
        graph.origin_of(&key("doc:1#viewer@user:a")),
        Some(TupleOrigin::Store)
    );
    assert_eq!(
        graph.origin_of(&key("doc:1#viewer@user:b")),
        Some(TupleOrigin::Bundle)
    );
    assert_eq!(graph.origin_of(&key("doc:1#viewer@user:c")), None);
    assert_eq!(graph.origin_of(&key("doc:1#viewer@user:a#b")), None);
    let graph = graph.with_bundle([], Revision(4)).unwrap();
    assert_eq!((graph.bundle_len(), graph.stored_len()), (0, 1));
}

#[test]
fn tuples_are_missing_in_a_copy_alone_whichever_layer_holds_them() {
    let graph = Graph::load(
        [
            tuple("doc:1#viewer@user:a"),
            tuple("doc:2#viewer@team:t#member"),
        ],
        Revision(4),
    )
    .unwrap();
    let graph = graph
        .with_bundle(
            [
                tuple("doc:1#viewer@user:b"),
                tuple("doc:1#viewer@user:*"),
                tuple("doc:1#viewer@user:a"),
            ],
            Revision(4),
        )
        .unwrap();
    let before = [TupleOrigin::Bundle, TupleOrigin::Store].map(|at| texts(graph.tuples(at)));
    let rest = graph.without(&[
        key("doc:1#viewer@user:a"),
        key("doc:1#viewer@user:*"),
        key("doc:9#viewer@user:a"),
    ]);
    assert_eq!(
        texts(rest.tuples(TupleOrigin::Bundle)),
        ["doc:1#viewer@user:b"]
    );
    assert_eq!(
        texts(rest.tuples(TupleOrigin::Store)),
        ["doc:2#viewer@team:t#member"]
    );
    assert_eq!(rest.revision(), graph.revision());
    let after = [TupleOrigin::Bundle, TupleOrigin::Store].map(|at| texts(graph.tuples(at)));
    assert_eq!(after, before);
}

#[test]
fn both_directions_hold_the_same_tuples_after_any_history() {
    let users = [
        "user:a",
        "user:b",
        "user:*",
        "group:1#member",
        "group:2#member",
        "group:1",
    ];
    let (mut graph, mut wanted) = (Graph::default(), BTreeMap::new());
    for step in 0..2_000_u64 {
        let dice = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let at = |n: u64| usize::try_from((dice >> 8) % n).unwrap();
        let text = format!("doc:{}#r{}@{}", dice % 7, dice % 3, users[at(6)]);
        let condition = (at(5) == 0).then(|| {
            std::sync::Arc::new(TupleCondition {
                name: "c".into(),
                context: crate::model::Record::new(),
            })
        });
        graph = if dice % 4 == 0 {
            wanted.remove(&text);
            graph.apply(&[key(&text)], &[], Revision(step)).unwrap()
        } else {
            wanted.insert(text.clone(), condition.clone());
            graph
                .apply(
                    &[],
                    &[Tuple {
                        key: key(&text),
                        condition,
                    }],
                    Revision(step),
                )
                .unwrap()
        };
    }
    let found: BTreeMap<String, _> = graph
        .tuples(TupleOrigin::Store)
        .map(|tuple| (tuple.key.to_string(), tuple.condition))
        .collect();
    assert_eq!(found, wanted);
    for object in ["user:a", "group:1", "doc:3", "doc:nobody"] {
        let object: ObjectRef = object.parse().unwrap();
        let of = |is: &dyn Fn(&Tuple) -> bool| {
            texts(graph.tuples(TupleOrigin::Store).filter(|tuple| is(tuple)))
        };
        let names = |user: &TupleUser| match user {
            TupleUser::Object(own) | TupleUser::Userset { object: own, .. } => *own == object,
            TupleUser::Wildcard(_) => false,
        };
        assert_eq!(
            texts(graph.tuples_of(TupleOrigin::Store, &object, usize::MAX).0),
            of(&|tuple| names(&tuple.key.user))
        );
        assert_eq!(
            texts(graph.tuples_on(TupleOrigin::Store, &object, usize::MAX).0),
            of(&|tuple| tuple.key.object == object)
        );
    }
}

#[test]
fn objects_loaded_at_once_are_found_like_those_written_one_by_one() {
    let tuples: Vec<Tuple> = (0..3_000)
        .map(|at| tuple(&format!("doc:{}#viewer@user:{}", at % 700, at % 1_100)))
        .collect();
    let some = Graph::load(tuples.iter().take(1_000).cloned(), Revision(1)).unwrap();
    let both = some
        .with_bundle(tuples.iter().skip(900).cloned(), Revision(2))
        .unwrap();
    let all = Graph::load(tuples.iter().cloned(), Revision(1)).unwrap();
    let one_by_one = Graph::default().apply(&[], &tuples, Revision(1)).unwrap();
    assert_eq!(
        [
            both.objects_len(),
            all.objects_len(),
            one_by_one.objects_len()
        ],
        [1_800; 3]
    );
    for graph in [&both, &all, &one_by_one] {
        assert!(
            tuples
                .iter()
                .all(|tuple| graph.origin_of(&tuple.key).is_some())
        );
        assert_eq!(graph.origin_of(&key("doc:700#viewer@user:1")), None);
    }
    assert_eq!(
        texts(all.tuples(TupleOrigin::Store)),
        texts(one_by_one.tuples(TupleOrigin::Store))
    );
    let more = all
        .apply(&[], &[tuple("doc:699#viewer@user:new")], Revision(2))
        .unwrap();
    assert_eq!((all.objects_len(), more.objects_len()), (1_800, 1_801));
}

#[test]
fn a_kind_of_tuples_is_asked_about_once() {
    let of_kinds = [
        "doc:1#viewer@user:a",
        "doc:1#editor@user:a",
        "doc:1#viewer@user:*",
        "doc:1#viewer@group:a",
        "doc:1#viewer@group:a#member",
        "doc:1#viewer@group:a#owner",
        "folder:1#viewer@user:a",
    ];
    let condition = std::sync::Arc::new(TupleCondition {
        name: "c".into(),
        context: crate::model::Record::new(),
    });
    let mut tuples: Vec<Tuple> = of_kinds.map(tuple).into();
    tuples.push(Tuple {
        key: key("doc:1#viewer@user:b"),
        condition: Some(condition),
    });
    let again: Vec<Tuple> = tuples
        .iter()
        .filter(|tuple| tuple.key.object.kind() == "doc")
        .cloned()
        .collect();
    let again = again.into_iter().map(|mut tuple| {
        tuple.key.object = "doc:2".parse().unwrap();
        tuple
    });
    let graph = Graph::load(tuples.iter().cloned().chain(again), Revision(1)).unwrap();
    let mut asked = 0;
    let found = graph.tuples_of_kinds(TupleOrigin::Store, |tuple| {
        asked += 1;
        tuple.condition.is_some() || tuple.key.relation == "editor"
    });
    assert_eq!(
        texts(found),
        [
            "doc:1#editor@user:a",
            "doc:1#viewer@user:b",
            "doc:2#editor@user:a",
            "doc:2#viewer@user:b"
        ]
    );
    assert_eq!(asked, tuples.len());
}

#[test]
fn a_write_and_a_reader_name_a_row_alike() {
    let written = key("doc:1#viewer@group:1#member");
    let graph = Graph::load([Tuple::from(written.clone())], Revision(1)).unwrap();
    let mut view = View::new(&graph, &[]);
    let (doc, viewer) = (
        view.names().find("doc").unwrap(),
        view.names().find("viewer").unwrap(),
    );
    let object = view.object(doc, "1");
    let user = view.user(&written.user).unwrap();
    let [of_object, of_user] = RowHash::of_tuple(&written);
    assert_eq!(view.object_row_hash(object, viewer), of_object);
    assert_eq!(view.user_row_hash(user), of_user);
    // A row that nobody has written to yet has a hash too.
    let unknown = view.object(doc, "2");
    assert_eq!(
        view.object_row_hash(unknown, viewer),
        RowHash::of_tuple(&key("doc:2#viewer@user:x"))[0]
    );
}

#[test]
fn a_row_found_among_an_objects_is_the_row() {
    let few = (0..40).map(|at| format!("doc:few#r{}@user:{at}", at % 3));
    let many = (0..400).map(|at| format!("doc:many#r{}@group:{at}#member", at % 3));
    let own = [
        "doc:few#r1@user:own",
        "doc:many#r0@user:own",
        "doc:own#r2@user:1",
    ]
    .map(tuple);
    let graph = Graph::load(few.chain(many).map(|text| tuple(&text)), Revision(1)).unwrap();
    let graph = graph
        .with_bundle(
            ["doc:few#r0@user:b", "doc:bundle#r1@user:1"].map(tuple),
            Revision(1),
        )
        .unwrap();
    let mut view = View::new(&graph, &own);
    let kind = view.names().find("doc").unwrap();
    let relations = ["r0", "r1", "r2", "member"].map(|name| view.names().find(name).unwrap());
    for id in ["few", "many", "own", "bundle", "nobody"] {
        let object = view.object(kind, id);
        let rows = view.rows_of(object);
        for relation in relations {
            let users = |row: ObjectRow<'_>| row.all().map(|(user, _)| user).collect::<Vec<_>>();
            let (alone, among) = (users(view.row(object, relation)), users(rows.of(relation)));
            assert_eq!(alone, among, "{id}");
        }
    }
    let object = view.object(kind, "many");
    assert_eq!(view.rows_of(object).of(relations[0]).all().count(), 135);
}

#[test]
fn a_number_that_is_given_again_means_nothing_to_whoever_pinned_a_version_before() {
    let mut graph = Graph::default();
    let (mut stored, mut bundle) = (BTreeSet::new(), Vec::new());
    let (mut pinned, mut most) = (Vec::new(), 0);
    let mut dice = 5_u64;
    let mut below = |n: u64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % n
    };
    for step in 0..4_000_u64 {
        // Objects and users are ever new, and most soon go; some are known to both layers.
        let some = |below: &mut dyn FnMut(u64) -> u64| match below(4) {
            0 => format!("doc:{}#viewer@user:{}", below(4), below(4)),
            1 => format!("doc:{step}#viewer@group:{}#member", below(3)),
            2 => format!("group:{}#member@user:{step}", below(3)),
            _ => format!("doc:{}#viewer@user:*", below(6)),
        };
        let writes: Vec<Tuple> = (0..below(3)).map(|_| tuple(&some(&mut below))).collect();
        let mut deletes = Vec::new();
        while stored.len() + writes.len() > 12 + deletes.len() {
            let at = usize::try_from(below(stored.len() as u64)).unwrap();
            let text: &String = stored.iter().nth(at).unwrap();
            if !deletes.contains(&key(text)) && writes.iter().all(|tuple| tuple.key != key(text)) {
                deletes.push(key(text));
            } else {
                break;
            }
        }
        if below(10) == 0 {
            bundle = (0..below(5)).map(|_| some(&mut below)).collect::<Vec<_>>();
            bundle.sort();
            bundle.dedup();
            graph = graph
                .with_bundle(bundle.iter().map(|text| tuple(text)), Revision(step))
                .unwrap();
        }
        graph = graph.apply(&deletes, &writes, Revision(step)).unwrap();
        stored.retain(|text| !deletes.contains(&key(text)));
        stored.extend(writes.iter().map(|tuple| tuple.key.to_string()));
        if step % 50 == 0 {
            pinned.push((graph.clone(), stored.clone(), bundle.clone()));
        }
        // Exactly the objects that tuples name have numbers, and the numbers do not grow with those
        // that have gone.
        let keys = stored.iter().chain(&bundle).map(|text| key(text));
        let named: BTreeSet<String> = keys
            .flat_map(|key| {
                let user = key.user.to_string();
                [
                    key.object.to_string(),
                    user.split('#').next().unwrap().to_owned(),
                ]
            })
            .collect();
        assert_eq!(graph.objects_len() as usize, named.len(), "step {step}");
        for text in named.iter().filter(|text| !text.ends_with('*')) {
            let object: ObjectRef = text.parse().unwrap();
            most = most.max(graph.find_object(&graph.names().now(), &object).unwrap().0);
            assert!(graph.speaks_of(&object));
        }
    }
    assert!(most < 100, "numbers up to {most}");
    for (graph, stored, bundle) in pinned {
        assert_eq!(
            texts(graph.tuples(TupleOrigin::Store)),
            stored.iter().cloned().collect::<Vec<_>>()
        );
        assert_eq!(texts(graph.tuples(TupleOrigin::Bundle)), bundle);
        for text in &stored {
            assert!(
                graph.tuple(TupleOrigin::Store, &key(text)).is_some(),
                "{text}"
            );
        }
        assert_eq!(
            graph.tuple(TupleOrigin::Store, &key("doc:none#viewer@user:0")),
            None
        );
    }
}

#[test]
fn a_graph_made_anew_has_the_same_tuples_and_only_the_names_in_use() {
    let mut graph = Graph::load(
        (0..50).map(|at| tuple(&format!("doc:{at}#r{at}@user:u"))),
        Revision(3),
    )
    .unwrap();
    graph = graph
        .with_bundle([tuple("team:t#member@user:b")], Revision(4))
        .unwrap();
    graph = graph
        .apply(
            &(1..50)
                .map(|at| key(&format!("doc:{at}#r{at}@user:u")))
                .collect::<Vec<_>>(),
            &[],
            Revision(5),
        )
        .unwrap();
    let json = serde_json::json!({
        "schema_version": "1.1",
        "type_definitions": [{ "type": "user" }, { "type": "folder" }],
    });
    let model = crate::relations::model::from_json(&json).unwrap();
    let model = AuthorizationModel::new(model).unwrap();
    let renewed = graph.renewed(&model).unwrap();
    for origin in [TupleOrigin::Bundle, TupleOrigin::Store] {
        assert_eq!(texts(renewed.tuples(origin)), texts(graph.tuples(origin)));
    }
    assert_eq!(
        (renewed.revision(), renewed.shares_names_with(&graph)),
        (Revision(5), false)
    );
    let names = renewed.names().now();
    let known = |name: &&&str| names.find(name).is_some();
    let all = ["doc", "user", "r0", "r1", "r49", "team", "member", "folder"];
    assert_eq!(
        all.iter().filter(known).count(),
        6,
        "all but those of tuples that have gone"
    );
    assert!(renewed.has_room_for(&model));
    let later = renewed
        .apply(&[], &[tuple("doc:1#r1@user:u")], Revision(6))
        .unwrap();
    assert!(
        later.shares_names_with(&renewed)
            && later.origin_of(&key("doc:1#r1@user:u")) == Some(TupleOrigin::Store)
    );
}
