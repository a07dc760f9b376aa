//! What one request sees: a version of the graph, and the request's own tuples on top.
//!
//! Owns the union of the layers. A tuple that stands in several of them is met once for each, so that any of its
//! conditions can make it hold.

use super::layer::{Edge, Layer, When, pair};
use super::ordered::{Key, Range, Row};
use super::symbols::{MAX_OBJECTS, Object};
use super::{EVERYONE, Graph, NameId, Names, ObjectId, RowHash, UserId};
use crate::model::{ObjectRef, Tuple, TupleKey, TupleUser};
use foldhash::HashMap;
use smol_str::SmolStr;
use std::sync::Arc;

/// The layers of one request: the bundle's, the store's, its own.
const LAYERS: usize = 3;

/// A version of the graph with the request's own tuples.
#[derive(Debug)]
pub(in crate::relations) struct View<'a> {
    graph: &'a Graph,
    names: Arc<Names>,
    /// Objects that only the request speaks of. Their numbers follow [`MAX_OBJECTS`].
    own: Vec<Object>,
    own_ids: HashMap<(NameId, SmolStr), ObjectId>,
    by_object: Sorted<When>,
    /// What the graph's trees keep as a flag is the condition itself here.
    by_user: Sorted<When>,
}

/// Entries in order of their keys; a key can occur several times.
#[derive(Debug)]
struct Sorted<V> {
    keys: Vec<Key>,
    values: Vec<V>,
}

impl<'a> View<'a> {
    /// Puts the request's own tuples on top of a version. Tuples whose types or relations no model knows are left out:
    /// none could allow them.
    pub(in crate::relations) fn new(graph: &'a Graph, contextual: &[Tuple]) -> Self {
        let mut view = Self {
            graph,
            names: graph.names().now(),
            own: Vec::new(),
            own_ids: HashMap::default(),
            by_object: Sorted { keys: Vec::new(), values: Vec::new() },
            by_user: Sorted { keys: Vec::new(), values: Vec::new() },
        };
        let edges: Vec<(Edge, When)> =
            contextual.iter().filter_map(|tuple| Some((view.edge(&tuple.key)?, tuple.condition.clone()))).collect();
        view.by_object = Sorted::new(edges.iter().map(|(edge, when)| (edge.by_object(), when.clone())).collect());
        view.by_user = Sorted::new(edges.into_iter().map(|(edge, when)| (edge.by_user(), when)).collect());
        view
    }

    /// The version.
    pub(in crate::relations) fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// The names of types and relations.
    pub(in crate::relations) fn names(&self) -> &Names {
        &self.names
    }

    /// The number of an object, made up for this request where no tuple speaks of it.
    pub(in crate::relations) fn object(&mut self, kind: NameId, id: &str) -> ObjectId {
        if let Some(found) = self.find(kind, id) {
            return found;
        }
        let count = u32::try_from(self.own.len()).unwrap_or(u32::MAX - MAX_OBJECTS);
        let new = ObjectId(MAX_OBJECTS.saturating_add(count));
        self.own.push(Object { kind, id: id.into() });
        self.own_ids.insert((kind, id.into()), new);
        new
    }

    /// The number of an object; none where no tuple speaks of it.
    pub(in crate::relations) fn find(&self, kind: NameId, id: &str) -> Option<ObjectId> {
        let own = || if self.own_ids.is_empty() { None } else { self.own_ids.get(&(kind, id.into())).copied() };
        self.graph.symbols.find(kind, id).or_else(own)
    }

    /// An object's type.
    pub(in crate::relations) fn kind(&self, id: ObjectId) -> NameId {
        self.named(id).map_or(NameId::NONE, |object| object.kind)
    }

    /// Whether the object stands for everyone of its type.
    pub(in crate::relations) fn is_everyone(&self, id: ObjectId) -> bool {
        self.named(id).is_some_and(|object| object.id == EVERYONE)
    }

