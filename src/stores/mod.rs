//! Provides the relation service: stores, their models and tuples, and versions of them that
//! readers pin.
//!
//! **Problem.** A decision needs the tuples, the model and the policies of one moment, in a
//! fraction of a microsecond. A write must be durable before it is acknowledged, and visible to the
//! first request after that. All ways to write must follow the same rules.
//! **Decision.** Each store has one [`Version`] at a time, immutable, behind an atomic pointer:
//! readers pin it, writers replace it. All writes of the service take turns ([`write_guard`]); each
//! is checked against the model, made durable, then published, then acknowledged. At start
//! everything is rebuilt from the durable store, which no decision reads. The version of `main`,
//! the store that decisions read, holds the bundle too ([`main_layer`]), so one pin gives policies,
//! model and tuples that belong together.
//! **Trade-off.** The tuples of all stores are in memory, even of stores that are never read; the
//! number of stores is bounded, and so is the memory of their compiled models. A write waits for
//! the previous one, even for another store; the disk would make it wait anyway.
//!
//! | File | Owns |
//! |---|---|
//! | `version` | what a reader pins |
//! | `write_guard` | the order of writes, and what is done after the disk failed in one |
//! | `models` | models: written, found, compiled |
//! | `compiled` | which of them stay compiled |
//! | `purge` | what deleted stores have left on the disk |
//! | `write` | batches of tuples, and the deletion of all tuples about somebody |
//! | `read` | tuples and changes in pages |
//! | `spelling` | how calls may spell objects, users and types |
//! | `main_layer` | the bundle's model and tuples in `main` |
//! | `catch_up` | what was written while a graph was made beside the writers |
//! | `direct` | one store of a data directory that no service has open |
//!
//! INVARIANT: whatever is published is durable, and a store's version changes only within a turn.

mod catch_up;
mod compiled;
mod direct;
mod error;
mod main_layer;
mod models;
mod purge;
mod read;
mod spelling;
mod unknown_names;
mod version;
mod write;
mod write_guard;

pub use crate::stores::direct::{Admission, DirectStore};
pub use crate::stores::error::StoresError;
pub use crate::stores::main_layer::{LayerCheck, MainLayer};
pub use crate::stores::models::StoredModel;
pub use crate::stores::read::{
    ChangePage, ChangePlace, TimedChange, TimedTuple, TuplePage, TuplePlace, TupleSelection,
};
pub use crate::stores::spelling::Spelling;
pub use crate::stores::version::{CompiledModel, Version};
pub use crate::stores::write::{ClearOutcome, ClearTarget, MAX_CLEARED, WriteOutcome};
// These are the names that the API over this service uses; it reaches relations and stores only
// through this module.
pub use crate::relations::model::{ModelRefusal, RefusalCode, TupleRefusal};
pub use crate::relations::{
    Allowance, Expansion, ExpansionNode, Failure, ListResult, ListTruncation, MAX_RESULTS,
    Membership, ReaderTerms, RelationError, RelationFault, RelationLimits, RelationReader,
    UserFilter,
};
pub use crate::storage::{
    BackupError, BackupFile, BackupHeader, BackupSummary, BatchOutcome, IdSource, ModelId,
    OnDuplicate, OnMissing, ParseIdError, StoreError, StoreId, StoreRecord, StoreSnapshot,
    TupleBatch, TupleStore, open_memory,
};

use crate::clock::Clock;
use crate::model::{Revision, Timestamp};
use crate::relations::Graph;
use crate::telemetry::RelationFigures;
use arc_swap::{ArcSwap, Guard};
use compiled::CompiledModels;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use write_guard::MemoryProgress;

/// The name of the store that decisions read.
pub const MAIN_NAME: &str = "main";

/// The limits of all stores together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Maximum number of stores, including `main`. If there are more already, they stay.
    pub stores: usize,
    /// Maximum size in bytes of the JSON of all models that stay compiled, except that of `main`.
    pub compiled_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            // This is a store for each customer of a large service. An empty store takes some
            // kilobytes.
            stores: 10_000,
            // Compiled models of this size take some hundred megabytes: thousands of usual models,
            // or fifty of the largest.
            compiled_bytes: 16 << 20,
        }
    }
}

/// Every store of the service.
#[derive(Debug)]
pub struct Stores {
    store: Arc<dyn TupleStore>,
    clock: StoresClock,
    ids: IdSource,
    main: Arc<OpenStore>,
    open: ArcSwap<BTreeMap<StoreId, Arc<OpenStore>>>,
    progress: Mutex<MemoryProgress>,
    limits: StoreLimits,
    compiled: Mutex<CompiledModels>,
    /// How many purges were requested since the current purge thread began; 0 if none runs.
    purges: AtomicUsize,
    /// The newest revision that readers can pin, over all stores.
    published: watch::Sender<Revision>,
}

