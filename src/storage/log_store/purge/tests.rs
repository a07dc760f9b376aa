//! Tests of what a deletion writes, and of what is left if its purge is interrupted.

use crate::model::{Revision, Timestamp, Tuple, TupleKey};
use crate::storage::backends::memory::Memory;
use crate::storage::kv::{KeyValue, RowSnapshot};
use crate::storage::log_store::purge::*;
use crate::storage::{ModelId, ModelRecord, StoreRecord, TupleBatch, TupleStore};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const KEPT: StoreId = StoreId::from_bits(1);
const GONE: StoreId = StoreId::from_bits(2);
const NOW: Timestamp = Timestamp(1_000);

/// A disk that outlives its users, records the size of the largest write, and fails after a given
/// number of writes.
#[derive(Clone, Debug)]
struct Disk(Arc<DiskState>);

#[derive(Debug)]
struct DiskState {
    rows: Memory,
    largest: AtomicUsize,
    writes_left: AtomicUsize,
}

impl Disk {
    fn new() -> Self {
        let writes_left = AtomicUsize::new(usize::MAX);
        Self(Arc::new(DiskState {
            rows: Memory::default(),
            largest: AtomicUsize::new(0),
            writes_left,
        }))
    }

    fn open(&self) -> LogStore<Self> {
        LogStore::open(self.clone()).unwrap()
    }

    /// Returns the number of rows of a store, including those for its log's numbers.
    fn rows_of(&self, store: StoreId) -> usize {
        let ranges = rows::ranges_of_store(store).into_iter();
        ranges
            .map(|range| {
                self.page(range, Order::Ascending, usize::MAX)
                    .unwrap()
                    .len()
            })
            .sum()
    }

    fn take_largest(&self) -> usize {
        self.0.largest.swap(0, Ordering::SeqCst)
    }
}

impl Kv for Disk {
    fn path(&self) -> &Path {
        Path::new("disk")
    }

    fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.rows.values(keys)
    }

    fn page(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreError> {
        self.0.rows.page(range, order, limit)
    }

    fn snapshot(&self) -> Result<Box<dyn RowSnapshot>, StoreError> {
        self.0.rows.snapshot()
    }

    fn write(&self, rows: Vec<RowWrite>) -> Result<(), StoreError> {
        let left = self.0.writes_left.load(Ordering::SeqCst).checked_sub(1);
        self.0.writes_left.store(
            left.ok_or_else(|| StoreError::Full("disk".into()))?,
            Ordering::SeqCst,
        );
        self.0.largest.fetch_max(rows.len(), Ordering::SeqCst);
        self.0.rows.write(rows)
    }
}

