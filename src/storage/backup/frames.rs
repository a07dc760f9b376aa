//! Writes and reads the bytes of a backup.
//!
//! INVARIANT: a reader allocates no more than it has read, whatever a length says.

use super::{BACKUP_FORMAT, BackupError, BackupHeader, BackupSummary};
use crate::model::{Revision, Timestamp};
use crate::storage::kv::KeyValue;
use crate::storage::rows;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

/// How the first line begins, before the number of the format.
const MAGIC: &str = "behest-backup ";

/// LIMIT: bytes of the first line, and of the line of JSON.
const MAX_LINE: u64 = 4 << 10;

/// LIMIT: bytes of a block. A block of rows ends once it has [`BLOCK_BYTES`], and a single row, an
/// entry of the log, may have some ten megabytes.
const MAX_BLOCK: u32 = 1 << 30;

/// Size in bytes at which a block of rows, and a part of a file, ends.
const BLOCK_BYTES: usize = 256 << 10;

const ROWS: u8 = b'R';
const FILE: u8 = b'F';
const END: u8 = b'E';

/// The length of what `E` holds.
const END_BYTES: usize = 8 + 32;

/// The line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine {
    rows: u32,
    revision: u64,
    at_ms: i64,
    bundle: Option<String>,
}

/// Writes a backup.
pub(in crate::storage) struct BackupWriter<'a> {
    out: &'a mut dyn Write,
    context: Context,
    header: BackupHeader,
    block: Vec<u8>,
    rows: u64,
    tuples: u64,
}

impl<'a> BackupWriter<'a> {
    /// Begins a backup.
    pub(in crate::storage) fn new(
        out: &'a mut dyn Write,
        header: BackupHeader,
    ) -> Result<Self, BackupError> {
        let line = HeaderLine {
            rows: header.rows_format,
            revision: header.revision.0,
            at_ms: header.at.0,
            bundle: header.bundle.map(|digest| digest.to_string()),
        };
        let json = serde_json::to_string(&line).map_err(|error| written(error.into()))?;
        let mut writer = Self {
            out,
            context: Context::new(&SHA256),
            header,
            block: Vec::new(),
            rows: 0,
            tuples: 0,
        };
        writer.put(format!("{MAGIC}{BACKUP_FORMAT}\n{json}\n").as_bytes())?;
        Ok(writer)
    }

    /// Adds rows; their keys come after those of all rows before.
    pub(in crate::storage) fn rows(&mut self, page: &[KeyValue]) -> Result<(), BackupError> {
        for (key, value) in page {
            for part in [key, value] {
                self.block.extend_from_slice(&length(part.len())?);
                self.block.extend_from_slice(part);
            }
            self.rows += 1;
            self.tuples += u64::from(rows::is_tuple(key));
            if self.block.len() >= BLOCK_BYTES {
                self.end_rows()?;
            }
        }
        Ok(())
    }

    /// Adds a file; rows come before files.
    pub(in crate::storage) fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        self.end_rows()?;
        let mut parts = bytes.chunks(BLOCK_BYTES);
        let mut part = parts.next().unwrap_or_default();
        loop {
            let content = [&length(name.len())?, name.as_bytes(), part].concat();
            self.block(FILE, &content)?;
            let Some(next) = parts.next() else {
                return Ok(());
            };
            part = next;
        }
    }

    /// Ends the backup.
    pub(in crate::storage) fn end(mut self) -> Result<BackupSummary, BackupError> {
        self.end_rows()?;
        self.put(&[END])?;
        self.put(&length(END_BYTES)?)?;
        self.put(&self.rows.to_be_bytes())?;
        let sum = self.context.finish();
        self.out.write_all(sum.as_ref()).map_err(written)?;
        self.out.flush().map_err(written)?;
        Ok(BackupSummary {
            header: self.header,
            rows: self.rows,
            tuples: self.tuples,
        })
    }

    fn end_rows(&mut self) -> Result<(), BackupError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        self.block(ROWS, &block)
    }

    fn block(&mut self, tag: u8, content: &[u8]) -> Result<(), BackupError> {
        self.put(&[tag])?;
        self.put(&length(content.len())?)?;
        self.put(content)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.context.update(bytes);
        self.out.write_all(bytes).map_err(written)
    }
}

fn written(error: io::Error) -> BackupError {
    BackupError::Io {
        doing: "written",
        error,
    }
}

fn length(bytes: usize) -> Result<[u8; 4], BackupError> {
    let fits = u32::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes <= MAX_BLOCK);
    let told = || io::Error::other("a row is larger than a block may be");
    fits.map(u32::to_be_bytes).ok_or_else(|| written(told()))
}

