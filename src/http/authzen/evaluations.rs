//! `POST /access/v1/evaluations` (AuthZEN 1.0 section 7): several questions, decided against one snapshot.

use crate::engine::{Asked, BatchFault, ItemAnswer};
use crate::http::authzen::evaluation::{decide, decided, is_long, written};
use crate::http::authzen::schema::{ErrorBody, EvaluationsRequest};
use crate::http::authzen::wire::{BatchBody, Evaluations, EvaluationsResponse, Of, read_evaluations, write_answer};
use crate::http::body::connection;
use crate::http::shared::{Opened, OwnAsk, Shared, Work, ask};
use crate::http::{Error, Permission};
use crate::model::{DecisionId, Revision};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// May these be done?
///
/// Decides up to 1,000 questions against one state of policies and relations, in order. `subject`, `action`,
/// `resource` and `context` at the top are defaults; a member of an item replaces the default whole. An item that is not
/// well-formed is a denial with `context.error`, and leaves the others alone.
///
/// Without `evaluations`, or with none, the body is one question and the answer is that of `/access/v1/evaluation`.
#[utoipa::path(
    post,
    path = "/access/v1/evaluations",
    tag = "AuthZEN",
    operation_id = "evaluateBatch",
    params(("X-Request-ID" = Option<String>, Header, description = "Comes back on the response, and stands in the decision records.")),
    request_body(content = EvaluationsRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The decisions, in the order of the items.", body = EvaluationsResponse, headers(
            ("Behest-Decision" = String, description = "The name of the first item's decision; the others' stand in their explanations and in the decision records. Absent where no item was well-formed."),
            ("Behest-Revision" = u64, description = "The revision of the relations that decided all items."),
            ("X-Request-ID" = String, description = "The request's own, if it had one."),
        )),
        (status = 400, description = "The body is not JSON, holds too many items or too large defaults, or a member is of the wrong kind.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not decide, or not explain; or it sent no key and may come from elsewhere.", body = ErrorBody),
        (status = 408, description = "The body arrived too slowly.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The body is compressed.", body = ErrorBody),
        (status = 500, description = "A fault of the service.", body = ErrorBody),
        (status = 503, description = "The service is `overloaded` (send it again after `Retry-After`), no bundle is loaded yet, the decisions cannot be recorded, they took too long, or the revision in `options.at_least` has not come.", body = ErrorBody, headers(("Retry-After" = u64, description = "Seconds, where the service is overloaded or a revision has not come."))),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn evaluations(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    let (caller, text) = shared.admit(&request, payload, Permission::Decide).await?;
    if let Some(response) = shared.recall(Of::Evaluations, caller, &request, &text)? {
        return Ok(response);
    }
    let opened = shared.open(Of::Evaluations, Work::Long, caller, &request, &text).await?;
    let Opened { body, options, evidence, mut turn } = opened;
    let limits = &shared.settings.limits;
    let ask = ask(caller, &request, options, evidence.as_ref());
    match read_evaluations(body, limits)? {
        Evaluations::Single(question) => {
            let mut known = None;
            let answer = decide(&shared, &ask, options, &question, (text.len(), turn), &mut known).await?;
            if let Some(known) = known {
                shared.remember(Of::Evaluations, caller, &text, options, Asked::One(known));
            }
            let body = written(write_answer(&answer, options.depth, limits.answer_bytes))?;
            Ok(decided(Some((answer.id, answer.revision)), body))
        }
        Evaluations::Batch(items) => {
            let connection = connection(&request);
            let count = items.size_hint().0;
            // One large item among small ones takes as long as by itself.
            let is_long = is_long(text.len()) && is_long(items.largest_bytes());
            let batch = shared.engine.decide_batch(&ask, items, options.semantic, limits.batch_time)?;
            let mut batch = batch.briefly(if is_long { None } else { Some(count) });
            let mut answers = Answers { first: None, body: BatchBody::new(count, options.depth, limits.answer_bytes) };
            let mut takes_long = false;
            for answer in &mut batch {
                takes_long = matches!(answer, Err(BatchFault::TakesLong));
                if takes_long {
                    break;
                }
                answers.push(answer)?;
                if let Some(turn) = &mut turn {
                    turn.rest(connection).await?;
                }
            }
            if takes_long {
                // Others that are read on this worker need not wait for it.
                drop(turn.take());
                let (engine, ask, rest) = (Arc::clone(&shared.engine), OwnAsk::of(&ask, options), batch.pause());
                let apart = move || {
                    let ask = ask.ask();
                    engine.resume(&ask, rest).try_for_each(|answer| answers.push(answer))?;
                    Ok::<_, Error>(answers)
                };
                answers = shared.decisions.run(apart).await?;
            } else if let Some((known, whole)) = batch.into_known() {
                shared.remember(Of::Evaluations, caller, &text, options, Asked::Several(known, whole));
            }
            Ok(decided(answers.first, answers.body.finish()))
        }
    }
}

/// The answers of a batch so far.
struct Answers {
    /// The first item that was decided.
    first: Option<(DecisionId, Revision)>,
    body: BatchBody,
}

impl Answers {
    fn push(&mut self, answer: Result<ItemAnswer, BatchFault>) -> Result<(), Error> {
        let answer = answer?;
        if let ItemAnswer::Decided(decided) = &answer {
            self.first.get_or_insert((decided.id, decided.revision));
        }
        written(self.body.push(&answer))
    }
}
