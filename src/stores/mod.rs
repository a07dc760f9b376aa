//! The relation service: stores, their models and tuples, and versions of them that readers pin.
//!
//! **Problem.** A decision needs tuples, model and policies of one moment, in a fraction of a
//! microsecond; a write must be durable before it is acknowledged, and visible to the first request
//! after that. Whoever writes through one door must not find another door that forgets a rule.
//! **Decision.** Each store has one [`Version`] at a time, immutable, behind an atomic pointer:
//! readers pin it, writers replace it. All writes of the service take turns ([`turn`]); each is
//! checked against the model, made durable, then published, then acknowledged. At start everything
//! is rebuilt from the durable store, which nothing reads on the way to a decision. The version of
//! `main`, the store that decisions read, holds the bundle too ([`main_layer`]): one pin gives
//! policies, model and tuples that belong together.
//! **Trade-off.** Tuples of all stores are in memory, those of stores that nobody asks about among
//! them; how many stores there may be is bounded, and so is what is compiled of their models. One
//! write waits for the one before it, whatever store that is for: the disk would make it wait
//! anyway.
//!
//! | File | Owns |
//! |---|---|
//! | `version` | what a reader pins |
//! | `turn` | the order of writes, and what is done after the disk failed in one |
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
//! INVARIANT: what is published is durable, and every change of a store's version happens in a
//! turn.

mod catch_up;
mod compiled;
mod direct;
mod error;
mod main_layer;
mod models;
mod purge;
mod read;
mod spelling;
mod version;
mod write;
mod write_guard;

pub use crate::stores::direct::{Admission, DirectStore};
pub use crate::stores::error::StoresError;
pub use crate::stores::main_layer::MainLayer;
pub use crate::stores::models::StoredModel;
pub use crate::stores::read::{
    ChangePage, ChangePlace, Place, Selection, TimedChange, TimedTuple, TuplePage,
};
pub use crate::stores::spelling::Spelling;
pub use crate::stores::version::{Model, Version};
pub use crate::stores::write::{About, Cleared, MAX_CLEARED, Written};
// What the surface over this service reads and names; it reaches relations and stores through here
// alone.
pub use crate::relations::model::{ModelRefusal, RefusalCode, TupleRefusal};
pub use crate::relations::{
    Allowance, Cut, Expansion, ExpansionNode, Failure, Limits, Listed, MAX_RESULTS, Membership,
    Reader, RelationError, RelationFault, Terms, UserFilter,
};
pub use crate::storage::{
    Applied, Batch, IdSource, ModelId, OnDuplicate, OnMissing, ParseIdError, StoreError, StoreId,
    StoreRecord, TupleStore, open_memory,
};

use crate::clock::Clock;
use crate::model::{Revision, Timestamp};
use crate::relations::Graph;
use arc_swap::{ArcSwap, Guard};
use compiled::CompiledModels;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use write_guard::Progress;

/// The name of the store that decisions read.
pub const MAIN_NAME: &str = "main";

/// What all stores may take together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// The most stores, `main` among them. More that are there already stay.
    pub stores: usize,
    /// The most bytes that the JSON of models has together that stay compiled, but for that of
    /// `main`.
    pub compiled_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            // A store for each customer of a large service. An empty one takes some kilobytes.
            stores: 10_000,
            // Some hundred megabytes once they are compiled: thousands of usual models, or fifty of
            // the largest.
            compiled_bytes: 16 << 20,
        }
    }
}

/// Every store of the service.
#[derive(Debug)]
pub struct Stores {
    store: Arc<dyn TupleStore>,
    clock: TheClock,
    ids: IdSource,
    main: Arc<OpenStore>,
    open: ArcSwap<BTreeMap<StoreId, Arc<OpenStore>>>,
    progress: Mutex<Progress>,
    limits: StoreLimits,
    compiled: Mutex<CompiledModels>,
    /// How often what deleted stores have left was to be removed since a thread began to.
    purges: AtomicUsize,
    /// How far the versions that readers can pin are, over all stores.
    published: watch::Sender<Revision>,
}

/// A clock that can stand in a `Debug` type.
struct TheClock(Arc<dyn Clock>);

impl std::fmt::Debug for TheClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// One store.
#[derive(Debug)]
struct OpenStore {
    record: StoreRecord,
    version: ArcSwap<Version>,
    /// Versions before it that small changes superseded, until nobody reads them.
    superseded: Mutex<Vec<Arc<Version>>>,
    /// Held while the graph is made anew.
    renewing: Mutex<()>,
}

