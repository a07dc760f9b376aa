//! Implements [`TupleStore`] over any database: one log, and the state that results from it.
//!
//! INVARIANT: [`LogStore::commit_with`] makes all revisions. Every write goes through it, except
//! writes of assertions and the removal of what deleted stores have left ([`purge`]).

mod pages;
mod purge;
mod snapshot;

use crate::model::{Digest, Revision, Timestamp, Tuple, TupleKey};
use crate::storage::codec::Damage;
use crate::storage::disk::corrupt;
use crate::storage::kv::{KeyValue, Kv, Order, RowWrite};
use crate::storage::rows::{self, FORMAT, Head};
use crate::storage::{
    BatchOutcome, Event, LogEntry, ModelId, ModelRecord, StoreError, StoreId, StoreRecord,
    StoreSnapshot, TupleBatch, TupleStore, batch,
};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of rows that are read at once from a range that may be long: some hundred KiB of tuples.
const PAGE_ROWS: usize = 4096;

/// The store over one database; see [`super`].
#[derive(Debug)]
pub(super) struct LogStore<K> {
    kv: K,
    /// Locked during a write, so that each write is planned on the result of the previous one.
    head: Mutex<LogState>,
}

/// The head, and the deleted stores whose rows are not yet removed.
#[derive(Debug)]
struct LogState {
    head: Head,
    /// Stores that have rows and no record.
    deleted: BTreeSet<StoreId>,
    /// Whether a write has failed, so that the head must be read again from the database.
    doubtful: bool,
}

impl LogState {
    fn read(kv: &dyn Kv) -> Result<Self, StoreError> {
        Ok(Self {
            head: read_head(kv)?,
            deleted: purge::deleted_stores(kv)?,
            doubtful: false,
        })
    }
}

/// The plan of a change: the event that is logged, and the rows that are written.
struct ChangePlan {
    event: Event,
    rows: Vec<RowWrite>,
}

impl<K: Kv> LogStore<K> {
    /// Opens a database: writes the format to an empty one, and checks the format of any other.
    pub(super) fn open(kv: K) -> Result<Self, StoreError> {
        let found = kv.values(&[rows::FORMAT_KEY.to_vec()])?.pop().flatten();
        match found.as_deref() {
            None if kv
                .page(vec![0]..vec![u8::MAX], Order::Ascending, 1)?
                .is_empty() =>
            {
                kv.write(vec![
                    RowWrite::put(rows::FORMAT_KEY.to_vec(), FORMAT.to_be_bytes().to_vec()),
                    RowWrite::put(
                        rows::HEAD_KEY.to_vec(),
                        Head {
                            revision: 0,
                            at: Timestamp(i64::MIN),
                        }
                        .encode(),
                    ),
                ])?;
            }
            None => return Err(corrupt(kv.path(), "its format is missing")),
            Some(bytes) => {
                let found = bytes.try_into().map(u32::from_be_bytes);
                let found = found.map_err(|_| corrupt(kv.path(), "its format is illegible"))?;
                if found != FORMAT {
                    return Err(StoreError::Format {
                        path: kv.path().to_owned(),
                        found,
                        expected: FORMAT,
                    });
                }
            }
        }
        let known = LogState::read(&kv)?;
        let head = known.head;
        let store = Self {
            kv,
            head: Mutex::new(known),
        };
        store.check_end_of_log(head)?;
        Ok(store)
    }

    /// Makes one change. `plan` gets the revision and the time that the change will have, and
    /// returns `None` if there is nothing to change.
    fn commit(
        &self,
        at: Timestamp,
        plan: impl FnOnce(u64, Timestamp) -> Result<Option<ChangePlan>, StoreError>,
    ) -> Result<(Revision, Option<Event>), StoreError> {
        self.commit_with(&mut *self.lock_head()?, at, plan)
    }

