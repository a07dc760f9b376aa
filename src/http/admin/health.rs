//! Answers whether the service runs and whether it can decide, and serves its metrics.
//!
//! These endpoints are public, because probes carry no keys (`envelope` refuses a wrong one, as
//! everywhere). The problems of a bundle are shown only to a caller with the permission `admin`,
//! because they quote policies.

use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Page, Permission};
use crate::model::Problem;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// Whether the service can decide.
#[expect(
    clippy::struct_excessive_bools,
    reason = "probes read them by their names"
)]
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Readiness {
    /// Whether a bundle is live.
    ready: bool,
    /// The digest of the live bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    /// Whether the service is about to end, and wants no more requests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    draining: bool,
    /// Since when it is live (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Whether the last attempt to load a bundle failed; the one before stays live.
    last_load_failed: bool,
    /// Whether the live bundle is the one that was kept in the data directory, because the bundle's
    /// own files were refused when the service started.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    kept_bundle: bool,
    /// What was wrong with it. Only for a caller with the permission `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<BundleProblem>>,
}

/// One thing that is wrong with a bundle.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct BundleProblem {
    /// The file, relative to the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// What is wrong, in words.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl From<Problem> for BundleProblem {
    fn from(problem: Problem) -> Self {
        Self {
            file: problem.place.map(|place| place.file),
            message: problem.message,
            help: problem.help,
        }
    }
}

pub(in crate::http) const HEALTHZ: Endpoint = Endpoint {
    path: "/healthz",
    method: Method::GetOrHead,
    label: "healthz",
    access: Access::Public,
    advertised: None,
    description: described!(healthz),
    route: || web::to(healthz),
};

/// Does the service live?
///
/// 200 as long as it can answer at all.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Operation",
    operation_id = "health",
    responses(
        (
            status = 200,
            description = "The service is running.",
            body = String,
            content_type = "text/plain",
        ),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn healthz() -> HttpResponse {
    text(PLAIN, "ok\n".to_owned())
}

pub(in crate::http) const READYZ: Endpoint = Endpoint {
    path: "/readyz",
    method: Method::GetOrHead,
    label: "readyz",
    access: Access::Public,
    advertised: None,
    description: described!(readyz),
    route: || web::to(readyz),
};

/// Can the service decide?
///
/// 200 once a bundle is live, and from then on until the service is told to end: a bundle that is
/// refused leaves the one before live. That holds for the kept bundle too, which decides after a
/// restart in front of a refused one: a probe that failed would take the service away from those
/// whom it can answer.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Operation",
    operation_id = "readiness",
    responses(
        (status = 200, description = "The service can decide.", body = Readiness),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
        (
            status = 503,
            description = "The service cannot decide yet, or is about to end.",
            body = Readiness,
        ),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn readyz(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> HttpResponse {
    // Without a credential the request is a probe, wherever it comes from; with one it is a
    // caller's.
    let caller = Identity::caller_of(&request, &shared.settings).map(|(_, caller)| caller);
    let detailed = caller.is_some_and(|caller| caller.permissions.has(Permission::Admin));
    let status = shared.engine.status();
    let draining = shared.is_draining();
    let readiness = Readiness {
        ready: status.live.is_some() && !draining,
        draining,
        bundle: status.live.as_ref().map(|(digest, _)| digest.to_string()),
        since: status.live.as_ref().map(|(_, at)| at.to_string()),
        last_load_failed: status.last_failure.is_some(),
        kept_bundle: status.kept.is_some(),
        problems: status.last_failure.filter(|_| detailed).map(|failed| {
            failed
                .problems
                .0
                .into_iter()
                .map(BundleProblem::from)
                .collect()
        }),
    };
    let code = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    HttpResponse::build(code)
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(readiness)
}

pub(in crate::http) const METRICS: Endpoint = Endpoint {
    path: "/metrics",
    method: Method::GetOrHead,
    label: "metrics",
    access: Access::Page(Page::Metrics),
    advertised: None,
    description: described!(metrics),
    route: || web::to(metrics),
};

/// Metrics
///
/// In the OpenMetrics text format, which Prometheus reads.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Operation",
    operation_id = "metrics",
    responses(
        (
            status = 200,
            description = "The metrics, in OpenMetrics text.",
            body = String,
            content_type = "application/openmetrics-text",
        ),
        (
            status = 401,
            description = "A key that nobody has, or none where the setting `metrics` wants one.",
            body = ErrorBody,
        ),
        (
            status = 404,
            description = "The setting `metrics` turned the page off.",
            body = ErrorBody,
        ),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn metrics(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    METRICS.open(&request, &shared.settings)?;
    if let Some(stores) = shared.engine.stores() {
        shared.metrics.state().set_relations(stores.figures());
    }
    if let Some(tls) = &shared.settings.tls {
        shared.metrics.state().set_certificates(tls.ends());
    }
    let written = shared.metrics.encode(shared.clock.now_ms());
    Ok(text(OPEN_METRICS, written))
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// With another content type, Prometheus 2.42 takes the body for its older format, and refuses the
/// `info` metrics in it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn text(kind: &'static str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(kind)))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .body(body)
}
