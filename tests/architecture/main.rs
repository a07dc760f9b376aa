//! The architecture, held: which folder may use which, which room of a folder may use which, how
//! long files and functions get, that a name says one thing, that an error has a type, and how much
//! tests weigh.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

mod errors;
mod folders;
mod names;
mod paths;
mod rooms;
mod sizes;
mod source;
mod weight;
