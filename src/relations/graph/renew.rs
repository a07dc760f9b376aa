//! A graph made anew, so that names which nothing uses any more take no place.
//!
//! **Problem.** The names of types and relations have small numbers, of which tuples are made and
//! against which rules are compiled; versions that are pinned and rules that are kept hold them. To
//! give one back, one would have to know all of these.
//! **Decision.** Nothing is given back. The graph is made anew with a table of the names in use; it
//! and the rules compiled for it take the place of the others, which go when their last reader has
//! gone.
//! **Trade-off.** It takes time in proportion to the tuples. So a table takes as many names again
//! as are in use before it is worth it, and whoever makes a graph anew does so beside the writers,
//! not among them.
//!
//! INVARIANT: the numbers of one graph mean nothing to another: rules are told apart by the table
//! that they were compiled against ([`Rules::fit`](crate::relations::Rules::fit)).

use super::layer::Edge;
use super::symbols::Symbols;
use super::{Graph, GraphError, NameId, Origin};
use crate::relations::model::AuthorizationModel;
use foldhash::HashSet;
use std::sync::Arc;

impl Graph {
    /// The same tuples with names of types and relations of their own: those of a model, and those
    /// that tuples have. What was compiled for this graph is nothing to the other, and the other
    /// way about. Takes time in proportion to the tuples.
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
        next.bundle = copy(&mut next, Origin::Bundle)?;
        next.stored = copy(&mut next, Origin::Store)?;
        Ok(next)
    }

    /// The names that tuples have, each of them often.
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

    /// Returns `true` if the names of a model can be added to those that this graph and its other
    /// versions have, without keeping many more than are used; where they cannot, [`Self::renewed`]
    /// makes room.
    #[must_use]
    pub fn has_room_for(&self, model: &AuthorizationModel) -> bool {
        self.names().has_room_for(names_of(model))
    }

    /// Returns `true` if `other` is a version of the same graph, not made anew: rules for one are
    /// rules for the other.
    #[must_use]
    pub fn shares_names_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.names(), other.names())
    }
}

/// Every name of types and relations that the rules of a model are compiled with.
pub(in crate::relations) fn names_of(model: &AuthorizationModel) -> impl Iterator<Item = &str> {
    model.types().iter().flat_map(|kind| {
        std::iter::once(kind.name.as_str())
            .chain(kind.relations.iter().map(|relation| relation.name.as_str()))
    })
}
