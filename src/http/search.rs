//! `POST /access/v1/search/{subject,resource,action}` (AuthZEN 1.0 section 8).
//!
//! Not built yet: a body is checked whole, so that a caller's mistakes are its own, and a good one is answered with 501.
//! The metadata do not advertise these paths.

use super::schema::{ActionSearchRequest, ErrorBody, ResourceSearchRequest, SubjectSearchRequest};
use super::shared::Shared;
use super::wire::{Options, Searched, check_search};
use super::{Error, Permission};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

/// Who may do this?
///
/// Not supported yet: a well-formed search is answered with 501.
#[utoipa::path(
    post,
    path = "/access/v1/search/subject",
    tag = "AuthZEN search",
    operation_id = "searchSubject",
    request_body(content = SubjectSearchRequest, content_type = "application/json", example = json!({
        "subject": {"type": "user"},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "payments/refund"},
    })),
    responses(
        (status = 400, description = "The body is not JSON, or a member is missing or of the wrong kind.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not search.", body = ErrorBody),
        (status = 408, description = "The body arrived too slowly.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 501, description = "Search is not supported yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(super) async fn subject(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    search(&request, payload, &shared, Searched::Subject).await
}

/// To what may this be done?
///
/// Not supported yet: a well-formed search is answered with 501.
#[utoipa::path(
    post,
    path = "/access/v1/search/resource",
    tag = "AuthZEN search",
    operation_id = "searchResource",
    request_body(content = ResourceSearchRequest, content_type = "application/json", example = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool"},
    })),
    responses(
        (status = 400, description = "The body is not JSON, or a member is missing or of the wrong kind.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not search.", body = ErrorBody),
        (status = 408, description = "The body arrived too slowly.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 501, description = "Search is not supported yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(super) async fn resource(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    search(&request, payload, &shared, Searched::Resource).await
}

/// What may be done?
///
/// Not supported yet: a well-formed search is answered with 501.
#[utoipa::path(
    post,
    path = "/access/v1/search/action",
    tag = "AuthZEN search",
    operation_id = "searchAction",
    request_body(content = ActionSearchRequest, content_type = "application/json", example = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "resource": {"type": "repository", "id": "checkout"},
    })),
    responses(
        (status = 400, description = "The body is not JSON, or a member is missing or of the wrong kind.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not search.", body = ErrorBody),
        (status = 408, description = "The body arrived too slowly.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 501, description = "Search is not supported yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(super) async fn action(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    search(&request, payload, &shared, Searched::Action).await
}

async fn search(
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    searched: Searched,
) -> Result<HttpResponse, Error> {
    let (caller, body) = shared.admit_to_nothing(request, payload, Permission::Search).await?;
    let options = Options::read(&body, caller)?;
    check_search(searched, &body)?;
    if options.at_least.is_some() {
        return Err(Error::UnsupportedOption("options.at_least"));
    }
    Err(Error::SearchNotSupported)
}