    fn commit_with(
        &self,
        known: &mut LogState,
        at: Timestamp,
        plan: impl FnOnce(u64, Timestamp) -> Result<Option<ChangePlan>, StoreError>,
    ) -> Result<(Revision, Option<Event>), StoreError> {
        let revision = known.head.revision + 1;
        let at = at.max(known.head.at);
        let Some(ChangePlan { event, mut rows }) = plan(revision, at)? else {
            return Ok((Revision(known.head.revision), None));
        };
        let head = Head { revision, at };
        rows.push(RowWrite::put(rows::HEAD_KEY.to_vec(), head.encode()));
        let entry = encode(head.at, &event)?;
        rows.push(RowWrite::put(rows::log_key(revision), entry));
        // The deletion is not listed in the store's own log: a deleted store's log has no readers,
        // and would appear again in a new store with the same id.
        if let Some(store) = event
            .store()
            .filter(|_| !matches!(event, Event::StoreDeleted(_)))
        {
            let key = rows::log_of_store_key(store, revision);
            rows.push(RowWrite::put(key, Vec::new()));
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        known.doubtful = true;
        self.kv.write(rows)?;
        known.head = head;
        known.doubtful = false;
        Ok((Revision(revision), Some(event)))
    }

    /// Waits for the previous writer, and reads the head again if a write has failed.
    fn lock_head(&self) -> Result<MutexGuard<'_, LogState>, StoreError> {
        let mut known = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if known.doubtful {
            *known = LogState::read(&self.kv)?;
        }
        Ok(known)
    }

    fn value(&self, key: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kv.values(&[key])?.pop().flatten())
    }

    fn check_store(&self, store: StoreId) -> Result<(), StoreError> {
        match self.value(rows::store_key(store))? {
            Some(_) => Ok(()),
            None => Err(StoreError::UnknownStore(store)),
        }
    }

    /// Returns the revision that wrote a model.
    fn model_revision(&self, store: StoreId, model: ModelId) -> Result<Option<u64>, StoreError> {
        let found = self.value(rows::model_key(store, model))?;
        found
            .map(|value| self.read(rows::decode_revision(&value), "the row of a model"))
            .transpose()
    }

    fn model_at(&self, revision: u64) -> Result<ModelRecord, StoreError> {
        match self.entry_at(revision)?.event {
            Event::ModelWritten { model, .. } => Ok(model),
            // The store may have been deleted while this was read.
            Event::Erased(store) => Err(self
                .check_store(store)
                .err()
                .unwrap_or_else(|| self.damaged("an erased model"))),
            _ => Err(self.damaged("the entry of a model")),
        }
    }

    fn entry_at(&self, revision: u64) -> Result<LogEntry, StoreError> {
        let value = self
            .value(rows::log_key(revision))?
            .ok_or_else(|| self.damaged("a missing entry of the log"))?;
        self.read(rows::decode_change(revision, &value), "an entry of the log")
    }

    /// Calls `visit` with every row of a range, in pages.
    fn each_row(
        &self,
        mut range: Range<Vec<u8>>,
        mut visit: impl FnMut(KeyValue) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let page = self.kv.page(range.clone(), Order::Ascending, PAGE_ROWS)?;
            let is_last = page.len() < PAGE_ROWS;
            if let Some((last, _)) = page.last() {
                range.start = rows::after(last);
            }
            page.into_iter().try_for_each(&mut visit)?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn read<T>(&self, found: Result<T, Damage>, what: &str) -> Result<T, StoreError> {
        found.map_err(|Damage| self.damaged(what))
    }

    fn damaged(&self, what: &str) -> StoreError {
        corrupt(self.kv.path(), what)
    }
}

impl<K: Kv> TupleStore for LogStore<K> {
    fn revision(&self) -> Result<Revision, StoreError> {
        Ok(Revision(self.lock_head()?.head.revision))
    }

