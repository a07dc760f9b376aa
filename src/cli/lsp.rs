//! `behest lsp`: the language server, which an editor starts.

use super::output::{fail, notice};
use crate::lsp;
use crate::model::Problem;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

/// Serves an editor on standard input and output.
pub(super) fn run() -> ExitCode {
    if io::stdin().is_terminal() {
        notice(
            "this speaks to an editor, and waits for one: docs/editors.md says how to set it up, \
             and CTRL-D ends it\n",
        );
    }
    match lsp::serve(io::BufReader::new(io::stdin()), io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(
            Problem::new(error.to_string())
                .help("an editor starts this command: docs/editors.md says how to set one up"),
        ),
    }
}
