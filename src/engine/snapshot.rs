//! What one answer is given from.

use crate::bundle::Bundle;
use crate::model::Revision;

/// A bundle, and the revision of the relations beside it. Immutable: an answer sees one of them whole.
#[derive(Debug)]
pub struct Snapshot {
    bundle: Bundle,
    revision: Revision,
}

impl Snapshot {
    /// Puts a bundle on top of the relations as of `revision`.
    #[must_use]
    pub fn new(bundle: Bundle, revision: Revision) -> Self {
        Self { bundle, revision }
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle, taken out.
    pub(super) fn into_bundle(self) -> Bundle {
        self.bundle
    }

    /// The revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }
}