    fn create_store(&self, store: StoreRecord, at: Timestamp) -> Result<Revision, StoreError> {
        let mut known = self.lock_head()?;
        // INVARIANT: a store begins without rows, even if an earlier one had its id.
        self.purge_store(&mut known, store.id)?;
        let committed = self.commit_with(&mut known, at, |_, _| {
            let key = rows::store_key(store.id);
            if self.value(key.clone())?.is_some() {
                return Err(StoreError::StoreExists(store.id));
            }
            Ok(Some(ChangePlan {
                rows: vec![RowWrite::put(key, rows::encode_store(&store))],
                event: Event::StoreCreated(store),
            }))
        });
        Ok(committed?.0)
    }

    fn stores(&self) -> Result<Vec<StoreRecord>, StoreError> {
        let mut stores = Vec::new();
        self.each_row(rows::stores_range(), |(_, value)| {
            stores.push(self.read(rows::decode_store(&value), "the record of a store")?);
            Ok(())
        })?;
        Ok(stores)
    }

    fn delete_store(&self, store: StoreId, at: Timestamp) -> Result<Revision, StoreError> {
        let mut known = self.lock_head()?;
        let (revision, _) = self.commit_with(&mut known, at, |_, _| {
            self.check_store(store)?;
            let rows = vec![RowWrite::remove(rows::store_key(store))];
            Ok(Some(ChangePlan {
                event: Event::StoreDeleted(store),
                rows,
            }))
        })?;
        known.deleted.insert(store);
        Ok(revision)
    }

    fn purge(&self) -> Result<bool, StoreError> {
        let mut known = self.lock_head()?;
        if let Some(store) = known.deleted.first().copied() {
            self.purge_some(&mut known, store)?;
        }
        Ok(!known.deleted.is_empty())
    }

    fn write_model(
        &self,
        store: StoreId,
        model: ModelRecord,
        at: Timestamp,
    ) -> Result<Revision, StoreError> {
        let committed = self.commit(at, |revision, _| {
            self.check_store(store)?;
            if self.model_revision(store, model.id)?.is_some() {
                return Err(StoreError::ModelExists {
                    store,
                    model: model.id,
                });
            }
            let rows = vec![
                RowWrite::put(
                    rows::model_key(store, model.id),
                    revision.to_be_bytes().to_vec(),
                ),
                RowWrite::put(
                    rows::model_order_key(store, revision),
                    model.id.to_bytes().to_vec(),
                ),
            ];
            Ok(Some(ChangePlan {
                event: Event::ModelWritten { store, model },
                rows,
            }))
        });
        Ok(committed?.0)
    }

    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError> {
        self.check_store(store)?;
        self.model_revision(store, model)?
            .map(|revision| self.model_at(revision))
            .transpose()
    }

    fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<ModelRecord>, StoreError> {
        self.check_store(store)?;
        let before = match before {
            None => u64::MAX,
            Some(model) => self
                .model_revision(store, model)?
                .ok_or(StoreError::UnknownModel { store, model })?,
        };
        let page = self
            .kv
            .page(rows::models_before(store, before), Order::Descending, limit)?;
        let models = page.iter().map(|(key, id)| {
            let model = self.model_at(self.read(rows::revision_of(key), "the order of models")?)?;
            let id = self.read(rows::decode_model_id(id), "the order of models")?;
            if model.id == id {
                Ok(model)
            } else {
                Err(self.damaged("the order of models"))
            }
        });
        models.collect()
    }

    fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoreError> {
        let _writing = self.lock_head()?;
        self.check_store(store)?;
        if self.model_revision(store, model)?.is_none() {
            return Err(StoreError::UnknownModel { store, model });
        }
        self.kv.write(vec![RowWrite::put(
            rows::assertions_key(store, model),
            assertions.to_vec(),
        )])
    }

    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError> {
        self.check_store(store)?;
        self.value(rows::assertions_key(store, model))
    }

