//! Turns at a worker, for work that takes long.
//!
//! One has the turn, others wait in the order in which they came. Whoever comes is refused if the
//! work before it would take longer than the limit, which has two values, as in `CoDel`: a worker
//! that keeps up may be far behind for a moment, as when all clients of a closed loop ask at once;
//! once it has refused somebody it is overloaded, and then little may wait, since whatever waits
//! only makes everybody's answer later. It has recovered when it has refused nobody for a second.
//!
//! INVARIANT: a turn is given back on every way out, and whoever waits for one holds nothing but a
//! body.

use crate::http::connection::Connection;
use crate::http::load::estimate::Estimate;
use crate::http::{Error, Scarce};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long work goes on before others may use the worker.
const SLICE: Duration = Duration::from_millis(1);

/// How long a turn lasts at least where others wait for one. Whoever needs longer, and several
/// times as long as others do, goes on after them; all in small pieces by turns would end late.
const QUANTUM: Duration = Duration::from_millis(100);

/// What may wait at an overloaded worker at least: shorter, and it would be idle between two
/// requests.
const LEAST_WAIT: Duration = Duration::from_millis(5);

/// An overloaded worker that has refused nobody for so long has recovered.
const RECOVERY: Duration = Duration::from_secs(1);

/// So many that have waited too long, one after another, are an overload that the estimate has
/// missed.
const LATE: u32 = 4;

thread_local! {
    static WORKER: Rc<Worker> = Rc::new(Worker::new());
}

/// The turns of one worker.
struct Worker {
    turns: Arc<Semaphore>,
    /// The time that all that was taken on is estimated to take.
    work: Cell<Duration>,
    estimate: Cell<Estimate>,
    refused: Cell<Option<Instant>>,
    late: Cell<u32>,
}

/// A turn, given back when it is dropped.
pub(in crate::http) struct Turn {
    place: Place,
    permit: Option<OwnedSemaphorePermit>,
    began: Instant,
    slice: Instant,
    /// Time of former turns of the same work.
    before: Duration,
}

/// A place among what a worker has taken on.
struct Place {
    worker: Rc<Worker>,
    bytes: usize,
    estimate: Duration,
}

impl Turn {
    /// Waits for a turn for a body of so many bytes. `Err` where it would wait, or has waited, for
    /// too long, or where its client has gone away.
    pub(in crate::http) async fn take(
        bytes: usize,
        limit: Duration,
        connection: Option<&Connection>,
    ) -> Result<Self, Error> {
        let came = Instant::now();
        let worker = WORKER.with(Rc::clone);
        let place = Place::take(worker, bytes, limit, came)?;
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
            return Err(Error::Overloaded(Scarce::Time));
        }
        Ok(turn)
    }

    /// Lets others use the worker, where it is time, and returns `true` if it did. `Err` where the
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

    /// Gives the turn back before anything was learned of how long the work takes.
    pub(in crate::http) fn pass_on(mut self) {
        self.permit = None;
    }

    /// Waits until the turn comes.
    async fn wait(&mut self, connection: Option<&Connection>) -> Result<(), Error> {
        if let Ok(permit) = Arc::clone(&self.place.worker.turns).try_acquire_owned() {
            self.permit = Some(permit);
            self.began = self.slice;
            return Ok(());
        }
        let mut turn = pin!(Arc::clone(&self.place.worker.turns).acquire_owned());
        // The task of the connection is woken when its client goes away.
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

impl Drop for Turn {
    fn drop(&mut self) {
        if self.permit.is_some() {
            self.place
                .worker
                .learn(self.place.bytes, self.before + self.began.elapsed());
        }
    }
}

impl Place {
    fn take(
        worker: Rc<Worker>,
        bytes: usize,
        limit: Duration,
        now: Instant,
    ) -> Result<Self, Error> {
        let work = worker.work.get();
        if !work.is_zero() && work > worker.longest_wait(limit, now) {
            worker.refused.set(Some(now));
            return Err(Error::Overloaded(Scarce::Time));
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

impl Drop for Place {
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

    /// How long may wait what comes now. One and a half turns: with one that runs, one more may
    /// wait.
    fn longest_wait(&self, limit: Duration, now: Instant) -> Duration {
        let turn = self.estimate.get().turn();
        if self.is_overloaded(now) {
            LEAST_WAIT.max(turn * 3 / 2)
        } else {
            limit.max(turn * 4)
        }
    }

    /// Returns `true` if what has waited so long is to be refused now that its turn has come.
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
