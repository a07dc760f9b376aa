//! Problems as a person reads them.

use super::files::Files;
use crate::model::{Place, Problem, Problems};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode};
use std::fmt;

/// Columns that a report is wrapped at.
const WIDTH: usize = 110;

/// Problems with file, line, underlined excerpt and remedy, one after the other.
#[must_use]
pub fn render(problems: &Problems, files: &Files, colour: bool) -> String {
    render_all(&problems.0, files, colour, Severity::Error)
}

/// The same for what does not keep a bundle from loading.
#[must_use]
pub fn render_warnings(warnings: &[Problem], files: &Files, colour: bool) -> String {
    render_all(warnings, files, colour, Severity::Warning)
}

fn render_all(problems: &[Problem], files: &Files, colour: bool, severity: Severity) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
    let mut text = String::new();
    for problem in problems {
        let shown = Shown::new(problem, problem.place.as_ref(), files, severity);
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&problem.to_string());
        }
        text.push('\n');
    }
    text
}

/// A problem as miette wants it.
#[derive(Debug)]
struct Shown {
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
    also: Vec<Shown>,
    severity: Severity,
}

impl Shown {
    fn new(problem: &Problem, place: Option<&Place>, files: &Files, severity: Severity) -> Self {
        let mut shown = Self {
            message: problem.message.clone(),
            help: problem.help.clone(),
            source: None,
            label: None,
            also: Vec::new(),
            severity,
        };
        shown.show(place, "here", files);
        if let Some(also) = &problem.also {
            let mut other = Self {
                message: "the other one".to_owned(),
                help: None,
                source: None,
                label: None,
                also: Vec::new(),
                severity: Severity::Advice,
            };
            other.show(Some(also), "and here", files);
            shown.also.push(other);
        }
        shown
    }

    fn show(&mut self, place: Option<&Place>, label: &str, files: &Files) {
        let Some(place) = place else { return };
        match files.file(&place.file) {
            Some(file) if place.len > 0 && place.offset + place.len <= file.text.len() => {
                self.source = Some(NamedSource::new(&file.path, file.text.to_string()));
                // Only the first line is underlined: a policy's whole text would bury its excerpt.
                let text = file.text.get(place.offset..place.offset + place.len).unwrap_or_default();
                let len = text.lines().next().map_or(place.len, str::len).max(1);
                self.label = Some(LabeledSpan::new(Some(label.to_owned()), place.offset, len));
            }
            _ if self.message.contains(&place.file) => {}
            _ => self.message = format!("{}: {}", place.file, self.message),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label.clone().map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        (!self.also.is_empty()).then(|| {
            Box::new(self.also.iter().map(|other| other as &dyn Diagnostic))
                as Box<dyn Iterator<Item = &dyn Diagnostic>>
        })
    }
}