fn record(id: StoreId) -> StoreRecord {
    StoreRecord {
        id,
        name: "of a test".to_owned(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn tuples(range: Range<usize>) -> TupleBatch {
    let tuple = |at| {
        Tuple::from(
            format!("document:{at}#viewer@user:ann")
                .parse::<TupleKey>()
                .unwrap(),
        )
    };
    TupleBatch::of_writes(range.map(tuple).collect())
}

/// Creates two stores, each with a model, assertions, and `count` tuples.
fn filled(disk: &Disk, count: usize) {
    let store = disk.open();
    for id in [KEPT, GONE] {
        store.create_store(record(id), NOW).unwrap();
        let model = ModelRecord {
            id: ModelId::from_bits(1),
            json: b"{}".to_vec(),
        };
        store.write_model(id, model, NOW).unwrap();
        store
            .write_assertions(id, ModelId::from_bits(1), b"[]")
            .unwrap();
        store.apply(id, tuples(0..count / 2), NOW).unwrap();
        (count / 2..count).for_each(|at| drop(store.apply(id, tuples(at..at + 1), NOW).unwrap()));
    }
}

fn purge_all(store: &impl TupleStore) -> usize {
    let mut steps = 1;
    while store.purge().unwrap() {
        steps += 1;
    }
    steps
}

/// Checks that no reader finds the deleted store, that the other is whole, and that the log leads
/// to this state.
fn check(store: &impl TupleStore, count: usize) {
    assert_eq!(store.stores().unwrap(), [record(KEPT)]);
    let is_unknown =
        |error: StoreError| assert!(matches!(error, StoreError::UnknownStore(GONE)), "{error}");
    is_unknown(
        store
            .read_tuples(GONE, &mut |tuple| panic!("{tuple:?}"))
            .unwrap_err(),
    );
    is_unknown(store.page_tuples(GONE, "", None, 10).unwrap_err());
    is_unknown(store.models(GONE, None, 1).unwrap_err());
    is_unknown(store.model(GONE, ModelId::from_bits(1)).unwrap_err());
    is_unknown(store.assertions(GONE, ModelId::from_bits(1)).unwrap_err());
    is_unknown(store.changes(Some(GONE), Revision(0), 1).unwrap_err());
    let mut found = 0;
    store.read_tuples(KEPT, &mut |_| found += 1).unwrap();
    assert_eq!(
        (found, store.models(KEPT, None, 9).unwrap().len()),
        (count, 1)
    );
    // Up to the deletion, the log holds the first part of the store's history, and the rest of it
    // is erased.
    let log = store.changes(None, Revision(0), usize::MAX).unwrap();
    let of_gone: Vec<bool> = log
        .iter()
        .filter(|change| change.event.store() == Some(GONE))
        .map(|change| matches!(change.event, Event::Erased(_)))
        .collect();
    let told = of_gone.iter().take_while(|is_erased| !**is_erased).count();
    let deletion = of_gone.len() - 1;
    assert!(
        told > deletion || of_gone[told..deletion].iter().all(|is_erased| *is_erased),
        "{of_gone:?}"
    );
    assert!(!of_gone[deletion]);
}

#[test]
fn a_deletion_takes_no_longer_for_a_large_store() {
    let disk = Disk::new();
    filled(&disk, 3_000);
    let store = disk.open();
    disk.take_largest();
    store.delete_store(GONE, NOW).unwrap();
    assert!(
        disk.take_largest() <= 4,
        "the record, the head, and an entry of the log"
    );
    check(&store, 3_000);
    // Other writes come between the steps.
    assert!(store.purge().unwrap());
    store.apply(KEPT, tuples(3_000..3_001), NOW).unwrap();
    assert!(purge_all(&store) > 5);
    assert!(disk.take_largest() <= STEP_ROWS + READ_ROWS);
    assert_eq!(disk.rows_of(GONE), 0);
    check(&store, 3_001);
    assert!(!store.purge().unwrap());
}

#[test]
fn what_is_large_is_removed_in_more_steps() {
    let disk = Disk::new();
    let store = disk.open();
    store.create_store(record(GONE), NOW).unwrap();
    for at in 0..20 {
        let model = ModelRecord {
            id: ModelId::from_bits(at),
            json: vec![b' '; 1 << 20],
        };
        store.write_model(GONE, model, NOW).unwrap();
    }
    store.delete_store(GONE, NOW).unwrap();
    assert!(purge_all(&store) >= 5);
    assert_eq!(disk.rows_of(GONE), 0);
}

#[test]
fn whoever_opens_the_disk_goes_on_where_the_last_process_ended() {
    const COUNT: usize = 900;
    let disk = Disk::new();
    filled(&disk, COUNT);
    disk.open().delete_store(GONE, NOW).unwrap();
    let mut ends = 0;
    loop {
        // Each process completes one more step, and fails in the next.
        let store = disk.open();
        check(&store, COUNT);
        disk.0.writes_left.store(1, Ordering::SeqCst);
        let end = loop {
            match store.purge() {
                Ok(true) => {}
                end => break end,
            }
        };
        disk.0.writes_left.store(usize::MAX, Ordering::SeqCst);
        match end {
            Ok(_) => break,
            Err(error) => assert!(error.is_fault(), "{error}"),
        }
        // The failed step is left to do, and the same process goes on with other writes.
        store
            .note_bundle(
                crate::model::Digest::new([u8::try_from(ends).unwrap(); 32]),
                NOW,
            )
            .unwrap();
        ends += 1;
    }
    assert!(ends >= 3, "{ends}");
    assert_eq!(disk.rows_of(GONE), 0);
    check(&disk.open(), COUNT);
}

#[test]
fn a_store_of_the_same_id_has_nothing_of_the_one_before() {
    for is_opened_anew in [false, true] {
        let disk = Disk::new();
        filled(&disk, 1_200);
        let mut store = disk.open();
        store.delete_store(GONE, NOW).unwrap();
        assert!(store.purge().unwrap());
        if is_opened_anew {
            store = disk.open();
        }
        store.create_store(record(GONE), NOW).unwrap();
        store
            .read_tuples(GONE, &mut |tuple| panic!("{tuple:?}"))
            .unwrap();
        assert_eq!(store.models(GONE, None, 1).unwrap(), []);
        assert_eq!(store.model(GONE, ModelId::from_bits(1)).unwrap(), None);
        let changes = store.changes(Some(GONE), Revision(0), usize::MAX).unwrap();
        assert_eq!(
            changes
                .into_iter()
                .map(|change| change.event)
                .collect::<Vec<_>>(),
            [Event::StoreCreated(record(GONE))]
        );
        // The purge removes nothing of the new store.
        store.apply(GONE, tuples(0..3), NOW).unwrap();
        assert!(!store.purge().unwrap());
        assert_eq!(store.page_tuples(GONE, "", None, 10).unwrap().len(), 3);
    }
}