/// A clock that can be a field of a `Debug` type.
struct StoresClock(Arc<dyn Clock>);

impl std::fmt::Debug for StoresClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// One store.
#[derive(Debug)]
struct OpenStore {
    record: StoreRecord,
    version: ArcSwap<Version>,
    /// Earlier versions that small changes replaced, kept until no reader uses them.
    superseded: Mutex<Vec<Arc<Version>>>,
    /// The lock is held while the graph is rebuilt.
    renewing: Mutex<()>,
}

/// Maximum number of superseded versions that are kept. Each holds the nodes that one small change
/// replaced.
const MAX_SUPERSEDED: usize = 64;

impl OpenStore {
    fn new(record: StoreRecord, version: Version) -> Arc<Self> {
        Arc::new(Self {
            record,
            version: ArcSwap::from_pointee(version),
            superseded: Mutex::default(),
            renewing: Mutex::default(),
        })
    }

    /// Publishes a version; to be called in a turn. Readers pin it from now on, and the version
    /// before is freed when its last reader is done.
    fn publish(&self, next: Version) {
        self.superseded().clear();
        self.version.store(Arc::new(next));
    }

    /// Publishes a version that differs from the one before in few tuples; to be called in a turn.
    /// The writer frees the version before, in a later turn.
    ///
    /// The thread that drops a version last frees a dozen nodes, and lowers the reference counts of
    /// some hundred others, in memory that the writer's processor has in its cache. Beside a writer
    /// at full speed nearly every slow check was slow because of that, and the 99th percentile of
    /// checks was 1.5 to 1.6 times that of a reader alone; it is 1.04 to 1.36 now
    /// (`benches/stores.rs`, in memory).
    fn publish_small(&self, next: Version) {
        let before = self.version.swap(Arc::new(next));
        let mut superseded = self.superseded();
        superseded.retain(|version| Arc::strong_count(version) > 1);
        if superseded.len() < MAX_SUPERSEDED {
            superseded.push(before);
        }
    }

    fn superseded(&self) -> MutexGuard<'_, Vec<Arc<Version>>> {
        // If a writer panicked, its superseded versions are still only waiting to be freed.
        self.superseded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stores {
    /// Rebuilds every store from the durable store, and creates `main` if it is missing. The time
    /// is proportional to the tuples: about two seconds for a million.
    pub fn open(store: Arc<dyn TupleStore>, clock: Arc<dyn Clock>) -> Result<Self, StoresError> {
        let records = with_main(store.as_ref(), Timestamp(clock.now_ms()))?;
        let mut open = BTreeMap::new();
        for record in records {
            let id = record.id;
            open.insert(id, load(store.as_ref(), record)?);
        }
        let main = open
            .get(&StoreId::MAIN)
            .cloned()
            .ok_or(StoreError::UnknownStore(StoreId::MAIN))?;
        let revision = store.revision()?;
        let (progress, published) = (
            Mutex::new(MemoryProgress::at(revision)),
            watch::Sender::new(revision),
        );
        let ids = IdSource::new(Arc::clone(&clock));
        let limits = StoreLimits::default();
        Ok(Self {
            store,
            clock: StoresClock(clock),
            ids,
            main,
            open: ArcSwap::from_pointee(open),
            progress,
            limits,
            compiled: Mutex::new(CompiledModels::with_room(limits.compiled_bytes)),
            purges: AtomicUsize::new(0),
            published,
        })
    }

    /// Returns the same stores with other limits.
    #[must_use]
    pub fn with_limits(self, limits: StoreLimits) -> Self {
        Self {
            limits,
            compiled: Mutex::new(CompiledModels::with_room(limits.compiled_bytes)),
            ..self
        }
    }

    /// Returns everything that all stores hold now, for a backup.
    pub fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        self.store.snapshot()
    }

    /// Lists stores by id: at most `limit` of those after `after`, and only those with `name`, if
    /// it is given.
    #[must_use]
    pub fn list(
        &self,
        after: Option<StoreId>,
        name: Option<&str>,
        limit: usize,
    ) -> Vec<StoreRecord> {
        let open = self.open.load();
        let records = open.values().map(|store| &store.record);
        let wanted = |record: &&StoreRecord| {
            after.is_none_or(|after| record.id > after)
                && name.is_none_or(|name| record.name == name)
        };
        records.filter(wanted).take(limit).cloned().collect()
    }

    /// Returns a store's record.
    pub fn record(&self, store: StoreId) -> Result<StoreRecord, StoresError> {
        Ok(self.find(store)?.record.clone())
    }

