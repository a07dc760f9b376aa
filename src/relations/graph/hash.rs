//! Names of adjacency rows, as hashes: what an evaluation read, and what a write changes.
//!
//! INVARIANT: the row that a check of `object#relation` reads and the row that a write of a tuple
//! on it changes hash to the same value, in one process. Two rows may share a hash; whoever keeps
//! hashes may only lose by it, never serve a stale answer.

use crate::model::{TupleKey, TupleUser};
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::hash::BuildHasher as _;
use std::sync::{LazyLock, OnceLock};

/// Seeded per process, so that nobody outside can choose ids that collide.
static STATE: LazyLock<SeedableRandomState> = LazyLock::new(|| match SEED.get() {
    Some((seed, shared)) => SeedableRandomState::with_seed(*seed, shared),
    None => SeedableRandomState::random(),
});

static SEED: OnceLock<(u64, SharedSeed)> = OnceLock::new();

/// Fixes the seed, from a secret: processes with the same secret have the same order of ids. Before
/// the first graph is made, and once; `false` where it was too late.
pub fn seed_order(secret: [u8; 16]) -> bool {
    let (seed, shared) = secret.split_at(8);
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |word: u64, byte| (word << 8) | u64::from(*byte))
    };
    LazyLock::get(&STATE).is_none()
        && SEED
            .set((word(seed), SharedSeed::from_u64(word(shared))))
            .is_ok()
}

/// The place of an id, as tuples spell it, in the order in which ids are gone through, whatever
/// their types. Equal places are told apart by the ids themselves.
#[must_use]
pub fn order_of(id: &str) -> u64 {
    STATE.hash_one(id)
}

/// Names the order of this process: where it differs, places mean nothing.
#[must_use]
pub fn order_name() -> u64 {
    STATE.hash_one(['o', 'r', 'd', 'e', 'r'])
}

/// One adjacency row: all tuples of `object#relation`, or all tuples whose user is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowHash(u64);

impl RowHash {
    /// The row of `kind:id#relation`.
    #[must_use]
    pub fn of_object(kind: &str, id: &str, relation: &str) -> Self {
        Self(STATE.hash_one(('o', kind, id, relation)))
    }

    /// The row of the user `kind:id#relation`, `kind:id` (without a relation) or `kind:*` (with the
    /// id `*`).
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
            TupleUser::Userset { object, relation } => {
                Self::of_user(object.kind(), object.id(), relation)
            }
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
