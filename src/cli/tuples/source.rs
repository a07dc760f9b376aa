//! Where entries are read from: counted, bounded, without a byte order mark.

use super::MAX_ENTRY_BYTES;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// How much is read from the system at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A byte order mark, which some spreadsheets put at the beginning.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// How much was read so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Meter {
    bytes: Rc<Cell<u64>>,
    /// What the entry that is being read may still take.
    left: Rc<Cell<usize>>,
}

impl Meter {
    /// Bytes that were read.
    pub(in crate::cli) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Begins another entry. Some of it is in a buffer already, and so is what comes behind it.
    pub(super) fn begin_entry(&self) {
        self.left.set(MAX_ENTRY_BYTES + 2 * BUFFER_BYTES);
    }
}

/// Bytes to be read as entries.
pub(in crate::cli) struct Source<'a> {
    reader: BufReader<Metered<Box<dyn Read + 'a>>>,
    pub(super) meter: Meter,
}

impl<'a> Source<'a> {
    /// Reads from `reader`.
    pub(in crate::cli) fn new(reader: impl Read + 'a, meter: &Meter) -> Self {
        meter.begin_entry();
        let metered = Metered {
            inner: Box::new(reader) as Box<dyn Read + 'a>,
            meter: meter.clone(),
        };
        let mut source = Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, metered),
            meter: meter.clone(),
        };
        // What cannot be read now cannot be read later, and is told then.
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

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
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
