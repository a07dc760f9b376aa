//! The arguments of `behest backup` and `behest restore`.

use super::bulk::{TupleLocation, location};
use super::service::ServiceArguments;
use crate::cli::exit::CommandFailure;
use crate::model::Problem;
use crate::storage::StoreLocation;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use std::path::PathBuf;

pub(super) const BACKUP_HELP: &str = "\
A backup holds all stores with their models, tuples, assertions and changes, \
and the kept bundle, at one revision,
also where others write meanwhile. It does not hold the signing key. \
A file is there once it is whole.

Examples:
  BEHEST_KEY=… behest backup behest.backup --url https://pdp.example
  behest backup - --data /var/lib/behest | zstd > behest.backup.zst

Exit codes: 0 all was written; 1 not all, or nothing; 2 wrong usage; \
5 the service does not answer.";

pub(super) const RESTORE_HELP: &str = "\
The directory must be empty or missing, and no service starts on it before all is there. \
Another backend may be named
than the backup was made from.

Examples:
  behest restore behest.backup --data /var/lib/behest
  zstd -dc behest.backup.zst | behest restore - --data /var/lib/behest

Exit codes: 0 all is restored; 1 it is not, and no service starts on the directory; 2 wrong usage.";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("backed-up").args(["data", "url"]))]
pub(in crate::cli) struct BackupArguments {
    /// The file to write, which is there once it is complete; `-` for standard output
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// A data directory that no service has open: DIR, or BACKEND:DIR as the service takes it
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    data: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
}

impl BackupArguments {
    /// Returns what is backed up.
    pub(in crate::cli) fn place(&self) -> Result<TupleLocation, CommandFailure> {
        TupleLocation::chosen(self.data.as_deref(), &self.service, false)
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArguments {
    /// A file that `behest backup` has written, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// The data directory to make: DIR, or BACKEND:DIR as the service takes it
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    data: String,
}

impl RestoreArguments {
    /// Returns the place of the data directory.
    pub(in crate::cli) fn location(&self) -> Result<StoreLocation, CommandFailure> {
        let named = location(Some(&self.data)).map_err(CommandFailure::usage)?;
        let unnamed = || CommandFailure::usage(Problem::new("`--data` names no directory"));
        named.ok_or_else(unnamed)
    }
}
