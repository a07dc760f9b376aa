//! Where the calls of the OpenFGA API are mounted and found.

use crate::http::Error;
use crate::http::endpoint::{Endpoint, resources};
use crate::http::openfga::CALLS;
use crate::http::openfga::error::ApiError;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Scope};

/// The path below which the API stands.
const STORES: &str = "/stores";

/// Mounts the calls.
pub(in crate::http) fn mount(app: &mut ServiceConfig) {
    let calls = web::scope(STORES).default_service(web::to(|| async {
        Err::<HttpResponse, _>(ApiError::from(Error::NotFound))
    }));
    app.service(resources::<ApiError>(&CALLS, STORES).fold(calls, Scope::service));
}

/// Finds a call that a path belongs to: one of the same word behind the store's id, whatever
/// follows that.
pub(in crate::http) fn call_at(path: &str) -> Option<&'static Endpoint> {
    let wanted = word(path)?;
    CALLS.iter().find(|call| word(call.path) == Some(wanted))
}

/// Returns the word behind the store's id, or `/`, which is no word, where the path ends before it.
/// `None` where it is not of this API.
fn word(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(STORES)?;
    if rest.is_empty() || rest.starts_with('/') {
        Some(rest.split('/').nth(2).unwrap_or("/"))
    } else {
        None
    }
}
