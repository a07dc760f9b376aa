//! What was merged once is kept.
//!
//! INVARIANT: bounded. What is made from one number has a place of its own, of which there are as
//! many as numbers. The rest stands in a map: when that becomes too much, all of it is dropped and
//! gathered anew. A merge costs some microseconds per policy merged, and slices that are in use
//! come back at once.
//!
//! Nearly everything is made from one number: of ten thousand policies of a thousand tenants, those
//! of one tenant about one type. Found at its place it costs two looks into memory that no cache
//! holds, in the map five.

use foldhash::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Numbers and policies that may be kept, counted as one each: about 40 MiB, and some hundred
/// thousand slices of a few policies.
const MAX_WEIGHT: usize = 4_000_000;

/// What one entry weighs beside its numbers and policies.
const ENTRY_WEIGHT: usize = 24;

/// What has a number of parts that it holds in memory.
pub(super) trait Weighed {
    fn weight(&self) -> usize;
}

/// Values by the numbers that they were made from.
#[derive(Debug)]
pub(super) struct Memo<T> {
    by_number: Box<[OnceLock<Arc<T>>]>,
    kept: RwLock<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    weight: usize,
    by_numbers: HashMap<Box<[u32]>, Arc<T>>,
}

impl<T: Weighed> Memo<T> {
    /// For the numbers below `count`.
    pub(super) fn new(count: usize) -> Self {
        let by_number = std::iter::repeat_with(OnceLock::new).take(count).collect();
        Self {
            by_number,
            kept: RwLock::new(Kept {
                weight: 0,
                by_numbers: HashMap::default(),
            }),
        }
    }

    /// What was made from these numbers, or is made now. Of two threads that make it at once, one's
    /// is kept by both.
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
                *kept = Kept {
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

    impl Weighed for Heavy {
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
