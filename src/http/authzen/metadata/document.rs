//! Writes and signs the metadata of the service (AuthZEN 1.0 section 9).
//!
//! INVARIANT: all metadata come from the configured identifier and none from a request, and only
//! what exists is advertised.

use crate::evidence::{Signer, SignerError};
use crate::http::PublicUrl;
use crate::http::endpoint::Endpoint;
use actix_web::dev::Url;
use actix_web::web::Bytes;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The metadata, serialized once.
#[derive(Debug)]
pub(in crate::http) struct Metadata {
    /// The identifier of the service.
    pub(super) identifier: String,
    /// The path at which they are served.
    pub(super) path: Url,
    /// The document as JSON.
    pub(super) body: Bytes,
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
    /// Writes and signs the metadata of `url`, which are served `at` this endpoint, at the time
    /// `now_ms`, in milliseconds. They name those of `endpoints` that are advertised.
    pub(in crate::http) fn new(
        url: &PublicUrl,
        at: &Endpoint,
        endpoints: impl Iterator<Item = &'static Endpoint>,
        signer: &Signer,
        now_ms: i64,
    ) -> Result<Self, SignerError> {
        let address =
            |endpoint: &Endpoint| Some((endpoint.advertised?.member, url.endpoint(endpoint.path)));
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
        let path = format!("{}{}", at.fixed_path(), url.well_known_suffix())
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
