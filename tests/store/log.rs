//! The log: pages, stores, times.

use super::{Fixture, MAIN, OTHER, digest, numbered};
use behest::model::{Revision, Timestamp};
use behest::storage::{Event, LogEntry, TupleBatch};
use support::store::{Kind, at, key, model, record, tuple};

pub(crate) fn a_page_never_splits_an_entry(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store.apply(MAIN, numbered(0, 3), at(1)).unwrap();
    store.apply(MAIN, numbered(3, 5), at(2)).unwrap();
    for n in 0..40 {
        store.apply(MAIN, numbered(8 + n, 1), at(3)).unwrap();
    }
    let page = |after, limit| revisions(&store.changes(None, Revision(after), limit).unwrap());
    assert_eq!(page(0, 0), [0; 0]);
    assert_eq!(page(0, 1), [1]);
    assert_eq!(
        page(0, 2),
        [1, 2],
        "the creation counts one, and the first batch three"
    );
    assert_eq!(page(0, 4), [1, 2]);
    assert_eq!(page(0, 5), [1, 2, 3]);
    assert_eq!(page(2, 1), [3]);
    assert_eq!(page(3, 1000), (4..=43).collect::<Vec<_>>());
    assert_eq!(page(43, 1000), [0; 0]);
    assert_eq!(page(u64::MAX, 1000), [0; 0]);
}

pub(crate) fn the_log_of_one_store(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store.create_store(record(OTHER, "other"), at(1)).unwrap();
    store
        .apply(
            MAIN,
            TupleBatch::of_writes(vec![tuple("document:a#viewer@user:b")]),
            at(2),
        )
        .unwrap();
    store.apply(OTHER, numbered(0, 1), at(2)).unwrap();
    store.note_bundle(digest(1), at(3)).unwrap();
    let batch = TupleBatch {
        deletes: vec![key("document:a#viewer@user:b")],
        writes: vec![
            tuple("document:z#viewer@user:b"),
            tuple("document:c#viewer@user:b"),
        ],
        ..TupleBatch::default()
    };
    store.apply(MAIN, batch.clone(), at(4)).unwrap();
    let of_main = store.changes(Some(MAIN), Revision(1), 100).unwrap();
    assert_eq!(revisions(&of_main), [3, 6]);
    assert_eq!(
        of_main.last(),
        Some(&LogEntry {
            revision: Revision(6),
            at: at(4),
            event: Event::TuplesChanged {
                store: MAIN,
                deleted: batch.deletes,
                written: batch.writes
            },
        }),
        "the tuples of an entry stand in the order in which they were given"
    );
    assert_eq!(
        revisions(&store.changes(Some(OTHER), Revision(0), 1).unwrap()),
        [2]
    );
    assert_eq!(
        revisions(&store.changes(Some(OTHER), Revision(2), 9).unwrap()),
        [4]
    );
    assert_eq!(
        revisions(&store.changes(Some(OTHER), Revision(4), 9).unwrap()),
        [0; 0]
    );
}

pub(crate) fn a_bundle_is_noted_once(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    assert_eq!(store.note_bundle(digest(0xa7), at(1)).unwrap(), Revision(2));
    assert_eq!(store.note_bundle(digest(0xa7), at(2)).unwrap(), Revision(2));
    assert_eq!(store.note_bundle(digest(0), at(3)).unwrap(), Revision(3));
    assert_eq!(store.note_bundle(digest(0xa7), at(4)).unwrap(), Revision(4));
    let events: Vec<_> = store
        .changes(None, Revision(1), 9)
        .unwrap()
        .into_iter()
        .map(|c| c.event)
        .collect();
    assert_eq!(
        events,
        [digest(0xa7), digest(0), digest(0xa7)].map(Event::BundleLoaded)
    );
}

pub(crate) fn time_never_falls(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    for (n, second) in [10, 5, -100, 11].into_iter().enumerate() {
        store.apply(MAIN, numbered(n, 1), at(second)).unwrap();
    }
    let times: Vec<_> = store
        .changes(None, Revision(1), 99)
        .unwrap()
        .iter()
        .map(|change| change.at)
        .collect();
    assert_eq!(times, [at(10), at(10), at(10), at(11)]);
}

pub(crate) fn revisions_are_found_by_time(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    for (n, second) in [10, 10, 20, 30].into_iter().enumerate() {
        store.apply(MAIN, numbered(n, 1), at(second)).unwrap();
    }
    for (second, expected) in [
        (0, 0),
        (1, 1),
        (10, 1),
        (11, 3),
        (20, 3),
        (21, 4),
        (30, 4),
        (31, 5),
    ] {
        assert_eq!(
            store.revision_before(at(second)).unwrap(),
            Revision(expected),
            "before {second}"
        );
    }
    assert_eq!(
        store.revision_before(Timestamp(i64::MIN)).unwrap(),
        Revision(0)
    );
    assert_eq!(
        store.revision_before(Timestamp(i64::MAX)).unwrap(),
        Revision(5)
    );
}

pub(crate) fn a_page_of_models_is_bounded(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    let json = "x".repeat(10 * 1024);
    for bits in 0..3 {
        store.write_model(MAIN, model(bits, &json), at(1)).unwrap();
    }
    assert_eq!(
        revisions(&store.changes(None, Revision(1), 11).unwrap()),
        [2]
    );
    assert_eq!(
        revisions(&store.changes(None, Revision(1), 12).unwrap()),
        [2, 3]
    );
}

fn revisions(changes: &[LogEntry]) -> Vec<u64> {
    changes.iter().map(|change| change.revision.0).collect()
}
