//! What all handlers share.

use super::body::read_body;
use super::caller::Identity;
use super::envelope::REQUEST_ID;
use super::metadata::Metadata;
use super::wire::{Options, read_object};
use super::{Error, Limits, Permission, Settings};
use crate::clock::Clock;
use crate::engine::{Ask, Engine};
use crate::model::Record;
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
    /// As many exports may begin.
    pub(super) exports: Arc<Semaphore>,
    /// As many requests may wait for a revision.
    pub(super) waiting: Semaphore,
}

impl Shared {
    /// Reads a request whose caller needs this permission: first who sent it, and only then its body.
    pub(super) async fn admit<'a>(
        &'a self,
        request: &HttpRequest,
        payload: Payload,
        permission: Permission,
    ) -> Result<(Identity<'a>, Record), Error> {
        let caller = Identity::of(request, &self.settings)?;
        caller.require(permission)?;
        self.read(request, payload, caller).await
    }

    async fn read<'a>(
        &'a self,
        request: &HttpRequest,
        payload: Payload,
        caller: Identity<'a>,
    ) -> Result<(Identity<'a>, Record), Error> {
        let limits = &self.settings.limits;
        let body = read_body(request.headers(), payload, limits).await?;
        let record = read_object(&body, limits.json_depth.min(Limits::MAX_JSON_DEPTH))?;
        Ok((caller, record))
    }
}

/// What the engine must know of a caller.
pub(super) fn ask<'a>(caller: Identity<'a>, request: &'a HttpRequest, options: Options) -> Ask<'a> {
    Ask {
        caller: caller.name(),
        request_id: request.headers().get(&REQUEST_ID).and_then(|id| str::from_utf8(id.as_bytes()).ok()),
        require_actor: caller.caller().is_some_and(|caller| caller.require_actor),
        depth: options.depth,
        arguments: options.arguments,
    }
}
