//! `behest test`: runs a bundle's cases, and explains each that fails.

use super::args::BundleArgument;
use super::output::{Paint, fail, fail_with_lines, indent, print};
use super::validate;
use crate::bundle::{CaseFailure, CaseReport};
use crate::engine;
use crate::model::Problem;
use regex::Regex;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Runs the cases whose names match the filter, or all cases without one.
pub(super) fn run(argument: &BundleArgument, filter: Option<&Regex>) -> ExitCode {
    let source = argument.source();
    let mut files = match validate::read(&source) {
        Ok(files) => files,
        Err(code) => return code,
    };
    let (bundle, report) = match engine::check(&mut files, filter) {
        Ok(checked) => checked,
        Err(problems) => return fail_with_lines(&problems, &files),
    };
    if report.ran == 0
        && let Some(filter) = filter
    {
        let name = validate::name(&source);
        return fail(
            Problem::new(format!(
                "no case of {name} has a name that matches `{filter}`"
            ))
            .help("leave `--filter` out to run them all"),
        );
    }
    print(&render(&report, filter.is_none(), Paint::for_results()));
    print(&format!("{}\n", validate::describe(&source, &bundle)));
    if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn render(report: &CaseReport, all: bool, paint: Paint) -> String {
    let mut text = String::new();
    for failure in &report.failures {
        text.push_str(&render_failure(failure, paint));
    }
    if all && !report.undecided.is_empty() {
        text.push_str(&paint.dim("policies that decided no case:"));
        text.push('\n');
        text.push_str(&indent(&report.undecided.join("\n"), 2));
        text.push('\n');
    }
    let failed = report.failures.len();
    let passed = format!("{} passed", report.ran.saturating_sub(failed));
    let outcome = if failed == 0 {
        paint.good("ok")
    } else {
        paint.bad(&format!("{failed} failed"))
    };
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{outcome}: {passed} of {} cases", report.ran);
    text
}

fn render_failure(failure: &CaseFailure, paint: Paint) -> String {
    let CaseFailure {
        name,
        expected,
        found,
        explanation,
    } = failure;
    format!(
        "{} {}\n  expected  {expected}\n  found     {found}\n{}\n",
        paint.bad("failed"),
        paint.strong(name),
        indent(explanation, 4)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { colour: false };

    #[test]
    fn a_failing_case_shows_what_came_and_why() {
        let report = CaseReport {
            ran: 3,
            failures: vec![CaseFailure {
                name: "policies/cases.yaml: within the cap".to_owned(),
                expected: "permit".to_owned(),
                found: "deny: not_permitted".to_owned(),
                explanation: "user:alice  deny".to_owned(),
            }],
            undecided: vec!["refund-cap".to_owned()],
        };
        assert_eq!(
            render(&report, true, PLAIN),
            "failed policies/cases.yaml: within the cap\n  \
             expected  permit\n  found     deny: not_permitted\n    user:alice  deny\n\n\
             policies that decided no case:\n  refund-cap\n\n1 failed: 2 passed of 3 cases\n"
        );
    }

    #[test]
    fn cases_that_were_left_out_accuse_no_policy() {
        let report = CaseReport {
            ran: 2,
            failures: Vec::new(),
            undecided: vec!["refund-cap".to_owned()],
        };
        assert_eq!(render(&report, false, PLAIN), "ok: 2 passed of 2 cases\n");
    }
}
