//! Source files, and places in them.

use crate::model::{Place, Problem};
use cedar_policy_core::parser::Loc;
use miette::{Diagnostic, SourceSpan};
use std::sync::Arc;

/// One text file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, relative to the bundle, with `/` between folders; `pack:NAME/…` for a pack's.
    pub path: String,
    /// What it holds.
    pub text: Arc<str>,
    /// Where its lines begin: bundles of thousands of policies ask for the line of each.
    lines: Arc<[usize]>,
}

impl SourceFile {
    /// Takes a file.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { path: path.into(), text, lines }
    }

    /// A stretch of it.
    #[must_use]
    pub fn place(&self, offset: usize, len: usize) -> Place {
        Place { file: self.path.clone(), offset, len }
    }

    /// The line, from 1, that a byte stands on.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }
}

/// Where Cedar says that something stands; `None` where it does not say, or speaks of a text of its own.
pub(super) fn place_of(loc: Option<&Loc>, files: &[SourceFile]) -> Option<Place> {
    let file = files.iter().find(|file| loc.is_some_and(|loc| *file.text == *loc.src))?;
    place_in(loc, file)
}

/// The same, where the file is known.
pub(super) fn place_in(loc: Option<&Loc>, file: &SourceFile) -> Option<Place> {
    loc.map(|loc| file.place(loc.start(), loc.end().saturating_sub(loc.start())))
}

/// Takes over what Cedar reports: its words, its help, and its labels as places. `fallback` is the file at fault where
/// the report does not name one.
pub(super) fn problem_of(report: &dyn Diagnostic, files: &[SourceFile], fallback: Option<&SourceFile>) -> Problem {
    let mut message = report.to_string();
    let mut cause = report.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    let mut problem = Problem::new(message);
    if let Some(help) = report.help() {
        problem = problem.help(help.to_string());
    }
    let file = files.iter().find(|file| is_source(report, file)).or(fallback);
    if let Some(file) = file {
        let mut labels = report.labels().into_iter().flatten();
        problem = match labels.next() {
            Some(label) => problem.at(file.place(label.offset(), label.len())),
            None => problem.at(Place::whole(&file.path)),
        };
    }
    problem
}

fn is_source(report: &dyn Diagnostic, file: &SourceFile) -> bool {
    let whole = SourceSpan::new(0.into(), file.text.len());
    report
        .source_code()
        .and_then(|source| source.read_span(&whole, 0, 0).ok())
        .is_some_and(|contents| contents.data() == file.text.as_bytes())
}
