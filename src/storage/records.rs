//! Defines the values that go into a store and come out of it.

use crate::model::{Digest, Revision, Timestamp, Tuple, TupleKey};
use crate::storage::{ModelId, StoreId};

/// The record of a store, which has its own models and tuples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRecord {
    /// Its id.
    pub id: StoreId,
    /// Its name. Several stores may have one name.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its name was last changed.
    pub updated_at: Timestamp,
}

/// An authorization model, immutable once written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRecord {
    /// Its id, unique in its store.
    pub id: ModelId,
    /// The model as JSON, whose content is opaque here.
    pub json: Vec<u8>,
}

/// What to do with a tuple that is to be written and exists already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDuplicate {
    /// Refuse the batch, even if the condition is another one
    /// ([`StoreError::Exists`](crate::storage::StoreError::Exists),
    /// [`StoreError::ExistsOtherwise`](crate::storage::StoreError::ExistsOtherwise)).
    #[default]
    Error,
    /// Skip it if condition and context are equal, and refuse the batch if not
    /// ([`StoreError::ConditionDiffers`](crate::storage::StoreError::ConditionDiffers)).
    Ignore,
    /// Skip it if condition and context are equal, and otherwise replace the existing tuple. The
    /// log has the deletion of the old and the write of the new tuple in one entry.
    Replace,
}

/// What to do with a tuple that is to be deleted and does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMissing {
    /// Refuse the batch ([`StoreError::Missing`](crate::storage::StoreError::Missing)).
    #[default]
    Error,
    /// Skip it.
    Ignore,
}

/// A change of tuples that is made as a whole: deletes, then writes. No key may occur twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TupleBatch {
    /// Tuples to delete, whatever their condition.
    pub deletes: Vec<TupleKey>,
    /// Tuples to write.
    pub writes: Vec<Tuple>,
    /// What to do if a tuple to be written exists.
    pub on_duplicate: OnDuplicate,
    /// What to do if a tuple to be deleted does not exist.
    pub on_missing: OnMissing,
}

impl TupleBatch {
    /// A good size for an import. Batches of 1,000 took twice the CPU time, because they touch more
    /// pages of the tree. Batches of 50,000 took two thirds of it, but then a page of the log would
    /// cost its reader 50,000 tuples.
    pub const IMPORT_TUPLES: usize = 10_000;

    /// Creates a batch that writes tuples, all of which must be new.
    #[must_use]
    pub fn of_writes(writes: Vec<Tuple>) -> Self {
        Self {
            writes,
            ..Self::default()
        }
    }

    /// Creates a batch that deletes tuples, all of which must exist.
    #[must_use]
    pub fn of_deletes(deletes: Vec<TupleKey>) -> Self {
        Self {
            deletes,
            ..Self::default()
        }
    }

    /// Returns every key, those to delete first.
    pub fn keys(&self) -> impl Iterator<Item = &TupleKey> {
        self.deletes
            .iter()
            .chain(self.writes.iter().map(|tuple| &tuple.key))
    }
}

/// The effect of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchOutcome {
    /// The revision after the batch: a new one, unless nothing changed.
    pub revision: Revision,
    /// The deleted tuples, without skipped ones and with replaced ones.
    pub deleted: Vec<TupleKey>,
    /// The written tuples, without skipped ones.
    pub written: Vec<Tuple>,
}

impl BatchOutcome {
    /// Returns `true` if the batch made a revision.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !(self.deleted.is_empty() && self.written.is_empty())
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number, one more than that of the previous entry.
    pub revision: Revision,
    /// When it was made; never before the previous entry.
    pub at: Timestamp,
    /// The change itself.
    pub event: Event,
}

/// The content of a log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A store was created.
    StoreCreated(StoreRecord),
    /// A store was deleted, with everything in it.
    StoreDeleted(StoreId),
    /// A model became the newest of its store.
    ModelWritten {
        /// The store.
        store: StoreId,
        /// The model.
        model: ModelRecord,
    },
    /// Tuples were deleted, then others written.
    TuplesChanged {
        /// The store.
        store: StoreId,
        /// The tuples that no longer exist.
        deleted: Vec<TupleKey>,
        /// The tuples that exist from then on.
        written: Vec<Tuple>,
    },
    /// A bundle was loaded.
    BundleLoaded(Digest),
    /// A change in a store that was deleted later: its content is gone, its number stays.
    Erased(StoreId),
}

impl Event {
    /// Returns the store of the change; `None` if it concerns the whole service.
    #[must_use]
    pub fn store(&self) -> Option<StoreId> {
        match self {
            Self::StoreCreated(record) => Some(record.id),
            Self::StoreDeleted(store)
            | Self::Erased(store)
            | Self::ModelWritten { store, .. }
            | Self::TuplesChanged { store, .. } => Some(*store),
            Self::BundleLoaded(_) => None,
        }
    }

    /// Returns its size on a page, in tuples: an entry without tuples counts as one, and a model as
    /// one more for each KiB.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::TuplesChanged {
                deleted, written, ..
            } => deleted.len() + written.len(),
            Self::ModelWritten { model, .. } => 1 + model.json.len() / 1024,
            Self::StoreCreated(_)
            | Self::StoreDeleted(_)
            | Self::BundleLoaded(_)
            | Self::Erased(_) => 1,
        }
    }
}
