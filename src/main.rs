//! The `behest` program.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A decision makes some sixty small allocations and gives all of them back at once.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    behest::cli::run()
}
