//! `GET /explain/v1/policies`: lists the policies of the live bundle with their text.

use super::fitting::FittingEntries;
use super::parameters::{Parameters, refuse};
use crate::engine::{ContentsPage, ListedPolicy};
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use crate::model::Decision;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::ToSchema;

/// LIMIT: policies that are asked for by their ids: more than one explanation names.
const MOST_IDS: usize = 100;

/// A page of policies.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PolicyPage {
    /// The digest of the bundle.
    bundle: String,
    /// How many policies match, on all pages.
    total: usize,
    /// The policies, in the order of their ids, or of the ids that were asked for: at most as many
    /// as were asked for, and fewer if the answer would be larger than `limits.answer`.
    #[schema(value_type = Vec<PolicySource>)]
    policies: Vec<Box<RawValue>>,
    /// The `from` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<usize>,
}

/// A policy with its text.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PolicySource {
    /// The id of the policy, from its `@id`.
    #[schema(example = "document-hold")]
    id: String,
    /// The effect of the policy: `permit` or `forbid`.
    #[schema(example = "forbid")]
    effect: &'static str,
    /// The file, relative to the bundle.
    #[schema(example = "policies/platform/documents.cedar")]
    file: String,
    /// The line on which it begins, from 1.
    line: usize,
    /// What the policy says of itself in its `@doc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<String>,
    /// The policy as it was written; of a policy that a link made, its template.
    source: String,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/policies",
    method: Method::Get,
    label: "explain_policies",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(policies),
    route: || web::to(policies),
};

/// List the bundle's policies
///
/// Lists the policies of the bundle that is live, each with its text. `like` keeps those whose id,
/// file or description contains a text, in any case; `id`, which may be repeated, lists these
/// alone. Needs the permission `explain`.
#[utoipa::path(
    get,
    path = "/explain/v1/policies",
    tag = "Explanation",
    operation_id = "listPolicies",
    params(
        ("id" = Option<Vec<String>>, Query, description = "The id of a policy; at most 100."),
        ("like" = Option<String>, Query, description = "A part of the id, file or description."),
        ("from" = Option<usize>, Query, description = "How many to pass over."),
        ("limit" = Option<usize>, Query, description = "How many to list: 50, at most 500."),
    ),
    responses(
        (status = 200, description = "One page of the policies.", body = PolicyPage),
        (status = 400, description = "A parameter is not of its form.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
        (status = 503, description = "No bundle is loaded yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn policies(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    let parameters = Parameters::of(&request, &["id", "like", "from", "limit"])?;
    let like = parameters.one("like")?.unwrap_or_default().to_owned();
    let (from, limit) = parameters.page()?;
    let ids: Vec<String> = parameters
        .all("id")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if ids.len() > MOST_IDS {
        return Err(refuse("id", &format!("occurs more than {MOST_IDS} times")));
    }
    let engine = Arc::clone(&shared.engine);
    let most = shared.settings.limits.answer_bytes;
    let page = move || {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let page = if ids.is_empty() {
            engine.list_policies(&like, from, limit)
        } else {
            engine.policies_named(&ids, from)
        };
        PolicyPage::of(page.map_err(Error::Fault)?, from, most)
    };
    let page = shared.run_apart(&shared.searches, &request, page).await?;
    Ok(super::answered(page))
}

impl PolicyPage {
    fn of(page: ContentsPage<ListedPolicy>, from: usize, most: usize) -> Result<Self, Error> {
        let policies = page.entries.into_iter().map(PolicySource::of).map(Ok);
        let fitting = FittingEntries::of(policies, (from, page.total), most)?;
        Ok(Self {
            bundle: page.bundle.to_string(),
            total: page.total,
            policies: fitting.entries,
            next: fitting.next,
        })
    }
}

impl PolicySource {
    fn of(listed: ListedPolicy) -> Self {
        let policy = listed.policy;
        Self {
            id: policy.id,
            effect: match policy.effect {
                Decision::Permit => "permit",
                Decision::Deny => "forbid",
            },
            file: policy.file,
            line: policy.line,
            doc: policy.doc,
            source: listed.source,
        }
    }
}
