//! `behest lsp`: the language server, which an editor starts.

use super::output::fail;
use crate::lsp;
use crate::model::Problem;
use std::io;
use std::process::ExitCode;

/// Serves an editor on standard input and output.
pub(super) fn run() -> ExitCode {
    match lsp::serve(io::BufReader::new(io::stdin()), io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(
            Problem::new(error.to_string())
                .help("an editor starts this command: docs/editors.md says how to set one up"),
        ),
    }
}
