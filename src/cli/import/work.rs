//! The import itself: batches, and the search for what is wrong in one.

use super::{Done, Refusal, Target};
use crate::cli::tuples::{Entry, Wrong};
use crate::model::{Problem, Tuple, TupleKey};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Wrong lines that wait to be told, in the order of the file, while those between them are written.
const WAITING: usize = 1_000;

/// What an import has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Tuples that were written, or deleted.
    pub(super) changed: u64,
    /// Tuples that were as they should become.
    pub(super) skipped: u64,
    /// Lines that are wrong.
    pub(super) wrong: u64,
    /// The line at which it stopped, because too many were.
    pub(super) stopped_at: Option<u64>,
    /// The last revision that is known.
    pub(super) revision: Option<u64>,
}

impl Tally {
    /// Lines that were right.
    pub(super) fn taken(&self) -> u64 {
        self.changed + self.skipped
    }
}

/// An import that is to be done.
pub(super) struct Work<'a> {
    pub(super) target: &'a mut dyn Target,
    /// Tuples that are written at once.
    pub(super) batch: usize,
    /// Whether a tuple that stands in the file twice is skipped; else its second line is wrong.
    pub(super) skip_repeated: bool,
    /// Whether two tuples with one key are the same, whatever their conditions.
    pub(super) same_keys: bool,
    /// How many lines may be wrong.
    pub(super) max_wrong: u64,
    /// Tells a line that is wrong.
    pub(super) tell: &'a mut dyn FnMut(&Wrong),
    /// Shows how many lines were taken.
    pub(super) step: &'a dyn Fn(u64),
}

/// What was read and is not written yet.
#[derive(Default)]
struct Held {
    entries: Vec<Entry>,
    /// Where in `entries` a key stands.
    places: HashMap<TupleKey, usize>,
    wrong: Vec<Wrong>,
}

impl Work<'_> {
    /// Imports until the end, the line that is one too many wrong, or a fault.
    pub(super) fn run(mut self, entries: impl Iterator<Item = Result<Entry, Wrong>>) -> (Tally, Result<(), Problem>) {
        let mut tally = Tally::default();
        let outcome = self.all(entries, &mut tally);
        (tally, outcome)
    }

    fn all(&mut self, entries: impl Iterator<Item = Result<Entry, Wrong>>, tally: &mut Tally) -> Result<(), Problem> {
        let mut held = Held::default();
        for read in entries {
            match read.and_then(|entry| self.check(entry)) {
                Ok(entry) => self.hold(entry, &mut held, tally),
                Err(wrong) => held.wrong.push(wrong),
            }
            let waiting = held.wrong.len();
            let is_full = held.entries.len() >= self.batch || waiting >= WAITING;
            // INVARIANT: lines come in order, so all that is held stands before the line that is one too many.
            if (is_full || self.is_too_many(tally, waiting)) && self.flush(&mut held, tally)?.is_break() {
                return Ok(());
            }
        }
        self.flush(&mut held, tally).map(|_| ())
    }

    fn check(&self, entry: Entry) -> Result<Entry, Wrong> {
        match self.target.check(&entry.tuple) {
            Ok(()) => Ok(entry),
            Err(message) => Err(Wrong { line: entry.line, message, is_last: false }),
        }
    }

    fn hold(&self, entry: Entry, held: &mut Held, tally: &mut Tally) {
        let first = held.places.get(&entry.tuple.key).and_then(|place| held.entries.get(*place));
        match first {
            None => {
                held.places.insert(entry.tuple.key.clone(), held.entries.len());
                held.entries.push(entry);
            }
            Some(first) if self.skip_repeated && (self.same_keys || first.tuple == entry.tuple) => tally.skipped += 1,
            Some(first) => {
                let message = format!("`{}` stands on line {} already", entry.tuple.key, first.line);
                held.wrong.push(Wrong { line: entry.line, message, is_last: false });
            }
        }
    }

    fn is_too_many(&self, tally: &Tally, waiting: usize) -> bool {
        tally.wrong + u64::try_from(waiting).unwrap_or(u64::MAX) > self.max_wrong
    }

    /// Writes what is held, and tells what is wrong up to the line that is one too many.
    fn flush(&mut self, held: &mut Held, tally: &mut Tally) -> Result<ControlFlow<()>, Problem> {
        let Held { entries, wrong, .. } = std::mem::take(held);
        let mut refused = Vec::new();
        let written = self.write(&entries, &wrong, &mut refused, tally);
        // Where the writing stopped, what stands behind the last line that was refused is not done, and not told.
        let end = match &written {
            Ok(ControlFlow::Continue(())) => u64::MAX,
            Ok(ControlFlow::Break(())) | Err(_) => refused.last().map_or(0, |last| last.line),
        };
        let mut all: Vec<Wrong> = wrong.into_iter().filter(|wrong| wrong.line < end).chain(refused).collect();
        all.sort_by_key(|wrong| wrong.line);
        for wrong in &all {
            tally.wrong += 1;
            (self.tell)(wrong);
        }
        if written?.is_break() || self.is_too_many(tally, 0) {
            tally.stopped_at = all.last().map(|wrong| wrong.line);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes entries in one batch, or, where that is refused, in halves. What alone is refused is wrong.
    fn write(
        &mut self,
        entries: &[Entry],
        wrong: &[Wrong],
        refused: &mut Vec<Wrong>,
        tally: &mut Tally,
    ) -> Result<ControlFlow<()>, Problem> {
        if entries.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let tuples: Vec<&Tuple> = entries.iter().map(|entry| &entry.tuple).collect();
        match (self.target.write(&tuples), entries) {
            (Ok(Done { changed, revision }), _) => {
                tally.changed += changed;
                tally.skipped += u64::try_from(entries.len()).unwrap_or(u64::MAX).saturating_sub(changed);
                tally.revision = revision;
                (self.step)(tally.taken());
                Ok(ControlFlow::Continue(()))
            }
            (Err(Refusal::Stop(problem)), _) => Err(problem),
            (Err(Refusal::Tuples(message)), [one]) => {
                refused.push(Wrong { line: one.line, message, is_last: false });
                let before = wrong.iter().filter(|wrong| wrong.line < one.line).count();
                let is_too_many = self.is_too_many(tally, before + refused.len());
                Ok(if is_too_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            }
            (Err(Refusal::Tuples(_)), _) => {
                let (first, second) = entries.split_at(entries.len() / 2);
                if self.write(first, wrong, refused, tally)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                self.write(second, wrong, refused, tally)
            }
        }
    }
}
