//! Stores, models and assertions.

use super::{Fixture, MAIN, OTHER};
use behest::model::Revision;
use behest::storage::{Event, ModelId, StoreError, StoreId, TupleBatch};
use support::store::{Kind, State, at, model, record, tuple};

pub(crate) fn an_untouched_service_is_at_revision_0(kind: Kind) {
    let dir = tempfile::tempdir().unwrap();
    let store = kind.open(dir.path()).unwrap();
    assert_eq!(State::read(&*store).unwrap(), State::default());
    assert_eq!(store.changes(None, Revision(0), 10).unwrap(), []);
}

pub(crate) fn stores_are_listed_by_id(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    assert_eq!(
        store
            .create_store(record(StoreId::from_bits(9), "same"), at(1))
            .unwrap(),
        Revision(2)
    );
    assert_eq!(
        store.create_store(record(OTHER, "same"), at(2)).unwrap(),
        Revision(3)
    );
    let names: Vec<_> = store
        .stores()
        .unwrap()
        .into_iter()
        .map(|found| (found.id, found.name))
        .collect();
    assert_eq!(
        names,
        [
            (OTHER, "same".to_owned()),
            (StoreId::from_bits(9), "same".to_owned()),
            (MAIN, "main".to_owned())
        ]
    );
}

pub(crate) fn a_store_has_its_id_alone(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    let refused = store
        .create_store(record(MAIN, "again"), at(1))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "store `01BEHEST00000000000000MA1N` exists already: create it under another id"
    );
    assert_eq!(store.revision().unwrap(), Revision(1));
}

pub(crate) fn nothing_works_on_a_store_that_is_not_there(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    let id = ModelId::from_bits(1);
    let refusals = [
        store.delete_store(OTHER, at(1)).unwrap_err(),
        store.write_model(OTHER, model(1, "{}"), at(1)).unwrap_err(),
        store.model(OTHER, id).unwrap_err(),
        store.models(OTHER, None, 1).unwrap_err(),
        store.write_assertions(OTHER, id, b"[]").unwrap_err(),
        store.assertions(OTHER, id).unwrap_err(),
        store
            .apply(
                OTHER,
                TupleBatch::of_writes(vec![tuple("document:a#viewer@user:b")]),
                at(1),
            )
            .unwrap_err(),
        store
            .apply(OTHER, TupleBatch::default(), at(1))
            .unwrap_err(),
        store
            .read_tuples(OTHER, &mut |tuple| panic!("{tuple:?}"))
            .unwrap_err(),
        store.changes(Some(OTHER), Revision(0), 1).unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!(
            refused.to_string(),
            "there is no store `00000000000000000000000007`: list the stores for their ids"
        );
        assert!(!refused.is_fault());
    }
    assert_eq!(store.revision().unwrap(), Revision(1));
}

pub(crate) fn models_are_listed_from_the_newest(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    // The ids fall, as they do when a clock is set back.
    for (revision, bits) in [(2, 30), (3, 20), (4, 10)] {
        let written = store
            .write_model(MAIN, model(bits, &format!("model {bits}")), at(1))
            .unwrap();
        assert_eq!(written, Revision(revision));
    }
    let list = |before: Option<u128>, limit| {
        let models = store
            .models(MAIN, before.map(ModelId::from_bits), limit)
            .unwrap();
        models
            .iter()
            .map(|model| String::from_utf8(model.json.clone()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(None, 10), ["model 10", "model 20", "model 30"]);
    assert_eq!(list(None, 1), ["model 10"]);
    assert_eq!(list(Some(10), 1), ["model 20"]);
    assert_eq!(list(Some(20), 10), ["model 30"]);
    assert_eq!(list(Some(30), 10), [""; 0]);
    assert_eq!(list(None, 0), [""; 0]);
    assert_eq!(
        store.model(MAIN, ModelId::from_bits(20)).unwrap(),
        Some(model(20, "model 20"))
    );
    assert_eq!(store.model(MAIN, ModelId::from_bits(21)).unwrap(), None);
    let refused = store
        .models(MAIN, Some(ModelId::from_bits(21)), 1)
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::UnknownModel { store: MAIN, .. }),
        "{refused}"
    );
}

pub(crate) fn a_model_has_its_id_alone(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store.create_store(record(OTHER, "other"), at(1)).unwrap();
    store.write_model(MAIN, model(5, "first"), at(1)).unwrap();
    let refused = store
        .write_model(MAIN, model(5, "second"), at(1))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "store `01BEHEST00000000000000MA1N` has a model `00000000000000000000000005` already: write it under another id"
    );
    store
        .write_model(OTHER, model(5, "elsewhere"), at(1))
        .unwrap();
    assert_eq!(store.models(MAIN, None, 9).unwrap(), [model(5, "first")]);
    assert_eq!(
        store.models(OTHER, None, 9).unwrap(),
        [model(5, "elsewhere")]
    );
}

