//! `POST /stores/{id}/write`: deletes and writes tuples, all of them or none.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{AnswerSource, ok_of};
use crate::http::openfga::error::{ApiError, FgaCode};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::{DELETES, TUPLE_KEY, WRITE, WRITES};
use crate::http::openfga::request::{admit_with_body, model_id, store_id};
use crate::http::openfga::schema::{FgaError, FgaErrors, WriteBody, WriteRequest};
use crate::http::openfga::tuple::{read_key, read_tuple};
use crate::http::shared::ServiceState;
use crate::model::{TupleKey, shown};
use crate::stores::{OnDuplicate, OnMissing, TupleBatch};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

/// Maximum number of tuples in one request; the same limit as OpenFGA's.
const MAX_TUPLES: usize = 100;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/write",
    method: Method::Post,
    label: "fga_write",
    access: Access::Needs(Permission::RelationsWrite),
    advertised: None,
    description: described!(write),
    route: || web::to(write),
};

/// Writes and deletes tuples
///
/// At most 100, all or none, durable and visible when this answers. Where no model is named, the
/// newest at the moment of the write must allow what is written. With `on_duplicate: "replace"`,
/// which OpenFGA does not have, a tuple that exists with another condition or context is replaced
/// in the same revision: a grant is renewed in one write. Tuples of the bundle cannot be written or
/// deleted in `main`, and ids there are in canonical encoding.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/write",
    tag = "Relations",
    operation_id = "write",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = WriteRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "Done. The header `Behest-Revision` names the revision that holds it.",
            body = WriteBody,
        ),
        (
            status = 409,
            description = "A tuple to be written exists with another condition, \
                and duplicates are ignored.",
            body = FgaError,
        ),
        FgaErrors,
    ),
    security(("key" = [])),
)]
pub(super) async fn write(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, WRITE)?;
    let model = model_id(&fields)?;
    let batch = read_batch(&fields)?;
    let work = move || Ok::<_, ApiError>(stores.write(store, model, batch)?);
    let written = shared.run_apart(&shared.writes, &request, work).await?;
    let model = written.model;
    let revision = written.revision;
    let body = WriteBody {
        revision: revision.0,
        written: written.written.len(),
        deleted: written.deleted.len(),
        unknown: written.unknown.iter().map(ToString::to_string).collect(),
    };
    Ok(ok_of(AnswerSource { model, revision }, &body))
}

fn read_batch(fields: &Fields<'_>) -> Result<TupleBatch, ApiError> {
    let (writes, deletes) = (
        fields.object("writes", WRITES)?,
        fields.object("deletes", DELETES)?,
    );
    let items =
        |part: &Option<Fields<'_>>| part.as_ref().map_or(Ok(0), |it| it.count("tuple_keys"));
    let count = items(&writes)? + items(&deletes)?;
    if count == 0 {
        return Err(ApiError::new(
            FgaCode::InvalidWriteInput,
            "`writes` or `deletes` must name at least one tuple",
        ));
    }
    if count > MAX_TUPLES {
        let told = format!(
            "the request names {count} tuples, and at most {MAX_TUPLES} are taken: send several"
        );
        return Err(ApiError::new(FgaCode::ExceededLimit, told));
    }
    let mut batch = TupleBatch::default();
    if let Some(writes) = writes {
        batch.writes = writes
            .items("tuple_keys", TUPLE_KEY)?
            .iter()
            .map(read_tuple)
            .collect::<Result<_, _>>()?;
        batch.on_duplicate = match policy(&writes, "on_duplicate", &["error", "ignore", "replace"])?
        {
            "ignore" => OnDuplicate::Ignore,
            "replace" => OnDuplicate::Replace,
            _ => OnDuplicate::Error,
        };
    }
    if let Some(deletes) = deletes {
        let keys: Result<Vec<TupleKey>, ApiError> = deletes
            .items("tuple_keys", TUPLE_KEY)?
            .iter()
            .map(read_key)
            .collect();
        batch.deletes = keys?;
        if policy(&deletes, "on_missing", &["error", "ignore"])? == "ignore" {
            batch.on_missing = OnMissing::Ignore;
        }
    }
    Ok(batch)
}

/// Reads what is done with a tuple that exists already, or that is missing: one of the words in
/// `known`, of which `error` is the default.
fn policy(
    fields: &Fields<'_>,
    name: &str,
    known: &[&'static str],
) -> Result<&'static str, ApiError> {
    let said = fields
        .text(name)?
        .map_or("error", smol_str::SmolStr::as_str);
    known
        .iter()
        .find(|word| **word == said)
        .copied()
        .ok_or_else(|| {
            let words: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            let told = format!(
                "`{}` must be one of {}, not `{}`",
                fields.path(name),
                words.join(", "),
                shown(said)
            );
            ApiError::invalid(told)
        })
}
