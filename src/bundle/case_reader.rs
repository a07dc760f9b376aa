//! Reads case files into cases, and reports what is wrong with them, each cause once and where it
//! is written.

use super::cases::{Case, ExpectedAnswer};
use super::error::CaseError;
use super::given::{CaseFile, CaseFixture, CaseTable, CaseText};
use super::tuple_files::BundleRelations;
use super::yaml::{self, Location, Spanned, YamlValue};
use crate::model::{MalformedMember, Place, Problem, Problems, Request};
use crate::policy::{Schema, SourceFile, StoredEntities};
use std::collections::BTreeSet;
use std::fmt::Display;

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
        causes: BTreeSet::new(),
        base: None,
        lacking: BTreeSet::new(),
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
    /// The places of problems, each with its message: what is written once is wrong once, however
    /// many cases are given it or are like it.
    causes: BTreeSet<(Place, String)>,
    /// The case that the current one is like.
    base: Option<String>,
    /// The cases of the current file that lack a part.
    lacking: BTreeSet<String>,
    cases: Vec<Case>,
    /// Stored entities, by the text of what a case is given: most cases of a file share the same.
    given: Vec<(String, Result<StoredEntities, Problems>)>,
}

impl CaseReader<'_> {
    fn file(&mut self, file: &SourceFile, parsed: CaseFile) {
        let CaseFile { given, cases } = parsed;
        for (list, at) in given.empty_lists() {
            self.empty_list(file, list, at);
        }
        let mut before: Vec<CaseText> = Vec::new();
        let mut refused: BTreeSet<String> = BTreeSet::new();
        self.lacking.clear();
        for case in cases {
            let twice = before
                .iter()
                .find(|known| known.name.value == case.name.value);
            if let Some(first) = twice {
                let message = format!("two cases of the file have the name `{}`", case.name.value);
                let first = yaml::place(file, first.name.referenced);
                self.problems.push(
                    Problem::new(message)
                        .at(yaml::place(file, case.name.referenced))
                        .and_at(first)
                        .help("rename one of them"),
                );
                continue;
            }
            if let Some((at, error)) = case.contradiction() {
                self.problem(file, &case, at, &error);
            }
            for (list, at) in case.empty_lists() {
                self.empty_list(file, list, at);
            }
            // What is like a case that is refused already waits for its correction.
            let name = case.name.value.clone();
            if case.base().is_some_and(|base| refused.contains(base)) {
                refused.insert(name);
                continue;
            }
            self.base = case.base().map(str::to_owned);
            match case.inherit(&before, file) {
                Ok(case) => {
                    self.case(file, &given, &case);
                    before.push(case);
                }
                Err(problem) => {
                    refused.insert(name);
                    self.problems.push(problem);
                }
            }
        }
    }

    fn case(&mut self, file: &SourceFile, given: &CaseFixture, text: &CaseText) {
        let given = text.given(given);
        let stored = match self.stored(file, &given) {
            Ok(stored) => stored,
            Err(problems) => return problems.0.into_iter().for_each(|it| self.tell(it)),
        };
        let tuples = match self.relations.given(given.tuples()) {
            Ok(tuples) => tuples,
            Err((at, error)) => {
                let message = format!("`given.tuples`: {error}");
                return self.tell(Problem::new(message).at(yaml::place(file, at)));
            }
        };
        let now = match text.now(&given) {
            Ok(now) => now,
            Err((at, error)) => return self.problem(file, text, at, &error),
        };
        let cells = match cells(text) {
            Ok(cells) => cells,
            Err((at, error)) => return self.problem(file, text, at, &error),
        };
        for Cell {
            place,
            at,
            expected,
        } in cells
        {
            let read = text.body(place).and_then(|body| {
                let misplaced = |error: MalformedMember| (text.request_place(place), error.into());
                Ok((Request::from_body(&body).map_err(misplaced)?, body))
            });
            match read {
                Ok((request, body)) => self.cases.push(Case {
                    file: file.path.clone(),
                    name: place.map_or_else(
                        || text.name.value.clone(),
                        |(who, to)| format!("{} [{}, {}]", text.name.value, who.value, to.value),
                    ),
                    at: yaml::place(file, at),
                    body,
                    request,
                    now,
                    stored: stored.clone(),
                    entities: given.entities_text().map(|text| text.json),
                    tuples: tuples.clone(),
                    token: given.token().cloned(),
                    expected,
                }),
                Err((at, error)) => return self.problem(file, text, at, &error),
            }
        }
    }

    fn stored(
        &mut self,
        file: &SourceFile,
        given: &CaseFixture,
    ) -> Result<Option<StoredEntities>, Problems> {
        let Some(text) = given.entities_text() else {
            return Ok(None);
        };
        let known = self.given.iter().find(|(known, _)| *known == text.json);
        if let Some((_, stored)) = known {
            return stored.clone().map(Some);
        }
        let json = SourceFile::new(&file.path, text.json.as_str());
        let stored = self.stored.with(&json, self.schema).map_err(|problems| {
            let in_file = |problem| text.in_file(file, "given.entities", problem);
            Problems(problems.0.into_iter().map(in_file).collect())
        });
        self.given.push((text.json, stored.clone()));
        stored.map(Some)
    }

    fn empty_list(&mut self, file: &SourceFile, list: &'static str, at: Location) {
        let problem = Problem::new(CaseError::EmptyList(list).to_string())
            .at(yaml::place(file, at))
            .help("leave it out; a case without what another has is not `like` that one");
        self.tell(problem);
    }

    /// Reports a problem of a case, at the part of it that is at fault.
    fn problem(&mut self, file: &SourceFile, case: &CaseText, at: Location, what: &impl Display) {
        let place = yaml::place(file, at);
        // What one case lacks, those that are like it lack too.
        if at == case.name.referenced {
            let is_base_lacking = self
                .base
                .as_ref()
                .is_some_and(|it| self.lacking.contains(it));
            self.lacking.insert(case.name.value.clone());
            if is_base_lacking {
                return;
            }
        }
        if self.causes.insert((place.clone(), what.to_string())) {
            let message = format!("the case `{}`: {what}", case.name.value);
            self.problems.push(Problem::new(message).at(place));
        }
    }

    /// Reports a problem of what cases are given, once.
    fn tell(&mut self, problem: Problem) {
        let place = problem.place.clone();
        let is_new = place.is_none_or(|place| self.causes.insert((place, problem.message.clone())));
        if is_new {
            self.problems.push(problem);
        }
    }
}

