//! Legs that read points in time between two milliseconds.
//!
//! **Problem.** Policies count in milliseconds, and a request may be more precise. Cut, a point in
//! time may come before one that it follows, or be equal to one that it is not: a forbid that holds
//! would not.
//! **Decision.** A leg is decided with the millisecond before each such point. That stands only
//! where every comparison of the policies that can have a say comes out the same whichever of them
//! are read as the one behind; else the leg is denied.
//! **Trade-off.** A comparison on which nothing depends denies as well, and all ways to read `n`
//! points are `2^n`: more than [`MAX_POINTS`] are refused. Who sends whole milliseconds never comes
//! here.
//!
//! INVARIANT: a comparison goes one way or the other as a point passes it, so what it says of the
//! point is what it says of the millisecond before or of the one behind. Where all of them say the
//! same, the policies say of the points what was decided.

use super::{Leg, LegInput, Wanted, evaluator, refused, truth};
use crate::model::{ClockUse, Code, Fault, LegExplanation};
use crate::policy::Compiled;
use crate::policy::analysis::clock_use;
use crate::policy::analysis::syntax::children;
use crate::policy::inputs::coerce::{Instant, Rounding};
use crate::policy::load::policies::{Rule, no_slots};
use cedar_policy_core::ast::ExprKind;
use cedar_policy_core::evaluator::Evaluator;
use std::sync::Arc;

/// LIMIT: points in time between two milliseconds that the policies of one leg may read.
const MAX_POINTS: usize = 3;

/// What the comparisons of a leg's policies come to for one way to read its points in time.
struct Comparisons {
    /// In the order of the policies; none for what fails.
    values: Vec<Option<bool>>,
    clock: ClockUse,
}

impl Compiled {
    /// Returns a leg that was decided with the millisecond before each of these points in time if
    /// it would be decided so whichever of them were read as the one behind, and a denial
    /// otherwise.
    pub(super) fn settle(
        &self,
        input: &LegInput<'_>,
        wanted: Wanted,
        leg: Leg,
        between: &[(Instant, String)],
    ) -> Result<Leg, Fault> {
        let mut points: Vec<Instant> = between.iter().map(|(point, _)| *point).collect();
        points.sort_unstable();
        points.dedup();
        if points.len() > MAX_POINTS {
            return Ok(unsettled(
                input,
                leg,
                between,
                &format!("and there are more than {MAX_POINTS}"),
            ));
        }
        let mut clock = leg.clock;
        let first = self.comparisons(input, wanted, Rounding::down())?;
        for subset in 1..(1_usize << points.len()) {
            let up = points
                .iter()
                .enumerate()
                .filter(|(at, _)| subset & (1 << at) != 0);
            let other =
                self.comparisons(input, wanted, Rounding::up(up.map(|(_, point)| *point)))?;
            clock = clock.and(other.clock);
            if other.values != first.values {
                let refusal = unsettled(input, leg, between, "and the decision depends on that");
                return Ok(Leg { clock, ..refusal });
            }
        }
        Ok(Leg { clock, ..leg })
    }

    fn comparisons(
        &self,
        input: &LegInput<'_>,
        wanted: Wanted,
        rounding: Rounding,
    ) -> Result<Comparisons, Fault> {
        let found = self.with_inputs(input, wanted, rounding, |parties, _, inputs| {
            let evaluator = evaluator(parties.principal, parties.action, parties.resource, &inputs);
            let rules: Vec<&Arc<Rule>> = inputs.slice.rules.iter().collect();
            let clock = if wanted.clock {
                clock_use::used(&evaluator, &rules, input.now)
            } else {
                ClockUse::Unread
            };
            let values = rules
                .iter()
                .flat_map(|rule| comparisons_of(&evaluator, rule))
                .collect();
            Comparisons { values, clock }
        })?;
        // What has no inputs has none however it is read, and then nothing was decided either.
        Ok(found.unwrap_or_else(|_| Comparisons {
            values: vec![None],
            clock: ClockUse::Otherwise,
        }))
    }
}

/// Returns what the comparisons in a policy come to, wherever they stand in it.
fn comparisons_of(evaluator: &Evaluator<'_>, rule: &Rule) -> Vec<Option<bool>> {
    let mut found = Vec::new();
    let mut open: Vec<_> = rule
        .conjuncts
        .iter()
        .map(|conjunct| conjunct.expr.as_ref())
        .collect();
    while let Some(next) = open.pop() {
        if let ExprKind::BinaryApp { .. } | ExprKind::ExtensionFunctionApp { .. } = next.expr_kind()
        {
            found.push(
                evaluator
                    .interpret(next, no_slots())
                    .ok()
                    .and_then(|value| truth(&value)),
            );
        }
        open.extend(children(next));
    }
    found
}

/// The denial of a leg whose points in time are more precise than its policies. Nothing of what was
/// decided determines it.
fn unsettled(input: &LegInput<'_>, leg: Leg, between: &[(Instant, String)], why: &str) -> Leg {
    let members: Vec<String> = between
        .iter()
        .take(MAX_POINTS)
        .map(|(_, member)| format!("`{member}`"))
        .collect();
    let message = format!(
        "{}: more precise than a millisecond, {why}: round it where it is sent",
        members.join(", ")
    );
    let question = input.question;
    let principal = question
        .chain
        .members()
        .nth(input.leg)
        .map(|member| question.as_asked(&member.uid));
    let principal = principal.unwrap_or_else(|| question.resource.uid.clone());
    let refusal = refused(Code::BadValue, message, &principal);
    let outcome = refusal.outcome.clone();
    let explanation = leg.explanation.map(|explained| {
        Box::new(LegExplanation {
            outcome,
            determining: Vec::new(),
            near_misses: Vec::new(),
            ..*explained
        })
    });
    Leg {
        explanation,
        inputs: leg.inputs,
        clock: leg.clock,
        ..refusal
    }
}
