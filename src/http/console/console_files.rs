//! The files of the console, and the headers that keep it to itself.

use crate::http::endpoint::{Access, Endpoint, Method};
use crate::http::shared::ServiceState;
use crate::http::{Error, Page};
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{Embed, EmbeddedFile};
use std::borrow::Cow;

/// The files that the bundler built: each as it is, and compressed beside it.
#[derive(Embed)]
#[folder = "console/dist/"]
struct ConsoleFiles;

/// The page that a path without a file leads to.
const INDEX: &str = "index.html";

/// What the page may do: load its own files and ask its own host. Nothing is evaluated, nothing is
/// written as markup (`require-trusted-types-for`), and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of every file.
const HEADERS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("vary", "accept-encoding"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=()",
    ),
    // A file is asked for again, and sent again if it has changed.
    ("cache-control", "no-cache"),
];

pub(super) const FOLDER: Endpoint = Endpoint {
    path: "/console",
    method: Method::GetOrHead,
    label: "console",
    access: Access::Page(Page::Docs),
    advertised: None,
    description: None,
    route: || web::to(redirect),
};

pub(in crate::http) const PAGE: Endpoint = Endpoint {
    path: "/console/{file:.*}",
    method: Method::GetOrHead,
    label: "console",
    access: Access::Page(Page::Docs),
    advertised: None,
    description: None,
    route: || web::to(page),
};

/// To the page.
async fn redirect(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    FOLDER.open(&request, &shared.settings)?;
    Ok(HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, HeaderValue::from_static(PAGE.fixed_path())))
        .finish())
}

/// The page and its files. It is public: it holds nothing of the service.
async fn page(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    PAGE.open(&request, &shared.settings)?;
    let name = match request.match_info().query("file") {
        "" => INDEX,
        name => name,
    };
    let content_type = content_type(name).ok_or(Error::NotFound)?;
    let file = ConsoleFiles::get(name).ok_or(Error::NotFound)?;
    let headers = request.headers();
    let compressed = lists(headers, &ACCEPT_ENCODING, "gzip")
        .then(|| ConsoleFiles::get(&format!("{name}.gz")))
        .flatten();
    let is_compressed = compressed.is_some();
    let tag = tag_of(&file, is_compressed);
    let is_known = lists(headers, &IF_NONE_MATCH, &tag);
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    for (name, value) in HEADERS {
        response.insert_header((
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ));
    }
    response.insert_header((CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)));
    response.insert_header((ETAG, tag));
    if is_known {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)));
    if is_compressed {
        response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    Ok(response.body(bytes_of(compressed.unwrap_or(file))))
}

/// Returns the type of a file that may be asked for.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

/// Returns what names this content of a file.
fn tag_of(file: &EmbeddedFile, is_compressed: bool) -> String {
    let hash = file.metadata.sha256_hash();
    let digits: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let encoding = if is_compressed { "-gzip" } else { "" };
    format!("\"{digits}{encoding}\"")
}

/// Returns `true` if a header lists this word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            item.split(';')
                .next()
                .is_some_and(|item| item.trim() == word)
        })
}

fn bytes_of(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}
