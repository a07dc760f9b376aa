//! Records when each row was last written to, by stripes of rows.
//!
//! Each row of tuples belongs to one of many stripes, by its hash. A stripe holds the revision of
//! the last write to any of its rows, and 16 bits of the hash of the row that was written, which
//! only distinguish a collision from a change.
//!
//! INVARIANT: a write raises the stripes of all rows that it touches before any reader can see its
//! revision. So a reader that has pinned revision `r` sees in every stripe the last write up to
//! `r`, or a later one.

use crate::model::Revision;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of stripes, which take half a megabyte. If ten thousand rows are written during the
/// life of an entry that depends on eight rows, a collision loses it in seven of ten cases; if a
/// hundred rows are written, in one of a hundred.
const STRIPES: usize = 1 << 16;

/// The highest revision that a stripe can hold: 48 bits, a million writes a second for nine years.
const LAST: u64 = (1 << 48) - 1;

/// A row, as far as stripes distinguish rows: the stripe in the upper half, and the tag that
/// distinguishes a collision in the lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StripeRow(u32);

impl StripeRow {
    /// Creates the row whose name has this hash.
    #[must_use]
    pub fn of(hash: u64) -> Self {
        Self(u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0))
    }

    fn stripe(self) -> usize {
        usize::try_from(self.0 >> 16).unwrap_or(0)
    }

    fn tag(self) -> u64 {
        u64::from(self.0 & 0xFFFF)
    }
}

/// The storage of a stripe: an atomic number, or the one that a model checker supplies.
pub trait StripeCell {
    /// Creates a cell that holds 0.
    fn zero() -> Self;
    /// Returns the value.
    fn load(&self) -> u64;
    /// Raises the value to at least `value`.
    fn raise(&self, value: u64);
}

/// Relaxed ordering suffices: a reader finds a stripe through a version of the store, or through an
/// entry made from one, and both are published after the stripes were raised.
impl StripeCell for AtomicU64 {
    fn zero() -> Self {
        Self::new(0)
    }

    fn load(&self) -> u64 {
        Self::load(self, Ordering::Relaxed)
    }

    fn raise(&self, value: u64) {
        self.fetch_max(value, Ordering::Relaxed);
    }
}

/// What happened to rows since they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFreshness {
    /// No row was written to.
    Unchanged,
    /// One of the rows was written to, as far as can be told.
    Changed,
    /// The last write to a stripe was to another row than the one that was read. Whether the row
    /// itself was written to before that cannot be told.
    Collided,
}

/// The stripes of one store.
#[derive(Debug)]
pub struct Stripes<C = AtomicU64> {
    cells: Box<[C]>,
}

impl Default for Stripes {
    fn default() -> Self {
        Self::new(STRIPES)
    }
}

impl<C: StripeCell> Stripes<C> {
    /// Creates `count` stripes, at most 65,536: more would never be used.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            cells: (0..count.clamp(1, STRIPES)).map(|_| C::zero()).collect(),
        }
    }

    /// Records a write. Must be called before `revision` is published.
    pub fn raise(&self, rows: impl IntoIterator<Item = StripeRow>, revision: Revision) {
        for row in rows {
            if let Some(cell) = self.cell(row) {
                cell.raise((revision.0.min(LAST) << 16) | row.tag());
            }
        }
    }

    /// Returns what happened to rows since the earlier of the revision at which they were read and
    /// the one that a reader has pinned.
    ///
    /// INVARIANT: returns [`RowFreshness::Unchanged`] only if the rows are the same at both.
    /// Stripes are compared with the earlier revision, because a write between the two revisions,
    /// or after both, has raised a stripe above the earlier one.
    #[must_use]
    pub fn between(&self, rows: &[StripeRow], read: Revision, pinned: Revision) -> RowFreshness {
        self.since(rows, read.min(pinned))
    }

    fn since(&self, rows: &[StripeRow], upto: Revision) -> RowFreshness {
        for row in rows {
            let Some(cell) = self.cell(*row) else {
                return RowFreshness::Changed;
            };
            let raised = cell.load();
            // A stripe at the highest revision says nothing any more.
            if raised >> 16 > upto.0 || raised >> 16 == LAST {
                return if raised & 0xFFFF == row.tag() {
                    RowFreshness::Changed
                } else {
                    RowFreshness::Collided
                };
            }
        }
        RowFreshness::Unchanged
    }

    fn cell(&self, row: StripeRow) -> Option<&C> {
        self.cells.get(row.stripe() % self.cells.len())
    }
}

#[cfg(test)]
mod tests;
