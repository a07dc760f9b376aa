//! What a reader pins: the tuples, the model, and in `main` the bundle.

use super::{ModelId, Selection};
use crate::bundle::Bundle;
use crate::model::{Revision, Timestamp, Tuple};
use crate::relations::graph::Origin;
use crate::relations::{Graph, Rules};
use std::sync::Arc;

/// A model of one store, compiled for it.
#[derive(Debug)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// Its rules, and in them the model as it was written.
    pub rules: Rules,
}

/// One version of a store. It never changes.
#[derive(Clone, Debug)]
pub struct Version {
    graph: Graph,
    model: Option<Arc<Model>>,
    bundle: Option<Arc<Bundle>>,
    layered_at: Timestamp,
}

impl Version {
    pub(super) fn of_graph(graph: Graph) -> Self {
        Self { graph, model: None, bundle: None, layered_at: Timestamp(0) }
    }

    pub(super) fn with_graph(&self, graph: Graph) -> Self {
        Self { graph, ..self.clone() }
    }

    pub(super) fn with_model(&self, model: Arc<Model>) -> Self {
        Self { model: Some(model), ..self.clone() }
    }

    pub(super) fn with_layer(
        graph: Graph,
        model: Option<Arc<Model>>,
        bundle: Option<Arc<Bundle>>,
        layered_at: Timestamp,
    ) -> Self {
        Self { graph, model, bundle, layered_at }
    }

    /// The tuples.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The newest model; in `main`, the bundle's.
    #[must_use]
    pub fn model(&self) -> Option<&Arc<Model>> {
        self.model.as_ref()
    }

    /// The rules of the newest model.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        self.model.as_ref().map(|model| &model.rules)
    }

    /// The revision of the last change that is in it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.graph.revision()
    }

    /// The wanted tuples, each of them as of this version: the stored ones, and before them those of the bundle where these
    /// are wanted too.
    pub fn tuples(&self, wanted: &Selection, with_bundle: bool) -> impl Iterator<Item = Tuple> {
        let bundled = with_bundle.then(|| self.graph.tuples(Origin::Bundle)).into_iter().flatten();
        bundled.chain(self.graph.tuples(Origin::Store)).filter(|tuple| wanted.holds(&tuple.key))
    }

    /// The bundle that decides together with this version; only in `main`.
    #[must_use]
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// Since when the bundle's layer is what it is.
    pub(super) fn layered_at(&self) -> Timestamp {
        self.layered_at
    }
}
