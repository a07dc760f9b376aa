//! Stores relations durably: stores, their models and tuples, and the log of every change.
//!
//! **Problem.** Decisions read tuples a million times a second and must never wait for a disk; an
//! acknowledged write must survive whatever happens to the process. One structure does not do both
//! well.
//! **Decision.** The engine keeps tuples in memory. It is rebuilt at start from the rows that this
//! folder stores, and no decision reads them. Every change becomes one entry of a log, numbered
//! without gaps, and is written together with the rows that it changes in one transaction that is
//! durable before the call returns. A database only has to provide ordered rows and atomic writes
//! (`kv`); what the rows mean is written once (`rows`, `log_store`), so that all databases behave
//! alike. `redb` is the default: of those measured (1M tuples, both directions) it had the fastest
//! reads by far, the smallest memory, and opened at once. `memory` keeps nothing after the process.
//! `sled` is a Cargo feature that nobody should need; its file says why.
//! **Trade-off.** Tuples are on disk twice, in the log and in the state, because reading a whole
//! log at start would take longer with every change ever made. The log entries of a deleted store
//! are emptied, so that its people are forgotten; this happens in the background, shortly after the
//! deletion.
//!
//! | File | Owns |
//! |---|---|
//! | `records`, `id`, `error` | the values that go in and out |
//! | `batch` | what a batch of tuples does to those that exist: preconditions |
//! | `rows`, `codec` | keys and bytes of each row |
//! | `log_store` | [`TupleStore`] over any `kv`; in it `purge`, what deleted stores leave |
//! | `backends` | the databases, each a `kv`, in one table; in it `location`, where a store lies |
//! | `disk` | the data directory: its lock, its failures |
//! | `backup` | everything at one revision as a stream of bytes, and its way back |
//!
//! INVARIANT: replaying the log from the beginning gives the stores, models and tuples that the
//! state rows hold.

mod backends;
mod backup;
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
pub use backup::{
    BACKUP_FORMAT, BackupError, BackupFile, BackupHeader, BackupReader, BackupSummary,
    StoreSnapshot, restore,
};
pub use error::StoreError;
pub use id::{IdSource, ModelId, ParseIdError, StoreId};
pub use records::{
    BatchOutcome, Event, LogEntry, ModelRecord, OnDuplicate, OnMissing, StoreRecord, TupleBatch,
};

/// A durable store of relations. Calls block until the disk has answered, so a service makes them
/// on a thread of its own.
///
/// **Revisions** count the changes of the whole service, over all stores, without gaps, from 1; a
/// service without changes is at 0. A call that changes nothing returns the current revision. The
/// time of a change is never before that of an earlier one: if the clock was set back, the time of
/// the last change is used.
///
/// **Errors.** A call that fails was not acknowledged and has changed nothing, with one exception
/// that no disk can rule out: if the disk itself fails at the last moment
/// ([`StoreError::is_fault`]), the change may be found there later. The next write then gets a
/// revision after a gap. Its writer reads [`TupleStore::changes`] from the last revision that it
/// knows, and continues.
pub trait TupleStore: Send + Sync + fmt::Debug {
    /// Returns the current revision.
    fn revision(&self) -> Result<Revision, StoreError>;

    /// Creates a store. Refuses an id that is taken.
    fn create_store(&self, store: StoreRecord, at: Timestamp) -> Result<Revision, StoreError>;

    /// Returns every store, by id in ascending order.
    fn stores(&self) -> Result<Vec<StoreRecord>, StoreError>;

    /// Deletes a store. No call finds it from then on, and the time that this takes does not depend
    /// on what it holds. Its rows and its entries in the log are left to [`TupleStore::purge`].
    fn delete_store(&self, store: StoreId, at: Timestamp) -> Result<Revision, StoreError>;

    /// Removes some of the rows that deleted stores have left, in one short write, and empties
    /// their entries in the log, the newest first. Returns `true` while there is more; it is then
    /// to be called again, after a pause for other writers. A database that is opened finds what
    /// was left.
    fn purge(&self) -> Result<bool, StoreError>;

    /// Adds an authorization model, which is the newest from then on, whatever its id. Refuses an
    /// id that is taken in this store.
    fn write_model(
        &self,
        store: StoreId,
        model: ModelRecord,
        at: Timestamp,
    ) -> Result<Revision, StoreError>;

    /// Returns a model; `None` if the store has none with this id.
    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError>;

    /// Returns models from the newest to the oldest: at most `limit` of those older than `before`,
    /// or of all.
    fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<ModelRecord>, StoreError>;

    /// Replaces the assertions of a model, whose content is opaque here. They test a model and
    /// affect no answer, so this makes no revision.
    fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoreError>;

    /// Returns the assertions of a model; `None` if none were written.
    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Deletes and writes tuples, the whole batch or nothing. A batch that changes nothing makes no
    /// revision.
    ///
    /// The caller limits how many tuples a request may have; [`TupleBatch::IMPORT_TUPLES`] is a
    /// good size for an import.
    fn apply(
        &self,
        store: StoreId,
        batch: TupleBatch,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError>;

    /// Passes every tuple of a store to `visit`, grouped by object, and returns the revision at
    /// which all of them were read. Writers wait meanwhile, so `visit` must not call the store.
    fn read_tuples(
        &self,
        store: StoreId,
        visit: &mut dyn FnMut(Tuple),
    ) -> Result<Revision, StoreError>;

    /// Returns tuples in the order of their text (`object#relation@user`), each with the time at
    /// which it was written: at most `limit` of those whose text begins with `prefix` and comes
    /// after the text of `after`.
    fn page_tuples(
        &self,
        store: StoreId,
        prefix: &str,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<(Tuple, Timestamp)>, StoreError>;

    /// Returns when each of these tuples was written; `None` for one that does not exist.
    fn written_at(
        &self,
        store: StoreId,
        keys: &[TupleKey],
    ) -> Result<Vec<Option<Timestamp>>, StoreError>;

    /// Records that a bundle was loaded, whose tuples are a layer over the store that decisions
    /// read. Recording the same digest as last time makes no revision.
    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError>;

    /// Returns the digest that was recorded last; `None` if none was. A store that does not say it
    /// has no kept bundle decide.
    fn noted_bundle(&self) -> Result<Option<Digest>, StoreError> {
        Ok(None)
    }

    /// Returns everything that it holds now, for a backup. Writers do not wait for the snapshot.
    /// By default, a store gives none.
    fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        Err(StoreError::NoSnapshot)
    }

    /// Returns the log after a revision, oldest first, and only that of one store if `store` names
    /// one. Entries are never split: the page ends with the entry that fills it up to `limit`
    /// tuples (other entries count by their size), and is empty only at the end of the log.
    fn changes(
        &self,
        store: Option<StoreId>,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError>;

    /// Returns the last revision before a time; [`TupleStore::changes`] after it are those since
    /// then.
    fn revision_before(&self, at: Timestamp) -> Result<Revision, StoreError>;
}
