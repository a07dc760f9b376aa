//! What only a failing disk shows, and what readers keep.

use crate::clock::FixedClock;
use crate::model::{Digest, Tuple, TupleKey};
use crate::relations::model::{AuthorizationModel, from_json};
use crate::storage::{Change, Event, ModelRecord};
use crate::stores::*;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// A store whose next write is made, and then reported as failed: what a disk can do in the last moment.
#[derive(Debug)]
struct LastMoment {
    inner: Arc<dyn TupleStore>,
    fails: AtomicBool,
}

impl LastMoment {
    fn report<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        let done = done?;
        if self.fails.swap(false, Ordering::SeqCst) { Err(StoreError::Full(PathBuf::from("disk"))) } else { Ok(done) }
    }
}

impl TupleStore for LastMoment {
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
    fn write_model(&self, store: StoreId, model: ModelRecord, at: Timestamp) -> Result<Revision, StoreError> {
        self.report(self.inner.write_model(store, model, at))
    }
    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError> {
        self.inner.model(store, model)
    }
    fn models(&self, store: StoreId, before: Option<ModelId>, limit: usize) -> Result<Vec<ModelRecord>, StoreError> {
        self.inner.models(store, before, limit)
    }
    fn write_assertions(&self, store: StoreId, model: ModelId, assertions: &[u8]) -> Result<(), StoreError> {
        self.report(self.inner.write_assertions(store, model, assertions))
    }
    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.assertions(store, model)
    }
    fn apply(&self, store: StoreId, batch: Batch, at: Timestamp) -> Result<Applied, StoreError> {
        self.report(self.inner.apply(store, batch, at))
    }
    fn read_tuples(&self, store: StoreId, visit: &mut dyn FnMut(Tuple)) -> Result<Revision, StoreError> {
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
    fn written_at(&self, store: StoreId, keys: &[TupleKey]) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.inner.written_at(store, keys)
    }
    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError> {
        self.report(self.inner.note_bundle(digest, at))
    }
    fn changes(&self, store: Option<StoreId>, after: Revision, limit: usize) -> Result<Vec<Change>, StoreError> {
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
                "metadata": { "relations": { "viewer": { "directly_related_user_types": [{ "type": "user" }] } } },
            },
        ],
    })
}

fn batch(text: &str) -> Batch {
    Batch::of_writes(vec![Tuple::from(text.parse::<TupleKey>().unwrap())])
}

fn failing() -> (Arc<LastMoment>, Stores) {
    let store = Arc::new(LastMoment { inner: open_memory().unwrap(), fails: AtomicBool::new(false) });
    let stores = Stores::open(store.clone(), Arc::new(FixedClock::at(0))).unwrap();
    (store, stores)
}

fn fail_next<T: std::fmt::Debug>(store: &LastMoment, call: impl FnOnce() -> Result<T, StoresError>) {
    store.fails.store(true, Ordering::SeqCst);
    assert!(call().unwrap_err().is_fault());
}

