//! Waits for a revision that a request names (`options.at_least`).
//!
//! **Why.** A client that has written a tuple knows the revision of that write, and may ask for a
//! decision that sees it: from this process after a restart, or from another one that follows it. A
//! process always sees the writes that it has acknowledged, so most requests do not wait.
//!
//! INVARIANT: a request that waits holds no thread and nothing but the text of its body, and waits
//! no longer than its limit.

use crate::http::Error;
use crate::http::authzen::wire::Options;
use crate::http::body::grow;
use crate::http::caller::identity::Identity;
use crate::http::load::budget::BudgetShare;
use crate::http::shared::ServiceState;
use crate::model::Revision;
use actix_web::{HttpMessage as _, HttpRequest};
use tokio::time::timeout;

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
        let Some(place) = self.waiting.take(caller.place(), body.len()) else {
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