    /// Creates an empty store if the limit allows one more. Names need not be unique.
    pub fn create(&self, name: &str) -> Result<StoreRecord, StoresError> {
        let mut guard = self.lock_writes()?;
        if self.open.load().len() >= self.limits.stores {
            return Err(StoresError::TooManyStores(self.limits.stores));
        }
        let now = self.now();
        let record = record(self.ids.next_store()?, name, now);
        let revision = guard.durable(self.store.create_store(record.clone(), now))?;
        self.publish_store(record.clone(), revision)?;
        Ok(record)
    }

    /// Deletes a store; readers that have pinned it can finish. `main` cannot be deleted. The time
    /// does not depend on what the store holds: its rows on the disk are left to
    /// [`Stores::purge_beside`].
    pub fn delete(&self, store: StoreId) -> Result<(), StoresError> {
        if store == StoreId::MAIN {
            return Err(StoresError::MainStays);
        }
        let mut guard = self.lock_writes()?;
        let gone = self.find(store)?;
        guard.durable(self.store.delete_store(store, self.now()))?;
        self.forget_store(store);
        drop(guard);
        // This is freed outside the turn, because it takes time in proportion to the tuples.
        drop(gone);
        let compiled = self.compiled().take_out(store);
        drop(compiled);
        Ok(())
    }

    /// Pins the current version of a store.
    pub fn pin(&self, store: StoreId) -> Result<Arc<Version>, StoresError> {
        Ok(self.find(store)?.version.load_full())
    }

    /// Pins `main` for a decision: policies, model and tuples that belong together.
    #[must_use]
    pub fn main(&self) -> Guard<Arc<Version>> {
        self.main.version.load()
    }

    /// Counts what all stores hold. The time is proportional to the number of stores.
    #[must_use]
    pub fn figures(&self) -> RelationFigures {
        let open = self.open.load();
        let mut figures = RelationFigures {
            revision: self.published.borrow().0,
            stores: open.len(),
            ..RelationFigures::default()
        };
        for store in open.values() {
            let version = store.version.load();
            figures.stored_tuples += version.graph().stored_len();
            figures.bundle_tuples += version.graph().bundle_len();
        }
        figures
    }

    /// Returns a receiver of the newest revision up to which every store can be pinned. It counts
    /// the changes of all stores, so it may be newer than the version of `main` that is pinned at
    /// that time, which holds every change of `main` up to it.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Revision> {
        self.published.subscribe()
    }

    fn find(&self, store: StoreId) -> Result<Arc<OpenStore>, StoresError> {
        self.open
            .load()
            .get(&store)
            .cloned()
            .ok_or_else(|| StoreError::UnknownStore(store).into())
    }

    fn compiled(&self) -> MutexGuard<'_, CompiledModels> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.0.now_ms())
    }

    /// Adds an empty store to those that readers find; to be called in a turn.
    fn publish_store(&self, record: StoreRecord, revision: Revision) -> Result<(), StoresError> {
        let version = Version::of_graph(Graph::load([], revision)?);
        let mut open = BTreeMap::clone(&self.open.load());
        open.insert(record.id, OpenStore::new(record, version));
        self.open.store(Arc::new(open));
        Ok(())
    }

    /// Removes a store from those that readers find; to be called in a turn.
    fn forget_store(&self, store: StoreId) {
        let mut open = BTreeMap::clone(&self.open.load());
        open.remove(&store);
        self.open.store(Arc::new(open));
    }
}

/// Returns every store, including `main`, which is created if it is missing.
fn with_main(store: &dyn TupleStore, now: Timestamp) -> Result<Vec<StoreRecord>, StoresError> {
    let mut records = store.stores()?;
    if !records.iter().any(|record| record.id == StoreId::MAIN) {
        let main = record(StoreId::MAIN, MAIN_NAME, now);
        store.create_store(main.clone(), now)?;
        records.push(main);
    }
    Ok(records)
}

fn record(id: StoreId, name: &str, now: Timestamp) -> StoreRecord {
    StoreRecord {
        id,
        name: name.to_owned(),
        created_at: now,
        updated_at: now,
    }
}

fn load(store: &dyn TupleStore, record: StoreRecord) -> Result<Arc<OpenStore>, StoresError> {
    let id = record.id;
    let graph = Graph::read(|put| Ok::<_, StoresError>(store.read_tuples(id, put)?))?;
    let mut version = Version::of_graph(graph);
    if id == StoreId::MAIN {
        version = version.with_stripes();
    }
    if let Some(newest) = store.models(id, None, 1)?.into_iter().next() {
        version = version.with_newest(newest.id);
    }
    Ok(OpenStore::new(record, version))
}

#[cfg(test)]
mod tests;
