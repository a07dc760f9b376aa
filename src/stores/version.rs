//! Defines the version of a store that a reader pins: its tuples, its model, and in `main` the
//! bundle.

use crate::bundle::Bundle;
use crate::cache::{StripeRow, Stripes};
use crate::model::{Revision, Timestamp, Tuple, TupleKey};
use crate::relations::graph::TupleOrigin;
use crate::relations::{Graph, RowHash, Rules};
use crate::stores::{ModelId, TupleSelection};
use std::sync::Arc;

/// A model of one store, compiled for it.
#[derive(Debug)]
pub struct CompiledModel {
    /// Its id.
    pub id: ModelId,
    /// Its rules, which hold the model as it was written.
    pub rules: Rules,
}

/// The rows that a change of tuples touches: for each tuple, that of its object and that of its
/// user.
#[derive(Debug)]
pub(super) struct TouchedRows(Vec<StripeRow>);

/// One version of a store. It never changes.
#[derive(Clone, Debug)]
pub struct Version {
    graph: Graph,
    /// The bundle's model; only in `main`.
    model: Option<Arc<CompiledModel>>,
    /// The newest model that was written to the store; `None` in `main`.
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

    /// Adds stripes, for the store whose readers cache outcomes.
    pub(super) fn with_stripes(self) -> Self {
        Self {
            stripes: Some(Arc::default()),
            ..self
        }
    }

    /// Returns the rows that a change of tuples touches; none for a store without stripes.
    pub(super) fn touched(&self, deleted: &[TupleKey], written: &[Tuple]) -> TouchedRows {
        let keys = deleted.iter().chain(written.iter().map(|tuple| &tuple.key));
        let rows = keys
            .filter(|_| self.stripes.is_some())
            .flat_map(RowHash::of_tuple);
        TouchedRows(rows.map(|row| StripeRow::of(row.bits())).collect())
    }

    /// Returns the next version, with other tuples, which differ from these only in the `touched`
    /// rows. It must be published at once.
    ///
    /// INVARIANT: the stripes of these rows are raised before any reader can pin the version.
    pub(super) fn with_graph(&self, graph: Graph, touched: TouchedRows) -> Self {
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

    /// Returns a version with the same tuples in a graph with other numbers for names. Rules that
    /// were compiled for this version do not fit the new one.
    pub(super) fn renewed(&self, graph: Graph) -> Self {
        Self {
            graph,
            ..self.clone()
        }
    }

    pub(super) fn with_layer(
        &self,
        graph: Graph,
        model: Option<Arc<CompiledModel>>,
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

    /// Returns the graph of the tuples.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Returns the bundle's model; only in `main`.
    #[must_use]
    pub fn model(&self) -> Option<&Arc<CompiledModel>> {
        self.model.as_ref()
    }

    /// Returns the newest model that was written to the store; `None` in `main`.
    #[must_use]
    pub fn newest(&self) -> Option<ModelId> {
        self.newest
    }

    /// Returns the rules of the bundle's model; only in `main`.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        self.model.as_ref().map(|model| &model.rules)
    }

    /// Returns the revision of the last change in this version.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.graph.revision()
    }

    /// Returns the wanted tuples of this version: the stored ones, and before them those of the
    /// bundle if `with_bundle`.
    pub fn tuples(
        &self,
        wanted: &TupleSelection,
        with_bundle: bool,
    ) -> impl Iterator<Item = Tuple> {
        let bundled = with_bundle
            .then(|| self.graph.tuples(TupleOrigin::Bundle))
            .into_iter()
            .flatten();
        bundled
            .chain(self.graph.tuples(TupleOrigin::Store))
            .filter(|tuple| wanted.holds(&tuple.key))
    }

    /// Returns the bundle that decides together with this version; only in `main`.
    #[must_use]
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// Returns the stripes, which hold when each row of the stored tuples was last written to, up
    /// to the newest of all versions; only in `main`. Changes of the bundle's layer do not raise
    /// them.
    #[must_use]
    pub fn stripes(&self) -> Option<&Stripes> {
        self.stripes.as_deref()
    }

    /// Returns since when the bundle's layer is this one.
    pub(super) fn layered_at(&self) -> Timestamp {
        self.layered_at
    }
}
