//! One set of tuples, kept in both directions.
//!
//! INVARIANT: both directions hold the same tuples.

use super::names::NameId;
use super::ordered::{Key, Range, Tree};
use super::rows::{Rows, Tuples};
use super::symbols::{ObjectId, UserId};
use crate::model::TupleCondition;
use std::sync::Arc;

/// Under which condition a tuple holds; always, where there is none.
pub(in crate::relations) type When = Option<Arc<TupleCondition>>;

/// A tuple in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct Edge {
    /// To what.
    pub(in crate::relations) object: ObjectId,
    /// In which relation.
    pub(in crate::relations) relation: NameId,
    /// Who.
    pub(in crate::relations) user: UserId,
}

impl Edge {
    /// The key from the object's side. A row's plain users come first and its usersets after them,
    /// by relation: a check that has looked for its user directly goes on with the usersets and
    /// passes a million plain users by.
    pub(super) fn by_object(self) -> Key {
        [
            self.object.0,
            pair(self.relation, self.user.relation),
            self.user.object.0,
        ]
    }

    /// The key from the user's side, by relation.
    pub(super) fn by_user(self) -> Key {
        [
            self.user.object.0,
            pair(self.user.relation, self.relation),
            self.object.0,
        ]
    }

    /// The inverse of [`Self::by_object`].
    pub(super) fn of_object_key([object, names, user]: Key) -> Self {
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

    /// The inverse of [`Self::by_user`].
    pub(super) fn of_user_key([user, names, object]: Key) -> Self {
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

/// Two names in one word of a key.
pub(super) fn pair(high: NameId, low: NameId) -> u32 {
    (high.word() << 16) | low.word()
}

fn unpair(word: u32) -> (NameId, NameId) {
    (NameId::of_word(word >> 16), NameId::of_word(word & 0xFFFF))
}

/// Tuples. Clones are cheap and share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::relations) struct Layer {
    pub(super) by_object: Rows,
    /// Whether the tuple has a condition, which stands on the other side.
    pub(super) by_user: Tree<bool>,
}

impl Layer {
    /// Builds a layer at once; of several tuples with one key the last stays.
    pub(super) fn from_edges(edges: Vec<(Edge, When)>) -> Self {
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
            by_object: Rows::from_entries(by_object),
            by_user,
        }
    }

    /// How many tuples there are.
    pub(super) fn len(&self) -> usize {
        self.by_object.len()
    }

    /// The tuple's condition; `None` where there is no such tuple.
    pub(super) fn get(&self, edge: Edge) -> Option<&When> {
        self.by_object.get(&edge.by_object())
    }

    pub(super) fn insert(&mut self, edge: Edge, when: When) {
        self.by_user.insert(edge.by_user(), when.is_some());
        self.by_object.insert(edge.by_object(), when);
    }

    pub(super) fn remove(&mut self, edge: Edge) {
        self.by_user.remove(&edge.by_user());
        self.by_object.remove(&edge.by_object());
    }

    /// Every tuple on an object, whatever the relation.
    pub(super) fn on_object(&self, object: ObjectId) -> Tuples<'_, 1> {
        Tuples::of(object.0, [self.by_object.of(object.0)])
    }

    /// Every tuple on an object with this relation.
    pub(super) fn on_row(&self, object: ObjectId, relation: NameId) -> Tuples<'_, 1> {
        let row = self
            .by_object
            .of(object.0)
            .between(pair(relation, NameId::NONE), pair(relation, NameId::LAST));
        Tuples::of(object.0, [row])
    }

    /// Every tuple whose user is an object or a userset of it, whatever the relations.
    pub(super) fn of_user(&self, object: ObjectId) -> Range<'_, bool> {
        self.by_user
            .range(&[object.0, 0, 0], &[object.0, u32::MAX, u32::MAX])
    }
}
