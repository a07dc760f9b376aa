//! Serves the metadata of the service (AuthZEN 1.0 section 9), and the keys that verify their
//! signature.

pub(in crate::http) mod document;

use crate::http::Error;
use crate::http::authzen::metadata::document::MetadataDocument;
use crate::http::authzen::schema::ErrorBody;
use crate::http::endpoint::{Access, Advertised, Endpoint, Method, described, request_path};
use crate::http::shared::ServiceState;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

/// The documents change only when the service is restarted; with five minutes a caller notices that
/// soon.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(in crate::http) const METADATA: Endpoint = Endpoint {
    path: "/.well-known/authzen-configuration{suffix:.*}",
    method: Method::GetOrHead,
    label: "metadata",
    access: Access::Public,
    advertised: None,
    description: described!(metadata),
    route: || web::to(metadata),
};

/// What the service can do
///
/// The AuthZEN metadata. Where the service's identifier has a path, that path follows behind this
/// one (`/.well-known/authzen-configuration/tenant1`).
#[utoipa::path(
    get,
    path = "/.well-known/authzen-configuration",
    tag = "Discovery",
    operation_id = "metadata",
    responses(
        (
            status = 200,
            description = "The metadata of the service.",
            body = MetadataDocument,
            headers(("Cache-Control" = String, description = "How long they may be kept.")),
        ),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
        (
            status = 404,
            description = "The service has no identifier, or another one.",
            body = ErrorBody,
        ),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn metadata(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let metadata = shared.metadata.as_ref().ok_or(Error::NoPublicUrl)?;
    if request_path(request.match_info()) != metadata.path.path() {
        let path = metadata.path.uri().to_string();
        return Err(Error::OtherIdentifier {
            identifier: metadata.identifier.clone(),
            path,
        });
    }
    Ok(cacheable("application/json", metadata.body.clone()))
}

pub(in crate::http) const JWKS: Endpoint = Endpoint {
    path: "/.well-known/jwks.json",
    method: Method::GetOrHead,
    label: "jwks",
    access: Access::Public,
    advertised: Some(Advertised {
        member: "jwks_uri",
        description: "The address of the public keys.",
    }),
    description: described!(jwks),
    route: || web::to(jwks),
};

/// The keys of the service
///
/// The JWK set (RFC 7517) whose keys verify `signed_metadata`.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "Discovery",
    operation_id = "keys",
    responses(
        (
            status = 200,
            description = "The public keys of the service.",
            body = Object,
            content_type = "application/jwk-set+json",
        ),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn jwks(shared: Data<ServiceState>) -> HttpResponse {
    cacheable("application/jwk-set+json", shared.jwks.clone())
}

fn cacheable(content_type: &'static str, body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .insert_header((CACHE_CONTROL, CACHEABLE))
        .body(body)
}
