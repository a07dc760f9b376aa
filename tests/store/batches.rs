//! Batches of tuples: preconditions, atomicity, values.

use super::{Fixture, MAIN, OTHER, numbered};
use behest::model::{Number, Record, Revision, Tuple, TupleCondition, Value};
use behest::storage::{BatchOutcome, Event, OnDuplicate, OnMissing, TupleBatch, TupleStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use support::store::{Kind, State, at, conditional, key, record, tuple};

const A: &str = "document:a#viewer@user:anne";
const B: &str = "document:b#viewer@user:*";
const C: &str = "document:c#viewer@team:sre#member";

pub(crate) fn what_exists_and_what_does_not(kind: Kind) {
    const EXISTS: &str = "`document:a#viewer@user:anne` exists already: leave it out, or say by `writes.on_duplicate` \
         what is to be done: `error` (the default), `ignore` or `replace`";
    const MISSING: &str = "`document:b#viewer@user:*` does not exist: leave it out, or say by `deletes.on_missing` what \
         is to be done: `error` (the default) or `ignore`";
    const OTHERWISE: &str = "`document:a#viewer@user:anne` exists already with another condition or context: replace it by \
                             `writes.on_duplicate: \"replace\"`, or leave it out";
    const DIFFERS: &str = "`document:a#viewer@user:anne` exists with another condition or context, so it is no duplicate to \
                           ignore: replace it by `writes.on_duplicate: \"replace\"`, or delete it first";
    // What exists, what is written over it, and the refusal with duplicates ignored; without, it
    // always exists.
    for (old, new, ignoring) in [
        (tuple(A), tuple(A), None),
        (conditional(A, "until", 5), conditional(A, "until", 5), None),
        (tuple(A), conditional(A, "until", 5), Some(DIFFERS)),
        (conditional(A, "until", 5), tuple(A), Some(DIFFERS)),
        (
            conditional(A, "until", 5),
            conditional(A, "until", 6),
            Some(DIFFERS),
        ),
        (
            conditional(A, "until", 5),
            conditional(A, "from", 5),
            Some(DIFFERS),
        ),
    ] {
        let exists = if ignoring.is_some() {
            OTHERWISE
        } else {
            EXISTS
        };
        let Fixture { store, dir: _dir } = Fixture::new(kind);
        store
            .apply(MAIN, TupleBatch::of_writes(vec![old.clone()]), at(1))
            .unwrap();
        for (on_duplicate, expected) in [
            (OnDuplicate::Error, Some(exists)),
            (OnDuplicate::Ignore, ignoring),
        ] {
            let batch = TupleBatch {
                on_duplicate,
                ..TupleBatch::of_writes(vec![new.clone()])
            };
            let refused = store
                .apply(MAIN, batch, at(2))
                .err()
                .map(|error| error.to_string());
            assert_eq!(refused.as_deref(), expected, "{new:?} over {old:?}");
        }
        for (on_missing, expected) in [(OnMissing::Error, Some(MISSING)), (OnMissing::Ignore, None)]
        {
            let batch = TupleBatch {
                on_missing,
                ..TupleBatch::of_deletes(vec![key(B)])
            };
            let refused = store
                .apply(MAIN, batch, at(2))
                .err()
                .map(|error| error.to_string());
            assert_eq!(refused.as_deref(), expected);
        }
        assert_eq!(
            tuples(&*store),
            [old],
            "the tuple that existed stays as it was"
        );
        assert_eq!(store.revision().unwrap(), Revision(2));
        // A delete asks for no condition.
        store
            .apply(MAIN, TupleBatch::of_deletes(vec![key(A)]), at(3))
            .unwrap();
        assert_eq!(tuples(&*store), []);
    }
}

pub(crate) fn what_differs_is_replaced_in_one_revision(kind: Kind) {
    let replacing = |writes| TupleBatch {
        on_duplicate: OnDuplicate::Replace,
        ..TupleBatch::of_writes(writes)
    };
    for (old, new) in [
        (tuple(A), conditional(A, "until", 5)),
        (conditional(A, "until", 5), tuple(A)),
        (conditional(A, "until", 5), conditional(A, "until", 6)),
        (conditional(A, "until", 5), conditional(A, "from", 5)),
    ] {
        let Fixture { store, dir } = Fixture::new(kind);
        store
            .apply(MAIN, TupleBatch::of_writes(vec![old, tuple(C)]), at(1))
            .unwrap();
        let applied = store
            .apply(
                MAIN,
                replacing(vec![tuple(B), new.clone(), tuple(C)]),
                at(2),
            )
            .unwrap();
        // What is equal is skipped, and keeps the time of its write.
        let written = vec![tuple(B), new.clone()];
        assert_eq!(
            applied,
            BatchOutcome {
                revision: Revision(3),
                deleted: vec![key(A)],
                written: written.clone()
            }
        );
        assert_eq!(tuples(&*store), [new, tuple(B), tuple(C)]);
        let times = store.written_at(MAIN, &[key(A), key(C)]).unwrap();
        assert_eq!(times, [Some(at(2)), Some(at(1))]);
        let log = store.changes(None, Revision(2), 9).unwrap();
        let event = Event::TuplesChanged {
            store: MAIN,
            deleted: vec![key(A)],
            written,
        };
        assert_eq!(
            log.into_iter()
                .map(|change| change.event)
                .collect::<Vec<_>>(),
            [event]
        );
        assert!(
            !store
                .apply(MAIN, replacing(vec![tuple(B), tuple(C)]), at(3))
                .unwrap()
                .is_change()
        );
        assert_eq!(
            State::replay(&*store, 1).unwrap(),
            State::read(&*store).unwrap()
        );
        let before = State::read(&*store).unwrap();
        drop(store);
        if kind.is_durable() {
            assert_eq!(
                State::read(&*kind.open(dir.path()).unwrap()).unwrap(),
                before
            );
        }
    }
}

pub(crate) fn a_refused_batch_leaves_nothing(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store
        .apply(MAIN, TupleBatch::of_writes(vec![tuple(A), tuple(B)]), at(1))
        .unwrap();
    let batch = TupleBatch {
        deletes: vec![key(A)],
        writes: vec![tuple(C), tuple(B)],
        on_missing: OnMissing::Ignore,
        ..TupleBatch::default()
    };
    assert!(store.apply(MAIN, batch, at(2)).is_err());
    assert_eq!(tuples(&*store), [tuple(A), tuple(B)]);
    assert_eq!(store.revision().unwrap(), Revision(2));
    assert_eq!(store.changes(None, Revision(2), 10).unwrap(), []);
}

pub(crate) fn a_skipped_tuple_leaves_no_trace(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store
        .apply(MAIN, TupleBatch::of_writes(vec![tuple(A)]), at(1))
        .unwrap();
    let ignoring = |deletes, writes| TupleBatch {
        deletes,
        writes,
        on_duplicate: OnDuplicate::Ignore,
        on_missing: OnMissing::Ignore,
    };
    let applied = store
        .apply(
            MAIN,
            ignoring(vec![key(B)], vec![tuple(A), tuple(C)]),
            at(2),
        )
        .unwrap();
    assert_eq!(
        applied,
        BatchOutcome {
            revision: Revision(3),
            deleted: vec![],
            written: vec![tuple(C)]
        }
    );
    let applied = store
        .apply(
            MAIN,
            ignoring(vec![key(B)], vec![tuple(A), tuple(C)]),
            at(3),
        )
        .unwrap();
    assert_eq!(
        applied,
        BatchOutcome {
            revision: Revision(3),
            deleted: vec![],
            written: vec![]
        }
    );
    assert!(!applied.is_change());
    assert_eq!(
        store
            .apply(MAIN, TupleBatch::default(), at(3))
            .unwrap()
            .revision,
        Revision(3)
    );
    assert_eq!(store.changes(None, Revision(2), 10).unwrap().len(), 1);
}

pub(crate) fn no_tuple_is_named_twice(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store
        .apply(MAIN, TupleBatch::of_writes(vec![tuple(A)]), at(1))
        .unwrap();
    for (deletes, writes) in [
        (vec![], vec![tuple(B), conditional(B, "until", 5)]),
        (vec![key(A), key(A)], vec![]),
        (vec![key(A)], vec![tuple(A)]),
    ] {
        let (on_duplicate, on_missing) = (OnDuplicate::Ignore, OnMissing::Ignore);
        let refused = store
            .apply(
                MAIN,
                TupleBatch {
                    deletes,
                    writes,
                    on_duplicate,
                    on_missing,
                },
                at(2),
            )
            .unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("` occurs twice in one batch: name each tuple once"),
            "{refused}"
        );
    }
    assert_eq!(tuples(&*store), [tuple(A)]);
}

