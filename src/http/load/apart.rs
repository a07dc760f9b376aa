//! Runs work that takes long on threads of its own.
//!
//! **Problem.** A worker answers hundreds of clients in turn. If it ran a question that reads a
//! million tuples, all of them would wait.
//! **Decision.** Such questions run on threads that are kept for them, as many at a time as leave
//! half of the processors to the workers; searches, most of which are short, get more. A limited
//! number wait for a place, for a limited time; any more are refused. Writes have few places too,
//! since they take turns: however many wait, they take no threads from other work.
//! **Trade-off.** Questions that take long are answered one after another. A place stays taken
//! until the work ends, even if the client has left; the limits of a question bound that time.
//!
//! INVARIANT: a write of tuples, or a deletion, is never refused for lack of a place; it waits as
//! long as necessary.

use crate::http::{Error, Shortage};
use crate::model::Fault;
use actix_web::web::block;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// LIMIT: how many questions may wait for a place. Behind the longest possible questions, more
/// would wait in vain.
const QUESTIONS_WAITING: usize = 32;

/// How long a question waits for a place.
const QUESTION_WAIT: Duration = Duration::from_secs(5);

/// How many searches run at once for each processor. Most take milliseconds, and none reads more
/// than a page may cost.
const SEARCHES_PER_PROCESSOR: usize = 2;

/// LIMIT: how many searches may wait for a place.
const SEARCHES_WAITING: usize = 1_024;

/// How long a search waits for a place; the longest search takes about as long.
const SEARCH_WAIT: Duration = Duration::from_secs(1);

/// LIMIT: how many reads or writes of stored texts that may be large may wait for a place.
const PAGES_WAITING: usize = 256;

/// LIMIT: how many trials of scratch copies may wait for their place.
const SCRATCHES_WAITING: usize = 8;

/// How long a trial waits for its place: as long as a few others take.
const SCRATCH_WAIT: Duration = Duration::from_secs(30);

/// How many writes run at once: one is made durable while others are checked and await their turn.
const WRITES: usize = 8;

/// Places for work that takes long.
#[derive(Debug)]
pub(in crate::http) struct LongWorkPlaces {
    places: Arc<Semaphore>,
    waiting: Semaphore,
    /// How long to wait for a place; `None` to wait without limit.
    wait: Option<Duration>,
}

impl LongWorkPlaces {
    /// Creates places for questions that take long: half as many as processors, and at least one.
    pub(in crate::http) fn for_questions() -> Self {
        Self::new((processors() / 2).max(1), QUESTIONS_WAITING, QUESTION_WAIT)
    }

    /// Creates places for searches.
    pub(in crate::http) fn for_searches() -> Self {
        Self::new(
            SEARCHES_PER_PROCESSOR * processors(),
            SEARCHES_WAITING,
            SEARCH_WAIT,
        )
    }

    /// Creates places for stored texts: as many are in memory at once as there are processors.
    pub(in crate::http) fn for_pages() -> Self {
        Self::new(processors(), PAGES_WAITING, QUESTION_WAIT)
    }

    /// Creates one place for scratch copies of a bundle, each of which takes a second or more.
    pub(in crate::http) fn for_scratches() -> Self {
        Self::new(1, SCRATCHES_WAITING, SCRATCH_WAIT)
    }

    /// Creates places for writes, which wait without limit.
    pub(in crate::http) fn for_writes() -> Self {
        Self {
            wait: None,
            ..Self::new(WRITES, Semaphore::MAX_PERMITS, QUESTION_WAIT)
        }
    }

    fn new(places: usize, waiting: usize, wait: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            waiting: Semaphore::new(waiting),
            wait: Some(wait),
        }
    }

    /// Runs the work once a place is free, if `check` then still allows it.
    pub(in crate::http) async fn run<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        check: impl Future<Output = Result<(), Error>>,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let place = {
            let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
            let place = Arc::clone(&self.places).acquire_owned();
            let place = match self.wait {
                Some(wait) => timeout(wait, place).await.ok(),
                None => Some(place.await),
            };
            place.and_then(Result::ok).ok_or_else(busy)?
        };
        check.await?;
        let done = block(move || {
            let outcome = work();
            drop(place);
            outcome
        });
        done.await
            .map_err(|error| Error::Fault(Fault::Internal(format!("a thread is gone: {error}"))))?
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn busy() -> Error {
    Error::Overloaded(Shortage::Time)
}

#[cfg(test)]
mod tests;
