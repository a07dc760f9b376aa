//! Relationship tuples beside policies. Not built yet: a bundle with a relation model or tuples is refused, so that
//! nobody takes a rule for granted that is not applied.
