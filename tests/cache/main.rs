//! The cache of legs against an engine without one, and the order in which writers and readers
//! meet.
//!
//! `tests/mutants/` holds ways to break it, each of which one of these tests must notice; `run`
//! there shows that they do.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod history;
mod keys;
mod orders;
mod pair;
mod protocol;
mod questions;
mod rows;
mod threads;
mod walks;
mod words;
mod world;
