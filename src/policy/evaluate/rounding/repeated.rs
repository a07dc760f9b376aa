//! Finds computations that use one point in time several times, so that their result for a point
//! between two milliseconds may be that of neither.
//!
//! A sum in which a point occurs once takes every whole number of milliseconds between its least
//! and its largest value when the points are rounded in all ways, and so does each part of it that
//! is cut to a whole number of seconds or hours. If a point occurs twice, the sum moves by two:
//! between `a + a` for one millisecond and for the next lies a value that it is equal to for the
//! exact point alone.
//!
//! INVARIANT: an order of points and durations may use a point any number of times, because what is
//! compared then rises or falls all the way from one millisecond to the next. Numbers that were cut
//! do not.

use super::reads;
use crate::policy::analysis::read_set::ReadSet;
use crate::policy::analysis::syntax::{access_path, children};
use crate::policy::inputs::coerce::EpochNanos;
use crate::policy::inputs::points::Point;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind};
use smallvec::SmallVec;

/// Returns `true` for an operation on computed values in which one of the points occurs several
/// times, unless it is an order of points or durations. Equal points are rounded alike, and so
/// count as one.
pub(super) fn is_unsteady(expr: &Expr, points: &[Point]) -> bool {
    let ExprKind::BinaryApp { op, .. } = expr.expr_kind() else {
        return false;
    };
    let uses = PointUses::of(expr, points);
    let is_order = matches!(op, BinaryOp::Less | BinaryOp::LessEq);
    uses.is_repeated && uses.is_computed && (uses.is_cut || !is_order)
}

/// How an expression uses the points.
#[derive(Default)]
struct PointUses {
    seen: SmallVec<[EpochNanos; 4]>,
    /// Whether a point occurs several times.
    is_repeated: bool,
    /// Whether something is computed from a point.
    is_computed: bool,
    /// Whether a computed duration is cut to a whole number of some unit.
    is_cut: bool,
}

impl PointUses {
    fn of(expr: &Expr, points: &[Point]) -> Self {
        let mut uses = Self::default();
        let mut open = vec![expr];
        while let Some(next) = open.pop() {
            match next.expr_kind() {
                // Whether there is a value does not depend on the point.
                ExprKind::HasAttr { expr, .. } | ExprKind::ExtHasAttr { expr, .. }
                    if access_path(expr).is_some() =>
                {
                    continue;
                }
                ExprKind::Var(_) | ExprKind::GetAttr { .. } => uses.take(next, points),
                ExprKind::ExtensionFunctionApp { fn_name, .. }
                    if reads(&ReadSet::of(next), points) =>
                {
                    uses.is_computed = true;
                    uses.is_cut |= is_unit(&fn_name.to_string());
                }
                _ => {}
            }
            if access_path(next).is_none() {
                open.extend(children(next));
            }
        }
        uses
    }

    fn take(&mut self, expr: &Expr, points: &[Point]) {
        let of_expr = ReadSet::of(expr);
        let read = points
            .iter()
            .filter(|point| of_expr.value_at(point.root, &point.path));
        for point in read {
            if self.seen.contains(&point.instant) {
                self.is_repeated = true;
            } else {
                self.seen.push(point.instant);
            }
        }
    }
}

/// Returns `true` for a function that returns a number: it cuts a duration to a whole number of
/// its unit.
fn is_unit(function: &str) -> bool {
    function.starts_with("to") && !matches!(function, "toDate" | "toTime")
}
