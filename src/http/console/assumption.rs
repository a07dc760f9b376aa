//! `POST /explain/v1/evaluation`: explains what would be decided if something else were so.
//!
//! INVARIANT: the answer stands below `answer`, so that no enforcement point that is sent here by
//! mistake finds a decision.

use super::assumed;
use super::errors::QuestionErrors;
use crate::http::authzen::evaluation::written;
use crate::http::authzen::schema::ErrorBody;
use crate::http::authzen::wire::{EvaluationResponse, Options, RequestKind, write_answer};
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::{OwnedAsk, ReadyRequest, ServiceState, WorkLength, ask};
use crate::http::{Error, Permission};
use crate::model::{AnswerDepth, Arguments, Request};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;
use utoipa::ToSchema;

/// The answer to a question under an assumption.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is written without it")]
pub(in crate::http) struct AssumedBody {
    /// What an evaluation would answer, with its explanation.
    answer: EvaluationResponse<'static>,
}

/// A question, and what is assumed beside what is so.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct AssumingQuestion {
    /// The subject, as in an evaluation.
    #[schema(value_type = Object)]
    subject: (),
    /// The action, as in an evaluation.
    #[schema(value_type = Object)]
    action: (),
    /// The resource, as in an evaluation.
    #[schema(value_type = Object)]
    resource: (),
    /// The context, as in an evaluation.
    #[schema(value_type = Option<Object>)]
    context: (),
    /// What the question assumes beside it.
    assume: Option<AssumptionsBody>,
}

/// What is assumed beside what is so.
#[derive(Debug, ToSchema)]
#[schema(as = QuestionAssumptions)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct AssumptionsBody {
    /// The time (RFC 3339), instead of the case's or now.
    #[schema(example = "2026-10-01T09:00:00Z")]
    now: Option<String>,
    /// A case of the bundle, which supplies what it is given: its `file` and its `name`.
    #[schema(value_type = Option<Object>)]
    case: Option<()>,
    /// Entities in Cedar's JSON form, at most 100; each replaces the stored one of its id.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<()>,
    /// Tuples that are there as well, at most 100: `user`, `relation`, `object`, and a `condition`.
    #[schema(value_type = Option<Vec<Object>>)]
    tuples: Option<()>,
    /// Tuples that are not there, at most 100.
    #[schema(value_type = Option<Vec<Object>>)]
    without: Option<()>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/evaluation",
    method: Method::Post,
    label: "explain_evaluation",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(evaluation),
    route: || web::to(evaluation),
};

/// What would be decided?
///
/// Explains a question, at another time, with tuples or entities that are not there, without tuples
/// that are, or as a case of the bundle has it. Nothing is written, and neither the decision record
/// nor the metrics see a decision: this is for people who ask why, and the answer below `answer` is
/// none to enforce. Needs the permissions `explain` and `decide`.
#[utoipa::path(
    post,
    path = "/explain/v1/evaluation",
    tag = "Explanation",
    operation_id = "assume",
    request_body(content = AssumingQuestion, content_type = "application/json"),
    responses(
        (status = 200, description = "The answer and its explanation.", body = AssumedBody),
        (status = 403, description = "The caller may not explain or decide.", body = ErrorBody),
        QuestionErrors,
    ),
    security((), ("key" = [])),
)]
async fn evaluation(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let (caller, text) = shared.admit(&request, payload, &ENDPOINT).await?;
    let work = WorkLength::of(&text);
    let opened = shared
        .open(RequestKind::Assumption, work, caller, &request, &text)
        .await?;
    let ReadyRequest {
        body,
        options,
        evidence,
        turn,
    } = opened;
    // Other requests of this worker need not wait for this one.
    drop(turn);
    caller.require(Permission::Decide)?;
    let question = Request::from_body(&body)?;
    let assumption = assumed::read(&body)?;
    let options = Options {
        depth: AnswerDepth::Explain,
        arguments: Arguments::Known,
        ..options
    };
    let known = evidence.clone();
    let owned = OwnedAsk::of(&ask(caller, &request, options, evidence.as_ref()), options);
    let engine = Arc::clone(&shared.engine);
    let answer = move || Ok::<_, Error>(engine.assume(&owned.ask(), &question, &assumption)?);
    let answer = shared
        .decide_apart(&shared.decisions, (&request, known.as_ref()), answer)
        .await?;
    let limit = shared.settings.limits.answer_bytes;
    let answer = written(write_answer(&answer, AnswerDepth::Explain, limit))?;
    let body = [b"{\"answer\":", &answer[..], b"}"].concat();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(Bytes::from(body)))
}