/// Most superseded versions that are kept. Each holds the nodes that one small change replaced.
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

    /// In a turn. Readers pin this version from now on; what it replaces is freed when its last
    /// reader has gone.
    fn publish(&self, next: Version) {
        self.superseded().clear();
        self.version.store(Arc::new(next));
    }

    /// The same for a version that differs from the one before in few tuples. That one is freed by
    /// the writer, in a later turn.
    ///
    /// Whoever lets go of a version last frees a dozen nodes, and lowers the counts of some hundred
    /// others, in memory that the writer's processor holds. Beside a writer at full speed that was
    /// nearly every check that takes long, and their 99th percentile was 1.5 to 1.6 times that of a
    /// reader alone; it is 1.04 to 1.36 (`benches/stores.rs`, in memory).
    fn publish_small(&self, next: Version) {
        let before = self.version.swap(Arc::new(next));
        let mut superseded = self.superseded();
        superseded.retain(|version| Arc::strong_count(version) > 1);
        if superseded.len() < MAX_SUPERSEDED {
            superseded.push(before);
        }
    }

    fn superseded(&self) -> MutexGuard<'_, Vec<Arc<Version>>> {
        // Whatever a writer that panicked left there is only waiting to be freed.
        self.superseded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stores {
    /// Rebuilds every store from what is durable, and makes `main` where it is missing. Takes time
    /// in proportion to the tuples: about two seconds for a million.
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
            Mutex::new(Progress::at(revision)),
            watch::Sender::new(revision),
        );
        let ids = IdSource::new(Arc::clone(&clock));
        let limits = StoreLimits::default();
        Ok(Self {
            store,
            clock: TheClock(clock),
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

    /// The same within other limits.
    #[must_use]
    pub fn with_limits(self, limits: StoreLimits) -> Self {
        Self {
            limits,
            compiled: Mutex::new(CompiledModels::with_room(limits.compiled_bytes)),
            ..self
        }
    }

    /// Stores by id: at most `limit` of those after `after`, and with that name where one is given.
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

    /// A store's record.
    pub fn record(&self, store: StoreId) -> Result<StoreRecord, StoresError> {
        Ok(self.find(store)?.record.clone())
    }

    /// Creates an empty store, where there is room for one. Names need not be unique.
    pub fn create(&self, name: &str) -> Result<StoreRecord, StoresError> {
        let mut turn = self.turn()?;
        if self.open.load().len() >= self.limits.stores {
            return Err(StoresError::TooManyStores(self.limits.stores));
        }
        let now = self.now();
        let record = record(self.ids.next_store()?, name, now);
        let revision = turn.durable(self.store.create_store(record.clone(), now))?;
        self.publish_store(record.clone(), revision)?;
        Ok(record)
    }

    /// Deletes a store; readers that have pinned it end in peace. `main` cannot be deleted. It
    /// takes no longer for a store that holds much: what that leaves on the disk is for
    /// [`Stores::purge_beside`] to remove.
    pub fn delete(&self, store: StoreId) -> Result<(), StoresError> {
        if store == StoreId::MAIN {
            return Err(StoresError::MainStays);
        }
        let mut turn = self.turn()?;
        let gone = self.find(store)?;
        turn.durable(self.store.delete_store(store, self.now()))?;
        self.forget_store(store);
        drop(turn);
        // Freed beside the writers: it takes time in proportion to the tuples.
        drop(gone);
        let compiled = self.compiled().take_out(store);
        drop(compiled);
        Ok(())
    }

    /// Pins a store as it is now.
    pub fn pin(&self, store: StoreId) -> Result<Arc<Version>, StoresError> {
        Ok(self.find(store)?.version.load_full())
    }

    /// Pins `main` for a decision: policies, model and tuples that belong together.
    #[must_use]
    pub fn main(&self) -> Guard<Arc<Version>> {
        self.main.version.load()
    }

    /// The newest revision of which every store can be pinned, as it goes on. It counts the changes
    /// of all stores, so it may be newer than the version of `main` that is pinned then, which
    /// holds every change of `main` up to it.
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

    /// In a turn.
    fn publish_store(&self, record: StoreRecord, revision: Revision) -> Result<(), StoresError> {
        let version = Version::of_graph(Graph::load([], revision)?);
        let mut open = BTreeMap::clone(&self.open.load());
        open.insert(record.id, OpenStore::new(record, version));
        self.open.store(Arc::new(open));
        Ok(())
    }

    /// In a turn.
    fn forget_store(&self, store: StoreId) {
        let mut open = BTreeMap::clone(&self.open.load());
        open.remove(&store);
        self.open.store(Arc::new(open));
    }
}

/// Every store, and `main`, which is made where it is missing.
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
