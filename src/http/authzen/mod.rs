//! Serves the AuthZEN Authorization API 1.0: evaluation, batches, searches, and the metadata of the
//! service.
//!
//! Each endpoint has a file of its own. [`wire`] reads and writes what goes over the wire;
//! [`schema`] and [`examples`] show it to readers of the API description.

pub(in crate::http) mod cached_answers;
pub(in crate::http) mod evaluation;
pub(in crate::http) mod evaluations;
pub mod examples;
pub(in crate::http) mod metadata;
pub(in crate::http) mod public_url;
pub mod schema;
pub(in crate::http) mod search;
pub(in crate::http) mod wire;

use crate::http::endpoint::Endpoint;

/// For servers that enforce, what is asked most first.
pub(in crate::http) static DECISIONS: [Endpoint; 5] = [
    evaluation::ENDPOINT,
    evaluations::ENDPOINT,
    search::SUBJECT,
    search::RESOURCE,
    search::ACTION,
];

/// For everybody who wants to know what the service can do.
pub(in crate::http) static DISCOVERY: [Endpoint; 2] = [metadata::JWKS, metadata::METADATA];
