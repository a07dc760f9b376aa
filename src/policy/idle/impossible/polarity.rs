//! Finds the tests of a condition, each with what the condition is where the test holds.

use crate::policy::analysis::syntax::children;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

/// What a condition is where a test in it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Polarity {
    /// True rather than false.
    Positive,
    /// False rather than true.
    Negative,
    /// The one or the other.
    Either,
}

impl Polarity {
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Positive => Self::Negative,
            Self::Negative => Self::Positive,
            Self::Either => Self::Either,
        }
    }
}

/// Collects the tests of a condition, each with what the condition is where it holds.
pub(super) fn tests<'e>(expr: &'e Expr, polarity: Polarity, found: &mut Vec<(&'e Expr, Polarity)>) {
    if is_test(expr) {
        found.push((expr, polarity));
    }
    match expr.expr_kind() {
        ExprKind::And { left, right } | ExprKind::Or { left, right } => {
            tests(left, polarity, found);
            tests(right, polarity, found);
        }
        ExprKind::UnaryApp {
            op: UnaryOp::Not,
            arg,
        } => tests(arg, polarity.reversed(), found),
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => {
            tests(test_expr, Polarity::Either, found);
            tests(then_expr, polarity, found);
            tests(else_expr, polarity, found);
        }
        _ => children(expr)
            .into_iter()
            .for_each(|child| tests(child, Polarity::Either, found)),
    }
}

/// Returns `true` for a test whose text is the same in every environment: Cedar's typed tree leaves
/// out what is not reached, and only a condition has such parts.
pub(super) fn is_test<T>(expr: &Expr<T>) -> bool {
    fn is_whole<T>(expr: &Expr<T>) -> bool {
        let has_parts = matches!(
            expr.expr_kind(),
            ExprKind::If { .. } | ExprKind::And { .. } | ExprKind::Or { .. }
        );
        !has_parts && children(expr).into_iter().all(is_whole)
    }
    let is_test = match expr.expr_kind() {
        ExprKind::HasAttr { .. } | ExprKind::ExtHasAttr { .. } | ExprKind::Is { .. } => true,
        ExprKind::BinaryApp { op, .. } => {
            matches!(op, BinaryOp::HasTag | BinaryOp::Eq | BinaryOp::In)
        }
        _ => false,
    };
    is_test && is_whole(expr)
}
