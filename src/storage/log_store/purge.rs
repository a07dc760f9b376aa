//! Removes what deleted stores leave behind, a little at a time.
//!
//! **Problem.** A store may hold millions of rows. When the transaction that deletes a store also
//! removed these, every other write had to wait for it, including suspensions.
//! **Decision.** A deletion removes the store's record, and no call finds the store from then on.
//! Its rows are removed in steps, each a transaction of its own. Nothing on disk lists them: rows
//! of a store without a record are what a deletion has left, and opening the database looks for
//! them.
//! **Trade-off.** Deleted data stay on disk for some moments more, or, if the process ends first,
//! until it runs again.
//!
//! INVARIANT: the entries of the log are emptied from the newest to the oldest, each in one step
//! with its number, so that the log can be replayed from the beginning whenever the process ends.

use crate::storage::StoreError;
use crate::storage::disk::corrupt;
use crate::storage::kv::{Kv, Order, RowWrite};
use crate::storage::log_store::{LogState, LogStore, encode};
use crate::storage::records::Event;
use crate::storage::{StoreId, rows};
use std::collections::BTreeSet;

/// LIMIT: a step ends once it has this many rows, which take some ten milliseconds of a disk's
/// time.
const STEP_ROWS: usize = 512;

/// LIMIT: a step also ends once it has read this many bytes.
const STEP_BYTES: usize = 4 << 20;

/// Number of rows that are read at once: each may take a megabyte.
const READ_ROWS: usize = 32;

/// Finds the stores that have rows and no record.
pub(super) fn deleted_stores(kv: &dyn Kv) -> Result<BTreeSet<StoreId>, StoreError> {
    let mut deleted = BTreeSet::new();
    for mut range in rows::ranges_of_stores() {
        while !range.is_empty() {
            let Some((key, _)) = kv.page(range.clone(), Order::Ascending, 1)?.pop() else {
                break;
            };
            let (store, end) =
                rows::store_of(&key).map_err(|_| corrupt(kv.path(), "a key of a store"))?;
            if kv
                .values(&[rows::store_key(store)])?
                .iter()
                .all(Option::is_none)
            {
                deleted.insert(store);
            }
            range.start = end;
        }
    }
    Ok(deleted)
}

impl<K: Kv> LogStore<K> {
    /// Removes everything that a deleted store has left.
    pub(super) fn purge_store(
        &self,
        known: &mut LogState,
        store: StoreId,
    ) -> Result<(), StoreError> {
        while known.deleted.contains(&store) {
            self.purge_some(known, store)?;
        }
        Ok(())
    }

    /// Removes a part of it in one write; if nothing was left, forgets the store.
    pub(super) fn purge_some(
        &self,
        known: &mut LogState,
        store: StoreId,
    ) -> Result<(), StoreError> {
        let mut step = PurgeStep {
            rows: Vec::new(),
            bytes: 0,
        };
        let [state @ .., log] = rows::ranges_of_store(store);
        for range in state {
            self.take_rows(range, &mut step)?;
        }
        self.take_log(store, log, &mut step)?;
        if step.rows.is_empty() {
            known.deleted.remove(&store);
            return Ok(());
        }
        step.rows.sort_by(|a, b| a.key.cmp(&b.key));
        self.kv.write(step.rows)
    }

    /// Removes rows of a range, as far as they fit into the step.
    fn take_rows(
        &self,
        mut range: std::ops::Range<Vec<u8>>,
        step: &mut PurgeStep,
    ) -> Result<(), StoreError> {
        while !step.is_full() {
            let page = self.kv.page(range.clone(), Order::Ascending, READ_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            range.start = rows::after(last);
            for (key, value) in page {
                step.bytes += value.len();
                step.rows.push(RowWrite::remove(key));
            }
        }
        Ok(())
    }

    /// Empties entries of the log, as far as they fit into the step, and removes their numbers.
    fn take_log(
        &self,
        store: StoreId,
        mut numbers: std::ops::Range<Vec<u8>>,
        step: &mut PurgeStep,
    ) -> Result<(), StoreError> {
        while !step.is_full() {
            let Some((number, _)) = self.kv.page(numbers.clone(), Order::Descending, 1)?.pop()
            else {
                break;
            };
            let revision = self.read(rows::revision_of(&number), "a key of the log")?;
            let entry = self
                .value(rows::log_key(revision))?
                .ok_or_else(|| self.damaged("the log of a store"))?;
            let at = self.read(rows::read_time(&entry), "an entry of the log")?;
            step.bytes += entry.len();
            step.rows.push(RowWrite::put(
                rows::log_key(revision),
                encode(at, &Event::Erased(store))?,
            ));
            numbers.end.clone_from(&number);
            step.rows.push(RowWrite::remove(number));
        }
        Ok(())
    }
}

/// What one transaction does.
struct PurgeStep {
    rows: Vec<RowWrite>,
    bytes: usize,
}

impl PurgeStep {
    fn is_full(&self) -> bool {
        self.rows.len() >= STEP_ROWS || self.bytes >= STEP_BYTES
    }
}

#[cfg(test)]
mod tests;
