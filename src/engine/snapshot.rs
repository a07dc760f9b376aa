//! What one answer is given from.

use super::lookup::PinnedRelations;
use crate::bundle::Bundle;
use crate::model::{Problem, Problems, Revision};
use crate::relations::{Graph, Rules};

/// A bundle, and the revision of the relations beside it. Immutable: an answer sees one of them whole.
#[derive(Debug)]
pub struct Snapshot {
    bundle: Bundle,
    revision: Revision,
    /// Absent where the bundle has no relation model.
    relations: Option<PinnedRelations>,
}

impl Snapshot {
    /// A bundle with its own layer of tuples, and nothing stored beside it.
    pub fn hermetic(bundle: Bundle, revision: Revision) -> Result<Self, Problems> {
        let refuse =
            |error: &dyn std::fmt::Display| Problems::from(Problem::new(format!("the bundle's tuples: {error}")));
        let relations = match bundle.model() {
            None => None,
            Some(model) => {
                let empty = Graph::load([], revision).map_err(|error| refuse(&error))?;
                let graph =
                    empty.with_bundle(bundle.tuples().iter().cloned(), revision).map_err(|error| refuse(&error))?;
                let rules = Rules::compile(model, &graph).map_err(|error| refuse(&error))?;
                Some(PinnedRelations { graph, rules })
            }
        };
        Ok(Self { bundle, revision, relations })
    }

    /// The relations, where the bundle has a model of them.
    pub(super) fn relations(&self) -> Option<&PinnedRelations> {
        self.relations.as_ref()
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
