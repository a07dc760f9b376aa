//! What policies must know of relations, and what must answer them.
//!
//! The relation engine is on the other side: nothing here knows how an answer is found.

use crate::model::{EntityRef, Record, Timestamp};
use crate::policy::analysis::mentions::{Mention, Object};
use crate::policy::analysis::syntax::Root;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// What the schema must know of a relation model, by Cedar's names of types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationTypes {
    /// The relations of each type that the model defines.
    pub relations: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
    /// The types of which an entity can be in some relation.
    pub members: BTreeSet<SmolStr>,
    /// The types of which an entity can be in a relation at all, by type and relation. Where
    /// nothing is said, any can.
    pub users: BTreeMap<SmolStr, BTreeMap<SmolStr, BTreeSet<SmolStr>>>,
    /// The names of all parameters of all conditions that an answer about a relation can depend on,
    /// by type and relation.
    pub parameters: BTreeMap<SmolStr, BTreeMap<SmolStr, BTreeSet<SmolStr>>>,
}

/// Answers what a policy asks of relations, at one revision.
pub trait Relations: std::fmt::Debug {
    /// Whether `user` is in `relation` of `object`.
    fn holds(&self, question: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure>;

    /// Whether some tuple has the entity as its object.
    fn is_object(&self, entity: &EntityRef) -> bool;
}

/// One lookup.
#[derive(Clone, Copy, Debug)]
pub struct RelationQuestion<'a> {
    /// Who.
    pub user: &'a EntityRef,
    /// In the relation of what.
    pub object: &'a EntityRef,
    /// Which relation.
    pub relation: &'a str,
    /// What conditions on tuples read by the name of a parameter: the request's context.
    pub context: &'a Record,
    /// `current_time` to conditions.
    pub now: Timestamp,
    /// `action` to conditions: the name that the request used.
    pub action: &'a str,
    /// `resource` to conditions.
    pub resource: &'a EntityRef,
}

/// What a lookup found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationAnswer {
    /// Whether it held.
    pub held: bool,
    /// One path of tuples that shows it, where it held.
    pub witness: Vec<String>,
}

/// Why a lookup has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelationFailure {
    /// The same question fails again at the same revision (a missing parameter, too deep): the leg
    /// denies.
    Denied(String),
    /// Something that may pass (time, breadth, a store): no decision.
    Fault(String),
}

/// For bundles without a relation model: nobody is in anything.
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
    /// Whether an entity of type `user` can be in a relation of one of type `object`, whatever the
    /// tuples are.
    pub(in crate::policy) fn can_hold(&self, user: &str, object: &str, relation: &str) -> bool {
        let users = self
            .users
            .get(object)
            .and_then(|relations| relations.get(relation));
        users.is_none_or(|users| users.contains(user))
    }

    /// The parameters of every condition on which the answer to a mention can depend. A path may
    /// lead to any type that has the relation.
    pub(in crate::policy) fn parameters_of(
        &self,
        mention: &Mention,
    ) -> impl Iterator<Item = &SmolStr> {
        let is_meant = |kind: &SmolStr| match &mention.object {
            Object::Literal(object) => *kind == object.kind,
            Object::Path(Root::Principal | Root::Resource | Root::Context, _) => true,
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

    /// Whether a condition on a tuple that this relation can rest on has a parameter of this name.
    /// Where the object's type is not known here, that of any type counts.
    pub(in crate::policy) fn reads(&self, parameter: &SmolStr, mention: &Mention) -> bool {
        self.parameters_of(mention).any(|name| name == parameter)
    }
}