    fn apply(
        &self,
        store: StoreId,
        batch: TupleBatch,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let (revision, event) = self.commit(at, |_, now| {
            self.check_store(store)?;
            let batch::BatchEffect {
                deleted,
                written,
                rows,
            } = batch::resolve(&self.kv, store, batch, now)?;
            let event = Event::TuplesChanged {
                store,
                deleted,
                written,
            };
            Ok((!rows.is_empty()).then_some(ChangePlan { event, rows }))
        })?;
        let (deleted, written) = match event {
            Some(Event::TuplesChanged {
                deleted, written, ..
            }) => (deleted, written),
            _ => (Vec::new(), Vec::new()),
        };
        Ok(BatchOutcome {
            revision,
            deleted,
            written,
        })
    }

    fn read_tuples(
        &self,
        store: StoreId,
        visit: &mut dyn FnMut(Tuple),
    ) -> Result<Revision, StoreError> {
        let known = self.lock_head()?;
        self.check_store(store)?;
        self.each_row(rows::tuples_range(store), |(key, value)| {
            visit(self.read(rows::decode_tuple(&key, &value), "a tuple")?.0);
            Ok(())
        })?;
        Ok(Revision(known.head.revision))
    }

    fn page_tuples(
        &self,
        store: StoreId,
        prefix: &str,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<(Tuple, Timestamp)>, StoreError> {
        self.check_store(store)?;
        let mut range = rows::tuples_with(store, prefix);
        if let Some(after) = after {
            range.start = range.start.max(rows::after(&rows::tuple_key(store, after)));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let page = self.kv.page(range, Order::Ascending, limit)?;
        page.iter()
            .map(|(key, value)| self.read(rows::decode_tuple(key, value), "a tuple"))
            .collect()
    }

    fn written_at(
        &self,
        store: StoreId,
        keys: &[TupleKey],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.check_store(store)?;
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| rows::tuple_key(store, key)).collect();
        let values = self.kv.values(&keys)?.into_iter();
        let times = values.map(|value| {
            value
                .map(|value| rows::split_value(&value).map(|(at, _)| at))
                .transpose()
        });
        times.map(|at| self.read(at, "a tuple")).collect()
    }

    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError> {
        let noted = digest.to_string().into_bytes();
        let committed = self.commit(at, |_, _| {
            if self.value(rows::BUNDLE_KEY.to_vec())?.as_ref() == Some(&noted) {
                return Ok(None);
            }
            let rows = vec![RowWrite::put(rows::BUNDLE_KEY.to_vec(), noted)];
            Ok(Some(ChangePlan {
                event: Event::BundleLoaded(digest),
                rows,
            }))
        });
        Ok(committed?.0)
    }

    fn noted_bundle(&self) -> Result<Option<Digest>, StoreError> {
        let noted = self.value(rows::BUNDLE_KEY.to_vec())?;
        noted
            .map(|digits| self.read(rows::decode_digest(&digits), "the digest of a bundle"))
            .transpose()
    }

    fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        Ok(Box::new(self.take_snapshot()?))
    }

    fn changes(
        &self,
        store: Option<StoreId>,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        if let Some(store) = store {
            self.check_store(store)?;
        }
        self.changes_after(store, after.0, limit)
    }

    fn revision_before(&self, at: Timestamp) -> Result<Revision, StoreError> {
        self.last_before(at)
    }
}

fn read_head(kv: &dyn Kv) -> Result<Head, StoreError> {
    let found = kv.values(&[rows::HEAD_KEY.to_vec()])?.pop().flatten();
    let head = found.ok_or(Damage).and_then(|bytes| Head::decode(&bytes));
    head.map_err(|Damage| corrupt(kv.path(), "its last revision is missing"))
}

fn encode(at: Timestamp, event: &Event) -> Result<Vec<u8>, StoreError> {
    rows::encode_change(at, event).map_err(StoreError::TooDeep)
}
