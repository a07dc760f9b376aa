//! What lints find in a bundle, at the levels that the command line sets.

use super::args::{LintArguments, LintLevel};
use super::exit::CommandFailure;
use super::output::{fail_with_lines, warn_with_lines};
use crate::bundle::{self, Bundle, BundleFiles, CaseReport, Lint};
use crate::model::{Problem, Problems};

/// Something that a lint has found.
#[derive(Clone, Debug)]
pub(super) struct LintFinding {
    pub(super) lint: Lint,
    pub(super) level: LintLevel,
    pub(super) problem: Problem,
}

impl LintFinding {
    pub(super) fn is_denied(&self) -> bool {
        self.level == LintLevel::Deny
    }
}

/// Refuses lints that are both denied and allowed, and a denied lint that cannot be told here.
pub(super) fn check(
    arguments: &LintArguments,
    untold: Option<(Lint, &str)>,
) -> Result<(), CommandFailure> {
    if let Some(lint) = arguments.contradiction() {
        let message = format!("`{}` stands in `--deny` and in `--allow`", lint.name());
        let problem = Problem::new(message).help("name it in one of the two");
        return Err(CommandFailure::usage(problem));
    }
    match untold {
        Some((lint, why)) if arguments.names(lint) => {
            Err(CommandFailure::usage(Problem::new(why.to_owned())))
        }
        Some(_) | None => Ok(()),
    }
}

/// Returns what lints find, but for those that are allowed; in the order of the places. Without a
/// report, or with one that a filter left cases out of, nothing is said of what cases reach.
pub(super) fn found(
    bundle: &Bundle,
    files: &BundleFiles,
    report: Option<&CaseReport>,
    arguments: &LintArguments,
) -> Vec<LintFinding> {
    let undecided = report.map(|report| report.undecided.as_slice());
    let found = bundle::lint(bundle, files, undecided.unwrap_or_default()).into_iter();
    let finding = |(lint, problem)| LintFinding {
        lint,
        level: arguments.level(lint),
        problem,
    };
    found
        .map(finding)
        .filter(|finding: &LintFinding| match finding.level {
            LintLevel::Allow => false,
            LintLevel::Warn => !finding.lint.is_quiet(),
            LintLevel::Deny => true,
        })
        .collect()
}

/// Shows findings with their lines: errors if they are denied, and else warnings.
pub(super) fn show(findings: &[LintFinding], files: &BundleFiles) {
    let named = |finding: &LintFinding| {
        let mut problem = finding.problem.clone();
        problem.message = format!("{}: {}", finding.lint.name(), problem.message);
        problem
    };
    let (denied, warned): (Vec<&LintFinding>, Vec<&LintFinding>) =
        findings.iter().partition(|finding| finding.is_denied());
    let warned: Vec<Problem> = warned.into_iter().map(named).collect();
    warn_with_lines(&warned, files);
    let denied: Vec<Problem> = denied.into_iter().map(named).collect();
    if !denied.is_empty() {
        fail_with_lines(&Problems(denied), files);
    }
}
