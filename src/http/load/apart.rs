//! Work that takes longer than a turn, on threads of its own.
//!
//! The framework's threads for it are some hundred. As many searches at once would leave the workers, and everybody's
//! decisions, a hundredth of the machine; so few run at a time, and others wait for a moment.

use crate::http::{Error, Scarce};
use crate::model::Fault;
use actix_web::web::block;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many run at once for each processor.
const PER_PROCESSOR: usize = 2;

/// How long one waits. Most take milliseconds, and the longest about as long as this.
const PATIENCE: Duration = Duration::from_secs(1);

/// One machine has so many processors, however many services are in the process.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(PER_PROCESSOR * std::thread::available_parallelism().map_or(1, usize::from)));

/// Runs work on another thread. `Err` where so much of it runs already that it would begin too late.
pub(in crate::http) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let place = timeout(PATIENCE, PLACES.acquire()).await;
    let Ok(Ok(place)) = place else { return Err(Error::Overloaded(Scarce::Time)) };
    let done = block(move || {
        let done = work();
        drop(place);
        done
    });
    done.await.map_err(|error| Error::Fault(Fault::Internal(format!("a thread is gone: {error}"))))
}
