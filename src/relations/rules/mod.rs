//! A model made ready for one store: its names are numbers, and its relations are a graph.
//!
//! **Problem.** A check asks the model the same questions at every step: does this tuple count,
//! where does it lead, and can the user's type be found there at all? Answered from the definition
//! of the model, each would be a search by name.
//! **Decision.** The model is compiled once, against the names of the store ([`compile`]). One
//! function decides which tuples count ([`Relation::admits`]), when they are read, because models
//! change and tuples stay. Where a type of user can be found is computed once per type ([`reach`]),
//! so that a check that cannot succeed reads nothing.
//! **Trade-off.** Rules belong to one store; a model used in two stores is compiled twice.

mod compile;
mod possible;
mod reach;

pub use compile::RulesError;
pub use possible::PossibleRelations;
pub(in crate::relations) use reach::{RelationSet, Terminal};

use super::graph::{EdgeCondition, Graph, NameId, NameTable, ObjectId, UserId, View};
use super::model::AuthorizationModel;
use crate::model::ModelType;
use foldhash::HashMap;
use reach::ReachSets;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// A model compiled for one store. Share it behind an [`Arc`].
#[derive(Debug)]
pub struct Rules {
    names: Arc<NameTable>,
    model: AuthorizationModel,
    relations: Vec<Relation>,
    index: HashMap<(NameId, NameId), RelationId>,
    /// The types, each with its position in the model.
    kinds: HashMap<NameId, usize>,
    /// For each relation, the relations that its members are members of too: the model in the
    /// opposite direction, for lists.
    incoming: Vec<Vec<Incoming>>,
    reach: ReachSets,
    /// For each relation, whether a check of it can depend on a condition; computed on first use.
    conditional: Vec<OnceLock<bool>>,
}

/// The index of a relation of a type in the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct RelationId(u32);

/// A relation of a type.
#[derive(Debug)]
pub(in crate::relations) struct Relation {
    /// The type.
    pub(in crate::relations) kind: NameId,
    /// The relation's name.
    pub(in crate::relations) name: NameId,
    /// The definition of its members.
    pub(in crate::relations) rewrite: CompiledRewrite,
    /// The users that its tuples may name.
    pub(in crate::relations) restrictions: Vec<CompiledRestriction>,
    /// Whether only unions lie between the relation and every tuple that counts. Then it holds
    /// exactly if a path of tuples leads to the user, and a search decides it.
    pub(in crate::relations) is_monotone: bool,
    /// Whether none of its tuples has a condition, and each userset that they may name consists of
    /// tuples that name no userset. Then a check of it ends with these, and its usersets can be
    /// found from the user's side.
    pub(in crate::relations) is_flat: bool,
}

/// A form of user that a tuple may name, and the condition that the tuple must have.
#[derive(Debug)]
pub(in crate::relations) struct CompiledRestriction {
    kind: NameId,
    form: AllowedUser,
    condition: Option<SmolStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AllowedUser {
    Object,
    Everyone,
    Userset(NameId),
}

/// The definition of a relation's members.
#[derive(Debug)]
pub(in crate::relations) enum CompiledRewrite {
    /// The users of the relation's own tuples.
    This,
    /// The members of another relation to the same object.
    Computed(RelationId),
    /// The members of a relation to each object that a tuple names.
    Arrow(Arrow),
    /// The members of any operand.
    Union(Vec<CompiledRewrite>),
    /// The members of all operands.
    Intersection(Vec<CompiledRewrite>),
    /// The members of the first who are not members of the second.
    Difference(Box<CompiledRewrite>, Box<CompiledRewrite>),
}

/// The rewrite `computed from tupleset`.
#[derive(Debug)]
pub(in crate::relations) struct Arrow {
    /// The relation whose tuples name the objects.
    pub(in crate::relations) tupleset: RelationId,
    /// The name of the relation to those objects.
    pub(in crate::relations) name: NameId,
    /// The relation to those objects, by their type. Types without that relation are left out.
    pub(in crate::relations) computed: Vec<(NameId, RelationId)>,
}

impl Arrow {
    /// Returns the relation to follow on an object of type `kind`.
    pub(in crate::relations) fn on(&self, kind: NameId) -> Option<RelationId> {
        self.computed
            .iter()
            .find(|(of, _)| *of == kind)
            .map(|(_, relation)| *relation)
    }
}

/// A relation that the members of another relation are members of too.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct Incoming {
    /// The relation with these members.
    pub(in crate::relations) to: RelationId,
    /// How the other relation contributes to it.
    pub(in crate::relations) how: Contribution,
}

