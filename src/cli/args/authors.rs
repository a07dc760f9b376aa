//! The arguments of the commands for whoever writes policies: `behest test` and `behest validate`.

use super::BundlePlace;
use super::bulk::{TupleLocation, location};
use super::service::ServiceArguments;
use crate::bundle::Lint;
use crate::cli::exit::CommandFailure;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, ValueEnum};
use regex::Regex;
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Debug, Args)]
pub(in crate::cli) struct TestArguments {
    #[command(flatten)]
    pub(in crate::cli) bundle: BundlePlace,
    /// Run only cases whose file and name match this regular expression
    #[arg(long, value_name = "RE")]
    pub(in crate::cli) filter: Option<Regex>,
    /// The form of the results
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(in crate::cli) format: ReportFormat,
    /// Write the results to a file in that form, and show them as text
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Show which policies and which of their clauses no case reaches
    #[arg(long, conflicts_with = "filter")]
    pub(in crate::cli) coverage: bool,
    /// End with exit code 6 if fewer of the policies, or of the clauses, are reached
    #[arg(long, value_name = "PERCENT", conflicts_with = "filter")]
    pub(in crate::cli) min_coverage: Option<Percent>,
    #[command(flatten)]
    pub(in crate::cli) lints: LintArguments,
    /// Run them again at each change, until a signal ends it
    #[arg(long)]
    pub(in crate::cli) watch: bool,
}

/// What is to take a bundle.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("taker").args(["data", "url"]))]
pub(in crate::cli) struct TakerArguments {
    /// Also say whether the bundle would go live over this data directory, which no service has
    /// open: its cases are run, and the stored tuples are compared with it
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    data: Option<String>,
    #[command(flatten)]
    service: ServiceArguments,
}

impl TakerArguments {
    /// Returns the data directory or the service that is named; `None` if the bundle alone is
    /// looked at. The variable `BEHEST_URL` does not count: a service is asked for all of its
    /// tuples only where the command line says so.
    pub(in crate::cli) fn place(&self) -> Result<Option<TupleLocation>, CommandFailure> {
        let service = self.service.chosen(true)?;
        let data = location(self.data.as_deref()).map_err(CommandFailure::usage)?;
        Ok(match (data, service) {
            (Some(location), _) => Some(TupleLocation::Data(location)),
            (None, service) => service.map(TupleLocation::Service),
        })
    }
}

/// The form in which the results of cases are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// The XML of `JUnit`, which most CI systems show
    Junit,
    /// The Test Anything Protocol, version 14
    Tap,
    /// One JSON object, with coverage and lints
    Json,
    /// Text, and GitHub's annotations on the lines of cases
    Github,
}

/// A share between 0 and 100, in tenths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Percent {
    pub(in crate::cli) permille: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("it is a number between 0 and 100, such as `90` or `87.5`")]
pub(in crate::cli) struct NoPercent;

impl FromStr for Percent {
    type Err = NoPercent;

    fn from_str(text: &str) -> Result<Self, NoPercent> {
        let text = text.strip_suffix('%').unwrap_or(text);
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<usize>().ok()).flatten()
        };
        let tenth = digits(tenth).filter(|tenth| *tenth < 10);
        let permille = digits(whole)
            .and_then(|whole| whole.checked_mul(10))
            .zip(tenth)
            .map(|(whole, tenth)| whole.saturating_add(tenth));
        match permille {
            Some(permille @ ..=1_000) => Ok(Self { permille }),
            Some(_) | None => Err(NoPercent),
        }
    }
}

/// Which lints are refused, and which are silent.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct LintArguments {
    /// End with exit code 7 if this lint, or any for `all`, finds something; may be repeated
    #[arg(long, value_name = "LINT|all", value_delimiter = ',')]
    deny: Vec<LintSelection>,
    /// Do not report this lint, or none for `all`; it wins over `--deny all`
    #[arg(long, value_name = "LINT|all", value_delimiter = ',')]
    allow: Vec<LintSelection>,
}

/// What becomes of what a lint finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum LintLevel {
    Allow,
    Warn,
    Deny,
}

impl LintArguments {
    /// Returns what becomes of what a lint finds. One that is named wins over `all`.
    pub(in crate::cli) fn level(&self, lint: Lint) -> LintLevel {
        let only = LintSelection::Only(lint);
        if self.allow.contains(&only) {
            LintLevel::Allow
        } else if self.deny.contains(&only) {
            LintLevel::Deny
        } else if self.allow.contains(&LintSelection::All) {
            LintLevel::Allow
        } else if self.deny.contains(&LintSelection::All) {
            LintLevel::Deny
        } else {
            LintLevel::Warn
        }
    }

    /// Returns the lint that is named in `--deny` and in `--allow`, if one is.
    pub(in crate::cli) fn contradiction(&self) -> Option<Lint> {
        Lint::ALL.into_iter().find(|lint| {
            let only = LintSelection::Only(*lint);
            self.deny.contains(&only) && self.allow.contains(&only)
        })
    }

    /// Returns `true` if `--deny` names this lint.
    pub(in crate::cli) fn names(&self, lint: Lint) -> bool {
        self.deny.contains(&LintSelection::Only(lint))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LintSelection {
    All,
    Only(Lint),
}

#[derive(Debug, thiserror::Error)]
#[error("the lints are {}, or `all`", names())]
struct UnknownLint;

fn names() -> String {
    Lint::ALL
        .map(|lint| format!("`{}`", lint.name()))
        .join(", ")
}

impl FromStr for LintSelection {
    type Err = UnknownLint;

    fn from_str(text: &str) -> Result<Self, UnknownLint> {
        if text == "all" {
            return Ok(Self::All);
        }
        let mut all = Lint::ALL.into_iter();
        let found = all.find(|lint| lint.name() == text);
        found.map(Self::Only).ok_or(UnknownLint)
    }
}