#[test]
fn what_a_failing_disk_kept_is_found_by_the_next_write() {
    let (store, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    fail_next(&store, || stores.write_model(id, &model()));
    assert!(stores.with_model(id, None).is_err(), "it was not acknowledged");
    stores.write(id, None, batch("document:a#viewer@user:a")).unwrap();
    fail_next(&store, || stores.write(id, None, batch("document:b#viewer@user:a")));
    assert_eq!(stores.pin(id).unwrap().graph().stored_len(), 1);
    fail_next(&store, || stores.create("other"));
    assert_eq!(stores.list(None, Some("other"), 10).len(), 0);

    let applied = stores.write(id, None, batch("document:c#viewer@user:a")).unwrap();
    assert_eq!(applied.revision, store.revision().unwrap());
    let version = stores.pin(id).unwrap();
    assert_eq!((version.graph().stored_len(), version.revision()), (3, applied.revision));
    assert_eq!(stores.list(None, Some("other"), 10).len(), 1);

    fail_next(&store, || stores.delete(id));
    stores.create("another").unwrap();
    assert!(stores.pin(id).is_err());
    // And it is what a restart finds.
    let again = Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap();
    assert_eq!(again.list(None, None, 10), stores.list(None, None, 10));
}

#[test]
fn a_pinned_version_stays_as_it_is() {
    let (_, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let (before, _) = stores.with_model(id, None).unwrap();
    stores.write(id, None, batch("document:a#viewer@user:a")).unwrap();
    stores.delete(id).unwrap();
    assert_eq!(before.graph().stored_len(), 0);
    assert!(before.newest().is_some());
}

#[test]
fn older_models_are_compiled_when_they_are_asked_for() {
    let (_, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    let models: Vec<ModelId> = (0..20).map(|_| stores.write_model(id, &model()).unwrap()).collect();
    for model in models.iter().chain(&models) {
        assert_eq!(stores.with_model(id, Some(*model)).unwrap().1.id, *model);
    }
    assert_eq!(stores.with_model(id, None).unwrap().1.id, models[19]);
    assert!(stores.with_model(id, Some(ModelId::from_bits(1))).is_err());
}

#[test]
fn there_are_so_many_stores_and_no_more() {
    let (store, stores) = failing();
    let within = |stores: Stores, most| stores.with_limits(StoreLimits { stores: most, ..StoreLimits::default() });
    let stores = within(stores, 3);
    let id = stores.create("first").unwrap().id;
    stores.create("second").unwrap();
    let refused = stores.create("third").unwrap_err();
    assert!(matches!(refused, StoresError::TooManyStores(3)) && !refused.is_fault(), "{refused}");
    assert_eq!(store.stores().unwrap().len(), 3, "`main` is one of them");
    stores.delete(id).unwrap();
    stores.create("third").unwrap();
    // Those that are there stay.
    let fewer = within(Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap(), 2);
    assert_eq!(fewer.list(None, None, 10).len(), 3);
    assert!(matches!(fewer.create("fourth"), Err(StoresError::TooManyStores(2))));
}

#[test]
fn models_of_all_stores_together_stay_compiled_within_their_room() {
    let (store, stores) = failing();
    let id = stores.create("measured").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let (_, one) = stores.compiled().size();
    stores.delete(id).unwrap();
    assert_eq!(stores.compiled().size(), (0, 0));

    let stores = stores.with_limits(StoreLimits { compiled_bytes: 3 * one, ..StoreLimits::default() });
    let text = "document:a#viewer@user:a";
    let ids: Vec<StoreId> = (0..10).map(|_| stores.create("documents").unwrap().id).collect();
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
        assert!(Arc::ptr_eq(&newest, &same), "what was asked for last is compiled");
        assert!(stores.compiled().size() <= (3, 3 * one), "{:?}", stores.compiled().size());
        let (version, newest) = again.with_model(*id, None).unwrap();
        assert!(holds(&version, &newest, text));
    }
    // One without room for any is compiled all the same.
    let stores = stores.with_limits(StoreLimits { compiled_bytes: 0, ..StoreLimits::default() });
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
    let tuple = |at| Tuple::from(format!("document:{at}#viewer@user:a").parse::<TupleKey>().unwrap());
    stores.write(id, None, Batch::of_writes((0..3_000).map(tuple).collect())).unwrap();
    stores.delete(id).unwrap();
    assert!(stores.pin(id).is_err() && stores.with_model(id, None).is_err());
    let others = stores.create("others").unwrap().id;
    stores.write_model(others, &model()).unwrap();
    let is_left = || {
        let log = store.changes(None, Revision(0), usize::MAX).unwrap();
        log.iter().any(|change| matches!(&change.event, Event::TuplesChanged { store, .. } if *store == id))
    };
    let wait = |until: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        while !until() {
            assert!(began.elapsed().as_secs() < 60, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    };
    assert!(is_left());
    // The disk fails, and the next deletion goes on.
    store.fails.store(true, Ordering::SeqCst);
    stores.purge_beside();
    wait(&|| stores.purges.load(Ordering::SeqCst) == 0);
    assert!(!store.fails.load(Ordering::SeqCst) && is_left());
    let third = stores.create("third").unwrap().id;
    stores.delete(third).unwrap();
    stores.purge_beside();
    stores.purge_beside();
    (0..20).for_each(|at| drop(stores.write(others, None, batch(&format!("document:{at}#viewer@user:b"))).unwrap()));
    wait(&|| stores.purges.load(Ordering::SeqCst) == 0);
    assert!(!is_left() && !store.purge().unwrap());
    assert_eq!(stores.pin(others).unwrap().graph().stored_len(), 20);
}

/// A model whose type `document` has so many relations, named after `stem`.
fn wide(stem: &str, relations: usize) -> serde_json::Value {
    let names: Vec<String> = (0..relations).map(|at| format!("{stem}-{at}")).collect();
    let this = json!({ "this": {} });
    let users = json!({ "directly_related_user_types": [{ "type": "user" }] });
    let relations: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), this.clone())).collect();
    let metadata: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), users.clone())).collect();
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            { "type": "document", "relations": relations, "metadata": { "relations": metadata } },
        ],
    })
}