    /// The tuples of `object#relation`.
    pub(in crate::relations) fn row(&self, object: ObjectId, relation: NameId) -> ObjectRow<'_> {
        let (from, to) = (first_of(object, relation), last_of(object, relation));
        ObjectRow { object, relation, rows: self.stretch(object, &from, &to) }
    }

    /// The tuples of an object, for all of its relations.
    pub(in crate::relations) fn rows_of(&self, object: ObjectId) -> ObjectRows<'_> {
        let (from, to) = (first_of(object, NameId::NONE), last_of(object, NameId::LAST));
        ObjectRows { object, rows: self.stretch(object, &from, &to) }
    }

    /// The same as [`Self::row`]. Its relations' tuples stand side by side, so whoever asks for several of one object
    /// descends once.
    pub(in crate::relations) fn row_among(&self, rows: &ObjectRows<'a>, relation: NameId) -> ObjectRow<'_> {
        let object = rows.object;
        let (from, to) = (first_of(object, relation), last_of(object, relation));
        let [bundle, stored, own] = rows.rows.map(|row| row.part(&from, &to));
        match (bundle, stored, own) {
            (Some(bundle), Some(stored), Some(own)) => ObjectRow { object, relation, rows: [bundle, stored, own] },
            _ => self.row(object, relation),
        }
    }

    fn stretch(&self, object: ObjectId, from: &Key, to: &Key) -> [Row<'_, When>; LAYERS] {
        let in_graph = object.0 < MAX_OBJECTS;
        let near = Row::Near { keys: &[], values: &[] };
        let of_layer =
            |layer: &'a Layer| if in_graph && layer.len() > 0 { layer.by_object.row(from, to) } else { near };
        [of_layer(&self.graph.bundle), of_layer(&self.graph.stored), self.by_object.row(from, to)]
    }

    /// The objects to which `user` stands in `relation` by a tuple of its own, with the tuple's condition.
    pub(in crate::relations) fn objects(
        &self,
        user: UserId,
        relation: NameId,
    ) -> impl Iterator<Item = (ObjectId, &When)> {
        let names = pair(user.relation, relation);
        let (from, to) = ([user.object.0, names, 0], [user.object.0, names, u32::MAX]);
        let layers = [&self.graph.bundle, &self.graph.stored];
        let graph = layers.into_iter().flat_map(move |layer| {
            layer.by_user.range(&from, &to).filter_map(|(key, has_condition)| {
                let edge = Edge::of_user_key(key);
                let when = if *has_condition { layer.get(edge)? } else { &None };
                Some((edge.object, when))
            })
        });
        let own = self.by_user.row(&from, &to).range(&from, &to);
        graph.chain(own.map(|(key, when)| (Edge::of_user_key(key).object, when)))
    }

    /// The hash of the row `object#relation`.
    pub(in crate::relations) fn object_row_hash(&self, object: ObjectId, relation: NameId) -> RowHash {
        let (kind, id) = self.text(object).unwrap_or_default();
        RowHash::of_object(kind, id, self.names.text(relation))
    }

    /// The hash of a user's row.
    pub(in crate::relations) fn user_row_hash(&self, user: UserId) -> RowHash {
        let (kind, id) = self.text(user.object).unwrap_or_default();
        RowHash::of_user(kind, id, self.names.text(user.relation))
    }

    /// The hash of the row of everyone of the user's type.
    pub(in crate::relations) fn everyone_row_hash(&self, user: UserId) -> RowHash {
        let (kind, _) = self.text(user.object).unwrap_or_default();
        RowHash::of_user(kind, EVERYONE, "")
    }

    /// A tuple, spelled out; `None` where a number means nothing here.
    pub(in crate::relations) fn key_text(&self, edge: Edge) -> Option<TupleKey> {
        key_text(&self.names, edge, |id| self.text(id))
    }

    /// An object, spelled out.
    pub(in crate::relations) fn object_text(&self, id: ObjectId) -> Option<ObjectRef> {
        let (kind, id) = self.text(id)?;
        ObjectRef::new(kind, id).ok()
    }

    /// A user, spelled out.
    pub(in crate::relations) fn user_text(&self, user: UserId) -> Option<TupleUser> {
        user_text(&self.names, user, |id| self.text(id))
    }

    fn named(&self, id: ObjectId) -> Option<&Object> {
        match id.0.checked_sub(MAX_OBJECTS) {
            None => self.graph.symbols.object(id),
            Some(own) => self.own.get(usize::try_from(own).ok()?),
        }
    }

    fn text(&self, id: ObjectId) -> Option<(&str, &str)> {
        self.named(id).map(|object| (self.names.text(object.kind), object.id.as_str()))
    }

    fn edge(&mut self, key: &TupleKey) -> Option<Edge> {
        let name = |view: &Self, text: &str| view.names.find(text);
        let object = self.object(name(self, key.object.kind())?, key.object.id());
        let relation = name(self, &key.relation)?;
        let user = self.user(&key.user)?;
        Some(Edge { object, relation, user })
    }

    /// The number of a user; none where no model and no tuple has its type or its relation.
    pub(in crate::relations) fn user(&mut self, user: &TupleUser) -> Option<UserId> {
        let kind = self.names.find(user.kind())?;
        Some(match user {
            TupleUser::Object(object) => UserId::plain(self.object(kind, object.id())),
            TupleUser::Wildcard(_) => UserId::plain(self.object(kind, EVERYONE)),
            TupleUser::Userset { object, relation } => {
                let relation = self.names.find(relation)?;
                UserId { object: self.object(kind, object.id()), relation }
            }
        })
    }
}

