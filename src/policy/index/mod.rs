//! The policy index selects the policies against which a leg is evaluated.
//!
//! **Problem.** Evaluating a policy costs about a microsecond, and a bundle may hold a policy for
//! each tenant, team and tool. All but a few concern somebody else.
//! **Decision.** Policies are divided at load by action, by the scope of the principal and of the
//! resource, and by an equality with a constant among the leading conjuncts of their condition
//! (`principal.tenant == "t3"`). A leg first looks up its [`ScopePolicies`], by the entities'
//! types, ids and stored ancestors; then, by the values of those attributes, the [`Slice`] of the
//! scope's policies that can change the outcome. What the policies of a slice read and which
//! relations they mention is merged once, and kept.
//! **Trade-off.** Only an equality with a constant divides: a policy that tests membership of a
//! set, or compares two attributes, is evaluated whenever its scope matches.
//!
//! # Why it is sound
//!
//! A policy is left out only if its evaluation would have stopped at a false conjunct. It would
//! then be neither satisfied nor failed, so it could change neither the decision, nor the
//! determining policies, nor an error. Evaluation takes the conjuncts in order, up to the first
//! that is not true. Let `k` be the position of the equality by which a policy is found.
//! [`conditions::GuardStep`]s describe the conjuncts before `k`, and a leg goes through them in the
//! same order:
//!
//! - a conjunct that fails if an attribute is absent: if the attribute is absent, or that is not
//!   known, the policy is selected, whatever follows (a `forbid` that fails must deny). Otherwise
//!   the conjunct is true or false, and does not fail;
//! - `has`: if the attribute is absent, the conjunct is false, nothing failed before it, and the
//!   policy is left out;
//! - `is`: if the type is another, the same follows.
//!
//! No other conjunct can come before `k`. Whatever may overflow, call a function or read a tag ends
//! the search for equalities, and so does whatever concerns a relation, since relations are looked
//! up for selected policies only. Operators also fail on values of the wrong type, but there are
//! none: policies are type-checked strictly, stored entities are checked against the schema, and a
//! leg whose request has a value that does not fit denies before any policy is evaluated. So once
//! the steps have been gone through, each conjunct before `k` is true or false. If one is false,
//! evaluation stops there. If all are true, evaluation reaches `k`, where the attribute is present,
//! is a string, an integer, a boolean or an entity, and differs from the constant: false. An absent
//! attribute fails at `k`, so the policy is selected. A present attribute of another kind cannot
//! occur; the policy is selected then as well.
//!
//! Whether a request's values fit is checked for *every* policy whose scope matches, and the reason
//! of a denial is taken from all of them too: both belong to the scope.

mod bucket;
mod conditions;
mod memo;
#[cfg(test)]
mod oracle;
mod scope;
mod scope_reads;
#[cfg(test)]
mod unindexed;

use super::schema::Schema;
use crate::model::Decision;
use crate::policy::analysis::mentions::Mention;
use crate::policy::analysis::read_set::ReadSet;
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::cache_key::KeyLayouts;
use crate::policy::load::policies::CompiledPolicy;
use bucket::{PolicyBucket, PolicyPosition, PositionLists};
use cedar_policy_core::ast::{ActionConstraint, Entity, EntityType, EntityUID, Literal};
use conditions::{AccessPath, LateAttributes};
use foldhash::{HashMap, HashMapExt};
use memo::{HasWeight, Memo};
use scope::{ConstraintAxis, ConstraintPairs};
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Policies with the same actions share one division by scope if there are more of them than this;
/// others are divided separately for each of their actions. This bounds both the classes that an
/// action has to visit and the memory that policies about many actions take.
const SHARED_POLICIES: usize = 64;

/// The policies of a bundle, divided. It never changes, except for what it memoises.
#[derive(Debug)]
pub(super) struct PolicyIndex {
    /// The policies, in the order of their ids.
    policies: Arc<[Arc<CompiledPolicy>]>,
    buckets: Vec<PolicyBucket>,
    cells: PositionLists,
    classes: Vec<PolicyClass>,
    /// The classes of each action.
    by_action: HashMap<EntityUID, Vec<usize>>,
    scopes: Memo<ScopePolicies>,
    slices: Memo<Slice>,
    #[cfg(test)]
    unindexed: Option<unindexed::ActionEntities>,
}

