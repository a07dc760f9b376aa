//! Shows decisions, as they are made, to those who watch them.
//!
//! **Problem.** Whoever watches may read slowly or stop reading, and there may be thousands of
//! decisions a second.
//! **Decision.** Each watch has a queue that is bounded in decisions and in bytes. A decision is
//! put into it without waiting, and where there is no room the oldest is dropped and counted. All
//! queues lie behind one lock, which is held for a few moves of pointers, so that decisions have
//! one order in all of them.
//! **Trade-off.** While somebody watches, each decision is written as JSON and takes that lock.
//! While nobody does, it costs one relaxed load.

use crate::record::{DecisionFilter, DecisionRecord};
use crate::telemetry::Metrics;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// LIMIT: decisions that wait for one watch: two seconds of a busy service.
const QUEUE_EVENTS: usize = 2_048;

/// LIMIT: bytes that wait for one watch. One record can hold 64 KiB of inputs. Decisions are shared
/// by all queues, so that sixteen watches of the same need as much as one.
const QUEUE_BYTES: usize = 4 << 20;

/// The feed of a process.
#[derive(Debug, Default)]
pub(super) struct DecisionFeed {
    /// How many watch. It says only whether a record is worth making, so it is read relaxed.
    watched: AtomicUsize,
    state: Mutex<FeedState>,
}

#[derive(Debug, Default)]
struct FeedState {
    /// The number of the last decision.
    number: u64,
    /// How many decisions there had been when nobody watched any more.
    left_at: u64,
    next_watch: u64,
    queues: Vec<WatchQueue>,
}

/// What waits for one watch.
#[derive(Debug)]
struct WatchQueue {
    watch: u64,
    filter: DecisionFilter,
    events: VecDeque<Arc<DecisionEvent>>,
    bytes: usize,
    /// Decisions that were dropped since the last look.
    lost: u64,
    waker: Option<Waker>,
}

/// A decision as those who watch see it.
#[derive(Debug)]
pub struct DecisionEvent {
    /// Its number: that of all decisions of the process, as exactly as they can be counted while
    /// nobody watches.
    pub number: u64,
    /// The record, one line of JSON without its end, with a member `took_us` besides: how many
    /// microseconds it took to decide.
    pub record: String,
}

/// What there was since the last look.
#[derive(Debug)]
pub struct WatchedDecisions {
    /// How many decisions were dropped before these, since they were not looked at in time.
    pub lost: u64,
    /// The decisions, in their order.
    pub events: Vec<Arc<DecisionEvent>>,
}

/// A watch over decisions, which ends when this is dropped.
#[derive(Debug)]
pub struct DecisionWatch {
    feed: Arc<DecisionFeed>,
    watch: u64,
    metrics: Arc<Metrics>,
    /// The number of the last decision before it began.
    pub began_at: u64,
}

impl DecisionFeed {
    /// Returns `true` if somebody watches.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    /// Shows a decision, whose record is this line, to those who want to see it.
    pub(super) fn offer(&self, entry: &DecisionRecord<'_>, line: &[u8], took: Duration) {
        let Some(record) = record_of(line, took) else {
            return;
        };
        let mut state = self.state();
        state.number += 1;
        let event = Arc::new(DecisionEvent {
            number: state.number,
            record,
        });
        for queue in &mut state.queues {
            if queue.filter.matches(entry) {
                queue.push(Arc::clone(&event));
            }
        }
    }

    /// Begins a watch. `metrics` says how many decisions there were.
    pub(super) fn watch(
        self: &Arc<Self>,
        filter: DecisionFilter,
        metrics: Arc<Metrics>,
    ) -> DecisionWatch {
        let mut state = self.state();
        if state.queues.is_empty() {
            let unseen = metrics.decisions_so_far().saturating_sub(state.left_at);
            state.number += unseen;
        }
        let watch = state.next_watch;
        state.next_watch += 1;
        state.queues.push(WatchQueue {
            watch,
            filter,
            events: VecDeque::new(),
            bytes: 0,
            lost: 0,
            waker: None,
        });
        let began_at = state.number;
        self.watched.store(state.queues.len(), Ordering::Relaxed);
        drop(state);
        DecisionWatch {
            feed: Arc::clone(self),
            watch,
            metrics,
            began_at,
        }
    }

