//! The arguments of `behest import` and `behest export`.

use super::{BundleArgument, ServiceArguments};
use crate::cli::exit::CommandFailure;
use crate::cli::service::NamedService;
use crate::cli::tuples::TupleFormat;
use crate::model::Problem;
use crate::storage::{OnDuplicate, OnMissing, ParseIdError, StoreId, StoreLocation};
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, ValueEnum};
use std::path::PathBuf;

pub(super) const IMPORT_EXAMPLES: &str = "\
Each batch is written whole or not at all, and is durable before the next one begins. \
An import that was interrupted
goes on with the same command: what is there already is skipped, \
unless `--on-duplicate error` (or, with `--delete`,
`--on-missing error`) says otherwise. A tuple that somebody deleted in between is written again.

Where lines are wrong, the import stops at the first of them, \
or after as many as `--max-errors` allows: what stands
before is done, and nothing of what comes behind. Each is told as FILE:LINE.

Exit codes: 0 every line was taken; 1 one was not, or the import could not go on; 2 wrong usage; \
4 the bundle is
broken; 5 the service does not answer.

Formats:
  jsonl  {\"user\": \"user:alice\", \"relation\": \"viewer\", \"object\": \"document:plan\"}   \
on each line; and
         \"condition\": {\"name\": \"until\", \"context\": {\"end\": \"2027-01-01T00:00:00Z\"}}
  yaml   a list of the same
  csv    with a header of \
user_type,user_id,user_relation,relation,object_type,object_id,condition_name,condition_context

Examples:
  behest import tuples.csv --data /var/lib/behest --bundle ./policies-repo
  BEHEST_KEY=… behest import tuples.jsonl --url http://127.0.0.1:8181
  zcat tuples.jsonl.gz | behest import - --format jsonl --data /var/lib/behest --max-errors 100
  BEHEST_KEY=… behest import grants.jsonl --on-duplicate replace --url http://127.0.0.1:8181
  BEHEST_KEY=… behest import gone.yaml --delete --url http://127.0.0.1:8181";

pub(super) const EXPORT_EXAMPLES: &str = "\
All tuples are of one revision, also where others write meanwhile. \
`behest import` reads what is written here.

Examples:
  behest export --data /var/lib/behest --output tuples.jsonl
  BEHEST_KEY=… behest export --url http://127.0.0.1:8181 \
--type document --format csv > documents.csv

Exit codes: 0 all was written; 1 not all, or nothing; 2 wrong usage; 4 the bundle is broken; \
5 the service
does not answer.";

/// Where tuples are kept: one of the two.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").args(["data", "url"]))]
pub(in crate::cli) struct PlaceArguments {
    /// A data directory that no service has open: DIR, or BACKEND:DIR as the service takes it
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    data: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) service: ServiceArguments,
    /// The store: `main`, which decisions read, or the id of another
    #[arg(long, value_name = "ID", default_value = "main", value_parser = store_id)]
    pub(in crate::cli) store: StoreId,
}

impl PlaceArguments {
    /// Returns the place that is named, by flags or by `BEHEST_URL`. A bundle belongs to a data
    /// directory, so the variable does not count beside it.
    pub(in crate::cli) fn chosen(
        &self,
        bundle: &BundleArgument,
    ) -> Result<TupleLocation, CommandFailure> {
        TupleLocation::chosen(self.data.as_deref(), &self.service, bundle.is_given())
    }
}

impl TupleLocation {
    /// Returns the place that `--data` or `--url` names, or `BEHEST_URL`, which does not count
    /// beside a directory or a bundle.
    pub(super) fn chosen(
        data: Option<&str>,
        service: &ServiceArguments,
        has_bundle: bool,
    ) -> Result<Self, CommandFailure> {
        let service = service.chosen(data.is_some() || has_bundle)?;
        let data = location(data).map_err(CommandFailure::usage)?;
        match (data, service) {
            (Some(location), _) => Ok(Self::Data(location)),
            (None, Some(service)) => Ok(Self::Service(service)),
            (None, None) => Err(CommandFailure::usage(
                Problem::new("nothing says where the tuples are kept")
                    .help("name `--data DIR` or `--url URL`, or set `BEHEST_URL`"),
            )),
        }
    }
}

