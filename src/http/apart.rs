//! Work that takes long, on threads of its own.
//!
//! **Problem.** A worker answers hundreds of clients in turn. A question that reads a million tuples, asked of it, makes
//! all of them wait.
//! **Decision.** Such questions go to threads that are kept for them, as many at a time as leave half of the processors
//! to the workers. Others wait for a place, so many and so long; one more is refused.
//! **Trade-off.** Questions that take long are answered one after another. A place is taken until the work ends, also
//! where its client has left: the limits of a question bound that.

use super::{Error, Scarce};
use crate::model::Fault;
use actix_web::web::block;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many may wait for a place: with the longest question that there can be, more would wait in vain.
const WAITING: usize = 32;

/// How long one waits for a place.
const WAIT: Duration = Duration::from_secs(5);

/// Places for work that takes long.
#[derive(Debug)]
pub(super) struct Apart {
    places: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Apart {
    /// Half of the processors, and one at least.
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { places: Arc::new(Semaphore::new((processors / 2).max(1))), waiting: Semaphore::new(WAITING) }
    }

    /// Does the work once there is a place for it.
    pub(super) async fn run<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let place = {
            let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
            let place = timeout(WAIT, Arc::clone(&self.places).acquire_owned()).await;
            place.ok().and_then(Result::ok).ok_or_else(busy)?
        };
        let done = block(move || {
            let outcome = work();
            drop(place);
            outcome
        });
        done.await.map_err(|error| Error::Fault(Fault::Internal(format!("a thread is gone: {error}"))))?
    }
}

fn busy() -> Error {
    Error::Overloaded(Scarce::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[actix_web::test]
    async fn one_more_than_may_wait_is_refused_and_a_place_comes_back() {
        let apart = Apart { places: Arc::new(Semaphore::new(1)), waiting: Semaphore::new(1) };
        let (begun, is_begun) = channel();
        let (end, ends) = channel::<()>();
        let first = apart.run(move || {
            begun.send(()).unwrap();
            ends.recv().unwrap();
            Ok::<_, Error>(1)
        });
        let others = async {
            while is_begun.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
            let second = apart.run(|| Ok::<_, Error>(2));
            let third = async {
                let refused = apart.run(|| Ok::<_, Error>(3)).await;
                end.send(()).unwrap();
                refused
            };
            tokio::join!(second, third)
        };
        let (first, (second, third)) = tokio::join!(first, others);
        assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
        assert!(matches!(third, Err(Error::Overloaded(Scarce::Time))));
        assert_eq!(apart.run(|| Ok::<_, Error>(4)).await.unwrap(), 4);
    }
}
