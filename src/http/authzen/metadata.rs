//! Serves the metadata of the service (AuthZEN 1.0 section 9), and the keys that verify their
//! signature.
//!
//! INVARIANT: all metadata come from the configured identifier and none from the request, and only
//! what exists is advertised.

use crate::evidence::{Signer, SignerError};
use crate::http::authzen::schema::ErrorBody;
use crate::http::endpoint::{Access, Advertised, Endpoint, Method, described, request_path};
use crate::http::shared::ServiceState;
use crate::http::{Error, PublicUrl};
use actix_web::dev::Url;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The documents change only when the service is restarted; with five minutes a caller notices that
/// soon.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The metadata, serialized once.
#[derive(Debug)]
pub(in crate::http) struct Metadata {
    identifier: String,
    /// The path at which they are served.
    path: Url,
    body: Bytes,
}

/// What the service says about itself (AuthZEN 1.0 section 9.1). What it cannot do is absent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metadata)]
pub(in crate::http) struct MetadataDocument {
    /// The identifier of the service.
    #[schema(example = "https://pdp.example")]
    policy_decision_point: String,
    // The description of the API adds a member for each endpoint that has one.
    #[serde(flatten)]
    #[schema(ignore)]
    addresses: Addresses,
    /// The members above and `iss`, as a JWS that a key of `jwks_uri` verifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_metadata: Option<String>,
}

/// Each member that names an endpoint, with the endpoint's address.
#[derive(Debug)]
struct Addresses(Vec<(&'static str, String)>);

impl Serialize for Addresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(member, address)| (member, address)))
    }
}

/// What `signed_metadata` states.
#[derive(Serialize)]
struct MetadataClaims<'a> {
    iss: &'a str,
    iat: i64,
    #[serde(flatten)]
    document: &'a MetadataDocument,
}

impl Metadata {
    /// Writes and signs the metadata of `url` at the time `now_ms`, in milliseconds. They name
    /// those of `endpoints` that are advertised.
    pub(in crate::http) fn new(
        url: &PublicUrl,
        endpoints: impl Iterator<Item = &'static Endpoint>,
        signer: &Signer,
        now_ms: i64,
    ) -> Result<Self, SignerError> {
        let address = |endpoint: &Endpoint| {
            Some((endpoint.advertised?.member, url.endpoint(endpoint.path)))
        };
        let mut document = MetadataDocument {
            policy_decision_point: url.as_str().to_owned(),
            addresses: Addresses(endpoints.filter_map(address).collect()),
            signed_metadata: None,
        };
        let claims = MetadataClaims {
            iss: url.as_str(),
            iat: now_ms.div_euclid(1000),
            document: &document,
        };
        document.signed_metadata = Some(signer.sign(&claims)?);
        let body = serde_json::to_vec(&document).map_err(|error| {
            SignerError::Key(format!("the metadata cannot be written: {error}"))
        })?;
        let path = format!("{}{}", METADATA.fixed_path(), url.well_known_suffix())
            .parse()
            .map(Url::new);
        let path =
            path.map_err(|error| SignerError::Key(format!("the identifier has no path: {error}")))?;
        Ok(Self {
            identifier: url.as_str().to_owned(),
            path,
            body: body.into(),
        })
    }
}

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
        (status = 200, description = "The metadata of the service.", body = MetadataDocument, headers(("Cache-Control" = String, description = "How long they may be kept."))),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
        (status = 404, description = "The service has no identifier, or another one.", body = ErrorBody),
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
    Ok(document("application/json", metadata.body.clone()))
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
        (status = 200, description = "The public keys of the service.", body = crate::http::authzen::schema::Object, content_type = "application/jwk-set+json"),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn jwks(shared: Data<ServiceState>) -> HttpResponse {
    document("application/jwk-set+json", shared.jwks.clone())
}

fn document(content_type: &'static str, body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .insert_header((CACHE_CONTROL, CACHEABLE))
        .body(body)
}
