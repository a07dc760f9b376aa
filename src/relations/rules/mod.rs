//! A model made ready for one store: its names as numbers, its relations as a graph.
//!
//! **Problem.** A check asks the same of the model at every step: may this tuple count, where does
//! it lead, can the user's type be found there at all. Answered from the written model, each would
//! be a search by name.
//! **Decision.** The model is compiled once, against the names of the store ([`compile`]). What
//! tuples count is decided in one place ([`Relation::admits`]), at read time: models change and
//! tuples stay. Where a user's type can be found is worked out once per type ([`reach`]), so that a
//! check which cannot succeed reads nothing.
//! **Trade-off.** Rules belong to one store; a model used in two stores is compiled twice.

mod compile;
mod possible;
mod reach;

pub use compile::RulesError;
pub use possible::Possible;
pub(in crate::relations) use reach::{Bits, Terminal};

use super::graph::{Graph, NameId, NameTable, ObjectId, UserId, View, When};
use super::model::AuthorizationModel;
use crate::model::ModelType;
use foldhash::HashMap;
use reach::Reach;
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
    /// The types, and the place of each among them.
    kinds: HashMap<NameId, usize>,
    /// For each relation, where its members are members too: the model read against its direction,
    /// for lists.
    incoming: Vec<Vec<Incoming>>,
    reach: Reach,
    /// For each relation, whether a condition is in its reach; worked out when first asked for.
    conditional: Vec<OnceLock<bool>>,
}

/// A relation of a type, by its place in the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct RelationId(u32);

/// A relation of a type.
#[derive(Debug)]
pub(in crate::relations) struct Relation {
    /// The type.
    pub(in crate::relations) kind: NameId,
    /// The relation's name.
    pub(in crate::relations) name: NameId,
    /// How its members are found.
    pub(in crate::relations) rewrite: Rewrite,
    /// Whom its tuples may name.
    pub(in crate::relations) restrictions: Vec<Restriction>,
    /// Whether only unions lie between it and every tuple that counts: then it holds exactly where
    /// a path of tuples leads to the user, and a search decides it.
    pub(in crate::relations) is_monotone: bool,
    /// Whether none of its tuples carries a condition, and each userset that they may name is
    /// nothing but tuples that name objects. Then a check of it ends with them, and its usersets
    /// can be found from the user's side.
    pub(in crate::relations) is_flat: bool,
}

/// Whom a tuple may name.
#[derive(Debug)]
pub(in crate::relations) struct Restriction {
    kind: NameId,
    form: Form,
    condition: Option<SmolStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Object,
    Everyone,
    Userset(NameId),
}

/// How the members of a relation are found.
#[derive(Debug)]
pub(in crate::relations) enum Rewrite {
    /// By its own tuples.
    This,
    /// As members of another relation to the same object.
    Computed(RelationId),
    /// As members of a relation to each object that a tuple names.
    Arrow(Arrow),
    /// Members of any.
    Union(Vec<Rewrite>),
    /// Members of all.
    Intersection(Vec<Rewrite>),
    /// Members of the first and not of the second.
    Difference(Box<Rewrite>, Box<Rewrite>),
}

/// `computed from tupleset`.
#[derive(Debug)]
pub(in crate::relations) struct Arrow {
    /// The relation whose tuples name the objects.
    pub(in crate::relations) tupleset: RelationId,
    /// The name of the relation to those objects.
    pub(in crate::relations) name: NameId,
    /// The relation to those objects, by their type. Types without that relation are passed over.
    pub(in crate::relations) computed: Vec<(NameId, RelationId)>,
}

impl Arrow {
    /// The relation to be followed on an object of type `kind`.
    pub(in crate::relations) fn on(&self, kind: NameId) -> Option<RelationId> {
        self.computed
            .iter()
            .find(|(of, _)| *of == kind)
            .map(|(_, relation)| *relation)
    }
}

/// A place where the members of a relation are members too.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct Incoming {
    /// The relation there.
    pub(in crate::relations) to: RelationId,
    /// How one gets there.
    pub(in crate::relations) how: How,
}

/// How one relation contributes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relations) enum How {
    /// On the same object.
    Computed,
    /// By a tuple whose user is the userset.
    Userset,
    /// By a tuple of this relation whose user is the object.
    Arrow(RelationId),
}

impl Rules {
    /// The model.
    #[must_use]
    pub fn model(&self) -> &AuthorizationModel {
        &self.model
    }

