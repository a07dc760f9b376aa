//! Names of adjacency rows, as hashes: what an evaluation read, and what a write changes.
//!
//! INVARIANT: the row that a check of `object#relation` reads and the row that a write of a tuple on it changes hash to
//! the same value, in one process. Two rows may share a hash; whoever keeps hashes may only lose by it, never serve a
//! stale answer.

use crate::model::{TupleKey, TupleUser};
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

/// Seeded per process, so that nobody outside can choose ids that collide.
pub(super) static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// One adjacency row: all tuples of `object#relation`, or all tuples whose user is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowHash(u64);

impl RowHash {
    /// The row of `kind:id#relation`.
    #[must_use]
    pub fn of_object(kind: &str, id: &str, relation: &str) -> Self {
        Self(STATE.hash_one(('o', kind, id, relation)))
    }

    /// The row of the user `kind:id#relation`, `kind:id` (without a relation) or `kind:*` (with the id `*`).
    #[must_use]
    pub fn of_user(kind: &str, id: &str, relation: &str) -> Self {
        Self(STATE.hash_one(('u', kind, id, relation)))
    }

    /// The two rows that hold the tuple: its object's and its user's.
    #[must_use]
    pub fn of_tuple(key: &TupleKey) -> [Self; 2] {
        let object = Self::of_object(key.object.kind(), key.object.id(), &key.relation);
        let user = match &key.user {
            TupleUser::Object(object) => Self::of_user(object.kind(), object.id(), ""),
            TupleUser::Userset { object, relation } => Self::of_user(object.kind(), object.id(), relation),
            TupleUser::Wildcard(kind) => Self::of_user(kind, super::symbols::EVERYONE, ""),
        };
        [object, user]
    }

    /// The hash itself, to choose a stripe by.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}
