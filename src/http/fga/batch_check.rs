//! `POST /stores/{id}/batch-check`: several checks at one revision, each with an answer of its own.

use super::answer::{Basis, ok_of};
use super::error::{ApiError, Names};
use super::fields::Fields;
use super::request::{admit_with_body, apart, check_consistency, model_id, store_id, terms, until};
use super::schema::{BatchCheckBody, BatchCheckError, BatchCheckRequest, BatchCheckResult, Errors};
use super::time::Deadline;
use super::tuple::{read_context, read_contextual, read_question};
use crate::engine::stores::{Model, Reader, Version};
use crate::http::Permission;
use crate::http::shared::Shared;
use crate::model::{Record, Tuple, TupleKey};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::collections::BTreeMap;

/// Most checks of one batch: OpenFGA's limit.
const MAX_CHECKS: usize = 50;

/// Longest correlation id, in characters: OpenFGA's rule.
const MAX_CORRELATION_CHARS: usize = 36;

/// Checks several relations
///
/// All at one revision. An item that is at fault has an error in place of its answer.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/batch-check",
    tag = "Relations",
    operation_id = "batchCheck",
    params(("store_id" = String, Path, description = "The store.")),
    request_body(content = BatchCheckRequest, content_type = "application/json"),
    responses((status = 200, description = "Each item's answer.", body = BatchCheckBody), Errors),
    security(("key" = [])),
)]
pub(super) async fn batch_check(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, Permission::RelationsRead).await?;
    let store = store_id(&request)?;
    let (basis, body) = apart(move || {
        let fields = Fields::in_store(&body, store);
        check_consistency(&fields)?;
        let items = read_items(&fields)?;
        let (version, model) = stores.with_model(store, model_id(&fields)?)?;
        let result = answer(items, &version, &model);
        Ok((Basis { model: model.id, revision: version.revision() }, BatchCheckBody { result }))
    })
    .await?;
    Ok(ok_of(basis, &body))
}

/// The items by their correlation ids, which are as they must be.
fn read_items<'a>(fields: &Fields<'a>) -> Result<BTreeMap<String, Fields<'a>>, ApiError> {
    let items = fields.items("checks")?;
    if items.is_empty() || items.len() > MAX_CHECKS {
        let told = format!("`checks` holds {} items, and 1 to {MAX_CHECKS} are taken", items.len());
        return Err(ApiError::invalid(told));
    }
    let mut named = BTreeMap::new();
    for item in items {
        let id = item.required("correlation_id")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.chars().count() > MAX_CORRELATION_CHARS || !id.chars().all(fits) {
            let told = format!(
                "`{}` must be 1 to {MAX_CORRELATION_CHARS} letters, digits, `_` and `-`",
                item.path("correlation_id")
            );
            return Err(ApiError::invalid(told));
        }
        if named.insert(id.to_string(), item).is_some() {
            return Err(ApiError::invalid(format!("the correlation id `{id}` occurs twice: make each unique")));
        }
    }
    Ok(named)
}

/// What items must have in common to be answered by one reader, which keeps what it finds out.
type Surroundings = (Vec<Tuple>, Record);

fn answer(items: BTreeMap<String, Fields<'_>>, version: &Version, model: &Model) -> BTreeMap<String, BatchCheckResult> {
    let mut result = BTreeMap::new();
    let mut groups: Vec<(Surroundings, Vec<(String, TupleKey)>)> = Vec::new();
    for (id, item) in items {
        match read_item(&item, model) {
            Ok((key, surroundings)) => match groups.iter_mut().find(|(known, _)| *known == surroundings) {
                Some((_, group)) => group.push((id, key)),
                None => groups.push((surroundings, vec![(id, key)])),
            },
            Err(error) => drop(result.insert(id, failed(&error))),
        }
    }
    let is_over = until(Deadline::of_check());
    for ((contextual, context), group) in groups {
        let (ids, keys): (Vec<String>, Vec<TupleKey>) = group.into_iter().unzip();
        let answers = match Reader::new(version.graph(), &model.rules, terms(&contextual, &context, &is_over)) {
            Ok(mut reader) => reader.check_all(&keys),
            Err(fault) => vec![Err(fault.into()); keys.len()],
        };
        result.extend(ids.into_iter().zip(answers.into_iter().map(|answer| match answer {
            Ok(membership) => BatchCheckResult::Allowed(membership.holds()),
            Err(failure) => failed(&ApiError::of_failure(failure, Names::InKey)),
        })));
    }
    result
}

fn read_item(item: &Fields<'_>, model: &Model) -> Result<(TupleKey, Surroundings), ApiError> {
    let key = read_question(item)?;
    let contextual = read_contextual(item, model)?;
    Ok((key, (contextual, read_context(item)?.cloned().unwrap_or_default())))
}

fn failed(error: &ApiError) -> BatchCheckResult {
    let (code, is_input) = error.code_name();
    BatchCheckResult::Error(BatchCheckError {
        input_error: is_input.then_some(code),
        internal_error: (!is_input).then_some(code),
        message: error.to_string(),
    })
}