/// The policies whose scope matches a principal, an action and a resource.
#[derive(Debug)]
pub(super) struct ScopePolicies {
    buckets: Box<[u32]>,
    /// What any of the policies reads: a value there that does not fit its type denies.
    pub(super) reads: Arc<ReadSet>,
    /// What the conditions of relations that any of the policies mentions read, likewise.
    pub(super) parameters: Arc<ReadSet>,
    /// The first permit that gives a reason.
    pub(super) reasoned: Option<Arc<CompiledPolicy>>,
    /// The slice that the scope has for all values. Only a search sets it, since it knows no values
    /// yet.
    fixed: Option<Arc<Slice>>,
    /// The plans from which the cache keys of its legs are made.
    pub(super) layouts: KeyLayouts,
}

/// The policies of a scope that can change the outcome, given the values of some attributes.
#[derive(Debug)]
pub(super) struct Slice {
    /// The policies, in the order of their ids.
    pub(super) policies: Box<[Arc<CompiledPolicy>]>,
    /// What the policies read.
    pub(super) reads: Arc<ReadSet>,
    /// The relations that the policies mention.
    pub(super) mentions: Arc<BTreeSet<Mention>>,
}

/// An entity's id, and its stored entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScopeEntity<'a> {
    pub(super) uid: &'a EntityUID,
    pub(super) stored: Option<&'a Entity>,
}

/// What is known of an attribute before policies are evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AttributeValue {
    /// The attribute is absent.
    Absent,
    /// The attribute has this value.
    Is(Literal),
    /// The attribute is present, and is a set, a record or an extension value.
    Other,
    /// Nothing is known of the attribute.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for who asks before the inputs are built")
    )]
    Unknown,
}

/// The values of a leg's attributes.
pub(super) struct LegValues<'a> {
    /// The principal's type and the resource's.
    pub(super) kinds: (&'a EntityType, &'a EntityType),
    /// Returns the value at a path.
    pub(super) value: &'a dyn Fn(PathRoot, &[SmolStr]) -> AttributeValue,
}

/// A policy and its leading equalities.
type PolicyKeys = (PolicyPosition, Vec<conditions::EqualityKey>);

impl PolicyIndex {
    pub(super) fn new(policies: Arc<[Arc<CompiledPolicy>]>, schema: &Schema) -> Self {
        let late = LateAttributes::new(schema);
        let actions = ActionNumbers::new(schema);
        let mut by_signature: HashMap<Vec<usize>, Vec<PolicyPosition>> = HashMap::new();
        for (position, policy) in (0..).zip(policies.iter()) {
            by_signature
                .entry(actions.of(&policy.action))
                .or_default()
                .push(position);
        }
        let mut index = Self {
            buckets: Vec::new(),
            cells: PositionLists::default(),
            classes: Vec::new(),
            by_action: HashMap::new(),
            scopes: Memo::new(0),
            slices: Memo::new(0),
            #[cfg(test)]
            unindexed: None,
            policies,
        };
        let mut own: HashMap<usize, Vec<PolicyPosition>> = HashMap::new();
        for (signature, positions) in by_signature {
            if positions.len() > SHARED_POLICIES {
                index.add_class(&signature, &positions, &actions, &late);
            } else {
                signature
                    .into_iter()
                    .for_each(|action| own.entry(action).or_default().extend(&positions));
            }
        }
        for (action, mut positions) in own {
            positions.sort_unstable();
            index.add_class(&[action], &positions, &actions, &late);
        }
        index.scopes = Memo::new(index.buckets.len());
        index.slices = Memo::new(index.cells.len());
        index
    }

