//! Says what a change did: one line, and below it what is wrong with a bundle that is refused.

use super::session::DevLoad;
use crate::bundle::{self, CaseReport};
use crate::cli::output::{Paint, format_count, with_line_end};
use crate::engine::{BundleRefusal, LoadReport, SurveyedOutcome};
use crate::model::Problems;
use crate::telemetry::printable;
use std::fmt::Write as _;
use std::path::Path;

/// LIMIT: decisions of one outcome, or cases, that a line names.
const MAX_NAMED: usize = 3;

/// LIMIT: problems that are shown below a line.
const MAX_PROBLEMS: usize = 3;

/// Returns the line about a change of `files`, and the problems of a bundle that is refused.
pub(super) fn render(load: &DevLoad, files: &str, dir: &Path, paint: Paint) -> String {
    let took = paint.dim(&format!("({} ms)", load.took.as_millis()));
    let (label, told) = match &load.outcome {
        Ok(report) => (paint.good("ok"), describe_live(load, report, dir)),
        Err(refused) => {
            let (label, told) = describe_refused(load, refused);
            (paint.bad(label), told)
        }
    };
    let shown = printable(&format!("{files}: {}", told.join("; ")));
    let problems = match &load.outcome {
        Ok(_) => String::new(),
        Err(refused) => render_problems(refused, load, dir, paint),
    };
    format!("{label} {shown} {took}\n{problems}")
}

/// Returns the sentence about cases that pass.
pub(super) fn cases_passed(ran: usize) -> String {
    match ran {
        0 => "it has no cases".to_owned(),
        1 => "its case passes".to_owned(),
        _ => format!("{} pass", count(ran, "case", "cases")),
    }
}

fn describe_live(load: &DevLoad, report: &LoadReport, dir: &Path) -> Vec<String> {
    if !report.changed {
        return vec!["the bundle is the same as before".to_owned()];
    }
    let mut told = vec![cases_passed(report.cases.ran())];
    told.extend(describe_changes(load));
    told.extend(count_warnings(load, Some(dir)));
    told
}

/// Returns how many warnings there are of a bundle, and what shows them; `None` if there is none.
pub(super) fn count_warnings(load: &DevLoad, dir: Option<&Path>) -> Option<String> {
    let number = load.warnings.len();
    let shows = if number == 1 {
        "shows it"
    } else {
        "shows them"
    };
    let dir = dir.map(|dir| format!(" {}", dir.display()));
    (number > 0).then(|| {
        let warnings = count(number, "warning", "warnings");
        format!(
            "{warnings} (`behest validate{}` {shows})",
            dir.unwrap_or_default()
        )
    })
}

fn describe_refused(load: &DevLoad, refused: &BundleRefusal) -> (&'static str, Vec<String>) {
    let failures = load.cases.iter().flat_map(CaseReport::failures);
    let names: Vec<String> = failures
        .map(|(case, _)| format!("`{}`", case.name))
        .collect();
    let (label, mut told) = match &load.cases {
        Some(cases) if !names.is_empty() => {
            let of = format!("{} of {}", names.len(), count(cases.ran(), "case", "cases"));
            let verb = if names.len() == 1 { "fails" } else { "fail" };
            let mut told = vec![format!("{of} {verb}: {}", first_of(names))];
            told.extend(describe_changes(load));
            ("failed", told)
        }
        _ => {
            let problems = refused.problems.0.len();
            ("broken", vec![count(problems, "problem", "problems")])
        }
    };
    told.push(if load.is_deciding {
        "the bundle before still decides".to_owned()
    } else {
        "nothing decides yet".to_owned()
    });
    (label, told)
}

/// Describes which decisions are others now, or would be if the bundle were taken.
fn describe_changes(load: &DevLoad) -> Vec<String> {
    let Some(changes) = &load.changes else {
        return Vec::new();
    };
    let is_live = load.outcome.is_ok();
    let mut told: Vec<String> = changes
        .chunk_by(|one, other| one.now == other.now)
        .filter_map(|changes| {
            let label = label(changes.first()?.now, is_live);
            let questions = changes.iter().map(|change| change.question.clone());
            Some(format!("{label}: {}", first_of(questions.collect())))
        })
        .collect();
    if told.is_empty() {
        let verb = if is_live { "changed" } else { "would change" };
        let earlier = if load.asks_more { "earlier " } else { "" };
        told.push(format!("no {earlier}decision {verb}"));
    }
    if let Some(part) = load.compared {
        told.push(match part.total {
            Some(total) => {
                let questions = count(total, "question", "questions");
                format!("{} of {questions} were compared", part.compared)
            }
            None => {
                let questions = count(part.compared, "question", "questions");
                format!("compared are the first {questions} of very many")
            }
        });
    }
    told
}

fn label(outcome: SurveyedOutcome, is_live: bool) -> &'static str {
    match (outcome, is_live) {
        (SurveyedOutcome::Permitted, true) => "now permitted",
        (SurveyedOutcome::Permitted, false) => "it would permit",
        (SurveyedOutcome::PermittedWithArguments, true) => "now permitted with some arguments",
        (SurveyedOutcome::PermittedWithArguments, false) => "it would permit with some arguments",
        (SurveyedOutcome::Denied, true) => "now denied",
        (SurveyedOutcome::Denied, false) => "it would deny",
        (SurveyedOutcome::DeniedOtherwise, true) => "now denied for another reason",
        (SurveyedOutcome::DeniedOtherwise, false) => "it would deny for another reason",
    }
}

/// Returns the first of some texts, and how many more there are.
fn first_of(texts: Vec<String>) -> String {
    let more = texts.len().saturating_sub(MAX_NAMED);
    let shown: Vec<String> = texts.into_iter().take(MAX_NAMED).collect();
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

fn render_problems(refused: &BundleRefusal, load: &DevLoad, dir: &Path, paint: Paint) -> String {
    let problems = &refused.problems.0;
    let shown = Problems(problems.iter().take(MAX_PROBLEMS).cloned().collect());
    let mut text = with_line_end(bundle::render(&shown, &refused.files, paint.colour));
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        let command = if load.cases.is_some() {
            "test"
        } else {
            "validate"
        };
        let all = format!("`behest {command} {}` shows all of them", dir.display());
        // Writing into a string cannot fail.
        let _ = writeln!(text, "and {more} more: {all}");
    }
    text.push_str(&render_warnings(refused, load, dir, paint));
    text
}

/// Returns the warnings of a bundle whose cases fail: one may say why they do.
fn render_warnings(refused: &BundleRefusal, load: &DevLoad, dir: &Path, paint: Paint) -> String {
    let shown: Vec<_> = load.warnings.iter().take(MAX_PROBLEMS).cloned().collect();
    if shown.is_empty() {
        return String::new();
    }
    let mut text = with_line_end(bundle::render_warnings(
        &shown,
        &refused.files,
        paint.colour,
    ));
    let more = load.warnings.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "and {}: `behest validate {}` shows all of them",
            count(more, "more warning", "more warnings"),
            dir.display()
        );
    }
    text
}

fn count(number: usize, one: &str, more: &str) -> String {
    format_count(u64::try_from(number).unwrap_or(u64::MAX), one, more)
}
