//! The limits of the engine for one question, and their metering.

use super::error::RelationFault;
use std::cell::Cell;

/// Maximum number of dispatches within one another. Following a userset or an arrow is a dispatch;
/// going to another relation of the same object is not (OpenFGA's `resolveNodeLimit`).
pub const MAX_DEPTH: u32 = 25;

/// Maximum number of tuples that a check may read. A permitted check reads a handful; a million
/// keep a core busy for a second. The work of conditions counts too: sixteen values looked at count
/// as one tuple.
pub const MAX_CHECK_READS: u64 = 1_000_000;

/// Maximum number of tuples that a list may walk over, not counting the checks that confirm its
/// candidates. It is higher than for a check, because lists are rarer and their time is limited
/// too.
pub const MAX_LIST_READS: u64 = 20_000_000;

/// Maximum number of results of a list (OpenFGA's `listObjectsMaxResults`).
pub const MAX_RESULTS: usize = 1_000;

/// Maximum number of rewrites that may be open within one another. It bounds the stack: chains of
/// relations of the same object are no dispatches, and could otherwise be as long as the model.
/// Each rewrite takes about a kilobyte and a half in a debug build.
pub const MAX_NESTING: u32 = 500;

/// The number of tuples after whose work the time is checked.
const READS_BETWEEN_LOOKS: u64 = 1_024;

/// The work of reading one tuple, in the units of conditions' work: about 100 ns.
const READ_WORK: u64 = 16;

/// The number of tuples that several readers may read together: all look-ups of one decision share
/// an allowance.
#[derive(Debug)]
pub struct Allowance {
    work: Cell<u64>,
}

impl Allowance {
    /// Creates an allowance for the work of reading `reads` tuples.
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

    /// Takes work off the allowance. If there is less than that, nothing is left.
    fn take(&self, work: u64) -> Result<(), RelationFault> {
        let left = self.work.get().checked_sub(work);
        self.work.set(left.unwrap_or(0));
        left.map(drop).ok_or(RelationFault::TooMuch)
    }
}

/// The limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelationLimits {
    /// Maximum number of dispatches within one another.
    pub depth: u32,
    /// Maximum number of tuples that one check reads.
    pub check_reads: u64,
    /// Maximum number of tuples that one list walks over.
    pub list_reads: u64,
}

impl Default for RelationLimits {
    fn default() -> Self {
        Self {
            depth: MAX_DEPTH,
            check_reads: MAX_CHECK_READS,
            list_reads: MAX_LIST_READS,
        }
    }
}

/// Counts the cost of one question.
pub(super) struct WorkMeter<'a> {
    /// The remaining work; `until_look` is in the same units.
    left: u64,
    until_look: u64,
    allowance: Option<&'a Allowance>,
    max: u64,
    is_over: &'a dyn Fn() -> bool,
}

impl<'a> WorkMeter<'a> {
    /// Creates a meter that stops after `max` tuples, when `is_over` says so, or when the allowance
    /// is used up.
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

    /// Counts work, such as that of conditions.
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

    /// Fails if the time for the request has run out.
    pub(super) fn look(&self) -> Result<(), RelationFault> {
        if (self.is_over)() {
            Err(RelationFault::OutOfTime)
        } else {
            Ok(())
        }
    }
}

impl std::fmt::Debug for WorkMeter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkMeter")
            .field("left", &self.left)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}
