//! Defines what a store needs of a database: rows in the order of their keys, and atomic writes.
//!
//! INVARIANT: once [`Kv::write`] has returned `Ok`, all of its rows survive the end of the process
//! and of the machine. If it is interrupted before that, either all of them are there or none.

use crate::storage::StoreError;
use std::{fmt, ops::Range, path::Path};

/// A row to write, or to remove if it has no value.
pub(super) struct RowWrite {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

impl RowWrite {
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

/// The end of a range from which a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A key with its value.
pub(super) type KeyValue = (Vec<u8>, Vec<u8>);

/// All rows of one moment.
pub(super) trait RowSnapshot: Send {
    /// Returns the first rows of a range in ascending order, at most `limit`.
    fn page(&self, range: Range<Vec<u8>>, limit: usize) -> Result<Vec<KeyValue>, StoreError>;
}

/// A database. Each call sees one consistent state. Its user makes one write at a time.
pub(super) trait Kv: Send + Sync + fmt::Debug {
    /// Returns the path that error messages show.
    fn path(&self) -> &Path;

    /// Returns the values of keys, in the order of `keys`.
    fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Returns the first rows of a range in this order, at most `limit`.
    fn page(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreError>;

    /// Returns all rows of this moment, whatever is written afterwards. No write is in progress.
    fn snapshot(&self) -> Result<Box<dyn RowSnapshot>, StoreError>;

    /// Writes all rows or none. They are sorted by key, and no key occurs twice.
    fn write(&self, rows: Vec<RowWrite>) -> Result<(), StoreError>;
}

impl Kv for Box<dyn Kv> {
    fn path(&self) -> &Path {
        self.as_ref().path()
    }

    fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.as_ref().values(keys)
    }

    fn page(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreError> {
        self.as_ref().page(range, order, limit)
    }

    fn snapshot(&self) -> Result<Box<dyn RowSnapshot>, StoreError> {
        self.as_ref().snapshot()
    }

    fn write(&self, rows: Vec<RowWrite>) -> Result<(), StoreError> {
        self.as_ref().write(rows)
    }
}
