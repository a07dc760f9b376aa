//! Evaluates a lowered expression within a budget.
//!
//! Costs are cel-go's, which OpenFGA's limit counts. A name, a field, an index or a call costs 1, a
//! list literal 10, a map literal 30. Searching or comparing strings costs a tenth of their
//! characters, `in` on a list its length, and a pattern a tenth of the text times a quarter of the
//! pattern. `&&`, `||`, `? :` and literals are free, and so is whatever is not evaluated. cel-go's
//! estimates for strings inside lists are not followed to the last unit.
//!
//! cel-go's units do not reflect the size of a list that is copied or compared as a whole, so work
//! is counted too: one for each value that is looked at, and one for sixteen bytes of text.
//! Otherwise a list of a megabyte could be doubled eighty times within the 512 bytes of an
//! expression, for two units each time.
//!
//! INVARIANT: `&&` and `||`, and the macros made of them, can absorb an error, but never an
//! exhausted budget. The cost of a call is charged before the call, so nothing runs that the budget
//! does not cover.

use super::cast::work_of_text;
use super::functions;
use super::lower::{Expression, Fold};
use super::signature::Function;
use super::value::{MapKey, Val};
use smol_str::SmolStr;
use std::fmt;

/// Why an evaluation has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// The expression failed.
    Error(String),
    /// The budget is exhausted.
    OverBudget,
}

impl Halt {
    pub(super) fn error<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::Error(message.into()))
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::OverBudget => f.write_str("the expression costs too much"),
        }
    }
}

pub(super) type EvalResult = Result<Val, Halt>;

/// Maximum work of one evaluation: about 20 ms. A condition over ten thousand values takes a tenth
/// of it.
const MAX_WORK: u64 = 1 << 20;

/// The work of compiling a pattern that came with the request: about 100 µs for the largest
/// allowed.
const PATTERN_WORK: u64 = 8_192;

/// The work of finding a time zone by its name.
const ZONE_WORK: u64 = 64;

/// The remaining budget of an evaluation.
#[derive(Debug)]
pub(super) struct CostBudget {
    units: u64,
    work: u64,
}

impl CostBudget {
    pub(super) fn new(units: u64) -> Self {
        Self {
            units,
            work: MAX_WORK,
        }
    }

    /// Creates an unlimited budget, for calls that are evaluated when a model is written.
    pub(super) fn unlimited() -> Self {
        Self {
            units: u64::MAX,
            work: u64::MAX,
        }
    }

    /// Returns the work that was done.
    pub(super) fn work_done(&self) -> u64 {
        MAX_WORK.saturating_sub(self.work)
    }

    /// Charges work before it is done.
    pub(super) fn work(&mut self, work: u64) -> Result<(), Halt> {
        self.work = self.work.checked_sub(work).ok_or(Halt::OverBudget)?;
        Ok(())
    }

    fn spend(&mut self, units: u64) -> Result<(), Halt> {
        self.units = self.units.checked_sub(units).ok_or(Halt::OverBudget)?;
        Ok(())
    }

    /// Returns how many characters of a text are worth counting: more would exceed the budget
    /// anyway.
    fn characters(&self) -> usize {
        usize::try_from(self.units.saturating_mul(10).saturating_add(20)).unwrap_or(usize::MAX)
    }
}

/// Evaluates an expression with these values of the parameters.
pub(super) fn evaluate(
    node: &Expression,
    parameters: &[Val],
    budget: &mut CostBudget,
) -> EvalResult {
    Frame {
        parameters,
        locals: Vec::new(),
        budget,
    }
    .value(node)
}

struct Frame<'a> {
    parameters: &'a [Val],
    /// The variables of comprehensions. The accumulated result may be an error, which a later
    /// element can absorb.
    locals: Vec<EvalResult>,
    budget: &'a mut CostBudget,
}

