//! The input of entries: it counts and limits bytes, and skips a byte order mark.

use super::MAX_ENTRY_BYTES;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// How many bytes are read from the system at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A byte order mark, which some spreadsheets write at the beginning.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Counts the bytes that were read so far. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct ReadMeter {
    bytes: Rc<Cell<u64>>,
    /// How many bytes the current entry may still take.
    left: Rc<Cell<usize>>,
}

impl ReadMeter {
    /// Returns the number of bytes that were read.
    pub(in crate::cli) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Begins another entry. The limit allows for buffers, which may hold bytes before and after
    /// the entry.
    pub(super) fn begin_entry(&self) {
        self.left.set(MAX_ENTRY_BYTES + 2 * BUFFER_BYTES);
    }
}

/// The bytes that entries are read from.
pub(in crate::cli) struct TupleSource<'a> {
    reader: BufReader<MeteredReader<Box<dyn Read + 'a>>>,
    pub(super) meter: ReadMeter,
}

impl<'a> TupleSource<'a> {
    /// Creates a source that reads from `reader`.
    pub(in crate::cli) fn new(reader: impl Read + 'a, meter: &ReadMeter) -> Self {
        meter.begin_entry();
        let metered = MeteredReader {
            inner: Box::new(reader) as Box<dyn Read + 'a>,
            meter: meter.clone(),
        };
        let mut source = Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, metered),
            meter: meter.clone(),
        };
        // An error here occurs again at the next read, and is reported then.
        if source
            .reader
            .fill_buf()
            .is_ok_and(|bytes| bytes.starts_with(MARK))
        {
            source.reader.consume(MARK.len());
        }
        source
    }
}

impl Read for TupleSource<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

impl BufRead for TupleSource<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

struct MeteredReader<R> {
    inner: R,
    meter: ReadMeter,
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let found = self.inner.read(into)?;
        let left = self.meter.left.get().checked_sub(found);
        self.meter.left.set(left.ok_or_else(too_large)?);
        self.meter
            .bytes
            .set(self.meter.bytes.get() + u64::try_from(found).unwrap_or(u64::MAX));
        Ok(found)
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!(
        "an entry has more than {MAX_ENTRY_BYTES} bytes: is a quote not closed?"
    ))
}
