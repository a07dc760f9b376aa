//! Fetches the issuers' keys at once, for an operator whose issuer has withdrawn one.

use crate::evidence::KeyRefresh;
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// What fetching keys came to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeysRefreshed {
    /// Each issuer and trust domain whose keys can change; an issuer twice where its introspection
    /// has keys of its own.
    issuers: Vec<IssuerKeys>,
}

/// The keys of one issuer, after they were fetched.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IssuerKeys {
    /// The issuer, or `spiffe://` and a trust domain.
    #[schema(example = "https://login.example")]
    issuer: String,
    /// How many keys there are now. Where there are none, nothing of the issuer verifies.
    keys: usize,
    /// Those that were not there before: their `kid`, or their thumbprint (RFC 7638) where they
    /// have none.
    added: Vec<String>,
    /// Those that are no longer there. What they signed verifies no more.
    removed: Vec<String>,
    /// Why the keys could not be fetched, and are those of before; or why not all that is published
    /// could be read, which then verifies nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<KeyRefresh> for IssuerKeys {
    fn from(refresh: KeyRefresh) -> Self {
        let KeyRefresh {
            issuer,
            keys,
            added,
            removed,
            error,
        } = refresh;
        Self {
            issuer,
            keys,
            added,
            removed,
            error,
        }
    }
}

pub(in crate::http) const REFRESH: Endpoint = Endpoint {
    path: "/admin/v1/keys/refresh",
    method: Method::Post,
    label: "keys_refresh",
    access: Access::Needs(Permission::Admin),
    advertised: None,
    description: described!(refresh),
    route: || web::to(refresh),
};

/// Fetch the issuers' keys now
///
/// Keys are fetched again by themselves, and when a token comes whose key is not known. After a
/// withdrawal this makes it count at once, and says what has changed. Needs the permission `admin`;
/// a body is not read.
#[utoipa::path(
    post,
    path = "/admin/v1/keys/refresh",
    tag = "Operation",
    operation_id = "refreshKeys",
    responses(
        (
            status = 200,
            description = "They were fetched, or could not be: each issuer says so.",
            body = KeysRefreshed,
        ),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not do this.", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn refresh(
    request: HttpRequest,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    REFRESH.check(Identity::of(&request, &shared.settings)?)?;
    let refreshed = match &shared.settings.verifier {
        Some(verifier) => verifier.refresh_keys().await,
        None => Vec::new(),
    };
    let issuers = refreshed.into_iter().map(IssuerKeys::from).collect();
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(answer.json(KeysRefreshed { issuers }))
}
