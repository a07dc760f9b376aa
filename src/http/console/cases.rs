//! `GET /explain/v1/cases`: lists the cases of the live bundle.

use super::fitting::FittingEntries;
use super::parameters::Parameters;
use crate::engine::{ContentsPage, ListedCase};
use crate::http::authzen::schema::ErrorBody;
use crate::http::authzen::wire::{write_record, write_tuple};
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use crate::model::{Fault, Record};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::ToSchema;

/// A page of cases.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CasePage {
    /// The digest of the bundle.
    bundle: String,
    /// How many cases match, on all pages.
    total: usize,
    /// The cases, in the order of the files: at most as many as were asked for, and fewer if the
    /// answer would be larger than `limits.answer`.
    #[schema(value_type = Vec<CaseBody>)]
    cases: Vec<Box<RawValue>>,
    /// The `from` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<usize>,
}

/// A case of the bundle. Values of members that are marked `@secret` are replaced.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CaseBody {
    /// The file that contains the case.
    #[schema(example = "policies/platform/tools.cases.yaml")]
    file: String,
    /// The name of the case; for a cell of a table, it includes the row and the column.
    #[schema(example = "within the cap")]
    name: String,
    /// What the case expects.
    #[schema(example = "deny legal_hold by document-hold")]
    expected: String,
    /// The time of the case (RFC 3339).
    now: String,
    /// The body of the request.
    #[schema(value_type = Object)]
    question: Box<RawValue>,
    /// What the case adds to the bundle.
    given: GivenBody,
}

/// What a case adds to the bundle.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct GivenBody {
    /// Entities, in Cedar's JSON form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<serde_json::Value>,
    /// Tuples: `user`, `relation`, `object`, and a `condition` if there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    tuples: Vec<Box<RawValue>>,
    /// The facts of a verified credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    token: Option<Box<RawValue>>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/cases",
    method: Method::Get,
    label: "explain_cases",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(cases),
    route: || web::to(cases),
};

/// List the bundle's cases
///
/// Lists the cases of the bundle that is live, each with its request, its time and what it is
/// given. `like` keeps those whose file or name contains a text, in any case. Needs the permission
/// `explain`.
#[utoipa::path(
    get,
    path = "/explain/v1/cases",
    tag = "Explanation",
    operation_id = "listCases",
    params(
        ("like" = Option<String>, Query, description = "A part of the file or of the name."),
        ("from" = Option<usize>, Query, description = "How many to pass over."),
        ("limit" = Option<usize>, Query, description = "How many to list: 50, at most 500."),
    ),
    responses(
        (status = 200, description = "One page of the cases.", body = CasePage),
        (status = 400, description = "A parameter is not of its form.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
        (status = 503, description = "No bundle is loaded yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn cases(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    let parameters = Parameters::of(&request, &["like", "from", "limit"])?;
    let like = parameters.one("like")?.unwrap_or_default().to_owned();
    let (from, limit) = parameters.page()?;
    let engine = Arc::clone(&shared.engine);
    let most = shared.settings.limits.answer_bytes;
    let page = move || {
        let page = engine
            .list_cases(&like, from, limit)
            .map_err(Error::Fault)?;
        CasePage::of(page, from, most)
    };
    let page = shared.run_apart(&shared.searches, &request, page).await?;
    Ok(super::answered(page))
}

impl CasePage {
    fn of(page: ContentsPage<ListedCase>, from: usize, most: usize) -> Result<Self, Error> {
        let cases = page.entries.into_iter().map(CaseBody::of);
        let fitting = FittingEntries::of(cases, (from, page.total), most)?;
        Ok(Self {
            bundle: page.bundle.to_string(),
            total: page.total,
            cases: fitting.entries,
            next: fitting.next,
        })
    }
}

impl CaseBody {
    fn of(case: ListedCase) -> Result<Self, Error> {
        let tuples: Result<Vec<_>, Error> = case
            .tuples
            .iter()
            .map(|tuple| {
                let mut text = String::new();
                write_tuple(&mut text, tuple);
                raw(text)
            })
            .collect();
        Ok(Self {
            file: case.file,
            name: case.name,
            expected: case.expected,
            now: case.now.to_string(),
            question: raw_record(&case.body)?,
            given: GivenBody {
                entities: case.entities,
                tuples: tuples?,
                token: case.token.as_ref().map(raw_record).transpose()?,
            },
        })
    }
}

/// Returns a record as JSON, with the digits of its numbers.
fn raw_record(record: &Record) -> Result<Box<RawValue>, Error> {
    let mut text = String::new();
    write_record(&mut text, record);
    raw(text)
}

fn raw(text: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text).map_err(|error| {
        Error::Fault(Fault::Internal(format!(
            "what was written is not JSON: {error}"
        )))
    })
}
