//! behest: may this agent, acting at this user's behest, do this action to this resource, now?
//!
//! A request crosses these folders, in this order:
//!
//! ```text
//! http/authzen/evaluation -> wire -> engine/decide (pins one version)
//!     -> cache -> policy/evaluate (asks relations) -> record
//! ```
//!
//! | Folder | Owns |
//! |---|---|
//! | [`model`] | chains, questions, decisions, reasons: the vocabulary, without IO, JSON or Cedar |
//! | [`json`] | the one reader of JSON that others send |
//! | [`policy`] | Cedar: schemas, policies, the evaluation of one leg, its explanation |
//! | [`relations`] | relationship tuples: the model language, conditions, the engine over both |
//! | [`mapping`] | what the requests that a gateway asks about mean, as questions |
//! | [`bundle`] | the files that a policy author edits: read, merged and checked, with cases |
//! | [`storage`] | durable tuples: one log over ordered rows, on a backend of its table |
//! | [`stores`] | named stores of relations, writes to them, the versions that readers pin |
//! | [`process`] | the pages of the process's memory |
//! | [`evidence`] | the key that signs the metadata; the credentials behind a request |
//! | [`cache`] | cached outcomes of legs, which stay exact whatever is written meanwhile |
//! | [`record`] | the decision record |
//! | [`engine`] | the one sequence that decides |
//! | [`http`] | AuthZEN over HTTP, and OpenFGA's API for relations |
//! | [`lsp`] | the language server for editors |
//! | [`cli`] | the command line, and the only place where the parts are put together |
//!
//! The table in `tests/architecture` says which folder may use which.

pub mod bundle;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod evidence;
pub mod http;
pub mod json;
pub mod lsp;
pub mod mapping;
pub mod model;
pub mod policy;
pub mod process;
pub mod record;
pub mod regular_file;
pub mod relations;
pub mod storage;
pub mod stores;
pub mod telemetry;
