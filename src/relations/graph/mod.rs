//! The tuples of a store in memory, in both directions, as versions that never change.
//!
//! **Problem.** A check reads a handful of rows among millions of tuples and must take well under a microsecond each;
//! a list walks the other way; both must see one revision from beginning to end while writes go on, and neither may
//! wait for the other.
//! **Decision.** Names are numbers, and a tuple is three words. All of them are held twice: from the object's side in
//! rows that are found by the object's number ([`rows`]), from the user's in a persistent B+ tree ([`ordered`]). A
//! version is a handful of pointers: a reader pins it by cloning, a write copies the few nodes on its way and makes the
//! next version. Two layers stand side by side, the bundle's tuples and the stored ones; what decides is their union,
//! with the request's own tuples as a third ([`view`]).
//! **Trade-off.** A hash map would find a row with one step less, but its versions could not share. Names are never given
//! back before a restart.

mod array;
mod hash;
mod known;
mod layer;
mod names;
mod ordered;
mod rows;
mod symbols;
mod view;

pub use hash::{RowHash, order_name, order_of, seed_order};
pub use known::{Known, Place};
pub(in crate::relations) use layer::{Edge, When};
pub use names::{GraphError, MAX_NAMES};
pub(in crate::relations) use names::{NameId, NameTable, Names};
pub use symbols::MAX_OBJECTS;
pub(in crate::relations) use symbols::{EVERYONE, ObjectId, UserId};
pub(in crate::relations) use view::{ObjectRow, ObjectRows, View};

use crate::model::{ObjectRef, Revision, Tuple, TupleKey, TupleUser};
use foldhash::HashMap;
use layer::Layer;
use smol_str::SmolStr;
use std::sync::Arc;
use symbols::Symbols;

/// Where a tuple stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// In the bundle: read-only, replaced with it.
    Bundle,
    /// In the store.
    Store,
}

/// One version of a store's tuples. It never changes; clones are cheap and share everything.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    symbols: Symbols,
    bundle: Layer,
    stored: Layer,
    revision: Revision,
}

impl Graph {
    /// A store with these tuples, as of `revision`. Of several tuples with one key the last stays.
    pub fn load(tuples: impl IntoIterator<Item = Tuple>, revision: Revision) -> Result<Self, GraphError> {
        Self::read(|put| {
            tuples.into_iter().for_each(put);
            Ok(revision)
        })
    }

    /// A store with the tuples that `read` passes on, as of the revision that it returns. They are never all there
    /// spelled out, which would take twice the memory of the graph.
    pub fn read<E: From<GraphError>>(
        read: impl FnOnce(&mut dyn FnMut(Tuple)) -> Result<Revision, E>,
    ) -> Result<Self, E> {
        let mut graph = Self::default();
        (graph.stored, graph.revision) = graph.layer(read)?;
        Ok(graph)
    }

    /// The next version: the bundle's layer replaced by these tuples.
    pub fn with_bundle(&self, tuples: impl IntoIterator<Item = Tuple>, revision: Revision) -> Result<Self, GraphError> {
        let mut next = Self { revision, ..self.clone() };
        (next.bundle, ()) = next.layer(|put| {
            tuples.into_iter().for_each(put);
            Ok::<_, GraphError>(())
        })?;
        Ok(next)
    }

    /// The next version: first `deletes` are taken out of the store's layer, then `writes` are put in. A delete of what
    /// is not there changes nothing, and a write of what is there replaces its condition: whether either is an error is
    /// for the store to say.
    pub fn apply(&self, deletes: &[TupleKey], writes: &[Tuple], revision: Revision) -> Result<Self, GraphError> {
        let mut next = Self { revision, ..self.clone() };
        for key in deletes {
            if let Some(edge) = next.find(key) {
                next.stored.remove(edge);
            }
        }
        for tuple in writes {
            let edge = next.intern(&tuple.key)?;
            next.stored.insert(edge, tuple.condition.clone());
        }
        Ok(next)
    }

