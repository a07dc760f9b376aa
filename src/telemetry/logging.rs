//! Starts logging, with lines of text for a person at a terminal and JSON for everything else.
//!
//! Lines go to standard error, so that standard output stays free for decision records. Characters
//! that could deceive the reader of a terminal are escaped ([`super::lines`]). A thread writes
//! them, for which nobody waits ([`super::log_queue`]).

use super::lines::LineForm;
use super::log_queue::{Log, LogLines};
use serde::Deserialize;
use std::io::{self, IsTerminal};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The log filter if none is set: the service's own lines, and warnings of its libraries.
pub const DEFAULT_FILTER: &str = "warn,behest=info";

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "enum Word")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is malformed.
    #[error(
        "`{filter}` is not a log filter: {problem}; write for example `info` or `warn,behest=debug`"
    )]
    Filter {
        /// The filter that was given.
        filter: String,
        /// The error in the filter.
        problem: String,
    },
    /// Another logger was already started in this process.
    #[error("logging has been started twice")]
    Twice,
    /// There is no standard error, or no thread.
    #[error("lines of the log cannot be written: {0}")]
    Lines(#[from] io::Error),
}

/// Starts logging for the whole process; `filter` has the form of `RUST_LOG`. Text has colours as
/// `colour` says, and without it on a terminal, unless `NO_COLOR` is set. What is returned is held
/// to the end: lines that wait are written when it is dropped.
pub fn start_logging(
    format: LogFormat,
    filter: &str,
    colour: Option<bool>,
) -> Result<Log, LoggingError> {
    let levels = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| LoggingError::Filter {
            filter: filter.to_owned(),
            problem: error.to_string(),
        })?;
    let terminal = io::stderr().is_terminal();
    let text = match format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let wanted = || terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colour = text && colour.unwrap_or_else(wanted);
    let form = if text {
        LineForm::Text { colour }
    } else {
        LineForm::Json
    };
    let log = Log::start()?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(LogLines::new(&log, form));
    let started = if text {
        builder
            .with_target(false)
            .with_ansi(colour)
            .finish()
            .try_init()
    } else {
        builder.json().flatten_event(true).finish().try_init()
    };
    started.map_err(|_| LoggingError::Twice)?;
    Ok(log)
}
