//! `POST /access/v1/search/{subject,resource,action}` (AuthZEN 1.0 section 8).
//!
//! A search runs on a thread of its own, so that the workers can go on deciding.
//!
//! INVARIANT: a search that waits for a place holds nothing but the text of its body and the
//! evidence from its credentials. A body becomes many times larger when it is parsed, and a
//! thousand of them may wait.

use crate::engine::{Ask, Engine};
use crate::http::authzen::evaluation::{REVISION, written};
use crate::http::authzen::schema::{
    ActionSearchRequest, ErrorBody, ResourceSearchRequest, SubjectSearchRequest,
};
use crate::http::authzen::wire::{RequestKind, SearchResponse, write_page};
use crate::http::endpoint::{Access, Advertised, Endpoint, Method, described};
use crate::http::shared::{OwnedAsk, ReadyRequest, ServiceState, WorkLength, ask};
use crate::http::{Error, Permission};
use crate::json::read_object;
use crate::model::{PageRequest, Record, Revision, SearchKind, SearchRequest};
use crate::telemetry::RequestPhase;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoResponses;

/// What each of the searches can answer when it finds no page.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, and written by the error type")]
enum SearchErrors {
    /// The body is not JSON, or has a flaw.
    #[response(
        status = 400,
        description = "The body is not JSON, a member is missing or of the wrong kind, \
            or the page token is not taken."
    )]
    Invalid(ErrorBody),
    /// No key, or one that nobody has.
    #[response(status = 401)]
    Unauthenticated(ErrorBody),
    /// The caller may not search.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The body arrived too slowly.
    #[response(status = 408)]
    TooSlow(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The body is compressed.
    #[response(status = 415)]
    Compressed(ErrorBody),
    /// A fault of the service.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The service cannot answer now.
    #[response(
        status = 503,
        description = "The service is `overloaded` (send it again after `Retry-After`), \
            no bundle is loaded yet, or a relation could not be looked up."
    )]
    Unready(ErrorBody),
}

pub(in crate::http) const SUBJECT: Endpoint = Endpoint {
    path: "/access/v1/search/subject",
    method: Method::Post,
    label: "search_subject",
    access: Access::Needs(Permission::Search),
    advertised: Some(Advertised {
        member: "search_subject_endpoint",
        description: "The address at which it is asked who may do something.",
    }),
    description: described!(subject),
    route: || web::to(subject),
};

/// Who may do this?
///
/// Finds the subjects of a type that may do an action to a resource. Carriers on the searched
/// subject count (an agent that acts for it, or for whom it acts), and its other properties and its
/// id do not.
///
/// What is known is searched: stored entities, what tuples name, literals in policies. Every result
/// has been decided like any question. A page has at most 1,000 results; where there are more,
/// `page.next_token` leads to them.
///
/// Where nothing is found and `options.reason` asks for it, `context.reason` says why, as beside a
/// denial. What is a fault of the service for one candidate is one for the page.
#[utoipa::path(
    post,
    path = "/access/v1/search/subject",
    tag = "AuthZEN search",
    operation_id = "searchSubject",
    params(("X-Request-ID" = Option<String>, Header, description = "Comes back on the response.")),
    request_body(content = SubjectSearchRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "The page of results that were found.",
            body = SearchResponse,
            headers(
                (
                    "Behest-Revision" = u64,
                    description = "The revision of the relations that decided."
                ),
                ("X-Request-ID" = String, description = "The request's own, if it had one."),
            ),
        ),
        SearchErrors,
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn subject(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    search(&request, payload, &shared, &SUBJECT, SearchKind::Subject).await
}

pub(in crate::http) const RESOURCE: Endpoint = Endpoint {
    path: "/access/v1/search/resource",
    method: Method::Post,
    label: "search_resource",
    access: Access::Needs(Permission::Search),
    advertised: Some(Advertised {
        member: "search_resource_endpoint",
        description: "The address at which it is asked to what something may be done.",
    }),
    description: described!(resource),
    route: || web::to(resource),
};

