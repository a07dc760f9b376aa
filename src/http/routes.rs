//! Every route of the service.

use super::{Error, docs};
use crate::http::admin::{health, keys};
use crate::http::authzen::{evaluation, evaluations, metadata, search};
use crate::http::openfga;
use actix_web::dev::{HttpServiceFactory, Path, Url};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Responder};

pub(super) const EVALUATION: &str = "/access/v1/evaluation";
pub(super) const EVALUATIONS: &str = "/access/v1/evaluations";
pub(super) const METADATA: &str = "/.well-known/authzen-configuration";
pub(super) const JWKS: &str = "/.well-known/jwks.json";
pub(super) const OPENAPI: &str = "/openapi.json";
pub(super) const DOCS: &str = "/docs/";
pub(super) const SEARCH_SUBJECT: &str = "/access/v1/search/subject";
pub(super) const SEARCH_RESOURCE: &str = "/access/v1/search/resource";
pub(super) const SEARCH_ACTION: &str = "/access/v1/search/action";
pub(super) const KEYS_REFRESH: &str = "/admin/v1/keys/refresh";

/// Mounts everything. The router tries the routes in this order, so what is asked most stands
/// first.
pub(super) fn mount(app: &mut ServiceConfig) {
    // For servers that enforce: a permission is needed.
    app.service(post(EVALUATION, evaluation::evaluation))
        .service(post(EVALUATIONS, evaluations::evaluations))
        .service(post(SEARCH_SUBJECT, search::subject))
        .service(post(SEARCH_RESOURCE, search::resource))
        .service(post(SEARCH_ACTION, search::action));
    // For OpenFGA's clients: every call needs a key.
    openfga::mount(app);
    // For operators: the permission `admin` is needed.
    app.service(post(KEYS_REFRESH, keys::refresh));
    // For operators and everybody: public.
    app.service(get("/healthz", health::healthz))
        .service(get("/readyz", health::readyz))
        .service(get("/metrics", health::metrics))
        .service(get(JWKS, metadata::jwks))
        .service(get(
            "/.well-known/authzen-configuration{suffix:.*}",
            metadata::metadata,
        ));
    // For people.
    app.service(get("/", docs::redirect))
        .service(get("/docs", docs::redirect))
        .service(get("/docs/{file:.*}", docs::page))
        .service(get(OPENAPI, docs::openapi_json));
    app.default_service(web::to(|| async { refuse(Error::NotFound) }));
}

/// The path of a request as the router matches it, with what is percent-encoded decoded.
///
/// INVARIANT: whatever depends on where a request goes (whether it is public, the form of its
/// errors, its label) reads this: `/%68ealthz` is the public path `/healthz` to all of them or to
/// none.
pub(super) fn path(matched: &Path<Url>) -> &str {
    matched.as_str()
}

/// The label of a path in metrics: a closed list, whatever is asked for.
pub(super) fn endpoint_name(path: &str) -> &'static str {
    match path {
        EVALUATION => "evaluation",
        EVALUATIONS => "evaluations",
        SEARCH_SUBJECT => "search_subject",
        SEARCH_RESOURCE => "search_resource",
        SEARCH_ACTION => "search_action",
        KEYS_REFRESH => "keys_refresh",
        "/healthz" => "healthz",
        "/readyz" => "readyz",
        "/metrics" => "metrics",
        JWKS => "jwks",
        OPENAPI => "openapi",
        _ if path.starts_with(METADATA) => "metadata",
        _ if path.starts_with("/docs") => "docs",
        _ => openfga::endpoint_name(path).unwrap_or("other"),
    }
}

/// Whether a path is everybody's: whatever credential comes along with it opens nothing there.
pub(super) fn is_public(path: &str) -> bool {
    let names = [
        "healthz", "readyz", "metrics", "jwks", "metadata", "docs", "openapi",
    ];
    path == "/" || names.contains(&endpoint_name(path))
}

fn post<H, Args>(path: &'static str, handler: H) -> impl HttpServiceFactory + use<H, Args>
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::post().to(handler))
        .default_service(web::to(|| async {
            refuse(Error::MethodNotAllowed("POST"))
        }))
}

fn get<H, Args>(path: &'static str, handler: H) -> impl HttpServiceFactory + use<H, Args>
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(|| async {
            refuse(Error::MethodNotAllowed("GET, HEAD"))
        }))
}

fn refuse(error: Error) -> Result<HttpResponse, Error> {
    Err(error)
}
