//! Durable relations: stores, their models and tuples, and the log of every change.
//!
//! **Problem.** Decisions read tuples a million times a second and must never wait for a disk; a
//! write that was acknowledged must survive whatever happens to the process. One structure does not
//! do both well.
//! **Decision.** The engine keeps tuples in memory; this folder is what it is rebuilt from at
//! start, and nothing on the path of a decision reads it. Every change becomes one entry of a log,
//! numbered without gaps, written together with the rows that it changes in one transaction that is
//! durable before the call returns. A database is only asked for ordered rows and atomic writes
//! (`kv`): what the rows mean is written once (`rows`, `log_store`), so that all databases behave
//! alike. `redb` is the default: of those measured (1M tuples, both directions) it had the fastest
//! reads by far, the smallest memory, and opened at once. `memory` forgets everything. `sled` is a
//! Cargo feature that nobody should need; its file says why.
//! **Trade-off.** Tuples lie on disk twice, in the log and in the state; reading a whole log to
//! start would take longer with every change ever made. The log of a deleted store is emptied, so
//! that its people are forgotten: beside the writers, some moments after the deletion.
//!
//! | File | Owns |
//! |---|---|
//! | `records`, `id`, `error` | the values that go in and out |
//! | `batch` | what a batch of tuples does to those that exist: preconditions |
//! | `rows`, `codec` | keys and bytes of each row |
//! | `log_store` | [`TupleStore`] over any `kv`; in it `purge`, what deleted stores leave |
//! | `backends` | the databases, each a `kv`, in one table; in it `location`, where a store lies |
//! | `disk` | the data directory: its lock, its failures |
//!
//! INVARIANT: replaying the log from the beginning gives the stores, models and tuples that the
//! state rows hold.

mod backends;
mod batch;
mod codec;
mod disk;
mod error;
mod id;
mod kv;
mod log_store;
mod records;
mod rows;

use crate::model::{Digest, Revision, Timestamp, Tuple, TupleKey};
use std::fmt;

pub use backends::{Backend, DEFAULT_CACHE_BYTES, StoreLocation, open_memory, open_redb};
pub use error::StoreError;
pub use id::{IdSource, ModelId, ParseIdError, StoreId};
pub use records::{
    Applied, Batch, Change, Event, ModelRecord, OnDuplicate, OnMissing, StoreRecord,
};

/// Where relations are kept. Calls block until the disk has answered: a service makes them on a
/// thread of its own.
///
/// **Revisions** count the changes of the whole service, over all stores, without gaps, from 1; an
/// untouched service is at 0. A call that changes nothing returns the present revision. The time of
/// a change is never before that of an earlier one: where the clock was set back, the earlier time
/// is kept.
///
/// **Errors.** A call that fails has not been acknowledged and has changed nothing, with one
/// exception that no disk can rule out: when the disk itself fails in the last moment
/// ([`StoreError::is_fault`]), the change may be found there later. The revision after next then
/// shows a gap to whoever writes: read [`TupleStore::changes`] from the last revision that was
/// seen, and go on.
pub trait TupleStore: Send + Sync + fmt::Debug {
    /// The present revision.
    fn revision(&self) -> Result<Revision, StoreError>;

    /// Creates a store. Refused where the id is taken.
    fn create_store(&self, store: StoreRecord, at: Timestamp) -> Result<Revision, StoreError>;

    /// Every store, by id in ascending order.
    fn stores(&self) -> Result<Vec<StoreRecord>, StoreError>;

    /// Deletes a store: nobody finds it from then on, whatever it holds, and however much that is.
    /// Its rows and its entries in the log are left to [`TupleStore::purge`].
    fn delete_store(&self, store: StoreId, at: Timestamp) -> Result<Revision, StoreError>;

    /// Removes some of what deleted stores have left, in one short write, and empties their entries
    /// in the log, the newest first. Returns `true` while there is more: it is to be called again,
    /// after a pause for other writers. A database that is opened knows what was left.
    fn purge(&self) -> Result<bool, StoreError>;

    /// Adds an authorization model, which is the newest from then on, whatever its id. Refused
    /// where the id is taken in this store.
    fn write_model(
        &self,
        store: StoreId,
        model: ModelRecord,
        at: Timestamp,
    ) -> Result<Revision, StoreError>;

    /// One model; `None` where the store has none of this id.
    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError>;

    /// Models from the newest to the oldest: at most `limit` of those older than `before`, or of
    /// all.
    fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<ModelRecord>, StoreError>;

    /// Replaces the assertions of a model, opaque here. They are tests of a model and answer no
    /// question: no revision.
    fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoreError>;

    /// The assertions of a model; `None` where none were written.
    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Deletes and writes tuples: all of the batch or nothing. A batch that changes nothing makes
    /// no revision.
    ///
    /// How many tuples a request may have is for its caller to limit; an import does well with
    /// [`Batch::IMPORT_TUPLES`].
    fn apply(&self, store: StoreId, batch: Batch, at: Timestamp) -> Result<Applied, StoreError>;

    /// Passes every tuple of a store to `visit`, grouped by object, and returns the revision at
    /// which all of them were read. Writers wait meanwhile, so `visit` must not call the store.
    fn read_tuples(
        &self,
        store: StoreId,
        visit: &mut dyn FnMut(Tuple),
    ) -> Result<Revision, StoreError>;

    /// Tuples in the order of their text (`object#relation@user`), each with the time at which it
    /// was written: at most `limit` of those whose text begins with `prefix` and comes after that
    /// of `after`.
    fn page_tuples(
        &self,
        store: StoreId,
        prefix: &str,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<(Tuple, Timestamp)>, StoreError>;

    /// When each of these tuples was written; `None` for one that does not exist.
    fn written_at(
        &self,
        store: StoreId,
        keys: &[TupleKey],
    ) -> Result<Vec<Option<Timestamp>>, StoreError>;

    /// Notes that a bundle was loaded, whose tuples are a layer over the store that decisions read.
    /// The digest that was noted last makes no revision again.
    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError>;

    /// The log after a revision, oldest first; of one store only, where one is named. Entries are
    /// never split: the page ends with the one that fills it up to `limit` tuples (other entries
    /// count by their size), and is empty only at the end of the log.
    fn changes(
        &self,
        store: Option<StoreId>,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError>;

    /// The last revision before a moment: where [`TupleStore::changes`] since then start.
    fn revision_before(&self, at: Timestamp) -> Result<Revision, StoreError>;
}
