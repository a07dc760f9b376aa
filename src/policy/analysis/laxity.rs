//! Finds what a policy set may well say, and is more often a mistake than meant: a permit of
//! everything, a policy that rests on what a request says, and what no permit is meant for.
//!
//! It looks at scopes and declarations alone, and evaluates nothing: what it does not find may be
//! a mistake all the same.

use super::syntax::{PathRoot, access_path, children};
use crate::model::{Decision, EntityRef, PolicyRef};
use crate::policy::CompiledPolicySet;
use crate::policy::load::policies::{CompiledPolicy, Conjunct};
use crate::policy::load::provenance::{AttributeRead, attributes_read};
use crate::policy::load::stored::StoredEntities;
use crate::policy::schema::{ActionInfo, Provenance};
use cedar_policy_core::ast::{
    ActionConstraint, EntityType, EntityUID, Expr, ExprKind, Literal, PrincipalOrResourceConstraint,
};
use cedar_policy_core::parser::Loc;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// An attribute that a policy decides on, and that a request may say.
#[derive(Clone, Debug)]
pub struct LooseAttribute {
    /// The first policy that reads it.
    pub policy: PolicyRef,
    /// The type that declares the attribute.
    pub kind: SmolStr,
    /// The attribute.
    pub attribute: SmolStr,
    /// The text by which the policy reads it.
    pub access: String,
    /// The line of that text, from 1.
    pub line: usize,
}

/// What no permit is meant for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unpermitted {
    /// An action, by its name.
    Action(SmolStr),
    /// A stored entity to which actions apply.
    Resource(EntityRef),
}

impl CompiledPolicySet {
    /// Returns the bundle's own permits without a scope and a condition.
    pub fn permits_all(&self) -> impl Iterator<Item = &PolicyRef> {
        let holds_for_all = |policy: &&CompiledPolicy| {
            policy.effect == Decision::Permit
                && !policy.at.is_of_pack()
                && policy.principal == PrincipalOrResourceConstraint::Any
                && policy.resource == PrincipalOrResourceConstraint::Any
                && policy.action == ActionConstraint::Any
                && policy.conjuncts.iter().all(is_true)
        };
        let own = self.policies.iter().map(AsRef::as_ref);
        own.filter(holds_for_all).map(|policy| &policy.at)
    }

    /// Returns the attributes without a mark that the bundle's own policies read of entities, each
    /// with the first policy that does.
    #[must_use]
    pub fn loose_attributes(&self) -> Vec<LooseAttribute> {
        let mut policies: Vec<&CompiledPolicy> = self.policies.iter().map(AsRef::as_ref).collect();
        policies.retain(|policy| !policy.at.is_of_pack());
        policies.sort_by(|a, b| (&a.at.file, a.at.line).cmp(&(&b.at.file, b.at.line)));
        let mut found: BTreeMap<(SmolStr, SmolStr), LooseAttribute> = BTreeMap::new();
        for policy in policies {
            let applies = |action: &&ActionInfo| self.is_in(action, &policy.action);
            let actions: Vec<&ActionInfo> =
                self.schema.vocabulary.evaluated().filter(applies).collect();
            let principals = actions.iter().flat_map(|action| &action.principals);
            let resources = actions.iter().flat_map(|action| &action.resources);
            let principals: BTreeSet<&EntityType> = principals.collect();
            let resources: BTreeSet<&EntityType> = resources.collect();
            for read in attributes_read(policy, &self.schema.vocabulary, &principals, &resources) {
                if read.provenance == Provenance::Either {
                    let key = (read.kind.clone(), read.attribute.clone());
                    found.entry(key).or_insert_with(|| loose(policy, read));
                }
            }
        }
        found.into_values().collect()
    }

