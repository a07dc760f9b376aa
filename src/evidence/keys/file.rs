//! Reads files of keys and certificates, which somebody may replace while they are read.
//!
//! INVARIANT: the content of a changed file counts only if two readings, a moment apart, agree: a
//! file that is being written withdraws nothing. No file is opened that could block.

use aws_lc_rs::digest::{SHA256, digest};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::time::Duration;

/// How long a changed file must stay as it is: longer than writing it takes.
const STILL: Duration = Duration::from_millis(100);

/// LIMIT: how often a file that keeps changing is read again.
const MOST_READINGS: usize = 5;

/// A digest that distinguishes one content of a file from another.
pub(crate) type FileMark = [u8; 32];

/// The content of a file, up to a limit.
#[derive(Debug)]
pub(crate) struct FileText {
    /// The text, up to the limit.
    pub(crate) text: Vec<u8>,
    /// Whether the file has more text.
    pub(crate) is_cut: bool,
}

/// The reason why a file could not be read.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The file no longer exists, or something else is in its place.
    Gone(&'static str),
    /// The file may still have its previous content.
    Unreadable(io::Error),
}

impl FileText {
    /// Reads at most `most` bytes of a file. If its content differs from that at `last`, it is read
    /// again until it stays the same.
    pub(crate) fn read(
        path: &Path,
        most: u64,
        last: &mut Option<FileMark>,
    ) -> Result<Self, FileError> {
        let mut found = Self::read_once(path, most);
        let mut mark = mark(&found);
        if last.is_some() {
            for _ in 0..MOST_READINGS {
                if *last == Some(mark) {
                    break;
                }
                std::thread::sleep(STILL);
                found = Self::read_once(path, most);
                let before = std::mem::replace(&mut mark, self::mark(&found));
                if before == mark {
                    break;
                }
            }
        }
        *last = Some(mark);
        found
    }

    fn read_once(path: &Path, most: u64) -> Result<Self, FileError> {
        let kind = fs::metadata(path).map_err(of_io)?.file_type();
        if kind.is_dir() {
            return Err(FileError::Gone(
                "a directory stands in the place of the file",
            ));
        }
        if kind.is_fifo() || kind.is_socket() || kind.is_block_device() {
            return Err(FileError::Gone(
                "what stands in the place of the file is none",
            ));
        }
        let mut text = Vec::new();
        let file = File::open(path).map_err(of_io)?;
        file.take(most.saturating_add(1))
            .read_to_end(&mut text)
            .map_err(of_io)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let is_cut = text.len() > most;
        text.truncate(most);
        Ok(Self { text, is_cut })
    }

    /// Returns the digest of this content.
    pub(crate) fn mark(&self) -> FileMark {
        mark_of(&self.text)
    }
}

fn of_io(error: io::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::Gone("the file is not there"),
        ErrorKind::IsADirectory => FileError::Gone("a directory stands in the place of the file"),
        _ => FileError::Unreadable(error),
    }
}

fn mark(found: &Result<FileText, FileError>) -> FileMark {
    match found {
        Ok(found) => found.mark(),
        Err(FileError::Gone(what)) => mark_of(what.as_bytes()),
        Err(FileError::Unreadable(error)) => mark_of(error.to_string().as_bytes()),
    }
}

fn mark_of(bytes: &[u8]) -> FileMark {
    let mut mark = [0; 32];
    mark.copy_from_slice(digest(&SHA256, bytes).as_ref());
    mark
}

/// Returns `true` if a text says nothing: it is empty, or consists of comments, white space and
/// zeros.
pub(crate) fn is_blank(text: &[u8]) -> bool {
    behind_comments(text).is_empty()
}

/// Returns the text after a byte order mark, white space, zeros and comments.
pub(super) fn behind_comments(text: &[u8]) -> &[u8] {
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    loop {
        let begin = rest
            .iter()
            .position(|byte| !byte.is_ascii_whitespace() && *byte != 0);
        rest = begin
            .and_then(|begin| rest.get(begin..))
            .unwrap_or_default();
        let end: &[u8] = if rest.starts_with(b"/*") {
            b"*/"
        } else if rest.starts_with(b"//") || rest.starts_with(b"#") || rest.starts_with(b";") {
            b"\n"
        } else {
            return rest;
        };
        let behind = rest
            .windows(end.len())
            .position(|part| part == end)
            .and_then(|at| rest.get(at + end.len()..));
        rest = behind.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_blank() {
        for text in [
            "",
            " \n",
            "\u{feff}",
            "\0\0\0",
            "# none",
            "// none\n/* and\nnothing */\0\n; more",
            "/* without an end",
        ] {
            assert!(is_blank(text.as_bytes()), "{text:?}");
        }
        for text in ["none", "{}", "-----BEGIN", "# none\n{}", "<!-- none -->"] {
            assert!(!is_blank(text.as_bytes()), "{text:?}");
        }
        assert_eq!(behind_comments(b"// none\n {\"a\":1}\n"), b"{\"a\":1}\n");
    }

    #[test]
    fn a_file_that_is_being_written_is_read_when_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, "before").unwrap();
        let mut last = None;
        let text = |last: &mut _| String::from_utf8(FileText::read(&path, 9, last).unwrap().text);
        assert_eq!(text(&mut last).unwrap(), "before");
        std::fs::write(&path, "").unwrap();
        let writer = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(STILL / 2);
                std::fs::write(&path, "after").unwrap();
            });
            text(&mut last).unwrap()
        });
        assert_eq!(writer, "after");
        std::fs::write(&path, "0123456789").unwrap();
        assert!(FileText::read(&path, 9, &mut last).unwrap().is_cut);
    }

    #[test]
    fn what_stands_in_the_place_of_a_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "").unwrap();
        std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
        for (name, is_gone) in [
            ("none", true),
            ("", true),
            ("file/none", true),
            ("socket", true),
            ("loop", false),
        ] {
            let found = FileText::read(&path(name), 9, &mut None).unwrap_err();
            assert_eq!(matches!(found, FileError::Gone(_)), is_gone, "{name}");
        }
        let found = FileText::read(Path::new("/dev/null"), 9, &mut None).unwrap();
        assert!(found.text.is_empty());
    }
}
