//! Tuples in pages, with the times of their writes.

use crate::{Fixture, MAIN, OTHER};
use behest::model::{Timestamp, TupleKey};
use behest::storage::{OnDuplicate, StoreError, TupleBatch, TupleStore};
use support::store::{Kind, at, record, tuple};

fn write(store: &dyn TupleStore, texts: &[&str], at: Timestamp) {
    let writes = texts.iter().map(|text| tuple(text)).collect();
    let batch = TupleBatch {
        on_duplicate: OnDuplicate::Ignore,
        ..TupleBatch::of_writes(writes)
    };
    store.apply(MAIN, batch, at).unwrap();
}

/// Page after page, each of them as text with its time.
fn all(store: &dyn TupleStore, prefix: &str, limit: usize) -> Vec<(String, Timestamp)> {
    let mut found = Vec::new();
    let mut after: Option<TupleKey> = None;
    loop {
        let page = store
            .page_tuples(MAIN, prefix, after.as_ref(), limit)
            .unwrap();
        let Some((last, _)) = page.last() else {
            return found;
        };
        after = Some(last.key.clone());
        found.extend(
            page.into_iter()
                .map(|(tuple, at)| (tuple.key.to_string(), at)),
        );
    }
}

pub(crate) fn tuples_come_in_the_order_of_their_text_with_their_times(kind: Kind) {
    let fixture = Fixture::new(kind);
    write(
        &*fixture.store,
        &["document:b#viewer@user:a", "document:a#viewer@user:b"],
        at(1),
    );
    // What is there already keeps its time.
    write(
        &*fixture.store,
        &[
            "document:b#viewer@user:a",
            "document:a#owner@user:c",
            "team:t#member@user:a",
        ],
        at(2),
    );
    let fixture = if kind.is_durable() {
        fixture.reopened(kind)
    } else {
        fixture
    };
    let store = &*fixture.store;
    for limit in [1, 2, 3, 100] {
        let expected = [
            ("document:a#owner@user:c".to_owned(), at(2)),
            ("document:a#viewer@user:b".to_owned(), at(1)),
            ("document:b#viewer@user:a".to_owned(), at(1)),
            ("team:t#member@user:a".to_owned(), at(2)),
        ];
        assert_eq!(all(store, "", limit), expected);
        assert_eq!(all(store, "document:", limit), expected[..3]);
        assert_eq!(all(store, "document:a#", limit), expected[..2]);
        assert_eq!(all(store, "document:a#viewer@", limit), expected[1..2]);
        assert_eq!(all(store, "nothing:", limit), []);
    }
    let beyond = tuple("team:t#member@user:a").key;
    assert_eq!(
        store
            .page_tuples(MAIN, "document:", Some(&beyond), 10)
            .unwrap(),
        []
    );
    let keys = [beyond, tuple("team:t#member@user:nobody").key];
    assert_eq!(store.written_at(MAIN, &keys).unwrap(), [Some(at(2)), None]);
}

pub(crate) fn a_page_is_of_one_store(kind: Kind) {
    let fixture = Fixture::new(kind);
    fixture
        .store
        .create_store(record(OTHER, "other"), at(0))
        .unwrap();
    write(&*fixture.store, &["document:a#viewer@user:a"], at(1));
    assert_eq!(fixture.store.page_tuples(OTHER, "", None, 10).unwrap(), []);
    fixture.store.delete_store(OTHER, at(2)).unwrap();
    let gone = |found: Result<(), StoreError>| {
        assert!(matches!(found, Err(StoreError::UnknownStore(OTHER))));
    };
    gone(fixture.store.page_tuples(OTHER, "", None, 10).map(drop));
    gone(fixture.store.written_at(OTHER, &[]).map(drop));
}
