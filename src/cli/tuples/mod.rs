//! Reads and writes files of tuples: JSON Lines, YAML and CSV.
//!
//! **Problem.** A file of tuples may be larger than memory, and one of its millions of lines may be
//! wrong. A person needs the number of that line, and a script must be able to continue after it.
//! **Decision.** A file is read entry by entry, each with its line. A wrong entry is one
//! [`WrongEntry`], and reading continues if the following entries can still be read. No entry is
//! larger than [`MAX_ENTRY_BYTES`], so a quote that is never closed does not consume the whole
//! file. Numbers keep their digits in all three formats.
//! **Trade-off.** YAML is read as a stream of events, without anchors, aliases and tags: what
//! aliases refer to need not fit into memory.
//!
//! INVARIANT: tuples that are written here are read back as the same tuples.

mod csv;
mod entry;
mod error;
mod json;
mod jsonl;
mod source;
mod yaml;

pub(super) use self::source::{ReadMeter, TupleSource};

use self::error::EntryError;
use crate::model::{Problem, Tuple};
use clap::ValueEnum;
use std::io::{self, Write};
use std::path::Path;

/// Maximum size of an entry in bytes: larger than any tuple with the largest context, however it is
/// written.
pub(super) const MAX_ENTRY_BYTES: usize = 1 << 20;

/// How tuples are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TupleFormat {
    /// A JSON object on each line: `{"user", "relation", "object", "condition"?: {"name",
    /// "context"?}}`
    Jsonl,
    /// A list of the same
    Yaml,
    /// With a header, in the columns of OpenFGA's command line
    Csv,
}

impl TupleFormat {
    /// Returns the format that a file's name indicates.
    pub(super) fn of_name(path: &Path) -> Result<Self, Problem> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let shown = path.display();
        match ending.as_deref() {
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some("csv") => Ok(Self::Csv),
            Some("json") => Err(Problem::new(format!(
                "`{shown}` is not a file of JSON lines by its ending"
            ))
            .help(
                "turn an array into lines with `jq -c '.[]'`; \
                 where it holds lines, say `--format jsonl`",
            )),
            _ => Err(
                Problem::new(format!("the ending of `{shown}` does not tell its format"))
                    .help("say `--format jsonl`, `yaml` or `csv`"),
            ),
        }
    }

    /// Reads the entries of a source.
    pub(super) fn read<'a>(
        self,
        source: TupleSource<'a>,
    ) -> Box<dyn Iterator<Item = Result<FileEntry, WrongEntry>> + 'a> {
        match self {
            Self::Jsonl => Box::new(jsonl::JsonlEntries::new(source)),
            Self::Yaml => Box::new(yaml::YamlEntries::new(source)),
            Self::Csv => Box::new(csv::CsvEntries::new(source)),
        }
    }

    /// Creates a writer of entries to `out`.
    pub(super) fn write<'a>(self, out: impl Write + 'a) -> Box<dyn WriteTuples + 'a> {
        match self {
            Self::Jsonl => Box::new(jsonl::JsonlWriter(out)),
            Self::Yaml => Box::new(yaml::YamlWriter::new(out)),
            Self::Csv => Box::new(csv::CsvWriter::new(out)),
        }
    }
}

/// A tuple with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileEntry {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// The tuple.
    pub(super) tuple: Tuple,
}

/// An entry that is not a tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongEntry {
    /// The line, from 1.
    pub(super) line: u64,
    /// The error message.
    pub(super) message: String,
    /// Whether nothing after it can be read.
    pub(super) is_last: bool,
}

impl WrongEntry {
    /// Creates an error after which reading can continue.
    fn entry(line: u64, error: EntryError) -> Self {
        Self {
            line,
            message: error.to_string(),
            is_last: false,
        }
    }

    /// Creates an error after which nothing can be read.
    fn file(line: u64, error: impl ToString) -> Self {
        Self {
            line,
            message: error.to_string(),
            is_last: true,
        }
    }
}

/// Writes tuples in some format.
pub(super) trait WriteTuples {
    /// Writes one tuple.
    fn tuple(&mut self, tuple: &Tuple) -> io::Result<()>;

    /// Writes what must follow the last tuple.
    fn end(&mut self) -> io::Result<()>;
}

#[cfg(test)]
mod tests;
