//! Decides legs that read points in time between two milliseconds.
//!
//! **Problem.** Policies count in milliseconds, and a request may be more precise. A point in time
//! that is cut to its millisecond may equal one that it follows, and then a forbid that should hold
//! does not. **Decision.** A leg is decided with the millisecond before each such point. The
//! policies that read the points are then evaluated again for every way to round some of the points
//! up instead. If any comparison or computation on the points gives another result, the leg is
//! denied. **Trade-off.** The leg is denied even if the comparison that gives another result cannot
//! change the decision. There are `2^n` ways to read `n` points, so more than [`MAX_POINTS`] are
//! refused, and so is a leg that would take more than [`MAX_WORK`] to evaluate that often. A
//! request with whole milliseconds never comes here, nor does a leg whose policies ask only whether
//! the point is present.
//!
//! INVARIANT: between two milliseconds the result of a comparison changes at most once, so the
//! result for the exact point is that for the millisecond before or that for the one after. If all
//! results agree, the policies would decide the same for the exact points. This does not hold for a
//! day or a time of the day if the day ends between the two milliseconds, nor for what
//! [`is_unsteady`] finds: these deny.

mod repeated;

use super::refusal::refused;
use super::{Leg, LegDepth, LegInput, LegTime, Parties, evaluator_on, truth};
use crate::model::{ClockUse, Code, Fault, LegExplanation, Timestamp};
use crate::policy::analysis::clock_use;
use crate::policy::analysis::read_set::ReadSet;
use crate::policy::analysis::syntax::{PathRoot, children};
use crate::policy::inputs::coerce::{EpochNanos, MAX_POINTS};
use crate::policy::inputs::points::{Point, Points};
use crate::policy::inputs::{PolicyInputs, known, value_at};
use crate::policy::load::policies::{CompiledPolicy, no_slots};
use crate::policy::schema::ActionInfo;
use cedar_policy_core::ast::{Context, EntityUID, Expr, ExprKind, Value as Cedar, ValueKind};
use cedar_policy_core::entities::Dereference;
use cedar_policy_core::evaluator::Evaluator;
use repeated::is_unsteady;
use std::sync::Arc;

/// LIMIT: values that are converted or compared again for one leg, over all ways to read its points
/// in time. This many take some milliseconds, no longer than converting the largest body once, so
/// the legs of the longest chain and the items of a batch take at most about twice as long as
/// without such points. No ordinary document has so many.
const MAX_WORK: usize = 4_096;

/// LIMIT: the part of [`MAX_WORK`] that all legs of a question together may take on a thread that
/// also serves other requests: about a millisecond's worth. For more, the question is decided again
/// on another thread.
const BRIEF_WORK: usize = 512;

/// Half a day, in milliseconds: rounding never moves a time of the day this far, unless a day ends.
const HALF_A_DAY: i64 = 43_200_000;

/// The result of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Failed,
    Truth(bool),
    /// A time of the day, in milliseconds.
    Time(i64),
    /// The beginning of a day.
    Day(Timestamp),
    Other,
}

impl Outcome {
    fn of(evaluator: &Evaluator<'_>, expr: &Expr) -> Self {
        let Ok(value) = evaluator.interpret(expr, no_slots()) else {
            return Self::Failed;
        };
        match truth(&value) {
            Some(truth) => Self::Truth(truth),
            None if calls(expr, "toTime") => {
                clock_use::duration_ms(value).map_or(Self::Failed, Self::Time)
            }
            None if calls(expr, "toDate") => {
                clock_use::milliseconds(value).map_or(Self::Failed, Self::Day)
            }
            None => Self::Other,
        }
    }

    /// Returns `true` if both outcomes can stand for the same result.
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Time(one), Self::Time(other)) => one.abs_diff(other) < HALF_A_DAY.unsigned_abs(),
            (one, other) => one == other,
        }
    }
}