    /// The names of all conditions on whose tuples a check of `kind#relation` can depend.
    #[must_use]
    pub fn conditions_of(&self, kind: &ModelType, relation: &str) -> BTreeSet<SmolStr> {
        let mut seen = Bits::new(self.relations.len());
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
            left.extend(self.below(relation).map(|(to, _)| to));
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

    /// Whether a check of `kind#relation` can depend on what the request says: whether any
    /// condition is in its reach.
    #[must_use]
    pub fn reads_context(&self, kind: &ModelType, relation: &str) -> bool {
        let cell = self
            .find(kind.as_str(), relation)
            .and_then(|id| self.conditional.get(id.at()));
        cell.is_none_or(|cell| *cell.get_or_init(|| !self.conditions_of(kind, relation).is_empty()))
    }

    /// Returns `true` if these rules can answer questions about a graph: if they were compiled for
    /// it, or for another version of it that was not made anew.
    #[must_use]
    pub fn fit(&self, graph: &Graph) -> bool {
        self.belong_to(graph.names())
    }

    /// Whether these rules were compiled for a store whose names are `names`.
    pub(in crate::relations) fn belong_to(&self, names: &Arc<NameTable>) -> bool {
        Arc::ptr_eq(&self.names, names)
    }

    /// The relation called `relation` of the type called `kind`.
    pub(in crate::relations) fn find(&self, kind: &str, relation: &str) -> Option<RelationId> {
        let names = self.names.now();
        self.relation_of(names.find(kind)?, names.find(relation)?)
    }

    /// A relation of a type.
    pub(in crate::relations) fn relation_of(
        &self,
        kind: NameId,
        relation: NameId,
    ) -> Option<RelationId> {
        self.index.get(&(kind, relation)).copied()
    }

    /// What stands behind a number.
    pub(in crate::relations) fn relation(&self, id: RelationId) -> Option<&Relation> {
        self.relations.get(id.at())
    }

    /// Every relation, with its number.
    pub(in crate::relations) fn relations(&self) -> impl Iterator<Item = (RelationId, &Relation)> {
        (0..).map(RelationId).zip(&self.relations)
    }

    /// Whether the model defines the type.
    pub(in crate::relations) fn has_kind(&self, kind: NameId) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// Where the members of a relation are members too, the subtracted sides of differences left
    /// out, and of an intersection all but the first: who is in all of its parts is in the first.
    pub(in crate::relations) fn incoming(&self, id: RelationId) -> &[Incoming] {
        self.incoming.get(id.at()).map_or(&[], Vec::as_slice)
    }

    /// The relations in which a user of this form can be found at all.
    pub(in crate::relations) fn reaching(&self, terminal: Terminal) -> &Bits {
        self.reach.to(self, terminal)
    }

    /// The relations from which a list can arrive at `target`.
    pub(in crate::relations) fn leading_to(&self, target: RelationId) -> &Bits {
        self.reach.from(self, target)
    }

    /// The relations that contribute to one, and how, wherever in its rewrite they stand.
    fn below<'r>(&'r self, relation: &'r Relation) -> impl Iterator<Item = (RelationId, How)> + 'r {
        let usersets =
            relation
                .restrictions
                .iter()
                .filter_map(|restriction| match restriction.form {
                    Form::Userset(name) => self
                        .relation_of(restriction.kind, name)
                        .map(|to| (to, How::Userset)),
                    Form::Object | Form::Everyone => None,
                });
        usersets.chain(relation.rewrite.below())
    }
}

impl RelationId {
    fn at(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Relation {
    /// The names of the relations whose usersets its tuples may name.
    pub(in crate::relations) fn userset_names(&self) -> impl Iterator<Item = NameId> {
        let names = self
            .restrictions
            .iter()
            .map(|restriction| match restriction.form {
                Form::Userset(name) => Some(name),
                Form::Object | Form::Everyone => None,
            });
        let names: BTreeSet<NameId> = names.flatten().collect();
        names.into_iter()
    }

    /// Whether a tuple of this relation counts: the one place that says so.
    ///
    /// INVARIANT: what the model does not allow is not there, for every reader alike: the user's
    /// type and form, and the condition's name, of which none is one.
    pub(in crate::relations) fn admits(&self, view: &View<'_>, user: UserId, when: &When) -> bool {
        let kind = view.kind(user.object);
        let condition = when.as_deref().map(|condition| condition.name.as_str());
        // Asked last: most restrictions differ in the type already.
        let is_everyone = |object: ObjectId| view.is_everyone(object);
        self.restrictions.iter().any(|restriction| {
            restriction.kind == kind
                && restriction.condition.as_deref() == condition
                && match restriction.form {
                    Form::Userset(name) => user.relation == name,
                    Form::Object => !user.is_userset() && !is_everyone(user.object),
                    Form::Everyone => !user.is_userset() && is_everyone(user.object),
                }
        })
    }
}

impl Rewrite {
    /// What this is made of, from left to right.
    pub(in crate::relations) fn children(&self) -> Vec<&Rewrite> {
        match self {
            Self::This | Self::Computed(_) | Self::Arrow(_) => Vec::new(),
            Self::Union(children) | Self::Intersection(children) => children.iter().collect(),
            Self::Difference(base, subtract) => vec![base, subtract],
        }
    }

    /// The arrows in it.
    pub(in crate::relations) fn arrows(&self) -> Vec<&Arrow> {
        match self {
            Self::Arrow(arrow) => vec![arrow],
            _ => self.children().into_iter().flat_map(Self::arrows).collect(),
        }
    }

    /// The relations that it names.
    fn below(&self) -> Vec<(RelationId, How)> {
        match self {
            Self::This => Vec::new(),
            Self::Computed(to) => vec![(*to, How::Computed)],
            Self::Arrow(arrow) => arrow
                .computed
                .iter()
                .map(|(_, to)| (*to, How::Arrow(arrow.tupleset)))
                .collect(),
            Self::Union(_) | Self::Intersection(_) | Self::Difference(..) => {
                self.children().into_iter().flat_map(Self::below).collect()
            }
        }
    }

    /// Whether this is nothing but the relation's own tuples.
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
