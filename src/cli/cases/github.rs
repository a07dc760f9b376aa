//! The results of cases as text with GitHub's workflow commands, which become annotations on the
//! lines of cases and policies.
//!
//! INVARIANT: no line of the text is a command: names and explanations are whatever a file says,
//! and a command of theirs would be obeyed.

use super::{TestRun, text_report};
use crate::cli::args::LintLevel;
use crate::cli::output::Paint;
use crate::model::{Place, Problem};

/// Renders the text, and an annotation for each failed case, finding and problem.
pub(super) fn render(run: &TestRun) -> String {
    let mut text = harmless(&text_report::render(run, Paint { colour: false }));
    let mut annotate = |level: &str, place: Option<&Place>, title: &str, message: &str| {
        text.push_str(&command(run, level, place, title, message));
    };
    match &run.outcome {
        Ok(outcome) => {
            for (case, failure) in outcome.report.failures() {
                let message = format!(
                    "expected {}\ngot {}\n{}",
                    failure.expected, failure.found, failure.explanation
                );
                let title = format!("failed: {}", case.name);
                annotate("error", Some(&case.at), &title, &message);
            }
            for finding in &outcome.lints {
                let level = match finding.level {
                    LintLevel::Deny => "error",
                    LintLevel::Warn => "warning",
                    LintLevel::Allow => continue,
                };
                let Problem { place, .. } = &finding.problem;
                let message = with_help(&finding.problem);
                annotate(level, place.as_ref(), finding.lint.name(), &message);
            }
            if let Some(coverage) = &outcome.coverage {
                let level = if coverage.is_low() { "error" } else { "notice" };
                let figures = text_report::figures(coverage);
                annotate(level, None, "coverage", &figures);
            }
        }
        Err(problems) => {
            for problem in &problems.0 {
                let message = with_help(problem);
                annotate("error", problem.place.as_ref(), "broken bundle", &message);
            }
        }
    }
    text
}

fn with_help(problem: &Problem) -> String {
    match &problem.help {
        Some(help) => format!("{}\n{help}", problem.message),
        None => problem.message.clone(),
    }
}

fn command(
    run: &TestRun,
    level: &str,
    place: Option<&Place>,
    title: &str,
    message: &str,
) -> String {
    let mut properties = Vec::new();
    if let Some(place) = place
        && let Some(path) = run.path(&place.file)
    {
        properties.push(format!("file={}", property(&path)));
        if let Some((line, column)) = run.position(place) {
            properties.push(format!("line={line}"));
            properties.push(format!("col={column}"));
        }
    }
    properties.push(format!("title={}", property(title)));
    format!("::{level} {}::{}\n", properties.join(","), data(message))
}

/// Escapes the message of a command.
fn data(text: &str) -> String {
    text.trim_end()
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns a text in which the runner finds no command: neither `::` at the beginning of a line,
/// nor `##[` anywhere.
fn harmless(text: &str) -> String {
    let text = text.replace("##[", "# #[").replace('\r', " ");
    let line = |line: &str| {
        let mark = if line.trim_start().starts_with("::") {
            "| "
        } else {
            ""
        };
        format!("{mark}{line}\n")
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_command() {
        let text = harmless("a\n  ::stop-commands::x\n::add-mask::y\nb ##[group]\r::error::z\n");
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::"), "{text}");
        }
        assert!(!text.contains("##[") && !text.contains('\r'), "{text}");
        assert_eq!(data("1 %\n::error::x\r"), "1 %25%0A::error::x");
        assert_eq!(property("a:b,c\n%"), "a%3Ab%2Cc%0A%25");
    }
}
