//! Relationship tuples beside policies: the model language, the conditions that tuples can carry, and the engine.

pub mod condition;
pub mod graph;
pub mod model;
