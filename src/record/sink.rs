//! The destination of records: a file, or standard output.
//!
//! A file is appended to, and created with mode 0600, because records name people and what they
//! did.

use super::RecordSettingError;
use crate::regular_file;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The destination of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Records are appended to this file, which is created if it does not exist.
    File(PathBuf),
    /// Records go to standard output.
    Stdout,
}

/// Reads a path; `-` is standard output.
impl FromStr for Sink {
    type Err = RecordSettingError;

    fn from_str(text: &str) -> Result<Self, RecordSettingError> {
        match text {
            "" => Err(RecordSettingError::NoSink),
            "-" => Ok(Self::Stdout),
            path => Ok(Self::File(path.into())),
        }
    }
}

impl std::fmt::Display for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stdout => f.write_str("standard output"),
        }
    }
}

/// An open sink.
pub(super) struct Output {
    sink: Sink,
    target: Box<dyn Write + Send>,
    /// Whether the last write ended in the middle of a line.
    torn: bool,
}

impl Output {
    pub(super) fn open(sink: Sink) -> io::Result<Self> {
        let target = open_target(&sink)?;
        Ok(Self {
            sink,
            target,
            torn: false,
        })
    }

    /// Reopens the sink's file after it was moved away by log rotation. If this fails, the old file
    /// is kept.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.target = open_target(&self.sink)?;
        Ok(())
    }

    pub(super) fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Writes as much of `pending` as possible, and removes the whole lines that were written.
    ///
    /// If the sink fails in the middle of a line, the whole line is written again later, after a
    /// line feed that ends the first half. A reader then sees one broken line, but never two lines
    /// joined.
    pub(super) fn write(&mut self, pending: &mut Vec<u8>) -> io::Result<()> {
        if self.torn {
            self.target.write_all(b"\n")?;
            self.torn = false;
        }
        let mut written = 0;
        let outcome = loop {
            let Some(rest) = pending.get(written..).filter(|rest| !rest.is_empty()) else {
                break self.target.flush();
            };
            match self.target.write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let whole_lines = last_line_end(pending.get(..written).unwrap_or_default());
        self.torn = whole_lines < written;
        pending.drain(..whole_lines);
        outcome
    }
}

fn open_target(sink: &Sink) -> io::Result<Box<dyn Write + Send>> {
    match sink {
        Sink::File(path) => Ok(Box::new(open_file(path)?)),
        Sink::Stdout => Ok(Box::new(io::stdout())),
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    regular_file::open_for_lines(&mut options, path)
}

fn last_line_end(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A sink that accepts `room` bytes, and then fails until it has more room.
    #[derive(Clone, Default)]
    struct Tight {
        taken: Arc<Mutex<Vec<u8>>>,
        room: Arc<Mutex<usize>>,
    }

    impl Write for Tight {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            let count = bytes.len().min(*room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= count;
            self.taken
                .lock()
                .unwrap()
                .extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_torn_is_written_again_on_a_line_of_its_own() {
        let disk = Tight::default();
        *disk.room.lock().unwrap() = 6;
        let mut output = Output {
            sink: Sink::Stdout,
            target: Box::new(disk.clone()),
            torn: false,
        };
        let mut pending = b"one\ntwo\nthree\n".to_vec();

        assert_eq!(
            output.write(&mut pending).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!(pending, b"two\nthree\n");
        *disk.room.lock().unwrap() = 100;
        output.write(&mut pending).unwrap();

        assert_eq!(pending, b"");
        assert_eq!(
            String::from_utf8(disk.taken.lock().unwrap().clone()).unwrap(),
            "one\ntw\ntwo\nthree\n"
        );
    }
}
