//! `POST /stores/{id}/write`: deletes and writes, all or none.

use super::answer::{Basis, ok_of};
use super::error::{ApiError, Code};
use super::fields::Fields;
use super::request::{admit_with_body, apart, model_id, store_id};
use super::schema::{Errors, WriteBody, WriteRequest};
use super::tuple::{read_key, read_tuple};
use crate::engine::stores::{Batch, OnDuplicate, OnMissing};
use crate::http::Permission;
use crate::http::shared::Shared;
use crate::model::TupleKey;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

/// Most tuples of one request: OpenFGA's limit.
const MAX_TUPLES: usize = 100;

/// Writes and deletes tuples
///
/// At most 100, all or none, durable and visible when this answers. Tuples of the bundle cannot be written or deleted in
/// `main`, and ids there are in canonical encoding.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/write",
    tag = "Relations",
    operation_id = "write",
    params(("store_id" = String, Path, description = "The store.")),
    request_body(content = WriteRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "Done. The header `Behest-Revision` names the revision that holds it.", body = WriteBody),
        (status = 409, description = "A tuple to be written exists with another condition, and duplicates are ignored.", body = super::schema::FgaError),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn write(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, Permission::RelationsWrite).await?;
    let store = store_id(&request)?;
    let fields = Fields::of(&body);
    let model = model_id(&fields)?;
    let batch = read_batch(&fields)?;
    let (model, applied) = apart(move || {
        let (_, used) = stores.with_model(store, model)?;
        Ok((used.id, stores.write(store, Some(used.id), batch)?))
    })
    .await?;
    let revision = applied.revision;
    let body = WriteBody { revision: revision.0, written: applied.written.len(), deleted: applied.deleted.len() };
    Ok(ok_of(Basis { model, revision }, &body))
}

fn read_batch(fields: &Fields<'_>) -> Result<Batch, ApiError> {
    let (writes, deletes) = (fields.object("writes")?, fields.object("deletes")?);
    let items = |part: &Option<Fields<'_>>| part.as_ref().map_or(Ok(0), |it| it.items("tuple_keys").map(|it| it.len()));
    let count = items(&writes)? + items(&deletes)?;
    if count == 0 {
        return Err(ApiError::new(Code::InvalidWriteInput, "`writes` or `deletes` must name at least one tuple"));
    }
    if count > MAX_TUPLES {
        let told = format!("the request names {count} tuples, and at most {MAX_TUPLES} are taken: send several");
        return Err(ApiError::new(Code::ExceededLimit, told));
    }
    let mut batch = Batch::default();
    if let Some(writes) = writes {
        batch.writes = writes.items("tuple_keys")?.iter().map(read_tuple).collect::<Result<_, _>>()?;
        if is_ignore(&writes, "on_duplicate")? {
            batch.on_duplicate = OnDuplicate::Ignore;
        }
    }
    if let Some(deletes) = deletes {
        let keys: Result<Vec<TupleKey>, ApiError> = deletes.items("tuple_keys")?.iter().map(read_key).collect();
        batch.deletes = keys?;
        if is_ignore(&deletes, "on_missing")? {
            batch.on_missing = OnMissing::Ignore;
        }
    }
    Ok(batch)
}

fn is_ignore(fields: &Fields<'_>, name: &str) -> Result<bool, ApiError> {
    match fields.text(name)?.map(smol_str::SmolStr::as_str) {
        None | Some("error") => Ok(false),
        Some("ignore") => Ok(true),
        Some(other) => {
            Err(ApiError::invalid(format!("`{}` must be `error` or `ignore`, not `{other}`", fields.path(name))))
        }
    }
}
