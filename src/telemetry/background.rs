//! A thread with a bounded queue before it, for which nobody waits.
//!
//! **Problem.** What a worker hands to a terminal, a pipe or another machine may be taken slowly,
//! or not at all, and a worker that waits for it answers nobody.
//! **Decision.** Whoever has an item offers it, and it is taken or it is not; whoever counts what
//! is lost does so then. One thread takes items in their order, several at a time. At the end it
//! gets a while for what waits.
//! **Trade-off.** What waits at the end for longer than that is lost.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait before the end is offered again to a full queue.
const STEP: Duration = Duration::from_millis(5);

enum Job<T> {
    Item(T),
    End,
}

/// The thread, from outside.
pub(super) struct Background<T> {
    sender: SyncSender<Job<T>>,
    /// Items that were taken and whose work has not ended.
    waiting: Arc<AtomicUsize>,
    /// Is disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// The thread, from inside: what has arrived.
pub(super) struct Arrivals<T> {
    receiver: Receiver<Job<T>>,
    waiting: Arc<AtomicUsize>,
    is_ending: bool,
}

impl<T: Send + 'static> Background<T> {
    /// Starts a thread that runs `work`, behind a queue of at most `capacity` items.
    pub(super) fn start(
        name: &str,
        capacity: usize,
        work: impl FnOnce(Arrivals<T>) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(capacity);
        let (alive, ended) = sync_channel::<()>(0);
        let waiting = Arc::new(AtomicUsize::new(0));
        let arrivals = Arrivals {
            receiver,
            waiting: Arc::clone(&waiting),
            is_ending: false,
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _until_the_end = alive;
                work(arrivals);
            })?;
        Ok(Self {
            sender,
            waiting,
            ended: Mutex::new(ended),
        })
    }

    /// Offers an item, and returns `true` if it was taken. Never waits.
    pub(super) fn offer(&self, item: T) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let is_taken = self.sender.try_send(Job::Item(item)).is_ok();
        if !is_taken {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        is_taken
    }

    /// Returns how many items were taken and whose work has not ended.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Asks the thread to do what waits and to end, waits for that at most so long, and returns how
    /// many items are left.
    pub(super) fn close(&self, within: Duration) -> usize {
        let until = Instant::now() + within;
        while let Err(TrySendError::Full(_)) = self.sender.try_send(Job::End) {
            if Instant::now() >= until {
                return self.waiting();
            }
            std::thread::sleep(STEP);
        }
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Disconnected) | Ok(()) => 0,
            Err(RecvTimeoutError::Timeout) => self.waiting(),
        }
    }
}

impl<T> Arrivals<T> {
    /// Waits for an item, and then takes what arrives within `gather`, at most `most` items.
    /// Returns none once the end has come and nothing waits.
    pub(super) fn batch(&mut self, gather: Duration, most: usize) -> Vec<T> {
        let mut batch = Vec::new();
        if !self.is_ending {
            let Ok(first) = self.receiver.recv() else {
                return batch;
            };
            self.take(first, &mut batch);
        }
        let until = Instant::now() + gather;
        while batch.len() < most {
            let next = match until.checked_duration_since(Instant::now()) {
                Some(rest) if !self.is_ending => self.receiver.recv_timeout(rest).ok(),
                _ => self.receiver.try_recv().ok(),
            };
            let Some(next) = next else { break };
            self.take(next, &mut batch);
        }
        batch
    }

    /// Notes that the work on so many items has ended.
    pub(super) fn done(&self, items: usize) {
        self.waiting.fetch_sub(items, Ordering::SeqCst);
    }

    fn take(&mut self, job: Job<T>, batch: &mut Vec<T>) {
        match job {
            Job::Item(item) => batch.push(item),
            Job::End => self.is_ending = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn items_come_in_their_order_and_all_of_them_before_the_end() {
        let (told, seen) = channel();
        let background = Background::start("test", 8, move |mut arrivals: Arrivals<u32>| {
            loop {
                let batch = arrivals.batch(Duration::from_millis(1), 3);
                if batch.is_empty() {
                    break;
                }
                assert!(batch.len() <= 3);
                arrivals.done(batch.len());
                told.send(batch).unwrap();
            }
        })
        .unwrap();
        let mut offered = Vec::new();
        for item in 0..100 {
            while !background.offer(item) {
                std::thread::sleep(STEP);
            }
            offered.push(item);
        }
        assert_eq!(background.close(LONG), 0);
        assert_eq!(seen.iter().flatten().collect::<Vec<_>>(), offered);
    }

    #[test]
    fn nobody_waits_for_a_thread_that_is_stuck() {
        let (free, stuck) = channel::<()>();
        let background = Background::start("test", 2, move |mut arrivals: Arrivals<u32>| {
            let _first = arrivals.batch(Duration::ZERO, 1);
            let _until_freed = stuck.recv();
        })
        .unwrap();
        let begun = Instant::now();
        while background.waiting() < 3 && begun.elapsed() < LONG {
            background.offer(1);
        }
        assert!(!background.offer(2));
        assert_eq!(background.close(Duration::from_millis(20)), 3);
        assert!(begun.elapsed() < LONG);
        drop(free);
    }
}