fn holds(version: &Version, model: &Model, text: &str) -> bool {
    let context = crate::model::Record::new();
    let mut reader = Reader::new(version.graph(), &model.rules, Terms::new(&context)).unwrap();
    reader.check(&text.parse().unwrap()).unwrap().holds()
}

#[test]
fn models_with_ever_new_names_are_taken_for_ever_and_older_ones_still_answer() {
    // More names in all than there are numbers for.
    const RELATIONS: usize = 2_700;
    const MODELS: usize = 25;
    let (store, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    let mut pinned = Vec::new();
    let mut tables = 1;
    for at in 0..MODELS {
        let before = stores.pin(id).unwrap();
        let model = stores.write_model(id, &wide(&format!("m{at}"), RELATIONS)).unwrap();
        let text = format!("document:{at}#m{at}-7@user:a");
        stores.write(id, None, batch(&text)).unwrap();
        let (version, newest) = stores.with_model(id, None).unwrap();
        assert_eq!(newest.id, model);
        tables += usize::from(!version.graph().shares_names_with(before.graph()));
        pinned.push((version, newest, text));
        // One that is asked for again and again stays compiled, for as long as the names do.
        let (now, first) = stores.with_model(id, Some(pinned[0].1.id)).unwrap();
        assert!(holds(&now, &first, &pinned[0].2));
    }
    assert!((2..=MODELS / 2).contains(&tables), "{tables} tables of names");
    const { assert!(RELATIONS * MODELS > crate::relations::graph::MAX_NAMES) };
    // Whoever has pinned a version finds in it what was there, whatever numbers its names have elsewhere.
    for (at, (version, model, text)) in pinned.iter().enumerate() {
        assert!(holds(version, model, text), "{text}");
        assert!(!holds(version, model, &format!("document:{at}#m{at}-8@user:a")));
        assert_eq!(version.graph().stored_len(), at + 1);
        if at % 6 == 0 {
            let (now, again) = stores.with_model(id, Some(model.id)).unwrap();
            assert!(holds(&now, &again, text), "{text} by an older model");
            assert_eq!(now.graph().stored_len(), MODELS);
        }
    }
    let again = Stores::open(store.inner.clone(), Arc::new(FixedClock::at(0))).unwrap();
    let (version, newest) = again.with_model(id, None).unwrap();
    assert!(holds(&version, &newest, &format!("document:{}#m{}-7@user:a", MODELS - 1, MODELS - 1)));
}

#[test]
fn names_are_made_room_for_while_others_write() {
    let (_, stores) = failing();
    let id = stores.create("documents").unwrap().id;
    stores.write_model(id, &model()).unwrap();
    let both = |at: usize| {
        let mut json = wide(&format!("m{at}"), 3_000);
        let kind = &mut json["type_definitions"][1];
        kind["relations"]["viewer"] = json!({ "this": {} });
        kind["metadata"]["relations"]["viewer"] = json!({ "directly_related_user_types": [{ "type": "user" }] });
        json
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let stores = &stores;
                scope.spawn(move || {
                    for at in 0..500 {
                        stores
                            .write(id, None, batch(&format!("document:{writer}-{at}#viewer@user:u{}", at % 7)))
                            .unwrap();
                        if at % 3 == 0 {
                            let key = format!("document:{writer}-{at}#viewer@user:u{}", at % 7).parse().unwrap();
                            stores.write(id, None, Batch::of_deletes(vec![key])).unwrap();
                        }
                    }
                })
            })
            .collect();
        for at in 0..8 {
            stores.write_model(id, &both(at)).unwrap();
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
    let (version, newest) = stores.with_model(id, None).unwrap();
    let page = stores.read(id, &Selection::default(), None, 10_000).unwrap();
    assert_eq!(page.tuples.len(), version.graph().stored_len());
    assert!(page.tuples.iter().all(|timed| holds(&version, &newest, &timed.tuple.key.to_string())));
}

#[test]
fn the_bundles_tuples_are_read_in_pages_as_if_sorted_each_time() {
    let (_, stores) = failing();
    let json = json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            {
                "type": "doc",
                "relations": { "viewer": { "this": {} }, "owner": { "this": {} } },
                "metadata": { "relations": {
                    "viewer": { "directly_related_user_types": [
                        { "type": "user" }, { "type": "user", "wildcard": {} }, { "type": "doc", "relation": "owner" },
                    ] },
                    "owner": { "directly_related_user_types": [{ "type": "user" }] },
                } },
            },
        ],
    });
    let model = AuthorizationModel::new(from_json(&json).unwrap()).unwrap();
    let users = ["user:a", "user:b", "user:bb", "user:*", "doc:1#owner"];
    let all: Vec<Tuple> = (0..400)
        .map(|at| format!("doc:{}#viewer@{}", at / 5, users[at % 5]))
        .chain((0..90).map(|at| format!("doc:{at}#owner@user:b")))
        .map(|text| text.parse::<TupleKey>().unwrap().into())
        .collect();
    let load = |tuples: &[Tuple], digest: u8| {
        let layer = stores.prepare_main(Some(&model), tuples.to_vec(), false).unwrap();
        stores.commit_main(layer, Digest::new([digest; 32]), None).unwrap();
    };
    // Another bundle before it, which was read from too.
    load(&all[..7], 1);
    assert_eq!(stores.read(StoreId::MAIN, &Selection::default(), None, 100).unwrap().tuples.len(), 7);
    load(&all, 2);
    for stored in ["doc:0#owner@user:a", "doc:zz#viewer@user:*"] {
        stores.write(StoreId::MAIN, None, batch(stored)).unwrap();
    }
    let object = |text: &str| Some(text.parse().unwrap());
    let mut selections = vec![Selection::default()];
    for user in users {
        let user = Some(user.parse().unwrap());
        selections.push(Selection { kind: Some("doc".into()), user: user.clone(), ..Selection::default() });
        let relation = Some("viewer".into());
        selections.push(Selection { kind: Some("doc".into()), user: user.clone(), relation, ..Selection::default() });
        selections.push(Selection { object: object("doc:1"), user, ..Selection::default() });
    }
    for text in ["doc:1", "doc:7", "doc:nowhere"] {
        selections.push(Selection { object: object(text), ..Selection::default() });
        selections.push(Selection { object: object(text), relation: Some("owner".into()), ..Selection::default() });
    }
    let text = |tuple: &Tuple| tuple.key.to_string();
    for wanted in &selections {
        let mut expected: Vec<String> = all.iter().filter(|tuple| wanted.holds(&tuple.key)).map(text).collect();
        expected.sort();
        let stored = ["doc:0#owner@user:a", "doc:zz#viewer@user:*"].map(str::to_owned);
        expected.extend(stored.into_iter().filter(|text| wanted.holds(&text.parse().unwrap())));
        for size in [1, 7, 1_000] {
            let (mut found, mut from) = (Vec::new(), None);
            loop {
                let page = stores.read(StoreId::MAIN, wanted, from.as_ref(), size).unwrap();
                found.extend(page.tuples.iter().map(|timed| text(&timed.tuple)));
                assert!(page.tuples.len() <= size);
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{wanted:?} by {size}");
        }
    }
}