/// Returns a leg that was decided with the millisecond before each of these points in time, if it
/// would be decided alike whichever of them were read as the millisecond after; otherwise returns a
/// denial. Returns `Err` if finding that out takes long and the leg is to be decided quickly.
pub(super) fn settle(
    (input, depth): (&LegInput<'_>, LegDepth),
    parties: &Parties<'_>,
    inputs: &PolicyInputs,
    mut points: Points<'_>,
    leg: Leg,
) -> Result<Leg, Fault> {
    let all = inputs.slice.policies.iter();
    let policies: Vec<&Arc<CompiledPolicy>> = all
        .filter(|policy| reads(&policy.reads, &points.all))
        .collect();
    let asked = policies
        .iter()
        .flat_map(|policy| asked_of(policy, &points.all));
    let asked: Vec<(&Expr, ReadSet)> = asked.collect();
    if asked.is_empty() {
        return Ok(leg);
    }
    let instants = instants_read(&mut points.all, &policies);
    let deny = |leg: Leg, why: &str| Ok(unsettled(input, leg, &points.all, why));
    if instants.len() > MAX_POINTS {
        return deny(leg, &format!("and there are more than {MAX_POINTS}"));
    }
    let is_unsteady = |(expr, _): &(&Expr, ReadSet)| is_unsteady(expr, &points.all);
    if asked.iter().any(is_unsteady) {
        return deny(leg, DEPENDS);
    }
    let ways = 1_usize << instants.len();
    let work = work(&asked, &points, parties, inputs).saturating_mul(ways);
    if work > MAX_WORK {
        return deny(leg, TOO_MANY_VALUES);
    }
    let is_brief = depth.time == LegTime::Brief;
    if is_brief && work.saturating_mul(input.question.chain.legs()) > BRIEF_WORK {
        return Err(Fault::TakesLong);
    }
    let ground = RoundingInputs {
        parties: (parties.principal, parties.action, parties.resource),
        inputs,
        points: &points,
        asked: &asked,
    };
    let clock = |evaluator: &Evaluator<'_>| {
        if depth.clock {
            clock_use::used(evaluator, &policies, input.now)
        } else {
            ClockUse::Unread
        }
    };
    let (clock, is_settled) = ground.every_way(&instants, clock);
    let leg = Leg {
        clock: leg.clock.and(clock),
        ..leg
    };
    if is_settled {
        Ok(leg)
    } else {
        deny(leg, DEPENDS)
    }
}

/// Keeps the points that policies read, and returns their instants, each once, in order.
fn instants_read(all: &mut Vec<Point>, policies: &[&Arc<CompiledPolicy>]) -> Vec<EpochNanos> {
    all.retain(|point| {
        let mut policies = policies.iter();
        policies.any(|policy| policy.reads.value_at(point.root, &point.path))
    });
    let mut instants: Vec<EpochNanos> = all.iter().map(|point| point.instant).collect();
    instants.sort_unstable();
    instants.dedup();
    instants
}

/// What is needed to evaluate the expressions again for each way to read the points.
struct RoundingInputs<'a, 'p> {
    parties: (&'a EntityUID, &'a ActionInfo, &'a EntityUID),
    inputs: &'a PolicyInputs,
    points: &'a Points<'p>,
    asked: &'a [(&'a Expr, ReadSet)],
}

