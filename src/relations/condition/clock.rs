//! Determines how an evaluation used `current_time`, and so for how long its outcome stays valid.
//!
//! The result of `current_time < value`, with any operator and on either side, changes only when
//! the clock passes the value. The result of any other use (an hour of the day, a difference, a
//! comparison inside a comprehension) may change every millisecond.
//!
//! INVARIANT: the time is never too long. All comparisons of the expression count, also those that
//! were not evaluated because something before them decided. A use that is not known to be such a
//! comparison counts as another use.

use super::evaluate::{self, CostBudget, Halt};
use super::lower::Expression;
use super::sent::{ConditionCache, RequestValues};
use super::signature::Function;
use super::types::ParameterType;
use super::value::Val;
use super::{CompiledCondition, ConditionError};
use crate::model::{ClockUse, Record};

/// The parameter that holds the current time.
pub const CLOCK: &str = "current_time";

impl CompiledCondition {
    /// Returns how the evaluation of these values, with the result `outcome`, used [`CLOCK`] of the
    /// request.
    pub(in crate::relations) fn clock_use(
        &self,
        tuple: &Record,
        request: RequestValues<'_>,
        outcome: &Result<bool, ConditionError>,
        evaluations: &mut ConditionCache,
    ) -> ClockUse {
        let Some(at) = self.parameters.iter().position(|(name, _)| name == CLOCK) else {
            return ClockUse::Unread;
        };
        // A value stored with the tuple does not change with the clock.
        if tuple.get(CLOCK).is_some() {
            return ClockUse::Unread;
        }
        match outcome {
            // The message shows the value of the clock.
            Err(ConditionError::BadValue { parameter, .. }) if parameter == CLOCK => {
                return ClockUse::Otherwise;
            }
            // Parameters are converted in order, so these errors occurred before the clock was
            // read, or do not depend on it.
            Err(
                ConditionError::BadValue { .. }
                | ConditionError::Missing { .. }
                | ConditionError::Undeclared { .. },
            ) => return ClockUse::Unread,
            Err(ConditionError::Failed { .. } | ConditionError::TooCostly { .. }) | Ok(_) => {}
        }
        if !self.root.reads(at) {
            return ClockUse::Unread;
        }
        self.compared(at, tuple, request, evaluations)
            .unwrap_or(ClockUse::Otherwise)
    }

    /// Returns the use of the clock if it consists of direct comparisons only, otherwise `None`.
    fn compared(
        &self,
        at: usize,
        tuple: &Record,
        request: RequestValues<'_>,
        evaluations: &mut ConditionCache,
    ) -> Option<ClockUse> {
        let is_time = self
            .parameters
            .get(at)
            .is_some_and(|(_, ty)| *ty == ParameterType::Timestamp);
        let mut compared = Vec::new();
        if !is_time || !compared_with(&self.root, at, &mut compared) {
            return None;
        }
        let values = self.values(tuple, request, evaluations).ok()?;
        let Some(Val::Timestamp(now)) = values.get(at) else {
            return None;
        };
        let now = now.milliseconds();
        let mut found = ClockUse::read(now);
        for node in compared {
            let mut budget = CostBudget::new(self.max_cost);
            let value = evaluate::evaluate(node, &values, &mut budget);
            evaluations.work(budget.work_done());
            match value {
                Ok(Val::Timestamp(value)) => {
                    found = found.and(ClockUse::compared(now, value.milliseconds_up()));
                }
                // This comparison fails at any time.
                Err(Halt::Error(_)) => {}
                Ok(_) | Err(Halt::OverBudget) => return None,
            }
        }
        Some(found)
    }
}

