//! Serves operators: health and readiness, metrics, and an immediate refresh of the issuers' keys.

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