impl Frame<'_> {
    fn value(&mut self, node: &Expression) -> EvalResult {
        match node {
            Expression::Const(value) => Ok(value.clone()),
            Expression::Parameter(at) => {
                self.budget.spend(1)?;
                self.parameters
                    .get(*at)
                    .cloned()
                    .ok_or_else(|| Halt::Error("a parameter has no value".to_owned()))
            }
            Expression::Local(at) => {
                self.budget.spend(1)?;
                self.locals
                    .get(*at)
                    .cloned()
                    .unwrap_or_else(|| Halt::error("a variable has no value"))
            }
            Expression::And(sides) => self.logic(sides, false),
            Expression::Or(sides) => self.logic(sides, true),
            Expression::Choice(parts) => match self.value(&parts.0)? {
                Val::Bool(true) => self.value(&parts.1),
                Val::Bool(false) => self.value(&parts.2),
                other => mismatch("? :", &[other]),
            },
            Expression::Call(Function::NotStrictlyFalse, args) => self.not_strictly_false(args),
            Expression::Call(function, args) => {
                let args = self.values(args)?;
                call(function, &args, self.budget)
            }
            Expression::Select(operand, field) => self.select(operand, field),
            Expression::Has(operand, field) => self.has(operand, field),
            Expression::Index(parts) => {
                let operand = self.value(&parts.0)?;
                let index = self.value(&parts.1)?;
                self.budget.spend(1)?;
                self.budget.work(work_of_finding(&index, &operand))?;
                at(&operand, &index)
            }
            Expression::List(items) => {
                let items = self.values(items)?;
                self.budget.spend(10)?;
                Ok(Val::List(items.into()))
            }
            Expression::Map(entries) => self.map(entries),
            Expression::Fold(fold) => self.fold(fold),
        }
    }

    fn select(&mut self, operand: &Expression, field: &SmolStr) -> EvalResult {
        let operand = self.value(operand)?;
        self.budget.spend(1)?;
        match &operand {
            Val::Map(entries) => entries
                .get(&MapKey::Text(field.clone()))
                .cloned()
                .ok_or_else(|| Halt::Error(format!("there is no key `{field}`"))),
            _ => mismatch(&format!(".{field}"), &[operand]),
        }
    }

    fn has(&mut self, operand: &Expression, field: &SmolStr) -> EvalResult {
        let operand = self.value(operand)?;
        self.budget.spend(1)?;
        match &operand {
            Val::Map(entries) => Ok(Val::Bool(
                entries.contains_key(&MapKey::Text(field.clone())),
            )),
            _ => mismatch("has", &[operand]),
        }
    }

    fn values(&mut self, nodes: &[Expression]) -> Result<Vec<Val>, Halt> {
        nodes.iter().map(|node| self.value(node)).collect()
    }

    /// Evaluates `&&` or `||`: a side that decides does so even if the other side fails.
    fn logic(&mut self, sides: &(Expression, Expression), decisive: bool) -> EvalResult {
        let left = self.bool(&sides.0);
        if left == Ok(decisive) || left == Err(Halt::OverBudget) {
            return left.map(Val::Bool);
        }
        let right = self.bool(&sides.1);
        match (left, right) {
            (_, Err(Halt::OverBudget)) => Err(Halt::OverBudget),
            (_, Ok(right)) if right == decisive => Ok(Val::Bool(decisive)),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(_), Ok(_)) => Ok(Val::Bool(!decisive)),
        }
    }

    fn bool(&mut self, node: &Expression) -> Result<bool, Halt> {
        match self.value(node)? {
            Val::Bool(value) => Ok(value),
            other => mismatch("&&` or `||", &[other]),
        }
    }

    fn not_strictly_false(&mut self, args: &[Expression]) -> EvalResult {
        let value = args
            .first()
            .map_or_else(|| Halt::error("a value is missing"), |arg| self.value(arg));
        self.budget.spend(1)?;
        match value {
            Err(Halt::OverBudget) => Err(Halt::OverBudget),
            value => Ok(Val::Bool(value != Ok(Val::Bool(false)))),
        }
    }

    fn map(&mut self, nodes: &[(Expression, Expression)]) -> EvalResult {
        let mut entries = std::collections::BTreeMap::new();
        for (key, value) in nodes {
            let key = self.value(key)?;
            let value = self.value(value)?;
            let Some(name) = MapKey::of(&key) else {
                return mismatch("map", &[key]);
            };
            if entries.insert(name, value).is_some() {
                return Halt::error("a map literal has a key twice");
            }
        }
        self.budget.spend(30)?;
        Ok(Val::Map(entries.into()))
    }

    fn fold(&mut self, fold: &Fold) -> EvalResult {
        let range = self.value(&fold.range)?;
        // Elements are iterated one by one: the budget ends long before a list of a hundred
        // thousand, and copying that would not be free.
        let items: Box<dyn Iterator<Item = Val> + '_> = match &range {
            Val::List(items) => Box::new(items.iter().cloned()),
            Val::Map(entries) => Box::new(entries.keys().map(MapKey::to_val)),
            _ => return mismatch("a comprehension", &[range]),
        };
        let depth = self.locals.len();
        // Only an exhausted budget fails here, and no step may make up for that.
        let mut result = Ok(self.value(&fold.start)?);
        for item in items {
            self.budget.work(1)?;
            self.locals.push(result);
            self.locals.push(Ok(item));
            let go_on = self.value(&fold.go_on);
            let step = if go_on == Ok(Val::Bool(true)) {
                Some(self.value(&fold.step))
            } else {
                None
            };
            self.locals.truncate(depth + 1);
            let so_far = self
                .locals
                .pop()
                .unwrap_or_else(|| Halt::error("a variable has no value"));
            match (go_on, step) {
                (Err(halt), _) | (_, Some(Err(halt @ Halt::OverBudget))) => return Err(halt),
                (Ok(_), Some(step)) => result = step,
                (Ok(_), None) => {
                    result = so_far;
                    break;
                }
            }
        }
        self.locals.push(result);
        let value = self.value(&fold.result);
        self.locals.truncate(depth);
        value
    }
}

