//! Finds policies by looking at each, as a reference for the index.

use super::bucket::{PolicyBucket, PositionLists};
use super::memo::Memo;
use super::{PolicyIndex, ScopeEntity, ScopePolicies};
use crate::policy::load::policies::CompiledPolicy;
use crate::policy::schema::Schema;
use cedar_policy_core::ast::{
    ActionConstraint, Entity, EntityReference, EntityUID, PrincipalOrResourceConstraint,
};
use foldhash::{HashMap, HashMapExt};
use std::sync::Arc;

/// The schema's actions, with their groups.
pub(super) type ActionEntities = std::collections::HashMap<EntityUID, Arc<Entity>>;

impl PolicyIndex {
    /// Creates an index in which each policy is by itself and none is found by an equality.
    pub(in crate::policy) fn unindexed(
        policies: Arc<[Arc<CompiledPolicy>]>,
        schema: &Schema,
    ) -> Self {
        let mut cells = PositionLists::default();
        Self {
            buckets: (0..)
                .zip(policies.iter())
                .map(|(at, _)| PolicyBucket::new(&[(at, Vec::new())], &mut cells))
                .collect(),
            cells,
            classes: Vec::new(),
            by_action: HashMap::new(),
            scopes: Memo::new(0),
            slices: Memo::new(0),
            unindexed: Some(schema.actions().clone()),
            policies,
        }
    }

    pub(super) fn scanned(
        &self,
        actions: &ActionEntities,
        action: &EntityUID,
        principal: ScopeEntity<'_>,
        resource: ScopeEntity<'_>,
    ) -> Arc<ScopePolicies> {
        let matches = |policy: &CompiledPolicy| {
            action_in_scope(&policy.action, &actions[action])
                && in_scope(&policy.principal, principal)
                && in_scope(&policy.resource, resource)
        };
        let buckets: Vec<u32> = (0..)
            .zip(self.policies.iter())
            .filter(|(_, policy)| matches(policy))
            .map(|(at, _)| at)
            .collect();
        Arc::new(self.merged(&buckets))
    }
}

/// Returns `true` if a constraint of a scope holds. Scopes name identity, type and ancestors only.
/// All three are known before any inputs are built, for ancestors are stored and never sent.
fn in_scope(
    constraint: &PrincipalOrResourceConstraint,
    ScopeEntity { uid, stored }: ScopeEntity<'_>,
) -> bool {
    let equals = |reference: &EntityReference| match reference {
        EntityReference::EUID(one) => **one == *uid,
        EntityReference::Slot(_) => false,
    };
    let descends = |one: &EntityUID| stored.is_some_and(|entity| entity.is_descendant_of(one));
    let within = |reference: &EntityReference| match reference {
        EntityReference::EUID(one) => equals(reference) || descends(one),
        EntityReference::Slot(_) => false,
    };
    match constraint {
        PrincipalOrResourceConstraint::Any => true,
        PrincipalOrResourceConstraint::Eq(reference) => equals(reference),
        PrincipalOrResourceConstraint::In(reference) => within(reference),
        PrincipalOrResourceConstraint::Is(kind) => **kind == *uid.entity_type(),
        PrincipalOrResourceConstraint::IsIn(kind, reference) => {
            **kind == *uid.entity_type() && within(reference)
        }
    }
}

/// Returns `true` if a constraint on the action holds.
fn action_in_scope(constraint: &ActionConstraint, action: &Entity) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => **one == *action.uid(),
        ActionConstraint::In(list) => list
            .iter()
            .any(|one| **one == *action.uid() || action.is_descendant_of(one)),
    }
}
