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
mod tests {
    use super::*;
    use crate::model::{Revision, Tuple, TupleKey};
    use std::collections::BTreeSet;

    fn key(text: &str) -> TupleKey {
        text.parse().unwrap()
    }

    fn graph(count: usize) -> Graph {
        let tuples =
            (0..count).map(|n| Tuple::from(key(&format!("doc:{n}#viewer@team:t{}#member", n % 7))));
        Graph::load(
            tuples.chain([key("doc:all#viewer@user:*").into()]),
            Revision(1),
        )
        .unwrap()
    }

    #[test]
    fn every_named_object_is_met_once_and_from_any_place_on() {
        let graph = graph(3_000);
        let all: Vec<ObjectPlace> = graph.ordered_objects("doc", None).collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let ids: BTreeSet<String> = all.iter().map(|(_, id)| id.to_string()).collect();
        assert_eq!(
            ids,
            (0..3_000)
                .map(|n| n.to_string())
                .chain(["all".to_owned()])
                .collect()
        );
        for at in [0, 1, 1_499, 3_000] {
            assert_eq!(
                graph
                    .ordered_objects("doc", Some(&all[at]))
                    .collect::<Vec<_>>(),
                all[at + 1..]
            );
        }
        assert_eq!(graph.ordered_objects("team", None).count(), 7);
        assert_eq!(
            (
                graph.ordered_objects("user", None).count(),
                graph.ordered_objects("unheard-of", None).count()
            ),
            (0, 0)
        );
    }

    #[test]
    fn an_object_goes_with_its_last_tuple_and_others_keep_their_places() {
        let before = graph(50);
        let after = before
            .apply(&[key("doc:7#viewer@team:t0#member")], &[], Revision(2))
            .unwrap();
        let expected: Vec<ObjectPlace> = before
            .ordered_objects("doc", None)
            .filter(|(_, id)| id != "7")
            .collect();
        assert_eq!(
            after.ordered_objects("doc", None).collect::<Vec<_>>(),
            expected
        );
        assert!(
            before.speaks_of(&"doc:7".parse().unwrap())
                && !after.speaks_of(&"doc:7".parse().unwrap())
        );
        assert!(
            after.speaks_of(&"team:t0".parse().unwrap())
                && !after.speaks_of(&"team:none".parse().unwrap())
        );
    }
}