/// A part of a backup.
#[derive(Debug)]
pub(in crate::storage) enum BackupPart {
    /// Rows, which come after all before.
    Rows(Vec<KeyValue>),
    /// A part of a file, or the whole of it.
    File {
        /// Its name.
        name: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

/// Reads a backup, and checks it on the way.
pub struct BackupReader<R> {
    input: BufReader<R>,
    context: Context,
    header: BackupHeader,
    last: Vec<u8>,
    rows: u64,
    tuples: u64,
}

impl<R> fmt::Debug for BackupReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupReader")
            .field("header", &self.header)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<R: Read> BackupReader<R> {
    /// Reads the header.
    pub fn open(input: R) -> Result<Self, BackupError> {
        let mut input = BufReader::with_capacity(BLOCK_BYTES, input);
        let mut context = Context::new(&SHA256);
        let first = line(&mut input, &mut context)?;
        let format: u32 = first
            .strip_prefix(MAGIC)
            .and_then(|number| number.parse().ok())
            .ok_or(BackupError::NoBackup)?;
        if format != BACKUP_FORMAT {
            return Err(BackupError::Format { found: format });
        }
        let illegible = || BackupError::Damaged("its header is illegible");
        let read: HeaderLine =
            serde_json::from_str(&line(&mut input, &mut context)?).map_err(|_| illegible())?;
        let bundle = read.bundle.map(|digest| digest.parse()).transpose();
        Ok(Self {
            input,
            context,
            header: BackupHeader {
                rows_format: read.rows,
                revision: Revision(read.revision),
                at: Timestamp(read.at_ms),
                bundle: bundle.map_err(|_| illegible())?,
            },
            last: Vec::new(),
            rows: 0,
            tuples: 0,
        })
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &BackupHeader {
        &self.header
    }

    /// Reads all that is left, and returns what the backup holds if it is whole. `step` is told the
    /// number of rows so far.
    pub fn verify(mut self, step: &mut dyn FnMut(u64)) -> Result<BackupSummary, BackupError> {
        while self.next()?.is_some() {
            step(self.rows);
        }
        Ok(self.summary())
    }

    /// Reads the next part; `None` after the whole of it.
    pub(in crate::storage) fn next(&mut self) -> Result<Option<BackupPart>, BackupError> {
        let [tag] = self.fixed()?;
        let length = u32::from_be_bytes(self.fixed()?);
        if length > MAX_BLOCK {
            return Err(BackupError::Damaged("a block is longer than any"));
        }
        match tag {
            END => self.check_end(length).map(|()| None),
            ROWS => {
                let content = self.content(length)?;
                self.split_rows(&content).map(BackupPart::Rows).map(Some)
            }
            FILE => {
                let content = self.content(length)?;
                file_part(&content).map(Some)
            }
            _ => Err(BackupError::Damaged("a block is of no known kind")),
        }
    }

    /// Returns what was read.
    pub(in crate::storage) fn summary(&self) -> BackupSummary {
        BackupSummary {
            header: self.header.clone(),
            rows: self.rows,
            tuples: self.tuples,
        }
    }

    fn check_end(&mut self, length: u32) -> Result<(), BackupError> {
        let counted: [u8; 8] = self.fixed()?;
        let expected = std::mem::replace(&mut self.context, Context::new(&SHA256)).finish();
        let sum: [u8; 32] = self.fixed()?;
        if usize::try_from(length) != Ok(END_BYTES) || sum != expected.as_ref() {
            return Err(BackupError::Damaged("its checksum does not fit"));
        }
        if u64::from_be_bytes(counted) != self.rows {
            return Err(BackupError::Damaged(
                "it does not hold the rows that it counts",
            ));
        }
        let rest = self.input.fill_buf().map_err(read_error)?;
        if rest.is_empty() {
            Ok(())
        } else {
            Err(BackupError::Damaged("something follows its end"))
        }
    }

    fn split_rows(&mut self, content: &[u8]) -> Result<Vec<KeyValue>, BackupError> {
        let mut rest = content;
        let mut page = Vec::new();
        while !rest.is_empty() {
            let key = take(&mut rest)?.to_vec();
            let value = take(&mut rest)?.to_vec();
            if key <= self.last {
                return Err(BackupError::Damaged("its rows are not in order"));
            }
            self.last.clone_from(&key);
            self.rows += 1;
            self.tuples += u64::from(rows::is_tuple(&key));
            page.push((key, value));
        }
        Ok(page)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => {
                self.context.update(&bytes);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(BackupError::CutOff { rows: self.rows })
            }
            Err(error) => Err(read_error(error)),
        }
    }

    fn content(&mut self, length: u32) -> Result<Vec<u8>, BackupError> {
        let mut content = Vec::new();
        let read = (&mut self.input)
            .take(u64::from(length))
            .read_to_end(&mut content)
            .map_err(read_error)?;
        if u32::try_from(read) != Ok(length) {
            return Err(BackupError::CutOff { rows: self.rows });
        }
        self.context.update(&content);
        Ok(content)
    }
}

fn read_error(error: io::Error) -> BackupError {
    BackupError::Io {
        doing: "read",
        error,
    }
}

/// Reads a line, without its end.
fn line(input: &mut impl BufRead, context: &mut Context) -> Result<String, BackupError> {
    let mut line = Vec::new();
    input
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)
        .map_err(read_error)?;
    context.update(&line);
    match line.pop() {
        Some(b'\n') => String::from_utf8(line).map_err(|_| BackupError::NoBackup),
        _ => Err(BackupError::NoBackup),
    }
}

/// Takes bytes behind their length.
fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], BackupError> {
    let damaged = BackupError::Damaged("a row is longer than its block");
    let Some((length, behind)) = rest.split_first_chunk() else {
        return Err(damaged);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let Some((taken, behind)) = behind.split_at_checked(length) else {
        return Err(damaged);
    };
    *rest = behind;
    Ok(taken)
}

fn file_part(content: &[u8]) -> Result<BackupPart, BackupError> {
    let mut rest = content;
    let name = take(&mut rest)?.to_vec();
    Ok(BackupPart::File {
        name: String::from_utf8(name)
            .map_err(|_| BackupError::Damaged("the name of a file is illegible"))?,
        bytes: rest.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    fn header() -> BackupHeader {
        BackupHeader {
            rows_format: 2,
            revision: Revision(41),
            at: Timestamp(i64::MIN),
            bundle: Some(Digest::new([9; 32])),
        }
    }

    fn page(range: std::ops::Range<u16>) -> Vec<KeyValue> {
        let row = |at: u16| ([b"T", &at.to_be_bytes()[..]].concat(), vec![7; 300]);
        range.map(row).collect()
    }

    fn backup() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = BackupWriter::new(&mut bytes, header()).unwrap();
        writer.rows(&page(0..700)).unwrap();
        writer.rows(&page(700..1_500)).unwrap();
        writer.file("a", &vec![5; BLOCK_BYTES + 1]).unwrap();
        writer.file("b", b"").unwrap();
        let summary = writer.end().unwrap();
        assert_eq!((summary.rows, summary.tuples), (1_500, 1_500));
        bytes
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let bytes = backup();
        assert!(bytes.starts_with(b"behest-backup 1\n{\"rows\":2,\"revision\":41,"));
        let mut reader = BackupReader::open(&bytes[..]).unwrap();
        assert_eq!(*reader.header(), header());
        let (mut rows, mut files) = (Vec::new(), Vec::new());
        while let Some(part) = reader.next().unwrap() {
            match part {
                BackupPart::Rows(page) => rows.extend(page),
                BackupPart::File { name, bytes } => files.push((name, bytes.len())),
            }
        }
        assert_eq!(rows, page(0..1_500));
        let expected = [("a", BLOCK_BYTES), ("a", 1), ("b", 0)];
        assert_eq!(
            files,
            expected.map(|(name, bytes)| (name.to_owned(), bytes))
        );
        assert_eq!(reader.summary().rows, 1_500);
    }

    #[test]
    fn a_backup_that_was_cut_or_changed_is_refused() {
        let whole = backup();
        let verify = |bytes: &[u8]| BackupReader::open(bytes)?.verify(&mut |_| ());
        assert!(verify(&whole).is_ok());
        let step = 997;
        for at in (0..whole.len())
            .step_by(step)
            .chain(whole.len() - 45..whole.len())
        {
            assert!(verify(&whole[..at]).is_err(), "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 4;
            assert!(verify(&changed).is_err(), "changed at {at}");
        }
        let more = verify(&[&whole[..], b"x"].concat()).unwrap_err();
        assert!(
            more.to_string().contains("something follows its end"),
            "{more}"
        );
        let newer = String::from_utf8_lossy(&whole[..400]).replacen("backup 1", "backup 2", 1);
        let newer = verify(newer.as_bytes()).unwrap_err();
        assert_eq!(
            newer.to_string(),
            "the backup has format 2, and this version of behest reads format 1: \
             restore it with the version that wrote it"
        );
        assert!(matches!(verify(b"{}\n"), Err(BackupError::NoBackup)));
        assert!(matches!(
            verify(&whole[..60_000]),
            Err(BackupError::CutOff { .. })
        ));
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        let mut bytes = Vec::new();
        let mut writer = BackupWriter::new(&mut bytes, header()).unwrap();
        writer.rows(&page(3..5)).unwrap();
        writer.rows(&page(4..5)).unwrap();
        writer.end().unwrap();
        let told = BackupReader::open(&bytes[..]).unwrap().verify(&mut |_| ());
        assert!(told.unwrap_err().to_string().contains("not in order"));
    }
}
