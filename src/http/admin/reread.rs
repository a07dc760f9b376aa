//! Tells operators what the last reading of the settings has changed, and what needs a restart.

use crate::engine::BundleStatus;
use crate::http::admin::health::BundleProblem;
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission, SettingsReport};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// What the last reading of the settings came to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SettingsStatus {
    /// When they were read last (RFC 3339).
    #[schema(example = "2026-10-01T09:00:00Z")]
    read_at: String,
    /// Whether that reading was refused, so that those of before still count.
    refused: bool,
    /// What is wrong with settings that were refused.
    problems: Vec<BundleProblem>,
    /// What the last reading that was not refused has changed, a sentence each.
    changes: Vec<String>,
    /// Keys of settings that differ from those that count, and that count after a restart.
    restart_needed: Vec<String>,
    /// When the live bundle was accepted (RFC 3339), if it is the one that was kept in the data
    /// directory, because the files that `bundle` names were refused when the service started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-10-01T09:00:00Z")]
    kept_bundle_of: Option<String>,
}

impl SettingsStatus {
    fn of(report: &SettingsReport, bundle: &BundleStatus) -> Self {
        let problems = report.refused.iter().flat_map(|problems| &problems.0);
        Self {
            read_at: report.read_at.to_string(),
            refused: report.refused.is_some(),
            problems: problems.cloned().map(BundleProblem::from).collect(),
            changes: report.changes.clone(),
            restart_needed: report.restarts.clone(),
            kept_bundle_of: bundle.kept.map(|at| at.to_string()),
        }
    }
}

pub(in crate::http) const STATUS: Endpoint = Endpoint {
    path: "/admin/v1/settings",
    method: Method::Get,
    label: "settings",
    access: Access::Needs(Permission::Admin),
    advertised: None,
    description: described!(settings),
    route: || web::to(settings),
};

/// What did the settings change?
///
/// They are read again on SIGHUP: callers, keys, issuers and limits count at once, other settings
/// after a restart. Settings that are refused change nothing. Where the kept bundle decides in
/// place of the one that `bundle` names, it says so. Needs the permission `admin`.
#[utoipa::path(
    get,
    path = "/admin/v1/settings",
    tag = "Operation",
    operation_id = "settings",
    responses(
        (status = 200, description = "What the last reading came to.", body = SettingsStatus),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not do this.", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn settings(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    STATUS.check(Identity::of(&request, &shared.settings)?)?;
    let status = SettingsStatus::of(shared.report.load().as_ref(), &shared.engine.status());
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(answer.json(status))
}