    /// Returns the actions, and the stored resources, whose requests no permit's scope can match.
    #[must_use]
    pub fn unpermitted(&self, stored: &StoredEntities) -> Vec<Unpermitted> {
        let is_permit = |policy: &&CompiledPolicy| policy.effect == Decision::Permit;
        let permits: Vec<&CompiledPolicy> = self
            .policies
            .iter()
            .map(AsRef::as_ref)
            .filter(is_permit)
            .collect();
        let actions: Vec<&ActionInfo> = self
            .schema
            .vocabulary
            .evaluated()
            .filter(|action| !action.principals.is_empty() && !action.resources.is_empty())
            .collect();
        let is_permitted = |action: &ActionInfo| {
            permits
                .iter()
                .any(|permit| self.is_in(action, &permit.action) && fits_types(permit, action))
        };
        let mut found = Vec::new();
        let mut denied: Vec<&ActionInfo> = Vec::new();
        for action in &actions {
            let mut specialised = action.specialised.values();
            let is_meant = is_permitted(action)
                || specialised.any(|name| {
                    let mut members = actions.iter().filter(|member| member.name() == name);
                    members.any(|member| is_permitted(member))
                });
            if !is_meant {
                denied.push(action);
                found.push(Unpermitted::Action(action.name().into()));
            }
        }
        let kinds = actions.iter().flat_map(|action| &action.resources);
        for kind in kinds.collect::<BTreeSet<&EntityType>>() {
            let of_kind = permits.iter().filter(|permit| {
                let mut applying = actions.iter().filter(|it| it.resources.contains(kind));
                applying.any(|action| self.is_in(action, &permit.action))
            });
            let scopes: Vec<_> = of_kind.map(|permit| &permit.resource).collect();
            // An action that nobody is permitted is told for itself.
            let told = denied
                .iter()
                .filter(|action| action.resources.contains(kind));
            let told: BTreeSet<&str> = told
                .filter_map(|action| Some(action.general.as_ref()?.1.as_str()))
                .collect();
            if !scopes.is_empty() && !scopes.iter().any(|scope| is_broad(scope, kind)) {
                let stray = self.out_of_scope(kind, &scopes, stored).into_iter();
                let stray = stray.filter(|entity| !told.contains(entity.id.as_str()));
                found.extend(stray.map(Unpermitted::Resource));
            }
        }
        found.sort();
        found
    }

    /// Returns the stored entities of a type that none of the scopes matches.
    fn out_of_scope(
        &self,
        kind: &EntityType,
        scopes: &[&PrincipalOrResourceConstraint],
        stored: &StoredEntities,
    ) -> Vec<EntityRef> {
        let name = kind.to_string();
        let Some(info) = self.schema.vocabulary.entity_type(&name) else {
            return Vec::new();
        };
        let entities = stored.ids(&name).map(|id| EntityRef::new(name.clone(), id));
        entities
            .filter(|entity| {
                let uid = info.uid(&entity.id);
                !scopes.iter().any(|scope| may_match(scope, &uid, stored))
            })
            .collect()
    }

    /// Returns `true` if an action is in the scope of a policy.
    fn is_in(&self, action: &ActionInfo, scope: &ActionConstraint) -> bool {
        let is_member = |group: &EntityUID| {
            let entity = self.schema.actions().get(&action.uid);
            *action.uid == *group || entity.is_some_and(|entity| entity.is_descendant_of(group))
        };
        match scope {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(only) => *action.uid == **only,
            ActionConstraint::In(groups) => groups.iter().any(|group| is_member(group)),
        }
    }
}

fn is_true(conjunct: &Conjunct) -> bool {
    matches!(
        conjunct.expr.expr_kind(),
        ExprKind::Lit(Literal::Bool(true))
    )
}