pub(crate) fn conditions_keep_their_values(kind: Kind) {
    let Fixture { store, dir } = Fixture::new(kind);
    let list = Value::List(vec![
        Value::Null,
        Value::from(true),
        Value::text("é\0"),
        Value::List(vec![]),
    ]);
    let number = |digits| Value::Number(Number::parse(digits).unwrap());
    let context: Record = [
        ("list".into(), list),
        ("exact".into(), number("9007199254740993")),
        ("spelled".into(), number("-1.50E+3")),
        (
            "inner".into(),
            Value::Record([("".into(), Value::from(false))].into_iter().collect()),
        ),
    ]
    .into_iter()
    .collect();
    let condition = |context| {
        Some(Arc::new(TupleCondition {
            name: "within".into(),
            context,
        }))
    };
    // A condition without values is not the same as no condition.
    let written = vec![
        Tuple {
            key: key(A),
            condition: condition(context),
        },
        Tuple {
            key: key(B),
            condition: condition(Record::new()),
        },
        tuple(C),
    ];
    store
        .apply(MAIN, TupleBatch::of_writes(written.clone()), at(1))
        .unwrap();
    assert_eq!(tuples(&*store), written);
    if kind.is_durable() {
        let Fixture { store, dir: _dir } = Fixture { store, dir }.reopened(kind);
        assert_eq!(tuples(&*store), written);
    }
}

