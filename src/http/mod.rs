//! AuthZEN over HTTP.
//!
//! **Problem.** The wire is where a request is forged, doubled, cut short or sent by somebody else,
//! and where callers compare answers byte for byte.
//! **Decision.** A request is authenticated before its body is read; the body is read once, whole,
//! under named limits, straight into [`crate::model::Value`] (`authzen/wire/`); what is not
//! well-formed is a 400 that names the member, and everything that goes wrong becomes a status and
//! a body in one file (`error`). What an endpoint is stands
//! in one value beside its handler (`endpoint`), from which all that must know it follows; all of
//! them are in `routes`. A
//! decision runs inline on the worker: a thread hop costs more than the decision. One that turns
//! out to take long is begun anew on a thread of its own (`load::apart`).
//! **Trade-off.** No JSON extractors of the framework: their limits, statuses and messages are not
//! AuthZEN's, and they read the body before the caller is known.
//!
//! INVARIANT: an error never carries a decision, and every response that a handler can reach
//! carries the request's `X-Request-ID` (AuthZEN 1.0 section 10.1.3). A request that the HTTP
//! parser itself refuses (its head is not HTTP, is too large or does not arrive) has no request id
//! that could be returned.

mod admin;
pub mod authzen;
mod body;
mod caller;
mod connection;
mod console;
mod docs;
mod endpoint;
mod envelope;
mod error;
mod gateway;
mod load;
pub mod openfga;
mod routes;
mod server;
mod settings;
mod shared;
mod tls;

pub use authzen::public_url::{PublicUrl, PublicUrlError};
pub use authzen::wire::{
    ExplanationJson, ReasonJson, write_answer, write_condition, write_page, write_record,
    write_text, write_tuple, write_value,
};
pub use caller::rate::Rate;
pub use caller::{
    Caller, CallerCredential, CallerKey, CertificateName, KeyHash, KeyHashError, MAX_KEYS,
    Permission, PermissionError, Permissions,
};
pub use console::read_tuple;
pub use docs::openapi::openapi;
pub use endpoint::{Access, Advertised, Endpoint, Method};
pub use error::{Error, Shortage};
pub use gateway::{GatewayKind, GatewayKindError};
pub use routes::endpoints;
pub use server::{GatewayListener, Listener, Server};
pub use settings::{HttpLimits, Page, PageReaders, PageReadersError, Settings, SettingsReport};
pub use tls::{Tls, TlsError, TlsFiles};
