//! `behest import`: imports a file of tuples into a data directory, or into a running service.
//!
//! **Problem.** A file has more tuples than fit into memory, one of its lines is wrong, and the
//! machine crashes in the middle. Afterwards somebody must know what was imported, and continue.
//! **Decision.** The file is read entry by entry and written in batches, each of which is atomic,
//! and durable before the next. Only the store says what was written, rather than a separate file:
//! a second run skips the tuples that are there, so the same command continues after any
//! interruption, also from standard input. A batch that is refused is halved until the wrong line
//! is found.
//! **Trade-off.** The second run reads and looks up what the first one had written; and a tuple
//! that was deleted between the two is written again, as the file says.
//!
//! INVARIANT: if an import stops at a line, everything before the line has been imported, and
//! nothing after it.

mod data;
mod progress;
mod url;
mod work;

pub(super) use data::locked;

use super::args::{ImportArguments, TupleLocation};
use super::exit::CommandFailure;
use super::output::{Paint, fail, format_count, notice, print, timing};
use super::tuples::{ReadMeter, TupleFormat, TupleSource, WrongEntry};
use crate::model::{Problem, Tuple};
use crate::storage::{OnDuplicate, OnMissing, TupleBatch};
use crate::stores::StoresError;
use progress::ImportProgress;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use work::{ImportRun, ImportTally};

/// What to do with each tuple of the file.
#[derive(Clone, Copy, Debug)]
enum ImportMode {
    Write(OnDuplicate),
    Delete(OnMissing),
}

impl ImportMode {
    fn of(arguments: &ImportArguments) -> Self {
        if arguments.delete {
            Self::Delete(arguments.on_missing.into())
        } else {
            Self::Write(arguments.on_duplicate.into())
        }
    }

    /// Whether a tuple that already is as it should become is skipped.
    fn skips(self) -> bool {
        match self {
            Self::Write(OnDuplicate::Ignore | OnDuplicate::Replace)
            | Self::Delete(OnMissing::Ignore) => true,
            Self::Write(OnDuplicate::Error) | Self::Delete(OnMissing::Error) => false,
        }
    }

    /// Returns how many tuples of the file were changed. A replaced tuple was deleted as well as
    /// written, and counts once.
    fn changed(self, written: u64, deleted: u64) -> u64 {
        match self {
            Self::Write(_) => written,
            Self::Delete(_) => deleted,
        }
    }
}

/// The store that tuples are written to.
trait ImportTarget {
    /// Refuses a tuple that cannot be written, if that is known before writing.
    fn check(&self, tuple: &Tuple) -> Result<(), StoresError>;

    /// Writes all tuples or none, and makes them durable before it returns. No key may occur twice.
    fn write(&mut self, tuples: &[&Tuple]) -> Result<BatchResult, BatchRefusal>;
}

/// The result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BatchResult {
    /// How many tuples were changed.
    changed: u64,
    /// The revision of the write; `None` if nothing was written.
    revision: Option<u64>,
}

/// Why a batch was not written.
#[derive(Debug)]
enum BatchRefusal {
    /// One of the tuples is wrong: each alone would be written, or refused with its own message.
    Tuples(String),
    /// Nothing can be written now.
    Stop(CommandFailure),
}

/// Runs the import. Problems are printed as they occur.
pub(super) fn run(arguments: &ImportArguments) -> ExitCode {
    import(arguments).unwrap_or_else(|code| code)
}

