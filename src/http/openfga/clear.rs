//! `POST /stores/{id}/delete-tuples`: deletes all tuples about an object or a user, without a list
//! of relations. OpenFGA has no such call.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{name_revision, ok};
use crate::http::openfga::error::ApiError;
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::DELETE_TUPLES;
use crate::http::openfga::request::{admit_with_body, store_id};
use crate::http::openfga::schema::{DeleteTuplesBody, DeleteTuplesRequest, FgaErrors};
use crate::http::openfga::tuple::read_object;
use crate::http::shared::ServiceState;
use crate::stores::{ClearOutcome, ClearTarget};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/delete-tuples",
    method: Method::Post,
    label: "fga_delete_tuples",
    access: Access::Needs(Permission::RelationsWrite),
    advertised: None,
    description: described!(delete_tuples),
    route: || web::to(delete_tuples),
};

/// Deletes every tuple about an object, or about a user
///
/// For somebody who leaves and something that goes: the relations need not be known. Each call is
/// atomic and takes at most 10,000 tuples; send it again until `left` is 0. The bundle's tuples
/// stay, and are counted. Any other member than `object` and `user` is refused, since it may have
/// been meant to spare some.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/delete-tuples",
    tag = "Relations",
    operation_id = "deleteTuples",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = DeleteTuplesRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "What was deleted. The header `Behest-Revision` names \
                the revision without it.",
            body = DeleteTuplesBody,
        ),
        FgaErrors
    ),
    security(("key" = [])),
)]
pub(super) async fn delete_tuples(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, DELETE_TUPLES)?;
    let about = match (fields.text("object")?, fields.text("user")?) {
        (Some(object), None) => ClearTarget::Object(read_object(object, fields.spelling())?),
        (None, Some(user)) => ClearTarget::User(read_object(user, fields.spelling())?),
        _ => return Err(ApiError::invalid("name `object` or `user`, and not both")),
    };
    let cleared = shared
        .run_apart(&shared.writes, &request, move || {
            Ok::<_, ApiError>(stores.clear(store, &about)?)
        })
        .await?;
    let ClearOutcome {
        deleted,
        left,
        in_bundle,
        revision,
    } = cleared;
    let mut response = ok(&DeleteTuplesBody {
        revision: revision.0,
        deleted,
        left,
        in_bundle,
    });
    name_revision(&mut response, revision);
    Ok(response)
}
