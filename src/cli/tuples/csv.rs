//! CSV with a header, with the same columns as OpenFGA's command line uses.

use super::entry::tuple;
use super::error::EntryError;
use super::source::{ReadMeter, TupleSource};
use super::{FileEntry, WriteTuples, WrongEntry, json};
use crate::http;
use crate::model::{Record, Tuple, TupleCondition, TupleUser};
use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, Terminator};
use std::io::{self, Write};

/// The columns, in the order in which they are written. A file may have them in any order, and omit
/// those that are not [`NEEDED`].
pub(super) const COLUMNS: [&str; 8] = [
    "user_type",
    "user_id",
    "user_relation",
    "relation",
    "object_type",
    "object_id",
    "condition_name",
    "condition_context",
];

const NEEDED: [&str; 5] = [
    "user_type",
    "user_id",
    "relation",
    "object_type",
    "object_id",
];

/// Reads the entries of a source.
pub(super) struct CsvEntries<'a> {
    reader: Reader<TupleSource<'a>>,
    meter: ReadMeter,
    row: ByteRecord,
    /// For each column of the file, its index in [`COLUMNS`]; `None` before the header is read.
    columns: Option<Vec<usize>>,
    has_ended: bool,
}

impl<'a> CsvEntries<'a> {
    pub(super) fn new(source: TupleSource<'a>) -> Self {
        let meter = source.meter.clone();
        // The header is read as a row, so that rows of a different length are reported with their
        // line. A carriage return at the end of a line is removed below: the reader would count the
        // lines of such files too late.
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(source);
        Self {
            reader,
            meter,
            row: ByteRecord::new(),
            columns: None,
            has_ended: false,
        }
    }

    /// Reads the next row that is not empty, and returns its line; `None` at the end.
    fn advance(&mut self) -> Result<Option<u64>, WrongEntry> {
        self.meter.begin_entry();
        loop {
            let line = self.reader.position().line();
            match self.reader.read_byte_record(&mut self.row) {
                Ok(true) if self.row.len() == 1 && self.row.as_slice().trim_ascii().is_empty() => {}
                Ok(true) => {
                    return Ok(Some(
                        self.row.position().map_or(line, ::csv::Position::line),
                    ));
                }
                Ok(false) => return Ok(None),
                Err(error) => {
                    let message = match error.into_kind() {
                        ErrorKind::Io(error) => error.to_string(),
                        other => format!("it is no CSV: {other:?}"),
                    };
                    return Err(WrongEntry::file(line, message));
                }
            }
        }
    }

    fn entry(&mut self) -> Result<Option<FileEntry>, WrongEntry> {
        if self.columns.is_none() {
            let Some(line) = self.advance()? else {
                return Err(WrongEntry::file(
                    1,
                    "there is no header: name the columns in the first line",
                ));
            };
            self.columns = Some(header(&self.row).map_err(|error| WrongEntry::file(line, error))?);
        }
        let Some(line) = self.advance()? else {
            return Ok(None);
        };
        let columns = self.columns.as_deref().unwrap_or_default();
        let read = row(&self.row, columns).map_err(|error| WrongEntry::entry(line, error))?;
        Ok(Some(FileEntry { line, tuple: read }))
    }
}

impl Iterator for CsvEntries<'_> {
    type Item = Result<FileEntry, WrongEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let next = self.entry().transpose();
        self.has_ended = match &next {
            None => true,
            Some(read) => read.as_ref().is_err_and(|wrong| wrong.is_last),
        };
        next
    }
}

fn header(row: &ByteRecord) -> Result<Vec<usize>, EntryError> {
    let mut columns = Vec::new();
    for name in row {
        let name = String::from_utf8_lossy(name);
        let name = name.trim();
        let column = COLUMNS.iter().position(|column| *column == name);
        let column = column.ok_or_else(|| EntryError::UnknownColumn(name.to_owned()))?;
        if columns.contains(&column) {
            return Err(EntryError::ColumnTwice(name.to_owned()));
        }
        columns.push(column);
    }
    let has = |name: &&str| {
        columns
            .iter()
            .any(|column| COLUMNS.get(*column) == Some(name))
    };
    match NEEDED.iter().find(|name| !has(name)) {
        Some(name) => Err(EntryError::NoColumn(name)),
        None => Ok(columns),
    }
}

fn row(row: &ByteRecord, columns: &[usize]) -> Result<Tuple, EntryError> {
    if row.len() != columns.len() {
        return Err(EntryError::Fields {
            found: row.len(),
            expected: columns.len(),
        });
    }
    let mut fields = [""; COLUMNS.len()];
    for (field, column) in row.iter().zip(columns) {
        let text = str::from_utf8(field).map_err(|_| EntryError::NotUtf8)?;
        // Only the last field can end in a carriage return, since no part of a tuple contains one.
        let text = text.strip_suffix('\r').unwrap_or(text);
        if let Some(slot) = fields.get_mut(*column) {
            *slot = text;
        }
    }
    let [
        user_type,
        user_id,
        user_relation,
        relation,
        object_type,
        object_id,
        condition,
        context,
    ] = fields;
    let user = match user_relation {
        "" => format!("{user_type}:{user_id}"),
        relation => format!("{user_type}:{user_id}#{relation}"),
    };
    let condition = match (condition, context) {
        ("", "") => None,
        ("", _) => return Err(EntryError::NoCondition),
        (name, "") => Some(TupleCondition {
            name: name.into(),
            context: Record::new(),
        }),
        (name, context) => {
            let read = json::read_object(context.as_bytes());
            let context = read.map_err(|error| EntryError::Context(Box::new(error)))?;
            Some(TupleCondition {
                name: name.into(),
                context,
            })
        }
    };
    tuple(
        &user,
        relation,
        &format!("{object_type}:{object_id}"),
        condition,
    )
}

/// Writes a header, and one row for each tuple.
pub(super) struct CsvWriter<W: Write> {
    out: ::csv::Writer<W>,
    has_header: bool,
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: ::csv::Writer::from_writer(out),
            has_header: false,
        }
    }

    fn header(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.has_header, true) {
            self.out.write_record(COLUMNS)?;
        }
        Ok(())
    }
}

impl<W: Write> WriteTuples for CsvWriter<W> {
    fn tuple(&mut self, tuple: &Tuple) -> io::Result<()> {
        self.header()?;
        let key = &tuple.key;
        let (user_id, user_relation) = match &key.user {
            TupleUser::Object(user) => (user.id().as_str(), ""),
            TupleUser::Userset { object, relation } => (object.id().as_str(), relation.as_str()),
            TupleUser::Wildcard(_) => ("*", ""),
        };
        let mut name = "";
        let mut context = String::new();
        if let Some(condition) = &tuple.condition {
            name = &condition.name;
            if !condition.context.is_empty() {
                http::write_record(&mut context, &condition.context);
            }
        }
        let object = &key.object;
        let row = [
            key.user.kind(),
            user_id,
            user_relation,
            &key.relation,
            object.kind(),
            object.id(),
            name,
            &context,
        ];
        Ok(self.out.write_record(row)?)
    }

    fn end(&mut self) -> io::Result<()> {
        self.header()?;
        self.out.flush()
    }
}
