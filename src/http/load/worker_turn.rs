//! Gives out turns at a worker, for work that takes long.
//!
//! One piece of work has the turn, others wait in the order in which they came. New work is refused
//! if the work before it would take longer than the limit. The limit has two values, as in `CoDel`.
//! A worker that keeps up may be far behind for a moment, as when all clients of a closed loop ask
//! at once. Once it has refused a request it is overloaded, and then only little work may wait,
//! since a longer queue only delays every answer. It has recovered when it has refused no request
//! for a second.
//!
//! INVARIANT: a turn is given back on every way out, and a request that waits for one holds nothing
//! but its body.

use crate::http::connection::Connection;
use crate::http::load::estimate::Estimate;
use crate::http::{Error, Shortage};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long work runs before others may use the worker.
const SLICE: Duration = Duration::from_millis(1);

/// Minimum length of a turn while others wait. Work that needs longer, and several times as long as
/// other work, continues after the others. If all work alternated in small pieces, all of it would
/// end late.
const QUANTUM: Duration = Duration::from_millis(100);

/// Minimum of the wait that an overloaded worker allows: with less, it would be idle between two
/// requests.
const LEAST_WAIT: Duration = Duration::from_millis(5);

/// An overloaded worker that has refused no request for this time has recovered.
const RECOVERY: Duration = Duration::from_secs(1);

/// If this many in a row have waited too long, the worker is overloaded although the estimate did
/// not show it.
const LATE: u32 = 4;

thread_local! {
    static WORKER: Rc<Worker> = Rc::new(Worker::new());
}

/// The turns of one worker.
struct Worker {
    turns: Arc<Semaphore>,
    /// The estimated time of all accepted work.
    work: Cell<Duration>,
    estimate: Cell<Estimate>,
    refused: Cell<Option<Instant>>,
    late: Cell<u32>,
}

/// A turn, given back when it is dropped.
pub(in crate::http) struct WorkerTurn {
    place: WorkerPlace,
    permit: Option<OwnedSemaphorePermit>,
    began: Instant,
    slice: Instant,
    /// Time of earlier turns of the same work.
    before: Duration,
}

/// A place in the accepted work of a worker.
struct WorkerPlace {
    worker: Rc<Worker>,
    bytes: usize,
    estimate: Duration,
}

impl WorkerTurn {
    /// Waits for a turn for a body of `bytes` bytes. `Err` if it would wait, or has waited, too
    /// long, or if its client has gone away.
    pub(in crate::http) async fn take(
        bytes: usize,
        limit: Duration,
        connection: Option<&Connection>,
    ) -> Result<Self, Error> {
        let came = Instant::now();
        let worker = WORKER.with(Rc::clone);
        let place = WorkerPlace::take(worker, bytes, limit, came)?;
        let mut turn = Self {
            place,
            permit: None,
            began: came,
            slice: came,
            before: Duration::ZERO,
        };
        turn.wait(connection).await?;
        let worker = &turn.place.worker;
        if turn.began > came && worker.is_late(turn.began.saturating_duration_since(came), limit) {
            worker.refused.set(Some(turn.began));
            return Err(Error::Overloaded(Shortage::Time));
        }
        Ok(turn)
    }

    /// Lets others use the worker if the slice is over, and returns `true` if it did. `Err` if the
    /// client has gone away meanwhile.
    pub(in crate::http) async fn rest(
        &mut self,
        connection: Option<&Connection>,
    ) -> Result<bool, Error> {
        if self.slice.elapsed() < SLICE {
            return Ok(false);
        }
        tokio::task::yield_now().await;
        if connection.is_some_and(Connection::has_left) {
            return Err(Error::Left);
        }
        self.slice = Instant::now();
        let lasted = self.slice.saturating_duration_since(self.began);
        if lasted > QUANTUM.max(self.place.worker.estimate.get().turn() * 4) {
            self.before += lasted;
            self.permit = None;
            self.wait(connection).await?;
        }
        Ok(true)
    }

    /// Gives the turn back without learning from it, because the work is not done.
    pub(in crate::http) fn pass_on(mut self) {
        self.permit = None;
    }

    /// Gives the turn to others while `done` is waited for.
    pub(in crate::http) async fn set_aside<T>(
        &mut self,
        connection: Option<&Connection>,
        done: impl Future<Output = T>,
    ) -> Result<T, Error> {
        self.before += self.began.elapsed();
        self.permit = None;
        let done = done.await;
        self.slice = Instant::now();
        self.wait(connection).await?;
        Ok(done)
    }

    /// Waits until the turn comes.
    async fn wait(&mut self, connection: Option<&Connection>) -> Result<(), Error> {
        if let Ok(permit) = Arc::clone(&self.place.worker.turns).try_acquire_owned() {
            self.permit = Some(permit);
            self.began = self.slice;
            return Ok(());
        }
        let mut turn = pin!(Arc::clone(&self.place.worker.turns).acquire_owned());
        // The connection's task is woken when its client goes away, so this is polled again then.
        let permit = poll_fn(|cx| {
            if connection.is_some_and(Connection::has_left) {
                return Poll::Ready(Err(Error::Left));
            }
            turn.as_mut()
                .poll(cx)
                .map(|permit| permit.map_err(|_| Error::Left))
        });
        self.permit = Some(permit.await?);
        self.began = Instant::now();
        self.slice = self.began;
        Ok(())
    }
}

impl Drop for WorkerTurn {
    fn drop(&mut self) {
        if self.permit.is_some() {
            self.place
                .worker
                .learn(self.place.bytes, self.before + self.began.elapsed());
        }
    }
}

impl WorkerPlace {
    fn take(
        worker: Rc<Worker>,
        bytes: usize,
        limit: Duration,
        now: Instant,
    ) -> Result<Self, Error> {
        let work = worker.work.get();
        if !work.is_zero() && work > worker.longest_wait(limit, now) {
            worker.refused.set(Some(now));
            return Err(Error::Overloaded(Shortage::Time));
        }
        let estimate = worker.estimate.get().of(bytes);
        worker.work.set(work + estimate);
        Ok(Self {
            worker,
            bytes,
            estimate,
        })
    }
}

impl Drop for WorkerPlace {
    fn drop(&mut self) {
        self.worker
            .work
            .set(self.worker.work.get().saturating_sub(self.estimate));
    }
}

impl Worker {
    fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(1)),
            work: Cell::default(),
            estimate: Cell::default(),
            refused: Cell::default(),
            late: Cell::default(),
        }
    }

    fn is_overloaded(&self, now: Instant) -> bool {
        self.refused
            .get()
            .is_some_and(|refused| now.saturating_duration_since(refused) < RECOVERY)
    }

    /// Returns how long new work may wait. At an overloaded worker it is one and a half turns:
    /// beside the work that runs, one more may wait.
    fn longest_wait(&self, limit: Duration, now: Instant) -> Duration {
        let turn = self.estimate.get().turn();
        if self.is_overloaded(now) {
            LEAST_WAIT.max(turn * 3 / 2)
        } else {
            limit.max(turn * 4)
        }
    }

    /// Returns `true` if work that has waited this long is refused when its turn comes.
    fn is_late(&self, waited: Duration, limit: Duration) -> bool {
        let now = Instant::now();
        if waited <= self.longest_wait(limit, now) * 2 {
            self.late.set(0);
            return false;
        }
        self.late.set(self.late.get().saturating_add(1));
        self.is_overloaded(now) || self.late.get() >= LATE
    }

    fn learn(&self, bytes: usize, took: Duration) {
        let mut estimate = self.estimate.get();
        estimate.learn(bytes, took);
        self.estimate.set(estimate);
    }
}
