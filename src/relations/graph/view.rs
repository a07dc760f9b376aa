//! The tuples that one request sees: a version of the graph, and the request's contextual tuples.
//!
//! This module owns the union of the layers. A contextual tuple replaces the tuple of its key in
//! the graph, whatever their conditions, because the request states how the tuple is for this
//! question. OpenFGA's check does the same for a tuple that names the user itself. In OpenFGA's
//! lists, and in its checks through usersets and everyone, both tuples count, so that a list there
//! can hold what a check denies. Here one rule holds everywhere.

use super::layer::{Edge, EdgeCondition, Layer, pair};
use super::ordered::TreeKey;
use super::rows::{RowEntry, TupleRow, Tuples};
use super::symbols::{MAX_OBJECTS, ObjectName};
use super::{EVERYONE, Graph, NameId, Names, ObjectId, RowHash, UserId};
use crate::model::{ObjectRef, Tuple, TupleKey, TupleUser};
use foldhash::HashMap;
use smol_str::SmolStr;
use std::sync::Arc;

/// The number of layers of a request: the bundle's, the store's, and its contextual tuples.
const LAYERS: usize = 3;

/// A version of the graph together with the contextual tuples of a request.
#[derive(Debug)]
pub(in crate::relations) struct View<'a> {
    graph: &'a Graph,
    names: Arc<Names>,
    /// Objects that only the request names. Their numbers begin at [`MAX_OBJECTS`].
    own: Vec<ObjectName>,
    own_ids: HashMap<(NameId, SmolStr), ObjectId>,
    by_object: ContextualRows,
    /// The contextual tuples by user, sorted. The value is the condition itself, where the graph's
    /// tree has only a flag.
    by_user: Vec<(TreeKey, EdgeCondition)>,
}

/// The contextual tuples, sorted by their keys.
#[derive(Debug, Default)]
struct ContextualRows {
    /// The object of each entry.
    objects: Vec<u32>,
    entries: Vec<RowEntry>,
}

impl<'a> View<'a> {
    /// Adds contextual tuples to a version. Tuples with a type or relation that the graph has no
    /// number for are left out, because no model can allow them.
    pub(in crate::relations) fn new(graph: &'a Graph, contextual: &[Tuple]) -> Self {
        let mut view = Self {
            graph,
            names: graph.names().now(),
            own: Vec::new(),
            own_ids: HashMap::default(),
            by_object: ContextualRows::default(),
            by_user: Vec::new(),
        };
        let mut edges: Vec<(Edge, EdgeCondition)> = contextual
            .iter()
            .filter_map(|tuple| Some((view.edge(&tuple.key)?, tuple.condition.clone())))
            .collect();
        // Of several tuples with one key the first counts.
        edges.sort_by_key(|(edge, _)| *edge);
        edges.dedup_by_key(|(edge, _)| *edge);
        view.by_object = ContextualRows::new(
            edges
                .iter()
                .map(|(edge, when)| (edge.by_object(), when.clone()))
                .collect(),
        );
        view.by_user = edges
            .into_iter()
            .map(|(edge, when)| (edge.by_user(), when))
            .collect();
        view.by_user.sort_by_key(|(key, _)| *key);
        view
    }

    /// Returns the version of the graph.
    pub(in crate::relations) fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Returns the names of types and relations.
    pub(in crate::relations) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns the number of an object; if no tuple names it, it gets a number for this request.
    pub(in crate::relations) fn object(&mut self, kind: NameId, id: &str) -> ObjectId {
        if let Some(found) = self.find(kind, id) {
            return found;
        }
        let count = u32::try_from(self.own.len()).unwrap_or(u32::MAX - MAX_OBJECTS);
        let new = ObjectId(MAX_OBJECTS.saturating_add(count));
        self.own.push(ObjectName {
            kind,
            id: id.into(),
        });
        self.own_ids.insert((kind, id.into()), new);
        new
    }

    /// Returns the number of an object, or `None` if no tuple of the view names it.
    pub(in crate::relations) fn find(&self, kind: NameId, id: &str) -> Option<ObjectId> {
        let own = || {
            if self.own_ids.is_empty() {
                None
            } else {
                self.own_ids.get(&(kind, id.into())).copied()
            }
        };
        self.graph.symbols.find(kind, id).or_else(own)
    }

    /// Returns an object's type.
    pub(in crate::relations) fn kind(&self, id: ObjectId) -> NameId {
        let own = || self.named(id).map(|object| object.kind);
        self.graph
            .symbols
            .kind(id)
            .map(|kind| kind.name)
            .or_else(own)
            .unwrap_or(NameId::NONE)
    }

    /// Returns `true` if the object stands for everyone of its type.
    pub(in crate::relations) fn is_everyone(&self, id: ObjectId) -> bool {
        let own = || self.named(id).is_some_and(|object| object.id == EVERYONE);
        self.graph
            .symbols
            .kind(id)
            .map_or_else(own, |kind| kind.is_everyone)
    }