/// Returns `true` if a policy's scope has principals and resources of an action.
fn fits_types(policy: &CompiledPolicy, action: &ActionInfo) -> bool {
    let of_resource = |uid: &EntityUID| {
        action.resources.contains(uid.entity_type())
            && action
                .general
                .as_ref()
                .is_none_or(|(_, id)| AsRef::<str>::as_ref(uid.eid()) == id.as_str())
    };
    let of_principal = |uid: &EntityUID| action.principals.contains(uid.entity_type());
    let fits = |scope: &PrincipalOrResourceConstraint,
                kinds: &dyn Fn(&EntityType) -> bool,
                is_one: &dyn Fn(&EntityUID) -> bool| match scope {
        PrincipalOrResourceConstraint::Any | PrincipalOrResourceConstraint::In(_) => true,
        PrincipalOrResourceConstraint::Is(kind) | PrincipalOrResourceConstraint::IsIn(kind, _) => {
            kinds(kind)
        }
        PrincipalOrResourceConstraint::Eq(_) => scope.get_euid().is_none_or(|uid| is_one(uid)),
    };
    fits(
        &policy.principal,
        &|kind| action.principals.contains(kind),
        &of_principal,
    ) && fits(
        &policy.resource,
        &|kind| action.resources.contains(kind),
        &of_resource,
    )
}

/// Returns `true` if a scope matches every entity of a type.
fn is_broad(scope: &PrincipalOrResourceConstraint, kind: &EntityType) -> bool {
    match scope {
        PrincipalOrResourceConstraint::Any => true,
        PrincipalOrResourceConstraint::Is(only) => **only == *kind,
        PrincipalOrResourceConstraint::In(_)
        | PrincipalOrResourceConstraint::IsIn(..)
        | PrincipalOrResourceConstraint::Eq(_) => false,
    }
}

/// Returns `true` if a scope matches a stored entity.
fn may_match(
    scope: &PrincipalOrResourceConstraint,
    uid: &EntityUID,
    stored: &StoredEntities,
) -> bool {
    let is_in = || {
        scope.get_euid().is_none_or(|group| {
            let entity = stored.get(uid);
            **group == *uid || entity.is_some_and(|entity| entity.is_descendant_of(group))
        })
    };
    match scope {
        PrincipalOrResourceConstraint::Any => true,
        PrincipalOrResourceConstraint::Is(kind) => **kind == *uid.entity_type(),
        PrincipalOrResourceConstraint::IsIn(kind, _) => **kind == *uid.entity_type() && is_in(),
        PrincipalOrResourceConstraint::In(_) => is_in(),
        PrincipalOrResourceConstraint::Eq(_) => scope.get_euid().is_none_or(|only| **only == *uid),
    }
}

fn loose(policy: &CompiledPolicy, read: AttributeRead) -> LooseAttribute {
    let (access, line) = written(policy, read.root, &read.path).unwrap_or_else(|| {
        (
            format!("{}.{}", read.root.name(), read.path.join(".")),
            policy.at.line,
        )
    });
    LooseAttribute {
        policy: policy.at.clone(),
        kind: read.kind,
        attribute: read.attribute,
        access,
        line,
    }
}

/// Returns the text by which a policy reads a path, or tests for it, with its line.
fn written(policy: &CompiledPolicy, root: PathRoot, path: &[SmolStr]) -> Option<(String, usize)> {
    let is_it =
        |expr: &Expr| access_path(expr).is_some_and(|(from, of)| from == root && of == path);
    let is_test = |expr: &Expr| match (expr.expr_kind(), path.split_last()) {
        (ExprKind::HasAttr { expr, attr }, Some((last, before))) => {
            attr == last && access_path(expr).is_some_and(|(from, of)| from == root && of == before)
        }
        _ => false,
    };
    policy.conjuncts.iter().find_map(|conjunct| {
        let mut open: Vec<&Expr> = vec![&conjunct.expr];
        while let Some(next) = open.pop() {
            if is_it(next) || is_test(next) {
                let text = next.source_loc().and_then(Loc::snippet)?;
                return Some((text.to_owned(), conjunct.line_of(next)));
            }
            open.extend(children(next).into_iter().rev());
        }
        None
    })
}
