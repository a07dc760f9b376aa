//! `POST /access/v1/evaluations` (AuthZEN 1.0 section 7): decides several questions against one
//! snapshot.

use crate::engine::{Ask, Batch, BatchFault, CachedQuestions, ItemAnswer, LegKeys, PausedBatch};
use crate::http::authzen::evaluation::{decide, decided, is_long, written};
use crate::http::authzen::schema::{ErrorBody, EvaluationsRequest};
use crate::http::authzen::wire::{
    BatchBody, EvaluationsInput, EvaluationsResponse, Options, RequestKind, read_evaluations,
    write_answer,
};
use crate::http::body::connection;
use crate::http::endpoint::{Access, Advertised, Endpoint, Method, described};
use crate::http::load::worker_turn::WorkerTurn;
use crate::http::shared::{OwnedAsk, ReadyRequest, ServiceState, WorkLength, ask};
use crate::http::{Error, Permission};
use crate::model::{DecisionId, Evidence, MalformedMember, Request, Revision};
use crate::telemetry::RequestPhase;
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

pub(in crate::http) const ENDPOINT: Endpoint = Endpoint {
    path: "/access/v1/evaluations",
    method: Method::Post,
    label: "evaluations",
    access: Access::Needs(Permission::Decide),
    advertised: Some(Advertised {
        member: "access_evaluations_endpoint",
        description: "The address at which several questions are asked.",
    }),
    description: described!(evaluations),
    route: || web::to(evaluations),
};

/// May these be done?
///
/// Decides up to 1,000 questions against one state of policies and relations, in order. `subject`,
/// `action`, `resource` and `context` at the top are defaults; a member of an item replaces the
/// default whole. An item that is not well-formed is a denial with `context.error`, and leaves the
/// others alone.
///
/// Without `evaluations`, or with none, the body is one question and the answer is that of
/// `/access/v1/evaluation`.
#[utoipa::path(
    post,
    path = "/access/v1/evaluations",
    tag = "AuthZEN",
    operation_id = "evaluateBatch",
    params((
        "X-Request-ID" = Option<String>,
        Header,
        description = "Comes back on the response, and stands in the decision records."
    ), (
        "traceparent" = Option<String>,
        Header,
        description = "W3C Trace Context: its trace stands in the decision records."
    )),
    request_body(content = EvaluationsRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "The decisions, in the order of the items.",
            body = EvaluationsResponse,
            headers(
                (
                    "Behest-Decision" = String,
                    description = "The name of the first item's decision; \
                        the others' stand in their explanations and in the decision records. \
                        Absent where no item was well-formed."
                ),
                (
                    "Behest-Revision" = u64,
                    description = "The revision of the relations that decided all items."
                ),
                ("X-Request-ID" = String, description = "The request's own, if it had one."),
            ),
        ),
        (
            status = 400,
            description = "The body is not JSON, holds too many items or too large defaults, \
                or a member is of the wrong kind.",
            body = ErrorBody,
        ),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (
            status = 403,
            description = "The caller may not decide, or not explain; \
                or it sent no key and may come from elsewhere.",
            body = ErrorBody,
        ),
        (status = 408, description = "The body arrived too slowly.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The body is compressed.", body = ErrorBody),
        (status = 500, description = "A fault of the service.", body = ErrorBody),
        (
            status = 503,
            description = "The service is `overloaded` (send it again after `Retry-After`), \
                no bundle is loaded yet, the decisions cannot be recorded, they took too long, \
                or the revision in `options.at_least` has not come.",
            body = ErrorBody,
            headers((
                "Retry-After" = u64,
                description = "Seconds, where the service is overloaded or a revision has not come."
            )),
        ),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn evaluations(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let (caller, text) = shared.admit(&request, payload, &ENDPOINT).await?;
    let kind = RequestKind::Evaluations;
    if let Some(response) = shared.recall(kind, caller, &request, &text)? {
        return Ok(response);
    }
    let opened = shared
        .open(kind, WorkLength::Long, caller, &request, &text)
        .await?;
    let ReadyRequest {
        body,
        options,
        evidence,
        turn,
    } = opened;
    let limits = &shared.settings.limits;
    let ask = ask(caller, &request, options, evidence.as_ref());
    match read_evaluations(body, limits)? {
        EvaluationsInput::Single(question) => {
            let mut known = None;
            let answer = decide(
                &shared,
                &ask,
                options,
                &question,
                (&request, text.len(), turn),
                &mut known,
            )
            .await?;
            shared.phase_ended(&request, RequestPhase::Decide);
            if let Some(known) = known {
                shared.remember(kind, caller, &text, options, CachedQuestions::One(known));
            }
            let body = written(write_answer(&answer, options.depth, limits.answer_bytes))?;
            Ok(decided(Some((answer.id, answer.revision)), body))
        }
        EvaluationsInput::Batch(items) => {
            // A large item takes as long in a batch of small ones as by itself.
            let is_long = is_long(text.len()) && is_long(items.largest_bytes());
            let work = (is_long, turn);
            let (answers, known) =
                decide_all(&shared, &ask, options, items, work, &request).await?;
            shared.phase_ended(&request, RequestPhase::Decide);
            if let Some((known, whole)) = known {
                shared.remember(
                    kind,
                    caller,
                    &text,
                    options,
                    CachedQuestions::Several(known, whole),
                );
            }
            Ok(decided(answers.first, answers.body.finish()))
        }
    }
}

