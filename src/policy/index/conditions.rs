//! Finds what a policy's leading conjuncts demand, before it is evaluated.
//!
//! INVARIANT: an [`EqualityKey`] is sound (see the argument in the folder's `mod.rs`): no conjunct
//! that could fail comes before its equality, unless a [`GuardStep`] says on what the failure
//! depends. An expression that is not known to be harmless ends the walk.

use super::super::schema::Schema;
use crate::policy::analysis::syntax::{PathRoot, access_path, children};
use crate::policy::load::policies::CompiledPolicy;
use cedar_policy_core::ast::{BinaryOp, EntityType, Expr, ExprKind, Literal, UnaryOp};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Limits on the equalities considered per policy and on the steps before one. Policies name their
/// tenant early, and each step costs every request that reaches it.
const MAX_KEYS: usize = 8;
const MAX_STEPS: usize = 16;

/// An attribute: a variable, and the names that follow it. Without names, it is the entity itself.
pub(super) type AccessPath = (PathRoot, Vec<SmolStr>);

/// A conjunct that comes before the equality, in the order of evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum GuardStep {
    /// `principal has tenant`: false if the attribute is absent, so nothing after it is evaluated.
    Has(AccessPath),
    /// An expression that fails if this attribute is absent, and never otherwise.
    Needs(AccessPath),
    /// `principal is user`: false for every other type.
    Is(PathRoot, EntityType),
}

/// An equality by which a policy can be found.
#[derive(Clone, Debug)]
pub(super) struct EqualityKey {
    pub(super) before: Vec<GuardStep>,
    pub(super) path: AccessPath,
    pub(super) constant: Literal,
}

/// The attributes and entities that are not known before relations are looked up.
#[derive(Debug)]
pub(super) struct LateAttributes<'a> {
    attributes: BTreeSet<&'a SmolStr>,
    userset: &'a EntityType,
}

impl<'a> LateAttributes<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let attributes = schema.relations.relations.values().flatten().collect();
        Self {
            attributes,
            userset: &schema.userset,
        }
    }

    fn is_in(&self, expr: &Expr) -> bool {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => uid.entity_type() == self.userset,
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => {
                self.attributes.contains(attr) || self.is_in(expr)
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                attrs.iter().any(|attr| self.attributes.contains(attr)) || self.is_in(expr)
            }
            _ => children(expr).into_iter().any(|child| self.is_in(child)),
        }
    }
}

/// Returns the equalities of a policy, in order.
pub(super) fn keys(policy: &CompiledPolicy, late: &LateAttributes<'_>) -> Vec<EqualityKey> {
    let mut keys = Vec::new();
    let mut before = Vec::new();
    for conjunct in &policy.conjuncts {
        let Some(steps) = steps(&conjunct.expr).filter(|_| !late.is_in(&conjunct.expr)) else {
            break;
        };
        if let Some((path, constant)) = equality(&conjunct.expr) {
            keys.push(EqualityKey {
                before: before.clone(),
                path,
                constant,
            });
        }
        for step in steps {
            if !known(&before, &step) {
                before.push(step);
            }
        }
        if keys.len() >= MAX_KEYS || before.len() > MAX_STEPS {
            break;
        }
    }
    keys
}

impl GuardStep {
    fn path(&self) -> Option<&AccessPath> {
        match self {
            Self::Has(path) | Self::Needs(path) => Some(path),
            Self::Is(..) => None,
        }
    }
}

/// Returns `true` if this step adds nothing to the earlier steps.
fn known(before: &[GuardStep], step: &GuardStep) -> bool {
    before
        .iter()
        .any(|earlier| match (earlier.path(), step.path()) {
            (Some(earlier), Some(path)) => earlier == path,
            _ => earlier == step,
        })
}

