//! `/stores`: creates, lists, reads and deletes stores.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::ok;
use crate::http::openfga::continuation_token;
use crate::http::openfga::error::ApiError;
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::CREATE_STORE;
use crate::http::openfga::request::{admit, admit_with_body, page_size_of, query, store_id};
use crate::http::openfga::schema::{CreateStoreRequest, FgaErrors, StoreBody, StoresBody};
use crate::http::shared::ServiceState;
use crate::stores::StoreRecord;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

/// The number of characters in a store's name; the same rule as OpenFGA's.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=64;

pub(super) const LIST: Endpoint = Endpoint {
    path: "/stores",
    method: Method::Get,
    label: "fga_stores",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(list),
    route: || web::to(list),
};

/// Lists the stores.
#[utoipa::path(
    get,
    path = "/stores",
    tag = "Relations",
    operation_id = "listStores",
    params(
        ("page_size" = Option<u32>, Query, description = "1 to 100; 50 unless said."),
        ("continuation_token" = Option<String>, Query, description = "From the page before."),
        ("name" = Option<String>, Query, description = "Only stores of exactly this name."),
    ),
    responses((status = 200, description = "A page of stores.", body = StoresBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn list(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &LIST)?;
    let query = query(&request, &["page_size", "continuation_token", "name"])?;
    let size = page_size_of(&query)?;
    let name = query
        .get("name")
        .map(String::as_str)
        .filter(|name| !name.is_empty());
    let question = format!("stores {}", name.unwrap_or_default());
    let place = continuation_token::read::<1>(
        &question,
        query.get("continuation_token").map_or("", String::as_str),
    )?;
    let after = place
        .map(|[id]| continuation_token::parse(&id))
        .transpose()?;
    let mut found = stores.list(after, name, size + 1);
    let has_more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| has_more);
    Ok(ok(&StoresBody {
        continuation_token: last.map_or_else(String::new, |last| {
            continuation_token::write(&question, &[&last.id.to_string()])
        }),
        stores: found.into_iter().map(StoreBody::from).collect(),
    }))
}

pub(super) const CREATE: Endpoint = Endpoint {
    path: "/stores",
    method: Method::Post,
    label: "fga_stores",
    access: Access::Needs(Permission::RelationsWrite),
    advertised: None,
    description: described!(create),
    route: || web::to(create),
};

/// Creates a store
///
/// There may be `limits.stores` of them, 10,000 unless it is set; one more is
/// `exceeded_entity_limit`.
#[utoipa::path(
    post,
    path = "/stores",
    tag = "Relations",
    operation_id = "createStore",
    request_body(content = CreateStoreRequest, content_type = "application/json"),
    responses((status = 201, description = "The id of the store.", body = StoreBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn create(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &CREATE).await?;
    let name = Fields::of(&body, CREATE_STORE)?
        .text("name")?
        .cloned()
        .unwrap_or_default();
    let fits =
        |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ".-/^_&@".contains(c);
    if !NAME_CHARS.contains(&name.chars().count()) || !name.chars().all(fits) {
        let told = "`name` must be 3 to 64 letters, digits, spaces and `.-/^_&@`";
        return Err(ApiError::invalid(told));
    }
    let record = shared
        .run_apart(&shared.pages, &request, move || {
            Ok::<_, ApiError>(stores.create(&name)?)
        })
        .await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(StoreBody::from(record)))
}

pub(super) const GET: Endpoint = Endpoint {
    path: "/stores/{store_id}",
    method: Method::Get,
    label: "fga_stores",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(get),
    route: || web::to(get),
};

/// One store.
#[utoipa::path(
    get,
    path = "/stores/{store_id}",
    tag = "Relations",
    operation_id = "getStore",
    params(("store_id" = String, Path, description = "The id of the store.")),
    responses((status = 200, description = "The id of the store.", body = StoreBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn get(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &GET)?;
    Ok(ok(&StoreBody::from(stores.record(store_id(&request)?)?)))
}

pub(super) const DELETE: Endpoint = Endpoint {
    path: "/stores/{store_id}",
    method: Method::Delete,
    label: "fga_stores",
    access: Access::Needs(Permission::RelationsWrite),
    advertised: None,
    description: described!(delete),
    route: || web::to(delete),
};

/// Deletes a store
///
/// With all its models and tuples: it is gone at once, and what it held is removed from the disk in
/// the moments after, also where the service is started anew. The store `main` cannot be deleted.
#[utoipa::path(
    delete,
    path = "/stores/{store_id}",
    tag = "Relations",
    operation_id = "deleteStore",
    params(("store_id" = String, Path, description = "The id of the store.")),
    responses((status = 204, description = "The store has been deleted."), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn delete(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &DELETE)?;
    let store = store_id(&request)?;
    let work = move || {
        stores.delete(store)?;
        stores.purge_beside();
        Ok::<_, ApiError>(())
    };
    shared.run_apart(&shared.writes, &request, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<StoreRecord> for StoreBody {
    fn from(record: StoreRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name,
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
        }
    }
}