/// Runs the import. If it returns `Err`, the problems are already printed.
fn import(arguments: &ImportArguments) -> Result<ExitCode, ExitCode> {
    let place = arguments.place.chosen(&arguments.bundle).map_err(fail)?;
    let batch = batch(arguments, &place)?;
    let format = format(arguments)?;
    let (source, size) = open_input(&arguments.file).map_err(fail)?;
    let doing = ImportMode::of(arguments);
    let mut target = match &place {
        TupleLocation::Data(location) => data::open(location, arguments, doing)?,
        TupleLocation::Service(service) => url::open(service, arguments, doing).map_err(fail)?,
    };
    let name = name_of(&arguments.file);
    let meter = ReadMeter::default();
    let entries = format.read(TupleSource::new(source, &meter));
    let progress = ImportProgress::new(size, meter);
    let begun = Instant::now();
    let work = ImportRun {
        target: target.as_mut(),
        batch,
        skips: doing.skips(),
        same_keys: arguments.delete,
        max_wrong: arguments.max_errors,
        tell: &mut |wrong| progress.print_above(|| tell(&name, wrong)),
        step: &|taken| progress.set(taken),
    };
    let (tally, outcome) = work.run(entries);
    progress.end();
    let timing = timing(tally.taken(), begun.elapsed());
    print(&summary(
        &tally,
        doing,
        arguments.dry_run,
        outcome.is_ok(),
        Paint::for_results(),
        &timing,
    ));
    outcome.map_err(|failure| fail(failure.map(|problem| resumable(problem, doing))))?;
    Ok(if tally.wrong > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn batch(arguments: &ImportArguments, place: &TupleLocation) -> Result<usize, ExitCode> {
    let most = match place {
        TupleLocation::Service(_) => url::MAX_BATCH,
        TupleLocation::Data(_) => usize::MAX,
    };
    let Some(asked) = arguments.batch else {
        return Ok(most.min(TupleBatch::IMPORT_TUPLES));
    };
    let asked = usize::try_from(asked).unwrap_or(usize::MAX);
    if asked > most {
        let problem = Problem::new(format!("a service takes at most {most} tuples at once"));
        return Err(usage(problem.help(
            "leave `--batch` out, or stop the service and import with `--data`",
        )));
    }
    Ok(asked)
}

fn format(arguments: &ImportArguments) -> Result<TupleFormat, ExitCode> {
    let told = match arguments.format {
        Some(format) => Ok(format),
        None if is_input(&arguments.file) => {
            Err(Problem::new("nothing tells the format of standard input")
                .help("say `--format jsonl`, `yaml` or `csv`"))
        }
        None => TupleFormat::of_name(&arguments.file),
    };
    told.map_err(usage)
}

fn usage(problem: Problem) -> ExitCode {
    fail(CommandFailure::usage(problem))
}

/// Opens a file, or standard input for `-`. Returns its size, if it has one.
pub(super) fn open_input(file: &Path) -> Result<(Box<dyn Read>, Option<u64>), Problem> {
    if is_input(file) {
        return Ok((Box::new(std::io::stdin().lock()), None));
    }
    let opened = File::open(file).and_then(|file| {
        let metadata = file.metadata()?;
        // A pipe has no meaningful size.
        Ok((file, metadata.is_file().then_some(metadata.len())))
    });
    let (file, size) = opened.map_err(|error| {
        Problem::new(format!("`{}` cannot be read: {error}", file.display()))
            .help("name a file, or `-`")
    })?;
    Ok((Box::new(file), size))
}

fn is_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn name_of(file: &Path) -> String {
    if is_input(file) {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    }
}

fn tell(name: &str, wrong: &WrongEntry) {
    let label = Paint::for_errors().bad("error:");
    notice(&format!(
        "{label} {name}:{}: {}\n",
        wrong.line, wrong.message
    ));
}

fn resumable(problem: Problem, doing: ImportMode) -> Problem {
    let help = match doing {
        _ if doing.skips() => "the same command goes on where this one stopped",
        ImportMode::Write(_) => {
            "the same command without `--on-duplicate error` goes on where this one stopped"
        }
        ImportMode::Delete(_) => {
            "the same command without `--on-missing error` goes on where this one stopped"
        }
    };
    let help = problem
        .help
        .as_ref()
        .map_or_else(|| help.to_owned(), |own| format!("{own}; then {help}"));
    problem.help(help)
}

/// Returns a summary of the import. `is_whole` says whether the end of the file was reached.
fn summary(
    tally: &ImportTally,
    doing: ImportMode,
    is_dry: bool,
    is_whole: bool,
    paint: Paint,
    timing: &str,
) -> String {
    let label = if tally.wrong == 0 && is_whole {
        paint.good("ok:")
    } else {
        paint.bad("not all:")
    };
    let tuples = |number| format_count(number, "tuple", "tuples");
    let (done, one_not, more_not) = match doing {
        ImportMode::Write(_) => ("imported", "was there already", "were there already"),
        ImportMode::Delete(_) => ("deleted", "was not there", "were not there"),
    };
    let mut parts = vec![if is_dry {
        format!(
            "{label} {} could be {done}, nothing was written",
            tuples(tally.taken())
        )
    } else {
        format!("{label} {done} {}", tuples(tally.changed))
    }];
    if tally.skipped > 0 && !is_dry {
        parts.push(format_count(tally.skipped, one_not, more_not));
    }
    if tally.wrong > 0 {
        parts.push(format_count(
            tally.wrong,
            "line was wrong",
            "lines were wrong",
        ));
    }
    parts.extend(
        tally
            .stopped_at
            .map(|line| format!("stopped at line {line}")),
    );
    parts.extend(
        tally
            .revision
            .map(|revision| format!("revision {revision}")),
    );
    format!("{}; {timing}\n", parts.join(", "))
}
