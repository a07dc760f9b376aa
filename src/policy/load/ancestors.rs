//! Bounds how many ancestors the stored entities have together.
//!
//! **Problem.** Each entity holds all of its ancestors. A chain of groups takes one line for each
//! group in the file, but memory for the square of their number.
//! **Decision.** The ancestors are counted before they are stored, up to a bound, and a bundle with
//! more is refused.

use cedar_policy_core::ast::{Entity, EntityUID};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// The most ancestors that all stored entities may have together: twice as many as a hundred
/// thousand entities with ten each.
pub(in crate::policy) const MAX_ANCESTORS: usize = 2_000_000;

/// If there are too many ancestors, returns the entity with the most of those counted so far, and
/// how many of its ancestors were counted.
pub(in crate::policy) fn too_many<'a>(
    entities: impl Iterator<Item = &'a Entity>,
) -> Option<(&'a EntityUID, usize)> {
    let parents: HashMap<&EntityUID, Vec<&EntityUID>> = entities
        .map(|entity| (entity.uid(), entity.ancestors().collect()))
        .collect();
    more_than(MAX_ANCESTORS, &parents)
}

/// If all nodes together have more than so many ancestors, returns the node with the most of those
/// counted so far, and how many of its ancestors were counted.
pub(in crate::policy) fn more_than<N: Copy + Eq + Hash>(
    limit: usize,
    parents: &HashMap<N, Vec<N>>,
) -> Option<(N, usize)> {
    let mut sum: usize = 0;
    let mut deepest: Option<(N, usize)> = None;
    for (node, above) in parents {
        let mut seen: HashSet<N> = HashSet::new();
        let mut left = above.clone();
        while let Some(next) = left.pop() {
            if sum.saturating_add(seen.len()) <= limit && seen.insert(next) {
                left.extend(parents.get(&next).into_iter().flatten());
            }
        }
        sum = sum.saturating_add(seen.len());
        if deepest.is_none_or(|(_, most)| seen.len() > most) {
            deepest = Some((*node, seen.len()));
        }
        if sum > limit {
            return deepest;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy_core::ast::{Eid, EntityType};

    fn uid(id: usize) -> EntityUID {
        let kind: EntityType = "team".parse().unwrap();
        EntityUID::from_components(kind, Eid::new(id.to_string()), None)
    }

    fn entity(id: usize, parents: impl Iterator<Item = usize>) -> Entity {
        let parents = parents.map(uid).collect();
        Entity::new_with_attr_partial_value(
            uid(id),
            [],
            std::collections::HashSet::new(),
            parents,
            [],
        )
    }

    #[test]
    fn a_chain_is_bounded_and_many_entities_in_few_groups_are_not() {
        let chain: Vec<Entity> = (0..9_000)
            .map(|at| entity(at, std::iter::once(at + 1)))
            .collect();
        let (_, count) = too_many(chain.iter()).expect("forty million are too many");
        assert!(count > 200, "{count}");
        let short: Vec<Entity> = chain.into_iter().take(1_000).collect();
        assert!(too_many(short.iter()).is_none(), "half a million are not");
        let wide: Vec<Entity> = (100..20_100).map(|at| entity(at, 0..10)).collect();
        assert!(too_many(wide.iter()).is_none());
        let circle: Vec<Entity> = (0..3)
            .map(|at| entity(at, std::iter::once((at + 1) % 3)))
            .collect();
        assert!(too_many(circle.iter()).is_none(), "Cedar refuses it");
    }
}