pub(crate) fn assertions_are_replaced(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    let id = ModelId::from_bits(5);
    let refused = store.write_assertions(MAIN, id, b"[]").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "store `01BEHEST00000000000000MA1N` has no model `00000000000000000000000005`: list its models for their ids"
    );
    store.write_model(MAIN, model(5, "{}"), at(1)).unwrap();
    assert_eq!(store.assertions(MAIN, id).unwrap(), None);
    store.write_assertions(MAIN, id, b"[1]").unwrap();
    store.write_assertions(MAIN, id, b"[]").unwrap();
    assert_eq!(
        store.assertions(MAIN, id).unwrap().as_deref(),
        Some(&b"[]"[..])
    );
    assert_eq!(
        store.revision().unwrap(),
        Revision(2),
        "assertions make no revision"
    );
}

pub(crate) fn a_deleted_store_is_forgotten(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store.create_store(record(OTHER, "other"), at(1)).unwrap();
    store.write_model(OTHER, model(5, "{}"), at(2)).unwrap();
    store
        .write_assertions(OTHER, ModelId::from_bits(5), b"[]")
        .unwrap();
    store
        .apply(
            MAIN,
            TupleBatch::of_writes(vec![tuple("document:a#viewer@user:kept")]),
            at(3),
        )
        .unwrap();
    store
        .apply(
            OTHER,
            TupleBatch::of_writes(vec![tuple("document:a#viewer@user:gone")]),
            at(4),
        )
        .unwrap();
    assert_eq!(store.delete_store(OTHER, at(5)).unwrap(), Revision(6));
    assert!(
        matches!(
            store.models(OTHER, None, 1),
            Err(StoreError::UnknownStore(OTHER))
        ),
        "from then on"
    );
    while store.purge().unwrap() {}

    assert!(matches!(
        store.assertions(OTHER, ModelId::from_bits(5)),
        Err(StoreError::UnknownStore(OTHER))
    ));
    let log = store.changes(None, Revision(0), 100).unwrap();
    let events: Vec<_> = log
        .iter()
        .map(|change| (change.revision.0, change.at, change.event.clone()))
        .collect();
    let kept = Event::TuplesChanged {
        store: MAIN,
        deleted: vec![],
        written: vec![tuple("document:a#viewer@user:kept")],
    };
    assert_eq!(
        events,
        [
            (1, at(0), Event::StoreCreated(record(MAIN, "main"))),
            (2, at(1), Event::Erased(OTHER)),
            (3, at(2), Event::Erased(OTHER)),
            (4, at(3), kept),
            (5, at(4), Event::Erased(OTHER)),
            (6, at(5), Event::StoreDeleted(OTHER)),
        ]
    );
    assert_eq!(
        State::replay(&*store, 1).unwrap(),
        State::read(&*store).unwrap()
    );
}

pub(crate) fn a_store_may_come_back_empty(kind: Kind) {
    let Fixture { store, dir: _dir } = Fixture::new(kind);
    store.write_model(MAIN, model(5, "old"), at(1)).unwrap();
    store
        .write_assertions(MAIN, ModelId::from_bits(5), b"[1]")
        .unwrap();
    store
        .apply(
            MAIN,
            TupleBatch::of_writes(vec![tuple("document:a#viewer@user:b")]),
            at(1),
        )
        .unwrap();
    store.delete_store(MAIN, at(2)).unwrap();
    store.create_store(record(MAIN, "again"), at(3)).unwrap();

    let state = State::read(&*store).unwrap();
    assert!(state.tenants[&MAIN].tuples.is_empty() && state.tenants[&MAIN].models.is_empty());
    assert_eq!(store.model(MAIN, ModelId::from_bits(5)).unwrap(), None);
    store.write_model(MAIN, model(5, "new"), at(4)).unwrap();
    assert_eq!(store.assertions(MAIN, ModelId::from_bits(5)).unwrap(), None);
    let revisions: Vec<_> = store
        .changes(Some(MAIN), Revision(0), 10)
        .unwrap()
        .iter()
        .map(|c| c.revision.0)
        .collect();
    assert_eq!(
        revisions,
        [5, 6],
        "the log of a store begins with its own creation"
    );
    assert_eq!(
        State::replay(&*store, 2).unwrap(),
        State::read(&*store).unwrap()
    );
}
