//! `GET /explain/v1/bundle`: which bundle decides, and what is wrong with the one that was to
//! replace it.

use crate::engine::{FailedLoad, LocatedProblem};
use crate::http::Error;
use crate::http::Permission;
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// Which bundle decides, and whether the last attempt to replace it failed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct BundleState {
    /// The digest of the bundle that decides; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    /// Since when it decides (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// The last attempt to load a bundle, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<LoadFailure>,
}

/// An attempt to load a bundle that failed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LoadFailure {
    /// When it was (RFC 3339).
    at: String,
    /// How many problems the bundle has.
    total: usize,
    /// The first of them, at most 100.
    problems: Vec<ShownProblem>,
}

/// One thing that is wrong with a bundle, where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ShownProblem {
    /// The file, relative to the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The column, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// The length in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    /// The text of the line, if it holds no data.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What is wrong, in words.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/bundle",
    method: Method::Get,
    label: "explain_bundle",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(bundle),
    route: || web::to(bundle),
};

/// Which bundle decides
///
/// Names the bundle that decides, and what is wrong with the one that was to replace it, if it was
/// refused. It is answered before there is a bundle, too. Needs the permission `explain`.
#[utoipa::path(
    get,
    path = "/explain/v1/bundle",
    tag = "Explanation",
    operation_id = "bundleState",
    responses(
        (status = 200, description = "The state of the bundle.", body = BundleState),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn bundle(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    let status = shared.engine.status();
    Ok(super::answered(BundleState {
        bundle: status.live.as_ref().map(|(digest, _)| digest.to_string()),
        since: status.live.as_ref().map(|(_, at)| at.to_string()),
        failure: status.last_failure.map(LoadFailure::of),
    }))
}

impl LoadFailure {
    fn of(failed: FailedLoad) -> Self {
        Self {
            at: failed.at.to_string(),
            total: failed.problems.0.len(),
            problems: failed.located.into_iter().map(ShownProblem::of).collect(),
        }
    }
}

impl ShownProblem {
    pub(super) fn of(located: LocatedProblem) -> Self {
        let at = located.at;
        Self {
            file: located.file,
            line: at.as_ref().map(|at| at.line),
            column: at.as_ref().map(|at| at.column),
            length: at.as_ref().map(|at| at.length),
            text: at.and_then(|at| at.text),
            message: located.message,
            help: located.help,
        }
    }
}
