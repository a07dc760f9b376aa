//! Reads Cedar's syntax tree: children, access paths, conjuncts.

use cedar_policy_core::ast::{Expr, ExprKind, Var};
use smol_str::SmolStr;
use std::sync::Arc;

/// The variable at which an access path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::policy) enum PathRoot {
    Principal,
    Resource,
    Context,
}

impl PathRoot {
    fn of(var: Var) -> Option<Self> {
        match var {
            Var::Principal => Some(Self::Principal),
            Var::Resource => Some(Self::Resource),
            Var::Context => Some(Self::Context),
            Var::Action => None,
        }
    }

    pub(in crate::policy) fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Resource => "resource",
            Self::Context => "context",
        }
    }
}

/// Returns the direct children of an expression.
pub(in crate::policy) fn children<T>(expr: &Expr<T>) -> Vec<&Expr<T>> {
    match expr.expr_kind() {
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => vec![test_expr, then_expr, else_expr],
        ExprKind::And { left, right } | ExprKind::Or { left, right } => vec![left, right],
        ExprKind::UnaryApp { arg, .. } => vec![arg],
        ExprKind::BinaryApp { arg1, arg2, .. } => vec![arg1, arg2],
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().collect(),
        ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => vec![expr],
        ExprKind::Set(items) => items.iter().collect(),
        ExprKind::Record(members) => members.values().collect(),
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => {
            Vec::new()
        }
    }
}

/// Returns the access path of an expression such as `principal`, `resource.owner` or
/// `context.arguments.amount`: a variable and the attributes that follow it.
pub(in crate::policy) fn access_path<T>(expr: &Expr<T>) -> Option<(PathRoot, Vec<SmolStr>)> {
    match expr.expr_kind() {
        ExprKind::Var(var) => PathRoot::of(*var).map(|root| (root, Vec::new())),
        ExprKind::GetAttr { expr, attr } => {
            let (root, mut path) = access_path(expr)?;
            path.push(attr.clone());
            Some((root, path))
        }
        _ => None,
    }
}

/// Returns the operands of a chain of `&&` or of `||`, in order; any other expression is returned
/// itself.
///
/// A chain is as deep as it is long. Code that walks a chain while a request is answered must not
/// recurse, because the stack is small there.
pub(in crate::policy) fn operands(expr: &Expr) -> Vec<&Expr> {
    let joins_all = matches!(expr.expr_kind(), ExprKind::And { .. });
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        match next.expr_kind() {
            ExprKind::And { left, right } if joins_all => {
                open.extend([right.as_ref(), left.as_ref()]);
            }
            ExprKind::Or { left, right } if !joins_all => {
                open.extend([right.as_ref(), left.as_ref()]);
            }
            _ => found.push(next),
        }
    }
    found
}

/// Returns the top-level conjuncts, in order. A policy's condition holds exactly if all conjuncts
/// do, evaluated in this order up to the first that does not.
pub(in crate::policy) fn conjuncts(expr: &Arc<Expr>) -> Vec<Arc<Expr>> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        match next.expr_kind() {
            ExprKind::And { left, right } => {
                open.push(right);
                open.push(left);
            }
            _ => found.push(next.clone()),
        }
    }
    found
}
