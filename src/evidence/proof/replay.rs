//! Remembers proofs, so that none is accepted twice (RFC 9449 section 11.1).
//!
//! Time is measured by the monotonic clock. If the machine's clock is set back, forgotten proofs
//! look fresh again; so a proof that is not younger than the youngest forgotten one is refused.
//!
//! INVARIANT: a proof is remembered for at least as long as it is fresh, whoever sent it; and the
//! memory is bounded. When the memory is full, proofs are refused until it is not, since a
//! forgotten proof would be accepted again. Each caller has a share that no other can fill.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// LIMIT: proofs in one window that all callers together may send beyond their own shares. Each
/// takes a hundred bytes.
const SHARED: usize = 200_000;

/// LIMIT: each caller's own share of proofs in one window: some sixty a second.
const OWN: usize = 4_096;

/// The result of looking up a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evidence) enum ReplayCheck {
    /// The proof is new.
    Never,
    /// The proof was used before.
    Before,
    /// The proof may have been used before: it is as old as proofs that were forgotten.
    Forgotten,
    /// Too many proofs have been used lately.
    Full,
}

/// A proof to be remembered.
#[derive(Clone, Copy, Debug)]
pub(in crate::evidence) struct ProofNote {
    /// The digest that identifies the proof.
    pub(in crate::evidence) name: [u8; 32],
    /// The time at which it was made, as it states.
    pub(in crate::evidence) made_ms: i64,
    /// The index of the caller that sent it; `None` for one without a name.
    pub(in crate::evidence) caller: Option<usize>,
}

/// The proofs of two windows: the current one and the previous one.
#[derive(Debug)]
pub(in crate::evidence) struct Replays {
    windows: Mutex<Windows>,
    window_ms: i64,
    shared: usize,
    own: usize,
}

#[derive(Debug)]
struct Windows {
    began_ms: i64,
    current: Window,
    last: Window,
    /// The time at which the youngest forgotten proof was made.
    forgotten_ms: i64,
}

#[derive(Debug)]
struct Window {
    names: HashSet<[u8; 32], foldhash::fast::RandomState>,
    /// The time at which the youngest proof of this window was made.
    youngest_ms: i64,
    /// The number of proofs of each caller, up to its own share.
    own: HashMap<Option<usize>, usize>,
    /// The number of proofs beyond these shares.
    shared: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            names: HashSet::default(),
            youngest_ms: i64::MIN,
            own: HashMap::new(),
            shared: 0,
        }
    }
}

impl Windows {
    /// Starts a new window if this one is over.
    fn rotate(&mut self, window_ms: i64, now_ms: i64) {
        let age = now_ms.saturating_sub(self.began_ms);
        if age < window_ms {
            return;
        }
        let current = std::mem::take(&mut self.current);
        let over = std::mem::replace(&mut self.last, current);
        self.forgotten_ms = self.forgotten_ms.max(over.youngest_ms);
        // After a pause of two windows, no remembered proof is fresh any more.
        if age >= window_ms.saturating_mul(2) {
            self.forgotten_ms = self.forgotten_ms.max(self.last.youngest_ms);
            self.last = Window::default();
        }
        self.began_ms = now_ms;
    }
}

impl Window {
    /// Counts one more proof of this caller; returns `false` if there is no room.
    fn take(&mut self, caller: Option<usize>, own: usize, shared: usize) -> bool {
        let used = self.own.entry(caller).or_default();
        if *used < own {
            *used += 1;
            return true;
        }
        if self.shared < shared {
            self.shared += 1;
            return true;
        }
        false
    }
}

impl Replays {
    /// Creates a memory that keeps proofs for at least `window_ms`.
    pub(in crate::evidence) fn new(window_ms: i64) -> Self {
        let windows = Windows {
            began_ms: 0,
            current: Window::default(),
            last: Window::default(),
            forgotten_ms: i64::MIN,
        };
        Self {
            windows: Mutex::new(windows),
            window_ms,
            shared: SHARED,
            own: OWN,
        }
    }

