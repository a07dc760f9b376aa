//! A set of tuples, stored in both directions.
//!
//! INVARIANT: both directions hold the same tuples.

use super::names::NameId;
use super::ordered::{Range, Tree, TreeKey};
use super::rows::{TupleRows, Tuples};
use super::symbols::{ObjectId, UserId};
use crate::model::TupleCondition;
use std::sync::Arc;

/// The condition of a tuple; a tuple without one always holds.
pub(in crate::relations) type EdgeCondition = Option<Arc<TupleCondition>>;

/// A tuple as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct Edge {
    /// The object.
    pub(in crate::relations) object: ObjectId,
    /// The relation.
    pub(in crate::relations) relation: NameId,
    /// The user.
    pub(in crate::relations) user: UserId,
}

impl Edge {
    /// Returns the key by object. The plain users of a row come first and its usersets after them,
    /// by relation. So a check that has looked up its user directly can read the usersets without
    /// passing a million plain users.
    pub(super) fn by_object(self) -> TreeKey {
        [
            self.object.0,
            pair(self.relation, self.user.relation),
            self.user.object.0,
        ]
    }

    /// Returns the key by user.
    pub(super) fn by_user(self) -> TreeKey {
        [
            self.user.object.0,
            pair(self.user.relation, self.relation),
            self.object.0,
        ]
    }

    /// Converts a key of [`Self::by_object`] back.
    pub(super) fn of_object_key([object, names, user]: TreeKey) -> Self {
        let (relation, of_user) = unpair(names);
        Self {
            object: ObjectId(object),
            relation,
            user: UserId {
                object: ObjectId(user),
                relation: of_user,
            },
        }
    }

    /// Converts a key of [`Self::by_user`] back.
    pub(super) fn of_user_key([user, names, object]: TreeKey) -> Self {
        let (of_user, relation) = unpair(names);
        Self {
            object: ObjectId(object),
            relation,
            user: UserId {
                object: ObjectId(user),
                relation: of_user,
            },
        }
    }
}

/// Packs two names into one word of a key.
pub(super) fn pair(high: NameId, low: NameId) -> u32 {
    (high.word() << 16) | low.word()
}

fn unpair(word: u32) -> (NameId, NameId) {
    (NameId::of_word(word >> 16), NameId::of_word(word & 0xFFFF))
}

/// A set of tuples. Clones are cheap and share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::relations) struct Layer {
    pub(super) by_object: TupleRows,
    /// The tuples by user, with `true` for those that have a condition; `by_object` holds the
    /// condition.
    pub(super) by_user: Tree<bool>,
}

impl Layer {
    /// Builds a layer at once; of several tuples with one key the last one counts.
    pub(super) fn from_edges(edges: Vec<(Edge, EdgeCondition)>) -> Self {
        let by_user = edges
            .iter()
            .map(|(edge, when)| (edge.by_user(), when.is_some()))
            .collect();
        let by_user = Tree::from_entries(by_user);
        let by_object = edges
            .into_iter()
            .map(|(edge, when)| (edge.by_object(), when))
            .collect();
        Self {
            by_object: TupleRows::from_entries(by_object),
            by_user,
        }
    }

    /// Returns the number of tuples.
    pub(super) fn len(&self) -> usize {
        self.by_object.len()
    }

    /// Returns the tuple's condition, or `None` if there is no such tuple.
    pub(super) fn get(&self, edge: Edge) -> Option<&EdgeCondition> {
        self.by_object.get(&edge.by_object())
    }

    pub(super) fn insert(&mut self, edge: Edge, when: EdgeCondition) {
        self.by_user.insert(edge.by_user(), when.is_some());
        self.by_object.insert(edge.by_object(), when);
    }

    pub(super) fn remove(&mut self, edge: Edge) {
        self.by_user.remove(&edge.by_user());
        self.by_object.remove(&edge.by_object());
    }

    /// Returns every tuple on an object, whatever the relation.
    pub(super) fn on_object(&self, object: ObjectId) -> Tuples<'_, 1> {
        Tuples::of(object.0, [self.by_object.of(object.0)])
    }

    /// Returns every tuple on an object with this relation.
    pub(super) fn on_row(&self, object: ObjectId, relation: NameId) -> Tuples<'_, 1> {
        let row = self
            .by_object
            .of(object.0)
            .between(pair(relation, NameId::NONE), pair(relation, NameId::LAST));
        Tuples::of(object.0, [row])
    }

    /// Returns every tuple whose user is an object or a userset of it, whatever the relations.
    pub(super) fn of_user(&self, object: ObjectId) -> Range<'_, bool> {
        self.by_user
            .range(&[object.0, 0, 0], &[object.0, u32::MAX, u32::MAX])
    }
}
