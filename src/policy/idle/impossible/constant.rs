//! Finds parts of a forbid's condition that are the same for every request.
//!
//! **Problem.** In `when { resource.secret || 1 > 2 }` the second part forbids nothing, and
//! `unless { principal == principal }` excepts everybody. Cedar's types do not show it.
//! **Decision.** A part without variables is evaluated when the bundle is loaded, and a variable
//! equals itself. A forbid is refused if such a part keeps it from applying. **Trade-off.** Parts
//! that are constant for another reason, as `a || !a` is, are not found.

use super::polarity::Polarity;
use crate::model::{Decision, Problem, shown};
use crate::policy::analysis::syntax::children;
use crate::policy::load::policies::ParsedPolicy;
use crate::policy::load::source::{SourceFile, place_in};
use cedar_policy_core::ast::{
    BinaryOp, EntityUIDEntry, Expr, ExprKind, Literal, Request, UnaryOp, Value, ValueKind,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::collections::HashMap;

/// Returns a problem for each part of a forbid that never lets it apply. The policies of packs are
/// exempt.
pub(in crate::policy) fn problems(
    policies: &[ParsedPolicy],
    homes: &[&SourceFile],
) -> Vec<Problem> {
    let own = policies.iter().zip(homes).filter(|(parsed, home)| {
        parsed.policy.effect == Decision::Deny && !home.path.starts_with("pack:")
    });
    own.flat_map(|(parsed, home)| {
        let condition = parsed.tree.non_scope_constraints();
        let mut found = Vec::new();
        // Cedar itself tells that a whole condition is `false`.
        if let Some(condition) = condition.filter(|condition| !is_literal(condition)) {
            useless(condition, Polarity::Positive, &mut found);
        }
        found.into_iter().map(|(part, value)| {
            let text = part.to_string();
            let message = format!(
                "in the policy `{}`, `{}` is always {value}: what it belongs to never forbids",
                parsed.policy.id,
                shown(&text)
            );
            Problem {
                place: place_in(part.source_loc(), home),
                also: parsed.link.clone(),
                ..Problem::new(message).help("write the test that is meant, or remove this part")
            }
        })
    })
    .collect()
}

/// Collects the parts that are constant and make the condition false, each with its value.
fn useless<'e>(expr: &'e Expr, polarity: Polarity, found: &mut Vec<(&'e Expr, bool)>) {
    match expr.expr_kind() {
        ExprKind::And { left, right } | ExprKind::Or { left, right } => {
            useless(left, polarity, found);
            useless(right, polarity, found);
        }
        ExprKind::UnaryApp {
            op: UnaryOp::Not,
            arg,
        } => useless(arg, polarity.reversed(), found),
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => {
            useless(test_expr, Polarity::Either, found);
            // `if a then b else false` is a usual way to write `a && b`.
            let branches = [then_expr, else_expr].into_iter();
            branches
                .filter(|branch| !is_literal(branch))
                .for_each(|branch| useless(branch, polarity, found));
        }
        _ => {
            let value = constant(expr);
            let is_useless = match polarity {
                Polarity::Positive => value == Some(false),
                Polarity::Negative => value == Some(true),
                Polarity::Either => false,
            };
            found.extend(value.filter(|_| is_useless).map(|value| (expr, value)));
        }
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Lit(_))
}

/// Returns the value that a part has for every request; `None` if it has none, or is no boolean.
fn constant(expr: &Expr) -> Option<bool> {
    if let ExprKind::BinaryApp {
        op: BinaryOp::Eq,
        arg1,
        arg2,
    } = expr.expr_kind()
        && let (ExprKind::Var(one), ExprKind::Var(other)) = (arg1.expr_kind(), arg2.expr_kind())
        && one == other
    {
        return Some(true);
    }
    if !is_closed(expr) {
        return None;
    }
    let value = evaluated(expr)?;
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(value)) => Some(*value),
        _ => None,
    }
}

/// Returns `true` if a part reads nothing of a request, and no entity, which may be stored.
fn is_closed(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Var(_)
        | ExprKind::Slot(_)
        | ExprKind::Unknown(_)
        | ExprKind::Lit(Literal::EntityUID(_)) => false,
        _ => children(expr).into_iter().all(is_closed),
    }
}

fn evaluated(expr: &Expr) -> Option<Value> {
    let unknown = || EntityUIDEntry::unknown();
    let request = Request::new_unchecked(unknown(), unknown(), unknown(), None);
    let entities = Entities::new();
    let evaluator = Evaluator::new(request, &entities, Extensions::all_available());
    evaluator.interpret(expr, &HashMap::new()).ok()
}
