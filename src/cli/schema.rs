//! `behest schema`: prints the merged Cedar schema, for editors and the Cedar command line.

use super::args::BundleArgument;
use super::output::{fail, notice, print, with_line_end};
use super::validate;
use crate::model::Problem;
use std::path::Path;
use std::process::ExitCode;

/// Prints the schema, or writes it to a file.
pub(super) fn run(argument: &BundleArgument, write: Option<&Path>) -> ExitCode {
    let bundle = match validate::compile(&argument.source()) {
        Ok(bundle) => bundle,
        Err(code) => return code,
    };
    let text = with_line_end(bundle.schema_text());
    let Some(path) = write else {
        print(&text);
        return ExitCode::SUCCESS;
    };
    match std::fs::write(path, text) {
        Ok(()) => {
            notice(&format!("wrote the schema to {}\n", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => fail(
            Problem::new(format!("`{}` cannot be written: {error}", path.display()))
                .help("name a file in a directory that exists and that you may write to"),
        ),
    }
}
