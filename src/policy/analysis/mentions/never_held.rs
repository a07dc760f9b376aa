//! Tells relations that nobody of a type can be in.

use super::{TypedExpr, entity_type, is_userset, parse_userset_id};
use crate::policy::port::RelationTypes;
use cedar_policy_core::ast::{BinaryOp, ExprKind, Literal};
use smol_str::SmolStr;

/// Returns `true` if the type of the user is never in the relation that an expression asks for,
/// whatever the tuples are.
pub(in crate::policy) fn is_never_held(expr: &TypedExpr, types: &RelationTypes) -> bool {
    let asked = || {
        let ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg1,
            arg2,
        } = expr.expr_kind()
        else {
            return None;
        };
        if !is_userset(arg2) {
            return None;
        }
        let (object, relation) = match arg2.expr_kind() {
            ExprKind::GetAttr { expr, attr } => (SmolStr::from(entity_type(expr)?), attr.clone()),
            ExprKind::Lit(Literal::EntityUID(uid)) => parse_userset_id(uid.eid().as_ref())
                .map(|(object, relation)| (object.kind, relation))?,
            _ => return None,
        };
        Some((entity_type(arg1)?, object, relation))
    };
    asked().is_some_and(|(user, object, relation)| !types.can_hold(&user, &object, &relation))
}
