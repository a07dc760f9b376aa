//! What a policy author edits.

use crate::model::{Decision, Digest, Problems, Request, Timestamp};
use std::path::PathBuf;

/// Where a bundle is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The default bundle, in the binary.
    Embedded,
    /// A directory with `schemas/` and `policies/`; may be a symbolic link, resolved once per load.
    Dir(PathBuf),
}

/// One immutable snapshot of policies and model.
#[derive(Debug)]
pub struct Bundle {
    digest: Digest,
}

impl Bundle {
    /// Names its content.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The merged Cedar schema with the engine's facts, in Cedar's own syntax: for editors and the Cedar CLI.
    #[must_use]
    pub fn schema_text(&self) -> String {
        String::new()
    }

    /// Counts, for one line of a log: policies, entities, actions, cases.
    #[must_use]
    pub fn summary(&self) -> String {
        String::new()
    }
}

/// What was read, before it was judged: kept so that problems can be shown with the lines that they are about.
#[derive(Clone, Debug, Default)]
pub struct Files;

/// Reads a source whole. `Err` where it cannot be read at all (not found, too large, still changing).
pub fn read(_source: &Source) -> Result<Files, Problems> {
    Ok(Files)
}

/// Merges, checks and compiles. Every problem in one report; cases are not run here.
pub fn compile(_files: &Files) -> Result<Bundle, Problems> {
    Err(Problems::default())
}

/// Problems as a person reads them: file, line, underlined excerpt, remedy.
#[must_use]
pub fn render(_problems: &Problems, _files: &Files, _colour: bool) -> String {
    String::new()
}

/// The cases' results.
#[derive(Debug, Default)]
pub struct CaseReport {
    /// How many were run.
    pub ran: usize,
    /// Those that failed.
    pub failures: Vec<CaseFailure>,
    /// Policies that decided no case, by id.
    pub undecided: Vec<String>,
}

/// One failed case.
#[derive(Debug)]
pub struct CaseFailure {
    /// The file and the name: `policies/platform/cases.yaml: within the cap`.
    pub name: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub found: String,
    /// The explanation, as text.
    pub explanation: String,
}

/// A pack in the binary.
#[derive(Debug)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// The first sentence of its README.
    pub summary: String,
    /// Its files: path and text.
    pub files: Vec<(String, String)>,
}

/// Every pack in the binary, by name.
#[must_use]
pub fn packs() -> Vec<Pack> {
    Vec::new()
}

/// Only for the stub's sake.
pub type Unused = (Decision, Request, Timestamp);
