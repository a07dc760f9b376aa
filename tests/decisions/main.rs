//! Decisions and the bundles that they are made from, without the service around them.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

mod bundle;
mod carriers_as_data;
mod chains;
mod conflicts;
mod decide;
mod examples;
mod fitting;
mod generated;
mod idle;
mod impossible;
mod matrix;
mod misspelt;
mod packs;
mod properties;
mod relations;
mod reload;
mod rounding;
mod rounding_generated;
mod secrets;
mod strays;
