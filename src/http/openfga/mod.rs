//! Serves the OpenFGA HTTP API, so that OpenFGA's own SDKs and command line can manage relations.
//!
//! **Problem.** People have clients, pipelines and habits for relationship tuples. An API that is
//! nearly OpenFGA's breaks them in details that nobody checks: a status, a code, a page that ends
//! early.
//! **Decision.** The calls, codes, statuses and pages are those of OpenFGA's server, under the same
//! paths; each call has a file of its own. Permissions are this service's: `relations.read` and
//! `relations.write`, which anonymous callers never have. What OpenFGA's users have long asked for
//! is added in ways that do not disturb its clients: in headers and trailers (`Behest-Truncated` on
//! a list that was cut), in members that its protocol has and does not fill (`resolution`, for
//! `trace`; the answer to a write), and in two more paths (`…/delete-tuples`, `…/export-tuples`).
//! **Trade-off.** Bodies are read as strictly as in the rest of this service. A member that occurs
//! twice is refused, where OpenFGA takes the last one; and a member that would be ignored is
//! refused if it may have been meant for something (`members`).
//!
//! INVARIANT: every call names the permission that it needs, and it is checked before the body is
//! read.

mod answer;
mod assertions;
mod batch_check;
mod changes;
mod check;
mod clear;
mod continuation_token;
mod error;
pub mod examples;
mod expand;
mod export;
mod fields;
mod list_objects;
mod list_users;
mod members;
mod models;
mod read;
mod request;
mod routes;
mod schema;
mod stores;
mod stream;
mod time;
mod tuple;
mod write;

pub(super) use error::ApiError;
pub(super) use export::{EXPORTS_OF_CALLER, MAX_EXPORTS};
pub(super) use routes::{call_at, mount};
pub(super) use stream::{MAX_STREAMS, STREAMS_OF_CALLER};

use crate::http::endpoint::Endpoint;

/// The calls, what is asked most first.
pub(super) static CALLS: [Endpoint; 20] = [
    // For servers that enforce.
    check::ENDPOINT,
    batch_check::ENDPOINT,
    list_objects::ENDPOINT,
    stream::ENDPOINT,
    list_users::ENDPOINT,
    expand::ENDPOINT,
    // For whoever keeps the tuples.
    write::ENDPOINT,
    read::ENDPOINT,
    changes::ENDPOINT,
    clear::ENDPOINT,
    export::ENDPOINT,
    // For whoever keeps the stores and their models.
    models::LIST,
    models::WRITE,
    models::GET,
    assertions::READ,
    assertions::WRITE,
    stores::GET,
    stores::DELETE,
    stores::LIST,
    stores::CREATE,
];
