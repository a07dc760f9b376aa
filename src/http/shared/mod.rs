//! Defines the state that all handlers share, and the admission of their requests.

pub(in crate::http) mod newest;
pub(in crate::http) mod pieces;
pub(in crate::http) mod request_trace;
mod revision;
mod standing;
pub(in crate::http) mod watched_body;
mod work_length;

use super::body::{connection, read_body};
use super::caller::identity::Identity;
use super::connection::Connection;
use super::endpoint::{Access, Endpoint};
use super::load::apart::LongWorkPlaces;
use super::load::lag;
use super::{Error, Permission, Settings, SettingsReport, Shortage};
use crate::clock::Clock;
use crate::engine::{Ask, Engine, RequestCache};
use crate::evidence::{Questions, Verifier};
use crate::http::authzen::metadata::document::Metadata;
use crate::http::authzen::wire::{Options, RequestKind, check_size, record_bytes};
use crate::http::load::budget::{BudgetShare, ByteBudget};
use crate::http::load::places::StreamPlaces;
use crate::http::load::revision_wait::WaitingPlaces;
use crate::http::load::worker_turn::WorkerTurn;
use crate::json::{self, JsonError, read_object};
use crate::model::{Evidence, Record, Value};
use crate::telemetry::{Metrics, RequestPhase, TraceId};
use actix_web::http::header::HeaderName;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use arc_swap::ArcSwap;
use newest::{CallerEntry, NewestSettings};
use standing::MOST_ROUNDS;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
pub(super) use work_length::WorkLength;

/// The header with the request's id (AuthZEN 1.0 section 10.1.3).
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The member of a context that holds credentials.
const CREDENTIALS: &str = "credentials";

/// A body that was read, and whose question can be answered now.
pub(super) struct ReadyRequest {
    /// The body.
    pub(super) body: Record,
    /// The options of the request.
    pub(super) options: Options,
    /// The evidence from the credentials in it; `None` if no verifier is configured.
    pub(super) evidence: Option<Evidence>,
    /// The turn at the worker, if the work needs one.
    pub(super) turn: Option<WorkerTurn>,
}

/// The shared state, used by all workers. Settings that are read again make a new one of the same
/// parts; a request keeps the one that it began with.
#[derive(Clone)]
pub(super) struct ServiceState {
    pub(super) settings: Arc<Settings>,
    /// The number of these settings.
    pub(super) number: u64,
    /// The settings that count now.
    pub(super) newest: Arc<NewestSettings>,
    /// What the last reading of the settings came to.
    pub(super) report: Arc<ArcSwap<SettingsReport>>,
    /// Whether the service is about to end.
    pub(super) draining: Arc<AtomicBool>,
    pub(super) engine: Arc<Engine>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    /// The metadata; `None` if no identifier is configured.
    pub(super) metadata: Option<Arc<Metadata>>,
    pub(super) jwks: Bytes,
    /// The description of the API, written once it is asked for.
    pub(super) description: Arc<LazyLock<Bytes>>,
    /// What belongs to each configured caller, in their order.
    pub(super) callers: Arc<[CallerEntry]>,
    /// The number of anonymous callers; see [`CallerEntry::number`].
    pub(super) anonymous_number: usize,
    /// The first number that nobody has had yet.
    pub(super) next_number: usize,
    /// The request cache.
    pub(super) bodies: Arc<RequestCache<Options>>,
    /// Places for exports of tuples.
    pub(super) exports: Arc<StreamPlaces>,
    /// The place for a backup.
    pub(super) backups: Arc<StreamPlaces>,
    /// Places for streamed lists.
    pub(super) streams: Arc<StreamPlaces>,
    /// Places for those who watch decisions.
    pub(super) watches: Arc<StreamPlaces>,
    /// Places for requests that wait for a revision.
    pub(super) waiting: Arc<WaitingPlaces>,
    /// Memory for the bodies of requests.
    pub(super) bodies_memory: Arc<ByteBudget>,
    /// Memory for answers that clients have not taken yet.
    pub(super) answers_memory: Arc<ByteBudget>,
    /// Threads for decisions that take long.
    pub(super) decisions: Arc<LongWorkPlaces>,
    /// Threads for questions about relations that take long.
    pub(super) questions: Arc<LongWorkPlaces>,
    /// Threads for searches.
    pub(super) searches: Arc<LongWorkPlaces>,
    /// Threads that read and write stored texts that may be large: pages of tuples and changes,
    /// models, assertions.
    pub(super) pages: Arc<LongWorkPlaces>,
    /// A thread for scratch copies of the bundle.
    pub(super) scratches: Arc<LongWorkPlaces>,
    /// Threads that write tuples and delete stores.
    pub(super) writes: Arc<LongWorkPlaces>,
}

