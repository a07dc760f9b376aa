//! Keeps the tuples of a store in memory, in both directions, as versions that never change.
//!
//! **Problem.** A check reads a handful of rows among millions of tuples and must take well under a
//! microsecond for each. A list walks in the other direction. Both must see one revision from
//! beginning to end while writes go on, and readers and writers must not wait for each other.
//! **Decision.** Names are numbers, and a tuple is three words. Every tuple is stored twice: by its
//! object, in rows that are found by the object's number ([`rows`]), and by its user, in a
//! persistent B+ tree ([`ordered`]). A version is a handful of pointers: a reader pins it by
//! cloning, and a write copies the few nodes on its path and creates the next version. There are
//! two layers, the bundle's tuples and the stored ones; their union decides, with the contextual
//! tuples of a request as a third layer ([`view`]).
//! **Trade-off.** A hash map would find a row in one step less, but its versions could not share
//! memory. All versions share one table of the names of types and relations. Names that are no
//! longer used are dropped only with the whole table, when the graph is renewed
//! ([`Graph::renewed`]).

mod array;
mod hash;
mod layer;
mod names;
mod objects;
mod ordered;
mod read;
mod renew;
mod rows;
mod symbols;
mod view;

pub use hash::{RowHash, order_name, order_of, seed_order};
pub(in crate::relations) use layer::{Edge, EdgeCondition};
pub use names::{GraphError, MAX_NAMES};
pub(in crate::relations) use names::{NameId, NameTable, Names};
pub use objects::{ObjectPlace, OrderedObjects};
pub(in crate::relations) use renew::names_of;
pub use symbols::MAX_OBJECTS;
pub(in crate::relations) use symbols::{EVERYONE, ObjectId, UserId};
pub(in crate::relations) use view::{ObjectRow, ObjectRows, View};

use crate::model::{ObjectRef, Revision, Tuple, TupleKey, TupleUser};
use layer::Layer;
use ordered::TreeKey;
use smol_str::SmolStr;
use std::sync::{Arc, OnceLock};
use symbols::Symbols;

/// The layer that a tuple is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TupleOrigin {
    /// The bundle's layer, which is read-only and replaced with the bundle.
    Bundle,
    /// The store's layer.
    Store,
}

/// One version of a store's tuples. It never changes; clones are cheap and share everything.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    symbols: Symbols,
    bundle: Layer,
    stored: Layer,
    revision: Revision,
    /// The bundle's tuples in the order of their text, computed when first needed. Versions with
    /// the same bundle share it.
    bundle_order: Arc<OnceLock<Box<[TreeKey]>>>,
}

impl Graph {
    /// Creates the graph of a store with these tuples, as of `revision`. Of several tuples with one
    /// key the last one counts.
    pub fn load(
        tuples: impl IntoIterator<Item = Tuple>,
        revision: Revision,
    ) -> Result<Self, GraphError> {
        Self::read(|put| {
            tuples.into_iter().for_each(put);
            Ok(revision)
        })
    }

    /// Creates the graph of a store with the tuples that `read` passes on, as of the revision that
    /// it returns. The tuples are never all in memory as text, which would double the memory that
    /// the graph needs.
    pub fn read<E: From<GraphError>>(
        read: impl FnOnce(&mut dyn FnMut(Tuple)) -> Result<Revision, E>,
    ) -> Result<Self, E> {
        let mut graph = Self::default();
        (graph.stored, graph.revision) = graph.layer(read)?;
        Ok(graph)
    }

    /// Returns the next version, in which these tuples replace the bundle's layer.
    pub fn with_bundle(
        &self,
        tuples: impl IntoIterator<Item = Tuple>,
        revision: Revision,
    ) -> Result<Self, GraphError> {
        let mut next = Self {
            revision,
            ..self.clone()
        };
        let before = std::mem::take(&mut next.bundle);
        (next.bundle, ()) = next.layer(|put| {
            tuples.into_iter().for_each(put);
            Ok::<_, GraphError>(())
        })?;
        next.bundle_order = Arc::default();
        for (key, _) in before.by_object.iter() {
            next.release(Edge::of_object_key(key));
        }
        Ok(next)
    }

