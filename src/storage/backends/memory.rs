//! Keeps a store in memory, for tests and for a service without `--data`. Nothing outlives the
//! process.

use super::OpenedRows;
use crate::storage::StoreError;
use crate::storage::kv::{KeyValue, Kv, Order, RowSnapshot, RowWrite};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

/// Opens empty rows.
#[expect(
    clippy::unnecessary_wraps,
    reason = "every backend opens rows in this form"
)]
pub(super) fn open() -> OpenedRows {
    Ok(Box::new(Memory::default()))
}

/// Rows in memory.
#[derive(Debug, Default)]
pub(in crate::storage) struct Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Kv for Memory {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.iter().map(|key| rows.get(key).cloned()).collect())
    }

    fn page(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreError> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let found = rows
            .range(range)
            .map(|(key, value)| (key.clone(), value.clone()));
        Ok(match order {
            Order::Ascending => found.take(limit).collect(),
            Order::Descending => found.rev().take(limit).collect(),
        })
    }

    /// Copies them, since nothing here keeps what is overwritten.
    fn snapshot(&self) -> Result<Box<dyn RowSnapshot>, StoreError> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(CopiedRows(rows.clone())))
    }

    fn write(&self, changes: Vec<RowWrite>) -> Result<(), StoreError> {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for row in changes {
            match row.value {
                Some(value) => rows.insert(row.key, value),
                None => rows.remove(&row.key),
            };
        }
        Ok(())
    }
}

/// A copy of rows, for databases without snapshots of their own.
pub(super) struct CopiedRows(pub(super) BTreeMap<Vec<u8>, Vec<u8>>);

impl RowSnapshot for CopiedRows {
    fn page(&self, range: Range<Vec<u8>>, limit: usize) -> Result<Vec<KeyValue>, StoreError> {
        let rows = self.0.range(range).take(limit);
        Ok(rows
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}
