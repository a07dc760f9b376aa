//! `behest schema`: prints the merged Cedar schema, for editors and the Cedar command line, and the
//! JSON schemas of files that people write by hand.
//!
//! INVARIANT: a JSON schema names the keys that the program reads, no more and no fewer.
//! `tests/config/schemas.rs` compares them with what the program refuses.

use super::args::BundleArgument;
use super::chosen::ChosenBundle;
use super::output::{fail, notice, print, with_line_end};
use super::validate;
use crate::model::Problem;
use clap::ValueEnum;
use std::path::Path;
use std::process::ExitCode;

/// A kind of file that has a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EditorSchema {
    /// `*cases.yaml`
    Cases,
    /// `*tuples.yaml`
    Tuples,
    /// `policies/bundle.toml`
    Bundle,
    /// `behest.toml`, the settings of the service
    Behest,
}

impl EditorSchema {
    fn text(self) -> &'static str {
        match self {
            Self::Cases => include_str!("../../editors/schemas/cases.schema.json"),
            Self::Tuples => include_str!("../../editors/schemas/tuples.schema.json"),
            Self::Bundle => include_str!("../../editors/schemas/bundle.schema.json"),
            Self::Behest => include_str!("../../editors/schemas/behest.schema.json"),
        }
    }
}

/// Prints a schema, or writes it to a file.
pub(super) fn run(
    argument: &BundleArgument,
    json_schema: Option<EditorSchema>,
    write: Option<&Path>,
) -> ExitCode {
    let text = match json_schema {
        Some(schema) => schema.text().to_owned(),
        None => match validate::compile(&ChosenBundle::announced(argument).source()) {
            Ok(bundle) => with_line_end(bundle.schema_text()),
            Err(code) => return code,
        },
    };
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
