//! Generated tokens, issuers, key sets and authorities, held to what must be so of any of them.
//!
//! Each generator knows the truth before it writes it down: who is behind a token, which keys an
//! issuer still publishes. What comes out is that truth or a refusal. A census says that every kind
//! came, and came through.

mod authorities;
mod census;
mod forms;
mod issuers;
mod keys;
mod named;
mod pairs;
mod presets;
mod sources;
mod spelled;

use support::service::NOW_MS;

const NOW: i64 = NOW_MS / 1_000;

/// A small generator: xorshift, with a seed that a failure names. No seed is zero, of which nothing
/// else comes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Some of these, in an order of its own.
    fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        let mut some = Vec::new();
        for one in of {
            if self.chance(60) {
                let at = self.below(some.len() + 1);
                some.insert(at, one.clone());
            }
        }
        some
    }
}