/// Decides a batch, all of it on another thread if `is_long`, and returns what the request cache
/// needs to answer it the next time.
async fn decide_all(
    shared: &ServiceState,
    ask: &Ask<'_>,
    options: Options,
    items: impl Iterator<Item = Result<Request, MalformedMember>> + Send + 'static,
    (is_long, mut turn): (bool, Option<WorkerTurn>),
    request: &HttpRequest,
) -> Result<(BatchAnswers, Option<(Vec<LegKeys>, bool)>), Error> {
    let limits = &shared.settings.limits;
    let count = items.size_hint().0;
    let batch = shared
        .engine
        .decide_batch(ask, items, options.semantic, limits.batch_time)?;
    let mut batch = batch.on_worker((!is_long).then_some(count));
    let mut answers = BatchAnswers {
        first: None,
        body: BatchBody::new(count, options.depth, limits.answer_bytes),
    };
    if answers
        .take_brief(&mut batch, &mut turn, shared, (request, ask.evidence))
        .await?
    {
        // Other requests of this worker need not wait for the rest.
        drop(turn);
        let answers = answers
            .take_rest(
                shared,
                OwnedAsk::of(ask, options),
                (request, ask.evidence),
                batch.pause(),
            )
            .await?;
        return Ok((answers, None));
    }
    Ok((answers, batch.into_leg_keys()))
}

/// The answers to a batch so far.
struct BatchAnswers {
    /// The decision id and the revision of the first item that was decided.
    first: Option<(DecisionId, Revision)>,
    body: BatchBody,
}

impl BatchAnswers {
    /// Takes the answers that can be decided quickly on the worker, and returns `true` if the rest
    /// takes long.
    async fn take_brief(
        &mut self,
        batch: &mut Batch<'_, impl Iterator<Item = Result<Request, MalformedMember>>>,
        turn: &mut Option<WorkerTurn>,
        shared: &ServiceState,
        (request, evidence): (&HttpRequest, Option<&Evidence>),
    ) -> Result<bool, Error> {
        for answer in batch {
            if matches!(answer, Err(BatchFault::TakesLong)) {
                return Ok(true);
            }
            self.push(answer)?;
            if let Some(turn) = turn
                && turn.rest(connection(request)).await?
            {
                if shared.must_ask(request, evidence) {
                    let again = Box::pin(shared.check_all(request, evidence));
                    turn.set_aside(connection(request), again).await??;
                }
                shared.check_now(request, evidence)?;
            }
        }
        Ok(false)
    }

    /// Takes the rest of a batch's answers, which are decided on another thread.
    async fn take_rest(
        mut self,
        shared: &ServiceState,
        ask: OwnedAsk,
        (request, evidence): (&HttpRequest, Option<&Evidence>),
        rest: PausedBatch<impl Iterator<Item = Result<Request, MalformedMember>> + Send + 'static>,
    ) -> Result<Self, Error> {
        let engine = Arc::clone(&shared.engine);
        let apart = move || {
            let ask = ask.ask();
            engine
                .resume(&ask, rest)
                .try_for_each(|answer| self.push(answer))?;
            Ok::<_, Error>(self)
        };
        shared
            .decide_apart(&shared.decisions, (request, evidence), apart)
            .await
    }

    fn push(&mut self, answer: Result<ItemAnswer, BatchFault>) -> Result<(), Error> {
        let answer = answer?;
        if let ItemAnswer::Decided(decided) = &answer {
            self.first.get_or_insert((decided.id, decided.revision));
        }
        written(self.body.push(&answer))
    }
}
