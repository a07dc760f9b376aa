//! Serves operators: health and readiness, metrics, an immediate refresh of the issuers' keys, and
//! what the last reading of the settings has changed.

pub(in crate::http) mod health;
pub(in crate::http) mod keys;
pub(in crate::http) mod reread;

use crate::http::endpoint::Endpoint;

/// Operators' endpoints.
pub(in crate::http) static OPERATION: [Endpoint; 5] = [
    keys::REFRESH,
    reread::STATUS,
    health::HEALTHZ,
    health::READYZ,
    health::METRICS,
];
