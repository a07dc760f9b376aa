//! What goes into a store and comes out of it.

use crate::model::{Digest, Revision, Timestamp, Tuple, TupleKey};
use crate::storage::{ModelId, StoreId};

/// A store: a tenant's own models and tuples.
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

/// An authorization model: immutable once written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRecord {
    /// Its id, unique in its store.
    pub id: ModelId,
    /// The model as JSON, opaque here.
    pub json: Vec<u8>,
}

/// What to do with a tuple that is to be written and exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDuplicate {
    /// Refuse the batch, even where the condition is another
    /// ([`StoreError::Exists`](crate::storage::StoreError::Exists)).
    #[default]
    Error,
    /// Skip it if condition and context are equal, and refuse the batch if not
    /// ([`StoreError::ConditionDiffers`](crate::storage::StoreError::ConditionDiffers)).
    Ignore,
    /// Skip it if condition and context are equal, and put it in the place of the other if not. The
    /// log has the deletion of the one and the write of the other in one entry.
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

/// A change of tuples that happens as a whole: deletes, then writes. No key occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Tuples to delete, whatever their condition.
    pub deletes: Vec<TupleKey>,
    /// Tuples to write.
    pub writes: Vec<Tuple>,
    /// For writes of what exists.
    pub on_duplicate: OnDuplicate,
    /// For deletes of what does not.
    pub on_missing: OnMissing,
}

impl Batch {
    /// A good size for an import. Batches of 1,000 took twice the CPU time, for they touch more
    /// pages of the tree; those of 50,000 took two thirds of it, and a page of the log would cost
    /// its reader 50,000 tuples.
    pub const IMPORT_TUPLES: usize = 10_000;

    /// Writes tuples, each of them new.
    #[must_use]
    pub fn of_writes(writes: Vec<Tuple>) -> Self {
        Self {
            writes,
            ..Self::default()
        }
    }

    /// Deletes tuples, each of them there.
    #[must_use]
    pub fn of_deletes(deletes: Vec<TupleKey>) -> Self {
        Self {
            deletes,
            ..Self::default()
        }
    }

    /// Every key, those to delete first.
    pub fn keys(&self) -> impl Iterator<Item = &TupleKey> {
        self.deletes
            .iter()
            .chain(self.writes.iter().map(|tuple| &tuple.key))
    }
}

/// What a batch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The revision that holds it: a new one, unless nothing changed.
    pub revision: Revision,
    /// What was deleted; without what was skipped, and with what was replaced.
    pub deleted: Vec<TupleKey>,
    /// What was written; without what was skipped.
    pub written: Vec<Tuple>,
}

impl Applied {
    /// Whether the batch made a revision.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !(self.deleted.is_empty() && self.written.is_empty())
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number: one more than that of the entry before.
    pub revision: Revision,
    /// When it was made; never before the entry before.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A store was created.
    StoreCreated(StoreRecord),
    /// A store was deleted, with all that it held.
    StoreDeleted(StoreId),
    /// A model became the newest of its store.
    ModelWritten {
        /// Whose.
        store: StoreId,
        /// Which.
        model: ModelRecord,
    },
    /// Tuples were deleted, then others written.
    TuplesChanged {
        /// Whose.
        store: StoreId,
        /// Those that no longer exist.
        deleted: Vec<TupleKey>,
        /// Those that exist from then on.
        written: Vec<Tuple>,
    },
    /// A bundle was loaded.
    BundleLoaded(Digest),
    /// Something in a store that was deleted later: its content is gone, its number stays.
    Erased(StoreId),
}

impl Event {
    /// The store in which it happened; `None` for what concerns the whole service.
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

    /// How much of a page it takes, in tuples: what is no tuple counts one, and one more for each
    /// KiB.
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
