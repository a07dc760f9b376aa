//! Proofs that were seen, so that none is taken twice (RFC 9449 section 11.1).
//!
//! Time is counted by the monotonic clock. Where the machine's clock is set back, proofs that were
//! forgotten look fresh again: those that are not younger than the youngest that was forgotten are
//! refused.
//!
//! INVARIANT: a proof is remembered for at least as long as it is fresh, whoever sent it; and the
//! memory is bounded. Where it is full, proofs are refused until it is not: forgetting one would
//! let it in again. Each caller has a part of it that no other can fill.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// LIMIT: proofs of one window that callers may send beyond what each has for itself, all together.
/// A hundred bytes each.
const SHARED: usize = 200_000;

/// LIMIT: proofs of one window that each caller has for itself: some sixty a second.
const OWN: usize = 4_096;

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evidence) enum Seen {
    /// It is new.
    Never,
    /// It was used before.
    Before,
    /// It may have been used before: it is as old as what is no longer remembered.
    Forgotten,
    /// Too many proofs have been used lately.
    Full,
}

/// A proof that is to be remembered.
#[derive(Clone, Copy, Debug)]
pub(in crate::evidence) struct Note {
    /// The digest of what makes it this one.
    pub(in crate::evidence) name: [u8; 32],
    /// When it was made, as it says.
    pub(in crate::evidence) made_ms: i64,
    /// Which of the callers sent it; none for one without a name.
    pub(in crate::evidence) caller: Option<usize>,
}

/// Two windows: the current one, and the one before it.
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
    /// When the youngest proof was made of those that were forgotten.
    forgotten_ms: i64,
}

#[derive(Debug)]
struct Window {
    names: HashSet<[u8; 32], foldhash::fast::RandomState>,
    /// When the youngest of them was made.
    youngest_ms: i64,
    /// How many each caller has sent, up to what it has for itself.
    own: HashMap<Option<usize>, usize>,
    /// How many were sent beyond that.
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
    /// Begins another window where this one is over.
    fn turn(&mut self, window_ms: i64, now_ms: i64) {
        let age = now_ms.saturating_sub(self.began_ms);
        if age < window_ms {
            return;
        }
        let current = std::mem::take(&mut self.current);
        let over = std::mem::replace(&mut self.last, current);
        self.forgotten_ms = self.forgotten_ms.max(over.youngest_ms);
        // After a pause of two windows nothing that is remembered is fresh any more.
        if age >= window_ms.saturating_mul(2) {
            self.forgotten_ms = self.forgotten_ms.max(self.last.youngest_ms);
            self.last = Window::default();
        }
        self.began_ms = now_ms;
    }
}

impl Window {
    /// Takes room for one more of this caller's; `false` where there is none.
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
    /// Remembers proofs for at least `window_ms`.
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

    /// Takes note of a proof, at this time of the monotonic clock.
    pub(in crate::evidence) fn note(&self, note: Note, now_ms: i64) -> Seen {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.turn(self.window_ms, now_ms);
        if windows.current.names.contains(&note.name) || windows.last.names.contains(&note.name) {
            return Seen::Before;
        }
        if note.made_ms <= windows.forgotten_ms {
            return Seen::Forgotten;
        }
        if !windows.current.take(note.caller, self.own, self.shared) {
            return Seen::Full;
        }
        windows.current.youngest_ms = windows.current.youngest_ms.max(note.made_ms);
        windows.current.names.insert(note.name);
        Seen::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A proof that is made when it is sent.
    fn note(proof: u8, caller: usize, made_ms: i64) -> Note {
        Note {
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
            [Seen::Never, Seen::Never, Seen::Full]
        );
        assert_eq!(send(1, 1_099), Seen::Before);
        assert_eq!(send(3, 1_100), Seen::Never);
        assert_eq!(send(1, 1_150), Seen::Before);
    }

    #[test]
    fn no_caller_takes_the_room_of_another() {
        let replays = Replays {
            shared: 3,
            own: 2,
            ..Replays::new(100)
        };
        let send = |proof, caller| replays.note(note(proof, caller, 1_000), 1_000);
        let flood: Vec<Seen> = (0..7).map(|proof| send(proof, 0)).collect();
        assert_eq!(flood.iter().filter(|seen| **seen == Seen::Never).count(), 5);
        assert_eq!(
            [send(10, 1), send(11, 1), send(12, 1)],
            [Seen::Never, Seen::Never, Seen::Full]
        );
        // A proof is the same, whoever sends it.
        assert_eq!([send(0, 1), send(10, 0)], [Seen::Before, Seen::Before]);
    }

    #[test]
    fn a_clock_that_is_set_back_lets_nothing_in_again() {
        let replays = Replays::new(100);
        let send = |proof, made_ms, now_ms| replays.note(note(proof, 0, made_ms), now_ms);
        assert_eq!(send(1, 5_000, 0), Seen::Never);
        assert_eq!(send(2, 5_300, 300), Seen::Never);
        // The first is forgotten, and by the clock it is fresh again.
        assert_eq!(
            [send(1, 5_000, 350), send(3, 5_000, 350)],
            [Seen::Forgotten, Seen::Forgotten]
        );
        assert_eq!(
            [send(2, 5_300, 350), send(3, 5_001, 350)],
            [Seen::Before, Seen::Never]
        );
    }

    proptest! {
        #[test]
        fn no_proof_is_taken_twice_within_the_window(steps in prop::collection::vec((0_u8..8, 0_i64..80), 1..200)) {
            let replays = Replays::new(100);
            let mut now = 1_000_000;
            let mut taken: Vec<(u8, i64)> = Vec::new();
            for (proof, pause) in steps {
                now += pause;
                let seen = replays.note(note(proof, usize::from(proof) % 2, now), now);
                let fresh = taken.iter().any(|(known, at)| *known == proof && now - at < 100);
                prop_assert!(!(fresh && seen == Seen::Never), "{proof} at {now}");
                if seen == Seen::Never {
                    taken.push((proof, now));
                }
            }
        }
    }
}
