//! What fetching an issuer's keys at once has changed.

use super::ring::Generation;
use super::set::KeySet;

/// What fetching an issuer's keys at once came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRefresh {
    /// The issuer, or `spiffe://` and a trust domain.
    pub issuer: String,
    /// How many keys there are now.
    pub keys: usize,
    /// Those that were not there before: their `kid`, or their thumbprint.
    pub added: Vec<String>,
    /// Those that are no longer there.
    pub removed: Vec<String>,
    /// Why the keys are still those of before, or not all that is published.
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
    let (added, removed) = (after.beyond(before), before.beyond(after));
    KeyRefresh {
        issuer,
        keys: after.names().len(),
        added,
        removed,
        error,
    }
}
