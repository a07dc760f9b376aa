//! Shares one introspection request among all who ask about the same token at the same time.
//!
//! INVARIANT: if the task that leads a request is dropped, nobody waits for ever: the next one
//! leads.

use super::cache::TokenDigest;
use super::claims::GenuineToken;
use super::keys::KeyVoucher;
use crate::model::CredentialError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What an issuer says about a token.
#[derive(Clone, Debug)]
pub(super) struct IntrospectedToken {
    pub(super) genuine: Arc<GenuineToken>,
    /// The key that signed the answer; `None` if it was unsigned.
    pub(super) voucher: Option<Arc<KeyVoucher>>,
}

/// The outcome of a request.
pub(super) type IntrospectionOutcome = Result<IntrospectedToken, CredentialError>;

/// The requests in progress, by the digest of their token.
#[derive(Default)]
pub(super) struct Flights(
    Mutex<
        HashMap<
            TokenDigest,
            watch::Receiver<Option<IntrospectionOutcome>>,
            foldhash::fast::RandomState,
        >,
    >,
);

/// The task that makes the request for all.
struct FlightLead<'a> {
    flights: &'a Flights,
    digest: TokenDigest,
    outcome: watch::Sender<Option<IntrospectionOutcome>>,
}

impl Flights {
    /// Returns the outcome of the request for this token; makes the request unless one is in
    /// progress.
    pub(super) async fn join(
        &self,
        digest: TokenDigest,
        question: impl Future<Output = IntrospectionOutcome>,
    ) -> IntrospectionOutcome {
        loop {
            let (lead, mut other) = self.begin(digest);
            if let Some(lead) = lead {
                let outcome = question.await;
                lead.outcome.send_replace(Some(outcome.clone()));
                return outcome;
            }
            // Bound to a variable so that the value borrowed from the channel is released before
            // the next iteration.
            let outcome = other
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|outcome| outcome.clone());
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    fn begin(
        &self,
        digest: TokenDigest,
    ) -> (
        Option<FlightLead<'_>>,
        watch::Receiver<Option<IntrospectionOutcome>>,
    ) {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = under_way.get(&digest) {
            return (None, other.clone());
        }
        let (outcome, receiver) = watch::channel(None);
        under_way.insert(digest, receiver.clone());
        (
            Some(FlightLead {
                flights: self,
                digest,
                outcome,
            }),
            receiver,
        )
    }
}

impl Drop for FlightLead<'_> {
    fn drop(&mut self) {
        self.flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.digest);
    }
}

/// Shows nothing about the tokens.
impl std::fmt::Debug for Flights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flights(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::time::Duration;

    #[tokio::test]
    async fn one_asks_for_all_and_the_next_where_it_goes_away() {
        let flights = Flights::default();
        let asked = Cell::new(0);
        let question = || async {
            asked.set(asked.get() + 1);
            tokio::task::yield_now().await;
            Err(CredentialError::invalid("no"))
        };
        let (one, two) = tokio::join!(
            flights.join([1; 32], question()),
            flights.join([1; 32], question())
        );
        assert_eq!(
            (asked.get(), one.unwrap_err(), two.unwrap_err()),
            (
                1,
                CredentialError::invalid("no"),
                CredentialError::invalid("no")
            )
        );
        let endless = flights.join([1; 32], std::future::pending());
        let leader = tokio::time::timeout(Duration::from_millis(5), endless);
        let (leader, follower) = tokio::join!(leader, flights.join([1; 32], question()));
        assert!(leader.is_err() && follower.is_err());
        assert_eq!((asked.get(), flights.0.lock().unwrap().len()), (2, 0));
    }
}
