//! Source files, and places within them.

use crate::model::{Place, Problem};
use cedar_policy_core::parser::Loc;
use miette::{Diagnostic, SourceSpan};
use std::fmt;
use std::sync::Arc;

/// One text file of a bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file's path, relative to the bundle, with `/` between folders; `pack:NAME/…` for a
    /// pack's.
    pub path: String,
    /// The content.
    pub text: Arc<str>,
    /// The offsets at which lines begin: bundles of thousands of policies need the line of each.
    lines: Arc<[usize]>,
    /// For a piece of a file: the number of bytes and of lines before the piece.
    before: (usize, usize),
}

/// Omits the text: messages about a refused bundle name files, and do not repeat their content.
impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile")
            .field("path", &self.path)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl SourceFile {
    /// Creates a source file.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            path: path.into(),
            text,
            lines,
            before: (0, 0),
        }
    }

    /// Cuts the file into pieces at `ends`. Each piece has at most `bytes` bytes, except a single
    /// stretch that is longer, and what follows the last end. Offsets within a piece give places
    /// and lines of the file.
    pub(in crate::policy) fn pieces(
        &self,
        ends: impl IntoIterator<Item = usize>,
        bytes: usize,
    ) -> Vec<Self> {
        let mut cuts = vec![0];
        let mut last = 0;
        for end in ends {
            if cuts
                .last()
                .is_some_and(|cut| end - cut > bytes && last > *cut)
            {
                cuts.push(last);
            }
            last = end;
        }
        cuts.push(self.text.len());
        let pairs = cuts.iter().zip(cuts.iter().skip(1));
        let pieces = pairs.filter_map(|(from, to)| Some((*from, self.text.get(*from..*to)?)));
        pieces
            .map(|(from, text)| Self {
                before: (from, self.line(from) - 1),
                ..Self::new(&*self.path, text)
            })
            .collect()
    }

    /// Returns the place of a stretch of the file.
    #[must_use]
    pub fn place(&self, offset: usize, len: usize) -> Place {
        Place {
            file: self.path.clone(),
            offset: self.before.0 + offset,
            len,
        }
    }

    /// Returns the line, counted from 1, of a byte.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.before.1 + self.lines.partition_point(|start| *start <= offset)
    }
}

/// Returns the place that Cedar reports; `None` if it reports none, or one in a text that is not
/// among these files.
pub(in crate::policy) fn place_of(loc: Option<&Loc>, files: &[SourceFile]) -> Option<Place> {
    let file = files
        .iter()
        .find(|file| loc.is_some_and(|loc| *file.text == *loc.src))?;
    place_in(loc, file)
}

/// Returns the place that Cedar reports, if the file is known.
pub(in crate::policy) fn place_in(loc: Option<&Loc>, file: &SourceFile) -> Option<Place> {
    loc.map(|loc| file.place(loc.start(), loc.end().saturating_sub(loc.start())))
}

/// Converts a report of Cedar to a problem, with its text, its help, and its labels as places.
/// `fallback` is the file at fault if the report names none.
pub(in crate::policy) fn problem_of(
    report: &dyn Diagnostic,
    files: &[SourceFile],
    fallback: Option<&SourceFile>,
) -> Problem {
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
    let file = files
        .iter()
        .find(|file| is_source(report, file))
        .or(fallback);
    if let Some(file) = file {
        let mut labels = report.labels().into_iter().flatten();
        let mut next = || {
            let label = labels.next()?;
            Some(file.place(label.offset(), label.len()))
        };
        problem = match (next(), next()) {
            // Cedar names the first declaration first; the second is the one too many.
            (Some(first), Some(second)) if problem.message.ends_with("is declared twice") => {
                problem
                    .at(second)
                    .and_at(first)
                    .help("keep one of the two declarations, or make them one")
            }
            (Some(place), _) => problem.at(place),
            (None, _) => problem.at(Place::whole(&file.path)),
        };
    }
    problem
}

/// Corrects a problem of a file of policies. If a policy has no `;`, the parser stops at the
/// beginning of the next one; the problem is moved to where the `;` is missing.
pub(in crate::policy) fn unended(problem: Problem, file: &SourceFile) -> Problem {
    // What else Cedar reports of a policy's beginning, such as an annotation that stands twice, is
    // no such mistake.
    if !problem.message.contains("unexpected token") {
        return problem;
    }
    let place = problem.place.as_ref();
    let split = place.and_then(|place| {
        file.text
            .split_at_checked(place.offset.checked_sub(file.before.0)?)
    });
    let Some((before, rest)) = split else {
        return problem;
    };
    if !["@", "permit", "forbid"]
        .iter()
        .any(|word| rest.starts_with(word))
    {
        return problem;
    }
    match end_of_code(before).filter(|end| {
        before
            .get(..*end)
            .is_some_and(|code| code.ends_with(['}', ')']))
    }) {
        Some(end) => {
            let problem =
                Problem::new("the policy that ends here has no `;`").help("end it with `;`");
            problem.at(file.place(end.saturating_sub(1), 1))
        }
        None => problem,
    }
}

/// Returns where the last line with code ends, without its comment.
fn end_of_code(text: &str) -> Option<usize> {
    let mut start = text.len();
    for line in text.split_inclusive('\n').rev() {
        start -= line.len();
        let code = line
            .split_once("//")
            .map_or(line, |(code, _)| code)
            .trim_end();
        if !code.is_empty() {
            return Some(start + code.len());
        }
    }
    None
}

fn is_source(report: &dyn Diagnostic, file: &SourceFile) -> bool {
    let whole = SourceSpan::new(0.into(), file.text.len());
    report
        .source_code()
        .and_then(|source| source.read_span(&whole, 0, 0).ok())
        .is_some_and(|contents| contents.data() == file.text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_file_with_its_places_and_lines() {
        let file = SourceFile::new("p.cedar", "one;\ntwo;\n\nthree;four; // five\n");
        let ends: Vec<usize> = file.text.match_indices(';').map(|(at, _)| at + 1).collect();
        for bytes in 0..40 {
            let pieces = file.pieces(ends.iter().copied(), bytes);
            assert_eq!(
                pieces.iter().map(|piece| &*piece.text).collect::<String>(),
                *file.text
            );
            for piece in pieces {
                let ended = piece.text.rfind(';').map_or(0, |at| at + 1);
                assert!(
                    ended <= bytes || piece.text.matches(';').count() == 1,
                    "{piece:?} of {bytes}"
                );
                for at in 0..piece.text.len() {
                    let place = piece.place(at, 1);
                    assert_eq!(file.text[place.offset..][..1], piece.text[at..][..1]);
                    assert_eq!(piece.line(at), file.line(place.offset), "{at} of {piece:?}");
                }
            }
        }
    }
}
