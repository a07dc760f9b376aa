//! The relation engine against a naive evaluator of the same definitions.
//!
//! Worlds are generated from seeds: a model with every kind of rewrite, tuples that it allows and
//! tuples that it does not, conditions that hold, do not hold and cannot be answered, spread over
//! the bundle's layer, the stored one and the request. In each the engine must say what the oracle
//! says, errors included.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod agree;
mod answers;
mod conditions;
mod costs;
mod lists;
mod models;
mod oracle;
mod scene;
mod store;
mod wide;
mod world;
