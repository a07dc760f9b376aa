//! What a reader pins: the tuples, the model, and in `main` the bundle.

use crate::bundle::Bundle;
use crate::cache::{Row, Stripes};
use crate::model::{Revision, Timestamp, Tuple, TupleKey};
use crate::relations::graph::Origin;
use crate::relations::{Graph, RowHash, Rules};
use crate::stores::{ModelId, Selection};
use std::sync::Arc;

/// A model of one store, compiled for it.
#[derive(Debug)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// Its rules, and in them the model as it was written.
    pub rules: Rules,
}

/// The rows that a change of tuples touches, on both sides of each.
#[derive(Debug)]
pub(super) struct Touched(Vec<Row>);

/// One version of a store. It never changes.
#[derive(Clone, Debug)]
pub struct Version {
    graph: Graph,
    /// The bundle's; only in `main`.
    model: Option<Arc<Model>>,
    /// The newest that was written; none in `main`.
    newest: Option<ModelId>,
    bundle: Option<Arc<Bundle>>,
    layered_at: Timestamp,
    stripes: Option<Arc<Stripes>>,
}

impl Version {
    pub(super) fn of_graph(graph: Graph) -> Self {
        Self {
            graph,
            model: None,
            newest: None,
            bundle: None,
            layered_at: Timestamp(0),
            stripes: None,
        }
    }

    /// The store is one whose readers keep what they found out.
    pub(super) fn with_stripes(self) -> Self {
        Self {
            stripes: Some(Arc::default()),
            ..self
        }
    }

    /// The rows that a change of tuples touches.
    pub(super) fn touched(&self, deleted: &[TupleKey], written: &[Tuple]) -> Touched {
        let keys = deleted.iter().chain(written.iter().map(|tuple| &tuple.key));
        let rows = keys
            .filter(|_| self.stripes.is_some())
            .flat_map(RowHash::of_tuple);
        Touched(rows.map(|row| Row::of(row.bits())).collect())
    }

    /// The next version, to be published at once: the same with other tuples, which differ from
    /// these in rows that are `touched`.
    ///
    /// INVARIANT: the stripes of these rows are raised before any reader can pin the version.
    pub(super) fn with_graph(&self, graph: Graph, touched: Touched) -> Self {
        if let Some(stripes) = &self.stripes {
            stripes.raise(touched.0, graph.revision());
        }
        Self {
            graph,
            ..self.clone()
        }
    }

    pub(super) fn with_newest(&self, newest: ModelId) -> Self {
        Self {
            newest: Some(newest),
            ..self.clone()
        }
    }

    /// The same tuples, with names of their own. What was compiled for this version is nothing to
    /// the other.
    pub(super) fn renewed(&self, graph: Graph) -> Self {
        Self {
            graph,
            ..self.clone()
        }
    }

    pub(super) fn with_layer(
        &self,
        graph: Graph,
        model: Option<Arc<Model>>,
        bundle: Option<Arc<Bundle>>,
        layered_at: Timestamp,
    ) -> Self {
        Self {
            graph,
            model,
            newest: None,
            bundle,
            layered_at,
            stripes: self.stripes.clone(),
        }
    }

    /// The tuples.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The bundle's model; only in `main`.
    #[must_use]
    pub fn model(&self) -> Option<&Arc<Model>> {
        self.model.as_ref()
    }

    /// The newest model that was written to the store; none in `main`.
    #[must_use]
    pub fn newest(&self) -> Option<ModelId> {
        self.newest
    }

    /// The rules of the bundle's model; only in `main`.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        self.model.as_ref().map(|model| &model.rules)
    }

    /// The revision of the last change that is in it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.graph.revision()
    }

    /// The wanted tuples, each of them as of this version: the stored ones, and before them those
    /// of the bundle where these are wanted too.
    pub fn tuples(&self, wanted: &Selection, with_bundle: bool) -> impl Iterator<Item = Tuple> {
        let bundled = with_bundle
            .then(|| self.graph.tuples(Origin::Bundle))
            .into_iter()
            .flatten();
        bundled
            .chain(self.graph.tuples(Origin::Store))
            .filter(|tuple| wanted.holds(&tuple.key))
    }

    /// The bundle that decides together with this version; only in `main`.
    #[must_use]
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// When each row of its tuples was last written to, up to the newest version of all; only in
    /// `main`, whose bundle's layer does not count.
    #[must_use]
    pub fn stripes(&self) -> Option<&Stripes> {
        self.stripes.as_deref()
    }

    /// Since when the bundle's layer is what it is.
    pub(super) fn layered_at(&self) -> Timestamp {
        self.layered_at
    }
}
