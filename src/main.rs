//! The `behest` program.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A decision makes some sixty small allocations and frees all of them at once.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    behest::cli::run()
}
