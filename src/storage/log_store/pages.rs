//! Reads the log in pages.

use super::LogStore;
use crate::model::{Revision, Timestamp};
use crate::storage::kv::{Kv, Order};
use crate::storage::rows::{self, Head};
use crate::storage::{LogEntry, StoreError, StoreId, TupleStore as _};

/// Maximum number of log entries that are read at once: an entry of an import takes up to a
/// megabyte. A call first reads a page of one entry, because that is often all it needs, and then
/// doubles the size of each further page up to this maximum.
const LOG_PAGE_ROWS: usize = 16;

impl<K: Kv> LogStore<K> {
    /// Reads changes after a revision, of one store or of all, until their weight reaches `limit`.
    pub(super) fn changes_after(
        &self,
        store: Option<StoreId>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut found = Vec::new();
        let mut weight = 0_usize;
        let mut last = after;
        let mut rows = 1;
        while weight < limit {
            let page = match store {
                Some(store) => self.log_page_of(store, last, rows)?,
                None => self.log_page(last, rows)?,
            };
            let Some(end) = page.last() else { break };
            last = end.revision.0;
            rows = (rows * 2).min(LOG_PAGE_ROWS);
            for change in page {
                if weight < limit {
                    weight += change.event.weight();
                    found.push(change);
                }
            }
        }
        Ok(found)
    }

    /// Refuses a log that does not end with the revision of the head.
    pub(super) fn check_end_of_log(&self, head: Head) -> Result<(), StoreError> {
        let last = self.kv.page(rows::log_after(0), Order::Descending, 1)?;
        let last = last
            .first()
            .map(|(key, _)| self.read(rows::revision_of(key), "a key of the log"))
            .transpose()?;
        if last.unwrap_or(0) == head.revision {
            Ok(())
        } else {
            Err(self.damaged("the end of the log"))
        }
    }

    /// Finds the last revision before a time.
    pub(super) fn last_before(&self, at: Timestamp) -> Result<Revision, StoreError> {
        // Times never fall, so the entries before `at` are the first ones.
        let mut before = 0;
        let mut end = self.revision()?.0 + 1;
        while end - before > 1 {
            let middle = before + (end - before) / 2;
            if self.entry_at(middle)?.at < at {
                before = middle;
            } else {
                end = middle;
            }
        }
        Ok(Revision(before))
    }

    /// Reads a page of the whole log, which has no gaps.
    fn log_page(&self, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let page = self
            .kv
            .page(rows::log_after(after), Order::Ascending, limit)?;
        let numbered = page.iter().zip(after.saturating_add(1)..);
        let decoded = numbered.map(|((key, value), revision)| {
            if key == &rows::log_key(revision) {
                self.read(rows::decode_change(revision, value), "an entry of the log")
            } else {
                Err(self.damaged("a gap in the log"))
            }
        });
        decoded.collect()
    }

    /// Reads a page of the log of one store.
    fn log_page_of(
        &self,
        store: StoreId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let page = self.kv.page(
            rows::log_of_store_after(store, after),
            Order::Ascending,
            limit,
        )?;
        let decoded = page
            .iter()
            .map(|(key, _)| self.entry_at(self.read(rows::revision_of(key), "a key of the log")?));
        decoded.collect()
    }
}
