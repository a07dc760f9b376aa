//! `behest backup` and `behest restore`: everything that a data directory or a running service
//! keeps, as one file, and its way back.
//!
//! **Problem.** A backup is needed on the worst day, and then it must not turn out to be half of
//! one, or to mix two points in time.
//! **Decision.** What is written is checked while it is written, as a restore would check it, and
//! the file gets its name only when it is whole. A restore opens the directory for a service only
//! when all of it is there.
//! **Trade-off.** The key that signs the metadata is in no backup: whoever may read relations may
//! not sign for the service. It is copied by hand, or a new one is made.

mod restored;

pub(super) use restored::run as run_restore;

use super::args::{BackupArguments, TupleLocation};
use super::exit::CommandFailure;
use super::import::locked;
use super::output::{fail, format_count, notice, timing};
use super::output_file::into_file;
use super::service::{NamedService, Service};
use crate::bundle::{BundleKeeper, KEPT_BUNDLE_FILE};
use crate::model::Problem;
use crate::storage::{
    BackupError, BackupFile, BackupReader, BackupSummary, StoreLocation, TupleStore,
};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait for the beginning of a service's answer: a bundle may just be loading.
const PATIENCE: Duration = Duration::from_mins(1);

/// Template of the bar where the size is not known.
const PIPE: &str = "{spinner} {bytes}, {bytes_per_sec}";

/// Runs the backup. The last line on standard error says what was written.
pub(super) fn run(arguments: &BackupArguments) -> ExitCode {
    let begun = Instant::now();
    match back_up(arguments) {
        Ok(summary) => {
            notice(&format!(
                "backed up {}; {}\n",
                describe(&summary),
                timing(summary.tuples, begun.elapsed())
            ));
            ExitCode::SUCCESS
        }
        Err(failure) => fail(failure),
    }
}

fn back_up(arguments: &BackupArguments) -> Result<BackupSummary, CommandFailure> {
    // Everything that can be refused is checked first, so that no file is begun in vain.
    match arguments.place()? {
        TupleLocation::Data(location) => {
            let store = open(&location)?;
            let files = kept_files(&location)?;
            let snapshot = store
                .snapshot()
                .map_err(|error| Problem::new(error.to_string()))?;
            into_file(&arguments.file, |out| {
                let bar = byte_bar();
                snapshot
                    .write(&files, &mut bar.wrap_write(out))
                    .map_err(|error| failure(&error))
            })
        }
        TupleLocation::Service(service) => {
            let body = ask(&service)?;
            into_file(&arguments.file, |out| {
                let bar = byte_bar();
                copy(bar.wrap_read(body), out)
            })
        }
    }
}

/// Returns what a backup holds, for a person.
fn describe(summary: &BackupSummary) -> String {
    let tuples = format_count(summary.tuples, "tuple", "tuples");
    format!("{tuples} of revision {}", summary.header.revision)
}

/// Opens a data directory that holds a store.
pub(super) fn open(location: &StoreLocation) -> Result<Arc<dyn TupleStore>, Problem> {
    if location.found().is_none() {
        let told = format!("there is no data directory with relations at `{location}`");
        return Err(
            Problem::new(told).help("`--data` takes the directory that a service was started with")
        );
    }
    location.open().map_err(|error| locked(&error))
}

/// Returns the files beside the store that a backup holds.
fn kept_files(location: &StoreLocation) -> Result<Vec<BackupFile>, Problem> {
    let Some(dir) = location.dir() else {
        return Ok(Vec::new());
    };
    let bytes = BundleKeeper::new(dir).bytes()?;
    let file = bytes.map(|bytes| BackupFile {
        name: KEPT_BUNDLE_FILE,
        bytes,
    });
    Ok(file.into_iter().collect())
}

fn ask(target: &NamedService) -> Result<impl Read + use<>, CommandFailure> {
    let service = Service::at(target, PATIENCE)?;
    let needs = "the permission `backup`";
    let (body, _) = service.stream("/admin/v1/backup", &[], ("behest-revision", needs))?;
    Ok(body)
}

/// Copies a backup, and checks it on the way as a restore does.
fn copy(body: impl Read, out: &mut dyn Write) -> Result<BackupSummary, CommandFailure> {
    let mut failed = None;
    let copied = BackupReader::open(TeeReader {
        input: body,
        out: &mut *out,
        failed: &mut failed,
    })
    .and_then(|reader| reader.verify(&mut |_| ()));
    if let Some(error) = failed {
        return Err(failure(&BackupError::Io {
            doing: "written",
            error,
        }));
    }
    let summary = copied.map_err(|error| broke_off(&error))?;
    out.flush().map_err(|error| {
        failure(&BackupError::Io {
            doing: "written",
            error,
        })
    })?;
    Ok(summary)
}

fn broke_off(error: &BackupError) -> CommandFailure {
    Problem::new(format!("the backup broke off: {error}"))
        .help("see the service's log, and run the command again: nothing was kept of this one")
        .into()
}

fn failure(error: &BackupError) -> CommandFailure {
    Problem::new(error.to_string()).into()
}

/// Shows a person at a terminal how many bytes there were.
pub(super) fn byte_bar() -> ProgressBar {
    let bar = ProgressBar::no_length().with_finish(ProgressFinish::AndClear);
    match ProgressStyle::with_template(PIPE) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Writes what is read through it.
struct TeeReader<'a, R> {
    input: R,
    out: &'a mut dyn Write,
    /// The error that ended it, if it was one of writing.
    failed: &'a mut Option<io::Error>,
}

impl<R: Read> Read for TeeReader<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes)?;
        let taken = bytes.get(..read).unwrap_or_default();
        self.out.write_all(taken).map_err(|error| {
            let kind = error.kind();
            *self.failed = Some(error);
            io::Error::from(kind)
        })?;
        Ok(read)
    }
}
