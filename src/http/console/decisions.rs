//! `GET /explain/v1/decisions`: the decisions of all callers, as they are made.
//!
//! INVARIANT: an event is the decision's record and nothing more than how long it took, so that
//! what records do not hold (credentials, values that are marked `@secret`) is not shown here
//! either.

use super::decision_events::DecisionEvents;
use super::parameters::{Parameters, refuse};
use crate::engine::{DecisionFilter, EntityPattern, WatchedOutcome};
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::shared::watched_body::WatchedBody;
use crate::http::{Error, Permission, Shortage};
use crate::model::shown;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// LIMIT: watches at the same time: as many people as look into one incident. What waits for each
/// is bounded, to some 4 MiB.
pub(in crate::http) const MAX_WATCHES: usize = 16;

/// LIMIT: watches of one caller at the same time: a page or two, and what they leave behind until
/// their connections have ended.
pub(in crate::http) const WATCHES_OF_CALLER: usize = 6;

/// Tells proxies not to hold events back.
static BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The id of the last event that a client has seen, which it sends when it comes again.
static LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

const PARAMETERS: [&str; 6] = [
    "decision", "subject", "actor", "action", "resource", "caller",
];

/// An event `missed`: decisions that this client did not see.
#[derive(Debug, Serialize)]
pub(in crate::http) struct MissedDecisions {
    /// How many there were. Behind `away` they are all decisions, whatever was asked for; it is
    /// absent if the process is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decisions: Option<u64>,
    /// Why: `slow`, since the client did not read in time; `away`, since it was not connected;
    /// `restarted`, since the process is another one.
    pub(super) why: &'static str,
}

/// An event, by its fields (HTML, section 9.2).
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is written without it")]
pub(in crate::http) struct WatchedEvent {
    /// What it is: `decision`, `missed` or `end`.
    event: Option<String>,
    /// JSON on one line: of `decision` the record with `took_us`, of `missed` a `why` and, where it
    /// is known, how many `decisions`.
    data: Option<String>,
    /// By what `Last-Event-ID` names it.
    id: Option<String>,
    /// Milliseconds after which to come again.
    retry: Option<u64>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/decisions",
    method: Method::Get,
    label: "explain_decisions",
    access: Access::Needs(Permission::DecisionsRead),
    advertised: None,
    description: described!(decisions),
    route: || web::to(decisions),
};

/// Watch decisions
///
/// Sends an event `decision` for each decision of any caller, as it is made, until the client
/// leaves (server-sent events). Its data is the decision's record, in one line, with `took_us`, the
/// microseconds that it took, besides. `missed` says how many decisions this client did not see:
/// the oldest are dropped where it does not read in time, and `Last-Event-ID` tells those since it
/// was there last. `end` says that the service is about to end. Needs the permission
/// `decisions.read`.
#[utoipa::path(
    get,
    path = "/explain/v1/decisions",
    tag = "Explanation",
    operation_id = "watchDecisions",
    params(
        (
            "decision" = Option<String>,
            Query,
            description = "`permit`, `deny`, or `fault`: a denial because something failed.",
        ),
        (
            "subject" = Option<String>,
            Query,
            description = "The subject: `type:id`, `type:` or `:id`.",
        ),
        ("actor" = Option<String>, Query, description = "One of those who act for the subject."),
        ("action" = Option<String>, Query, description = "The name of the action."),
        (
            "resource" = Option<String>,
            Query,
            description = "The resource: `type:id`, `type:` or `:id`.",
        ),
        ("caller" = Option<String>, Query, description = "The caller's name, or `anonymous`."),
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "The id of the last event that was seen.",
        ),
    ),
    responses(
        (
            status = 200,
            description = "Events, without an end.",
            body = WatchedEvent,
            content_type = "text/event-stream",
        ),
        (status = 400, description = "A parameter is not of its form.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not watch decisions.", body = ErrorBody),
        (status = 503, description = "As many watch as may.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn decisions(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let caller = Identity::of(&request, &shared.settings)?;
    ENDPOINT.check(caller)?;
    let filter = read_filter(&Parameters::of(&request, &PARAMETERS)?)?;
    // All anonymous callers share the number of nobody.
    let number = shared.number_of(caller).unwrap_or_default();
    let place = shared
        .watches
        .take(number, Duration::ZERO)
        .map_err(|_| Error::Overloaded(Shortage::Watches))?;
    tracing::info!(
        caller = caller.name(),
        ?filter,
        "decisions are watched from now on"
    );
    let last = request.headers().get(&LAST_EVENT);
    let events = DecisionEvents::new(&shared, filter, place, last);
    let mut answer = HttpResponse::Ok();
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (BUFFERING.clone(), "no"),
    ] {
        answer.insert_header((name, HeaderValue::from_static(value)));
    }
    Ok(answer
        .body(WatchedBody::new(events, &shared, &request))
        .map_into_boxed_body())
}

fn read_filter(parameters: &Parameters) -> Result<DecisionFilter, Error> {
    let entity = |name: &str| {
        let Some(text) = parameters.one(name)? else {
            return Ok(None);
        };
        let pattern = EntityPattern::parse(text).ok_or_else(|| {
            let problem = format!("must be `type:id`, `type:` or `:id`, not `{}`", shown(text));
            refuse(name, &problem)
        });
        pattern.map(Some)
    };
    let outcome = |word: &str| {
        WatchedOutcome::from_word(word).ok_or_else(|| {
            let problem = format!("must be `permit`, `deny` or `fault`, not `{}`", shown(word));
            refuse("decision", &problem)
        })
    };
    Ok(DecisionFilter {
        outcome: parameters.one("decision")?.map(outcome).transpose()?,
        subject: entity("subject")?,
        actor: entity("actor")?,
        action: parameters.one("action")?.map(Into::into),
        resource: entity("resource")?,
        caller: parameters.one("caller")?.map(Into::into),
    })
}
