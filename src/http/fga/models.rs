//! `/stores/{id}/authorization-models`.

use super::answer::ok;
use super::error::ApiError;
use super::request::{admit, admit_with_body, apart, model_id_in_path, page_size_of, query, store_id};
use super::schema::{Errors, ModelBody, ModelsBody, WriteModelBody, WriteModelRequest};
use super::token;
use super::tuple::record_json;
use crate::engine::stores::StoredModel;
use crate::http::Permission;
use crate::http::shared::Shared;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

/// Writes a model
///
/// It is checked whole, is the newest from then on, and never changes. Refused in `main`, whose model is the bundle's.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/authorization-models",
    tag = "Relations",
    operation_id = "writeAuthorizationModel",
    params(("store_id" = String, Path, description = "The store.")),
    request_body(content = WriteModelRequest, content_type = "application/json"),
    responses((status = 201, description = "The model's id.", body = WriteModelBody), Errors),
    security(("key" = [])),
)]
pub(super) async fn write(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, Permission::RelationsWrite).await?;
    let store = store_id(&request)?;
    let json = Value::Object(record_json(&body));
    let id = apart(move || Ok(stores.write_model(store, &json)?)).await?;
    let body = WriteModelBody { authorization_model_id: id.to_string() };
    Ok(HttpResponse::build(StatusCode::CREATED).json(body))
}

/// Lists the models, the newest first.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/authorization-models",
    tag = "Relations",
    operation_id = "readAuthorizationModels",
    params(
        ("store_id" = String, Path, description = "The store."),
        ("page_size" = Option<u32>, Query, description = "1 to 100; 50 unless said."),
        ("continuation_token" = Option<String>, Query, description = "From the page before."),
    ),
    responses((status = 200, description = "A page of models.", body = ModelsBody), Errors),
    security(("key" = [])),
)]
pub(super) async fn list(request: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, Permission::RelationsRead)?;
    let store = store_id(&request)?;
    let query = query(&request)?;
    let size = page_size_of(&query)?;
    let question = format!("models {store}");
    let place = token::read::<1>(&question, query.get("continuation_token").map_or("", String::as_str))?;
    let before = place.map(|[id]| token::parse(&id)).transpose()?;
    let mut found = apart(move || Ok(stores.models(store, before, size + 1)?)).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| has_more);
    Ok(ok(&ModelsBody {
        continuation_token: last.map_or_else(String::new, |last| token::write(&question, &[&last.id.to_string()])),
        authorization_models: found.into_iter().map(with_id).collect(),
    }))
}

/// One model.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/authorization-models/{model_id}",
    tag = "Relations",
    operation_id = "readAuthorizationModel",
    params(
        ("store_id" = String, Path, description = "The store."),
        ("model_id" = String, Path, description = "The model."),
    ),
    responses((status = 200, description = "The model.", body = ModelBody), Errors),
    security(("key" = [])),
)]
pub(super) async fn get(request: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, Permission::RelationsRead)?;
    let (store, model) = (store_id(&request)?, model_id_in_path(&request)?);
    let found = apart(move || Ok(stores.model(store, model)?)).await?;
    Ok(ok(&ModelBody { authorization_model: with_id(found) }))
}

/// The id leads, as in OpenFGA.
fn with_id(model: StoredModel) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), model.id.to_string().into());
    if let Value::Object(members) = model.json {
        out.extend(members);
    }
    Value::Object(out)
}