/// Returns the location of the data directory that `--data` names. It is parsed here and not by the
/// parser, whose error would repeat an address with its password.
pub(super) fn location(data: Option<&str>) -> Result<Option<StoreLocation>, Problem> {
    let Some(text) = data else {
        return Ok(None);
    };
    let location: StoreLocation = text.parse().map_err(|problem: Problem| Problem {
        message: format!("`--data`: {}", problem.message),
        ..problem
    })?;
    if location.dir().is_none() {
        let told = format!("`--data`: `{location}` keeps nothing beyond one command");
        let help = format!("name a data directory; one of this name is written `./{location}`");
        return Err(Problem::new(told).help(help));
    }
    Ok(Some(location))
}

/// The place that an import or an export is about.
#[derive(Debug)]
pub(in crate::cli) enum TupleLocation {
    /// A data directory.
    Data(StoreLocation),
    /// A running service.
    Service(NamedService),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("decider").args(["bundle", "url"]))]
pub(in crate::cli) struct ImportArguments {
    /// A file of tuples, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// The file's format; without it, its ending tells: .jsonl, .yaml, .csv
    #[arg(long)]
    pub(in crate::cli) format: Option<TupleFormat>,
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArguments,
    #[command(flatten)]
    pub(in crate::cli) bundle: BundleArgument,
    /// What to do with a tuple that exists. One that exists with another condition is wrong, unless
    /// it is to be replaced
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value = "ignore",
        conflicts_with = "delete"
    )]
    pub(in crate::cli) on_duplicate: Duplicate,
    /// Delete the tuples of the file, whatever their conditions
    #[arg(long)]
    pub(in crate::cli) delete: bool,
    /// With `--delete`: what to do with a tuple that does not exist
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value = "ignore",
        requires = "delete"
    )]
    pub(in crate::cli) on_missing: Exception,
    /// Tuples that are written at once, all or none [default and most: 10000 and 50000 with
    /// `--data`, 100 with `--url`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_BATCH))]
    pub(in crate::cli) batch: Option<u32>,
    /// How many lines may be wrong: each is told and left out
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in crate::cli) max_errors: u64,
    /// Read and check every line, and write nothing. What is stored is not compared
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

/// Maximum number of tuples in one batch. One entry of the log holds all of them, and a reader of
/// the log holds an entry in memory.
const MAX_BATCH: i64 = 50_000;

/// What to do with a tuple that is as it should become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Exception {
    /// Skip it
    Ignore,
    /// It is wrong
    Error,
}

/// What to do with a tuple that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Duplicate {
    /// Skip it where its condition is equal
    Ignore,
    /// Skip it where its condition is equal, else put the file's in its place
    Replace,
    /// It is wrong
    Error,
}

impl From<Duplicate> for OnDuplicate {
    fn from(what: Duplicate) -> Self {
        match what {
            Duplicate::Ignore => Self::Ignore,
            Duplicate::Replace => Self::Replace,
            Duplicate::Error => Self::Error,
        }
    }
}

impl From<Exception> for OnMissing {
    fn from(what: Exception) -> Self {
        match what {
            Exception::Ignore => Self::Ignore,
            Exception::Error => Self::Error,
        }
    }
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("decider").args(["bundle", "url"]))]
pub(in crate::cli) struct ExportArguments {
    #[command(flatten)]
    pub(in crate::cli) place: PlaceArguments,
    /// The file to write, which is there once it is complete; `-` for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(in crate::cli) output: PathBuf,
    /// The format; without it, the ending of the file tells, and it is JSON lines on standard
    /// output
    #[arg(long)]
    pub(in crate::cli) format: Option<TupleFormat>,
    /// Only tuples on objects of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(in crate::cli) kind: Option<String>,
    /// Only tuples on this object, as TYPE:ID
    #[arg(long)]
    pub(in crate::cli) object: Option<String>,
    /// Only tuples of this relation
    #[arg(long)]
    pub(in crate::cli) relation: Option<String>,
    /// Only tuples of exactly this user
    #[arg(long)]
    pub(in crate::cli) user: Option<String>,
    /// The tuples of the bundle too, which stand in its files and cannot be imported into `main`
    #[arg(long)]
    pub(in crate::cli) with_bundle: bool,
    #[command(flatten)]
    pub(in crate::cli) bundle: BundleArgument,
}

/// The error for text that is neither `main` nor an id.
#[derive(Debug, thiserror::Error)]
#[error("{0}; or it is `main`")]
struct WrongStore(ParseIdError);

fn store_id(text: &str) -> Result<StoreId, WrongStore> {
    match text {
        "main" => Ok(StoreId::MAIN),
        _ => text.parse().map_err(WrongStore),
    }
}
