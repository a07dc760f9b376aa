//! Bounds the memory that all requests take together, counted in bytes over the whole process.
//!
//! INVARIANT: all bytes of a [`BudgetShare`] return to the budget when it is dropped, whatever
//! became of its request.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes for all requests together.
#[derive(Debug)]
pub(in crate::http) struct ByteBudget {
    limit: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    /// Creates a budget of which nothing is used.
    pub(in crate::http) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
        })
    }

    /// Takes a share of `bytes` bytes; `None` if fewer are left.
    pub(in crate::http) fn take(self: &Arc<Self>, bytes: usize) -> Option<BudgetShare> {
        self.claim(bytes).then(|| BudgetShare {
            budget: Arc::clone(self),
            bytes: Cell::new(bytes),
        })
    }

    /// Returns `true` if more than half of it is used.
    pub(in crate::http) fn is_pressed(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit / 2
    }

    fn claim(&self, bytes: usize) -> bool {
        let claim = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim)
            .is_ok()
    }
}

/// A part of a budget, given back when it is dropped.
pub(in crate::http) struct BudgetShare {
    budget: Arc<ByteBudget>,
    bytes: Cell<usize>,
}

impl BudgetShare {
    /// Resizes the share to `bytes` bytes. Returns `false`, and changes nothing, if the budget has
    /// too few left.
    pub(in crate::http) fn resize(&self, bytes: usize) -> bool {
        let before = self.bytes.get();
        if bytes > before && !self.budget.claim(bytes - before) {
            return false;
        }
        self.budget
            .used
            .fetch_sub(before.saturating_sub(bytes), Ordering::Relaxed);
        self.bytes.set(bytes);
        true
    }

    /// Returns the size in bytes.
    pub(in crate::http) fn bytes(&self) -> usize {
        self.bytes.get()
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.budget
            .used
            .fetch_sub(self.bytes.get(), Ordering::Relaxed);
    }
}

impl fmt::Debug for BudgetShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BudgetShare")
            .field(&self.bytes.get())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_budget_and_come_back() {
        let budget = ByteBudget::new(10);
        let first = budget.take(6).unwrap();
        assert!(budget.take(5).is_none());
        let second = budget.take(4).unwrap();
        assert!(!first.resize(7) && first.bytes() == 6);
        assert!(first.resize(1) && second.resize(9) && budget.is_pressed());
        drop((first, second));
        assert!(
            !budget.is_pressed() && budget.take(10).is_some() && budget.take(usize::MAX).is_none()
        );
    }
}
