//! Searches against the evaluation that they stand for.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

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
