//! Waits for a revision that a request names (`options.at_least`).
//!
//! **Why.** A client that has written a tuple knows the revision of that write, and may ask for a
//! decision that sees it: from this process after a restart, or from another one that follows it. A
//! process always sees the writes that it has acknowledged, so most requests do not wait.
//!
//! INVARIANT: a request that waits holds no thread and nothing but the text of its body, waits no
//! longer than its limit, and takes one of a limited number of places, which no caller can take all
//! for itself.

use crate::http::Error;
use crate::http::HttpLimits;
use crate::http::authzen::wire::Options;
use crate::http::body::grow;
use crate::http::caller::Identity;
use crate::http::load::budget::{BudgetShare, ByteBudget};
use crate::http::shared::ServiceState;
use crate::model::Revision;
use actix_web::{HttpMessage as _, HttpRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::timeout;

/// Requests that wait may take one part in this number of the memory for bodies.
const PART_OF_BODIES: usize = 4;

/// The places for requests that wait.
#[derive(Debug)]
pub(in crate::http) struct WaitingPlaces {
    limit: usize,
    taken: AtomicUsize,
    /// The number of places taken by anonymous callers, and by each configured caller.
    by_caller: Box<[AtomicUsize]>,
    memory: Arc<ByteBudget>,
}

/// A place, which is freed when it is dropped.
#[derive(Debug)]
struct WaitingPlace<'a> {
    places: &'a WaitingPlaces,
    of: &'a AtomicUsize,
    _text: BudgetShare,
}

impl WaitingPlaces {
    /// Creates places under these limits, for `callers` configured callers.
    pub(in crate::http) fn new(limits: &HttpLimits, callers: usize) -> Self {
        Self {
            limit: limits.waiting,
            taken: AtomicUsize::new(0),
            by_caller: (0..=callers).map(|_| AtomicUsize::new(0)).collect(),
            memory: ByteBudget::new(limits.bodies_bytes / PART_OF_BODIES),
        }
    }

    /// Takes a place for a caller whose body has `body` bytes. With several configured callers,
    /// each may take at most as many as are left: one alone gets half of all, the next a third.
    fn take(&self, caller: Identity<'_>, body: usize) -> Option<WaitingPlace<'_>> {
        let of = self
            .by_caller
            .get(caller.place().map_or(0, |place| place + 1))?;
        let text = self.memory.take(body)?;
        let place = WaitingPlace {
            places: self,
            of,
            _text: text,
        };
        let own = of.fetch_add(1, Ordering::Relaxed);
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        // The first counter is for anonymous callers, of whom there may be none.
        let share = if self.by_caller.len() > 2 {
            self.limit.saturating_sub(taken).saturating_sub(own)
        } else {
            1
        };
        (taken < self.limit && share > 0).then_some(place)
    }
}

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(1, Ordering::Relaxed);
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ServiceState {
    /// Returns `true` if the relations have reached the requested revision, so that there is no
    /// need to wait.
    pub(in crate::http) fn is_reached(&self, options: &Options) -> bool {
        let Some(wanted) = options.at_least else {
            return true;
        };
        let newest = self
            .engine
            .published()
            .map_or(Revision(0), |published| *published.borrow());
        newest >= wanted
    }

    /// Returns once the relations have reached the requested revision, or fails at the time limit.
    /// Meanwhile the caller holds nothing of the request but the text of its body.
    pub(in crate::http) async fn wait_for_revision(
        &self,
        options: &Options,
        caller: Identity<'_>,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<(), Error> {
        let Some(wanted) = options.at_least else {
            return Ok(());
        };
        let Some(mut published) = self.engine.published() else {
            // Without relations, no revision ever comes.
            return if wanted == Revision(0) {
                Ok(())
            } else {
                Err(self.not_reached(wanted, Revision(0)))
            };
        };
        let newest = *published.borrow();
        if newest >= wanted {
            return Ok(());
        }
        let Some(place) = self.waiting.take(caller, body.len()) else {
            return Err(Error::TooManyWaiting);
        };
        let share = request.extensions_mut().remove::<BudgetShare>();
        let _is_smaller = share
            .as_ref()
            .is_none_or(|share| share.resize(share.bytes().min(body.len())));
        // The sender lives as long as the engine, so the wait ends with the revision or the time
        // limit.
        let waited = timeout(
            self.settings.limits.at_least_time,
            published.wait_for(|newest| *newest >= wanted),
        )
        .await;
        let has_come = waited.is_ok_and(|waited| waited.is_ok());
        drop(place);
        let newest = *published.borrow();
        if !has_come {
            return Err(self.not_reached(wanted, newest));
        }
        if let Some(share) = share {
            grow(&share, body, &self.settings.limits)?;
            request.extensions_mut().insert(share);
        }
        Ok(())
    }

    fn not_reached(&self, wanted: Revision, newest: Revision) -> Error {
        Error::RevisionNotReached {
            wanted,
            newest,
            waited: self.settings.limits.at_least_time,
        }
    }
}
