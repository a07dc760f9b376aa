//! Restores a backup into an empty data directory.
//!
//! **Problem.** A restore takes minutes, and is killed in the middle. A service that was started
//! over half of the tuples would know grants without the suspensions that belong to them; one over
//! none would make an empty store.
//! **Decision.** The rows are written into a folder inside of the directory, as a data directory of
//! their own, and moved out of it once the backup was read to its end and the store opens at the
//! revision that it names. While the folder is there, nobody opens the directory.
//! **Trade-off.** After a restore that failed, the directory stays closed until another one
//! succeeds, or somebody removes it.
//!
//! INVARIANT: a directory without the folder holds all of a backup, or nothing of it.

use super::frames::BackupPart;
use super::{BackupError, BackupReader, BackupSummary};
use crate::storage::disk::{DataDir, io_error, owner_only};
use crate::storage::kv::{Kv, RowWrite};
use crate::storage::rows::FORMAT;
use crate::storage::{StoreError, StoreLocation};
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;

/// Restores a backup into the directory of a location, which is made where it is missing. `files`
/// are the names of files beside the rows that may be in a backup. `step` is told the number of
/// rows so far.
///
/// **Errors.** A directory that holds anything is refused and not touched. After any other failure
/// nobody opens it, until a restore into it succeeds.
pub fn restore(
    location: &StoreLocation,
    input: impl Read,
    files: &[&str],
    step: &mut dyn FnMut(u64),
) -> Result<BackupSummary, BackupError> {
    let mut reader = BackupReader::open(input)?;
    let found = reader.header().rows_format;
    if found != FORMAT {
        return Err(BackupError::RowsFormat {
            found,
            expected: FORMAT,
        });
    }
    let target = RestoreTarget::begin(location)?;
    let rows = location.open_rows_in(&target.folder)?;
    while let Some(part) = reader.next()? {
        match part {
            BackupPart::Rows(page) => {
                let page = page.into_iter();
                rows.write(page.map(|(key, value)| RowWrite::put(key, value)).collect())?;
            }
            BackupPart::File { name, bytes } => {
                let known = files.iter().find(|known| **known == name);
                let name = known.ok_or(BackupError::Damaged(
                    "it holds a file that this version does not know",
                ))?;
                append(&target.folder.join(name), &bytes)?;
            }
        }
        step(reader.summary().rows);
    }
    drop(rows);
    let summary = reader.summary();
    target.check(location, &summary)?;
    target.end(location, files)?;
    Ok(summary)
}

/// The directory that is restored into, which nobody else has.
struct RestoreTarget {
    dir: DataDir,
    folder: std::path::PathBuf,
}

impl RestoreTarget {
    /// Takes an empty directory, and closes it for everybody until [`Self::end`].
    fn begin(location: &StoreLocation) -> Result<Self, BackupError> {
        let path = location
            .dir()
            .unwrap_or(Path::new(location.backend().name()));
        let dir = DataDir::take_empty(path)?;
        let folder = dir.restoring();
        let made = match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir(&folder),
        };
        made.map_err(|error| io_error(&folder, "made", &error))?;
        dir.sync()?;
        Ok(Self { dir, folder })
    }

    /// Opens the store as a service would, and compares its revision with that of the backup.
    fn check(&self, location: &StoreLocation, summary: &BackupSummary) -> Result<(), BackupError> {
        let store = location.open_in(&self.folder)?;
        if store.revision()? == summary.header.revision {
            Ok(())
        } else {
            Err(BackupError::Damaged("its rows are of another revision"))
        }
    }

    /// Moves everything into the directory, and opens it for everybody.
    fn end(self, location: &StoreLocation, files: &[&str]) -> Result<(), StoreError> {
        let entry = location.backend().entry();
        for name in files.iter().copied().chain(entry) {
            let from = self.folder.join(name);
            match fs::rename(&from, self.dir.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                moved => moved.map_err(|error| io_error(&from, "moved", &error))?,
            }
        }
        self.dir.sync()?;
        fs::remove_dir_all(&self.folder)
            .map_err(|error| io_error(&self.folder, "removed", &error))?;
        self.dir.sync()
    }
}

/// Appends to a file that only its owner may read, and waits until it is durable.
fn append(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let opened = owner_only().append(true).create(true).open(path);
    let written = opened.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| io_error(path, "written", &error))
}
