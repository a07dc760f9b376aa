//! `/stores/{id}/assertions/{model}`: stores tests of a model for the clients that run them.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{ok_text, text_of};
use crate::http::openfga::error::{ApiError, FgaCode};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::{ASSERTION, WRITE_ASSERTIONS};
use crate::http::openfga::request::{admit, admit_with_body, model_id_in_path, store_id};
use crate::http::openfga::schema::{
    AssertionBody, AssertionsBody, FgaErrors, WriteAssertionsRequest,
};
use crate::http::openfga::tuple::{
    read_context, read_contextual_list, read_question, record_json, tuple_body,
};
use crate::http::shared::ServiceState;
use crate::model::{Tuple, TupleUser};
use crate::stores::CompiledModel;
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// Maximum number of assertions of a model; the same limit as OpenFGA's.
const MAX_ASSERTIONS: usize = 100;

/// Maximum number of contextual tuples of one assertion; the same limit as OpenFGA's.
const MAX_CONTEXTUAL: usize = 20;

pub(super) const WRITE: Endpoint = Endpoint {
    path: "/stores/{store_id}/assertions/{model_id}",
    method: Method::Put,
    label: "fga_assertions",
    access: Access::Needs(Permission::RelationsWrite),
    advertised: None,
    description: described!(write),
    route: || web::to(write),
};

/// Replaces the assertions of a model.
#[utoipa::path(
    put,
    path = "/stores/{store_id}/assertions/{model_id}",
    tag = "Relations",
    operation_id = "writeAssertions",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        ("model_id" = String, Path, description = "The id of the model."),
    ),
    request_body(content = WriteAssertionsRequest, content_type = "application/json"),
    responses((status = 204, description = "The assertions are stored."), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn write(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &WRITE).await?;
    let store = store_id(&request)?;
    let id = model_id_in_path(&request)?;
    let work = move || {
        let (_, model) = stores.with_model(store, Some(id))?;
        let assertions = read_assertions(
            &Fields::in_store(&body, store, &stores, WRITE_ASSERTIONS)?,
            &model,
        )?;
        let bytes = serde_json::to_vec(&assertions);
        let bytes = bytes.map_err(|error| {
            ApiError::Internal(format!("assertions cannot be written: {error}"))
        })?;
        Ok::<_, ApiError>(stores.write_assertions(store, id, &bytes)?)
    };
    shared.run_apart(&shared.pages, &request, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) const READ: Endpoint = Endpoint {
    path: "/stores/{store_id}/assertions/{model_id}",
    method: Method::Get,
    label: "fga_assertions",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(read),
    route: || web::to(read),
};

/// The assertions of a model.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/assertions/{model_id}",
    tag = "Relations",
    operation_id = "readAssertions",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        ("model_id" = String, Path, description = "The id of the model."),
    ),
    responses(
        (status = 200, description = "The assertions of the model.", body = AssertionsBody),
        FgaErrors
    ),
    security(("key" = [])),
)]
pub(super) async fn read(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &READ)?;
    let store = store_id(&request)?;
    let id = model_id_in_path(&request)?;
    let work = move || {
        let assertions = match stores.assertions(store, id)? {
            None => Value::Array(Vec::new()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                ApiError::Internal(format!("stored assertions cannot be read: {error}"))
            })?,
        };
        text_of(&AssertionsBody {
            authorization_model_id: id.to_string(),
            assertions,
        })
    };
    Ok(ok_text(
        shared.run_apart(&shared.pages, &request, work).await?,
    ))
}

fn read_assertions(
    fields: &Fields<'_>,
    model: &CompiledModel,
) -> Result<Vec<AssertionBody>, ApiError> {
    let items = fields.items("assertions", ASSERTION)?;
    if items.len() > MAX_ASSERTIONS {
        let told = format!(
            "`assertions` holds {} items, and at most {MAX_ASSERTIONS} are taken",
            items.len()
        );
        return Err(ApiError::new(FgaCode::TooManyAssertions, told));
    }
    items
        .iter()
        .map(|item| read_assertion(item, model))
        .collect()
}

fn read_assertion(item: &Fields<'_>, model: &CompiledModel) -> Result<AssertionBody, ApiError> {
    let key = read_question(item)?;
    let known = model.rules.model();
    let user_is_known = match &key.user {
        TupleUser::Object(_) | TupleUser::Wildcard(_) => {
            known.type_named(key.user.kind()).is_some()
        }
        TupleUser::Userset { object, relation } => {
            known.relation(object.kind(), relation).is_some()
        }
    };
    if known.relation(key.object.kind(), &key.relation).is_none() || !user_is_known {
        return Err(ApiError::invalid(format!(
            "the model does not know a type or a relation of `{key}`"
        )));
    }
    let contextual = read_contextual_list(item, "contextual_tuples", model, MAX_CONTEXTUAL)?;
    Ok(AssertionBody {
        tuple_key: tuple_body(&Tuple::from(key)),
        expectation: item.flag("expectation")?,
        contextual_tuples: contextual.iter().map(tuple_body).collect(),
        context: read_context(item)?.map(record_json),
    })
}
