//! Writes everything that a store holds at one revision.

use super::LogStore;
use crate::model::Revision;
use crate::storage::backup::BackupWriter;
use crate::storage::kv::{Kv, RowSnapshot};
use crate::storage::rows::{self, FORMAT};
use crate::storage::{
    BackupError, BackupFile, BackupHeader, BackupSummary, StoreError, StoreSnapshot,
    TupleStore as _,
};
use std::io::Write;

/// The rows of one revision.
pub(super) struct LogSnapshot {
    rows: Box<dyn RowSnapshot>,
    header: BackupHeader,
}

impl<K: Kv> LogStore<K> {
    /// Takes a snapshot between two writes, so that it holds whole changes.
    pub(super) fn take_snapshot(&self) -> Result<LogSnapshot, StoreError> {
        let known = self.lock_head()?;
        Ok(LogSnapshot {
            header: BackupHeader {
                rows_format: FORMAT,
                revision: Revision(known.head.revision),
                at: known.head.at,
                bundle: self.noted_bundle()?,
            },
            rows: self.kv.snapshot()?,
        })
    }
}

impl StoreSnapshot for LogSnapshot {
    fn header(&self) -> &BackupHeader {
        &self.header
    }

    fn write(
        &self,
        files: &[BackupFile],
        out: &mut dyn Write,
    ) -> Result<BackupSummary, BackupError> {
        let mut backup = BackupWriter::new(out, self.header.clone())?;
        for (mut range, at_once) in rows::ranges_of_all() {
            loop {
                let page = self.rows.page(range.clone(), at_once)?;
                backup.rows(&page)?;
                match page.last() {
                    Some((last, _)) if page.len() == at_once => range.start = rows::after(last),
                    _ => break,
                }
            }
        }
        for file in files {
            backup.file(file.name, &file.bytes)?;
        }
        backup.end()
    }
}
