//! The AuthZEN Authorization API 1.0: evaluation, batches, searches, and what the service says
//! about itself.
//!
//! Each endpoint has a file; what goes over the wire is read and written in [`wire`], and shown to
//! readers of the description in [`schema`] and [`examples`].

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