    /// Returns the same tuples as of another revision.
    #[must_use]
    pub fn at(&self, revision: Revision) -> Self {
        Self {
            revision,
            ..self.clone()
        }
    }

    /// Returns the next version: first `deletes` are removed from the store's layer, then `writes`
    /// are added. Deleting a tuple that does not exist changes nothing, and writing a tuple that
    /// exists replaces its condition; the store decides whether either is an error.
    pub fn apply(
        &self,
        deletes: &[TupleKey],
        writes: &[Tuple],
        revision: Revision,
    ) -> Result<Self, GraphError> {
        let mut next = Self {
            revision,
            ..self.clone()
        };
        let mut removed = Vec::with_capacity(deletes.len());
        for key in deletes {
            if let Some(edge) = next.find(key) {
                next.stored.remove(edge);
                removed.push(edge);
            }
        }
        for tuple in writes {
            let edge = next.intern(&tuple.key)?;
            next.stored.insert(edge, tuple.condition.clone());
        }
        // Numbers are released last, because a write of this batch may name the object of a deleted
        // tuple.
        removed.into_iter().for_each(|edge| next.release(edge));
        Ok(next)
    }

    /// Returns the same tuples without these, whichever layer holds them. It is for questions of
    /// what would be, and no version of a store.
    #[must_use]
    pub fn without(&self, keys: &[TupleKey]) -> Self {
        let mut rest = Self {
            bundle_order: Arc::default(),
            ..self.clone()
        };
        for edge in keys.iter().filter_map(|key| self.find(key)) {
            rest.bundle.remove(edge);
            rest.stored.remove(edge);
        }
        rest
    }

