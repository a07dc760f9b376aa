//! The results of cases as text, for people.

use super::{CoverageResult, TestOutcome, TestRun, place_text};
use crate::bundle::{CaseFailure, CaseResult};
use crate::cli::output::{Paint, indent};
use crate::cli::validate;
use crate::engine::{CoverageCount, PolicyCoverage};
use crate::model::Decision;
use std::fmt::Write as _;

/// The most lines of coverage that are shown: `--format json` has all.
const MAX_UNCOVERED: usize = 50;

/// Renders the results; nothing for a bundle that is refused, whose problems are shown elsewhere.
pub(super) fn render(run: &TestRun, paint: Paint) -> String {
    let Ok(outcome) = &run.outcome else {
        return String::new();
    };
    let TestOutcome {
        bundle,
        report,
        is_whole,
        coverage,
        ..
    } = outcome;
    let mut text = String::new();
    for (case, failure) in report.failures() {
        text.push_str(&render_failure(run, case, failure, paint));
    }
    if *is_whole && !report.undecided.is_empty() {
        text.push_str(&paint.dim("policies that decided no case:"));
        text.push('\n');
        text.push_str(&indent(&report.undecided.join("\n"), 2));
        text.push('\n');
    }
    if let Some(coverage) = coverage {
        text.push_str(&render_coverage(coverage, paint));
        text.push('\n');
    }
    text.push_str(&optional_packs(outcome));
    let failed = report.failures().count();
    let passed = format!("{} passed", report.ran().saturating_sub(failed));
    let result = if failed == 0 {
        paint.good("ok")
    } else {
        paint.bad(&format!("{failed} failed"))
    };
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{result}: {passed} of {} cases", report.ran());
    let _ = writeln!(text, "{}", validate::describe(&run.source, bundle));
    text
}

fn render_failure(run: &TestRun, case: &CaseResult, failure: &CaseFailure, paint: Paint) -> String {
    let place = place_text(&case.file, run.position(&case.at));
    format!(
        "{} {place}: {}\n  expected  {}\n  got       {}\n  why\n{}\n",
        paint.bad("failed"),
        paint.strong(&case.name),
        failure.expected,
        failure.found,
        indent(&failure.explanation, 4)
    )
}

/// Says of each pack that is only tried how its cases went.
fn optional_packs(outcome: &TestOutcome) -> String {
    let mut text = String::new();
    for pack in outcome.bundle.optional() {
        let (ran, failed) = outcome.pack_cases(pack);
        let passed = ran.saturating_sub(failed);
        let _ = writeln!(
            text,
            "with the optional pack `{pack}`, which is not applied: {passed} of its {ran} cases \
             passed"
        );
    }
    text
}

impl TestOutcome {
    /// Returns how many cases of a pack were run, and how many of them failed.
    pub(super) fn pack_cases(&self, pack: &str) -> (usize, usize) {
        let of_pack = format!("pack:{pack}/");
        let cases = || {
            let results = self.report.results.iter();
            results.filter(|case| case.file.starts_with(&of_pack))
        };
        let failed = cases().filter(|case| case.failure.is_some()).count();
        (cases().count(), failed)
    }
}

fn render_coverage(coverage: &CoverageResult, paint: Paint) -> String {
    let found = &coverage.found;
    let mut text = format!("{}\n", figures(coverage));
    let lines: Vec<String> = found.policies.iter().flat_map(uncovered).collect();
    for line in lines.iter().take(MAX_UNCOVERED) {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(more @ 1..) = lines.len().checked_sub(MAX_UNCOVERED) {
        let more = format!("and {more} more: `--format json` has all");
        let _ = writeln!(text, "  {}", paint.dim(&more));
    }
    text
}

pub(super) fn figures(coverage: &CoverageResult) -> String {
    format!(
        "coverage: {} of the policies decide a case, {} of their clauses are reached",
        share(coverage.found.policies()),
        share(coverage.found.clauses())
    )
}

/// Returns `83.3 % (5 of 6)`.
pub(super) fn share(count: CoverageCount) -> String {
    let CoverageCount { covered, of } = count;
    format!("{} % ({covered} of {of})", percent(count.permille()))
}

/// Returns tenths of a per cent as a number: `83.3`.
pub(super) fn percent(permille: usize) -> String {
    match permille % 10 {
        0 => (permille / 10).to_string(),
        tenth => format!("{}.{tenth}", permille / 10),
    }
}

/// Returns a line for a policy that decides no case, and for each of its clauses that no case
/// reaches.
fn uncovered(policy: &PolicyCoverage) -> Vec<String> {
    let at = &policy.at;
    let effect = match at.effect {
        Decision::Permit => "permit",
        Decision::Deny => "forbid",
    };
    let whole = (policy.cases == 0).then(|| {
        format!(
            "{}:{}: the {effect} `{}` decides no case",
            at.file, at.line, at.id
        )
    });
    let is_unreached =
        !policy.clauses.is_empty() && policy.clauses.iter().all(|it| !it.is_reached());
    if is_unreached {
        let line = format!(
            "{}:{}: no case is in the scope of `{}`",
            at.file, at.line, at.id
        );
        return vec![line];
    }
    let clauses = policy.clauses.iter().filter(|clause| !clause.is_reached());
    let clauses = clauses.map(|clause| {
        let source = clause.clause.source.split_whitespace().collect::<Vec<_>>();
        let source = source.join(" ");
        let line = clause.clause.line;
        format!(
            "{}:{line}: no case reaches `{source}` of `{}`",
            at.file, at.id
        )
    });
    whole.into_iter().chain(clauses).collect()
}

/// Says that less is reached than is required.
pub(super) fn low_coverage(coverage: &CoverageResult, paint: Paint) -> String {
    let required = coverage.required.map_or(0, |required| required.permille);
    format!(
        "{} {}, and `--min-coverage` takes {} %\n  {} add cases for what is named above, or lower \
         the bar\n",
        paint.bad("error:"),
        figures(coverage),
        percent(required),
        paint.dim("help:"),
    )
}
