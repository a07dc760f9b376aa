//! Cases: the decisions that a bundle must make, written for people and checked at every load.
//!
//! A case is hermetic: it uses the bundle's own entities, what it is `given`, and a fixed time, and
//! never a data directory.

use super::error::CaseError;
use crate::model::{Code, Decision, Place, Record, Request, Timestamp, Tuple, Value};
use crate::policy::StoredEntities;
use std::collections::BTreeSet;
use std::fmt;

/// One case, ready to run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file that contains the case.
    pub file: String,
    /// The name of the case; for a cell of a table, it includes the row and the column.
    pub name: String,
    /// The body of the request, as it would be sent.
    pub body: Record,
    /// Where it is written: its name, or the cell of its table.
    pub at: Place,
    /// The request to decide.
    pub request: Request,
    /// The time of the decision.
    pub now: Timestamp,
    /// The stored entities, if the case adds some of its own.
    pub stored: Option<StoredEntities>,
    /// The entities that the case adds, in Cedar's JSON form.
    pub entities: Option<String>,
    /// Tuples that the case adds to the bundle's.
    pub tuples: Vec<Tuple>,
    /// The facts of a verified credential.
    pub token: Option<Record>,
    /// The expected result.
    pub expected: ExpectedAnswer,
}

/// What a case expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedAnswer {
    /// The decision.
    pub decision: Decision,
    /// The reason's code; `None` if any code is accepted.
    pub code: Option<String>,
    /// The determining policies, in any order; `None` if any are accepted.
    pub policies: Option<BTreeSet<String>>,
}

/// The observed result of a case.
#[derive(Clone, Debug)]
pub struct ObservedAnswer {
    /// The decision; `None` if the request was refused as malformed.
    pub decision: Option<Decision>,
    /// The reason's code.
    pub code: Option<Code>,
    /// The determining policies: for a permit, those of every leg (the check of one member of the
    /// chain); for a denial, those of the leg that failed.
    pub policies: BTreeSet<String>,
}

/// The results of cases.
#[derive(Clone, Debug, Default)]
pub struct CaseReport {
    /// The cases that were run, in the order of the files' paths and of the cases in each.
    pub results: Vec<CaseResult>,
    /// The ids of policies that determined no case. Empty if a filter left cases out, or if there
    /// are no cases.
    pub undecided: Vec<String>,
}

/// The result of one case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The file that contains the case.
    pub file: String,
    /// The name of the case.
    pub name: String,
    /// Where it is written.
    pub at: Place,
    /// Why it failed; `None` if it passed.
    pub failure: Option<CaseFailure>,
}

impl CaseResult {
    /// Returns the file and the name, which a filter is matched against:
    /// `policies/cases.yaml: within the cap`.
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.file, &self.name)
    }
}

/// Why a case failed.
#[derive(Clone, Debug)]
pub struct CaseFailure {
    /// The expected result.
    pub expected: ExpectedAnswer,
    /// The observed result.
    pub found: ObservedAnswer,
    /// The explanation, as text.
    pub explanation: String,
}

impl CaseReport {
    /// Returns how many cases were run.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.results.len()
    }

    /// Returns the cases that failed, each with why it did.
    pub fn failures(&self) -> impl Iterator<Item = (&CaseResult, &CaseFailure)> {
        self.results
            .iter()
            .filter_map(|result| Some((result, result.failure.as_ref()?)))
    }
}

fn title(file: &str, name: &str) -> String {
    format!("{file}: {name}")
}

/// Runs cases. `decide` answers a case, and `explain` explains the answer of a case that fails.
/// With a filter, runs only the cases whose file and name match it.
pub fn run_cases<'a>(
    cases: &[Case],
    policies: impl Iterator<Item = &'a str>,
    filter: Option<&regex::Regex>,
    decide: impl Fn(&Case) -> ObservedAnswer,
    explain: impl Fn(&Case) -> String,
) -> CaseReport {
    let mut report = CaseReport::default();
    let mut decided: BTreeSet<String> = BTreeSet::new();
    for case in cases {
        if filter.is_some_and(|filter| !filter.is_match(&title(&case.file, &case.name))) {
            continue;
        }
        let found = decide(case);
        decided.extend(found.policies.iter().cloned());
        let failure = (!case.expected.holds(&found)).then(|| CaseFailure {
            expected: case.expected.clone(),
            found,
            explanation: explain(case),
        });
        report.results.push(CaseResult {
            file: case.file.clone(),
            name: case.name.clone(),
            at: case.at.clone(),
            failure,
        });
    }
    if filter.is_none() && !report.results.is_empty() {
        report.undecided = policies
            .filter(|id| !decided.contains(*id))
            .map(str::to_owned)
            .collect();
    }
    report
}

impl ExpectedAnswer {
    fn holds(&self, observed: &ObservedAnswer) -> bool {
        observed.decision == Some(self.decision)
            && self.code.as_ref().is_none_or(|code| {
                observed
                    .code
                    .as_ref()
                    .is_some_and(|found| found.as_str() == code)
            })
            && self
                .policies
                .as_ref()
                .is_none_or(|policies| *policies == observed.policies)
    }

    /// Reads `permit`, `deny`, or a reason's code.
    pub(super) fn word(word: &str) -> Self {
        let (decision, code) = match word {
            "permit" => (Decision::Permit, None),
            "deny" => (Decision::Deny, None),
            code => (Decision::Deny, Some(code.to_owned())),
        };
        Self {
            decision,
            code,
            policies: None,
        }
    }

    pub(super) fn read(value: &Value) -> Result<Self, CaseError> {
        let record = match value {
            Value::Text(word) if word == "permit" || word == "deny" => return Ok(Self::word(word)),
            Value::Record(record) => record,
            _ => return Err(CaseError::Expectation),
        };
        let mut expected = match (record.get("permit"), record.get("deny")) {
            (Some(Value::Bool(true)), None) => Self::word("permit"),
            (None, Some(Value::Text(code))) => Self {
                decision: Decision::Deny,
                code: Some(code.to_string()),
                policies: None,
            },
            (None, Some(Value::Bool(true))) => Self::word("deny"),
            _ => return Err(CaseError::Expectation),
        };
        for (key, value) in record.iter() {
            match (key.as_str(), value) {
                ("permit" | "deny", _) => {}
                ("policies", Value::List(items)) => {
                    let ids: Option<BTreeSet<String>> = items
                        .iter()
                        .map(|id| id.as_text().map(ToString::to_string))
                        .collect();
                    expected.policies = Some(ids.ok_or(CaseError::Expectation)?);
                }
                _ => return Err(CaseError::Expectation),
            }
        }
        Ok(expected)
    }
}

impl fmt::Display for ExpectedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decision)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match &self.policies {
            Some(policies) => write!(f, " by {}", list(policies)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ObservedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decision {
            Some(decision) => write!(f, "{decision}")?,
            None => f.write_str("no decision")?,
        }
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        write!(f, " by {}", list(&self.policies))
    }
}

fn list(ids: &BTreeSet<String>) -> String {
    if ids.is_empty() {
        "no policy".to_owned()
    } else {
        ids.iter().cloned().collect::<Vec<_>>().join(", ")
    }
}
