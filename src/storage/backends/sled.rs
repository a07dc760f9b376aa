//! Keeps a store in sled 0.34, behind the Cargo feature `store-sled`, for those who must use it.
//!
//! It is off by default because of measurements and known problems. With 1M tuples in both
//! directions, sled took 4.3 GiB of memory although it was limited to 256 MiB (redb: 143 MiB), 549
//! MiB of disk (155), 11 s to open (1 ms), 68 µs for one read (2.4), and 11.5 ms for a durable
//! batch of ten (1.0). Its README calls it beta and advises another database where reliability
//! matters most. Version 0.34 has had no release for years, and its tracker holds unanswered
//! reports of files that could not be opened again after a process was killed. It fulfils the
//! contract of `tests/store` and passes the test that kills it; a full disk and a damaged file are
//! tested on redb only.
//!
//! **Durable.** sled acknowledges a write before the disk has it, so each write is followed by a
//! flush. **Damage** in what it compresses into its log is found by its own checksums when the row
//! is read, not when the file is opened.

use super::OpenedRows;
use super::memory::CopiedRows;
use crate::storage::StoreError;
use crate::storage::disk::{DataDir, contain, corrupt, io_error};
use crate::storage::kv::{KeyValue, Kv, Order, RowSnapshot, RowWrite};
use ::sled::{Config, Db, Error};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How sled's message begins where a database of this process that was dropped has its lock still:
/// threads of sled's own let it go some moments later.
const STILL_LOCKED: &str = "could not acquire lock";

/// LIMIT: how often, and for how long each time, the lock is waited for: 5 s in all.
const MAX_PAUSES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// Opens the folder at `path` in a data directory.
pub(super) fn open(dir: DataDir, path: PathBuf, cache_bytes: usize) -> OpenedRows {
    let cache_bytes = u64::try_from(cache_bytes).unwrap_or(u64::MAX);
    let config = Config::new()
        .path(&path)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None);
    let database = contain(&path, || {
        open_folder(&config).map_err(|error| store_error(&path, "opened", error))
    })?;
    dir.sync()?;
    Ok(Box::new(Sled {
        path,
        database,
        _dir: dir,
    }))
}

/// Opens the folder when sled has let go of it. The lock of the data directory is ours, so that
/// nobody else can have it.
fn open_folder(config: &Config) -> Result<Db, Error> {
    for _ in 0..MAX_PAUSES {
        match config.open() {
            Err(Error::Io(error)) if error.to_string().starts_with(STILL_LOCKED) => {
                std::thread::sleep(PAUSE);
            }
            opened => return opened,
        }
    }
    config.open()
}

struct Sled {
    path: PathBuf,
    database: Db,
    _dir: DataDir,
}

impl std::fmt::Debug for Sled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sled")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Sled {
    fn with<T>(
        &self,
        doing: &'static str,
        call: impl FnOnce(&Db) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        contain(&self.path, || {
            call(&self.database).map_err(|error| store_error(&self.path, doing, error))
        })
    }
}

impl Kv for Sled {
    fn path(&self) -> &Path {
        &self.path
    }

    fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.with("read", |database| {
            keys.iter()
                .map(|key| Ok(database.get(key)?.map(|value| value.to_vec())))
                .collect()
        })
    }

    fn page(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.with("read", |database| {
            let mut rows = database.range(range);
            let mut page = Vec::new();
            while page.len() < limit {
                let next = match order {
                    Order::Ascending => rows.next(),
                    Order::Descending => rows.next_back(),
                };
                let Some(entry) = next else { break };
                let (key, value) = entry?;
                page.push((key.to_vec(), value.to_vec()));
            }
            Ok(page)
        })
    }

    /// Copies them into memory: sled has no snapshots, and nobody should need a backup of it often.
    fn snapshot(&self) -> Result<Box<dyn RowSnapshot>, StoreError> {
        let copied = self.with("read", |database| {
            let rows = database.iter();
            rows.map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())))
                .collect()
        });
        Ok(Box::new(CopiedRows(copied?)))
    }

    fn write(&self, rows: Vec<RowWrite>) -> Result<(), StoreError> {
        self.with("written", |database| {
            let mut batch = ::sled::Batch::default();
            for row in rows {
                match row.value {
                    Some(value) => batch.insert(row.key, value),
                    None => batch.remove(row.key),
                }
            }
            database.apply_batch(batch)?;
            database.flush().map(|_| ())
        })
    }
}

fn store_error(path: &Path, doing: &'static str, error: Error) -> StoreError {
    match error {
        Error::Io(error) => io_error(path, doing, &error),
        other => corrupt(path, other.to_string()),
    }
}