    /// Returns the tuples of `object#relation`.
    pub(in crate::relations) fn row(&self, object: ObjectId, relation: NameId) -> ObjectRow<'_> {
        self.rows_of(object).of(relation)
    }

    /// Returns the tuples of an object with any relation, so that a caller that reads several
    /// relations finds the object once.
    pub(in crate::relations) fn rows_of(&self, object: ObjectId) -> ObjectRows<'_> {
        let in_graph = |layer: &'a Layer| {
            let is_there = object.0 < MAX_OBJECTS && layer.len() > 0;
            if is_there {
                layer.by_object.of(object.0)
            } else {
                TupleRow::own(&[])
            }
        };
        let rows = [
            in_graph(&self.graph.bundle),
            in_graph(&self.graph.stored),
            self.by_object.of(object.0),
        ];
        ObjectRows { object, rows }
    }

    /// Returns the objects to which a tuple gives `user` itself the relation, each with the
    /// condition of that tuple.
    pub(in crate::relations) fn objects(
        &self,
        user: UserId,
        relation: NameId,
    ) -> impl Iterator<Item = (ObjectId, &EdgeCondition)> {
        let names = pair(user.relation, relation);
        let from = [user.object.0, names, 0];
        let to = [user.object.0, names, u32::MAX];
        let layers = [&self.graph.bundle, &self.graph.stored];
        let is_replaced = |key: &TreeKey| {
            !self.by_user.is_empty()
                && self
                    .by_user
                    .binary_search_by_key(key, |(own, _)| *own)
                    .is_ok()
        };
        let graph = layers.into_iter().flat_map(move |layer| {
            layer
                .by_user
                .range(&from, &to)
                .filter(move |(key, _)| !is_replaced(key))
                .filter_map(|(key, has_condition)| {
                    let edge = Edge::of_user_key(key);
                    let when = if *has_condition {
                        layer.get(edge)?
                    } else {
                        &None
                    };
                    Some((edge.object, when))
                })
        });
        let start = self.by_user.partition_point(|(key, _)| *key < from);
        let own = self
            .by_user
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |(key, _)| *key <= to);
        graph.chain(own.map(|(key, when)| (Edge::of_user_key(*key).object, when)))
    }

    /// Returns the hash of the row `object#relation`.
    pub(in crate::relations) fn object_row_hash(
        &self,
        object: ObjectId,
        relation: NameId,
    ) -> RowHash {
        let (kind, id) = self.text(object).unwrap_or_default();
        RowHash::of_object(kind, id, self.names.text(relation))
    }

    /// Returns the hash of a user's row.
    pub(in crate::relations) fn user_row_hash(&self, user: UserId) -> RowHash {
        let (kind, id) = self.text(user.object).unwrap_or_default();
        RowHash::of_user(kind, id, self.names.text(user.relation))
    }

    /// Returns the hash of the row of everyone of the user's type.
    pub(in crate::relations) fn everyone_row_hash(&self, user: UserId) -> RowHash {
        let (kind, _) = self.text(user.object).unwrap_or_default();
        RowHash::of_user(kind, EVERYONE, "")
    }

    /// Returns a tuple as text, or `None` if a number has no meaning here.
    pub(in crate::relations) fn key_text(&self, edge: Edge) -> Option<TupleKey> {
        key_text(&self.names, edge, |id| self.text(id))
    }

    /// Returns an object as text.
    pub(in crate::relations) fn object_text(&self, id: ObjectId) -> Option<ObjectRef> {
        let (kind, id) = self.text(id)?;
        ObjectRef::new(kind, id).ok()
    }

    /// Returns a user as text.
    pub(in crate::relations) fn user_text(&self, user: UserId) -> Option<TupleUser> {
        user_text(&self.names, user, |id| self.text(id))
    }

    fn named(&self, id: ObjectId) -> Option<&ObjectName> {
        match id.0.checked_sub(MAX_OBJECTS) {
            None => self.graph.symbols.object(id),
            Some(own) => self.own.get(usize::try_from(own).ok()?),
        }
    }

    fn text(&self, id: ObjectId) -> Option<(&str, &str)> {
        self.named(id)
            .map(|object| (self.names.text(object.kind), object.id.as_str()))
    }

    fn edge(&mut self, key: &TupleKey) -> Option<Edge> {
        let name = |view: &Self, text: &str| view.names.find(text);
        let object = self.object(name(self, key.object.kind())?, key.object.id());
        let relation = name(self, &key.relation)?;
        let user = self.user(&key.user)?;
        Some(Edge {
            object,
            relation,
            user,
        })
    }

    /// Returns the number of a user, or `None` if the graph has no number for its type or relation.
    pub(in crate::relations) fn user(&mut self, user: &TupleUser) -> Option<UserId> {
        let kind = self.names.find(user.kind())?;
        Some(match user {
            TupleUser::Object(object) => UserId::plain(self.object(kind, object.id())),
            TupleUser::Wildcard(_) => UserId::plain(self.object(kind, EVERYONE)),
            TupleUser::Userset { object, relation } => {
                let relation = self.names.find(relation)?;
                UserId {
                    object: self.object(kind, object.id()),
                    relation,
                }
            }
        })
    }
}

