//! The intersection of legs: a chain is permitted only if each of its members is.

use crate::model::Decision;

/// The outcome of a leg, or something else that holds its decision.
pub(super) trait HasDecision {
    /// Returns the decision of the leg.
    fn decision(&self) -> Decision;
}

/// Takes legs in the order of the chain. Passes each leg that permits to `permitted`, and returns
/// the first that does not; legs after it are not taken. Returns `None` if all of them permit.
///
/// INVARIANT: outcomes of legs become a decision only here, whether they were evaluated or found in
/// the cache.
pub(super) fn intersect<L: HasDecision, E>(
    legs: &mut impl Iterator<Item = Result<L, E>>,
    mut permitted: impl FnMut(L),
) -> Result<Option<L>, E> {
    for leg in legs {
        let leg = leg?;
        match leg.decision() {
            Decision::Permit => permitted(leg),
            Decision::Deny => return Ok(Some(leg)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Decision::{Deny, Permit};

    #[test]
    fn the_first_leg_that_does_not_permit_decides_and_those_after_it_are_not_taken() {
        let mut permitted = 0;
        let mut legs = [Ok(Permit), Ok(Deny), Err("taken")].into_iter();
        let deciding = intersect(&mut legs, |_| permitted += 1).unwrap();
        assert_eq!((deciding, permitted, legs.len()), (Some(Deny), 1, 1));
    }

    #[test]
    fn a_fault_before_a_denial_is_a_fault() {
        let mut legs = [Ok(Permit), Err("fault"), Ok(Deny)].into_iter();
        assert_eq!(intersect(&mut legs, |_| {}), Err("fault"));
    }
}
