//! The intersection of legs: who may do something in somebody's name is whoever is permitted it,
//! and so is everyone before them.

use crate::model::Decision;

/// Something that holds the decision of one leg.
pub(super) trait HasDecision {
    /// Returns the decision of the leg.
    fn decision(&self) -> Decision;
}

/// Takes legs in the order of the chain. Each that permits goes to `permitted`; the first that does
/// not is returned, and those after it are not taken. Returns nothing where all of them permit.
///
/// INVARIANT: this is the only way from outcomes of legs to a decision, whether they were evaluated
/// or found.
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
