//! The import itself: it writes batches, and finds the wrong lines of a batch that is refused.

use super::{BatchRefusal, BatchResult, ImportTarget};
use crate::cli::exit::CommandFailure;
use crate::cli::tuples::{FileEntry, WrongEntry};
use crate::model::{Tuple, TupleKey};
use foldhash::HashMap;
use std::ops::{ControlFlow, Range};

/// Maximum number of wrong or repeated lines that are held back while the lines between them are
/// written.
const WAITING: usize = 1_000;

/// What an import has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImportTally {
    /// How many tuples were written or deleted.
    pub(super) changed: u64,
    /// How many tuples already were as the import would make them.
    pub(super) skipped: u64,
    /// How many lines are wrong.
    pub(super) wrong: u64,
    /// The line at which it stopped: too many lines were wrong, or nothing after it can be read.
    pub(super) stopped_at: Option<u64>,
    /// The last known revision.
    pub(super) revision: Option<u64>,
}

impl ImportTally {
    /// Returns the number of lines that were right.
    pub(super) fn taken(&self) -> u64 {
        self.changed + self.skipped
    }
}

/// An import to be run.
pub(super) struct ImportRun<'a> {
    pub(super) target: &'a mut dyn ImportTarget,
    /// How many tuples are written at once.
    pub(super) batch: usize,
    /// Whether a tuple that already is as it should become is skipped.
    pub(super) skips: bool,
    /// Whether two tuples with one key count as the same, even if their conditions differ.
    pub(super) same_keys: bool,
    /// How many lines may be wrong.
    pub(super) max_wrong: u64,
    /// Reports a wrong line.
    pub(super) tell: &'a mut dyn FnMut(&WrongEntry),
    /// Reports how many lines have been imported.
    pub(super) step: &'a dyn Fn(u64),
}

/// Lines that were read and not yet written.
#[derive(Default)]
struct PendingBatch {
    entries: Vec<FileEntry>,
    /// The index in `entries` of each key.
    places: HashMap<TupleKey, usize>,
    /// Repetitions of earlier lines: the index of the first entry and the line.
    repeats: Vec<(usize, u64)>,
    /// Wrong lines, in order.
    wrong: Vec<WrongEntry>,
}

