//! Computes where in a model a form of user can be found at all.
//!
//! INVARIANT: a relation outside of [`ReachSets::to`] holds for no user of that form, whatever the
//! tuples are. So a check of it is false without a read.

use super::{AllowedUser, Contribution, RelationId, Rules};
use crate::relations::graph::NameId;
use std::sync::OnceLock;

/// The end of a path through the model: the form of user that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relations) enum Terminal {
    /// An object of a type, found by a tuple that names it, or everyone of the type.
    Object(NameId),
    /// Everyone of a type, found only by a tuple that names everyone.
    Everyone(NameId),
    /// A userset, found by a tuple that names it, and as a member of itself.
    Userset(RelationId),
}

/// A set of relations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::relations) struct RelationSet(Box<[u64]>);

impl RelationSet {
    /// Creates the empty set, for `len` relations.
    pub(super) fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)].into())
    }

    /// Returns `true` if the relation is in the set.
    pub(in crate::relations) fn has(&self, id: RelationId) -> bool {
        self.0
            .get(id.at() / 64)
            .is_some_and(|word| word & (1 << (id.0 % 64)) != 0)
    }

    /// Adds a relation, and returns `true` if it is new.
    pub(super) fn insert(&mut self, id: RelationId) -> bool {
        let is_new = !self.has(id);
        if let Some(word) = self.0.get_mut(id.at() / 64) {
            *word |= 1 << (id.0 % 64);
        }
        is_new
    }
}

/// The sets of relations, each computed on first use.
#[derive(Debug, Default)]
pub(super) struct ReachSets {
    /// Two sets per type, then one per relation.
    to: Vec<OnceLock<RelationSet>>,
    from: Vec<OnceLock<RelationSet>>,
    nothing: RelationSet,
}

impl ReachSets {
    pub(super) fn new(kinds: usize, relations: usize) -> Self {
        let cells = |count: usize| std::iter::repeat_with(OnceLock::new).take(count).collect();
        Self {
            to: cells(2 * kinds + relations),
            from: cells(relations),
            nothing: RelationSet::default(),
        }
    }

    /// Returns the relations in which a user of this form can be found.
    pub(super) fn to<'r>(&'r self, rules: &Rules, terminal: Terminal) -> &'r RelationSet {
        let of_kind = |kind: NameId| rules.kinds.get(&kind).map(|place| 2 * place);
        let place = match terminal {
            Terminal::Object(kind) => of_kind(kind),
            Terminal::Everyone(kind) => of_kind(kind).map(|place| place + 1),
            Terminal::Userset(relation) => Some(2 * rules.kinds.len() + relation.at()),
        };
        let Some(cell) = place.and_then(|place| self.to.get(place)) else {
            return &self.nothing;
        };
        cell.get_or_init(|| relations_reaching(rules, terminal))
    }

    /// Returns the relations from which a list can arrive at `target`.
    pub(super) fn from<'r>(&'r self, rules: &Rules, target: RelationId) -> &'r RelationSet {
        let Some(cell) = self.from.get(target.at()) else {
            return &self.nothing;
        };
        cell.get_or_init(|| relations_leading_to(rules, target))
    }
}

/// Goes from the relations whose tuples can name the user to all relations that these contribute
/// to.
fn relations_reaching(rules: &Rules, terminal: Terminal) -> RelationSet {
    let mut found = RelationSet::new(rules.relations.len());
    let mut above: Vec<Vec<RelationId>> = rules.relations.iter().map(|_| Vec::new()).collect();
    let mut left = Vec::new();
    for (id, relation) in rules.relations() {
        for (below, _) in rules.contributions(relation) {
            if let Some(known) = above.get_mut(below.at()) {
                known.push(id);
            }
        }
        let names_it = relation
            .restrictions
            .iter()
            .any(|it| match (terminal, it.form) {
                (Terminal::Object(kind), AllowedUser::Object | AllowedUser::Everyone)
                | (Terminal::Everyone(kind), AllowedUser::Everyone) => it.kind == kind,
                (Terminal::Userset(userset), AllowedUser::Userset(name)) => {
                    rules.relation_of(it.kind, name) == Some(userset)
                }
                (Terminal::Object(_) | Terminal::Everyone(_) | Terminal::Userset(_), _) => false,
            });
        if names_it || terminal == Terminal::Userset(id) {
            left.push(id);
        }
    }
    while let Some(id) = left.pop() {
        if found.insert(id) {
            left.extend(above.get(id.at()).into_iter().flatten().copied());
        }
    }
    found
}

/// Goes from the target to all relations that its members can come from.
fn relations_leading_to(rules: &Rules, target: RelationId) -> RelationSet {
    let mut found = RelationSet::new(rules.relations.len());
    let mut left = vec![target];
    while let Some(id) = left.pop() {
        if found.insert(id)
            && let Some(relation) = rules.relation(id)
        {
            left.extend(
                rules
                    .generators(relation, &relation.rewrite)
                    .into_iter()
                    .map(|(to, _): (_, Contribution)| to),
            );
        }
    }
    found
}
