//! Decisions and the bundles that they are made from, without the service around them.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

#[path = "../support/cases.rs"]
mod cases;
#[path = "../support/dice.rs"]
mod dice;
#[path = "../support/engines.rs"]
mod engines;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/seed.rs"]
mod seed;
#[path = "../support/spellings.rs"]
mod spellings;
#[path = "../support/values.rs"]
mod values;
#[path = "../support/worlds.rs"]
mod worlds;

mod bundle;
mod chains;
mod conflicts;
mod decide;
mod examples;
mod fitting;
mod idle;
mod matrix;
mod packs;
mod properties;
mod relations;
mod reload;
mod secrets;
mod strays;