impl RoundingInputs<'_, '_> {
    /// Returns whether all expressions come out the same whichever of the points are read as the
    /// millisecond after, and how the clock was used.
    fn every_way(
        &self,
        instants: &[EpochNanos],
        clock: impl Fn(&Evaluator<'_>) -> ClockUse,
    ) -> (ClockUse, bool) {
        let entities = &self.inputs.entities;
        let first = evaluator_on(self.parties, self.inputs.context.clone(), entities);
        let first = self.outcomes(&first);
        let mut used = ClockUse::Unread;
        for way in 1..(1_usize << instants.len()) {
            let up = instants.iter().enumerate();
            let up = up.filter(|(at, _)| way & (1 << at) != 0);
            let up: Vec<EpochNanos> = up.map(|(_, instant)| *instant).collect();
            let Some(rounded) = self.points.rounded(self.inputs, &up) else {
                return (used, false);
            };
            let entities = rounded.entities.as_ref().unwrap_or(entities);
            let evaluator = evaluator_on(self.parties, rounded.context, entities);
            used = used.and(clock(&evaluator));
            let others = self.outcomes(&evaluator);
            let mut pairs = first.iter().zip(&others);
            if !pairs.all(|(one, other)| one.agrees(*other)) {
                return (used, false);
            }
        }
        (used, true)
    }

    fn outcomes(&self, evaluator: &Evaluator<'_>) -> Vec<Outcome> {
        let asked = self.asked.iter();
        asked
            .map(|(expr, _)| Outcome::of(evaluator, expr))
            .collect()
    }
}

const DEPENDS: &str = "and the decision depends on that";

/// The reason given when evaluating the leg for every way to round its points would exceed
/// [`MAX_WORK`].
const TOO_MANY_VALUES: &str = "and there are too many values to read with it in several ways";

fn reads(reads: &ReadSet, points: &[Point]) -> bool {
    points
        .iter()
        .any(|point| reads.value_at(point.root, &point.path))
}

/// Returns the comparisons and computations of a policy that depend on the points, wherever they
/// are in it, with what each reads.
fn asked_of<'r>(policy: &'r CompiledPolicy, points: &[Point]) -> Vec<(&'r Expr, ReadSet)> {
    let mut found = Vec::new();
    let conjuncts = policy.conjuncts.iter();
    let mut open: Vec<&Expr> = conjuncts.map(|conjunct| conjunct.expr.as_ref()).collect();
    while let Some(next) = open.pop() {
        if let ExprKind::BinaryApp { .. } | ExprKind::ExtensionFunctionApp { .. } = next.expr_kind()
        {
            let of_next = ReadSet::of(next);
            if reads(&of_next, points) {
                found.push((next, of_next));
            }
        }
        open.extend(children(next));
    }
    found
}

fn calls(expr: &Expr, function: &str) -> bool {
    match expr.expr_kind() {
        ExprKind::ExtensionFunctionApp { fn_name, .. } => fn_name.to_string() == function,
        _ => false,
    }
}

/// Returns how many values are converted and compared for one way to read the points.
fn work(
    asked: &[(&Expr, ReadSet)],
    points: &Points<'_>,
    parties: &Parties<'_>,
    inputs: &PolicyInputs,
) -> usize {
    let Context::Value(context) = &inputs.context else {
        return usize::MAX;
    };
    let attribute = |uid: &EntityUID, name: &str| match inputs.entities.entity(uid) {
        Dereference::Data(entity) => known(entity.get(name)?),
        Dereference::NoSuchEntity | Dereference::Residual(_) => None,
    };
    let mut work = points.weight();
    for (_, reads) in asked {
        work = work.saturating_add(1);
        for (root, path) in reads.paths() {
            let start = match root {
                PathRoot::Principal => Some(parties.principal),
                PathRoot::Resource => Some(parties.resource),
                PathRoot::Context => None,
            };
            if path.is_empty() {
                let all = context.values().map(|value| weight(value, MAX_WORK));
                work = all.fold(work, usize::saturating_add);
            } else if let Some(value) = value_at(context, attribute, start, path) {
                work = work.saturating_add(weight(&value, MAX_WORK));
            }
        }
        if work > MAX_WORK {
            break;
        }
    }
    work
}

/// Returns the number of values within a value, counted up to `most`.
fn weight(value: &Cedar, most: usize) -> usize {
    let mut count = 0_usize;
    let mut open = vec![value];
    while let Some(next) = open.pop() {
        count = count.saturating_add(1);
        match next.value_kind() {
            ValueKind::Set(items) if items.len() < most => open.extend(items.iter()),
            ValueKind::Set(items) => count = count.saturating_add(items.len()),
            ValueKind::Record(members) => open.extend(members.values()),
            ValueKind::Lit(_) | ValueKind::ExtensionValue(_) => {}
        }
        if count > most {
            break;
        }
    }
    count
}

/// Returns the denial of a leg whose points in time are more precise than its policies. No policy
/// determines it.
fn unsettled(input: &LegInput<'_>, leg: Leg, points: &[Point], why: &str) -> Leg {
    let members: Vec<String> = points
        .iter()
        .take(MAX_POINTS)
        .map(|point| format!("`{}`", point.member))
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
            forbids: Vec::new(),
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

#[cfg(test)]
mod tests;