impl ImportRun<'_> {
    /// Imports until the end of the entries, one wrong line too many, or a failure.
    pub(super) fn run(
        mut self,
        entries: impl Iterator<Item = Result<FileEntry, WrongEntry>>,
    ) -> (ImportTally, Result<(), CommandFailure>) {
        let mut tally = ImportTally::default();
        let outcome = self.all(entries, &mut tally);
        (tally, outcome)
    }

    fn all(
        &mut self,
        entries: impl Iterator<Item = Result<FileEntry, WrongEntry>>,
        tally: &mut ImportTally,
    ) -> Result<(), CommandFailure> {
        let mut held = PendingBatch::default();
        for read in entries {
            match read.and_then(|entry| self.check(entry)) {
                Ok(entry) => {
                    // What the store does with this entry depends on what it did with the earlier
                    // one.
                    if self.contradicts(&entry, &held) && self.flush(&mut held, tally)?.is_break() {
                        return Ok(());
                    }
                    hold(entry, &mut held);
                }
                Err(wrong) => held.wrong.push(wrong),
            }
            let is_full = held.entries.len() >= self.batch
                || held.wrong.len() + held.repeats.len() >= WAITING;
            // Writes as soon as too many lines are wrong: all held entries come before the last
            // wrong line.
            let is_over = held.wrong.len() > self.left(tally);
            if (is_full || is_over) && self.flush(&mut held, tally)?.is_break() {
                return Ok(());
            }
        }
        self.flush(&mut held, tally).map(drop)
    }

    fn check(&self, entry: FileEntry) -> Result<FileEntry, WrongEntry> {
        match self.target.check(&entry.tuple) {
            Ok(()) => Ok(entry),
            Err(error) => Err(WrongEntry {
                line: entry.line,
                message: error.to_string(),
                is_last: false,
            }),
        }
    }

    /// Whether an earlier line of the batch has the same key, and this line is not a mere
    /// repetition of it.
    fn contradicts(&self, entry: &FileEntry, held: &PendingBatch) -> bool {
        let first = held
            .places
            .get(&entry.tuple.key)
            .and_then(|place| held.entries.get(*place));
        first.is_some_and(|first| !(self.skips && (self.same_keys || first.tuple == entry.tuple)))
    }

    /// Returns how many more lines may be wrong.
    fn left(&self, tally: &ImportTally) -> usize {
        usize::try_from(self.max_wrong.saturating_sub(tally.wrong)).unwrap_or(usize::MAX)
    }

    /// Writes the held entries, and reports wrong lines up to the one that exceeds the limit.
    fn flush(
        &mut self,
        held: &mut PendingBatch,
        tally: &mut ImportTally,
    ) -> Result<ControlFlow<()>, CommandFailure> {
        let PendingBatch {
            entries,
            repeats,
            mut wrong,
            ..
        } = std::mem::take(held);
        let left = self.left(tally);
        let mut refused = Vec::new();
        let mut batch = BatchHalves {
            entries: &entries,
            repeats: &repeats,
            wrong: &mut wrong,
            refused: &mut refused,
            left,
        };
        let written = self.write(&mut batch, 0..entries.len(), tally);
        let end = match &written {
            Ok(()) => batch.end(),
            // Lines after the last refused line were not written, so they are not reported.
            Err(_) => batch.refused.last().map_or(0, |last| last.line),
        };
        let skipped = repeats
            .iter()
            .filter(|(_, line)| *line < end && !is_among(&wrong, *line))
            .count();
        wrong.append(&mut refused);
        wrong.sort_by_key(|wrong| wrong.line);
        for told in wrong
            .iter()
            .filter(|wrong| wrong.line <= end)
            .take(left.saturating_add(1))
        {
            tally.wrong += 1;
            tally.stopped_at = (told.is_last || tally.wrong > self.max_wrong).then_some(told.line);
            (self.tell)(told);
        }
        written?;
        tally.skipped += u64::try_from(skipped).unwrap_or(u64::MAX);
        Ok(if tally.stopped_at.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    /// Writes entries in one batch or, if that is refused, in halves. An entry that is refused
    /// alone is wrong.
    fn write(
        &mut self,
        batch: &mut BatchHalves<'_>,
        range: Range<usize>,
        tally: &mut ImportTally,
    ) -> Result<(), CommandFailure> {
        let end = batch.end();
        let entries = batch.entries.get(range.clone()).unwrap_or_default();
        // INVARIANT: nothing after the line that exceeds the limit of wrong lines is written.
        let entries = entries
            .split_at(entries.partition_point(|entry| entry.line < end))
            .0;
        if entries.is_empty() {
            return Ok(());
        }
        let tuples: Vec<&Tuple> = entries.iter().map(|entry| &entry.tuple).collect();
        match (self.target.write(&tuples), entries) {
            (Ok(BatchResult { changed, revision }), _) => {
                tally.changed += changed;
                tally.skipped += u64::try_from(entries.len())
                    .unwrap_or(u64::MAX)
                    .saturating_sub(changed);
                tally.revision = revision;
                (self.step)(tally.taken());
                Ok(())
            }
            (Err(BatchRefusal::Stop(failure)), _) => Err(failure),
            (Err(BatchRefusal::Tuples(message)), [one]) => {
                batch.refuse(range.start, one.line, &message);
                Ok(())
            }
            (Err(BatchRefusal::Tuples(_)), _) => {
                let middle = range.start + entries.len() / 2;
                self.write(batch, range.start..middle, tally)?;
                self.write(batch, middle..range.end, tally)
            }
        }
    }
}

fn hold(entry: FileEntry, held: &mut PendingBatch) {
    match held.places.get(&entry.tuple.key) {
        Some(first) => held.repeats.push((*first, entry.line)),
        None => {
            held.places
                .insert(entry.tuple.key.clone(), held.entries.len());
            held.entries.push(entry);
        }
    }
}

fn is_among(wrong: &[WrongEntry], line: u64) -> bool {
    wrong
        .binary_search_by_key(&line, |wrong| wrong.line)
        .is_ok()
}

/// A batch that is being written in order.
struct BatchHalves<'a> {
    entries: &'a [FileEntry],
    repeats: &'a [(usize, u64)],
    /// Lines already found to be wrong, in order.
    wrong: &'a mut Vec<WrongEntry>,
    /// Lines that the store refused, in order; all of them come before the entries that are still
    /// to be written.
    refused: &'a mut Vec<WrongEntry>,
    /// How many more lines may be wrong.
    left: usize,
}

impl BatchHalves<'_> {
    /// Returns the line that exceeds the limit of wrong lines, as far as known.
    fn end(&self) -> u64 {
        let last = self.refused.last().map_or(0, |last| last.line);
        let before = self.wrong.partition_point(|wrong| wrong.line < last);
        match self.left.checked_sub(self.refused.len()) {
            // This many more lines may be wrong, counting those before the last refused line.
            Some(more) if more >= before => {
                self.wrong.get(more).map_or(u64::MAX, |wrong| wrong.line)
            }
            _ => last,
        }
    }

    /// Records that a line and all its repetitions were refused.
    fn refuse(&mut self, place: usize, line: u64, message: &str) {
        let wrong = |line| WrongEntry {
            line,
            message: message.to_owned(),
            is_last: false,
        };
        self.refused.push(wrong(line));
        let before = self.wrong.len();
        self.wrong.extend(
            self.repeats
                .iter()
                .filter(|(first, _)| *first == place)
                .map(|(_, line)| wrong(*line)),
        );
        if self.wrong.len() > before {
            self.wrong.sort_by_key(|wrong| wrong.line);
        }
    }
}

#[cfg(test)]
mod tests;