    /// The revision that this version is of.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many tuples the store's layer holds.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.stored.len()
    }

    /// How many tuples the bundle's layer holds.
    #[must_use]
    pub fn bundle_len(&self) -> usize {
        self.bundle.len()
    }

    /// How many different objects and users have been seen, those whose last tuple has gone among them.
    #[must_use]
    pub fn objects_len(&self) -> u32 {
        self.symbols.count()
    }

    /// Which layer holds a tuple with this key, the bundle's first; none where neither does.
    #[must_use]
    pub fn origin_of(&self, key: &TupleKey) -> Option<Origin> {
        let edge = self.find(key)?;
        let holds = |layer: &Layer| layer.get(edge).is_some();
        if holds(&self.bundle) { Some(Origin::Bundle) } else { holds(&self.stored).then_some(Origin::Store) }
    }

    /// The tuple with this key in one layer.
    #[must_use]
    pub fn tuple(&self, origin: Origin, key: &TupleKey) -> Option<Tuple> {
        let condition = self.in_layer(origin).get(self.find(key)?)?.clone();
        Some(Tuple { key: key.clone(), condition })
    }

    /// Every tuple of one layer.
    pub fn tuples(&self, origin: Origin) -> impl Iterator<Item = Tuple> {
        let names = self.symbols.names().now();
        let all = self.in_layer(origin).by_object.iter();
        all.filter_map(move |(key, when)| self.tuple_of(&names, Edge::of_object_key(key), when))
    }

    /// Every tuple of one layer of a kind that `is_wanted`. A kind is what types say of a tuple: the object's type, the
    /// relation, the user's type, whether it is a userset, and of which relation, or everyone; and the condition's name.
    /// `is_wanted` sees one tuple of each kind. There are few kinds, so this spells out few tuples.
    pub fn tuples_of_kinds(
        &self,
        origin: Origin,
        mut is_wanted: impl FnMut(&Tuple) -> bool,
    ) -> impl Iterator<Item = Tuple> {
        let names = self.symbols.names().now();
        let mut kinds = HashMap::default();
        self.in_layer(origin).by_object.iter().filter_map(move |(key, when)| {
            let edge = Edge::of_object_key(key);
            let (object, user) = (self.symbols.kind(edge.object)?, self.symbols.kind(edge.user.object)?);
            let condition = when.as_ref().map(|condition| condition.name.clone());
            let kind = (object, edge.relation, user, edge.user.relation, condition);
            let spelled = || self.tuple_of(&names, edge, when);
            match kinds.get(&kind) {
                Some(false) => None,
                Some(true) => spelled(),
                None => {
                    let tuple = spelled()?;
                    let is_wanted = is_wanted(&tuple);
                    kinds.insert(kind, is_wanted);
                    is_wanted.then_some(tuple)
                }
            }
        })
    }

    /// Every tuple of one layer on an object, whatever the relation.
    #[must_use]
    pub fn tuples_on(&self, origin: Origin, object: &ObjectRef) -> Vec<Tuple> {
        let names = self.symbols.names().now();
        let Some(object) = self.find_object(&names, object) else { return Vec::new() };
        let row = self.in_layer(origin).on_object(object);
        row.filter_map(|(key, when)| self.tuple_of(&names, Edge::of_object_key(key), when)).collect()
    }

    /// Every tuple of one layer whose user is an object, or a userset of it.
    #[must_use]
    pub fn tuples_of(&self, origin: Origin, object: &ObjectRef) -> Vec<Tuple> {
        let names = self.symbols.names().now();
        let Some(object) = self.find_object(&names, object) else { return Vec::new() };
        let layer = self.in_layer(origin);
        let edges = layer.of_user(object).map(|(key, _)| Edge::of_user_key(key));
        edges.filter_map(|edge| self.tuple_of(&names, edge, layer.get(edge)?)).collect()
    }

    /// The names of types and relations that rules are compiled against.
    pub(in crate::relations) fn names(&self) -> &Arc<NameTable> {
        self.symbols.names()
    }

    fn in_layer(&self, origin: Origin) -> &Layer {
        match origin {
            Origin::Bundle => &self.bundle,
            Origin::Store => &self.stored,
        }
    }

    /// A layer of the tuples that `read` passes on, and what it returns.
    fn layer<R, E: From<GraphError>>(
        &mut self,
        read: impl FnOnce(&mut dyn FnMut(Tuple)) -> Result<R, E>,
    ) -> Result<(Layer, R), E> {
        let names = Arc::clone(self.symbols.names());
        let mut symbols = self.symbols.bulk();
        let mut edges = Ok(Vec::new());
        let returned = read(&mut |tuple| {
            // After a failure the rest is passed by.
            if let Ok(read) = &mut edges {
                match edge(&names, &tuple.key, |kind, id| symbols.intern(kind, id)) {
                    Ok(edge) => read.push((edge, tuple.condition)),
                    Err(error) => edges = Err(error),
                }
            }
        })?;
        symbols.finish();
        Ok((Layer::from_edges(edges?), returned))
    }

    fn intern(&mut self, key: &TupleKey) -> Result<Edge, GraphError> {
        let names = Arc::clone(self.symbols.names());
        edge(&names, key, |kind, id| self.symbols.intern(kind, id))
    }

    fn find(&self, key: &TupleKey) -> Option<Edge> {
        let names = self.symbols.names().now();
        let object = self.find_object(&names, &key.object)?;
        let relation = names.find(&key.relation)?;
        let user = match &key.user {
            TupleUser::Object(user) => UserId::plain(self.find_object(&names, user)?),
            TupleUser::Userset { object, relation } => {
                UserId { object: self.find_object(&names, object)?, relation: names.find(relation)? }
            }
            TupleUser::Wildcard(kind) => UserId::plain(self.symbols.find(names.find(kind)?, EVERYONE)?),
        };
        Some(Edge { object, relation, user })
    }

    fn find_object(&self, names: &Names, object: &ObjectRef) -> Option<ObjectId> {
        self.symbols.find(names.find(object.kind())?, object.id())
    }

    fn tuple_of(&self, names: &Names, edge: Edge, when: &When) -> Option<Tuple> {
        let text = |id| self.symbols.object(id).map(|object| (names.text(object.kind), object.id.as_str()));
        let key = view::key_text(names, edge, text)?;
        Some(Tuple { key, condition: when.clone() })
    }
}

/// The numbers of a tuple, whose objects get theirs from `object`.
fn edge(
    names: &NameTable,
    key: &TupleKey,
    mut object: impl FnMut(NameId, &SmolStr) -> Result<ObjectId, GraphError>,
) -> Result<Edge, GraphError> {
    let mut of = |it: &ObjectRef| object(names.id(it.kind())?, it.id());
    let on = of(&key.object)?;
    let relation = names.id(&key.relation)?;
    let user = match &key.user {
        TupleUser::Object(user) => UserId::plain(of(user)?),
        TupleUser::Userset { object, relation } => UserId { object: of(object)?, relation: names.id(relation)? },
        TupleUser::Wildcard(kind) => UserId::plain(object(names.id(kind)?, &EVERYONE.into())?),
    };
    Ok(Edge { object: on, relation, user })
}

#[cfg(test)]
mod tests;
