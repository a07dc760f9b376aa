//! JSON Lines: one object on each line; empty lines are skipped.

use super::entry::tuple_of;
use super::source::TupleSource;
use super::{FileEntry, MAX_ENTRY_BYTES, WriteTuples, WrongEntry, json};
use crate::http;
use crate::model::Tuple;
use std::io::{self, BufRead, Write};

/// Reads the entries of a source.
pub(super) struct JsonlEntries<'a> {
    source: TupleSource<'a>,
    buffer: Vec<u8>,
    line: u64,
    has_ended: bool,
}

impl<'a> JsonlEntries<'a> {
    pub(super) fn new(source: TupleSource<'a>) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            line: 0,
            has_ended: false,
        }
    }
}

impl Iterator for JsonlEntries<'_> {
    type Item = Result<FileEntry, WrongEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.has_ended {
            self.buffer.clear();
            self.source.meter.begin_entry();
            self.line += 1;
            match self.source.read_until(b'\n', &mut self.buffer) {
                Ok(0) => self.has_ended = true,
                Ok(_) if self.buffer.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let read = json::read_object(self.buffer.trim_ascii_end()).and_then(tuple_of);
                    let line = self.line;
                    return Some(
                        read.map(|tuple| FileEntry { line, tuple })
                            .map_err(|error| WrongEntry::entry(line, error)),
                    );
                }
                Err(error) => {
                    self.has_ended = true;
                    return Some(Err(WrongEntry::file(self.line, error)));
                }
            }
        }
        None
    }
}

/// Writes one line for each tuple.
pub(super) struct JsonlWriter<W>(pub(super) W);

impl<W: Write> WriteTuples for JsonlWriter<W> {
    fn tuple(&mut self, tuple: &Tuple) -> io::Result<()> {
        let mut line = String::with_capacity(LINE_BYTES);
        http::write_tuple(&mut line, tuple);
        line.push('\n');
        self.0.write_all(line.as_bytes())
    }

    fn end(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Initial size of the line buffer. Most lines fit; a longer one makes it grow.
const LINE_BYTES: usize = 256;

const _: () = assert!(LINE_BYTES < MAX_ENTRY_BYTES, "a line is an entry");