/// Converts a tuple to text, with the names of objects from `text`.
pub(super) fn key_text<'t>(
    names: &Names,
    edge: Edge,
    text: impl Fn(ObjectId) -> Option<(&'t str, &'t str)>,
) -> Option<TupleKey> {
    let (kind, id) = text(edge.object)?;
    let object = ObjectRef::new(kind, id).ok()?;
    Some(TupleKey {
        object,
        relation: names.text(edge.relation).into(),
        user: user_text(names, edge.user, text)?,
    })
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
        TupleUser::Userset {
            object,
            relation: names.text(user.relation).into(),
        }
    } else {
        TupleUser::Object(object)
    })
}

impl ContextualRows {
    fn new(mut tuples: Vec<(TreeKey, EdgeCondition)>) -> Self {
        tuples.sort_by_key(|(key, _)| *key);
        let objects = tuples.iter().map(|([object, ..], _)| *object).collect();
        Self {
            objects,
            entries: tuples
                .into_iter()
                .map(|(key, when)| RowEntry::new(key, when))
                .collect(),
        }
    }

    fn of(&self, object: u32) -> TupleRow<'_> {
        let start = self.objects.partition_point(|at| *at < object);
        let end = self.objects.partition_point(|at| *at <= object);
        TupleRow::own(self.entries.get(start..end).unwrap_or_default())
    }
}

/// The tuples of one object, over all layers.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct ObjectRows<'v> {
    object: ObjectId,
    rows: [TupleRow<'v>; LAYERS],
}

impl<'v> ObjectRows<'v> {
    /// Returns the object.
    pub(in crate::relations) fn object(&self) -> ObjectId {
        self.object
    }

    /// Returns the tuples with one relation.
    pub(in crate::relations) fn of(&self, relation: NameId) -> ObjectRow<'v> {
        let first = pair(relation, NameId::NONE);
        let last = pair(relation, NameId::LAST);
        ObjectRow {
            object: self.object,
            relation,
            rows: self.rows.map(|row| row.between(first, last)),
        }
    }
}

/// The tuples of one `object#relation`, over all layers.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct ObjectRow<'v> {
    object: ObjectId,
    relation: NameId,
    rows: [TupleRow<'v>; LAYERS],
}

impl<'v> ObjectRow<'v> {
    /// Returns the conditions of the tuples in this row whose user is exactly `user`: that of the
    /// contextual tuple, or else of at most one tuple per layer of the graph.
    pub(in crate::relations) fn of(
        &self,
        user: UserId,
    ) -> impl Iterator<Item = &'v EdgeCondition> + use<'v> {
        let [bundle, stored, own] = self.rows;
        let key = Edge {
            object: self.object,
            relation: self.relation,
            user,
        }
        .by_object();
        let found = match own.get(key) {
            Some(own) => [Some(own), None],
            None => [bundle.get(key), stored.get(key)],
        };
        found.into_iter().flatten()
    }

    /// Returns the tuples whose user is a userset.
    pub(in crate::relations) fn usersets(
        &self,
    ) -> impl Iterator<Item = (UserId, &'v EdgeCondition)> + use<'v> {
        self.between(NameId::FIRST, NameId::LAST)
    }

    /// Returns the tuples whose user is an object, or everyone of a type.
    pub(in crate::relations) fn plain(
        &self,
    ) -> impl Iterator<Item = (UserId, &'v EdgeCondition)> + use<'v> {
        self.between(NameId::NONE, NameId::NONE)
    }

    /// Returns all tuples.
    pub(in crate::relations) fn all(
        &self,
    ) -> impl Iterator<Item = (UserId, &'v EdgeCondition)> + use<'v> {
        self.between(NameId::NONE, NameId::LAST)
    }

    fn between(
        &self,
        first: NameId,
        last: NameId,
    ) -> impl Iterator<Item = (UserId, &'v EdgeCondition)> + use<'v> {
        let first = pair(self.relation, first);
        let last = pair(self.relation, last);
        let tuples = Tuples::of(self.object.0, self.rows.map(|row| row.between(first, last)));
        let [.., own] = self.rows;
        let counts = move |key: TreeKey, when: &'v EdgeCondition| {
            own.get(key).is_none_or(|own| std::ptr::eq(own, when))
        };
        tuples
            .filter(move |(key, when)| counts(*key, when))
            .map(|(key, when)| (Edge::of_object_key(key).user, when))
    }
}
