//! The results of cases as one JSON object.

use super::text_report::percent;
use super::{CoverageResult, TestOutcome, TestRun, level_name};
use crate::bundle::{CaseFailure, CaseResult};
use crate::cli::lints::LintFinding;
use crate::engine::{ClauseCoverage, CoverageCount, PolicyCoverage};
use crate::model::{Decision, Place, Problem};
use serde_json::{Map, Value, json};

/// Renders the results. The members are always there, but for `coverage`, which is asked for.
pub(super) fn render(run: &TestRun) -> String {
    let report = match &run.outcome {
        Ok(outcome) => of_outcome(run, outcome),
        Err(problems) => {
            let problem = |problem| of_problem(run, problem);
            let problems: Vec<Value> = problems.0.iter().map(problem).collect();
            json!({ "result": "refused", "problems": problems })
        }
    };
    format!("{report:#}\n")
}

fn of_outcome(run: &TestRun, outcome: &TestOutcome) -> Value {
    let TestOutcome {
        bundle,
        report,
        coverage,
        lints,
        ..
    } = outcome;
    let failed = report.failures().count();
    let cases: Vec<Value> = report
        .results
        .iter()
        .map(|case| of_case(run, case))
        .collect();
    let packs: Vec<Value> = bundle
        .optional()
        .iter()
        .map(|pack| {
            let (ran, failed) = outcome.pack_cases(pack);
            json!({ "pack": pack, "ran": ran, "failed": failed })
        })
        .collect();
    let mut whole = json!({
        "result": if failed == 0 { "passed" } else { "failed" },
        "bundle": bundle.digest().to_string(),
        "ran": report.ran(),
        "failed": failed,
        "cases": cases,
        "undecided": report.undecided,
        "optional": packs,
        "lints": lints.iter().map(|lint| of_lint(run, lint)).collect::<Vec<Value>>(),
    });
    if let (Some(coverage), Some(whole)) = (coverage, whole.as_object_mut()) {
        whole.insert("coverage".to_owned(), of_coverage(coverage));
    }
    whole
}

fn of_case(run: &TestRun, case: &CaseResult) -> Value {
    let mut of = Map::new();
    of.insert("name".to_owned(), json!(case.name));
    add_place(&mut of, run, &case.at);
    let result = if case.failure.is_none() {
        "passed"
    } else {
        "failed"
    };
    of.insert("result".to_owned(), json!(result));
    if let Some(failure) = &case.failure {
        of.extend(of_failure(failure));
    }
    Value::Object(of)
}

fn of_failure(failure: &CaseFailure) -> Map<String, Value> {
    let CaseFailure {
        expected,
        found,
        explanation,
    } = failure;
    let decision = |decision: Decision| decision.to_string();
    let expected = json!({
        "decision": decision(expected.decision),
        "code": expected.code,
        "policies": expected.policies,
    });
    let got = json!({
        "decision": found.decision.map(decision),
        "code": found.code.as_ref().map(ToString::to_string),
        "policies": found.policies,
    });
    [
        ("expected".to_owned(), expected),
        ("got".to_owned(), got),
        ("why".to_owned(), json!(explanation)),
    ]
    .into_iter()
    .collect()
}

fn add_place(to: &mut Map<String, Value>, run: &TestRun, place: &Place) {
    to.insert("file".to_owned(), json!(place.file));
    if let Some((line, column)) = run.position(place) {
        to.insert("line".to_owned(), json!(line));
        to.insert("column".to_owned(), json!(column));
    }
}

fn of_problem(run: &TestRun, problem: &Problem) -> Value {
    let mut of = Map::new();
    of.insert("message".to_owned(), json!(problem.message));
    if let Some(help) = &problem.help {
        of.insert("help".to_owned(), json!(help));
    }
    if let Some(place) = &problem.place {
        add_place(&mut of, run, place);
    }
    Value::Object(of)
}

fn of_lint(run: &TestRun, finding: &LintFinding) -> Value {
    let mut of = json!({
        "lint": finding.lint.name(),
        "level": level_name(finding.level),
    });
    if let (Some(of), Value::Object(rest)) = (of.as_object_mut(), of_problem(run, &finding.problem))
    {
        of.extend(rest);
    }
    of
}

fn of_coverage(coverage: &CoverageResult) -> Value {
    let count = |count: CoverageCount| {
        json!({
            "covered": count.covered,
            "of": count.of,
            "percent": percent(count.permille()).parse::<f64>().unwrap_or_default(),
        })
    };
    let found = &coverage.found;
    let required = coverage.required.map(|it| percent(it.permille));
    json!({
        "policies": count(found.policies()),
        "clauses": count(found.clauses()),
        "required": required.and_then(|it| it.parse::<f64>().ok()),
        "by_policy": found.policies.iter().map(of_policy).collect::<Vec<Value>>(),
    })
}

fn of_policy(policy: &PolicyCoverage) -> Value {
    let clause = |clause: &ClauseCoverage| {
        json!({
            "source": clause.clause.source,
            "line": clause.clause.line,
            "held": clause.held,
            "not_held": clause.not_held,
        })
    };
    let effect = match policy.at.effect {
        Decision::Permit => "permit",
        Decision::Deny => "forbid",
    };
    json!({
        "id": policy.at.id,
        "effect": effect,
        "file": policy.at.file,
        "line": policy.at.line,
        "cases": policy.cases,
        "clauses": policy.clauses.iter().map(clause).collect::<Vec<Value>>(),
    })
}
