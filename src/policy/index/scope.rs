//! Finds the scope constraints on principals or resources that an entity meets.
//!
//! An entity's type, id and stored ancestors are looked up in maps of constraints, so the cost
//! grows with its ancestors and with the constraints that hold, not with all constraints. Only if
//! the `in` constraints name fewer entities than the entity has ancestors are those entities
//! visited instead.

use super::ScopeEntity;
use cedar_policy_core::ast::{
    EntityReference, EntityType, EntityUID, PrincipalOrResourceConstraint,
};
use foldhash::{HashMap, HashMapExt};
use smallvec::SmallVec;

/// Numbers of constraints, in ascending order.
pub(super) type ConstraintIds = SmallVec<[u32; 8]>;

/// The constraints that policies put on one variable, numbered from 0.
#[derive(Debug, Default)]
pub(super) struct ConstraintAxis {
    count: u32,
    any: Option<u32>,
    is: HashMap<EntityType, u32>,
    equals: HashMap<EntityUID, u32>,
    /// The `in` and `is … in` constraints, by the entity after `in`.
    within: HashMap<EntityUID, AncestorConstraints>,
}

/// The constraints with the same entity after `in`: for each, the type that it requires, if any,
/// and its number.
type AncestorConstraints = SmallVec<[(Option<EntityType>, u32); 1]>;

impl ConstraintAxis {
    /// Returns the number of a constraint, and gives it the next number if it has none yet.
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

    /// Returns the numbers of all constraints.
    pub(super) fn all(&self) -> ConstraintIds {
        (0..self.count).collect()
    }

    /// Returns the numbers of the constraints that hold for an entity.
    pub(super) fn held(&self, entity: ScopeEntity<'_>) -> ConstraintIds {
        let kind = entity.uid.entity_type();
        let mut held: ConstraintIds = self.any.into_iter().collect();
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
                // An entity is its own ancestor only in a cycle, and loading refuses cycles.
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

/// The values stored for pairs of constraints, one on the principal and one on the resource.
#[derive(Debug)]
pub(super) struct ConstraintPairs {
    /// Indexed by the number of the principal's constraint. Each list holds the number of the
    /// resource's constraint and the value, sorted.
    by_principal: Vec<Vec<(u32, u32)>>,
}

impl ConstraintPairs {
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

    /// Calls `found` with the value of each pair whose two constraints hold. Visits the shorter of
    /// each list and `resources`.
    pub(super) fn each(
        &self,
        principals: &ConstraintIds,
        resources: &ConstraintIds,
        mut found: impl FnMut(u32),
    ) {
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

/// Returns the entity of a reference; `None` for a slot, which does not occur: templates are not
/// indexed, and links have their slots filled in.
fn uid(reference: &EntityReference) -> Option<EntityUID> {
    match reference {
        EntityReference::EUID(uid) => Some(uid.as_ref().clone()),
        EntityReference::Slot(_) => None,
    }
}
