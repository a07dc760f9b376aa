//! Relationship tuples beside policies: the model language, and the conditions that tuples can carry.

pub mod condition;
pub mod model;
