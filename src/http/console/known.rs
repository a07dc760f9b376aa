//! `GET /explain/v1/entities`: finds known entities by a part of their id.

use super::parameters::{Parameters, refuse};
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Known entities of one type.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EntityList {
    /// The ids that match: first the one that is equal, then those that begin with the text, then
    /// those that contain it.
    ids: Vec<String>,
    /// Whether there are, or may be, others.
    more: bool,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/entities",
    method: Method::Get,
    label: "explain_entities",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(entities),
    route: || web::to(entities),
};

/// Find known entities
///
/// Finds entities of a type that are stored, or that policies or tuples name, by a part of their
/// id, in any case. It is meant for completion: of more than 50,000 entities only some are looked
/// at, and the answer says that there may be others. Needs the permission `explain`.
#[utoipa::path(
    get,
    path = "/explain/v1/entities",
    tag = "Explanation",
    operation_id = "findEntities",
    params(
        ("type" = String, Query, description = "The type of the entities."),
        ("like" = Option<String>, Query, description = "A part of the id."),
        ("limit" = Option<usize>, Query, description = "How many to list: 50, at most 500."),
    ),
    responses(
        (status = 200, description = "The entities that were found.", body = EntityList),
        (status = 400, description = "A parameter is not of its form.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
        (status = 503, description = "No bundle is loaded yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn entities(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    let parameters = Parameters::of(&request, &["type", "like", "limit"])?;
    let kind = parameters.one("type")?;
    let kind = kind.ok_or_else(|| refuse("type", "is missing"))?.to_owned();
    let like = parameters.one("like")?.unwrap_or_default().to_owned();
    let (_, limit) = parameters.page()?;
    let engine = Arc::clone(&shared.engine);
    let found = move || {
        let found = engine.known_entities(&kind, &like, limit);
        found.map_err(Error::Fault)
    };
    let found = shared.run_apart(&shared.searches, &request, found).await?;
    Ok(super::answered(EntityList {
        ids: found.ids.iter().map(ToString::to_string).collect(),
        more: found.is_cut,
    }))
}
