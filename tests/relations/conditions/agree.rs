//! What conditions say is what the oracle says.

use super::cast;
use super::evaluate::{Evaluation, Stop};
use super::make::Maker;
use super::send::{self, Declared};
use super::term::{self, Term};
use super::types::{self, BOOL, Scope};
use super::value::V;
use behest::model::{Record, Value};
use behest::relations::condition::{CompiledCondition, ConditionError, MAX_EXPRESSION_BYTES};
use std::collections::BTreeMap;
use support::dice::Dice;
use support::seed::seed;

/// Expressions that are made.
const EXPRESSIONS: u64 = 4_000;

/// How often each kind of expression must have been evaluated to a bool.
const LEAST: u32 = 5;

/// What comes of an evaluation, without the words of a failure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Is(bool),
    Missing(Vec<String>),
    Bad(String),
    Failed,
    Costly,
}

pub(super) fn said(found: Result<bool, ConditionError>) -> Said {
    match found {
        Ok(it) => Said::Is(it),
        Err(ConditionError::Missing { parameters, .. }) => {
            Said::Missing(parameters.iter().map(ToString::to_string).collect())
        }
        Err(ConditionError::BadValue { parameter, .. }) => Said::Bad(parameter.to_string()),
        Err(ConditionError::Failed { .. }) => Said::Failed,
        Err(ConditionError::TooCostly { .. }) => Said::Costly,
        Err(error @ ConditionError::Undeclared { .. }) => panic!("{error}"),
    }
}

/// What the oracle says: of values first, and then of the expression.
pub(super) fn expected(
    root: &Term,
    declared: &[Declared],
    (tuple, request): (&Record, &Record),
    units: u64,
) -> Said {
    let mut values = Vec::new();
    let mut missing = Vec::new();
    for (name, of) in declared {
        match tuple.get(name).or_else(|| request.get(name)) {
            None => missing.push((*name).to_owned()),
            Some(value) => match cast::take(value, of) {
                None => return Said::Bad((*name).into()),
                Some(value) => values.push((*name, value)),
            },
        }
    }
    if !missing.is_empty() {
        return Said::Missing(missing);
    }
    match Evaluation::new(&values, units).value(root) {
        Ok(V::Bool(it)) => Said::Is(it),
        Ok(_) | Err(Stop::Failed) => Said::Failed,
        Err(Stop::Costly) => Said::Costly,
    }
}

/// Values for most of the parameters, of the tuple and of the request.
fn sent(dice: &mut Dice, declared: &[Declared]) -> (Record, Record) {
    let (mut tuple, mut request) = (Record::new(), Record::new());
    for (name, of) in declared {
        let value = send::value(dice, of, 0);
        match dice.below(60) {
            0 => {}
            // The tuple's value counts, whatever the request says.
            1..=5 => {
                tuple.insert(*name, value);
                request.insert(*name, Value::Null);
            }
            6..=20 => tuple.insert(*name, value),
            _ => request.insert(*name, value),
        }
    }
    (tuple, request)
}

fn count(term: &Term, seen: &mut BTreeMap<String, u32>) {
    *seen.entry(term.kind()).or_default() += 1;
    for part in term.parts() {
        count(part, seen);
    }
}

/// What has been seen.
#[derive(Debug, Default)]
struct Census {
    /// Kinds of expressions that came out true or false.
    kinds: BTreeMap<String, u32>,
    outcomes: BTreeMap<&'static str, u32>,
    /// Types of parameters of expressions that came out true or false.
    parameters: BTreeMap<&'static str, u32>,
}

impl Census {
    fn count(&mut self, root: &Term, declared: &[Declared], said: &Said) {
        let outcome = match said {
            Said::Is(true) => "true",
            Said::Is(false) => "false",
            Said::Missing(_) => "missing",
            Said::Bad(_) => "bad",
            Said::Failed => "failed",
            Said::Costly => "costly",
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        if matches!(said, Said::Is(_)) {
            count(root, &mut self.kinds);
            for (_, of) in declared {
                *self.parameters.entry(of.name()).or_default() += 1;
            }
        }
    }

    /// Fails if the sample has become so poor that agreement says nothing.
    fn check(&self) {
        let others = [
            "?:",
            ".field",
            "has",
            "[ ]",
            "a list",
            "a map",
            "a name",
            ".all/1",
            ".exists/1",
            ".exists_one/1",
            ".map/1",
            ".map/2",
            ".filter/1",
            "a bool literal",
            "a int literal",
            "a uint literal",
            "a double literal",
            "a string literal",
            "a bytes literal",
            "a null_type literal",
        ];
        let poor: Vec<&str> = types::functions()
            .chain(others)
            .filter(|kind| self.kinds.get(*kind).is_none_or(|count| *count < LEAST))
            .collect();
        assert!(poor.is_empty(), "{poor:?} of {:#?}", self.kinds);
        for outcome in [
            "true", "false", "missing", "bad", "failed", "costly", "refused",
        ] {
            let found = self.outcomes.get(outcome);
            assert!(
                found.is_some_and(|it| *it >= 100),
                "{outcome}: {:?}",
                self.outcomes
            );
        }
        assert_eq!(self.parameters.len(), 11, "{:?}", self.parameters);
    }
}

#[test]
fn what_a_condition_says_is_what_the_oracle_says() {
    let mut census = Census::default();
    let usual = seed(0);
    for seed in usual * EXPRESSIONS..(usual + 1) * EXPRESSIONS {
        let mut dice = Dice::new(seed);
        let declared = send::some_parameters(&mut dice);
        let names: Vec<_> = declared
            .iter()
            .map(|(name, of)| (*name, types::of_parameter(of)))
            .collect();
        let root = Maker {
            dice: &mut dice,
            names: names.clone(),
        }
        .condition();
        let text = term::write(&root, &mut dice);
        if text.len() > MAX_EXPRESSION_BYTES {
            continue;
        }
        let right = Scope { names }.of(&root) == Some(BOOL);
        let compiled = CompiledCondition::compile("c", &text, &send::owned(&declared));
        assert_eq!(
            compiled.is_ok(),
            right,
            "expression {seed}: {text}\n{compiled:?}\n{declared:?}\n{root:?}"
        );
        let Ok(mut compiled) = compiled else {
            *census.outcomes.entry("refused").or_default() += 1;
            continue;
        };
        for _ in 0..2 {
            let (tuple, request) = sent(&mut dice, &declared);
            let units = *dice.one(&[100, 100, 100, 5, 20, 40, 10_000]);
            let wanted = expected(&root, &declared, (&tuple, &request), units);
            census.count(&root, &declared, &wanted);
            compiled = compiled.with_max_cost(units);
            assert_eq!(
                said(compiled.evaluate(&tuple, &request)),
                wanted,
                "expression {seed} within {units}: {text}\n{tuple:?} {request:?}\n{root:?}"
            );
        }
    }
    census.check();
}