/// How one relation contributes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relations) enum Contribution {
    /// As another relation of the same object.
    Computed,
    /// By a tuple whose user is the userset.
    Userset,
    /// By a tuple of this relation whose user is the object.
    Arrow(RelationId),
}

impl Rules {
    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> &AuthorizationModel {
        &self.model
    }

    /// Returns the names of all conditions that a check of `kind#relation` can depend on.
    #[must_use]
    pub fn conditions_of(&self, kind: &ModelType, relation: &str) -> BTreeSet<SmolStr> {
        let mut seen = RelationSet::new(self.relations.len());
        let mut left: Vec<RelationId> = self.find(kind.as_str(), relation).into_iter().collect();
        let mut found = BTreeSet::new();
        while let Some(id) = left.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Some(relation) = self.relation(id) else {
                continue;
            };
            found.extend(
                relation
                    .restrictions
                    .iter()
                    .filter_map(|restriction| restriction.condition.clone()),
            );
            left.extend(self.contributions(relation).map(|(to, _)| to));
            left.extend(
                relation
                    .rewrite
                    .arrows()
                    .into_iter()
                    .map(|arrow| arrow.tupleset),
            );
        }
        found
    }

    /// Returns `true` if a check of `kind#relation` can depend on the values of the request, that
    /// is, on any condition.
    #[must_use]
    pub fn reads_context(&self, kind: &ModelType, relation: &str) -> bool {
        let cell = self
            .find(kind.as_str(), relation)
            .and_then(|id| self.conditional.get(id.at()));
        cell.is_none_or(|cell| *cell.get_or_init(|| !self.conditions_of(kind, relation).is_empty()))
    }

    /// Returns `true` if these rules can answer questions about a graph: if they were compiled for
    /// it, or for another version of it that shares its names.
    #[must_use]
    pub fn fit(&self, graph: &Graph) -> bool {
        self.belong_to(graph.names())
    }

    /// Returns `true` if these rules were compiled for a store whose names are `names`.
    pub(in crate::relations) fn belong_to(&self, names: &Arc<NameTable>) -> bool {
        Arc::ptr_eq(&self.names, names)
    }

    /// Returns the relation called `relation` of the type called `kind`.
    pub(in crate::relations) fn find(&self, kind: &str, relation: &str) -> Option<RelationId> {
        let names = self.names.now();
        self.relation_of(names.find(kind)?, names.find(relation)?)
    }

    /// Returns the relation of a type, by the numbers of their names.
    pub(in crate::relations) fn relation_of(
        &self,
        kind: NameId,
        relation: NameId,
    ) -> Option<RelationId> {
        self.index.get(&(kind, relation)).copied()
    }

    /// Returns the relation with this index.
    pub(in crate::relations) fn relation(&self, id: RelationId) -> Option<&Relation> {
        self.relations.get(id.at())
    }

    /// Returns every relation, with its index.
    pub(in crate::relations) fn relations(&self) -> impl Iterator<Item = (RelationId, &Relation)> {
        (0..).map(RelationId).zip(&self.relations)
    }

    /// Returns `true` if the model defines the type.
    pub(in crate::relations) fn has_kind(&self, kind: NameId) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// Returns the relations that the members of a relation may be members of too. The subtracted
    /// side of a difference is left out, and every operand of an intersection but the first,
    /// because the members of an intersection are all members of its first operand.
    pub(in crate::relations) fn incoming(&self, id: RelationId) -> &[Incoming] {
        self.incoming.get(id.at()).map_or(&[], Vec::as_slice)
    }

    /// Returns the relations in which a user of this form can be found at all.
    pub(in crate::relations) fn reaching(&self, terminal: Terminal) -> &RelationSet {
        self.reach.to(self, terminal)
    }

    /// Returns the relations from which a list can arrive at `target`.
    pub(in crate::relations) fn leading_to(&self, target: RelationId) -> &RelationSet {
        self.reach.from(self, target)
    }

    /// Returns the relations that contribute to a relation anywhere in its rewrite, and how they
    /// do.
    fn contributions<'r>(
        &'r self,
        relation: &'r Relation,
    ) -> impl Iterator<Item = (RelationId, Contribution)> + 'r {
        let usersets =
            relation
                .restrictions
                .iter()
                .filter_map(|restriction| match restriction.form {
                    AllowedUser::Userset(name) => self
                        .relation_of(restriction.kind, name)
                        .map(|to| (to, Contribution::Userset)),
                    AllowedUser::Object | AllowedUser::Everyone => None,
                });
        usersets.chain(relation.rewrite.contributions())
    }
}

