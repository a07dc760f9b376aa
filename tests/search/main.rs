//! Searches against the evaluation that they stand for.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

#[expect(dead_code, reason = "worlds make their own engines")]
#[path = "../support/engines.rs"]
mod engines;
#[path = "../support/values.rs"]
mod values;

mod agree;
mod cases;
mod narrow;
mod world;
