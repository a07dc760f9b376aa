//! The service under more than it can do, among clients that are slow on purpose, and asked for
//! more memory than it has.
//!
//! What is held is a ratio between phases of one run, or a bound on memory; no absolute time.
//! `BEHEST_SOAK_SECONDS` (4 for each test unless set) is how long a test goes on.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what helpers of tests unwrap is part of the assertion"
)]

mod client;
mod host;
mod memory;
mod overload;
mod slow;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

fn seconds() -> u64 {
    std::env::var("BEHEST_SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(4)
}

/// One test at a time: each measures what the machine does for its service.
static MACHINE: Mutex<()> = Mutex::new(());

/// Has the machine alone.
fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a test goes on.
fn time() -> Duration {
    Duration::from_secs(seconds())
}
