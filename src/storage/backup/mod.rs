//! Backups: everything that a store holds, at one revision, as one stream of bytes.
//!
//! **Problem.** A copy of a database's file that is made while somebody writes is torn, a copy of
//! the tuples alone loses models, other stores and the log, and a copy that was cut off looks as
//! whole as any other until it is needed.
//! **Decision.** A backup holds the rows of one moment, read from a snapshot, so that no writer
//! waits for it and every row is there: the state, the log, the numbers of revisions. What a row
//! means is the same for every backend, so that a backup of one can be restored into another. The
//! stream says at its beginning what it is, and at its end how many rows there were and what the
//! SHA-256 of everything is; without that end it is refused.
//! **Trade-off.** It is not smaller than the data, since it holds the log; what compresses is for
//! whoever stores it.
//!
//! | Part | What |
//! |---|---|
//! | `behest-backup 1` | a line with the number of this format |
//! | a line of JSON | the format of rows, the revision and its time, the digest of the bundle |
//! | blocks | each a letter, the length of its content in four bytes, its content |
//! | `R` | rows in ascending order of their keys: each key and value behind its length |
//! | `F` | a part of a file beside the rows: its name behind its length, then bytes |
//! | `E` | the end: the number of rows in eight bytes, and the SHA-256 of all before it |
//!
//! INVARIANT: what [`BackupReader`] has read to its end is what was written, byte for byte, and
//! nothing follows.

mod frames;
mod restore;

use crate::model::{Digest, Revision, Timestamp};
use crate::storage::StoreError;
use std::io;
use std::path::PathBuf;

pub use frames::BackupReader;
pub(in crate::storage) use frames::BackupWriter;
pub use restore::restore;

/// The number of the format that is written here.
pub const BACKUP_FORMAT: u32 = 1;

/// What a backup says of itself at its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupHeader {
    /// The format of its rows.
    pub rows_format: u32,
    /// The revision of all of its rows.
    pub revision: Revision,
    /// When that revision was made; the least time if there is none yet.
    pub at: Timestamp,
    /// The bundle that was published last; `None` if none was.
    pub bundle: Option<Digest>,
}

/// What a whole backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// Its header.
    pub header: BackupHeader,
    /// How many rows it holds, the log among them.
    pub rows: u64,
    /// How many tuples it holds, of all stores.
    pub tuples: u64,
}

/// A file that goes with the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name in the data directory.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Everything that a store holds at one revision, whatever is written meanwhile.
pub trait StoreSnapshot: Send {
    /// Returns the revision, and what else a backup says at its beginning.
    fn header(&self) -> &BackupHeader;

    /// Writes a whole backup, with files beside the rows.
    fn write(
        &self,
        files: &[BackupFile],
        out: &mut dyn io::Write,
    ) -> Result<BackupSummary, BackupError>;
}

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup cannot be read or written.
    #[error("the backup cannot be {doing}: {error}")]
    Io {
        /// The operation that failed: `read`, `written`.
        doing: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// The bytes do not begin as a backup.
    #[error("this is no backup of behest: name a file that `behest backup` has written")]
    NoBackup,
    /// The backup is of another format.
    #[error(
        "the backup has format {found}, and this version of behest reads format {BACKUP_FORMAT}: \
         restore it with the version that wrote it"
    )]
    Format {
        /// Its format.
        found: u32,
    },
    /// The rows are of another format.
    #[error(
        "the backup holds rows of format {found}, and this version of behest reads format \
         {expected}: restore it with the version that wrote it"
    )]
    RowsFormat {
        /// Their format.
        found: u32,
        /// The only format that this version reads.
        expected: u32,
    },
    /// The backup ends before its end.
    #[error("the backup is cut off after {rows} rows: it cannot be restored, make another one")]
    CutOff {
        /// How many whole rows there were.
        rows: u64,
    },
    /// The backup is not what was written.
    #[error("the backup is damaged ({0}): it cannot be restored, use another one")]
    Damaged(&'static str),
    /// The directory to restore into holds something.
    #[error(
        "`{}` holds `{found}` already: restore into a directory that is empty or missing",
        dir.display()
    )]
    Occupied {
        /// The directory.
        dir: PathBuf,
        /// One of the names in it.
        found: String,
    },
}
