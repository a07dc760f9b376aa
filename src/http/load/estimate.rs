//! Estimates how long the work of one worker takes, from the work that it has done.

use std::time::Duration;

/// The newest sample has a weight of one in this number.
const WEIGHT: u64 = 8;

/// A sample counts as at most this many times the mean: if the machine stalled, its time says
/// nothing about the work.
const OUTLIER: u64 = 4;

/// The running means of one worker. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Estimate {
    /// Time for 1,024 bytes of a body; 0 until something was done.
    per_kibibyte: u64,
    /// Time of a turn.
    per_turn: u64,
}

impl Estimate {
    /// Returns the estimated time for a body of `bytes` bytes.
    pub(super) fn of(&self, bytes: usize) -> Duration {
        Duration::from_nanos(self.per_kibibyte.saturating_mul(length(bytes)) / 1_024)
    }

    /// Returns the estimated time of a turn.
    pub(super) fn turn(&self) -> Duration {
        Duration::from_nanos(self.per_turn)
    }

    /// Learns that a body of `bytes` bytes took the time `took`.
    pub(super) fn learn(&mut self, bytes: usize, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.per_kibibyte = mean(
            self.per_kibibyte,
            took.saturating_mul(1_024) / length(bytes),
        );
        self.per_turn = mean(self.per_turn, took);
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
}

fn mean(mean: u64, sample: u64) -> u64 {
    if mean == 0 {
        return sample;
    }
    let sample = sample.min(mean.saturating_mul(OUTLIER));
    (mean / WEIGHT)
        .saturating_mul(WEIGHT - 1)
        .saturating_add(sample / WEIGHT)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_was_done_and_no_single_pause() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.of(1 << 20), Duration::ZERO);
        estimate.learn(2_048, Duration::from_millis(2));
        assert_eq!(estimate.of(10_240), Duration::from_millis(10));
        estimate.learn(2_048, Duration::from_secs(20));
        assert!(
            estimate.of(2_048) < Duration::from_millis(3),
            "{estimate:?}"
        );
        for _ in 0..100 {
            estimate.learn(2_048, Duration::from_millis(8));
        }
        assert!(
            estimate.turn() > Duration::from_millis(7)
                && estimate.of(1_024) > Duration::from_millis(3)
        );
    }
}