/// Spells a tuple out, with the names of objects from `text`.
pub(super) fn key_text<'t>(
    names: &Names,
    edge: Edge,
    text: impl Fn(ObjectId) -> Option<(&'t str, &'t str)>,
) -> Option<TupleKey> {
    let (kind, id) = text(edge.object)?;
    let object = ObjectRef::new(kind, id).ok()?;
    Some(TupleKey { object, relation: names.text(edge.relation).into(), user: user_text(names, edge.user, text)? })
}

fn user_text<'t>(
    names: &Names,
    user: UserId,
    text: impl Fn(ObjectId) -> Option<(&'t str, &'t str)>,
) -> Option<TupleUser> {
    let (kind, id) = text(user.object)?;
    if id == EVERYONE {
        return Some(TupleUser::Wildcard(kind.into()));
    }
    let object = ObjectRef::new(kind, id).ok()?;
    Some(if user.is_userset() {
        TupleUser::Userset { object, relation: names.text(user.relation).into() }
    } else {
        TupleUser::Object(object)
    })
}

impl<V> Sorted<V> {
    fn new(mut entries: Vec<(Key, V)>) -> Self {
        entries.sort_by_key(|(key, _)| *key);
        let (keys, values) = entries.into_iter().unzip();
        Self { keys, values }
    }

    fn row(&self, from: &Key, to: &Key) -> Row<'_, V> {
        let start = self.keys.partition_point(|key| key < from);
        let end = self.keys.partition_point(|key| key <= to);
        Row::Near {
            keys: self.keys.get(start..end).unwrap_or_default(),
            values: self.values.get(start..end).unwrap_or_default(),
        }
    }
}

/// The least key of a row.
fn first_of(object: ObjectId, relation: NameId) -> Key {
    [object.0, pair(relation, NameId::NONE), 0]
}

/// The greatest key of a row.
fn last_of(object: ObjectId, relation: NameId) -> Key {
    [object.0, pair(relation, NameId::LAST), u32::MAX]
}

/// The tuples of one object, over all layers.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct ObjectRows<'v> {
    object: ObjectId,
    rows: [Row<'v, When>; LAYERS],
}

impl ObjectRows<'_> {
    /// Of which object.
    pub(in crate::relations) fn object(&self) -> ObjectId {
        self.object
    }
}

/// The tuples of one `object#relation`, over all layers.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct ObjectRow<'v> {
    object: ObjectId,
    relation: NameId,
    rows: [Row<'v, When>; LAYERS],
}

impl<'v> ObjectRow<'v> {
    /// The tuples of this row whose user is exactly `user`: at most one per layer of the graph, and those of the
    /// request.
    pub(in crate::relations) fn of(&self, user: UserId) -> impl Iterator<Item = &'v When> + use<'v> {
        let [bundle, stored, own] = self.rows;
        let key = Edge { object: self.object, relation: self.relation, user }.by_object();
        let in_graph = [bundle.get(&key), stored.get(&key)];
        in_graph.into_iter().flatten().chain(own.range(&key, &key).map(|(_, when)| when))
    }

    /// The tuples whose user is a userset.
    pub(in crate::relations) fn usersets(&self) -> impl Iterator<Item = (UserId, &'v When)> + use<'v> {
        self.between(NameId::FIRST, NameId::LAST)
    }

    /// The tuples whose user is an object, or everyone of a type.
    pub(in crate::relations) fn plain(&self) -> impl Iterator<Item = (UserId, &'v When)> + use<'v> {
        self.between(NameId::NONE, NameId::NONE)
    }

    /// All tuples.
    pub(in crate::relations) fn all(&self) -> impl Iterator<Item = (UserId, &'v When)> + use<'v> {
        self.between(NameId::NONE, NameId::LAST)
    }

    fn between(&self, first: NameId, last: NameId) -> impl Iterator<Item = (UserId, &'v When)> + use<'v> {
        let from = [self.object.0, pair(self.relation, first), 0];
        let to = [self.object.0, pair(self.relation, last), u32::MAX];
        let tuples = self.rows.into_iter().flat_map(move |row| -> Range<'v, When> { row.range(&from, &to) });
        tuples.map(|(key, when)| (Edge::of_object_key(key).user, when))
    }
}
