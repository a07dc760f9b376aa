//! Creates and locks the data directory, and classifies its failures.
//!
//! INVARIANT: only one process at a time uses a data directory, whichever database is in it.

use crate::storage::{Backend, BackupError, StoreError};
use std::any::Any;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "behest.lock";

/// The folder in a data directory into which a restore writes, until it has ended.
const RESTORING: &str = "behest.restoring";

/// Names that an empty directory may hold: a service makes its signing key before it opens the
/// store, and the last one is a file system's own.
const OF_NOBODY: [&str; 4] = [LOCK_FILE, RESTORING, "signing-key.pem", "lost+found"];

/// A data directory that only this process uses, until it is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    /// The lock is released with the file, even if the process is killed.
    _lock: File,
}

impl DataDir {
    /// Makes the directory where it is missing, readable for its owner only, and takes it. `own` is
    /// the backend whose data is to lie in it: a directory with that of another is refused, because
    /// an empty store beside it would forget every suspension.
    pub(super) fn take(path: &Path, own: &Backend) -> Result<Self, StoreError> {
        let dir = Self::lock(path)?;
        // Only where there is surely none: an error, or a link to nothing, is not that.
        let restoring = std::fs::symlink_metadata(dir.restoring());
        if !restoring.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Err(StoreError::Restoring(path.to_owned()));
        }
        let other = Backend::all()
            .filter(|backend| backend.name() != own.name())
            .find(|backend| backend.is_held_in(path));
        match other {
            None => Ok(dir),
            Some(found) => Err(StoreError::OtherBackend {
                dir: path.to_owned(),
                found,
            }),
        }
    }

    /// Makes the directory where it is missing, and takes it for a restore. Refuses one that holds
    /// anything but what an earlier restore has left.
    pub(super) fn take_empty(path: &Path) -> Result<Self, BackupError> {
        let dir = Self::lock(path)?;
        let listed = std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let listed = listed.map_err(|error| io_error(path, "listed", &error))?;
        let names = listed.into_iter().map(|entry| entry.file_name());
        let mut names: Vec<String> = names
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| !OF_NOBODY.contains(&name.as_str()))
            .collect();
        names.sort();
        match names.into_iter().next() {
            None => Ok(dir),
            Some(found) => Err(BackupError::Occupied {
                dir: path.to_owned(),
                found,
            }),
        }
    }

    fn lock(path: &Path) -> Result<Self, StoreError> {
        make_folder(path).map_err(|error| io_error(path, "made", &error))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = owner_only()
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|error| io_error(&lock_path, "opened", &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked(path.to_owned()),
            TryLockError::Error(error) => io_error(&lock_path, "locked", &error),
        })?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the path of the folder that a restore writes into.
    pub(super) fn restoring(&self) -> PathBuf {
        self.path.join(RESTORING)
    }

    /// Makes the names of new files durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| io_error(&self.path, "written", &error))
    }
}

/// Returns options to read and write a file that only its owner may open, because it says who may
/// do what.
pub(super) fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Distinguishes a full disk from other failures. Exceeding a limit on a file's size, or a user's
/// quota, counts as a full disk.
pub(super) fn io_error(path: &Path, doing: &'static str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full(path.to_owned())
        }
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            corrupt(path, error.to_string())
        }
        _ => StoreError::Io {
            path: path.to_owned(),
            doing,
            reason: error.to_string(),
        },
    }
}

pub(super) fn corrupt(path: &Path, what: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        path: path.to_owned(),
        what: what.into(),
    }
}

/// Calls a database, and turns a panic into an error. Databases do not check everything that they
/// read, and some panic on a damaged file. The state after a panic is not used again: a database
/// whose locks are poisoned refuses every later call.
pub(super) fn contain<T>(
    path: &Path,
    call: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(corrupt(path, panic_text(panic.as_ref()))))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    // A message of several lines would break the sentence that it is part of.
    text.and_then(|text| text.lines().next())
        .unwrap_or("the database gave up")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let path = Path::new("/data/behest.redb");
        let found = contain(path, || -> Result<(), _> {
            panic!("page 7 is odd\nleft: 1")
        });
        assert_eq!(
            found.unwrap_err().to_string(),
            "`/data/behest.redb` is damaged or is not a store of behest (page 7 is odd): \
             restore it from a copy, or move it away to start empty"
        );
    }

    #[test]
    fn a_limit_on_a_file_is_a_full_disk() {
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::QuotaExceeded,
            io::ErrorKind::FileTooLarge,
        ] {
            assert_eq!(
                io_error(Path::new("/data/behest.redb"), "written", &kind.into()).to_string(),
                "the disk of `/data/behest.redb` is full: \
                 make room and write again, nothing that was acknowledged is lost"
            );
        }
    }

    #[test]
    fn a_directory_with_the_data_of_another_backend_is_refused() {
        for held in Backend::all() {
            let Some(entry) = held.entry() else { continue };
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join(entry)).unwrap();
            for own in Backend::all().filter(|own| own.name() != held.name()) {
                let path = dir.path().display();
                assert_eq!(
                    DataDir::take(dir.path(), own).unwrap_err().to_string(),
                    format!(
                        "the data directory `{path}` already holds `{entry}` of the store backend \
                         `{name}`: open it as `{name}:{path}`, or choose another directory",
                        name = held.name()
                    )
                );
            }
            assert!(DataDir::take(dir.path(), held).is_ok());
        }
    }
}
