//! `POST /access/v1/evaluation` (AuthZEN 1.0 section 6): decides one question.

use crate::engine::{Ask, CachedQuestions, LegKeys, Refusal};
use crate::http::authzen::schema::{ErrorBody, EvaluationRequest};
use crate::http::authzen::wire::{EvaluationResponse, Options, RequestKind, write_answer};
use crate::http::endpoint::{Access, Advertised, Endpoint, Method, described};
use crate::http::load::worker_turn::WorkerTurn;
use crate::http::shared::{OwnedAsk, ReadyRequest, ServiceState, WorkLength, ask};
use crate::http::{Error, Permission};
use crate::model::{Answer, DecisionId, Fault, Request, Revision};
use crate::telemetry::RequestPhase;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::io;
use std::sync::Arc;

/// The header with the decision id, as the decision record has it.
pub(in crate::http) static DECISION: HeaderName = HeaderName::from_static("behest-decision");

/// The header with the revision of the relations that decided.
pub(in crate::http) static REVISION: HeaderName = HeaderName::from_static("behest-revision");

pub(in crate::http) const ENDPOINT: Endpoint = Endpoint {
    path: "/access/v1/evaluation",
    method: Method::Post,
    label: "evaluation",
    access: Access::Needs(Permission::Decide),
    advertised: Some(Advertised {
        member: "access_evaluation_endpoint",
        description: "The address at which one question is asked.",
    }),
    description: described!(evaluation),
    route: || web::to(evaluation),
};

/// May this be done?
///
/// Decides one question. The chain of subject and actors is read from the request; the answer is
/// `true` only if every member of the chain is permitted. A denial is a 200 with `false`: an error
/// status never carries a decision.
///
/// Without `options` the answer is the decision alone. `options.reason` adds why a request was
/// denied; `options.explain` adds the policies that decided, with file and line, and what each
/// permit was missing.
#[utoipa::path(
    post,
    path = "/access/v1/evaluation",
    tag = "AuthZEN",
    operation_id = "evaluate",
    params((
        "X-Request-ID" = Option<String>,
        Header,
        description = "Comes back on the response, and stands in the decision record."
    ), (
        "traceparent" = Option<String>,
        Header,
        description = "W3C Trace Context: its trace stands in the decision record."
    )),
    request_body(content = EvaluationRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "The decision, with its reason where that was asked for.",
            body = EvaluationResponse,
            headers(
                (
                    "Behest-Decision" = String,
                    description = "The name of the decision, as the decision record has it."
                ),
                (
                    "Behest-Revision" = u64,
                    description = "The revision of the relations that decided."
                ),
                ("X-Request-ID" = String, description = "The request's own, if it had one."),
            ),
        ),
        (
            status = 400,
            description = "The body is not JSON, or a member is missing or of the wrong kind.",
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
                no bundle is loaded yet, the decision cannot be recorded, \
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
pub(in crate::http) async fn evaluation(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let (caller, text) = shared.admit(&request, payload, &ENDPOINT).await?;
    if let Some(response) = shared.recall(RequestKind::Evaluation, caller, &request, &text)? {
        return Ok(together(response).await);
    }
    let opened = shared
        .open(
            RequestKind::Evaluation,
            WorkLength::of(&text),
            caller,
            &request,
            &text,
        )
        .await?;
    let ReadyRequest {
        body,
        options,
        evidence,
        turn,
    } = opened;
    let question = Request::from_body(&body)?;
    let ask = ask(caller, &request, options, evidence.as_ref());
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
        shared.remember(
            RequestKind::Evaluation,
            caller,
            &text,
            options,
            CachedQuestions::One(known),
        );
    }
    let body = written(write_answer(
        &answer,
        options.depth,
        shared.settings.limits.answer_bytes,
    ))?;
    let response = decided(Some((answer.id, answer.revision)), body);
    Ok(together(response).await)
}

/// LIMIT: a longer body is decided on another thread at once. Its context is built for each member
/// of the chain, which can take longer than a millisecond.
const BRIEF_BODY_BYTES: usize = 64 << 10;

/// Returns `true` if a question is so large that deciding it may take long.
pub(in crate::http) fn is_long(question_bytes: usize) -> bool {
    question_bytes > BRIEF_BODY_BYTES
}

/// Decides one question on the worker if that is quick, and otherwise on another thread.
pub(in crate::http) async fn decide(
    shared: &ServiceState,
    ask: &Ask<'_>,
    options: Options,
    question: &Request,
    (request, body_bytes, turn): (&HttpRequest, usize, Option<WorkerTurn>),
    known: &mut Option<LegKeys>,
) -> Result<Answer, Error> {
    if !is_long(body_bytes) {
        match shared.engine.decide_on_worker(ask, question, known) {
            Err(Refusal::TakesLong) => {}
            other => return Ok(other?),
        }
    }
    // Other requests of this worker need not wait for this decision.
    drop(turn);
    let evidence = ask.evidence;
    let (engine, ask, question) = (
        Arc::clone(&shared.engine),
        OwnedAsk::of(ask, options),
        question.clone(),
    );
    // What waits is kept apart: the others' tasks stay small.
    Box::pin(
        shared.decide_apart(&shared.decisions, (request, evidence), move || {
            Ok(engine.decide(&ask.ask(), &question)?)
        }),
    )
    .await
}

/// Sends an answer after the requests that have already arrived were answered.
///
/// Each answer wakes a client that waits on the same machine, as a sidecar's does: this takes 5 of
/// the 32 µs of processor time of a check among a million tuples (64 connections of one client). If
/// answers are sent one after another, most of them find the client awake: 27 µs. The wait lasts
/// for one round of the runtime, at most 61 tasks; if no other request is there, it costs one check
/// for events.
async fn together(response: HttpResponse) -> HttpResponse {
    tokio::task::yield_now().await;
    response
}

/// Creates the response with a decision. For a batch, `first` is the first item that was decided: a
/// thousand decision ids would make a header that few clients accept. Each item's own id is in its
/// explanation and in the decision record.
pub(in crate::http) fn decided(first: Option<(DecisionId, Revision)>, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if let Some((id, revision)) = first {
        if let Ok(id) = HeaderValue::from_bytes(&id.digits()) {
            response.insert_header((DECISION.clone(), id));
        }
        response.insert_header((REVISION.clone(), HeaderValue::from(revision.0)));
    }
    response.body(body)
}

/// Turns an error of writing into memory into a fault, since only a mistake of ours causes one.
pub(in crate::http) fn written<T>(outcome: io::Result<T>) -> Result<T, Error> {
    outcome.map_err(|error| {
        Error::Fault(Fault::Internal(format!(
            "the answer cannot be written: {error}"
        )))
    })
}
