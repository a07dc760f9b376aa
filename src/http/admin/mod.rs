//! What operators ask: whether the service lives and can decide, its metrics, and the keys of
//! issuers, fetched now.

pub(in crate::http) mod health;
pub(in crate::http) mod keys;

use crate::http::endpoint::Endpoint;

/// Operators' endpoints.
pub(in crate::http) static OPERATION: [Endpoint; 4] = [
    keys::REFRESH,
    health::HEALTHZ,
    health::READYZ,
    health::METRICS,
];