impl RelationId {
    fn at(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Relation {
    /// Returns the names of the relations whose usersets its tuples may name.
    pub(in crate::relations) fn userset_names(&self) -> impl Iterator<Item = NameId> {
        let names = self
            .restrictions
            .iter()
            .map(|restriction| match restriction.form {
                AllowedUser::Userset(name) => Some(name),
                AllowedUser::Object | AllowedUser::Everyone => None,
            });
        let names: BTreeSet<NameId> = names.flatten().collect();
        names.into_iter()
    }

    /// Decides whether a tuple of this relation counts; no other function does.
    ///
    /// INVARIANT: for every reader alike, a tuple does not exist if the model does not allow its
    /// user's type, its user's form, and its condition or the lack of one.
    pub(in crate::relations) fn admits(
        &self,
        view: &View<'_>,
        user: UserId,
        when: &EdgeCondition,
    ) -> bool {
        let kind = view.kind(user.object);
        let condition = when.as_deref().map(|condition| condition.name.as_str());
        // This is called last, as most restrictions differ in the type already.
        let is_everyone = |object: ObjectId| view.is_everyone(object);
        self.restrictions.iter().any(|restriction| {
            restriction.kind == kind
                && restriction.condition.as_deref() == condition
                && match restriction.form {
                    AllowedUser::Userset(name) => user.relation == name,
                    AllowedUser::Object => !user.is_userset() && !is_everyone(user.object),
                    AllowedUser::Everyone => !user.is_userset() && is_everyone(user.object),
                }
        })
    }
}

impl CompiledRewrite {
    /// Returns the operands, from left to right.
    pub(in crate::relations) fn children(&self) -> Vec<&CompiledRewrite> {
        match self {
            Self::This | Self::Computed(_) | Self::Arrow(_) => Vec::new(),
            Self::Union(children) | Self::Intersection(children) => children.iter().collect(),
            Self::Difference(base, subtract) => vec![base, subtract],
        }
    }

    /// Returns the arrows in the rewrite.
    pub(in crate::relations) fn arrows(&self) -> Vec<&Arrow> {
        match self {
            Self::Arrow(arrow) => vec![arrow],
            _ => self.children().into_iter().flat_map(Self::arrows).collect(),
        }
    }

    /// Returns the relations that the rewrite names.
    fn contributions(&self) -> Vec<(RelationId, Contribution)> {
        match self {
            Self::This => Vec::new(),
            Self::Computed(to) => vec![(*to, Contribution::Computed)],
            Self::Arrow(arrow) => arrow
                .computed
                .iter()
                .map(|(_, to)| (*to, Contribution::Arrow(arrow.tupleset)))
                .collect(),
            Self::Union(_) | Self::Intersection(_) | Self::Difference(..) => self
                .children()
                .into_iter()
                .flat_map(Self::contributions)
                .collect(),
        }
    }

    /// Returns `true` if the rewrite is only the relation's own tuples.
    pub(in crate::relations) fn is_this(&self) -> bool {
        matches!(self, Self::This)
    }

    fn is_union(&self) -> bool {
        match self {
            Self::This | Self::Computed(_) | Self::Arrow(_) => true,
            Self::Union(children) => children.iter().all(Self::is_union),
            Self::Intersection(_) | Self::Difference(..) => false,
        }
    }
}
