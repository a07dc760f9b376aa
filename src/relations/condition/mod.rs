//! Conditions on tuples.

mod types;

use crate::model::Record;
use smol_str::SmolStr;
pub use types::{MAX_TYPE_DEPTH, ParameterType};

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    parameters: Vec<(SmolStr, ParameterType)>,
}

impl Condition {
    /// The declared parameters.
    #[must_use]
    pub fn parameters(&self) -> &[(SmolStr, ParameterType)] {
        &self.parameters
    }

    /// Whether the expression reads a parameter.
    #[must_use]
    pub fn reads(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|(name, _)| name == parameter)
    }

    /// Whether the condition holds. The tuple's values win over the request's.
    pub fn evaluate(&self, _tuple: &Record, _request: &Record) -> Result<bool, ConditionError> {
        Err(ConditionError::MissingParameters { condition: SmolStr::default(), parameters: Vec::new() })
    }
}

/// Why a condition has no answer. Each is deterministic: the same inputs fail in the same way.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConditionError {
    /// A declared parameter has no value.
    #[error("condition `{condition}` lacks a value for {}", parameters.join("`, `"))]
    MissingParameters {
        /// The condition.
        condition: SmolStr,
        /// The parameters.
        parameters: Vec<SmolStr>,
    },
}