/// One question of a case, with what it expects.
struct Cell<'t> {
    /// Who asks about what, in a cell of a table.
    place: Option<(&'t Spanned<String>, &'t Spanned<String>)>,
    at: Location,
    expected: ExpectedAnswer,
}

/// Returns the expectation of a case, or those of all cells of its table.
fn cells(case: &CaseText) -> Result<Vec<Cell<'_>>, (Location, CaseError)> {
    let name = case.name.referenced;
    match (&case.table, &case.expect) {
        (None, Some(expect)) => {
            let YamlValue(value) = &expect.value;
            let expected =
                ExpectedAnswer::read(value).map_err(|error| (expect.referenced, error))?;
            Ok(vec![Cell {
                place: None,
                at: name,
                expected,
            }])
        }
        (None, None) => Err((name, CaseError::NoExpectation)),
        (Some(_), Some(expect)) => Err((expect.referenced, CaseError::TwoExpectations)),
        (Some(table), None) => cells_of(&table.value).map_err(|error| (table.referenced, error)),
    }
}

fn cells_of(table: &CaseTable) -> Result<Vec<Cell<'_>>, CaseError> {
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
            table.to.iter().zip(row).map(move |(to, word)| Cell {
                place: Some((who, to)),
                at: word.referenced,
                expected: ExpectedAnswer::word(&word.value),
            })
        })
        .collect())
}
