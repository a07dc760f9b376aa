//! Determines how policies use `context.now`, and so how long an outcome stays valid.
//!
//! The result of a comparison `context.now < value`, with any operator and on either side, changes
//! only when the clock passes the value. The result of any other use (a calendar day, a difference,
//! the context as a whole) may change every millisecond.
//!
//! INVARIANT: an outcome never counts as valid for too long. All comparisons of the evaluated
//! policies count, including those that were not reached because an earlier conjunct was false.
//! Whatever is not known to be such a comparison counts as another use.

use crate::model::{ClockUse, Timestamp};
use crate::policy::analysis::syntax::{PathRoot, access_path, children};
use crate::policy::inputs::datetime;
use crate::policy::load::policies::{CompiledPolicy, no_slots};
use cedar_policy_core::ast::{
    BinaryOp, Expr, ExprKind, Literal, Name, PartialValue, Value as Cedar, ValueKind,
};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;
use std::sync::Arc;

/// Returns how these policies use the clock, which stands at `now`, for the inputs of `evaluator`.
pub(in crate::policy) fn used(
    evaluator: &Evaluator<'_>,
    policies: &[&Arc<CompiledPolicy>],
    now: Timestamp,
) -> ClockUse {
    let mut found = ClockUse::Unread;
    for policy in policies
        .iter()
        .filter(|policy| policy.reads.context(&[SmolStr::new_static(NOW)]))
    {
        let mut values = Vec::new();
        if !policy
            .conjuncts
            .iter()
            .all(|conjunct| compared_with(&conjunct.expr, &mut values))
        {
            return ClockUse::Otherwise;
        }
        found = found.and(ClockUse::read(now));
        for value in values {
            // Without a value, the comparison fails at any time.
            if let Ok(value) = evaluator.interpret(value, no_slots()) {
                let at = milliseconds(value);
                found = found.and(at.map_or(ClockUse::Otherwise, |at| ClockUse::compared(now, at)));
            }
        }
    }
    found
}

const NOW: &str = "now";

/// Collects the values with which the clock is directly compared; returns `true` if the clock has
/// no other use.
fn compared_with<'e>(expr: &'e Expr, values: &mut Vec<&'e Expr>) -> bool {
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        if let Some((root, path)) = access_path(next) {
            // The whole context includes the clock.
            if root == PathRoot::Context && path.first().is_none_or(|first| first == NOW) {
                return false;
            }
            continue;
        }
        let (base, attribute) = match next.expr_kind() {
            ExprKind::BinaryApp {
                op: BinaryOp::Eq | BinaryOp::Less | BinaryOp::LessEq,
                arg1,
                arg2,
            } => {
                match (is_clock(arg1), is_clock(arg2)) {
                    (true, true) => return false,
                    (false, false) => open.extend([arg1.as_ref(), arg2.as_ref()]),
                    (is_first, _) => {
                        let value = if is_first { arg2 } else { arg1 };
                        values.push(value);
                        open.push(value);
                    }
                }
                continue;
            }
            ExprKind::HasAttr { expr, attr } => (expr, attr),
            ExprKind::ExtHasAttr { expr, attrs } => (expr, &attrs.head),
            _ => {
                open.extend(children(next));
                continue;
            }
        };
        // `base has attribute` reads nothing else of the base.
        match access_path(base) {
            Some((PathRoot::Context, path)) if path.first().unwrap_or(attribute) == NOW => {
                return false;
            }
            Some(_) => {}
            None => open.push(base),
        }
    }
    true
}

fn is_clock(expr: &Expr) -> bool {
    access_path(expr).is_some_and(|(root, path)| root == PathRoot::Context && path == [NOW])
}

/// Converts a `datetime` to milliseconds since 1970.
pub(in crate::policy) fn milliseconds(value: Cedar) -> Option<Timestamp> {
    let since = call("durationSince", &[value, datetime(Timestamp(0))?])?;
    duration_ms(since).map(Timestamp)
}

/// Converts a `duration` to milliseconds.
pub(in crate::policy) fn duration_ms(value: Cedar) -> Option<i64> {
    match call("toMilliseconds", &[value])?.value_kind() {
        ValueKind::Lit(Literal::Long(ms)) => Some(*ms),
        _ => None,
    }
}

fn call(function: &'static str, arguments: &[Cedar]) -> Option<Cedar> {
    let name = Name::parse_unqualified_name(function).ok()?;
    match Extensions::all_available()
        .func(&name)
        .ok()?
        .call(arguments)
        .ok()?
    {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::conjuncts;
    use super::*;

    fn expr(text: &str) -> Arc<Expr> {
        let text = format!("permit(principal, action, resource) when {{ {text} }};");
        let set = cedar_policy_core::parser::parse_policyset(&text).unwrap();
        set.policies()
            .next()
            .unwrap()
            .non_scope_constraints_arc()
            .unwrap()
            .clone()
    }

    fn values(text: &str) -> Option<usize> {
        let parts = conjuncts(&expr(text));
        let mut found = Vec::new();
        let direct = parts.iter().all(|part| compared_with(part, &mut found));
        direct.then_some(found.len())
    }

    #[test]
    fn direct_comparisons_are_told_from_every_other_use() {
        for (text, expected) in [
            ("context.now < datetime(\"2026-01-01\")", Some(1)),
            (
                "datetime(\"2026-01-01\") <= context.now && principal.until > context.now",
                Some(2),
            ),
            (
                "context.now >= resource.start.offset(duration(\"1h\")) || \
                 context.now == context.at",
                Some(2),
            ),
            (
                "if principal.x then context.now < resource.a else resource.b < context.now",
                Some(2),
            ),
            (
                "context has other && principal has now && context.a.now < principal.now",
                Some(0),
            ),
            ("context.now.offset(duration(\"1h\")) < resource.a", None),
            ("context.now.toDate() == datetime(\"2026-01-01\")", None),
            ("context.now < context.now", None),
            ("context.now < context.now.offset(duration(\"1h\"))", None),
            ("context has now", None),
            ("context has now.x", None),
            ("[context.now].contains(resource.a)", None),
            ("{at: context.now}.at < resource.a", None),
            ("context == resource.wanted", None),
            ("[context].contains(resource.wanted)", None),
            ("(if true then context else context).now < resource.a", None),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn a_datetime_is_its_milliseconds() {
        for ms in [0, 1, -1, 1_790_845_200_123, -62_135_596_800_000] {
            assert_eq!(
                datetime(Timestamp(ms)).and_then(milliseconds),
                Some(Timestamp(ms))
            );
        }
    }
}
