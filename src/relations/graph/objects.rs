//! Iterates over the objects that tuples name, one type at a time, in an order that writes do not
//! change.
//!
//! **Problem.** A search that reads a million objects in pages must know at every page, and after
//! any writes, which objects it has seen. The numbers of objects follow the order of writes, and
//! another process assigns other numbers. An order by name would need a sorted index of all names.
//! **Decision.** The order is that of the hash of the id ([`order_of`]), by which the table of
//! objects is arranged anyway: a position is found at once, and needs no memory of its own.
//! **Trade-off.** To a person the order looks random.
//!
//! INVARIANT: an object is returned if, and only if, some tuple of this version names it: as its
//! object, as its user, or as the object of a userset.

use crate::model::ObjectRef;
use crate::relations::graph::hash::order_of;
use crate::relations::graph::symbols::{BUCKETS, bucket_of};
use crate::relations::graph::{EVERYONE, Graph, NameId};
use smol_str::SmolStr;

/// A position in the order: the hash of an id, and the id as tuples spell it.
pub type ObjectPlace = (u64, SmolStr);

impl Graph {
    /// Returns the objects of type `kind` that come after a position, or all of them.
    #[must_use]
    pub fn ordered_objects(&self, kind: &str, after: Option<&ObjectPlace>) -> OrderedObjects<'_> {
        let after = after.cloned();
        let bucket = after.as_ref().map_or(0, |(hash, _)| bucket_of(*hash));
        OrderedObjects {
            graph: self,
            kind: self.names().now().find(kind),
            after,
            bucket,
            ready: Vec::new(),
        }
    }

    /// Returns `true` if some tuple names the object.
    #[must_use]
    pub fn speaks_of(&self, object: &ObjectRef) -> bool {
        self.find_object(&self.names().now(), object).is_some()
    }

    /// Returns `true` if some tuple has the object as its object, with one of these relations.
    pub fn has_tuples_on<'n>(
        &self,
        object: &ObjectRef,
        relations: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let names = self.names().now();
        let Some(object) = self.find_object(&names, object) else {
            return false;
        };
        let has_row = |relation| {
            let layers = [&self.bundle, &self.stored];
            layers
                .iter()
                .any(|layer| layer.on_row(object, relation).next().is_some())
        };
        relations
            .into_iter()
            .filter_map(|relation| names.find(relation))
            .any(has_row)
    }
}

/// Objects of one type, in order.
#[derive(Debug)]
pub struct OrderedObjects<'g> {
    graph: &'g Graph,
    /// The type; `None` if no tuple and no model has it.
    kind: Option<NameId>,
    after: Option<ObjectPlace>,
    bucket: u32,
    /// The remaining objects of the bucket before `bucket`, in descending order.
    ready: Vec<ObjectPlace>,
}

impl Iterator for OrderedObjects<'_> {
    type Item = ObjectPlace;

    fn next(&mut self) -> Option<ObjectPlace> {
        let kind = self.kind?;
        while self.ready.is_empty() && self.bucket < BUCKETS {
            let graph = self.graph;
            let found = graph.symbols.bucket(self.bucket, kind);
            let places = found
                .filter(|id| id.as_str() != EVERYONE)
                .map(|id| (order_of(id), id.clone()));
            self.ready.extend(
                places.filter(|place| self.after.as_ref().is_none_or(|after| place > after)),
            );
            self.ready.sort_unstable_by(|a, b| b.cmp(a));
            self.bucket += 1;
        }
        self.ready.pop()
    }
}

#[cfg(test)]
mod tests;
