//! Renews a graph, so that names which nothing uses any more take no memory.
//!
//! **Problem.** The names of types and relations have small numbers, which tuples consist of and
//! rules are compiled against; pinned versions and cached rules hold them too. A number could be
//! released only by knowing all of these holders.
//! **Decision.** No number is ever released. The graph is rebuilt with a new table that holds only
//! the names in use. The new graph and the rules compiled for it replace the old ones, which are
//! dropped with their last reader.
//! **Trade-off.** Renewing takes time in proportion to the tuples. So a table may grow to twice the
//! names in use before that is done, and the caller renews a graph beside the writers, without
//! blocking them.
//!
//! INVARIANT: the numbers of one graph mean nothing in another; rules know the table that they were
//! compiled against ([`Rules::fit`](crate::relations::Rules::fit)).

use super::layer::Edge;
use super::symbols::Symbols;
use super::{Graph, GraphError, NameId, TupleOrigin};
use crate::relations::model::AuthorizationModel;
use foldhash::HashSet;
use std::sync::Arc;

impl Graph {
    /// Returns a graph of the same tuples with a table of names of its own: those of a model, and
    /// those that tuples have. Rules compiled for one of the two graphs cannot be used with the
    /// other. Takes time in proportion to the tuples.
    pub fn renewed(&self, model: &AuthorizationModel) -> Result<Self, GraphError> {
        let names = self.names().now();
        let mut used: HashSet<&str> = names_of(model).collect();
        used.extend(
            self.names_of_tuples()
                .map(|name| names.text(name))
                .filter(|name| !name.is_empty()),
        );
        let mut next = Self {
            revision: self.revision,
            symbols: Symbols::for_used_names(used.len()),
            ..Self::default()
        };
        next.names().add(used.into_iter())?;
        let copy = |next: &mut Self, origin| {
            let made = next.layer(|put| {
                self.tuples(origin).for_each(put);
                Ok::<_, GraphError>(())
            });
            made.map(|(layer, ())| layer)
        };
        next.bundle = copy(&mut next, TupleOrigin::Bundle)?;
        next.stored = copy(&mut next, TupleOrigin::Store)?;
        Ok(next)
    }

    /// Returns the names that tuples have, with repetitions.
    fn names_of_tuples(&self) -> impl Iterator<Item = NameId> {
        let edges = self
            .bundle
            .by_object
            .iter()
            .chain(self.stored.by_object.iter());
        edges.flat_map(|(key, _)| {
            let edge = Edge::of_object_key(key);
            let kind = |object| {
                self.symbols
                    .kind(object)
                    .map_or(NameId::NONE, |kind| kind.name)
            };
            [
                edge.relation,
                edge.user.relation,
                kind(edge.object),
                kind(edge.user.object),
            ]
        })
    }

    /// Returns `true` if the names of a model can be added to the table of this graph without
    /// keeping many more names than are used. If not, [`Self::renewed`] makes room.
    #[must_use]
    pub fn has_room_for(&self, model: &AuthorizationModel) -> bool {
        self.names().has_room_for(names_of(model))
    }

    /// Returns `true` if `other` is a version of the same graph that was not renewed in between, so
    /// that rules for one are valid for the other.
    #[must_use]
    pub fn shares_names_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.names(), other.names())
    }
}

/// Returns every name of a type or relation that the rules of a model are compiled with.
pub(in crate::relations) fn names_of(model: &AuthorizationModel) -> impl Iterator<Item = &str> {
    model.types().iter().flat_map(|kind| {
        std::iter::once(kind.name.as_str())
            .chain(kind.relations.iter().map(|relation| relation.name.as_str()))
    })
}
