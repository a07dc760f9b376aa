//! Conditions of tuples: CEL expressions over typed parameters.
//!
//! **Problem.** A tuple can depend on the request: until when it holds, from which network, up to
//! which amount. The expression comes from the author of the model, the values from the caller.
//! Neither may make a check hang, panic or permit by mistake, and no message may reveal a value to
//! somebody who does not know it. OpenFGA defines what an expression means: CEL with IP addresses,
//! and with parameters that are cast and must all have a value.
//! **Decision.** The `cel` crate parses the text into its syntax tree. Everything after that is
//! ours: a checker that refuses a model whose expression cannot be right, and an evaluator that
//! counts costs as OpenFGA does. The crate's own evaluator has neither static types nor a budget;
//! tests use it as an oracle.
//! **Trade-off.** Those functions of CEL that OpenFGA's environment has are implemented here again.

mod calendar;
mod cast;
mod clock;
mod convert;
mod error;
mod evaluate;
mod functions;
mod lower;
mod network;
mod paths;
mod pattern;
mod sent;
mod signature;
mod syntax;
mod time;
mod types;
mod value;

use crate::model::Record;
pub use cast::CastError;
pub use clock::CLOCK;
pub use error::ConditionError;
use evaluate::{CostBudget, Halt};
use lower::Expression;
pub use sent::ConditionCache;
pub(in crate::relations) use sent::RequestValues;
use smol_str::SmolStr;
pub use types::{MAX_TYPE_DEPTH, ParameterType};
use value::Val;

/// Maximum length of an expression in bytes; the same limit as OpenFGA's.
pub const MAX_EXPRESSION_BYTES: usize = 512;

/// Maximum number of parameters of a condition; the same limit as OpenFGA's.
pub const MAX_PARAMETERS: usize = 25;

/// Maximum cost of one evaluation, in cel-go's units; the same default as OpenFGA's.
pub const MAX_COST: u64 = 100;

/// A compiled condition.
#[derive(Debug)]
pub struct CompiledCondition {
    name: SmolStr,
    parameters: Vec<(SmolStr, ParameterType)>,
    root: Expression,
    max_cost: u64,
}

impl CompiledCondition {
    /// Checks and compiles an expression whose evaluations may cost [`MAX_COST`] each. An error
    /// lists every problem with its remedy.
    pub fn compile(
        name: &str,
        expression: &str,
        parameters: &[(SmolStr, ParameterType)],
    ) -> Result<Self, Vec<String>> {
        let mut problems = wrong_parameters(parameters);
        if expression.len() > MAX_EXPRESSION_BYTES {
            problems.push(format!(
                "the expression has {} bytes, and {MAX_EXPRESSION_BYTES} are \
                 allowed; split the condition",
                expression.len()
            ));
            return Err(problems);
        }
        let root = syntax::read(expression, |tree| lower::lower(tree, parameters));
        match root {
            Ok(root) if problems.is_empty() => Ok(Self {
                name: name.into(),
                parameters: parameters.to_vec(),
                root,
                max_cost: MAX_COST,
            }),
            Ok(_) => Err(problems),
            Err(error) => {
                problems.push(error.to_string());
                Err(problems)
            }
        }
    }

    /// Sets another maximum cost per evaluation.
    #[must_use]
    pub fn with_max_cost(mut self, units: u64) -> Self {
        self.max_cost = units;
        self
    }

    /// Returns the name of the condition in the model.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Returns the declared parameters, in the order in which they were written. An evaluation
    /// depends on each of them: a missing value, or one of a wrong type, is an error even if the
    /// expression does not read it.
    #[must_use]
    pub fn parameters(&self) -> &[(SmolStr, ParameterType)] {
        &self.parameters
    }

    /// Returns `true` if the expression names a parameter.
    #[must_use]
    pub fn reads(&self, parameter: &str) -> bool {
        self.parameters
            .iter()
            .position(|(name, _)| name == parameter)
            .is_some_and(|at| self.root.reads(at))
    }

    /// Decides whether the condition holds for the values stored with a tuple and those of the
    /// request. The tuple's values take precedence.
    pub fn evaluate(&self, tuple: &Record, request: &Record) -> Result<bool, ConditionError> {
        self.evaluate_one(
            tuple,
            RequestValues::of(request),
            &mut ConditionCache::default(),
        )
    }

