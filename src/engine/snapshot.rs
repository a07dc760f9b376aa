//! The immutable state from which an answer is given.

use crate::bundle::Bundle;
use crate::cache::Stripes;
use crate::model::{Problem, Problems, Revision, Tuple};
use crate::relations::{Graph, Rules};
use crate::stores::Version;
use std::sync::Arc;

/// A bundle with its own tuples and no store. The cases of a bundle run on it, and it decides if
/// there are no stores.
#[derive(Debug)]
pub struct Snapshot {
    bundle: Arc<Bundle>,
    revision: Revision,
    /// The relations; `None` if the bundle has no relation model.
    relations: Option<(Graph, Rules)>,
}

impl Snapshot {
    /// Creates a snapshot of a bundle with the bundle's own tuples.
    pub fn hermetic(bundle: Bundle, revision: Revision) -> Result<Self, Problems> {
        let refuse = |error: &dyn std::fmt::Display| {
            Problems::from(Problem::new(format!("the bundle's tuples: {error}")))
        };
        let relations = match bundle.model() {
            None => None,
            Some(model) => {
                let empty = Graph::load([], revision).map_err(|error| refuse(&error))?;
                let graph = empty
                    .with_bundle(bundle.tuples().iter().cloned(), revision)
                    .map_err(|error| refuse(&error))?;
                let rules = Rules::compile(model, &graph).map_err(|error| refuse(&error))?;
                Some((graph, rules))
            }
        };
        Ok(Self {
            bundle: Arc::new(bundle),
            revision,
            relations,
        })
    }

    /// Returns the bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Returns the revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Splits off the bundle's tuples, which become a layer of the store `main` and are kept only
    /// there.
    pub(super) fn without_relations(self) -> (Self, Vec<Tuple>) {
        let mut bundle = self.bundle;
        let tuples = match Arc::get_mut(&mut bundle) {
            Some(bundle) => bundle.take_tuples(),
            // Somebody else holds the bundle and may need its tuples.
            None => bundle.tuples().to_vec(),
        };
        (
            Self {
                bundle,
                revision: self.revision,
                relations: None,
            },
            tuples,
        )
    }

    pub(super) fn pinned(&self) -> PinnedView<'_> {
        let relations = self.relations.as_ref().map(|(graph, rules)| (graph, rules));
        PinnedView {
            bundle: &self.bundle,
            revision: self.revision,
            relations,
            stripes: None,
        }
    }
}

/// A reference that keeps the pinned state alive while an answer is given.
#[derive(Clone, Debug)]
pub(super) enum Pin {
    /// The store `main`, with its bundle.
    Main(Arc<Version>),
    /// A bundle without a store.
    Alone(Arc<Snapshot>),
}

impl Pin {
    /// Returns the pinned state; `None` for a store before its first bundle.
    pub(super) fn pinned(&self) -> Option<PinnedView<'_>> {
        match self {
            Self::Main(version) => PinnedView::of_main(version),
            Self::Alone(snapshot) => Some(snapshot.pinned()),
        }
    }
}

/// A bundle and one version of its relations. It is immutable, so an answer never sees a mixture of
/// two states.
#[derive(Clone, Copy, Debug)]
pub(super) struct PinnedView<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) revision: Revision,
    pub(super) relations: Option<(&'a Graph, &'a Rules)>,
    /// The stripes that writes to the relations raise; `None` if nothing can be written.
    pub(super) stripes: Option<&'a Stripes>,
}

impl<'a> PinnedView<'a> {
    fn of_main(version: &'a Version) -> Option<Self> {
        let bundle = version.bundle()?;
        let relations = version.rules().map(|rules| (version.graph(), rules));
        Some(Self {
            bundle,
            revision: version.revision(),
            relations,
            stripes: version.stripes(),
        })
    }
}