pub(crate) fn a_context_that_nests_too_deep_is_refused(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    let mut value = Value::Null;
    for _ in 0..128 {
        value = Value::List(vec![value]);
    }
    let context = [("deep".into(), value)].into_iter().collect();
    let condition = Some(Arc::new(TupleCondition {
        name: "within".into(),
        context,
    }));
    let refused = store.apply(
        MAIN,
        TupleBatch::of_writes(vec![
            tuple(B),
            Tuple {
                key: key(A),
                condition,
            },
        ]),
        at(1),
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the context of `document:a#viewer@user:anne` nests deeper than 128 levels: make it flatter"
    );
    assert_eq!(tuples(&*store), []);
}

pub(crate) fn a_batch_may_be_large(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    // More than one page of rows, and one row more than whole pages.
    for (first, count) in [(0, 8192), (8192, 1)] {
        store.apply(MAIN, numbered(first, count), at(1)).unwrap();
        assert_eq!(tuples(&*store).len(), first + count);
    }
    assert_eq!(
        State::replay(&*store, 100).unwrap(),
        State::read(&*store).unwrap()
    );
    store.delete_store(MAIN, at(2)).unwrap();
    assert!(State::read(&*store).unwrap().tenants.is_empty());
}

pub(crate) fn stores_do_not_mix(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store.create_store(record(OTHER, "other"), at(1)).unwrap();
    store
        .apply(MAIN, TupleBatch::of_writes(vec![tuple(A)]), at(1))
        .unwrap();
    store
        .apply(
            OTHER,
            TupleBatch::of_writes(vec![tuple(A), tuple(B)]),
            at(1),
        )
        .unwrap();
    store
        .apply(OTHER, TupleBatch::of_deletes(vec![key(A)]), at(1))
        .unwrap();
    let state = State::read(&*store).unwrap();
    assert!(state.tenants[&MAIN].tuples.keys().eq([&key(A)]));
    assert!(state.tenants[&OTHER].tuples.keys().eq([&key(B)]));
}

pub(crate) fn writers_take_turns(kind: Kind) {
    const WRITERS: usize = 4;
    const BATCHES: usize = 20;
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    let revisions: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    let batches = (0..BATCHES).map(|n| numbered((writer * BATCHES + n) * 3, 3));
                    batches
                        .map(|batch| store.apply(MAIN, batch, at(1)).unwrap().revision.0)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    let distinct: BTreeSet<u64> = revisions.iter().copied().collect();
    assert!(
        distinct
            .iter()
            .copied()
            .eq(2..=1 + (WRITERS * BATCHES) as u64),
        "{distinct:?}"
    );
    assert_eq!(
        State::replay(&*store, 7).unwrap(),
        State::read(&*store).unwrap()
    );
}

fn tuples(store: &dyn TupleStore) -> Vec<Tuple> {
    State::read(store).unwrap().tenants[&MAIN]
        .tuples
        .values()
        .cloned()
        .collect()
}
