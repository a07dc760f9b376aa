//! Backs up everything that the service keeps, while it runs.
//!
//! The rows are read from a snapshot of one revision, so that no writer waits. The permission is
//! one of its own: whoever has it reads the relations of all stores and the policies of the bundle,
//! which neither `relations.read` nor `admin` allows.

use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::shared::pieces::channel_of_pieces;
use crate::http::shared::watched_body::WatchedBody;
use crate::http::{Error, Permission, Shortage};
use crate::model::Fault;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// Maximum number of backups at the same time: while one is made, its file grows by what is
/// overwritten.
pub(in crate::http) const MAX_BACKUPS: usize = 1;

/// How long the service waits for a client in total, beyond the time that one at the minimum rate
/// needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// The header with the revision of an answer.
static REVISION: HeaderName = HeaderName::from_static("behest-revision");

pub(in crate::http) const BACKUP: Endpoint = Endpoint {
    path: "/admin/v1/backup",
    method: Method::Get,
    label: "backup",
    access: Access::Needs(Permission::Backup),
    advertised: None,
    description: described!(backup),
    route: || web::to(backup),
};

/// Back up everything
///
/// All stores with their models, tuples, assertions and changes, and the kept bundle, at the
/// revision in the header `Behest-Revision`, as `behest restore` reads it. Writers do not wait. The
/// signing key is not in it. A backup that was cut off says so when it is read. One is made at a
/// time. Needs the permission `backup`.
#[utoipa::path(
    get,
    path = "/admin/v1/backup",
    tag = "Operation",
    operation_id = "backup",
    responses(
        (
            status = 200,
            description = "Everything at one revision, as `behest restore` reads it.",
            body = String,
            content_type = "application/octet-stream",
        ),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not do this.", body = ErrorBody),
        (status = 404, description = "The service keeps no relations.", body = ErrorBody),
        (status = 503, description = "Another backup is being made.", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn backup(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    BACKUP.check(Identity::of(&request, &shared.settings)?)?;
    let place = shared
        .backups
        .take(0, PATIENCE)
        .map_err(|_| Error::Overloaded(Shortage::Time))?;
    let engine = shared.engine.clone();
    let fault = |detail: String| Error::Fault(Fault::Internal(detail));
    // A client that has gone leaves the work behind, which keeps its place.
    let (prepared, place) = web::block(move || (engine.backup(), place))
        .await
        .map_err(|error| fault(error.to_string()))?;
    let prepared = prepared
        .map_err(|error| fault(error.to_string()))?
        .ok_or(Error::NotFound)?;
    let revision = prepared.header().revision.to_string();
    let (mut out, body) = channel_of_pieces(place);
    let work = web::block(move || match prepared.write(&mut out) {
        Ok(summary) => {
            out.end();
            let revision = summary.header.revision.0;
            tracing::info!(revision, tuples = summary.tuples, "a backup was made");
        }
        Err(error) => tracing::warn!(%error, "a backup broke off"),
    });
    // The work runs on its own, and ends when nobody listens any more.
    actix_web::rt::spawn(async move { drop(work.await) });
    let mut answer = HttpResponse::Ok();
    answer.insert_header((
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    ));
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    answer.insert_header((REVISION.clone(), revision));
    Ok(answer
        .body(WatchedBody::new(body, &shared, &request))
        .map_into_boxed_body())
}
