//! Renders problems for people.

use super::files::BundleFiles;
use crate::model::{Place, Problem, Problems};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity,
    SourceCode,
};
use std::fmt;

/// Maximum width of a report in columns.
const WIDTH: usize = 110;

/// How many bytes of a line are shown.
const MAX_LINE: usize = 240;

/// Renders problems one after the other, each with file, line, underlined excerpt and remedy.
#[must_use]
pub fn render(problems: &Problems, files: &BundleFiles, colour: bool) -> String {
    render_all(&problems.0, files, colour, Severity::Error)
}

/// Renders warnings in the same way.
#[must_use]
pub fn render_warnings(warnings: &[Problem], files: &BundleFiles, colour: bool) -> String {
    render_all(warnings, files, colour, Severity::Warning)
}

fn render_all(
    problems: &[Problem],
    files: &BundleFiles,
    colour: bool,
    severity: Severity,
) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_links(false);
    let mut text = String::new();
    for problem in problems {
        let shown = ProblemDiagnostic::new(problem, problem.place.as_ref(), files, severity);
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&problem.to_string());
        }
        text.push('\n');
    }
    text
}

/// A problem in the form that miette expects.
#[derive(Debug)]
struct ProblemDiagnostic {
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
    also: Vec<ProblemDiagnostic>,
    severity: Severity,
}

impl ProblemDiagnostic {
    fn new(
        problem: &Problem,
        place: Option<&Place>,
        files: &BundleFiles,
        severity: Severity,
    ) -> Self {
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

    fn show(&mut self, place: Option<&Place>, label: &str, files: &BundleFiles) {
        let Some(place) = place else { return };
        match files.file(&place.file) {
            Some(file) if place.len > 0 && place.offset + place.len <= file.text.len() => {
                // Only the first line is underlined: underlining the whole text of a policy would
                // hide the excerpt.
                let text = file
                    .text
                    .get(place.offset..place.offset + place.len)
                    .unwrap_or_default();
                let len = text.lines().next().map_or(place.len, str::len).max(1);
                let (text, offset, len) = cut(&file.text, place.offset, len);
                self.source = Some(NamedSource::new(&file.path, text));
                self.label = Some(LabeledSpan::new(Some(label.to_owned()), offset, len));
            }
            _ if self.message.contains(&place.file) => {}
            _ => self.message = format!("{}: {}", place.file, self.message),
        }
    }
}

/// Shortens the long lines of a text. Returns it with the new offset and length of a span within
/// one line. In the line of the span, the part around it is kept; in other lines, the beginning.
fn cut(text: &str, offset: usize, len: usize) -> (String, usize, usize) {
    let mut shown = String::new();
    let mut at = 0;
    let mut offset_shown = offset;
    let mut len_shown = len;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\r', '\n']);
        let has_it = (at..at + line.len()).contains(&offset);
        let column = if has_it { offset - at } else { 0 };
        let from = if body.len() > MAX_LINE {
            body.floor_char_boundary(column.saturating_sub(MAX_LINE / 2))
        } else {
            0
        };
        let to = if body.len() > MAX_LINE {
            body.floor_char_boundary(from + MAX_LINE)
        } else {
            body.len()
        };
        let before = if from > 0 { "…" } else { "" };
        if has_it {
            offset_shown = shown.len() + before.len() + (column - from);
            len_shown = len.min(to.saturating_sub(column)).max(1);
        }
        let after = if to < body.len() { "…" } else { "" };
        let end = line.get(body.len()..).unwrap_or_default();
        shown.extend([before, body.get(from..to).unwrap_or_default(), after, end]);
        at += line.len();
    }
    (shown, offset_shown, len_shown)
}

impl fmt::Display for ProblemDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProblemDiagnostic {}

impl Diagnostic for ProblemDiagnostic {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label
            .clone()
            .map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        (!self.also.is_empty()).then(|| {
            Box::new(self.also.iter().map(|other| other as &dyn Diagnostic))
                as Box<dyn Iterator<Item = &dyn Diagnostic>>
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SourceFile;

    #[test]
    fn of_a_long_line_the_surroundings_are_shown() {
        for (before, after) in [
            (0, 200_000),
            (100_000, 100_000),
            (200_000, 0),
            (200_000, 2),
            (10, 10),
        ] {
            let text = format!(
                "first\n{}wrong{}\r\n{}\n",
                "ä".repeat(before),
                "ö".repeat(after),
                "z".repeat(9_000)
            );
            let offset = text.find("wrong").unwrap();
            let (shown, at, len) = cut(&text, offset, 5);
            assert_eq!(&shown[at..at + len], "wrong", "{before} {after}");
            assert!(
                shown.lines().all(|line| line.len() <= MAX_LINE + 6),
                "{before} {after}"
            );
            assert_eq!(shown.lines().count(), 3);
            let (shown, at, len) = cut(&text, offset, 5 + 2 * after);
            assert!(shown[at..at + len].starts_with("wrong") && len <= MAX_LINE);
        }
        assert_eq!(
            cut("short\nlines\n", 6, 5),
            ("short\nlines\n".to_owned(), 6, 5)
        );
        let files = BundleFiles {
            own: vec![SourceFile::new("p.cedar", "x".repeat(200_000))],
            ..BundleFiles::default()
        };
        let problem = Problem::new("it is long").at(Place {
            file: "p.cedar".to_owned(),
            offset: 100_000,
            len: 1,
        });
        assert!(render(&Problems(vec![problem]), &files, false).len() < 4_000);
    }
}
