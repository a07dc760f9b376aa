//! The results of cases in the Test Anything Protocol, version 14.

use super::{TestOutcome, TestRun, place_text};
use crate::bundle::{CaseFailure, CaseResult};
use serde_json::json;
use std::fmt::Write as _;

/// Renders the results: a line for each case, and what failed below it.
pub(super) fn render(run: &TestRun) -> String {
    let mut text = String::from("TAP version 14\n");
    match &run.outcome {
        Ok(TestOutcome { report, .. }) => {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "1..{}", report.ran());
            for (index, case) in report.results.iter().enumerate() {
                let ok = if case.failure.is_none() {
                    "ok"
                } else {
                    "not ok"
                };
                let _ = writeln!(text, "{ok} {} - {}", index + 1, description(case));
                if let Some(failure) = &case.failure {
                    text.push_str(&diagnosis(run, case, failure));
                }
            }
        }
        Err(problems) => {
            let first = problems.0.first().map(ToString::to_string);
            let why = first.unwrap_or_default().replace(['\n', '\r'], " ");
            let _ = writeln!(text, "Bail out! the bundle is refused: {why}");
        }
    }
    text
}

/// Returns a case's title, in which nothing is a directive or another line.
fn description(case: &CaseResult) -> String {
    let title = case.title().replace(char::is_control, " ");
    title.replace('\\', "\\\\").replace('#', "\\#")
}

/// Returns the block below a failed case. JSON's strings are YAML's.
fn diagnosis(run: &TestRun, case: &CaseResult, failure: &CaseFailure) -> String {
    let place = place_text(&case.file, run.position(&case.at));
    format!(
        "  ---\n  at: {}\n  expected: {}\n  got: {}\n  why: {}\n  ...\n",
        json!(place),
        json!(failure.expected.to_string()),
        json!(failure.found.to_string()),
        json!(failure.explanation),
    )
}
