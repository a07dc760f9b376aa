//! Searches against the evaluation that they stand for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

#[path = "../support/dice.rs"]
mod dice;
#[expect(dead_code, reason = "worlds make their own engines")]
#[path = "../support/engines.rs"]
mod engines;
#[path = "../support/seed.rs"]
mod seed;
#[path = "../support/values.rs"]
mod values;

#[path = "../cache/lab/mod.rs"]
mod lab;

mod agree;
mod cases;
mod census;
mod narrow;
mod policies;
mod served;
mod stock;
mod walks;
mod wide;
mod words;
mod world;
