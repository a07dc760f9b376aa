//! Orders the writes, and makes memory and disk agree again after the disk failed in a write.
//!
//! A write in which the disk failed was not acknowledged, but may still be in the log. So after a
//! failure the next write first reads the log from the last revision that memory has, and publishes
//! what it finds.
//!
//! INVARIANT: within a turn that has begun, memory holds every durable revision; and the revision
//! in `published` is one that memory holds.

use crate::model::Revision;
use crate::storage::{Event, LogEntry};
use crate::stores::{StoreError, Stores, StoresError};
use std::sync::MutexGuard;
use tokio::sync::watch;

/// How much of the log is read at once, in tuples: an import's entry.
pub(super) const REPLAYED_AT_ONCE: usize = 10_000;

/// The revision that memory has reached.
#[derive(Debug)]
pub(super) struct MemoryProgress {
    /// The last revision that memory has.
    revision: Revision,
    /// Whether the disk has failed since.
    doubtful: bool,
}

impl MemoryProgress {
    pub(super) fn at(revision: Revision) -> Self {
        Self {
            revision,
            doubtful: false,
        }
    }
}

/// The right to write. Other writers wait until it is dropped; then the revision that memory has is
/// published to requests that wait for one.
pub(super) struct WriteGuard<'a> {
    progress: MutexGuard<'a, MemoryProgress>,
    published: &'a watch::Sender<Revision>,
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        // If a writer panicked, what it made durable is not in memory; the next turn finds it.
        if !std::thread::panicking() {
            self.published.send_replace(self.progress.revision);
        }
    }
}

impl WriteGuard<'_> {
    /// Returns the revision that the next change will have.
    pub(super) fn next(&self) -> Revision {
        Revision(self.progress.revision.0 + 1)
    }

    /// Takes the durable store's answer to a write, and records its revision or its failure.
    pub(super) fn durable(
        &mut self,
        said: Result<Revision, StoreError>,
    ) -> Result<Revision, StoresError> {
        self.durable_as(said, |revision| *revision)
    }

    /// Takes an answer that holds more than a revision, like [`Self::durable`].
    pub(super) fn durable_as<T>(
        &mut self,
        said: Result<T, StoreError>,
        revision: impl FnOnce(&T) -> Revision,
    ) -> Result<T, StoresError> {
        match said {
            Ok(done) => {
                self.progress.revision = revision(&done);
                Ok(done)
            }
            Err(error) => {
                self.progress.doubtful |= error.is_fault();
                Err(error.into())
            }
        }
    }
}

impl Stores {
    /// Waits for the previous writes, and first replays the log if the disk or a writer failed.
    pub(super) fn lock_writes(&self) -> Result<WriteGuard<'_>, StoresError> {
        let mut progress = self.progress.lock().unwrap_or_else(|poisoned| {
            // The log shows what a writer that panicked has left, as it does after a failure of the
            // disk.
            let mut progress = poisoned.into_inner();
            self.progress.clear_poison();
            progress.doubtful = true;
            progress
        });
        while progress.doubtful {
            let found = self
                .store
                .changes(None, progress.revision, REPLAYED_AT_ONCE)?;
            progress.doubtful = !found.is_empty();
            for change in found {
                let revision = change.revision;
                self.replay(change)?;
                progress.revision = revision;
            }
        }
        Ok(WriteGuard {
            progress,
            published: &self.published,
        })
    }

    fn replay(
        &self,
        LogEntry {
            revision, event, ..
        }: LogEntry,
    ) -> Result<(), StoresError> {
        let open = event.store().and_then(|id| self.find(id).ok());
        match (event, open) {
            (Event::StoreCreated(record), None) => self.publish_store(record, revision)?,
            (Event::StoreDeleted(id), _) => self.forget_store(id),
            (Event::ModelWritten { model, .. }, Some(open)) => {
                open.publish(open.version.load().with_newest(model.id));
            }
            (
                Event::TuplesChanged {
                    deleted, written, ..
                },
                Some(open),
            ) => {
                let version = open.version.load();
                let graph = version.graph().apply(&deleted, &written, revision)?;
                let touched = version.touched(&deleted, &written);
                open.publish(version.with_graph(graph, touched));
            }
            // These concern a store that does not exist any more, or a bundle, whose content is not
            // in the log.
            (
                Event::StoreCreated(_)
                | Event::ModelWritten { .. }
                | Event::TuplesChanged { .. }
                | Event::BundleLoaded(_)
                | Event::Erased(_),
                _,
            ) => {}
        }
        Ok(())
    }
}
