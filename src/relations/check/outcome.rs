//! The outcome of a sub-problem, and how the outcomes of operands combine.
//!
//! INVARIANT: a combination has the same outcome in whatever order its operands become known.
//! `Holds` and `Lacks` are facts; the other three are not, and only a fact about another operand
//! outweighs one of them.

use crate::relations::error::RelationError;

/// The outcome of one sub-problem (an object, a relation, a user).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relations) enum CheckOutcome {
    /// The user is in the relation.
    Holds,
    /// The user is not in the relation.
    Lacks,
    /// The user is not in the relation by any path that does not return to its start. This is
    /// OpenFGA's "cycle": it counts as false, on both sides of a difference.
    LacksByCycle,
    /// There is no answer, because of this error.
    Fails(Box<RelationError>),
    /// The sub-problem lies too deep on this path; on a shorter path it may not.
    Unknown,
}

impl CheckOutcome {
    /// Combines two operands of a union. `Holds` takes precedence over everything, then `Unknown`,
    /// then errors.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Holds, _) | (_, Self::Holds) => Self::Holds,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Fails(a), Self::Fails(b)) => Self::Fails(Box::new(a.foremost(*b))),
            (Self::Fails(error), _) | (_, Self::Fails(error)) => Self::Fails(error),
            (Self::LacksByCycle, _) | (_, Self::LacksByCycle) => Self::LacksByCycle,
            (Self::Lacks, Self::Lacks) => Self::Lacks,
        }
    }

    /// Combines two operands of an intersection. `Lacks` takes precedence over everything.
    ///
    /// An unknown operand beside a cycle may yet turn out to be `Lacks`, so both together are
    /// unknown.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Lacks, _) | (_, Self::Lacks) => Self::Lacks,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::LacksByCycle, _) | (_, Self::LacksByCycle) => Self::LacksByCycle,
            (Self::Fails(a), Self::Fails(b)) => Self::Fails(Box::new(a.foremost(*b))),
            (Self::Fails(error), _) | (_, Self::Fails(error)) => Self::Fails(error),
            (Self::Holds, Self::Holds) => Self::Holds,
        }
    }

    /// Combines the sides of a difference. A base that lacks the user, or a subtracted side that
    /// holds, decides whatever the other side is. Otherwise `Unknown` comes first, then a cycle on
    /// either side, then the base's error.
    pub(super) fn but_not(self, subtract: Self) -> Self {
        match (self, subtract) {
            (Self::Lacks, _) | (_, Self::Holds) => Self::Lacks,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::LacksByCycle, _) | (_, Self::LacksByCycle) => Self::LacksByCycle,
            (Self::Fails(error), _) | (Self::Holds, Self::Fails(error)) => Self::Fails(error),
            (Self::Holds, Self::Lacks) => Self::Holds,
        }
    }

    /// Returns `true` if the outcome is the same on every path on which the sub-problem is met.
    /// Facts follow from facts alone.
    pub(super) fn is_fact(&self) -> bool {
        match self {
            Self::Holds | Self::Lacks => true,
            Self::LacksByCycle | Self::Fails(_) | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Combine = fn(CheckOutcome, CheckOutcome) -> CheckOutcome;

    fn all() -> Vec<CheckOutcome> {
        let fails = |depth| CheckOutcome::Fails(Box::new(RelationError::TooDeep(depth)));
        vec![
            CheckOutcome::Holds,
            CheckOutcome::Lacks,
            CheckOutcome::LacksByCycle,
            fails(1),
            CheckOutcome::Unknown,
        ]
    }

    #[test]
    fn the_order_of_operands_does_not_matter() {
        for a in all() {
            for b in all() {
                assert_eq!(a.clone().or(b.clone()), b.clone().or(a.clone()));
                assert_eq!(a.clone().and(b.clone()), b.clone().and(a.clone()));
                for c in all() {
                    assert_eq!(
                        a.clone().or(b.clone()).or(c.clone()),
                        a.clone().or(b.clone().or(c.clone()))
                    );
                    assert_eq!(
                        a.clone().and(b.clone()).and(c.clone()),
                        a.clone().and(b.clone().and(c.clone()))
                    );
                }
            }
        }
    }

    /// An unknown operand may turn out to be anything, so a combination that is not unknown must
    /// not depend on it.
    #[test]
    fn the_unknown_never_hides_a_difference() {
        let known: Vec<CheckOutcome> = all()
            .into_iter()
            .filter(|outcome| *outcome != CheckOutcome::Unknown)
            .collect();
        let combinations: [(&str, Combine); 4] = [
            ("or", CheckOutcome::or),
            ("and", CheckOutcome::and),
            ("base", CheckOutcome::but_not),
            ("subtract", |a, b| b.but_not(a)),
        ];
        for (name, combine) in combinations {
            for other in all() {
                let combined = combine(CheckOutcome::Unknown, other.clone());
                if combined == CheckOutcome::Unknown {
                    continue;
                }
                for value in &known {
                    assert_eq!(
                        combine(value.clone(), other.clone()),
                        combined,
                        "{name} {other:?} {value:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_cycle_denies_on_both_sides_of_a_difference() {
        assert_eq!(
            CheckOutcome::Holds.but_not(CheckOutcome::LacksByCycle),
            CheckOutcome::LacksByCycle
        );
        assert_eq!(
            CheckOutcome::LacksByCycle.but_not(CheckOutcome::Lacks),
            CheckOutcome::LacksByCycle
        );
        let fails = CheckOutcome::Fails(Box::new(RelationError::TooDeep(1)));
        assert_eq!(
            fails.but_not(CheckOutcome::LacksByCycle),
            CheckOutcome::LacksByCycle
        );
    }
}
