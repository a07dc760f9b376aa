//! The whole service and its disk: killed in the middle of writes, out of room, and in front of a
//! file that is not its own.
//!
//! What the store promises by itself is tested in `store_crash.rs`, file by file and bit by bit.
//! Here the program is started as people start it, written to and asked through HTTP, and compared
//! with what the test remembers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what helpers of tests unwrap is part of the assertion"
)]

mod answers;
mod backup;
mod batch;
mod client;
#[cfg(target_os = "linux")]
mod full;
mod history;
mod killed;
mod refusals;
mod tuples;
