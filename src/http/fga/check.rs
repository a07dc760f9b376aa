//! `POST /stores/{id}/check`: is this user in that relation to this object?

use super::answer::{Basis, ok_of};
use super::error::{ApiError, Names};
use super::fields::Fields;
use super::request::{admit_with_body, check_consistency, model_id, store_id, terms, until};
use super::schema::{CheckBody, CheckRequest, Errors};
use super::time::Deadline;
use super::tuple::{read_context, read_contextual, read_question};
use crate::engine::stores::{Membership, Reader};
use crate::http::Permission;
use crate::http::shared::Shared;
use crate::model::{Record, TupleKey};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

/// Asks for `resolution`, from clients that cannot set a member of the body.
const TRACE: &str = "behest-trace";

/// Checks a relation
///
/// With `trace`, or the header `Behest-Trace: true`, a permitted check shows the tuples that permit it in `resolution`.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/check",
    tag = "Relations",
    operation_id = "check",
    params(
        ("store_id" = String, Path, description = "The store."),
        ("Behest-Trace" = Option<String>, Header, description = "`true` fills `resolution`."),
    ),
    request_body(content = CheckRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "Whether.", body = CheckBody, headers(
            ("Openfga-Authorization-Model-Id" = String, description = "The model that answered."),
            ("Behest-Revision" = u64, description = "The revision of the tuples that answered."),
        )),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn check(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, Permission::RelationsRead).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store);
    check_consistency(&fields)?;
    let key = read_question(&fields)?;
    let (version, model) = stores.with_model(store, model_id(&fields)?)?;
    let contextual = read_contextual(&fields, &model)?;
    let empty = Record::new();
    let context = read_context(&fields)?.unwrap_or(&empty);
    let traced = request.headers().get(TRACE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let is_over = until(Deadline::of_check());
    let mut terms = terms(&contextual, context, &is_over);
    terms.witness = traced || fields.flag("trace")?;
    let in_key = |failure| ApiError::of_failure(failure, Names::InKey);
    let mut reader = Reader::new(version.graph(), &model.rules, terms).map_err(|fault| in_key(fault.into()))?;
    let body = match reader.check(&key).map_err(in_key)? {
        Membership::Holds(witness) => CheckBody { allowed: true, resolution: resolution(&witness) },
        Membership::Lacks => CheckBody { allowed: false, resolution: String::new() },
    };
    Ok(ok_of(Basis { model: model.id, revision: version.revision() }, &body))
}

fn resolution(witness: &[TupleKey]) -> String {
    witness.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
