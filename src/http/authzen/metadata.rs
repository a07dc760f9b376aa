//! What the service says about itself (AuthZEN 1.0 section 9), and the keys that prove it.
//!
//! INVARIANT: everything comes from the configured identifier and nothing from the request, and
//! only what exists is advertised.

use crate::evidence::{Signer, SignerError};
use crate::http::authzen::schema::ErrorBody;
use crate::http::shared::Shared;
use crate::http::{Error, PublicUrl, routes};
use actix_web::dev::Url;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// Documents change when the service is started anew; five minutes let a caller notice soon.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The metadata, written once.
#[derive(Debug)]
pub(in crate::http) struct Metadata {
    identifier: String,
    /// Where they are.
    path: Url,
    body: Bytes,
}

/// What the service says about itself (AuthZEN 1.0 section 9.1). What it cannot do is absent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metadata)]
pub(in crate::http) struct Document {
    /// The identifier of the service.
    #[schema(example = "https://pdp.example")]
    policy_decision_point: String,
    /// The address at which one question is asked.
    access_evaluation_endpoint: String,
    /// The address at which several questions are asked.
    access_evaluations_endpoint: String,
    /// The address at which it is asked who may do something.
    search_subject_endpoint: String,
    /// The address at which it is asked to what something may be done.
    search_resource_endpoint: String,
    /// The address at which it is asked what may be done.
    search_action_endpoint: String,
    /// The address of the public keys.
    jwks_uri: String,
    /// The members above and `iss`, as a JWS that a key of `jwks_uri` verifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_metadata: Option<String>,
}

/// What `signed_metadata` states.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    #[serde(flatten)]
    document: &'a Document,
}

impl Metadata {
    /// Writes and signs the metadata of `url`, at `now_ms`.
    pub(in crate::http) fn new(
        url: &PublicUrl,
        signer: &Signer,
        now_ms: i64,
    ) -> Result<Self, SignerError> {
        let mut document = Document {
            policy_decision_point: url.as_str().to_owned(),
            access_evaluation_endpoint: url.endpoint(routes::EVALUATION),
            access_evaluations_endpoint: url.endpoint(routes::EVALUATIONS),
            search_subject_endpoint: url.endpoint(routes::SEARCH_SUBJECT),
            search_resource_endpoint: url.endpoint(routes::SEARCH_RESOURCE),
            search_action_endpoint: url.endpoint(routes::SEARCH_ACTION),
            jwks_uri: url.endpoint(routes::JWKS),
            signed_metadata: None,
        };
        let claims = Claims {
            iss: url.as_str(),
            iat: now_ms.div_euclid(1000),
            document: &document,
        };
        document.signed_metadata = Some(signer.sign(&claims)?);
        let body = serde_json::to_vec(&document).map_err(|error| {
            SignerError::Key(format!("the metadata cannot be written: {error}"))
        })?;
        let path = format!("{}{}", routes::METADATA, url.well_known_suffix())
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
        (status = 200, description = "The metadata of the service.", body = Document, headers(("Cache-Control" = String, description = "How long they may be kept."))),
        (status = 401, description = "A key that nobody has.", body = ErrorBody),
        (status = 404, description = "The service has no identifier, or another one.", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn metadata(
    request: HttpRequest,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    let metadata = shared.metadata.as_ref().ok_or(Error::NoPublicUrl)?;
    if routes::path(request.match_info()) != metadata.path.path() {
        let path = metadata.path.uri().to_string();
        return Err(Error::OtherIdentifier {
            identifier: metadata.identifier.clone(),
            path,
        });
    }
    Ok(document("application/json", metadata.body.clone()))
}

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
pub(in crate::http) async fn jwks(shared: Data<Shared>) -> HttpResponse {
    document("application/jwk-set+json", shared.jwks.clone())
}

fn document(content_type: &'static str, body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .insert_header((CACHE_CONTROL, CACHEABLE))
        .body(body)
}
