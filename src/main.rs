//! The `behest` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    behest::cli::run()
}
