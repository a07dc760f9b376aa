//! How far the engine goes for one question.

use super::error::RelationFault;
use std::cell::Cell;

/// How many dispatches deep an answer may lie: following a userset or an arrow is one, a relation
/// to the same object is none (OpenFGA's `resolveNodeLimit`).
pub const MAX_DEPTH: u32 = 25;

/// How many tuples a check may read. A permitted check reads a handful; a million would keep a core
/// for a second. What conditions do is counted too, sixteen values looked at as one tuple.
pub const MAX_CHECK_READS: u64 = 1_000_000;

/// How many tuples a list may walk over, the checks that confirm its candidates not counted: it is
/// asked for less often than a check, and its time is limited too.
pub const MAX_LIST_READS: u64 = 20_000_000;

/// How many results a list gives (OpenFGA's `listObjectsMaxResults`).
pub const MAX_RESULTS: usize = 1_000;

/// How many rewrites may be open within one another. Bounds the stack: a model's chains of
/// relations to the same object cost no depth and could otherwise be as long as the model. Each
/// takes about a kilobyte and a half in a debug build.
pub const MAX_NESTING: u32 = 500;

/// After the work of how many tuples the time is looked at.
const READS_BETWEEN_LOOKS: u64 = 1_024;

/// The work of reading one tuple, beside that of conditions: some 100 ns.
const READ_WORK: u64 = 16;

/// What several readers may read together: all look-ups of one decision share one.
#[derive(Debug)]
pub struct Allowance {
    work: Cell<u64>,
}

impl Allowance {
    /// Allows the work of reading so many tuples.
    #[must_use]
    pub fn of_reads(reads: u64) -> Self {
        Self {
            work: Cell::new(reads.saturating_mul(READ_WORK)),
        }
    }

    /// Returns how many more tuples may be read.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.work.get() / READ_WORK
    }

    /// Takes work off; what is more than there is leaves nothing.
    fn take(&self, work: u64) -> Result<(), RelationFault> {
        let left = self.work.get().checked_sub(work);
        self.work.set(left.unwrap_or(0));
        left.map(drop).ok_or(RelationFault::TooMuch)
    }
}

/// The limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Dispatches.
    pub depth: u32,
    /// Tuples read for one check.
    pub check_reads: u64,
    /// Tuples walked over for one list.
    pub list_reads: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: MAX_DEPTH,
            check_reads: MAX_CHECK_READS,
            list_reads: MAX_LIST_READS,
        }
    }
}

/// Counts what one question has cost.
pub(super) struct Meter<'a> {
    /// In work, as the next two are.
    left: u64,
    until_look: u64,
    allowance: Option<&'a Allowance>,
    max: u64,
    is_over: &'a dyn Fn() -> bool,
}

impl<'a> Meter<'a> {
    /// A meter that stops after `max` tuples, or when `is_over` says so, or when the allowance is
    /// used up.
    pub(super) fn new(
        max: u64,
        is_over: &'a dyn Fn() -> bool,
        allowance: Option<&'a Allowance>,
    ) -> Self {
        let until_look = READS_BETWEEN_LOOKS * READ_WORK;
        Self {
            left: max.saturating_mul(READ_WORK),
            until_look,
            allowance,
            max,
            is_over,
        }
    }

    /// Counts one tuple, or one row.
    pub(super) fn read(&mut self) -> Result<(), RelationFault> {
        self.work(READ_WORK)
    }

    /// Counts what conditions did.
    pub(super) fn work(&mut self, work: u64) -> Result<(), RelationFault> {
        if let Some(allowance) = self.allowance {
            allowance.take(work)?;
        }
        self.left = self
            .left
            .checked_sub(work)
            .ok_or(RelationFault::TooBroad(self.max))?;
        match self.until_look.checked_sub(work) {
            Some(left) => self.until_look = left,
            None => {
                self.until_look = READS_BETWEEN_LOOKS * READ_WORK;
                self.look()?;
            }
        }
        Ok(())
    }

    /// Looks at the time.
    pub(super) fn look(&self) -> Result<(), RelationFault> {
        if (self.is_over)() {
            Err(RelationFault::OutOfTime)
        } else {
            Ok(())
        }
    }
}

impl std::fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter")
            .field("left", &self.left)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}