fn at(operand: &Val, index: &Val) -> EvalResult {
    match operand {
        Val::List(items) => match MapKey::of(index) {
            Some(MapKey::Whole(at)) => usize::try_from(at.number)
                .ok()
                .and_then(|at| items.get(at))
                .cloned()
                .ok_or_else(|| Halt::Error("there is no such index in the list".to_owned())),
            _ => mismatch("[ ]", &[operand.clone(), index.clone()]),
        },
        Val::Map(entries) => MapKey::of(index)
            .and_then(|key| entries.get(&key))
            .cloned()
            .ok_or_else(|| Halt::Error("there is no such key in the map".to_owned())),
        _ => mismatch("[ ]", &[operand.clone(), index.clone()]),
    }
}

/// Calls a function with values.
pub(super) fn call(function: &Function, args: &[Val], budget: &mut CostBudget) -> EvalResult {
    budget.spend(cost(function, args, budget.characters()))?;
    budget.work(work(function, args))?;
    functions::apply(function, args, budget)
}

/// Returns the work of a call, except for comparisons, which count their work themselves.
fn work(function: &Function, args: &[Val]) -> u64 {
    let length = |items: &[Val]| u64::try_from(items.len()).unwrap_or(u64::MAX);
    match (function, args) {
        (Function::Add, [Val::List(a), Val::List(b)]) => length(a).saturating_add(length(b)),
        (Function::In, [item, map @ Val::Map(_)]) => work_of_finding(item, map),
        (Function::Matches(None), _) => PATTERN_WORK,
        (Function::Part(_), [_, _]) => ZONE_WORK,
        (_, [Val::Text(text)]) => work_of_text(text.len()),
        _ => 0,
    }
}

/// Returns the work of finding a key in a map: one comparison for each level of the map.
fn work_of_finding(key: &Val, among: &Val) -> u64 {
    match (key, among) {
        (Val::Text(key), Val::Map(entries)) => {
            let levels = u64::from(usize::BITS - entries.len().leading_zeros());
            work_of_text(key.len()).saturating_mul(levels)
        }
        _ => 0,
    }
}

fn cost(function: &Function, args: &[Val], most: usize) -> u64 {
    let tenth = |size: u64| size.div_ceil(10);
    let size = |value: &Val| value.size_up_to(most);
    match (function, args) {
        (
            Function::Equal
            | Function::NotEqual
            | Function::Less
            | Function::LessEqual
            | Function::Greater
            | Function::GreaterEqual,
            [a, b],
        ) => tenth(size(a).min(size(b))),
        (Function::Add, [a @ (Val::Text(_) | Val::Bytes(_)), b]) => {
            tenth(size(a).saturating_add(size(b)))
        }
        (Function::In, [_, list @ Val::List(_)]) => size(list),
        (Function::Contains, [a, b]) => tenth(size(a)).saturating_mul(tenth(size(b))),
        (Function::StartsWith | Function::EndsWith, [_, it])
        | (Function::ToBytes | Function::ToText, [it @ (Val::Text(_) | Val::Bytes(_))]) => {
            tenth(size(it))
        }
        (Function::Matches(_), [a, b]) => {
            tenth(size(a).saturating_add(1)).saturating_mul(size(b).div_ceil(4))
        }
        _ => 1,
    }
}

/// Returns the error that an operation does not accept such values. It occurs only if a type was
/// not known before the evaluation.
pub(super) fn mismatch<T>(operation: &str, values: &[Val]) -> Result<T, Halt> {
    let kinds: Vec<_> = values
        .iter()
        .map(|value| format!("`{}`", value.type_name()))
        .collect();
    Halt::error(format!("`{operation}` does not take {}", kinds.join(", ")))
}
