//! Tests of what only a failing disk shows, and of what readers keep.

mod pages;
mod renumbering;

use crate::clock::FixedClock;
use crate::model::{Digest, Tuple, TupleKey};
use crate::storage::{Event, LogEntry, ModelRecord};
use crate::stores::*;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// A store that makes its next write and then reports it as failed, as a disk can do at the last
/// moment.
#[derive(Debug)]
struct FailingStore {
    inner: Arc<dyn TupleStore>,
    fails: AtomicBool,
}

impl FailingStore {
    fn report<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        let done = done?;
        if self.fails.swap(false, Ordering::SeqCst) {
            Err(StoreError::Full(PathBuf::from("disk")))
        } else {
            Ok(done)
        }
    }
}

impl TupleStore for FailingStore {
    fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision()
    }
    fn create_store(&self, store: StoreRecord, at: Timestamp) -> Result<Revision, StoreError> {
        self.report(self.inner.create_store(store, at))
    }
    fn stores(&self) -> Result<Vec<StoreRecord>, StoreError> {
        self.inner.stores()
    }
    fn delete_store(&self, store: StoreId, at: Timestamp) -> Result<Revision, StoreError> {
        self.report(self.inner.delete_store(store, at))
    }
    fn purge(&self) -> Result<bool, StoreError> {
        self.report(self.inner.purge())
    }
    fn write_model(
        &self,
        store: StoreId,
        model: ModelRecord,
        at: Timestamp,
    ) -> Result<Revision, StoreError> {
        self.report(self.inner.write_model(store, model, at))
    }
    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError> {
        self.inner.model(store, model)
    }
    fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<ModelRecord>, StoreError> {
        self.inner.models(store, before, limit)
    }
    fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoreError> {
        self.report(self.inner.write_assertions(store, model, assertions))
    }
    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.assertions(store, model)
    }
    fn apply(
        &self,
        store: StoreId,
        batch: TupleBatch,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        self.report(self.inner.apply(store, batch, at))
    }
    fn read_tuples(
        &self,
        store: StoreId,
        visit: &mut dyn FnMut(Tuple),
    ) -> Result<Revision, StoreError> {
        self.inner.read_tuples(store, visit)
    }
    fn page_tuples(
        &self,
        store: StoreId,
        prefix: &str,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<(Tuple, Timestamp)>, StoreError> {
        self.inner.page_tuples(store, prefix, after, limit)
    }
    fn written_at(
        &self,
        store: StoreId,
        keys: &[TupleKey],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.inner.written_at(store, keys)
    }
    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError> {
        self.report(self.inner.note_bundle(digest, at))
    }
    fn changes(
        &self,
        store: Option<StoreId>,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.inner.changes(store, after, limit)
    }
    fn revision_before(&self, at: Timestamp) -> Result<Revision, StoreError> {
        self.inner.revision_before(at)
    }
}

fn model() -> serde_json::Value {
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            {
                "type": "document",
                "relations": { "viewer": { "this": {} } },
                "metadata": { "relations": {
                    "viewer": { "directly_related_user_types": [{ "type": "user" }] },
                } },
            },
        ],
    })
}

fn batch(text: &str) -> TupleBatch {
    TupleBatch::of_writes(vec![Tuple::from(text.parse::<TupleKey>().unwrap())])
}

fn failing() -> (Arc<FailingStore>, Stores) {
    let store = Arc::new(FailingStore {
        inner: open_memory().unwrap(),
        fails: AtomicBool::new(false),
    });
    let stores = Stores::open(store.clone(), Arc::new(FixedClock::at(0))).unwrap();
    (store, stores)
}

fn fail_next<T: std::fmt::Debug>(
    store: &FailingStore,
    call: impl FnOnce() -> Result<T, StoresError>,
) {
    store.fails.store(true, Ordering::SeqCst);
    assert!(call().unwrap_err().is_fault());
}

