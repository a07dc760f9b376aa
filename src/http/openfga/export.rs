//! `GET /stores/{id}/export-tuples`: exports all tuples of a store at one revision, one line of
//! JSON for each. OpenFGA has no such call; each page that it reads may be of another revision.
//!
//! The lines are written from a pinned version, so writers are not held up. A thread writes them,
//! and waits if the client reads slowly.
//!
//! INVARIANT: a body that ends regularly is complete. Otherwise it breaks off, and the connection
//! with it.

use crate::http::Permission;
use crate::http::authzen::wire::write_tuple;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::load::places::NoPlace;
use crate::http::openfga::answer::name_revision;
use crate::http::openfga::error::{ApiError, FgaCode};
use crate::http::openfga::request::{
    QueryParameters, admit, caller_place, exact_query, run_on_thread, store_id,
};
use crate::http::openfga::schema::{FgaErrors, TupleKeyBody};
use crate::http::openfga::tuple::{read_object, read_relation, read_user};
use crate::http::shared::ServiceState;
use crate::http::shared::pieces::{PIECE_BYTES, PieceSender, channel_of_pieces};
use crate::http::shared::watched_body::WatchedBody;
use crate::model::{check_type, shown};
use crate::stores::{Spelling, TupleSelection, Version as StoreVersion};
use actix_web::http::Version;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// Maximum number of exports at the same time: each takes a thread, and keeps its pinned version in
/// memory.
pub(in crate::http) const MAX_EXPORTS: usize = 8;

/// Maximum number of exports that one caller may run at the same time.
pub(in crate::http) const EXPORTS_OF_CALLER: usize = 4;

/// The parameters that narrow or widen an export. A misspelled one is refused, because the export
/// would hold more than was asked for.
const PARAMETERS: [&str; 5] = ["type", "object", "relation", "user", "bundle"];

/// How long the thread waits in total, beyond the time that a client at the minimum rate needs.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/export-tuples",
    method: Method::Get,
    label: "fga_export_tuples",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(export_tuples),
    route: || web::to(export_tuples),
};

/// Exports tuples
///
/// All that are stored, at the revision in the header `Behest-Revision`, as lines of JSON in no
/// particular order; numbers keep their digits. The bundle's tuples of `main` are left out unless
/// they are asked for. `behest import` reads what comes. A caller may run four at once; where no
/// place is left, an export whose client has taken nothing for two seconds breaks off and makes
/// room.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/export-tuples",
    tag = "Relations",
    operation_id = "exportTuples",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        ("type" = Option<String>, Query, description = "Only tuples on objects of this type."),
        ("object" = Option<String>, Query, description = "Only tuples on this object."),
        ("relation" = Option<String>, Query, description = "Only tuples of this relation."),
        ("user" = Option<String>, Query, description = "Only tuples of exactly this user."),
        (
            "bundle" = Option<bool>,
            Query,
            description = "`true` for the bundle's tuples too, before the others."
        ),
    ),
    responses(
        (
            status = 200,
            description = "One line for each tuple.",
            body = TupleKeyBody,
            content_type = "application/jsonl",
        ),
        FgaErrors,
    ),
    security(("key" = [])),
)]
pub(super) async fn export_tuples(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &ENDPOINT)?;
    let caller = caller_place(&request, &shared);
    let store = store_id(&request)?;
    let (wanted, with_bundle) = read_query(
        &exact_query(&request, &PARAMETERS)?,
        &stores.spelling(store),
    )?;
    if request.version() < Version::HTTP_11 {
        return Err(ApiError::invalid(
            "an export needs HTTP/1.1: before that, nothing tells that a body is complete",
        ));
    }
    let version = stores.pin(store)?;
    let place = shared.exports.take(caller, PATIENCE).map_err(|none| {
        let told = match none {
            NoPlace::OfAll(most) => format!("{most} exports are running, which is the most"),
            NoPlace::OfShare(most) => {
                format!("{most} exports of yours are running, which is your share")
            }
        };
        ApiError::new(
            FgaCode::ResourceExhausted,
            format!("{told}: ask again when one has ended"),
        )
    })?;
    let revision = version.revision();
    let (mut out, body) = channel_of_pieces(place);
    let work = run_on_thread(move || {
        write_all(&version, &wanted, with_bundle, &mut out);
        Ok(())
    });
    // The work runs on its own, and ends when nobody listens any more.
    actix_web::rt::spawn(async move { drop(work.await) });
    let lines = WatchedBody::new(body, &shared, &request);
    let mut response = HttpResponse::Ok().body(lines);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    name_revision(&mut response, revision);
    Ok(response.map_into_boxed_body())
}

fn read_query(
    query: &QueryParameters,
    spelling: &Spelling,
) -> Result<(TupleSelection, bool), ApiError> {
    let mut wanted = TupleSelection::default();
    if let Some(kind) = query.get("type") {
        let kind = spelling.kind(&kind.into());
        check_type(&kind).map_err(|error| ApiError::invalid(error.to_string()))?;
        wanted.kind = Some(kind);
    }
    if let Some(relation) = query.get("relation") {
        read_relation(relation)?;
        wanted.relation = Some(relation.into());
    }
    wanted.object = query
        .get("object")
        .map(|object| read_object(object, spelling))
        .transpose()?;
    wanted.user = query
        .get("user")
        .map(|user| read_user(user, spelling))
        .transpose()?;
    let with_bundle = match query.get("bundle").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let told = format!("`bundle` must be `true` or `false`, not `{}`", shown(other));
            return Err(ApiError::invalid(told));
        }
    };
    Ok((wanted, with_bundle))
}

fn write_all(
    version: &StoreVersion,
    wanted: &TupleSelection,
    with_bundle: bool,
    out: &mut PieceSender,
) {
    let mut text = String::with_capacity(PIECE_BYTES);
    for tuple in version.tuples(wanted, with_bundle) {
        write_tuple(&mut text, &tuple);
        text.push('\n');
        if text.len() >= PIECE_BYTES {
            let full = std::mem::replace(&mut text, String::with_capacity(PIECE_BYTES));
            if !out.send(full.into()) {
                return;
            }
        }
    }
    if text.is_empty() || out.send(text.into()) {
        out.end();
    }
}
