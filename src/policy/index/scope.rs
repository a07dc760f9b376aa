//! Scopes of principals and resources: which of the constraints that policies name hold for an
//! entity.
//!
//! An entity's type, id and stored ancestors are looked up among the constraints, so the cost is
//! that of the entity and of what holds for it. Constraints that do not hold are not visited,
//! unless there are fewer of them than ancestors.

use super::Named;
use cedar_policy_core::ast::{
    EntityReference, EntityType, EntityUID, PrincipalOrResourceConstraint,
};
use foldhash::{HashMap, HashMapExt};
use smallvec::SmallVec;

/// Ids of constraints, in order.
pub(super) type Held = SmallVec<[u32; 8]>;

/// The constraints that policies put on one variable, numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Axis {
    count: u32,
    any: Option<u32>,
    is: HashMap<EntityType, u32>,
    equals: HashMap<EntityUID, u32>,
    /// `in`, and `is … in` with its type.
    within: HashMap<EntityUID, Within>,
}

/// The constraints below one ancestor: the type that each asks for, and its number.
type Within = SmallVec<[(Option<EntityType>, u32); 1]>;

impl Axis {
    /// The number of a constraint: a new one where it has none yet.
    pub(super) fn number(&mut self, constraint: &PrincipalOrResourceConstraint) -> Option<u32> {
        let next = self.count;
        let number = match constraint {
            PrincipalOrResourceConstraint::Any => *self.any.get_or_insert(next),
            PrincipalOrResourceConstraint::Is(kind) => {
                *self.is.entry(kind.as_ref().clone()).or_insert(next)
            }
            PrincipalOrResourceConstraint::Eq(reference) => {
                *self.equals.entry(uid(reference)?).or_insert(next)
            }
            PrincipalOrResourceConstraint::In(reference) => {
                self.number_within(uid(reference)?, None)
            }
            PrincipalOrResourceConstraint::IsIn(kind, reference) => {
                self.number_within(uid(reference)?, Some(kind.as_ref().clone()))
            }
        };
        self.count = self.count.max(number + 1);
        Some(number)
    }

    fn number_within(&mut self, uid: EntityUID, kind: Option<EntityType>) -> u32 {
        let next = self.count;
        let known = self.within.entry(uid).or_default();
        match known.iter().find(|(known, _)| *known == kind) {
            Some((_, number)) => *number,
            None => {
                known.push((kind, next));
                next
            }
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Held {
        (0..self.count).collect()
    }

    /// The constraints that hold.
    pub(super) fn held(&self, entity: Named<'_>) -> Held {
        let kind = entity.uid.entity_type();
        let mut held: Held = self.any.into_iter().collect();
        held.extend(self.is.get(kind).copied());
        if !self.equals.is_empty() {
            held.extend(self.equals.get(entity.uid).copied());
        }
        if !self.within.is_empty() {
            let mut take = |found: &[(Option<EntityType>, u32)]| {
                let fits =
                    |only: &Option<EntityType>| only.as_ref().is_none_or(|only| only == kind);
                held.extend(
                    found
                        .iter()
                        .filter(|(only, _)| fits(only))
                        .map(|(_, number)| *number),
                );
            };
            self.within
                .get(entity.uid)
                .into_iter()
                .for_each(|found| take(found));
            if let Some(stored) = entity.stored {
                // An entity is no ancestor of itself, but for a cycle, which loading refuses.
                if stored.ancestors().count() <= self.within.len() {
                    stored
                        .ancestors()
                        .filter_map(|above| self.within.get(above))
                        .for_each(|found| take(found));
                } else {
                    let above = self
                        .within
                        .iter()
                        .filter(|(above, _)| stored.is_descendant_of(above));
                    above.for_each(|(_, found)| take(found));
                }
            }
        }
        held.sort_unstable();
        held.dedup();
        held
    }
}

/// What stands at a pair of constraints, one on the principal and one on the resource.
#[derive(Debug)]
pub(super) struct Pairs {
    /// By the principal's constraint; each list is in the order of the resource's.
    by_principal: Vec<Vec<(u32, u32)>>,
}

impl Pairs {
    pub(super) fn new(pairs: impl Iterator<Item = ((u32, u32), u32)>) -> Self {
        let mut found = HashMap::<u32, Vec<(u32, u32)>>::new();
        for ((principal, resource), value) in pairs {
            found.entry(principal).or_default().push((resource, value));
        }
        let len = found.keys().max().map_or(0, |last| last + 1);
        let sorted = (0..len).map(|principal| {
            let mut list = found.remove(&principal).unwrap_or_default();
            list.sort_unstable();
            list
        });
        Self {
            by_principal: sorted.collect(),
        }
    }

    /// What stands where both hold. Visits the shorter of both lists.
    pub(super) fn each(&self, principals: &Held, resources: &Held, mut found: impl FnMut(u32)) {
        for principal in principals {
            let Some(list) = self.by_principal.get(*principal as usize) else {
                continue;
            };
            if list.len() <= resources.len() {
                let both = list
                    .iter()
                    .filter(|(resource, _)| resources.binary_search(resource).is_ok());
                both.for_each(|(_, value)| found(*value));
            } else {
                let at = |resource: &u32| {
                    list.binary_search_by_key(resource, |(resource, _)| *resource)
                        .ok()
                };
                let both = resources
                    .iter()
                    .filter_map(at)
                    .filter_map(|at| list.get(at));
                both.for_each(|(_, value)| found(*value));
            }
        }
    }
}

/// A slot stands for nobody: templates are no policies, and links are written out.
fn uid(reference: &EntityReference) -> Option<EntityUID> {
    match reference {
        EntityReference::EUID(uid) => Some(uid.as_ref().clone()),
        EntityReference::Slot(_) => None,
    }
}