    /// Returns the revision of this version.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Returns the number of tuples in the store's layer.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.stored.len()
    }

    /// Returns the number of tuples in the bundle's layer.
    #[must_use]
    pub fn bundle_len(&self) -> usize {
        self.bundle.len()
    }

    /// Returns how many different objects and users the tuples name.
    #[must_use]
    pub fn objects_len(&self) -> u32 {
        self.symbols.count()
    }

    /// Returns the layer that holds a tuple with this key, the bundle's first; `None` if neither
    /// does.
    #[must_use]
    pub fn origin_of(&self, key: &TupleKey) -> Option<TupleOrigin> {
        let edge = self.find(key)?;
        let holds = |layer: &Layer| layer.get(edge).is_some();
        if holds(&self.bundle) {
            Some(TupleOrigin::Bundle)
        } else {
            holds(&self.stored).then_some(TupleOrigin::Store)
        }
    }

    /// Returns the tuple with this key in one layer.
    #[must_use]
    pub fn tuple(&self, origin: TupleOrigin, key: &TupleKey) -> Option<Tuple> {
        let condition = self.in_layer(origin).get(self.find(key)?)?.clone();
        Some(Tuple {
            key: key.clone(),
            condition,
        })
    }

    /// Returns the names of types and relations that rules are compiled against.
    pub(in crate::relations) fn names(&self) -> &Arc<NameTable> {
        self.symbols.names()
    }

    fn in_layer(&self, origin: TupleOrigin) -> &Layer {
        match origin {
            TupleOrigin::Bundle => &self.bundle,
            TupleOrigin::Store => &self.stored,
        }
    }

    /// Builds a layer of the tuples that `read` passes on, and returns it with the result of
    /// `read`.
    fn layer<R, E: From<GraphError>>(
        &mut self,
        read: impl FnOnce(&mut dyn FnMut(Tuple)) -> Result<R, E>,
    ) -> Result<(Layer, R), E> {
        let table = Arc::clone(self.symbols.names());
        let mut names = table.grow();
        let mut symbols = self.symbols.bulk();
        let mut edges = Ok(Vec::new());
        let returned = read(&mut |tuple| {
            // After a failure the remaining tuples are ignored.
            if let Ok(read) = &mut edges {
                match edge(&tuple.key, &mut |name| names.id(name), &mut |kind, id| {
                    symbols.intern(kind, id)
                }) {
                    Ok(edge) => read.push((edge, tuple.condition)),
                    Err(error) => edges = Err(error),
                }
            }
        })?;
        let edges = edges?;
        names.finish();
        symbols.finish();
        Ok((Layer::from_edges(edges), returned))
    }

    fn intern(&mut self, key: &TupleKey) -> Result<Edge, GraphError> {
        let names = Arc::clone(self.symbols.names());
        edge(key, &mut |name| names.id(name), &mut |kind, id| {
            self.symbols.intern(kind, id)
        })
    }

    /// Releases the numbers of objects that only this tuple named. Neither layer holds the tuple
    /// any more.
    fn release(&mut self, edge: Edge) {
        for object in [edge.object, edge.user.object] {
            if !self.is_named(object) {
                self.symbols.release(object);
            }
        }
    }

    /// Returns `true` if some tuple names the object: as its object, as its user, or as the object
    /// of a userset.
    fn is_named(&self, object: ObjectId) -> bool {
        let layers = [&self.bundle, &self.stored];
        layers.iter().any(|layer| {
            layer.on_object(object).next().is_some() || layer.of_user(object).next().is_some()
        })
    }

    fn find(&self, key: &TupleKey) -> Option<Edge> {
        let names = self.symbols.names().now();
        let object = self.find_object(&names, &key.object)?;
        let relation = names.find(&key.relation)?;
        Some(Edge {
            object,
            relation,
            user: self.find_user(&names, &key.user)?,
        })
    }

    fn find_user(&self, names: &Names, user: &TupleUser) -> Option<UserId> {
        Some(match user {
            TupleUser::Object(user) => UserId::plain(self.find_object(names, user)?),
            TupleUser::Userset { object, relation } => UserId {
                object: self.find_object(names, object)?,
                relation: names.find(relation)?,
            },
            TupleUser::Wildcard(kind) => {
                UserId::plain(self.symbols.find(names.find(kind)?, EVERYONE)?)
            }
        })
    }

    fn find_object(&self, names: &Names, object: &ObjectRef) -> Option<ObjectId> {
        self.symbols.find(names.find(object.kind())?, object.id())
    }

    fn tuple_of(&self, names: &Names, edge: Edge, when: &EdgeCondition) -> Option<Tuple> {
        Some(Tuple {
            key: self.edge_text(names, edge)?,
            condition: when.clone(),
        })
    }

    fn key_of(&self, names: &Names, key: TreeKey) -> Option<TupleKey> {
        self.edge_text(names, Edge::of_object_key(key))
    }

    fn edge_text(&self, names: &Names, edge: Edge) -> Option<TupleKey> {
        let text = |id| {
            self.symbols
                .object(id)
                .map(|object| (names.text(object.kind), object.id.as_str()))
        };
        view::key_text(names, edge, text)
    }
}

/// Converts a tuple to numbers: `name` gives those of types and relations, `object` those of
/// objects.
fn edge(
    key: &TupleKey,
    name: &mut impl FnMut(&str) -> Result<NameId, GraphError>,
    object: &mut impl FnMut(NameId, &SmolStr) -> Result<ObjectId, GraphError>,
) -> Result<Edge, GraphError> {
    let on = object(name(key.object.kind())?, key.object.id())?;
    let relation = name(&key.relation)?;
    let user = match &key.user {
        TupleUser::Object(user) => UserId::plain(object(name(user.kind())?, user.id())?),
        TupleUser::Userset {
            object: of,
            relation,
        } => UserId {
            object: object(name(of.kind())?, of.id())?,
            relation: name(relation)?,
        },
        TupleUser::Wildcard(kind) => UserId::plain(object(name(kind)?, &EVERYONE.into())?),
    };
    Ok(Edge {
        object: on,
        relation,
        user,
    })
}

#[cfg(test)]
mod tests;
