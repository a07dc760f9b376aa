//! Cases: the decisions that a bundle must make, written for people and checked at every load.
//!
//! A case is hermetic: it uses the bundle's own entities, what it is `given`, and a fixed time, and
//! never a data directory.

use super::error::CaseError;
use super::given::{CaseFile, CaseFixture, CaseText};
use super::manifest::find;
use super::relations::BundleRelations;
use super::yaml::{self, YamlValue};
use crate::model::{Code, Decision, Problem, Problems, Record, Request, Timestamp, Tuple, Value};
use crate::policy::{Schema, SourceFile, StoredEntities};
use std::collections::BTreeSet;
use std::fmt::Display;

/// One case, ready to run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file that contains the case.
    pub file: String,
    /// The name of the case; for a cell of a table, it includes the row and the column.
    pub name: String,
    /// The body of the request, as it would be sent.
    pub body: Record,
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
    /// How many cases were run.
    pub ran: usize,
    /// The cases that failed.
    pub failures: Vec<CaseFailure>,
    /// The ids of policies that determined no case. Empty if a filter left cases out, or if there
    /// are no cases.
    pub undecided: Vec<String>,
}

/// One failed case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFailure {
    /// The file and the name of the case: `policies/platform/cases.yaml: within the cap`.
    pub name: String,
    /// The expected result.
    pub expected: String,
    /// The observed result.
    pub found: String,
    /// The explanation, as text.
    pub explanation: String,
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
        let name = format!("{}: {}", case.file, case.name);
        if filter.is_some_and(|filter| !filter.is_match(&name)) {
            continue;
        }
        report.ran += 1;
        let observed = decide(case);
        if !case.expected.holds(&observed) {
            report.failures.push(CaseFailure {
                name,
                expected: case.expected.to_string(),
                found: describe(&observed),
                explanation: explain(case),
            });
        }
        decided.extend(observed.policies);
    }
    if filter.is_none() && report.ran > 0 {
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
    fn word(word: &str) -> Self {
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

    fn read(value: &Value) -> Result<Self, CaseError> {
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

impl std::fmt::Display for ExpectedAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

fn describe(observed: &ObservedAnswer) -> String {
    let decision = observed
        .decision
        .map_or_else(|| "no decision".to_owned(), |decision| decision.to_string());
    let code = observed
        .code
        .as_ref()
        .map_or_else(String::new, |code| format!(" {code}"));
    format!("{decision}{code} by {}", list(&observed.policies))
}

fn list(ids: &BTreeSet<String>) -> String {
    if ids.is_empty() {
        "no policy".to_owned()
    } else {
        ids.iter().cloned().collect::<Vec<_>>().join(", ")
    }
}

/// Reads case files. All problems of all files are reported together.
pub(super) fn read(
    files: &[&SourceFile],
    schema: &Schema,
    stored: &StoredEntities,
    relations: &BundleRelations<'_>,
) -> Result<Vec<Case>, Problems> {
    let mut reader = CaseReader {
        schema,
        stored,
        relations,
        problems: Vec::new(),
        cases: Vec::new(),
        given: Vec::new(),
    };
    for file in files {
        match yaml::parse::<CaseFile>(file) {
            Ok(parsed) => reader.file(file, parsed),
            Err(problem) => reader.problems.push(problem),
        }
    }
    Problems(reader.problems)
        .into_result()
        .map(|()| reader.cases)
}

struct CaseReader<'a> {
    schema: &'a Schema,
    stored: &'a StoredEntities,
    relations: &'a BundleRelations<'a>,
    problems: Vec<Problem>,
    cases: Vec<Case>,
    /// The stored entities that were already built, by the JSON text of the entities that a case is
    /// given. Most cases of a file are given the same ones.
    given: Vec<(String, StoredEntities)>,
}

impl CaseReader<'_> {
    fn file(&mut self, file: &SourceFile, parsed: CaseFile) {
        let mut before: Vec<CaseText> = Vec::new();
        for case in parsed.cases {
            if before.iter().any(|known| known.name == case.name) {
                let message = format!("two cases of the file have the name `{}`", case.name);
                self.problems.push(
                    Problem::new(message)
                        .at(find(file, &case.name))
                        .help("rename one of them"),
                );
                continue;
            }
            if let Some(message) = case.contradiction() {
                self.problem(file, &case, message);
            }
            match case.inherit(&before, file) {
                Ok(case) => {
                    self.case(file, &parsed.given, &case);
                    before.push(case);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    fn case(&mut self, file: &SourceFile, given: &CaseFixture, text: &CaseText) {
        let given = text.given(given);
        let stored = match self.stored(file, &given) {
            Ok(stored) => stored,
            Err(problems) => return self.problems.extend(problems.0),
        };
        let tuples = match self.relations.given(given.tuples()) {
            Ok(tuples) => tuples,
            Err(error) => {
                return self.problem(file, text, format_args!("`given.tuples`: {error}"));
            }
        };
        let now = match text.now(&given) {
            Ok(now) => now,
            Err(error) => return self.problem(file, text, error),
        };
        let cells = match cells(text) {
            Ok(cells) => cells,
            Err(error) => return self.problem(file, text, error),
        };
        for (cell, expected) in cells {
            let place = cell.as_ref().map(|(who, to)| (who.as_str(), to.as_str()));
            let read = text
                .body(place)
                .and_then(|body| Ok((Request::from_body(&body)?, body)));
            match read {
                Ok((request, body)) => self.cases.push(Case {
                    file: file.path.clone(),
                    name: place.map_or_else(
                        || text.name.clone(),
                        |(who, to)| format!("{} [{who}, {to}]", text.name),
                    ),
                    body,
                    request,
                    now,
                    stored: stored.clone(),
                    entities: given.entities_json(),
                    tuples: tuples.clone(),
                    token: given.token().cloned(),
                    expected,
                }),
                Err(error) => return self.problem(file, text, error),
            }
        }
    }

    fn stored(
        &mut self,
        file: &SourceFile,
        given: &CaseFixture,
    ) -> Result<Option<StoredEntities>, Problems> {
        let Some(json) = given.entities_json() else {
            return Ok(None);
        };
        if let Some((_, stored)) = self.given.iter().find(|(known, _)| *known == json) {
            return Ok(Some(stored.clone()));
        }
        let stored = self
            .stored
            .with(&SourceFile::new(&file.path, json.as_str()), self.schema)
            .map_err(|problems| {
                let in_file = |problem: Problem| {
                    let place = find(file, "entities");
                    Problem {
                        place: Some(place),
                        message: format!("`given.entities`: {}", problem.message),
                        ..problem
                    }
                };
                Problems(problems.0.into_iter().map(in_file).collect())
            })?;
        self.given.push((json, stored.clone()));
        Ok(Some(stored))
    }

    fn problem(&mut self, file: &SourceFile, case: &CaseText, what: impl Display) {
        let message = format!("the case `{}`: {what}", case.name);
        self.problems
            .push(Problem::new(message).at(find(file, &case.name)));
    }
}

type TableCell = (Option<(String, String)>, ExpectedAnswer);

/// Returns the expectation of a case, or those of all cells of its table.
fn cells(case: &CaseText) -> Result<Vec<TableCell>, CaseError> {
    match (&case.table, &case.expect) {
        (None, Some(YamlValue(expect))) => Ok(vec![(None, ExpectedAnswer::read(expect)?)]),
        (None, None) => Err(CaseError::NoExpectation),
        (Some(_), Some(_)) => Err(CaseError::TwoExpectations),
        (Some(table), None) => {
            let square = table.expect.len() == table.who.len()
                && table.expect.iter().all(|row| row.len() == table.to.len());
            if !square || table.who.is_empty() || table.to.is_empty() {
                return Err(CaseError::Table {
                    who: table.who.len(),
                    to: table.to.len(),
                });
            }
            let rows = table.who.iter().zip(&table.expect);
            Ok(rows
                .flat_map(|(who, row)| {
                    let cell = |(to, word): (&String, &String)| {
                        (Some((who.clone(), to.clone())), ExpectedAnswer::word(word))
                    };
                    table.to.iter().zip(row).map(cell).collect::<Vec<_>>()
                })
                .collect())
        }
    }
}
