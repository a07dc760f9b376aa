//! Serves the console, a page in which people ask why, and what it asks beside AuthZEN's API.
//!
//! **Problem.** An explanation as JSON is read by programs. A person wants to see the legs of a
//! chain side by side, where a permit was stopped, and what would change it.
//! **Decision.** The page is built from `console/` by a bundler, and its files are in the binary,
//! so that it works without any other host. It has no rights of its own: it sends what any caller
//! may send, with the key that a person gives it. What it needs beside decisions, to list cases
//! and policies and to assume something, is an API like the rest, below `/explain/v1`, under the
//! permission `explain`; to watch the decisions of all callers has a permission of its own.
//! **Trade-off.** Whoever changes the page needs Node; nobody else does.
//!
//! INVARIANT: the page runs no script and loads no style but its own files, sends nothing to
//! another host, and cannot be framed.

mod assumed;
mod assumption;
mod bundle_files;
mod bundle_state;
mod cases;
mod console_files;
mod decision_events;
mod decisions;
mod errors;
mod fitting;
mod known;
mod matrix;
mod parameters;
mod policies;
mod saved;
mod scratch;
mod vocabulary;

pub use assumed::read_tuple;
pub(in crate::http) use console_files::PAGE;
pub(in crate::http) use decisions::{MAX_WATCHES, WATCHES_OF_CALLER};

use crate::http::endpoint::Endpoint;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use serde::Serialize;

/// What the console asks.
pub(in crate::http) static EXPLANATIONS: [Endpoint; 11] = [
    assumption::ENDPOINT,
    matrix::ENDPOINT,
    bundle_state::ENDPOINT,
    bundle_files::ENDPOINT,
    scratch::ENDPOINT,
    saved::ENDPOINT,
    cases::ENDPOINT,
    policies::ENDPOINT,
    known::ENDPOINT,
    vocabulary::ENDPOINT,
    decisions::ENDPOINT,
];

/// The console itself.
pub(in crate::http) static CONSOLE: [Endpoint; 2] = [console_files::FOLDER, console_files::PAGE];

/// Answers with a body that changes with the bundle and the relations, and is not to be stored.
fn answered(body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .json(body)
}
