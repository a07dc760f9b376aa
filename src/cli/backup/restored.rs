//! `behest restore`: a backup becomes a data directory.

use super::{describe, failure};
use crate::bundle::KEPT_BUNDLE_FILE;
use crate::cli::args::RestoreArguments;
use crate::cli::exit::CommandFailure;
use crate::cli::import::open_input;
use crate::cli::output::{fail, notice, timing};
use crate::storage::{BackupSummary, StoreLocation, restore};
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::time::Instant;

/// Template of the bar where the size of the backup is known.
const FILE: &str = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}, {eta} left";

/// Runs the restore. The last lines on standard error say what was restored.
pub(in crate::cli) fn run(arguments: &RestoreArguments) -> ExitCode {
    let begun = Instant::now();
    match bring_back(arguments) {
        Ok((summary, location)) => {
            notice(&format!(
                "restored {} into `{location}`; {}\n",
                describe(&summary),
                timing(summary.tuples, begun.elapsed())
            ));
            notice(
                "the signing key is in no backup: copy `signing-key.pem` from the old directory, \
                 or the service makes a new one\n",
            );
            ExitCode::SUCCESS
        }
        Err(failure) => fail(failure),
    }
}

fn bring_back(
    arguments: &RestoreArguments,
) -> Result<(BackupSummary, StoreLocation), CommandFailure> {
    let location = arguments.location()?;
    let (input, size) = open_input(&arguments.file)?;
    let bar = match (size, ProgressStyle::with_template(FILE)) {
        (Some(size), Ok(style)) => ProgressBar::new(size).with_style(style),
        _ => super::byte_bar(),
    };
    let restored = restore(
        &location,
        bar.wrap_read(input),
        &[KEPT_BUNDLE_FILE],
        &mut |_| (),
    );
    bar.finish_and_clear();
    let summary = restored.map_err(|error| failure(&error))?;
    Ok((summary, location))
}
