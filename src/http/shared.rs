//! What all handlers share.

use super::body::read_body;
use super::caller::Identity;
use super::envelope::REQUEST_ID;
use super::fga::Places;
use super::metadata::Metadata;
use super::peer::PeerCertificate;
use super::rate::Meter;
use super::wire::{Options, read_object};
use super::{Error, Limits, Permission, Settings};
use crate::clock::Clock;
use crate::engine::{Ask, Bodies, Engine};
use crate::model::{Evidence, Record, Value};
use crate::telemetry::Metrics;
use actix_web::HttpRequest;
use actix_web::web::{Bytes, Payload};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// One per service; the workers share it.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) engine: Arc<Engine>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    /// Absent until there is an identifier.
    pub(super) metadata: Option<Metadata>,
    pub(super) jwks: Bytes,
    /// One for each configured caller, in their order.
    pub(super) meters: Vec<Meter>,
    /// Bodies that were asked before.
    pub(super) bodies: Bodies<Options>,
    /// For exports of tuples.
    pub(super) exports: Arc<Places>,
    /// For lists that are streamed.
    pub(super) streams: Arc<Places>,
    /// As many requests may wait for a revision.
    pub(super) waiting: Semaphore,
}

impl Shared {
    /// Counts a request of this caller, and refuses one too many.
    pub(super) fn count(&self, caller: usize) -> Result<(), Error> {
        let rate = self.settings.callers.get(caller).and_then(|caller| caller.rate);
        let (Some(rate), Some(meter)) = (rate, self.meters.get(caller)) else { return Ok(()) };
        meter.take(rate, self.clock.monotonic_ms()).map_err(Error::TooManyRequests)
    }

    /// The certificate of a request's connection, where the authorities of now vouch for it.
    pub(super) fn peer<'a>(&self, shown: Option<&'a PeerCertificate>) -> Option<&'a PeerCertificate> {
        shown.filter(|peer| peer.is_trusted(self.settings.tls.as_deref(), self.clock.now_ms()))
    }

    /// Takes a request whose caller needs this permission: first who sent it, and only then its body.
    pub(super) async fn admit<'a>(
        &'a self,
        request: &HttpRequest,
        payload: Payload,
        permission: Permission,
    ) -> Result<(Identity<'a>, Bytes), Error> {
        let caller = Identity::of(request, &self.settings)?;
        caller.require(permission)?;
        let body = read_body(request.headers(), payload, &self.settings.limits).await?;
        Ok((caller, body))
    }

    /// Reads a body.
    pub(super) fn read(&self, body: &[u8]) -> Result<Record, Error> {
        read_object(body, self.settings.limits.json_depth.min(Limits::MAX_JSON_DEPTH))
    }

    /// What the credentials in these contexts prove, for this caller; none where nobody verifies any.
    pub(super) async fn evidence(&self, caller: Identity<'_>, body: &Record) -> Option<Evidence> {
        let verifier = self.settings.verifier.as_ref()?;
        let scope = caller.caller().map(|caller| &caller.credentials);
        Some(verifier.gather(contexts(body), caller.place(), scope).await)
    }
}

/// The contexts of a body: its own, and those of a batch's items.
fn contexts(body: &Record) -> impl Iterator<Item = &Record> {
    let items = body.get("evaluations").and_then(Value::as_list).unwrap_or_default();
    let holders = std::iter::once(body).chain(items.iter().filter_map(Value::as_record));
    holders.filter_map(|holder| holder.get("context")?.as_record())
}

/// What the engine must know of a caller.
pub(super) fn ask<'a>(
    caller: Identity<'a>,
    request: &'a HttpRequest,
    options: Options,
    evidence: Option<&'a Evidence>,
) -> Ask<'a> {
    Ask {
        caller: caller.name(),
        request_id: request.headers().get(&REQUEST_ID).and_then(|id| str::from_utf8(id.as_bytes()).ok()),
        require_actor: caller.caller().is_some_and(|caller| caller.require_actor),
        depth: options.depth,
        arguments: options.arguments,
        evidence,
    }
}