    /// Returns the policies of an action whose scope can match. An entity that is `None` can be
    /// any.
    pub(super) fn open(
        &self,
        action: &EntityUID,
        principal: Option<ScopeEntity<'_>>,
        resource: Option<ScopeEntity<'_>>,
    ) -> Vec<&Arc<CompiledPolicy>> {
        let held = |axis: &ConstraintAxis, named: Option<ScopeEntity<'_>>| {
            named.map_or_else(|| axis.all(), |named| axis.held(named))
        };
        let mut buckets = Vec::new();
        let classes = self
            .by_action
            .get(action)
            .into_iter()
            .flatten()
            .filter_map(|class| self.classes.get(*class));
        for class in classes {
            let (principals, resources) = (
                held(&class.principals, principal),
                held(&class.resources, resource),
            );
            class
                .buckets
                .each(&principals, &resources, |bucket| buckets.push(bucket));
        }
        let buckets = buckets
            .into_iter()
            .filter_map(|bucket| self.buckets.get(bucket as usize));
        self.policies_of(buckets.flat_map(PolicyBucket::all))
    }

    /// Returns the policies whose scope matches.
    pub(super) fn scope(
        &self,
        action: &EntityUID,
        principal: ScopeEntity<'_>,
        resource: ScopeEntity<'_>,
    ) -> Arc<ScopePolicies> {
        #[cfg(test)]
        if let Some(actions) = &self.unindexed {
            return self.scanned(actions, action, principal, resource);
        }
        let mut buckets: SmallVec<[u32; 8]> = SmallVec::new();
        let classes = self
            .by_action
            .get(action)
            .into_iter()
            .flatten()
            .filter_map(|class| self.classes.get(*class));
        for class in classes {
            let (principals, resources) = (
                class.principals.held(principal),
                class.resources.held(resource),
            );
            class
                .buckets
                .each(&principals, &resources, |bucket| buckets.push(bucket));
        }
        self.scopes.get(&buckets, || self.merged(&buckets))
    }

    /// Returns the policies of a scope that the values do not rule out.
    pub(super) fn slice(&self, scope: &ScopePolicies, values: &LegValues<'_>) -> Arc<Slice> {
        if let Some(fixed) = &scope.fixed {
            return Arc::clone(fixed);
        }
        let mut cells: SmallVec<[u32; 16]> = SmallVec::new();
        for bucket in self.buckets_of(&scope.buckets) {
            bucket.select(values, |cell| cells.push(cell));
        }
        self.slices.get(&cells, || {
            let policies = self.policies_of(cells.iter().copied());
            Slice {
                reads: ReadSet::merged(policies.iter().map(|policy| &policy.reads)),
                mentions: merged_mentions(&policies),
                policies: policies.into_iter().cloned().collect(),
            }
        })
    }

    /// Returns all policies of a scope, in the order of their ids.
    pub(super) fn all(&self, scope: &ScopePolicies) -> Vec<&Arc<CompiledPolicy>> {
        self.policies_in(&scope.buckets)
    }

    fn policies_in(&self, buckets: &[u32]) -> Vec<&Arc<CompiledPolicy>> {
        self.policies_of(self.buckets_of(buckets).flat_map(PolicyBucket::all))
    }

    fn policies_of(&self, cells: impl Iterator<Item = u32>) -> Vec<&Arc<CompiledPolicy>> {
        let mut positions: Vec<PolicyPosition> = cells
            .flat_map(|cell| self.cells.policies(cell))
            .copied()
            .collect();
        positions.sort_unstable();
        positions
            .iter()
            .filter_map(|position| self.policies.get(*position as usize))
            .collect()
    }

    fn buckets_of(&self, numbers: &[u32]) -> impl Iterator<Item = &PolicyBucket> {
        numbers
            .iter()
            .filter_map(|number| self.buckets.get(*number as usize))
    }

    fn merged(&self, buckets: &[u32]) -> ScopePolicies {
        let policies = self.policies_in(buckets);
        let reasoned = policies
            .iter()
            .find(|policy| policy.effect == Decision::Permit && policy.reason.is_some());
        ScopePolicies {
            buckets: buckets.into(),
            reads: ReadSet::merged(policies.iter().map(|policy| &policy.reads)),
            parameters: ReadSet::merged(policies.iter().map(|policy| &policy.parameters)),
            reasoned: reasoned.map(|policy| Arc::clone(policy)),
            fixed: None,
            layouts: KeyLayouts::default(),
        }
    }

    fn add_class(
        &mut self,
        signature: &[usize],
        positions: &[PolicyPosition],
        actions: &ActionNumbers,
        late: &LateAttributes<'_>,
    ) {
        let (mut principals, mut resources) =
            (ConstraintAxis::default(), ConstraintAxis::default());
        let mut by_scope: HashMap<(u32, u32), Vec<PolicyKeys>> = HashMap::new();
        for position in positions {
            let Some(policy) = self.policies.get(*position as usize) else {
                continue;
            };
            let (principal, resource) = (
                principals.number(&policy.principal),
                resources.number(&policy.resource),
            );
            let (Some(principal), Some(resource)) = (principal, resource) else {
                continue;
            };
            by_scope
                .entry((principal, resource))
                .or_default()
                .push((*position, conditions::keys(policy, late)));
        }
        let mut pairs = Vec::new();
        for (pair, policies) in by_scope {
            pairs.push((pair, u32::try_from(self.buckets.len()).unwrap_or(u32::MAX)));
            self.buckets
                .push(PolicyBucket::new(&policies, &mut self.cells));
        }
        for action in signature
            .iter()
            .filter_map(|action| actions.uids.get(*action))
        {
            self.by_action
                .entry(action.clone())
                .or_default()
                .push(self.classes.len());
        }
        self.classes.push(PolicyClass {
            principals,
            resources,
            buckets: ConstraintPairs::new(pairs.into_iter()),
        });
    }
}

