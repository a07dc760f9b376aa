//! Bundles, which policy authors edit: schemas, relation models, policies, stored entities, tuples
//! and cases, read into one immutable [`Bundle`].
//!
//! **Problem.** Half of a checkout can be a valid bundle that lacks a forbid. A mistyped file
//! extension, annotation or key can drop a rule silently. And an author who is shown one mistake at
//! a time needs ten rounds to fix ten mistakes. **Decision.** Files are read only after nothing has
//! changed for a while. Everything in the folders `schemas` and `policies` is either understood or
//! refused. All problems come in one report, each with its line underlined and a remedy. Files
//! without problems become a [`Bundle`] that never changes; the engine runs its cases and swaps it
//! in. **Trade-off.** A stray file keeps a bundle from loading. This is intended.
//!
//! A pack consists of the same kinds of files, from the binary: its schema is merged with the
//! bundle's, and its `.fga` is a module beside the bundle's model. A definition in both is refused,
//! so that neither silently changes the other.

mod assumptions;
mod beside;
mod case_reader;
mod cases;
mod client_as_data;
mod compile;
mod declared;
mod edits;
mod error;
mod files;
mod given;
mod kept;
mod known_objects;
mod lints;
mod located;
mod manifest;
mod mapped_routes;
mod misspelt;
mod misspelt_ids;
mod pack;
mod recognise;
mod relations;
mod report;
mod save;
mod sorted;
mod tuple_files;
mod warnings;
mod yaml;

pub use assumptions::Assumptions;
pub use cases::{
    Case, CaseFailure, CaseReport, CaseResult, ExpectedAnswer, ObservedAnswer, run_cases,
};
pub use compile::{Bundle, compile};
pub use edits::{ScratchEdits, may_hold_secrets, read_as_is};
pub use error::CaseError;
pub use files::{
    AT_ONCE, BundleFiles, BundleSource, MAX_ENTRIES, MAX_FOLDERS, QUIET, read, read_over,
};
pub use given::{DEFAULT_NOW, request_of, spelled_out};
pub use kept::{BundleKeeper, KEPT_BUNDLE_FILE, KeptBundle};
pub use lints::{Lint, lint};
pub use located::{CheckStage, LocatedProblem, ProblemPosition, holds_data, located};
pub use pack::{Pack, packs};
pub use recognise::holds_bundle;
pub use report::{render, render_warnings};
pub use save::{FileEdit, SaveError, save_edits};