impl ServiceState {
    /// Counts a request of this caller, and refuses it if the caller exceeds its rate.
    pub(super) fn count_request(&self, caller: usize) -> Result<(), Error> {
        let rate = self
            .settings
            .callers
            .get(caller)
            .and_then(|caller| caller.rate);
        let (Some(rate), Some(entry)) = (rate, self.callers.get(caller)) else {
            return Ok(());
        };
        entry
            .meter
            .take(rate, self.clock.monotonic_ms())
            .map_err(Error::TooManyRequests)
    }

    /// Admits a request. First identifies the caller and checks that it may use this endpoint, then
    /// reads the body, and then refuses the request if the worker is overloaded.
    /// The body is read even if the request is then refused, so that the connection can be used
    /// again. Requests that write relations are not refused for overload.
    ///
    /// Work that takes long needs a turn besides ([`Self::turn`]).
    pub(super) async fn admit<'a>(
        &'a self,
        request: &HttpRequest,
        payload: Payload,
        endpoint: &Endpoint,
    ) -> Result<(Identity<'a>, Bytes), Error> {
        let caller = Identity::of(request, &self.settings)?;
        endpoint.check(caller)?;
        let limits = &self.settings.limits;
        let body = read_body(request, payload, limits, &self.bodies_memory).await?;
        if caller.may_end() || !self.is_newest() {
            self.check_sender(request).await?;
        }
        if lag::is_long() && endpoint.access != Access::Needs(Permission::RelationsWrite) {
            return Err(Error::Overloaded(Shortage::Time));
        }
        self.phase_ended(request, RequestPhase::Read);
        Ok((caller, body))
    }

    /// Reads a body, once the relations have reached the revision that it asks for, and verifies
    /// the credentials in it. While a request waits for the revision or for an issuer, it holds no
    /// turn at the worker, and of its body only the text.
    pub(super) async fn open(
        &self,
        of: RequestKind,
        work: WorkLength,
        caller: Identity<'_>,
        request: &HttpRequest,
        text: &Bytes,
    ) -> Result<ReadyRequest, Error> {
        if work == WorkLength::Short && self.settings.verifier.is_none() {
            let (body, options) = self.read_with_options(of, caller, text)?;
            if self.is_reached(&options) {
                return Ok(ReadyRequest {
                    body,
                    options,
                    evidence: None,
                    turn: None,
                });
            }
        }
        // The future that may wait is boxed, so that the futures of other requests stay small.
        let ready = Box::pin(self.open_in_turn(of, work, caller, request, text)).await;
        self.opened(request);
        ready
    }

    async fn open_in_turn(
        &self,
        of: RequestKind,
        work: WorkLength,
        caller: Identity<'_>,
        request: &HttpRequest,
        text: &Bytes,
    ) -> Result<ReadyRequest, Error> {
        let mut turn = self.turn_for(work, request, text).await?;
        let (mut body, options) = self.read_with_options(of, caller, text)?;
        if !self.is_reached(&options) {
            body = Record::new();
            turn.take().into_iter().for_each(WorkerTurn::pass_on);
            self.wait_for_revision(&options, caller, request, text)
                .await?;
            turn = self.turn_for(work, request, text).await?;
        }
        body = self.read_if_dropped(body, text)?;
        let mut evidence = None;
        if let Some(verifier) = &self.settings.verifier {
            let held = held_credentials(&body);
            if of == RequestKind::Search {
                self.pay_credentials(&held, request, text)?;
            }
            let number = self.number_of(caller);
            let mut gathering = pin!(gather(verifier, caller, number, &held));
            evidence = Some(
                match poll_fn(|cx| Poll::Ready(gathering.as_mut().poll(cx))).await {
                    Poll::Ready(evidence) => evidence,
                    Poll::Pending => {
                        body = Record::new();
                        turn.take().into_iter().for_each(WorkerTurn::pass_on);
                        self.pay_credentials(&held, request, text)?;
                        let evidence = gathering.await;
                        turn = self.turn_for(work, request, text).await?;
                        evidence
                    }
                },
            );
        }
        let mut rounds = 0;
        while rounds < MOST_ROUNDS && self.must_ask(request, evidence.as_ref()) {
            rounds += 1;
            body = Record::new();
            turn.take().into_iter().for_each(WorkerTurn::pass_on);
            let about = Questions::in_round(rounds);
            self.ask_again(request, evidence.as_ref(), about).await?;
            turn = self.turn_for(work, request, text).await?;
        }
        body = self.read_if_dropped(body, text)?;
        // INVARIANT: between this check and the answer, the request does not wait, unless it
        // repeats the check after the wait.
        self.check_now(request, evidence.as_ref())?;
        Ok(ReadyRequest {
            body,
            options,
            evidence,
            turn,
        })
    }

    /// Parses the body again if its parsed form was dropped before a wait. It is dropped so that a
    /// waiting request holds only the text.
    fn read_if_dropped(&self, body: Record, text: &Bytes) -> Result<Record, Error> {
        if body.is_empty() {
            self.read(text)
        } else {
            Ok(body)
        }
    }

    /// Charges the budget for the text of a small body and for the credentials in it, if the
    /// request has to wait for an issuer or for a thread that searches.
    /// Larger bodies were charged when they
    /// were read.
    fn pay_credentials(
        &self,
        held: &[Record],
        request: &HttpRequest,
        text: &Bytes,
    ) -> Result<(), Error> {
        if held.is_empty() || request.extensions().get::<BudgetShare>().is_some() {
            return Ok(());
        }
        let bytes = text.len() + held.iter().map(record_bytes).sum::<usize>();
        let bytes = bytes.min(self.settings.limits.bodies_bytes);
        let share = self
            .bodies_memory
            .take(bytes)
            .ok_or(Error::Overloaded(Shortage::Bodies))?;
        request.extensions_mut().insert(share);
        Ok(())
    }

    fn read_with_options(
        &self,
        of: RequestKind,
        caller: Identity<'_>,
        text: &[u8],
    ) -> Result<(Record, Options), Error> {
        let body = self.read(text)?;
        let options = Options::read(of, &body, caller)?;
        if of == RequestKind::Evaluations {
            check_size(&body, &self.settings.limits)?;
        }
        Ok((body, options))
    }

    async fn turn_for(
        &self,
        work: WorkLength,
        request: &HttpRequest,
        text: &Bytes,
    ) -> Result<Option<WorkerTurn>, Error> {
        match work {
            WorkLength::Short => Ok(None),
            WorkLength::Long => self.turn(request, text).await.map(Some),
        }
    }

    /// Waits for a turn at the worker, for a body that may take long.
    pub(super) async fn turn(
        &self,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<WorkerTurn, Error> {
        WorkerTurn::take(
            body.len(),
            self.settings.limits.queue_time,
            connection(request),
        )
        .await
    }

    /// Charges the budget for an answer of `bytes` bytes, until the client of the connection has
    /// taken it.
    pub(super) fn pay_answer(
        &self,
        connection: Option<&Connection>,
        bytes: u64,
    ) -> Result<(), Error> {
        let bytes = usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .min(self.settings.limits.answers_bytes);
        let share = self
            .answers_memory
            .take(bytes)
            .ok_or(Error::Overloaded(Shortage::Answers))?;
        if let Some(connection) = connection {
            connection.keep(share);
        }
        Ok(())
    }

    /// Parses a body.
    pub(super) fn read(&self, body: &[u8]) -> Result<Record, Error> {
        let read = read_object(body, self.json_depth());
        read.map_err(|error| match error {
            // Whether the duplicate member is marked as secret is known only once the request is
            // read, so the path shows no data.
            JsonError::Twice { name, path } if self.engine.has_secrets() => {
                let path = without_data(&path);
                JsonError::Twice { name, path }.into()
            }
            other => other.into(),
        })
    }

    /// Returns the maximum nesting of a body.
    pub(super) fn json_depth(&self) -> usize {
        self.settings.limits.json_depth.min(json::MAX_DEPTH)
    }
}