    fn state(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the line's object with the member `took_us` behind the others.
fn record_of(line: &[u8], took: Duration) -> Option<String> {
    let object = str::from_utf8(line.strip_suffix(b"}\n")?).ok()?;
    Some(format!("{object},\"took_us\":{}}}", took.as_micros()))
}

impl WatchQueue {
    /// Adds a decision, and drops the oldest ones beyond the bounds. One is kept, however large.
    fn push(&mut self, event: Arc<DecisionEvent>) {
        self.bytes += event.record.len();
        self.events.push_back(event);
        while self.events.len() > QUEUE_EVENTS
            || (self.bytes > QUEUE_BYTES && self.events.len() > 1)
        {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.record.len();
            self.lost += 1;
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Takes the oldest decisions, of at most `most` bytes together, or one.
    fn take(&mut self, most: usize) -> WatchedDecisions {
        let mut taken = WatchedDecisions {
            lost: std::mem::take(&mut self.lost),
            events: Vec::new(),
        };
        let mut bytes = 0;
        while let Some(next) = self.events.front() {
            bytes += next.record.len();
            if bytes > most && !taken.events.is_empty() {
                break;
            }
            self.bytes -= next.record.len();
            taken.events.extend(self.events.pop_front());
        }
        taken
    }
}

impl DecisionWatch {
    /// Returns decisions that have not been looked at yet, of at most `most` bytes together, or one
    /// that is larger; wakes the task once there are some.
    pub fn poll_next(&self, most: usize, cx: &Context<'_>) -> Poll<WatchedDecisions> {
        let mut state = self.feed.state();
        let queue = state
            .queues
            .iter_mut()
            .find(|queue| queue.watch == self.watch);
        let Some(queue) = queue else {
            return Poll::Pending;
        };
        if queue.events.is_empty() {
            queue.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(queue.take(most))
    }
}

impl Drop for DecisionWatch {
    fn drop(&mut self) {
        let mut state = self.feed.state();
        let at = state
            .queues
            .iter()
            .position(|queue| queue.watch == self.watch);
        let ended = at.map(|at| state.queues.swap_remove(at));
        if state.queues.is_empty() {
            state.left_at = self.metrics.decisions_so_far();
        }
        self.feed
            .watched
            .store(state.queues.len(), Ordering::Relaxed);
        drop(state);
        // What waited is freed without the lock.
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64, bytes: usize) -> Arc<DecisionEvent> {
        Arc::new(DecisionEvent {
            number,
            record: "x".repeat(bytes),
        })
    }

    fn queue() -> WatchQueue {
        WatchQueue {
            watch: 0,
            filter: DecisionFilter::default(),
            events: VecDeque::new(),
            bytes: 0,
            lost: 0,
            waker: None,
        }
    }

    fn numbers(taken: &WatchedDecisions) -> Vec<u64> {
        taken.events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let mut queue = queue();
        let most = u64::try_from(QUEUE_EVENTS).unwrap();
        for number in 0..most + 3 {
            queue.push(event(number, 1));
        }
        let taken = queue.take(2);
        assert_eq!((taken.lost, numbers(&taken)), (3, vec![3, 4]));
        assert_eq!(queue.take(1).lost, 0, "they are told once");
        assert_eq!(queue.bytes, QUEUE_EVENTS - 3);
    }

    #[test]
    fn bytes_are_bounded_and_one_is_kept() {
        let mut queue = queue();
        queue.push(event(1, QUEUE_BYTES + 1));
        assert_eq!((queue.events.len(), queue.lost), (1, 0));
        queue.push(event(2, QUEUE_BYTES));
        queue.push(event(3, 1));
        let taken = queue.take(10);
        assert_eq!((taken.lost, numbers(&taken)), (2, vec![3]));
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn a_number_goes_on_while_nobody_watches() {
        let feed = Arc::new(DecisionFeed::default());
        let metrics = Arc::new(Metrics::default());
        let watch = || feed.watch(DecisionFilter::default(), Arc::clone(&metrics));
        for _ in 0..3 {
            metrics.decided("permit", "none");
        }
        let first = watch();
        assert!(feed.is_watched() && first.began_at == 3);
        drop(first);
        assert!(!feed.is_watched());
        metrics.decided("deny", "not_permitted");
        let (second, third) = (watch(), watch());
        assert_eq!((second.began_at, third.began_at), (4, 4));
        drop(second);
        assert!(feed.is_watched());
    }

    #[test]
    fn a_record_is_the_line_with_how_long_it_took() {
        let took = Duration::from_micros(1_500);
        assert_eq!(
            record_of(b"{\"v\":1}\n", took).unwrap(),
            "{\"v\":1,\"took_us\":1500}"
        );
        assert_eq!(record_of(b"[]\n", took), None);
    }
}