/// To what may this be done?
///
/// Finds the resources of a type to which a chain may do an action: for an agent that acts for a
/// user, those to which both may. `options.unknown: ["arguments"]` finds those that could be
/// permitted with some arguments, which is what a list of tools needs.
///
/// What is known is searched: stored entities, what tuples name, literals in policies. Every result
/// has been decided like any question. A page has at most 1,000 results; where there are more,
/// `page.next_token` leads to them.
///
/// Where nothing is found and `options.reason` asks for it, `context.reason` says why, as beside a
/// denial. What is a fault of the service for one candidate is one for the page.
#[utoipa::path(
    post,
    path = "/access/v1/search/resource",
    tag = "AuthZEN search",
    operation_id = "searchResource",
    params(("X-Request-ID" = Option<String>, Header, description = "Comes back on the response.")),
    request_body(content = ResourceSearchRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "The page of results that were found.",
            body = SearchResponse,
            headers(
                (
                    "Behest-Revision" = u64,
                    description = "The revision of the relations that decided."
                ),
                ("X-Request-ID" = String, description = "The request's own, if it had one."),
            ),
        ),
        SearchErrors,
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn resource(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    search(&request, payload, &shared, &RESOURCE, SearchKind::Resource).await
}

pub(in crate::http) const ACTION: Endpoint = Endpoint {
    path: "/access/v1/search/action",
    method: Method::Post,
    label: "search_action",
    access: Access::Needs(Permission::Search),
    advertised: Some(Advertised {
        member: "search_action_endpoint",
        description: "The address at which it is asked what may be done.",
    }),
    description: described!(action),
    route: || web::to(action),
};

/// What may be done?
///
/// Finds the actions that a chain may do to a resource. An action with members of its own for
/// single resources is found under its general name, once.
///
/// What is known is searched: stored entities, what tuples name, literals in policies. Every result
/// has been decided like any question. A page has at most 1,000 results; where there are more,
/// `page.next_token` leads to them.
///
/// Where nothing is found and `options.reason` asks for it, `context.reason` says why, as beside a
/// denial. What is a fault of the service for one candidate is one for the page.
#[utoipa::path(
    post,
    path = "/access/v1/search/action",
    tag = "AuthZEN search",
    operation_id = "searchAction",
    params(("X-Request-ID" = Option<String>, Header, description = "Comes back on the response.")),
    request_body(content = ActionSearchRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "The page of results that were found.",
            body = SearchResponse,
            headers(
                (
                    "Behest-Revision" = u64,
                    description = "The revision of the relations that decided."
                ),
                ("X-Request-ID" = String, description = "The request's own, if it had one."),
            ),
        ),
        SearchErrors,
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn action(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    search(&request, payload, &shared, &ACTION, SearchKind::Action).await
}

async fn search(
    request: &HttpRequest,
    payload: Payload,
    shared: &Data<ServiceState>,
    endpoint: &Endpoint,
    searched: SearchKind,
) -> Result<HttpResponse, Error> {
    let (caller, text) = shared.admit(request, payload, endpoint).await?;
    let opened = shared
        .open(
            RequestKind::Search,
            WorkLength::of(&text),
            caller,
            request,
            &text,
        )
        .await?;
    let ReadyRequest {
        body,
        options,
        evidence,
        turn,
    } = opened;
    // Other requests of this worker need not wait for this search.
    drop((body, turn));
    let json_depth = shared.json_depth();
    let limit = shared.settings.limits.answer_bytes;
    let evidence = evidence.as_ref();
    let owned = OwnedAsk::of(&ask(caller, request, options, evidence), options);
    let engine = shared.engine.clone();
    let search = move || {
        let (wanted, page) = read_search(searched, &read_object(&text, json_depth)?)?;
        drop(text);
        find(&engine, &owned.ask(), &wanted, page, limit)
    };
    let (revision, body) = shared
        .decide_apart(&shared.searches, (request, evidence), search)
        .await?;
    shared.phase_ended(request, RequestPhase::Decide);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header((REVISION.clone(), HeaderValue::from(revision.0)))
        .body(body))
}

/// Finds a page of results, and writes it into at most `limit` bytes.
fn find(
    engine: &Engine,
    ask: &Ask<'_>,
    wanted: &SearchRequest,
    page: Option<PageRequest>,
    limit: usize,
) -> Result<(Revision, Bytes), Error> {
    let asked_for_page = page.is_some();
    let found = engine.search(ask, wanted, &page.unwrap_or_default())?;
    let body = written(write_page(
        wanted,
        asked_for_page,
        &found,
        ask.arguments,
        ask.depth,
    ))?;
    if body.len() > limit {
        Err(Error::AnswerTooLarge(limit))
    } else {
        Ok((found.revision, body))
    }
}

/// Reads what a body searches for, and which page of it; `None` if the body names no page.
fn read_search(
    searched: SearchKind,
    body: &Record,
) -> Result<(SearchRequest, Option<PageRequest>), Error> {
    Ok((
        SearchRequest::from_body(searched, body)?,
        PageRequest::from_body(body)?,
    ))
}