impl ScopePolicies {
    /// Creates a scope with one slice for all values: these rules, for which `mentions` are looked
    /// up.
    pub(super) fn fixed<'r>(
        policies: impl Iterator<Item = &'r Arc<CompiledPolicy>> + Clone,
        mentions: BTreeSet<Mention>,
    ) -> Self {
        let reads = ReadSet::merged(policies.clone().map(|policy| &policy.reads));
        let parameters = ReadSet::merged(policies.clone().map(|policy| &policy.parameters));
        let slice = Slice {
            policies: policies.map(Arc::clone).collect(),
            reads: Arc::clone(&reads),
            mentions: Arc::new(mentions),
        };
        let layouts = KeyLayouts::default();
        let fixed = Some(Arc::new(slice));
        Self {
            buckets: Box::default(),
            reads,
            parameters,
            reasoned: None,
            layouts,
            fixed,
        }
    }
}

impl HasWeight for ScopePolicies {
    fn weight(&self) -> usize {
        self.buckets.len() + self.reads.len() + self.parameters.len()
    }
}

impl HasWeight for Slice {
    fn weight(&self) -> usize {
        self.policies.len() + self.reads.len() + self.mentions.len()
    }
}

/// Policies that are divided by scope together.
#[derive(Debug)]
struct PolicyClass {
    principals: ConstraintAxis,
    resources: ConstraintAxis,
    buckets: ConstraintPairs,
}

/// The schema's actions, and the actions that each action or group of actions in a scope covers.
struct ActionNumbers {
    uids: Vec<EntityUID>,
    numbers: HashMap<EntityUID, usize>,
    members: HashMap<EntityUID, Vec<usize>>,
}

impl ActionNumbers {
    fn new(schema: &Schema) -> Self {
        let uids: Vec<EntityUID> = schema.actions().keys().cloned().collect();
        let mut members: HashMap<EntityUID, Vec<usize>> = HashMap::new();
        for (number, uid) in uids.iter().enumerate() {
            let above = schema
                .actions()
                .get(uid)
                .into_iter()
                .flat_map(|action| action.ancestors());
            above
                .chain([uid])
                .for_each(|above| members.entry(above.clone()).or_default().push(number));
        }
        Self {
            numbers: uids.iter().cloned().zip(0..).collect(),
            uids,
            members,
        }
    }

    /// Returns the actions for which a constraint holds.
    fn of(&self, constraint: &ActionConstraint) -> Vec<usize> {
        match constraint {
            ActionConstraint::Any => (0..self.uids.len()).collect(),
            ActionConstraint::Eq(one) => self
                .numbers
                .get(one.as_ref())
                .copied()
                .into_iter()
                .collect(),
            ActionConstraint::In(list) => {
                let members = list
                    .iter()
                    .filter_map(|one| self.members.get(one.as_ref()))
                    .flatten()
                    .copied();
                members.collect::<BTreeSet<usize>>().into_iter().collect()
            }
        }
    }
}

impl LegValues<'_> {
    fn at(&self, (root, path): &AccessPath) -> AttributeValue {
        (self.value)(*root, path)
    }

    fn kind(&self, root: PathRoot) -> Option<&EntityType> {
        match root {
            PathRoot::Principal => Some(self.kinds.0),
            PathRoot::Resource => Some(self.kinds.1),
            PathRoot::Context => None,
        }
    }
}

/// Merges what rules mention. Policies of one shape share what they mention, and in bundles without
/// relations all share one empty set.
fn merged_mentions(policies: &[&Arc<CompiledPolicy>]) -> Arc<BTreeSet<Mention>> {
    let mut distinct: Vec<_> = policies
        .iter()
        .map(|policy| &policy.mentions)
        .filter(|all| !all.is_empty())
        .collect();
    distinct.sort_unstable_by_key(|mentions| Arc::as_ptr(mentions));
    distinct.dedup_by(|one, other| Arc::ptr_eq(one, other));
    match distinct.as_slice() {
        [one] => Arc::clone(one),
        several => Arc::new(
            several
                .iter()
                .flat_map(|mentions| mentions.iter().cloned())
                .collect(),
        ),
    }
}