#[test]
fn what_a_failing_disk_kept_is_found_by_the_next_write() {
    let (store, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    fail_next(&store, || stores.write_model(id, &model()));
    assert!(
        stores.with_model(id, None).is_err(),
        "it was not acknowledged"
    );
    stores
        .write(id, None, batch("document:a#viewer@user:a"))
        .unwrap();
    fail_next(&store, || {
        stores.write(id, None, batch("document:b#viewer@user:a"))
    });
    assert_eq!(stores.pin(id).unwrap().graph().stored_len(), 1);
    fail_next(&store, || stores.create("other"));
    assert_eq!(stores.list(None, Some("other"), 10).len(), 0);

    let applied = stores
        .write(id, None, batch("document:c#viewer@user:a"))
        .unwrap();
    assert_eq!(applied.revision, store.revision().unwrap());
    let version = stores.pin(id).unwrap();
    assert_eq!(
        (version.graph().stored_len(), version.revision()),
        (3, applied.revision)
    );
    assert_eq!(stores.list(None, Some("other"), 10).len(), 1);

    fail_next(&store, || stores.delete(id));
    stores.create("another").unwrap();
    assert!(stores.pin(id).is_err());
    // A restart finds the same.
    let again = Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap();
    assert_eq!(again.list(None, None, 10), stores.list(None, None, 10));
}

#[test]
fn a_pinned_version_stays_as_it_is() {
    let (_, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let (before, _) = stores.with_model(id, None).unwrap();
    stores
        .write(id, None, batch("document:a#viewer@user:a"))
        .unwrap();
    stores.delete(id).unwrap();
    assert_eq!(before.graph().stored_len(), 0);
    assert!(before.newest().is_some());
}

#[test]
fn older_models_are_compiled_when_they_are_asked_for() {
    let (_, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    let models: Vec<ModelId> = (0..20)
        .map(|_| stores.write_model(id, &model()).unwrap())
        .collect();
    for model in models.iter().chain(&models) {
        assert_eq!(stores.with_model(id, Some(*model)).unwrap().1.id, *model);
    }
    assert_eq!(stores.with_model(id, None).unwrap().1.id, models[19]);
    assert!(stores.with_model(id, Some(ModelId::from_bits(1))).is_err());
}

#[test]
fn there_are_so_many_stores_and_no_more() {
    let (store, stores) = failing();
    let within = |stores: Stores, most| {
        stores.with_limits(StoreLimits {
            stores: most,
            ..StoreLimits::default()
        })
    };
    let stores = within(stores, 3);
    let id = stores.create("first").unwrap().id;
    stores.create("second").unwrap();
    let refused = stores.create("third").unwrap_err();
    assert!(
        matches!(refused, StoresError::TooManyStores(3)) && !refused.is_fault(),
        "{refused}"
    );
    assert_eq!(store.stores().unwrap().len(), 3, "`main` is one of them");
    stores.delete(id).unwrap();
    stores.create("third").unwrap();
    // Existing stores stay.
    let fewer = within(
        Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap(),
        2,
    );
    assert_eq!(fewer.list(None, None, 10).len(), 3);
    assert!(matches!(
        fewer.create("fourth"),
        Err(StoresError::TooManyStores(2))
    ));
}

#[test]
fn models_of_all_stores_together_stay_compiled_within_their_room() {
    let (store, stores) = failing();
    let id = stores.create("measured").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let (_, one) = stores.compiled().size();
    stores.delete(id).unwrap();
    assert_eq!(stores.compiled().size(), (0, 0));

    let stores = stores.with_limits(StoreLimits {
        compiled_bytes: 3 * one,
        ..StoreLimits::default()
    });
    let text = "document:a#viewer@user:a";
    let ids: Vec<StoreId> = (0..10)
        .map(|_| stores.create("documents").unwrap().id)
        .collect();
    for id in &ids {
        stores.write_model(*id, &model()).unwrap();
        stores.write_model(*id, &model()).unwrap();
        stores.write(*id, None, batch(text)).unwrap();
    }
    let again = Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap();
    assert_eq!(again.compiled().size(), (0, 0), "a start compiles nothing");
    for id in ids.iter().chain(&ids) {
        let (version, newest) = stores.with_model(*id, None).unwrap();
        assert_eq!(Some(newest.id), version.newest());
        assert!(holds(&version, &newest, text));
        let (_, same) = stores.with_model(*id, Some(newest.id)).unwrap();
        assert!(
            Arc::ptr_eq(&newest, &same),
            "what was asked for last is compiled"
        );
        assert!(
            stores.compiled().size() <= (3, 3 * one),
            "{:?}",
            stores.compiled().size()
        );
        let (version, newest) = again.with_model(*id, None).unwrap();
        assert!(holds(&version, &newest, text));
    }
    // A model for which there is no room is compiled all the same.
    let stores = stores.with_limits(StoreLimits {
        compiled_bytes: 0,
        ..StoreLimits::default()
    });
    for id in &ids {
        assert!(stores.with_model(*id, None).is_ok());
        assert_eq!(stores.compiled().size().0, 1);
    }
}

#[test]
fn what_deleted_stores_have_left_is_removed_beside_the_writers() {
    let (store, stores) = failing();
    let stores = Arc::new(stores);
    let id = stores.create("documents").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let tuple = |at| {
        Tuple::from(
            format!("document:{at}#viewer@user:a")
                .parse::<TupleKey>()
                .unwrap(),
        )
    };
    stores
        .write(
            id,
            None,
            TupleBatch::of_writes((0..3_000).map(tuple).collect()),
        )
        .unwrap();
    stores.delete(id).unwrap();
    assert!(stores.pin(id).is_err() && stores.with_model(id, None).is_err());
    let others = stores.create("others").unwrap().id;
    stores.write_model(others, &model()).unwrap();
    let is_left = || {
        let log = store.changes(None, Revision(0), usize::MAX).unwrap();
        log.iter().any(
            |change| matches!(&change.event, Event::TuplesChanged { store, .. } if *store == id),
        )
    };
    let wait = |until: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        while !until() {
            assert!(began.elapsed().as_secs() < 60, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    };
    assert!(is_left());
    // The disk fails, and the next deletion continues the purge.
    store.fails.store(true, Ordering::SeqCst);
    stores.purge_beside();
    wait(&|| stores.purges.load(Ordering::SeqCst) == 0);
    assert!(!store.fails.load(Ordering::SeqCst) && is_left());
    let third = stores.create("third").unwrap().id;
    stores.delete(third).unwrap();
    stores.purge_beside();
    stores.purge_beside();
    (0..20).for_each(|at| {
        drop(
            stores
                .write(others, None, batch(&format!("document:{at}#viewer@user:b")))
                .unwrap(),
        );
    });
    wait(&|| stores.purges.load(Ordering::SeqCst) == 0);
    assert!(!is_left() && !store.purge().unwrap());
    assert_eq!(stores.pin(others).unwrap().graph().stored_len(), 20);
}

fn holds(version: &Version, model: &CompiledModel, text: &str) -> bool {
    let context = crate::model::Record::new();
    let mut reader =
        RelationReader::new(version.graph(), &model.rules, ReaderTerms::new(&context)).unwrap();
    reader.check(&text.parse().unwrap()).unwrap().holds()
}
