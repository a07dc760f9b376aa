//! Keeps merged scopes and slices, so that each is merged once.
//!
//! INVARIANT: the memory is bounded. A value made from a single number has a slot of its own; there
//! are as many slots as numbers. All other values are in a map: when it becomes too large, it is
//! emptied and fills again. A merge costs some microseconds per policy merged, and slices that are
//! in use come back at once.
//!
//! Nearly all values are made from one number: of ten thousand policies of a thousand tenants,
//! those of one tenant about one type. A slot costs two reads of memory that miss every cache, the
//! map five.

use foldhash::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The numbers and policies that may be kept, each of which counts as one: about 40 MiB, and some
/// hundred thousand slices of a few policies.
const MAX_WEIGHT: usize = 4_000_000;

/// The weight of one entry beside its numbers and policies.
const ENTRY_WEIGHT: usize = 24;

/// A value whose weight is the number of parts that it holds in memory.
pub(super) trait HasWeight {
    fn weight(&self) -> usize;
}

/// Values, by the numbers from which they were made.
#[derive(Debug)]
pub(super) struct Memo<T> {
    by_number: Box<[OnceLock<Arc<T>>]>,
    kept: RwLock<MemoEntries<T>>,
}

#[derive(Debug)]
struct MemoEntries<T> {
    weight: usize,
    by_numbers: HashMap<Box<[u32]>, Arc<T>>,
}

impl<T: HasWeight> Memo<T> {
    /// Creates a memo with slots for the numbers below `count`.
    pub(super) fn new(count: usize) -> Self {
        let by_number = std::iter::repeat_with(OnceLock::new).take(count).collect();
        Self {
            by_number,
            kept: RwLock::new(MemoEntries {
                weight: 0,
                by_numbers: HashMap::default(),
            }),
        }
    }

    /// Returns the value made from these numbers, or makes it now. If two threads make it at once,
    /// both get the same one.
    pub(super) fn get(&self, numbers: &[u32], make: impl FnOnce() -> T) -> Arc<T> {
        if let [one] = numbers
            && let Some(place) = self.by_number.get(*one as usize)
        {
            return Arc::clone(place.get_or_init(|| Arc::new(make())));
        }
        let known = self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_numbers
            .get(numbers)
            .cloned();
        known.unwrap_or_else(|| {
            let made = Arc::new(make());
            let weight = ENTRY_WEIGHT + numbers.len() + made.weight();
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = kept.by_numbers.get(numbers) {
                return known.clone();
            }
            if kept.weight + weight > MAX_WEIGHT {
                *kept = MemoEntries {
                    weight: 0,
                    by_numbers: HashMap::default(),
                };
            }
            if weight <= MAX_WEIGHT {
                kept.weight += weight;
                kept.by_numbers.insert(numbers.into(), made.clone());
            }
            made
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Heavy(usize);

    impl HasWeight for Heavy {
        fn weight(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_too_heavy_is_not_kept() {
        let memo = Memo::new(1);
        for number in 0..10 {
            let made = memo.get(&[0, number], || Heavy(1_000_000));
            assert!(
                Arc::ptr_eq(&made, &memo.get(&[0, number], || Heavy(0))),
                "{number}"
            );
            assert!(memo.kept.read().unwrap().weight <= MAX_WEIGHT);
        }
        assert_eq!(memo.kept.read().unwrap().by_numbers.len(), 1);
        assert_eq!(*memo.get(&[0, 99], || Heavy(MAX_WEIGHT)), Heavy(MAX_WEIGHT));
        assert_eq!(*memo.get(&[0, 99], || Heavy(7)), Heavy(7));
    }

    #[test]
    fn what_is_made_from_one_number_stays() {
        let memo = Memo::new(2);
        let made = memo.get(&[1], || Heavy(MAX_WEIGHT));
        assert!(Arc::ptr_eq(&made, &memo.get(&[1], || Heavy(0))));
        assert_eq!(*memo.get(&[0], || Heavy(7)), Heavy(7));
        assert_eq!(memo.kept.read().unwrap().by_numbers.len(), 0);
        assert_eq!(*memo.get(&[], || Heavy(2)), Heavy(2));
    }
}
