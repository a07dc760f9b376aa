//! Callers and credentials that are looked at again.
//!
//! Bodies may take their time, and so may others' credentials, a revision, and work that comes
//! first. Meanwhile a caller's token may have expired or been revoked, or its issuer's keys or its
//! authority be withdrawn; and so may what a request holds.
//!
//! INVARIANT: whatever was waited for, nothing is decided or written before this has been looked
//! at. A request that has not waited pays for no question.

use crate::evidence::Questions;
use crate::http::caller::bearer;
use crate::http::caller::certificate::PeerCertificate;
use crate::http::caller::identity::{CallerHint, Identity};
use crate::http::load::apart::LongWorkPlaces;
use crate::http::shared::ServiceState;
use crate::http::{CallerCredential, Error};
use crate::model::{Evidence, Proof, VerifiedCredential};
use actix_web::{HttpMessage as _, HttpRequest};

/// LIMIT: how often issuers are asked again for one wait. An answer that is too old again after
/// that does not count.
pub(super) const MOST_ROUNDS: usize = 3;

impl ServiceState {
    /// The certificate of a request's connection, where the authorities of now vouch for it.
    pub(in crate::http) fn peer<'a>(
        &self,
        shown: Option<&'a PeerCertificate>,
    ) -> Option<&'a PeerCertificate> {
        shown.filter(|peer| peer.is_trusted(self.settings.tls.as_deref(), self.clock.now_ms()))
    }

    /// Refuses a request whose caller, if it has one, is no longer who it was.
    pub(in crate::http) async fn check_sender(&self, request: &HttpRequest) -> Result<(), Error> {
        self.check_all(request, None).await
    }

    /// The same, and looks at the request's credentials: those that are no longer good prove
    /// nothing from then on.
    pub(in crate::http) async fn check_all(
        &self,
        request: &HttpRequest,
        evidence: Option<&Evidence>,
    ) -> Result<(), Error> {
        let mut rounds = 0;
        while rounds < MOST_ROUNDS && self.must_ask(request, evidence) {
            rounds += 1;
            // Room for it is made where it is needed.
            Box::pin(self.ask_again(request, evidence, Questions::in_round(rounds))).await?;
        }
        self.check_now(request, evidence)
    }

    /// Returns `true` if an issuer has to be asked again about the caller's token or a credential.
    pub(in crate::http) fn must_ask(
        &self,
        request: &HttpRequest,
        evidence: Option<&Evidence>,
    ) -> bool {
        if self.settings.verifier.is_none() {
            return false;
        }
        let extensions = request.extensions();
        let token = extensions.get::<VerifiedCredential>();
        let now_ms = self.clock.monotonic_ms();
        token.is_some_and(|token| token.is_due(now_ms))
            || evidence.is_some_and(|evidence| evidence.is_due(now_ms))
    }

    /// Asks issuers again about the caller's token and these credentials.
    pub(in crate::http) async fn ask_again(
        &self,
        request: &HttpRequest,
        evidence: Option<&Evidence>,
        about: Questions,
    ) -> Result<(), Error> {
        let caller = Identity::caller_of(request, &self.settings);
        let place = caller.map(|(place, _)| place);
        let number = place.and_then(|place| Some(self.callers.get(place)?.number));
        let of_credentials = async {
            if let (Some(evidence), Some(verifier)) = (evidence, &self.settings.verifier)
                && (about == Questions::All || evidence.is_due(self.clock.monotonic_ms()))
            {
                let scope = caller.map(|(_, caller)| &caller.credentials);
                verifier.ask_again(evidence, about, number, scope).await;
            }
        };
        let of_caller = self.ask_about_caller(request, about, place);
        // Both at once: of two slow issuers, the first one's answer would be too old when the other
        // one's comes.
        let ((), told) = tokio::join!(of_credentials, of_caller);
        told
    }

    /// Asks again about the token of a request's caller, if it has one that an issuer was asked
    /// about.
    async fn ask_about_caller(
        &self,
        request: &HttpRequest,
        about: Questions,
        place: Option<usize>,
    ) -> Result<(), Error> {
        let now_ms = self.clock.monotonic_ms();
        let is_asked = request
            .extensions()
            .get::<VerifiedCredential>()
            .is_some_and(|token| {
                about == Questions::All && token.answer.is_some() || token.is_due(now_ms)
            });
        if is_asked {
            let peer = self.peer(request.conn_data());
            let (found, token) = bearer::caller(&self.settings, request.headers(), peer).await?;
            if place != Some(found) {
                return Err(Error::WrongCredential);
            }
            request.extensions_mut().insert(token);
        }
        Ok(())
    }

    /// Refuses a request whose caller is no longer who it was, and lets no credential count that
    /// would have to be asked about again.
    pub(in crate::http) fn check_now(
        &self,
        request: &HttpRequest,
        evidence: Option<&Evidence>,
    ) -> Result<(), Error> {
        if let Some(evidence) = evidence {
            evidence.give_up(self.clock.monotonic_ms());
        }
        self.check_settings(request)?;
        let Some((_, caller)) = Identity::caller_of(request, &self.settings) else {
            return Ok(());
        };
        match &caller.by {
            CallerCredential::Keys(keys) => {
                if keys.iter().any(|key| key.until.is_some()) {
                    let (headers, clock) = (request.headers(), self.clock.as_ref());
                    CallerHint::by(headers, None, &self.settings, clock)?;
                }
                Ok(())
            }
            CallerCredential::Certificate(_) => match self.peer(request.conn_data()) {
                Some(_) => Ok(()),
                None => Err(Error::WrongCredential),
            },
            CallerCredential::Token { .. } => {
                let extensions = request.extensions();
                let token = extensions.get::<VerifiedCredential>();
                self.check_token(request, token.ok_or(Error::CallerUnverified)?)
            }
        }
    }

    fn check_token(&self, request: &HttpRequest, token: &VerifiedCredential) -> Result<(), Error> {
        if token.proven.until.0 <= self.clock.now_ms() {
            return Err(Error::WrongCredential);
        }
        // What it is bound to is the connection's certificate, as long as that is anybody's.
        if token.proven.proof == Some(Proof::Mtls) && self.peer(request.conn_data()).is_none() {
            return Err(Error::WrongCredential);
        }
        if !token.stands() || token.is_due(self.clock.monotonic_ms()) {
            return Err(Error::CallerUnverified);
        }
        Ok(())
    }

    /// Does work that takes long, once there is a place for it, and if the request's caller is
    /// still who it was: others' work may take its time, too.
    pub(in crate::http) async fn run_apart<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        places: &LongWorkPlaces,
        request: &HttpRequest,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        places.run(self.check_sender(request), work).await
    }

    /// The same for work that rests on these credentials.
    pub(in crate::http) async fn decide_apart<
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    >(
        &self,
        places: &LongWorkPlaces,
        (request, evidence): (&HttpRequest, Option<&Evidence>),
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        places.run(self.check_all(request, evidence), work).await
    }
}
