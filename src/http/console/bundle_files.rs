//! `GET /explain/v1/files`: the files of the bundle, and the text of one.

use super::fitting::FittingEntries;
use super::parameters::Parameters;
use crate::engine::BundleFileEntry;
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::ToSchema;

/// A page of files.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FilePage {
    /// How many files match, on all pages.
    total: usize,
    /// The files, in the order of their paths, those of packs last.
    #[schema(value_type = Vec<FileBody>)]
    files: Vec<Box<RawValue>>,
    /// Whether edits of them can be saved (`POST /explain/v1/saved`): under `behest dev`.
    saves: bool,
    /// The `from` of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<usize>,
}

/// A file of the bundle.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FileBody {
    /// The path in the bundle; one of a pack begins with `pack:`.
    #[schema(example = "policies/platform/documents.cedar")]
    path: String,
    /// The length in bytes.
    bytes: usize,
    /// Whether the text is not shown, since it may hold values that are marked `@secret`.
    hidden: bool,
    /// The text, if the file was asked for by its `path` and is not hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/files",
    method: Method::Get,
    label: "explain_files",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(files),
    route: || web::to(files),
};

/// List the bundle's files
///
/// Lists the files as they are now where the service reads its bundle, which are others than those
/// of the live bundle if that was changed since. `path` shows the text of one. A file of data that
/// mentions a member marked `@secret` is listed without its text. Needs the permission `explain`.
#[utoipa::path(
    get,
    path = "/explain/v1/files",
    tag = "Explanation",
    operation_id = "listFiles",
    params(
        ("path" = Option<String>, Query, description = "The path of one file."),
        ("like" = Option<String>, Query, description = "A part of the path."),
        ("from" = Option<usize>, Query, description = "How many to pass over."),
        ("limit" = Option<usize>, Query, description = "How many to list: 50, at most 500."),
    ),
    responses(
        (status = 200, description = "One page of the files.", body = FilePage),
        (status = 400, description = "A parameter is not of its form.", body = ErrorBody),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
        (status = 503, description = "No bundle is loaded yet.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
async fn files(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    let parameters = Parameters::of(&request, &["path", "like", "from", "limit"])?;
    let path = parameters.one("path")?.map(str::to_owned);
    let like = parameters.one("like")?.unwrap_or_default().to_lowercase();
    let (from, limit) = parameters.page()?;
    let engine = Arc::clone(&shared.engine);
    let most = shared.settings.limits.answer_bytes;
    let saves = shared.settings.saves_edits;
    let page = move || {
        let mut files = engine.bundle_files().map_err(Error::Fault)?;
        files.retain(|file| match &path {
            Some(path) => file.path == *path,
            None => file.path.to_lowercase().contains(&like),
        });
        let total = files.len();
        let entries = files.into_iter().skip(from).take(limit);
        let entries = entries.map(|file| Ok(FileBody::of(file, path.is_some())));
        let fitting = FittingEntries::of(entries, (from, total), most)?;
        Ok::<_, Error>(FilePage {
            total,
            saves,
            files: fitting.entries,
            next: fitting.next,
        })
    };
    let page = shared.run_apart(&shared.scratches, &request, page).await?;
    Ok(super::answered(page))
}

impl FileBody {
    fn of(file: BundleFileEntry, is_named: bool) -> Self {
        Self {
            path: file.path,
            bytes: file.bytes,
            hidden: file.text.is_none(),
            text: file.text.filter(|_| is_named).map(|text| text.to_string()),
        }
    }
}
