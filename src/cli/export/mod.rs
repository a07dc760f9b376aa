//! `behest export`: the tuples of a store, from a data directory or from a running service.
//!
//! **Problem.** A copy of relations that mixes two points in time can hold a grant without the
//! suspension that belongs to it, and a copy that ends early looks complete.
//! **Decision.** All tuples are of one revision: a data directory is read while no other process
//! has it open, and a service answers from a version that it pins. An output file gets its name
//! only when it is complete; an answer of a service is complete if its body ends without an error.
//! **Trade-off.** A service allows few exports at the same time, because each pins a version.

use super::args::{ExportArguments, TupleLocation};
use super::exit::CommandFailure;
use super::import::locked;
use super::output::{fail, format_count, notice, timing};
use super::output_file::{into_file, is_output};
use super::service::{NamedService, Service};
use super::tuples::{ReadMeter, TupleFormat, TupleSource, WriteTuples};
use super::validate;
use crate::clock::SystemClock;
use crate::model::{Problem, Tuple, TupleTextError, check_relation, check_type};
use crate::storage::{StoreId, StoreLocation};
use crate::stores::{DirectStore, StoresError, TupleSelection};
use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait for the beginning of a service's answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the export. The last line on standard error says what was written.
pub(super) fn run(arguments: &ExportArguments) -> ExitCode {
    let begun = Instant::now();
    match export(arguments) {
        Ok((written, revision)) => {
            let (tuples, timing) = (
                format_count(written, "tuple", "tuples"),
                timing(written, begun.elapsed()),
            );
            notice(&format!(
                "exported {tuples} of revision {revision}; {timing}\n"
            ));
            ExitCode::SUCCESS
        }
        Err(ExportStop::Failure(failure)) => fail(failure),
        Err(ExportStop::Told(code)) => code,
    }
}

/// Why an export ends early.
enum ExportStop {
    Failure(CommandFailure),
    /// The problem is already printed.
    Told(ExitCode),
}

impl From<Problem> for ExportStop {
    fn from(problem: Problem) -> Self {
        Self::Failure(problem.into())
    }
}

impl From<CommandFailure> for ExportStop {
    fn from(failure: CommandFailure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StoresError> for ExportStop {
    fn from(error: StoresError) -> Self {
        Problem::new(error.to_string()).into()
    }
}

impl From<io::Error> for ExportStop {
    fn from(error: io::Error) -> Self {
        Problem::new(format!("the tuples cannot be written: {error}")).into()
    }
}

fn export(arguments: &ExportArguments) -> Result<(u64, String), ExportStop> {
    let wanted = selection(arguments)?;
    let format = match arguments.format {
        Some(format) => format,
        None if is_output(&arguments.output) => TupleFormat::Jsonl,
        None => TupleFormat::of_name(&arguments.output)?,
    };
    // Everything that can be refused is checked first, so that no file is begun in vain.
    match arguments.place.chosen(&arguments.bundle)? {
        TupleLocation::Data(location) => {
            let from = DirectoryExport::open(&location, arguments)?;
            into_file(&arguments.output, |out| {
                from.write(&wanted, format.write(out).as_mut())
            })
        }
        TupleLocation::Service(service) => {
            let (body, revision) = ask(&service, arguments)?;
            into_file(&arguments.output, |out| {
                Ok((copy(body, format.write(out).as_mut())?, revision))
            })
        }
    }
}

fn selection(arguments: &ExportArguments) -> Result<TupleSelection, Problem> {
    let refuse = |error: TupleTextError| Problem::new(error.to_string());
    if let Some(kind) = &arguments.kind {
        check_type(kind).map_err(refuse)?;
    }
    if let Some(relation) = &arguments.relation {
        check_relation(relation).map_err(refuse)?;
    }
    Ok(TupleSelection {
        kind: arguments.kind.as_deref().map(Into::into),
        object: arguments
            .object
            .as_ref()
            .map(|text| text.parse())
            .transpose()
            .map_err(refuse)?,
        relation: arguments.relation.as_deref().map(Into::into),
        user: arguments
            .user
            .as_ref()
            .map(|text| text.parse())
            .transpose()
            .map_err(refuse)?,
    })
}

/// A data directory, with the bundle's tuples if they are wanted.
struct DirectoryExport {
    store: DirectStore,
    bundled: Vec<Tuple>,
}

impl DirectoryExport {
    fn open(location: &StoreLocation, arguments: &ExportArguments) -> Result<Self, ExportStop> {
        if location.found().is_none() {
            let told = format!("there is no data directory with relations at `{location}`");
            return Err(Problem::new(told)
                .help("`--data` takes the directory that a service was started with")
                .into());
        }
        let store = location.open().map_err(|error| locked(&error))?;
        let id = arguments.place.store;
        let mut bundled = Vec::new();
        if arguments.with_bundle && id == StoreId::MAIN {
            let bundle =
                validate::compile(&arguments.bundle.named_source()).map_err(ExportStop::Told)?;
            bundled.extend_from_slice(bundle.tuples());
        }
        Ok(Self {
            store: DirectStore::open(store, Arc::new(SystemClock), id)?,
            bundled,
        })
    }

    fn write(
        &self,
        wanted: &TupleSelection,
        out: &mut dyn WriteTuples,
    ) -> Result<(u64, String), ExportStop> {
        let mut count = 0;
        let mut visit = |tuple: &Tuple| {
            count += 1;
            out.tuple(tuple).map_err(ExportStop::from)
        };
        self.bundled
            .iter()
            .filter(|tuple| wanted.holds(&tuple.key))
            .try_for_each(&mut visit)?;
        self.store.each(wanted, visit)?;
        out.end()?;
        Ok((count, self.store.revision()?.to_string()))
    }
}

/// Requests the tuples of a service; returns the lines and their revision.
fn ask(
    target: &NamedService,
    arguments: &ExportArguments,
) -> Result<(impl Read + use<>, String), CommandFailure> {
    let service = Service::at(target, PATIENCE)?;
    let given = [
        ("type", &arguments.kind),
        ("object", &arguments.object),
        ("relation", &arguments.relation),
        ("user", &arguments.user),
    ];
    let mut query: Vec<(&str, &str)> = given
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_deref()?)))
        .collect();
    if arguments.with_bundle {
        query.push(("bundle", "true"));
    }
    let path = format!("/stores/{}/export-tuples", arguments.place.store);
    let (body, revision) = service.stream(
        &path,
        &query,
        ("behest-revision", "the permission `relations.read`"),
    )?;
    Ok((body, revision.unwrap_or_else(|| "unknown".to_owned())))
}

/// Copies the tuples that a service sends; fails if the body breaks off.
fn copy(body: impl Read, out: &mut dyn WriteTuples) -> Result<u64, ExportStop> {
    let mut count = 0;
    for read in TupleFormat::Jsonl.read(TupleSource::new(body, &ReadMeter::default())) {
        let entry = read.map_err(|wrong| {
            Problem::new(format!(
                "the export broke off at tuple {}: {}",
                wrong.line, wrong.message
            ))
            .help("see the service's log, and run the command again")
        })?;
        out.tuple(&entry.tuple)?;
        count += 1;
    }
    out.end()?;
    Ok(count)
}
