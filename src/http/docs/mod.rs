//! Serves the page on which policy authors try requests, and the OpenAPI description that it shows.
//!
//! Everything is in the binary; the page loads nothing from other servers.

pub(in crate::http) mod openapi;

use crate::http::endpoint::{Access, Endpoint, Method};
use crate::http::shared::ServiceState;
use crate::http::{Error, Page, console};
use crate::model::Fault;
use actix_web::http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentEncoding, HeaderValue,
    LOCATION, VARY,
};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Ready to try: one click less for every request. No schemas below the calls: they are in the
    // calls. No bar on top: it is for choosing among several descriptions.
    let config = Config::new([OPENAPI.path])
        .use_base_layout()
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .default_models_expand_depth(-1);
    Arc::new(config)
});

/// The page itself, and the style that differs from Swagger UI's. All other files are Swagger UI's.
const INDEX: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/index.css");

/// For people.
pub(super) static PAGES: [Endpoint; 4] = [ROOT, FOLDER, PAGE, OPENAPI];

const ROOT: Endpoint = Endpoint {
    path: "/",
    method: Method::GetOrHead,
    label: "docs",
    access: Access::Page(Page::Docs),
    advertised: None,
    description: None,
    route: || web::to(root),
};

/// To the console, for a person's browser, which asks for HTML; else to this page.
async fn root(request: HttpRequest, shared: Data<ServiceState>) -> Result<HttpResponse, Error> {
    ROOT.open(&request, &shared.settings)?;
    let accepted = request.headers().get_all(ACCEPT);
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    let place = if accepted.any(|value| value.contains("text/html")) {
        console::PAGE.fixed_path()
    } else {
        PAGE.fixed_path()
    };
    Ok(HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, HeaderValue::from_static(place)))
        .insert_header((VARY, HeaderValue::from_static("accept")))
        .finish())
}

const FOLDER: Endpoint = Endpoint {
    path: "/docs",
    method: Method::GetOrHead,
    label: "docs",
    access: Access::Page(Page::Docs),
    advertised: None,
    description: None,
    route: || web::to(folder),
};

/// From the folder's name to the page.
pub(super) async fn folder(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    redirect(&request, &shared, &FOLDER)
}

fn redirect(
    request: &HttpRequest,
    shared: &ServiceState,
    from: &Endpoint,
) -> Result<HttpResponse, Error> {
    from.open(request, &shared.settings)?;
    Ok(HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, HeaderValue::from_static(PAGE.fixed_path())))
        .finish())
}

pub(super) const PAGE: Endpoint = Endpoint {
    path: "/docs/{file:.*}",
    method: Method::GetOrHead,
    label: "docs",
    access: Access::Page(Page::Docs),
    advertised: None,
    description: None,
    route: || web::to(page),
};

/// The page and its files.
pub(super) async fn page(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    PAGE.open(&request, &shared.settings)?;
    let mut response = HttpResponse::Ok();
    // Nobody may frame a page whose buttons send requests.
    response.insert_header((
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("frame-ancestors 'none'"),
    ));
    let name = request.match_info().query("file");
    let own = match name {
        "" | "index.html" => Some(("text/html; charset=utf-8", INDEX)),
        "index.css" => Some(("text/css; charset=utf-8", STYLE)),
        _ => None,
    };
    if let Some((content_type, text)) = own {
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)));
        return Ok(response.body(text));
    }
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG))
        .map_err(|error| Fault::Internal(format!("the documentation cannot be written: {error}")))?
        .ok_or(Error::NotFound)?;
    response.insert_header((CONTENT_TYPE, file.content_type));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
    }
    Ok(response.body(file.bytes.into_owned()))
}

pub(super) const OPENAPI: Endpoint = Endpoint {
    path: "/openapi.json",
    method: Method::GetOrHead,
    label: "openapi",
    access: Access::Page(Page::Docs),
    advertised: None,
    description: None,
    route: || web::to(openapi_json),
};

/// The description.
pub(super) async fn openapi_json(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    OPENAPI.open(&request, &shared.settings)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(Bytes::clone(&shared.description)))
}
