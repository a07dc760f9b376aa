//! `GET /stores/{id}/changes`: reads what was written and deleted, oldest first.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{ok_text, text_of};
use crate::http::openfga::continuation_token;
use crate::http::openfga::error::{ApiError, FgaCode};
use crate::http::openfga::request::{admit, page_size_of, query, store_id};
use crate::http::openfga::schema::{ChangeBody, ChangesBody, FgaErrors};
use crate::http::openfga::tuple::tuple_body;
use crate::http::shared::ServiceState;
use crate::model::{Revision, Timestamp, shown};
use crate::stores::{ChangePlace, StoreId, TimedChange};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/changes",
    method: Method::Get,
    label: "fga_changes",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(changes),
    route: || web::to(changes),
};

/// Reads the changes
///
/// Oldest first. At the end the token that was sent comes back: send it again later. Where `type`
/// is given, a page may be empty before the end, with another token that goes on: a page passes by
/// a bounded number of other changes. A tuple that was replaced is deleted and written, both at
/// once. The bundle's tuples are not here.
#[utoipa::path(
    get,
    path = "/stores/{store_id}/changes",
    tag = "Relations",
    operation_id = "readChanges",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        ("type" = Option<String>, Query, description = "Only objects of this type."),
        ("page_size" = Option<u32>, Query, description = "1 to 100; 50 unless said."),
        ("continuation_token" = Option<String>, Query, description = "From the page before."),
        (
            "start_time" = Option<String>,
            Query,
            description = "Only changes from then on (RFC 3339); without effect beside a token."
        ),
    ),
    responses((status = 200, description = "A page of changes.", body = ChangesBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn changes(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let stores = admit(&request, &shared, &ENDPOINT)?;
    let store = store_id(&request)?;
    let query = query(
        &request,
        &["type", "page_size", "continuation_token", "start_time"],
    )?;
    let size = page_size_of(&query)?;
    let kind = query.get("type").filter(|kind| !kind.is_empty());
    let kind = kind.map_or_else(String::new, |kind| {
        stores.spelling(store).kind(&kind.into()).to_string()
    });
    let sent = query.get("continuation_token").cloned().unwrap_or_default();
    let from = place(store, &kind, &sent)?;
    let since = match query
        .get("start_time")
        .filter(|text| !text.is_empty() && from.is_none())
    {
        None => None,
        Some(text) => Some(moment(text)?),
    };
    let work = move || {
        let from = match (from, since) {
            (Some(place), _) => place,
            (None, Some(since)) => stores.changes_since(since)?,
            (None, None) => ChangePlace::default(),
        };
        let page = stores.changes(
            store,
            Some(kind.as_str()).filter(|kind| !kind.is_empty()),
            from,
            size,
        )?;
        let next = page.next;
        let token = if page.changes.is_empty() && page.is_end {
            sent
        } else {
            continuation_token::write(
                &question(store),
                &[&kind, &next.after.0.to_string(), &next.offset.to_string()],
            )
        };
        let changes = page.changes.into_iter().map(change).collect();
        text_of(&ChangesBody {
            changes,
            continuation_token: token,
        })
    };
    Ok(ok_text(
        shared.run_apart(&shared.pages, &request, work).await?,
    ))
}

fn question(store: StoreId) -> String {
    format!("changes {store}")
}

fn place(store: StoreId, kind: &str, token: &str) -> Result<Option<ChangePlace>, ApiError> {
    let Some([of, after, offset]) = continuation_token::read::<3>(&question(store), token)? else {
        return Ok(None);
    };
    if of != kind {
        let of = shown(&of);
        let kind = shown(kind);
        let told = format!(
            "the `continuation_token` is of the type `{of}`, and `type` is `{kind}`: send the same"
        );
        return Err(ApiError::new(FgaCode::TokenTypeMismatch, told));
    }
    Ok(Some(ChangePlace {
        after: Revision(continuation_token::parse(&after)?),
        offset: continuation_token::parse(&offset)?,
    }))
}

fn moment(text: &str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| {
        ApiError::invalid(
            "`start_time` must be a time as RFC 3339 writes it: `2026-10-01T09:00:00Z`",
        )
    })
}

fn change(change: TimedChange) -> ChangeBody {
    let (operation, timed) = match change {
        TimedChange::Written(timed) => ("TUPLE_OPERATION_WRITE", timed),
        TimedChange::Deleted(timed) => ("TUPLE_OPERATION_DELETE", timed),
    };
    ChangeBody {
        tuple_key: tuple_body(&timed.tuple),
        operation,
        timestamp: timed.at.to_string(),
    }
}
