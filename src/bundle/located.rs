//! Problems of a bundle with their positions, for a page that shows them.
//!
//! INVARIANT: nothing here quotes a value that may be marked `@secret`. A line is quoted only from
//! files that hold no data. While a bundle does not compile, nobody knows which of its values are
//! secret: if its schemas speak of secrets at all, what is wrong with its data is not quoted.

use super::files::BundleFiles;
use crate::model::Problem;

/// LIMIT: problems that are shown. Who has more mends the first ones first.
const MAX_SHOWN: usize = 100;

/// LIMIT: characters of a line that is quoted.
const MAX_LINE: usize = 400;

/// Endings of the files that hold no data of entities, tuples or requests.
const WITHOUT_DATA: [&str; 4] = [".cedar", ".cedarschema", ".fga", ".toml"];

/// What stands in place of a message that may quote a secret.
const HIDDEN: &str = "it has a problem that may quote values marked `@secret`";

/// A problem with the place at which a person looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedProblem {
    /// The file, relative to the bundle; `None` if it is about none.
    pub file: Option<String>,
    /// The position in the file; `None` if it is about the whole file.
    pub at: Option<ProblemPosition>,
    /// What is wrong.
    pub message: String,
    /// How to solve it.
    pub help: Option<String>,
}

/// Where in a file a problem stands. Of several lines, the first is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemPosition {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The length in characters, at least 1.
    pub length: usize,
    /// The text of the line; `None` if it may hold data.
    pub text: Option<String>,
}

/// How far the checks came that found a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStage {
    /// The files do not compile.
    Compiling,
    /// They do not compile, and the bundle that decides marks values as secret, whatever is left of
    /// the schema that did so.
    CompilingBesideSecrets,
    /// They compile, so that it is known which values are secret.
    Compiled,
}

/// Returns the first problems with their positions in these files.
#[must_use]
pub fn located(
    problems: &[Problem],
    files: &BundleFiles,
    stage: CheckStage,
) -> Vec<LocatedProblem> {
    let may_quote = match stage {
        CheckStage::Compiled => true,
        CheckStage::CompilingBesideSecrets => false,
        CheckStage::Compiling => !speak_of_secrets(files),
    };
    let shown = problems.iter().take(MAX_SHOWN);
    shown
        .map(|problem| locate(problem, files, may_quote))
        .collect()
}

/// Returns `true` if a file of this name holds data: entities, tuples or requests.
#[must_use]
pub fn holds_data(path: &str) -> bool {
    !WITHOUT_DATA.iter().any(|ending| path.ends_with(ending))
}

fn speak_of_secrets(files: &BundleFiles) -> bool {
    files
        .all()
        .any(|file| file.path.ends_with(".cedarschema") && file.text.contains("secret"))
}

fn locate(problem: &Problem, files: &BundleFiles, may_quote: bool) -> LocatedProblem {
    let file = problem.place.as_ref().map(|place| place.file.clone());
    let at = position(problem, files);
    if !may_quote && file.as_deref().is_none_or(holds_data) {
        return LocatedProblem {
            file,
            at,
            message: HIDDEN.to_owned(),
            help: Some("`behest validate` shows it".to_owned()),
        };
    }
    LocatedProblem {
        file,
        at,
        message: problem.message.clone(),
        help: problem.help.clone(),
    }
}

fn position(problem: &Problem, files: &BundleFiles) -> Option<ProblemPosition> {
    let place = problem.place.as_ref()?;
    let (line, column) = files.position(place)?;
    let file = files.file(&place.file)?;
    let marked = file.text.get(place.offset..place.offset + place.len)?;
    let first = marked.lines().next().unwrap_or_default();
    let text = file.text.lines().nth(line.checked_sub(1)?);
    let text = text.filter(|_| !holds_data(&place.file));
    Some(ProblemPosition {
        line,
        column,
        length: first.chars().count().max(1),
        text: text.map(|text| text.chars().take(MAX_LINE).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    fn files(schema: &str) -> BundleFiles {
        BundleFiles::from_texts([
            ("schemas/s.cedarschema".to_owned(), schema.to_owned()),
            (
                "policies/p.cedar".to_owned(),
                "one\ntwö wrong\nthree".to_owned(),
            ),
            ("policies/cases.yaml".to_owned(), "card: 4711\n".to_owned()),
        ])
    }

    fn problem(file: &str, offset: usize, len: usize) -> Problem {
        let file = file.to_owned();
        Problem::new("`4711` is wrong").at(Place { file, offset, len })
    }

    #[test]
    fn a_problem_is_found_at_its_line_and_column() {
        let problems = [problem("policies/p.cedar", 9, 11)];
        let found = located(&problems, &files(""), CheckStage::Compiling);
        let expected = ProblemPosition {
            line: 2,
            column: 5,
            length: 5,
            text: Some("twö wrong".to_owned()),
        };
        assert_eq!(found[0].at, Some(expected));
        let many = vec![problem("policies/p.cedar", 9, 5); 200];
        let found = located(&many, &files(""), CheckStage::Compiling);
        assert_eq!(found.len(), MAX_SHOWN);
    }

    #[test]
    fn data_is_not_quoted_while_nobody_knows_what_is_secret() {
        let problems = [problem("policies/cases.yaml", 6, 4), Problem::new("`4711`")];
        for (schema, stage, is_quoted) in [
            ("@secret", CheckStage::Compiling, false),
            ("@secret", CheckStage::Compiled, true),
            ("", CheckStage::Compiling, true),
            ("", CheckStage::CompilingBesideSecrets, false),
        ] {
            for found in located(&problems, &files(schema), stage) {
                assert_eq!(
                    found.message.contains("4711"),
                    is_quoted,
                    "{schema} {found:?}"
                );
                let text = found.at.and_then(|at| at.text);
                assert_eq!(text, None, "a line of data is never quoted");
            }
        }
        let of_policy = [problem("policies/p.cedar", 9, 5)];
        let found = located(&of_policy, &files("@secret"), CheckStage::Compiling);
        assert!(found[0].message.contains("4711"));
    }
}
