//! Hashes that name rows: those that an evaluation read, and those that a write changes.
//!
//! INVARIANT: the row that a check of `object#relation` reads and the row that a write of a tuple
//! on it changes have the same hash, in one process. Two rows may share a hash; then a cache may
//! miss, but must never serve a stale answer.

use crate::model::{TupleKey, TupleUser};
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::hash::BuildHasher as _;
use std::sync::{LazyLock, OnceLock};

/// The state of the hash, seeded per process, so that no outsider can choose ids that collide.
static STATE: LazyLock<SeedableRandomState> = LazyLock::new(|| match SEED.get() {
    Some((seed, shared)) => SeedableRandomState::with_seed(*seed, shared),
    None => SeedableRandomState::random(),
});

static SEED: OnceLock<(u64, SharedSeed)> = OnceLock::new();

/// Fixes the seed by a secret, so that processes with the same secret have the same order of ids.
/// Must be called before the first hash is computed, and only once; returns `false` if it was too
/// late.
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

/// Returns the position of an id, as tuples spell it, in the order in which ids are listed,
/// whatever their types. Ids with equal positions are ordered by their text.
#[must_use]
pub fn order_of(id: &str) -> u64 {
    STATE.hash_one(id)
}

/// Returns a number that names the order of this process: positions of another order mean nothing.
#[must_use]
pub fn order_name() -> u64 {
    STATE.hash_one(['o', 'r', 'd', 'e', 'r'])
}

/// The hash of one row: all tuples of `object#relation`, or all tuples with this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowHash(u64);

impl RowHash {
    /// Returns the hash of the row of `kind:id#relation`.
    #[must_use]
    pub fn of_object(kind: &str, id: &str, relation: &str) -> Self {
        Self(STATE.hash_one(('o', kind, id, relation)))
    }

    /// Returns the hash of the row of the user `kind:id#relation`, `kind:id` (without a relation)
    /// or `kind:*` (with the id `*`).
    #[must_use]
    pub fn of_user(kind: &str, id: &str, relation: &str) -> Self {
        Self(STATE.hash_one(('u', kind, id, relation)))
    }

    /// Returns the two rows that hold the tuple: its object's and its user's.
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

    /// Returns the hash itself, to select a stripe.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}