/// Returns the steps of a conjunct; `None` if it could fail in ways that no step describes.
fn steps(expr: &Expr) -> Option<Vec<GuardStep>> {
    let has = |base: &Expr, names: &mut dyn Iterator<Item = &SmolStr>| {
        let (root, mut path) = access_path(base)?;
        let mut steps: Vec<GuardStep> = needs((root, path.clone())).into_iter().collect();
        for name in names {
            path.push(name.clone());
            steps.push(GuardStep::Has((root, path.clone())));
        }
        Some(steps)
    };
    match expr.expr_kind() {
        ExprKind::HasAttr { expr: base, attr } => {
            if let Some(steps) = has(base, &mut std::iter::once(attr)) {
                return Some(steps);
            }
        }
        ExprKind::ExtHasAttr { expr: base, attrs } => {
            if let Some(steps) = has(base, &mut attrs.iter()) {
                return Some(steps);
            }
        }
        ExprKind::Is {
            expr: base,
            entity_type,
        } => {
            if let Some((root, path)) = access_path(base)
                && path.is_empty()
            {
                return Some(vec![GuardStep::Is(root, entity_type.clone())]);
            }
        }
        _ => {}
    }
    let mut found = Vec::new();
    harmless(expr, &mut found).then_some(found)
}

/// Returns `true` if an expression of a well-typed policy fails only if an attribute of `needed` is
/// absent. Values of a request fit their types (a value that does not, denies), and so do stored
/// values, so no operator meets a value of another type.
fn harmless(expr: &Expr, needed: &mut Vec<GuardStep>) -> bool {
    if let Some(path) = access_path(expr) {
        needed.extend(needs(path));
        return true;
    }
    let total = match expr.expr_kind() {
        ExprKind::Lit(_)
        | ExprKind::Var(_)
        | ExprKind::If { .. }
        | ExprKind::And { .. }
        | ExprKind::Or { .. }
        | ExprKind::HasAttr { .. }
        | ExprKind::ExtHasAttr { .. }
        | ExprKind::Like { .. }
        | ExprKind::Is { .. }
        | ExprKind::Set(_)
        | ExprKind::Record(_) => true,
        ExprKind::UnaryApp { op, .. } => match op {
            UnaryOp::Not | UnaryOp::IsEmpty => true,
            // Negation may overflow.
            UnaryOp::Neg => false,
        },
        ExprKind::BinaryApp { op, .. } => match op {
            BinaryOp::Eq
            | BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::In
            | BinaryOp::Contains
            | BinaryOp::ContainsAll
            | BinaryOp::ContainsAny
            | BinaryOp::HasTag => true,
            // Arithmetic may overflow; a tag may be absent.
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag => false,
        },
        // Functions may refuse their arguments, and no step describes an attribute of an expression
        // that is not a path.
        ExprKind::ExtensionFunctionApp { .. }
        | ExprKind::GetAttr { .. }
        | ExprKind::Slot(_)
        | ExprKind::Unknown(_) => false,
    };
    total
        && children(expr)
            .into_iter()
            .all(|child| harmless(child, needed))
}

/// Returns the parts of `path == constant`, in either order.
fn equality(expr: &Expr) -> Option<(AccessPath, Literal)> {
    let ExprKind::BinaryApp {
        op: BinaryOp::Eq,
        arg1,
        arg2,
    } = expr.expr_kind()
    else {
        return None;
    };
    let (path, constant) = match (arg1.expr_kind(), arg2.expr_kind()) {
        (_, ExprKind::Lit(constant)) => (access_path(arg1)?, constant),
        (ExprKind::Lit(constant), _) => (access_path(arg2)?, constant),
        _ => return None,
    };
    (path != (PathRoot::Context, Vec::new())).then(|| (path, constant.clone()))
}

/// Returns the step of a path; `None` for the entities of the request and its context, which are
/// always present.
fn needs((root, names): AccessPath) -> Option<GuardStep> {
    (!names.is_empty()).then_some(GuardStep::Needs((root, names)))
}
