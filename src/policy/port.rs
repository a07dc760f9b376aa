//! The interface between policies and relations: what policies must know of the relation model, and
//! the trait that answers their questions.
//!
//! The relation engine implements the trait elsewhere; nothing here knows how an answer is found.

use crate::model::{EntityRef, Record, Timestamp, UnmetTuple};
use crate::policy::analysis::mentions::{Mention, ObjectTerm};
use crate::policy::analysis::syntax::PathRoot;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// What the schema must know of a relation model, by Cedar's names of types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationTypes {
    /// The relations that the model defines for each type.
    pub relations: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
    /// The types whose entities can be in some relation.
    pub members: BTreeSet<SmolStr>,
    /// The types whose entities can be in a relation, by the object's type and the relation. A
    /// relation without an entry here can hold for any type.
    pub users: BTreeMap<SmolStr, BTreeMap<SmolStr, BTreeSet<SmolStr>>>,
    /// The paths that the conditions on which an answer about a relation can depend read, by the
    /// object's type and the relation. Each begins with the name of a parameter, and no parameter
    /// is missing.
    pub parameters: BTreeMap<SmolStr, BTreeMap<SmolStr, BTreeSet<Vec<SmolStr>>>>,
}

/// Answers the questions that policies ask about relations, at one revision.
pub trait Relations: std::fmt::Debug {
    /// Decides whether `user` is in `relation` of `object`.
    fn holds(&self, question: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure>;

    /// Returns `true` if some tuple has the entity as its object.
    fn is_object(&self, entity: &EntityRef) -> bool;
}

/// A question about one relation.
#[derive(Clone, Copy, Debug)]
pub struct RelationQuestion<'a> {
    /// The user.
    pub user: &'a EntityRef,
    /// The object.
    pub object: &'a EntityRef,
    /// The relation.
    pub relation: &'a str,
    /// The request's context, from which conditions on tuples read their parameters by name: what
    /// the schema declares is in one form of its type, and nothing is null.
    pub context: &'a Record,
    /// The value of `current_time` in conditions.
    pub now: Timestamp,
    /// The value of `action` in conditions: the name that the request used.
    pub action: &'a str,
    /// The value of `resource` in conditions.
    pub resource: &'a EntityRef,
}

/// The answer to a question about one relation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationAnswer {
    /// Whether the relation holds.
    pub held: bool,
    /// A path of tuples that shows that the relation holds, if it does.
    pub witness: Vec<String>,
    /// Tuples by which the relation would hold if their conditions were true, if it does not and
    /// an explanation is wanted.
    pub unmet: Vec<UnmetTuple>,
}

/// The reason why a question about a relation has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelationFailure {
    /// The same question fails again at the same revision (a missing parameter, too deep), so the
    /// leg denies. If an explanation is wanted, the tuples stand beside the message whose
    /// conditions could not be evaluated.
    Denied(String, Vec<UnmetTuple>),
    /// The failure may pass (time, a store), so there is no decision.
    Fault(String),
    /// The question needs more than its limits allow (breadth, cost). How much was read before
    /// counts, so there is no decision.
    Limit(String),
}

/// The answers of a bundle without a relation model: nobody is in any relation.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRelations;

impl Relations for NoRelations {
    fn holds(&self, _: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure> {
        Ok(RelationAnswer::default())
    }

    fn is_object(&self, _: &EntityRef) -> bool {
        false
    }
}

impl RelationTypes {
    /// Returns `true` if an entity of type `user` can be in a relation of an object of type
    /// `object`, whatever the tuples are.
    pub(in crate::policy) fn can_hold(&self, user: &str, object: &str, relation: &str) -> bool {
        let users = self
            .users
            .get(object)
            .and_then(|relations| relations.get(relation));
        users.is_none_or(|users| users.contains(user))
    }

    /// Returns the paths that are read by every condition on which the answer to a mention can
    /// depend. A mention's path may lead to any type that has the relation.
    pub(in crate::policy) fn parameters_of(
        &self,
        mention: &Mention,
    ) -> impl Iterator<Item = &Vec<SmolStr>> {
        let is_meant = |kind: &SmolStr| match &mention.object {
            ObjectTerm::Literal(object) => *kind == object.kind,
            ObjectTerm::Path(PathRoot::Principal | PathRoot::Resource | PathRoot::Context, _) => {
                true
            }
        };
        let relation = mention.relation.clone();
        let meant = self
            .parameters
            .iter()
            .filter(move |(kind, _)| is_meant(kind));
        meant
            .filter_map(move |(_, relations)| relations.get(&relation))
            .flatten()
    }

    /// Returns `true` if a condition on a tuple that can count for the mentioned relation has a
    /// parameter of this name. If the object's type is not known here, the parameters of every type
    /// count.
    pub(in crate::policy) fn reads(&self, parameter: &SmolStr, mention: &Mention) -> bool {
        self.parameters_of(mention)
            .any(|path| path.first() == Some(parameter))
    }
}