/// Collects what the parameter is directly compared with, and returns `true` if it has no other
/// use.
fn compared_with<'n>(node: &'n Expression, at: usize, values: &mut Vec<&'n Expression>) -> bool {
    let is_clock = |node: &Expression| matches!(node, Expression::Parameter(it) if *it == at);
    if let Expression::Call(
        Function::Equal
        | Function::NotEqual
        | Function::Less
        | Function::LessEqual
        | Function::Greater
        | Function::GreaterEqual,
        sides,
    ) = node
        && let [a, b] = sides.as_slice()
        && is_clock(a) != is_clock(b)
    {
        let value = if is_clock(a) { b } else { a };
        values.push(value);
        // A variable of a comprehension has no value outside of it.
        return !value.reads(at) && !value.has_local();
    }
    !is_clock(node)
        && node
            .parts()
            .into_iter()
            .all(|part| compared_with(part, at, values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Timestamp, Value};

    const NOW: &str = "2026-06-01T00:00:00Z";
    const NOW_MS: i64 = 1_780_272_000_000;

    fn record(members: &[(&str, Value)]) -> Record {
        members
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect()
    }

    fn used(expression: &str, tuple: &[(&str, Value)], request: &[(&str, Value)]) -> ClockUse {
        let parameters = [
            (CLOCK, ParameterType::Timestamp),
            ("until", ParameterType::Timestamp),
            ("open", ParameterType::Bool),
            (
                "times",
                ParameterType::List(Box::new(ParameterType::Timestamp)),
            ),
            ("any", ParameterType::Any),
        ]
        .map(|(name, ty)| (name.into(), ty));
        let condition = CompiledCondition::compile("c", expression, &parameters)
            .unwrap_or_else(|error| panic!("{error:?}"));
        let tuple = record(tuple);
        let request = record(request);
        let outcome = condition.evaluate(&tuple, &request);
        condition.clock_use(
            &tuple,
            RequestValues::of(&request),
            &outcome,
            &mut ConditionCache::default(),
        )
    }

    fn given(until: &str) -> Vec<(&str, Value)> {
        let times = Value::List(vec![Value::text("2026-07-01T00:00:00Z")]);
        vec![
            (CLOCK, NOW.into()),
            ("until", until.into()),
            ("open", true.into()),
            ("times", times),
            ("any", true.into()),
        ]
    }

    #[test]
    fn direct_comparisons_end_where_the_clock_passes_the_value() {
        let until = |ms: i64| ClockUse::Until(Timestamp(NOW_MS + ms));
        for (expression, at, expected) in [
            ("current_time < until", "2026-06-01T00:00:01Z", until(1_000)),
            (
                "until >= current_time || open",
                "2026-06-01T00:00:01Z",
                until(1_000),
            ),
            (
                "open || current_time < until",
                "2026-06-01T00:00:01Z",
                until(1_000),
            ),
            // The clock has passed a value within a millisecond when it shows the next one.
            (
                "current_time < until",
                "2026-06-01T00:00:00.0105Z",
                until(11),
            ),
            (
                "current_time < until",
                "2026-06-01T00:00:00.000001Z",
                until(1),
            ),
            // The value is within the current millisecond, so it is not known whether the clock has
            // passed it.
            (
                "current_time < until",
                "2026-05-31T23:59:59.9999Z",
                ClockUse::Otherwise,
            ),
            (
                "current_time < until",
                "2026-05-31T23:59:59.999Z",
                ClockUse::read(Timestamp(NOW_MS)),
            ),
            ("current_time == until", NOW, ClockUse::Otherwise),
            (
                "current_time < until + duration('1h')",
                "2026-06-01T00:00:01Z",
                until(3_601_000),
            ),
            (
                "current_time < times[0] && current_time < until",
                "2026-06-01T00:00:01Z",
                until(1_000),
            ),
            (
                "current_time < times[7] || open",
                "2026-06-01T00:00:01Z",
                ClockUse::read(Timestamp(NOW_MS)),
            ),
            (
                "current_time > timestamp('2026-06-01T00:00:02Z')",
                "2026-06-01T00:00:01Z",
                until(2_000),
            ),
            (
                "until > timestamp('2026-06-01T00:00:02Z')",
                "2026-06-01T00:00:01Z",
                ClockUse::Unread,
            ),
        ] {
            assert_eq!(
                used(expression, &[], &given(at)),
                expected,
                "{expression} {at}"
            );
        }
    }

    #[test]
    fn every_other_use_is_unbounded() {
        for expression in [
            "current_time.getHours('UTC') < 5",
            "current_time - until < duration('1h')",
            "current_time + duration('1h') < until",
            "times.exists(at, current_time < at)",
            "[current_time].exists(at, at < until)",
            "current_time in times",
            "current_time < any",
            "current_time == any",
            "(open ? current_time : until) < until",
            "current_time == current_time",
            "string(current_time) == 'x'",
            "{'at': current_time}.at < until",
        ] {
            assert_eq!(
                used(expression, &[], &given("2026-06-01T00:00:01Z")),
                ClockUse::Otherwise,
                "{expression}"
            );
        }
    }

    #[test]
    fn a_stored_time_is_no_clock_and_a_missing_value_fails_whatever_the_time() {
        let stored = [(CLOCK, Value::text("2026-01-01T00:00:00Z"))];
        let expression = "current_time < until";
        assert_eq!(used(expression, &stored, &given(NOW)), ClockUse::Unread);
        assert_eq!(used(expression, &[], &given(NOW)[..2]), ClockUse::Unread);
        assert_eq!(used(expression, &[], &given("no time")), ClockUse::Unread);
        let mut bad = given(NOW);
        bad[0].1 = Value::text("9999-12-31");
        assert_eq!(used(expression, &[], &bad), ClockUse::Otherwise);
    }
}