/// Returns the path of a member without the names that a request chooses itself, those in a context
/// or in properties. They may be account numbers, or values that were written where a name belongs.
fn without_data(path: &str) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for segment in path.split('.') {
        if shown
            .last()
            .is_some_and(|last| ["context", "properties"].contains(last))
        {
            shown.push("(not shown)");
            break;
        }
        shown.push(segment);
    }
    shown.join(".")
}

/// Returns the evidence from these credentials, for this caller.
async fn gather(
    verifier: &Verifier,
    caller: Identity<'_>,
    number: Option<usize>,
    held: &[Record],
) -> Evidence {
    let scope = caller.caller().map(|caller| &caller.credentials);
    verifier.gather(held, number, scope).await
}

/// Returns the credentials in a body's contexts, without anything else: in its own context, and in
/// those of a batch's items.
fn held_credentials(body: &Record) -> Vec<Record> {
    let items = body
        .get("evaluations")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let holders = std::iter::once(body).chain(items.iter().filter_map(Value::as_record));
    let credentials =
        holders.filter_map(|holder| holder.get("context")?.as_record()?.get_present(CREDENTIALS));
    credentials
        .map(|credentials| Record::from_iter([(CREDENTIALS.into(), credentials.clone())]))
        .collect()
}

/// A copy of [`Ask`] that can move to another thread.
pub(super) struct OwnedAsk {
    caller: String,
    request_id: Option<String>,
    trace_id: Option<TraceId>,
    require_actor: bool,
    options: Options,
    evidence: Option<Evidence>,
}

