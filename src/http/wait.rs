//! Waiting for a revision that a request names (`options.at_least`).
//!
//! **Why.** Whoever has written a tuple knows the revision that holds it, and may ask for a decision that sees it, of
//! this process after a restart or of another one that follows it. A process always sees what it has acknowledged, so
//! most requests wait for nothing.
//!
//! INVARIANT: a request that waits holds no thread, waits for no longer than its limit, and is one of a limited number.

use super::Error;
use super::shared::Shared;
use super::wire::Options;
use crate::model::Revision;
use tokio::time::timeout;

impl Shared {
    /// Returns once the relations are at the revision that is asked for, or says that they are not.
    pub(super) async fn reach(&self, options: &Options) -> Result<(), Error> {
        let Some(wanted) = options.at_least else { return Ok(()) };
        let Some(mut published) = self.engine.published() else {
            // Nothing but policies decides: no revision ever comes.
            return if wanted == Revision(0) { Ok(()) } else { Err(self.not_reached(wanted, Revision(0))) };
        };
        let newest = *published.borrow();
        if newest >= wanted {
            return Ok(());
        }
        let Ok(_waiting) = self.waiting.try_acquire() else { return Err(Error::TooManyWaiting) };
        // The sender lives as long as the engine, so what ends the wait is the revision or the time.
        let waited = timeout(self.settings.limits.at_least_time, published.wait_for(|newest| *newest >= wanted)).await;
        let has_come = waited.is_ok_and(|waited| waited.is_ok());
        let newest = *published.borrow();
        if has_come { Ok(()) } else { Err(self.not_reached(wanted, newest)) }
    }

    fn not_reached(&self, wanted: Revision, newest: Revision) -> Error {
        Error::RevisionNotReached { wanted, newest, waited: self.settings.limits.at_least_time }
    }
}
