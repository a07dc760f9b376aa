//! Counts the requests that wait for a revision.
//!
//! INVARIANT: a request that waits takes one of a limited number of places, which no caller can
//! take all for itself, and its text is paid for.

use crate::http::HttpLimits;
use crate::http::load::budget::{BudgetShare, ByteBudget};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests that wait may take one part in this number of the memory for bodies.
const PART_OF_BODIES: usize = 4;

/// The places for requests that wait.
#[derive(Debug)]
pub(in crate::http) struct WaitingPlaces {
    limit: usize,
    taken: AtomicUsize,
    /// The number of places taken by anonymous callers, and by each configured caller.
    by_caller: Box<[AtomicUsize]>,
    memory: Arc<ByteBudget>,
}

/// A place, which is freed when it is dropped.
#[derive(Debug)]
pub(in crate::http) struct WaitingPlace<'a> {
    places: &'a WaitingPlaces,
    of: &'a AtomicUsize,
    _text: BudgetShare,
}

impl WaitingPlaces {
    /// Creates places under these limits, for `callers` configured callers.
    pub(in crate::http) fn new(limits: &HttpLimits, callers: usize) -> Self {
        Self {
            limit: limits.waiting,
            taken: AtomicUsize::new(0),
            by_caller: (0..=callers).map(|_| AtomicUsize::new(0)).collect(),
            memory: ByteBudget::new(limits.bodies_bytes / PART_OF_BODIES),
        }
    }

    /// Takes a place for a request whose body has `body` bytes, of the `caller` with this index;
    /// of an anonymous one without. With several configured callers, each may take at most as many
    /// as are left: one alone gets half of all, the next a third.
    pub(in crate::http) fn take(
        &self,
        caller: Option<usize>,
        body: usize,
    ) -> Option<WaitingPlace<'_>> {
        let of = self.by_caller.get(caller.map_or(0, |caller| caller + 1))?;
        let text = self.memory.take(body)?;
        let place = WaitingPlace {
            places: self,
            of,
            _text: text,
        };
        let own = of.fetch_add(1, Ordering::Relaxed);
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        // The first counter is for anonymous callers, of whom there may be none.
        let share = if self.by_caller.len() > 2 {
            self.limit.saturating_sub(taken).saturating_sub(own)
        } else {
            1
        };
        (taken < self.limit && share > 0).then_some(place)
    }
}

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(1, Ordering::Relaxed);
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