    /// Does the same for one of many evaluations of a request, which convert its values only once
    /// and count their work together.
    pub(in crate::relations) fn evaluate_one(
        &self,
        tuple: &Record,
        request: RequestValues<'_>,
        evaluations: &mut ConditionCache,
    ) -> Result<bool, ConditionError> {
        let values = self.values(tuple, request, evaluations)?;
        let mut budget = CostBudget::new(self.max_cost);
        let value = evaluate::evaluate(&self.root, &values, &mut budget);
        evaluations.work(budget.work_done());
        match value {
            Ok(Val::Bool(holds)) => Ok(holds),
            Ok(_) => Err(self.failed("the result is no bool")),
            Err(Halt::Error(message)) => Err(self.failed(&message)),
            Err(Halt::OverBudget) => Err(ConditionError::TooCostly {
                condition: self.name.clone(),
                max_cost: self.max_cost,
            }),
        }
    }

    /// Checks the values stored with a tuple of this condition: each must belong to a parameter and
    /// fit its type.
    pub fn check_stored(&self, context: &Record) -> Result<(), ConditionError> {
        for (name, value) in context.iter() {
            let Some((_, wanted)) = self
                .parameters
                .iter()
                .find(|(parameter, _)| parameter == name)
            else {
                return Err(ConditionError::Undeclared {
                    condition: self.name.clone(),
                    parameter: name.clone(),
                });
            };
            cast::cast(value, wanted).map_err(|error| self.bad_value(name, error))?;
        }
        Ok(())
    }

    fn values(
        &self,
        tuple: &Record,
        request: RequestValues<'_>,
        evaluations: &mut ConditionCache,
    ) -> Result<Vec<Val>, ConditionError> {
        let mut values = Vec::with_capacity(self.parameters.len());
        let mut missing = Vec::new();
        for (at, (name, wanted)) in self.parameters.iter().enumerate() {
            let converted = match tuple.get(name) {
                Some(stored) => {
                    evaluations.work(cast::work(stored));
                    Some(cast::cast(stored, wanted))
                }
                None => request
                    .get(name)
                    .map(|value| evaluations.convert((&self.name, at), value, wanted)),
            };
            match converted {
                Some(Ok(value)) => values.push(value),
                Some(Err(error)) => return Err(self.bad_value(name, error)),
                None => missing.push(name.clone()),
            }
        }
        if missing.is_empty() {
            Ok(values)
        } else {
            Err(ConditionError::Missing {
                condition: self.name.clone(),
                parameters: missing,
            })
        }
    }

    fn bad_value(&self, name: &SmolStr, error: CastError) -> ConditionError {
        ConditionError::BadValue {
            condition: self.name.clone(),
            parameter: name.clone(),
            error,
        }
    }

    fn failed(&self, message: &str) -> ConditionError {
        ConditionError::Failed {
            condition: self.name.clone(),
            message: message.to_owned(),
        }
    }
}

fn wrong_parameters(parameters: &[(SmolStr, ParameterType)]) -> Vec<String> {
    let mut problems = Vec::new();
    if parameters.len() > MAX_PARAMETERS {
        problems.push(format!(
            "there are {} parameters, and {MAX_PARAMETERS} are allowed; \
             pass related values as one map",
            parameters.len()
        ));
    }
    for (at, (name, ty)) in parameters.iter().enumerate() {
        let mut chars = name.chars();
        let is_name = chars
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            problems.push(format!(
                "`{name}` cannot name a parameter; use letters, digits and `_`"
            ));
        } else if signature::TYPE_VALUES.contains(&name.as_str())
            || syntax::RESERVED.contains(&name.as_str())
        {
            problems.push(format!(
                "`{name}` means something in CEL; give the parameter another name"
            ));
        }
        if parameters
            .iter()
            .take(at)
            .any(|(earlier, _)| earlier == name)
        {
            problems.push(format!(
                "the parameter `{name}` is declared twice; remove one"
            ));
        }
        if ty.depth() > MAX_TYPE_DEPTH {
            problems.push(format!(
                "the type of `{name}` is nested more than {MAX_TYPE_DEPTH} deep; use `any`"
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
