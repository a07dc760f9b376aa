//! What a policy author edits: schemas, relation models, policies, stored entities, tuples and
//! cases, read into one immutable snapshot.
//!
//! **Problem.** Half a checkout can be a valid bundle with a forbid missing. A mistyped file
//! ending, annotation or key can drop a rule without a word. And an author who is shown one mistake
//! at a time fixes ten of them in ten rounds.
//! **Decision.** Files are read only when nothing has changed for a while; everything in the two
//! folders is either understood or refused; and every problem comes in one report, with its line
//! underlined and what to do about it. What passes becomes a [`Bundle`] that never changes. The
//! engine runs its cases and swaps it in.
//! **Trade-off.** A stray file keeps a bundle from loading. That is meant.
//!
//! A pack is more of the same files, from the binary: its schema is merged with the bundle's, and
//! its `.fga` is a module beside the bundle's model. What both define is refused, so that neither
//! silently changes the other.

mod cases;
mod client_as_data;
mod compile;
mod files;
mod given;
mod manifest;
mod pack;
mod relations;
mod report;
mod sorted;
mod yaml;

pub use cases::{Case, CaseFailure, CaseReport, Expected, Observed, run_cases};
pub use compile::{Bundle, compile};
pub use files::{Files, MAX_ENTRIES, MAX_FOLDERS, QUIET, Source, read};
pub use given::spelled_out;
pub use pack::{Pack, packs};
pub use report::{render, render_warnings};