impl OwnedAsk {
    /// Copies what a handler was going to ask with.
    pub(super) fn of(ask: &Ask<'_>, options: Options) -> Self {
        Self {
            caller: ask.caller.to_owned(),
            request_id: ask.request_id.map(str::to_owned),
            trace_id: ask.trace_id,
            require_actor: ask.require_actor,
            options,
            evidence: ask.evidence.cloned(),
        }
    }

    /// Returns the arguments for the engine.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            caller: &self.caller,
            request_id: self.request_id.as_deref(),
            trace_id: self.trace_id,
            require_actor: self.require_actor,
            depth: self.options.depth,
            arguments: self.options.arguments,
            evidence: self.evidence.as_ref(),
        }
    }
}

/// Returns what the engine must know of a request's caller and options.
pub(super) fn ask<'a>(
    caller: Identity<'a>,
    request: &'a HttpRequest,
    options: Options,
    evidence: Option<&'a Evidence>,
) -> Ask<'a> {
    Ask {
        caller: caller.name(),
        request_id: request
            .headers()
            .get(&REQUEST_ID)
            .and_then(|id| str::from_utf8(id.as_bytes()).ok()),
        trace_id: request_trace::id_of(request),
        require_actor: caller.caller().is_some_and(|caller| caller.require_actor),
        depth: options.depth,
        arguments: options.arguments,
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_data_ends_where_the_data_begins() {
        for (path, expected) in [
            ("subject.id", "subject.id"),
            ("context", "context"),
            ("context.vault.4711", "context.(not shown)"),
            (
                "evaluations[3].subject.properties.x",
                "evaluations[3].subject.properties.(not shown)",
            ),
        ] {
            assert_eq!(without_data(path), expected);
        }
    }
}
