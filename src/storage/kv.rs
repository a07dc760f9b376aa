//! What a store needs of a database: rows in the order of their keys, and atomic writes.
//!
//! INVARIANT: after [`Kv::write`] returned `Ok`, all of its rows survive the end of the process and
//! of the machine; whatever happens before that leaves all of them or none.

use crate::storage::StoreError;
use std::{fmt, ops::Range, path::Path};

/// A row to write, or to remove where it has no value.
pub(super) struct Row {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

impl Row {
    pub(super) fn put(key: Vec<u8>, value: Vec<u8>) -> Self {
        Self {
            key,
            value: Some(value),
        }
    }

    pub(super) fn remove(key: Vec<u8>) -> Self {
        Self { key, value: None }
    }
}

/// From which end of a range a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A key with its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// A database. One call sees one state. Its user makes one write at a time.
pub(super) trait Kv: Send + Sync + fmt::Debug {
    /// What error messages call it.
    fn path(&self) -> &Path;

    /// The values of keys, in the order of the keys.
    fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// The first rows of a range: at most `limit`.
    fn page(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// Writes rows, all or none. They are sorted by key, and no key occurs twice.
    fn write(&self, rows: Vec<Row>) -> Result<(), StoreError>;
}