    /// Records a proof at this time of the monotonic clock.
    pub(in crate::evidence) fn note(&self, note: ProofNote, now_ms: i64) -> ReplayCheck {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.rotate(self.window_ms, now_ms);
        if windows.current.names.contains(&note.name) || windows.last.names.contains(&note.name) {
            return ReplayCheck::Before;
        }
        if note.made_ms <= windows.forgotten_ms {
            return ReplayCheck::Forgotten;
        }
        if !windows.current.take(note.caller, self.own, self.shared) {
            return ReplayCheck::Full;
        }
        windows.current.youngest_ms = windows.current.youngest_ms.max(note.made_ms);
        windows.current.names.insert(note.name);
        ReplayCheck::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns a proof that is sent when it is made.
    fn note(proof: u8, caller: usize, made_ms: i64) -> ProofNote {
        ProofNote {
            name: [proof; 32],
            made_ms,
            caller: Some(caller),
        }
    }

    #[test]
    fn a_full_memory_refuses_until_its_window_ends() {
        let replays = Replays {
            shared: 1,
            own: 1,
            ..Replays::new(100)
        };
        let send = |proof, now_ms| replays.note(note(proof, 0, now_ms), now_ms);
        assert_eq!(
            [1, 2, 3].map(|proof| send(proof, 1_000)),
            [ReplayCheck::Never, ReplayCheck::Never, ReplayCheck::Full]
        );
        assert_eq!(send(1, 1_099), ReplayCheck::Before);
        assert_eq!(send(3, 1_100), ReplayCheck::Never);
        assert_eq!(send(1, 1_150), ReplayCheck::Before);
    }

    #[test]
    fn no_caller_takes_the_room_of_another() {
        let replays = Replays {
            shared: 3,
            own: 2,
            ..Replays::new(100)
        };
        let send = |proof, caller| replays.note(note(proof, caller, 1_000), 1_000);
        let flood: Vec<ReplayCheck> = (0..7).map(|proof| send(proof, 0)).collect();
        assert_eq!(
            flood
                .iter()
                .filter(|seen| **seen == ReplayCheck::Never)
                .count(),
            5
        );
        assert_eq!(
            [send(10, 1), send(11, 1), send(12, 1)],
            [ReplayCheck::Never, ReplayCheck::Never, ReplayCheck::Full]
        );
        // A proof is the same, whoever sends it.
        assert_eq!(
            [send(0, 1), send(10, 0)],
            [ReplayCheck::Before, ReplayCheck::Before]
        );
    }

    #[test]
    fn a_clock_that_is_set_back_lets_nothing_in_again() {
        let replays = Replays::new(100);
        let send = |proof, made_ms, now_ms| replays.note(note(proof, 0, made_ms), now_ms);
        assert_eq!(send(1, 5_000, 0), ReplayCheck::Never);
        assert_eq!(send(2, 5_300, 300), ReplayCheck::Never);
        // The first proof is forgotten, and by the clock it is fresh again.
        assert_eq!(
            [send(1, 5_000, 350), send(3, 5_000, 350)],
            [ReplayCheck::Forgotten, ReplayCheck::Forgotten]
        );
        assert_eq!(
            [send(2, 5_300, 350), send(3, 5_001, 350)],
            [ReplayCheck::Before, ReplayCheck::Never]
        );
    }

    proptest! {
        #[test]
        fn no_proof_is_taken_twice_within_the_window(
            steps in prop::collection::vec((0_u8..8, 0_i64..80), 1..200),
        ) {
            let replays = Replays::new(100);
            let mut now = 1_000_000;
            let mut taken: Vec<(u8, i64)> = Vec::new();
            for (proof, pause) in steps {
                now += pause;
                let seen = replays.note(note(proof, usize::from(proof) % 2, now), now);
                let fresh = taken.iter().any(|(known, at)| *known == proof && now - at < 100);
                prop_assert!(!(fresh && seen == ReplayCheck::Never), "{proof} at {now}");
                if seen == ReplayCheck::Never {
                    taken.push((proof, now));
                }
            }
        }
    }
}
