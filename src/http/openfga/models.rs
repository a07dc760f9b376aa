//! `/stores/{id}/authorization-models`: writes and reads models.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{ok_text, text_of};
use crate::http::openfga::continuation_token;
use crate::http::openfga::error::ApiError;
use crate::http::openfga::request::{
    admit, admit_with_body, model_id_in_path, page_size_of, query, store_id,
};
use crate::http::openfga::schema::{
    FgaErrors, ModelBody, ModelsBody, WriteModelBody, WriteModelRequest,
};
use crate::http::openfga::tuple::record_json;
use crate::http::shared::ServiceState;
use crate::stores::{ModelId, StoreId, StoredModel, Stores};
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// LIMIT: maximum size in bytes of a page of models. A page holds at least one model, whatever its
/// size.
const PAGE_BYTES: usize = 1 << 20;

pub(super) const WRITE: Endpoint = Endpoint {
    path: "/stores/{store_id}/authorization-models",
    method: Method::Post,
    label: "fga_models",
    access: Access::Needs(Permission::RelationsWrite),
    advertised: None,
    description: described!(write),
    route: || web::to(write),
};

/// Writes a model
///
/// It is checked whole, is the newest from then on, and never changes. Refused in `main`, whose
/// model is the bundle's.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/authorization-models",
    tag = "Relations",
    operation_id = "writeAuthorizationModel",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = WriteModelRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "The id of the new model.", body = WriteModelBody),
        FgaErrors
    ),
    security(("key" = [])),
)]
pub(super) async fn write(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &WRITE).await?;
    let store = store_id(&request)?;
    let work =
        move || Ok::<_, ApiError>(stores.write_model(store, &Value::Object(record_json(&body)))?);
    let id = shared.run_apart(&shared.pages, &request, work).await?;
    let body = WriteModelBody {
        authorization_model_id: id.to_string(),
    };
    Ok(HttpResponse::build(StatusCode::CREATED).json(body))
}

pub(super) const LIST: Endpoint = Endpoint {
    path: "/stores/{store_id}/authorization-models",
    method: Method::Get,
    label: "fga_models",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(list),
    route: || web::to(list),
};

/// Lists the models, the newest first
///
/// A page may hold fewer than `page_size`: it ends before about a MiB of JSON, and holds one model
/// at least. There are more as long as a `continuation_token` comes.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/authorization-models",
    tag = "Relations",
    operation_id = "readAuthorizationModels",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        ("page_size" = Option<u32>, Query, description = "1 to 100; 50 unless said."),
        ("continuation_token" = Option<String>, Query, description = "From the page before."),
    ),
    responses((status = 200, description = "A page of models.", body = ModelsBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn list(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &LIST)?;
    let store = store_id(&request)?;
    let query = query(&request, &["page_size", "continuation_token"])?;
    let size = page_size_of(&query)?;
    let question = format!("models {store}");
    let place = continuation_token::read::<1>(
        &question,
        query.get("continuation_token").map_or("", String::as_str),
    )?;
    let before = place
        .map(|[id]| continuation_token::parse(&id))
        .transpose()?;
    let budget = PAGE_BYTES.min(shared.settings.limits.answer_bytes / 2);
    let work = move || {
        let page = ModelPage::read(&stores, store, before, size, budget)?;
        let last = page.last.filter(|_| page.has_more);
        text_of(&ModelsBody {
            continuation_token: last.map_or_else(String::new, |last| {
                continuation_token::write(&question, &[&last.to_string()])
            }),
            authorization_models: page.models,
        })
    };
    Ok(ok_text(
        shared.run_apart(&shared.pages, &request, work).await?,
    ))
}

/// A page of models.
#[derive(Default)]
struct ModelPage {
    models: Vec<Box<RawValue>>,
    last: Option<ModelId>,
    has_more: bool,
}

impl ModelPage {
    /// Reads the models one by one: read together, they would take memory for many more than a page
    /// holds.
    fn read(
        stores: &Stores,
        store: StoreId,
        before: Option<ModelId>,
        size: usize,
        budget: usize,
    ) -> Result<Self, ApiError> {
        let mut page = Self {
            last: before,
            ..Self::default()
        };
        let mut bytes = 0;
        while let Some(model) = stores.models(store, page.last, 1)?.pop() {
            let id = model.id;
            let text = serde_json::value::to_raw_value(&with_id(model)).map_err(|error| {
                ApiError::Internal(format!("a model cannot be written: {error}"))
            })?;
            bytes += text.get().len();
            if page.models.len() == size || (bytes > budget && !page.models.is_empty()) {
                page.has_more = true;
                break;
            }
            page.models.push(text);
            page.last = Some(id);
        }
        Ok(page)
    }
}

pub(super) const GET: Endpoint = Endpoint {
    path: "/stores/{store_id}/authorization-models/{model_id}",
    method: Method::Get,
    label: "fga_models",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(get),
    route: || web::to(get),
};

/// One model.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/authorization-models/{model_id}",
    tag = "Relations",
    operation_id = "readAuthorizationModel",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        ("model_id" = String, Path, description = "The id of the model."),
    ),
    responses((status = 200, description = "The id of the model.", body = ModelBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn get(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &GET)?;
    let store = store_id(&request)?;
    let model = model_id_in_path(&request)?;
    let work = move || {
        text_of(&ModelBody {
            authorization_model: with_id(stores.model(store, model)?),
        })
    };
    Ok(ok_text(
        shared.run_apart(&shared.pages, &request, work).await?,
    ))
}

/// Returns the model's JSON with its id first, as in OpenFGA.
fn with_id(model: StoredModel) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), model.id.to_string().into());
    if let Value::Object(members) = model.json {
        out.extend(members);
    }
    Value::Object(out)
}
