//! The changes by an immediate fetch of an issuer's keys.

use super::ring::Generation;
use super::set::KeySet;

/// The result of an immediate fetch of an issuer's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRefresh {
    /// The issuer, or `spiffe://` and a trust domain.
    pub issuer: String,
    /// The number of keys now.
    pub keys: usize,
    /// The keys that were not there before: their `kid`, or their thumbprint.
    pub added: Vec<String>,
    /// The keys that are no longer there.
    pub removed: Vec<String>,
    /// Why the previous keys are still used, or why not all published keys were read.
    pub error: Option<String>,
}

pub(super) fn difference(
    issuer: String,
    before: Option<&Generation>,
    after: Option<&Generation>,
    error: Option<String>,
) -> KeyRefresh {
    let none = KeySet::default();
    let before = before.map_or(&none, |generation| &generation.keys);
    let after = after.map_or(&none, |generation| &generation.keys);
    let (added, removed) = (
        after.names_missing_from(before),
        before.names_missing_from(after),
    );
    KeyRefresh {
        issuer,
        keys: after.names().len(),
        added,
        removed,
        error,
    }
}
