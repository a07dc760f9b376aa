//! The databases that a store may lie in: one table, from which the setting `data`, opening, help
//! and documentation follow.
//!
//! **Problem.** Where each place that opens a store knows the databases by itself, a new one is
//! missing in some of them, and a data directory is opened with another database than it holds:
//! an empty store beside the old one forgets every suspension.
//! **Decision.** A backend is a row of [`Backend::all`]: its name, what it opens from, what shows
//! that a directory holds one, its memory, a sentence about it. Every other place goes through the
//! table: it is named by [`StoreLocation`], and opened there.
//! **Trade-off.** A backend behind a Cargo feature has its row in every program, with the feature
//! or without: only so can its data be told from an empty directory, and the feature be named.
//!
//! INVARIANT: no two backends have the same name, or the same entry in a data directory.

mod location;
pub(super) mod memory;
mod redb;
#[cfg(feature = "store-sled")]
mod sled;

pub use location::StoreLocation;

use crate::storage::disk::DataDir;
use crate::storage::kv::Kv;
use crate::storage::log_store::LogStore;
use crate::storage::{StoreError, TupleStore};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Memory for pages of a file, unless told otherwise: enough for the upper levels of a tree with
/// millions of tuples. Decisions read none of it.
pub const DEFAULT_CACHE_BYTES: usize = 64 << 20;

static MEMORY: Backend = Backend {
    name: "memory",
    summary: "Nothing is kept: relations and the signing key end with the process",
    feature: None,
    origin: Origin::Nothing(memory::open),
};

/// The backend of a directory that is named without one.
static REDB: Backend = Backend {
    name: "redb",
    summary: "One file, checked as a whole when it is opened, which says so when it is damaged",
    feature: None,
    origin: Origin::Directory {
        entry: "behest.redb",
        cache_bytes: DEFAULT_CACHE_BYTES,
        open: Some(redb::open),
    },
};

static SLED: Backend = Backend {
    name: "sled",
    summary: "A folder of sled 0.34, for those who must use it",
    feature: Some("store-sled"),
    origin: Origin::Directory {
        entry: "behest.sled",
        cache_bytes: DEFAULT_CACHE_BYTES,
        #[cfg(feature = "store-sled")]
        open: Some(sled::open),
        #[cfg(not(feature = "store-sled"))]
        open: None,
    },
};

static BACKENDS: [&Backend; 3] = [&MEMORY, &REDB, &SLED];

/// A database that keeps ordered rows for a store.
pub struct Backend {
    name: &'static str,
    summary: &'static str,
    feature: Option<&'static str>,
    origin: Origin,
}

/// What a backend opens its rows from.
enum Origin {
    /// From nothing: the rows are in memory.
    Nothing(fn() -> OpenedRows),
    /// From a data directory.
    Directory {
        /// The file or folder by which a directory is known to hold rows of this backend.
        entry: &'static str,
        /// Memory for pages, unless told otherwise.
        cache_bytes: usize,
        /// Opens the entry, and makes it where it is missing; none where the program lacks the
        /// backend's feature.
        open: Option<OpenDirectory>,
    },
}

type Opened = Result<Arc<dyn TupleStore>, StoreError>;

/// The rows of a backend.
type OpenedRows = Result<Box<dyn Kv>, StoreError>;

/// Takes the directory, the path of the backend's entry in it, and the memory for pages in bytes.
type OpenDirectory = fn(DataDir, PathBuf, usize) -> OpenedRows;

/// Returns the store over a backend's rows.
fn store_over(rows: OpenedRows) -> Opened {
    Ok(Arc::new(LogStore::open(rows?)?))
}

impl Backend {
    /// Returns every backend that behest knows, whether or not this program has it.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        BACKENDS.into_iter()
    }

    /// Returns the name by which the setting `data` chooses it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns a sentence for whoever chooses, without its full stop.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// Returns the Cargo feature that a program needs for it; none where every program has it.
    #[must_use]
    pub fn feature(&self) -> Option<&'static str> {
        self.feature
    }

    /// Returns `true` if this program can open it.
    #[must_use]
    pub fn is_built(&self) -> bool {
        match self.origin {
            Origin::Nothing(_) => true,
            Origin::Directory { open, .. } => open.is_some(),
        }
    }

    /// Returns `true` if what is written outlives the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.entry().is_some()
    }

    /// Returns the file or folder by which a data directory is known to hold its rows; none where
    /// it keeps none.
    #[must_use]
    pub fn entry(&self) -> Option<&'static str> {
        match self.origin {
            Origin::Nothing(_) => None,
            Origin::Directory { entry, .. } => Some(entry),
        }
    }

    /// Returns how the setting `data` is written with it: `memory`, `redb:DIR`.
    #[must_use]
    pub fn form(&self) -> String {
        if self.is_durable() {
            format!("{}:DIR", self.name)
        } else {
            self.name.to_owned()
        }
    }

    /// Returns the backend whose rows a directory holds. Whoever only reads asks first, because
    /// opening makes what is missing.
    fn held_in(dir: &Path) -> Option<&'static Self> {
        Self::all().find(|backend| backend.is_held_in(dir))
    }

    /// Returns `true` if a directory holds its rows.
    pub(super) fn is_held_in(&self, dir: &Path) -> bool {
        self.entry().is_some_and(|entry| dir.join(entry).exists())
    }
}

/// Shows its name.
impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backend({})", self.name)
    }
}

/// Opens an empty store in memory.
pub fn open_memory() -> Opened {
    store_over(memory::open())
}

/// Opens the store that redb keeps in a data directory, which is made where it is missing.
pub fn open_redb(dir: &Path, cache_bytes: usize) -> Opened {
    store_over(location::open_directory(
        &REDB,
        redb::open,
        dir,
        cache_bytes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_entries_are_of_one_backend_each() {
        let names: HashSet<_> = Backend::all().map(Backend::name).collect();
        assert_eq!(names.len(), BACKENDS.len());
        let durable = Backend::all().filter(|backend| backend.is_durable());
        let entries: HashSet<_> = Backend::all().filter_map(Backend::entry).collect();
        assert_eq!(entries.len(), durable.count());
    }

    #[test]
    fn a_feature_is_named_after_its_backend_and_all_else_is_in_every_program() {
        for backend in Backend::all() {
            match backend.feature {
                Some(feature) => assert_eq!(feature, format!("store-{}", backend.name)),
                None => assert!(backend.is_built(), "{backend:?}"),
            }
        }
    }
}
