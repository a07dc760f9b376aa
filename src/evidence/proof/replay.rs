//! Proofs that were seen, so that none is taken twice (RFC 9449 section 11.1).
//!
//! INVARIANT: a proof is remembered for at least as long as it is fresh; and the memory is bounded. Where it is full,
//! proofs are refused until it is not: forgetting one would let it in again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// LIMIT: proofs of one window. A hundred bytes each.
const MOST: usize = 200_000;

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evidence) enum Seen {
    /// It is new.
    Never,
    /// It was used before.
    Before,
    /// Too many proofs have been used lately.
    Full,
}

/// Two windows: the current one, and the one before it.
#[derive(Debug)]
pub(in crate::evidence) struct Replays {
    windows: Mutex<Windows>,
    window_ms: i64,
    most: usize,
}

#[derive(Debug, Default)]
struct Windows {
    began_ms: i64,
    current: HashSet<[u8; 32], foldhash::fast::RandomState>,
    last: HashSet<[u8; 32], foldhash::fast::RandomState>,
}

impl Replays {
    /// Remembers proofs for at least `window_ms`.
    pub(in crate::evidence) fn new(window_ms: i64) -> Self {
        Self { windows: Mutex::default(), window_ms, most: MOST }
    }

    /// Takes note of a proof.
    pub(in crate::evidence) fn note(&self, digest: [u8; 32], now_ms: i64) -> Seen {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now_ms.saturating_sub(windows.began_ms);
        if age >= self.window_ms {
            let current = std::mem::take(&mut windows.current);
            // After a pause of two windows nothing that is remembered is fresh any more.
            windows.last = if age < self.window_ms.saturating_mul(2) { current } else { HashSet::default() };
            windows.began_ms = now_ms;
        }
        if windows.current.contains(&digest) || windows.last.contains(&digest) {
            return Seen::Before;
        }
        if windows.current.len() >= self.most {
            return Seen::Full;
        }
        windows.current.insert(digest);
        Seen::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_memory_refuses_until_its_window_ends() {
        let replays = Replays { most: 2, ..Replays::new(100) };
        assert_eq!([1, 2, 3].map(|proof| replays.note([proof; 32], 1_000)), [Seen::Never, Seen::Never, Seen::Full]);
        assert_eq!(replays.note([1; 32], 1_099), Seen::Before);
        assert_eq!(replays.note([3; 32], 1_100), Seen::Never);
        assert_eq!(replays.note([1; 32], 1_150), Seen::Before);
    }

    proptest! {
        #[test]
        fn no_proof_is_taken_twice_within_the_window(steps in prop::collection::vec((0_u8..8, 0_i64..80), 1..200)) {
            let replays = Replays::new(100);
            let mut now = 1_000_000;
            let mut taken: Vec<(u8, i64)> = Vec::new();
            for (proof, pause) in steps {
                now += pause;
                let seen = replays.note([proof; 32], now);
                let fresh = taken.iter().any(|(known, at)| *known == proof && now - at < 100);
                prop_assert!(!(fresh && seen == Seen::Never), "{proof} at {now}");
                if seen == Seen::Never {
                    taken.push((proof, now));
                }
            }
        }
    }
}
