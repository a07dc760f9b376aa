//! Serves operators: health and readiness, metrics, an immediate refresh of the issuers' keys, and
//! what the last reading of the settings has changed, and a backup of everything.

pub(in crate::http) mod backup;
pub(in crate::http) mod health;
pub(in crate::http) mod keys;
pub(in crate::http) mod reread;

use crate::http::endpoint::Endpoint;

/// Operators' endpoints.
pub(in crate::http) static OPERATION: [Endpoint; 6] = [
    keys::REFRESH,
    reread::STATUS,
    backup::BACKUP,
    health::HEALTHZ,
    health::READYZ,
    health::METRICS,
];
