//! What a sub-problem comes to, and how the outcomes of operands combine.
//!
//! INVARIANT: every combination gives the same outcome in whatever order its operands are known.
//! `Holds` and `Lacks` are facts; the other three are not, and only a fact about another operand
//! makes up for one of them.

use crate::relations::error::RelationError;

/// What one sub-problem (an object, a relation, a user) comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relations) enum Outcome {
    /// The user is in the relation.
    Holds,
    /// The user is not.
    Lacks,
    /// Not by any way that does not come back to where it began. OpenFGA's "cycle": it is false,
    /// and so is whatever it would have to be false for.
    LacksByCycle,
    /// It has no answer.
    Fails(Box<RelationError>),
    /// It lies too deep on this way; on a shorter way it may not.
    Unknown,
}

impl Outcome {
    /// One operand of a union after another. `Holds` wins over everything, then what is unknown,
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

    /// One operand of an intersection after another. `Lacks` wins over everything.
    ///
    /// An unknown operand beside a cycle may yet turn out to lack the user for good, so both
    /// together are unknown.
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

    /// A difference. A base that lacks the user, or a subtracted side that holds, wins over
    /// whatever the other side is; a cycle on either side lacks; then the base's error comes first.
    pub(super) fn but_not(self, subtract: Self) -> Self {
        match (self, subtract) {
            (Self::Lacks, _) | (_, Self::Holds) => Self::Lacks,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::LacksByCycle, _) | (_, Self::LacksByCycle) => Self::LacksByCycle,
            (Self::Fails(error), _) | (Self::Holds, Self::Fails(error)) => Self::Fails(error),
            (Self::Holds, Self::Lacks) => Self::Holds,
        }
    }

    /// Whether this says the same on every way on which the sub-problem is met. Facts follow from
    /// facts alone.
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

    type Combine = fn(Outcome, Outcome) -> Outcome;

    fn all() -> Vec<Outcome> {
        let fails = |depth| Outcome::Fails(Box::new(RelationError::TooDeep(depth)));
        vec![
            Outcome::Holds,
            Outcome::Lacks,
            Outcome::LacksByCycle,
            fails(1),
            Outcome::Unknown,
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

    /// What is unknown may turn out to be anything: a combination that does not say so must not
    /// depend on it.
    #[test]
    fn the_unknown_never_hides_a_difference() {
        let known: Vec<Outcome> = all()
            .into_iter()
            .filter(|outcome| *outcome != Outcome::Unknown)
            .collect();
        let combinations: [(&str, Combine); 4] = [
            ("or", Outcome::or),
            ("and", Outcome::and),
            ("base", Outcome::but_not),
            ("subtract", |a, b| b.but_not(a)),
        ];
        for (name, combine) in combinations {
            for other in all() {
                let combined = combine(Outcome::Unknown, other.clone());
                if combined == Outcome::Unknown {
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
            Outcome::Holds.but_not(Outcome::LacksByCycle),
            Outcome::LacksByCycle
        );
        assert_eq!(
            Outcome::LacksByCycle.but_not(Outcome::Lacks),
            Outcome::LacksByCycle
        );
        let fails = Outcome::Fails(Box::new(RelationError::TooDeep(1)));
        assert_eq!(fails.but_not(Outcome::LacksByCycle), Outcome::LacksByCycle);
    }
}
