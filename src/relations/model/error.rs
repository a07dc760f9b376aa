//! The refusal of a model: every problem at once, and the one code that clients of OpenFGA's API
//! expect.

use crate::model::{Problem, Problems};
use std::fmt;

/// OpenFGA's code for a refusal. Every code is answered with status 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalCode {
    /// The body does not have the form that the API accepts.
    ValidationError,
    /// The model defines no type.
    TypeDefinitionsTooFewItems,
    /// The name of a type is too long, or has a character that type names cannot have.
    TypeInvalidPattern,
    /// The name of a relation is too long, or has a character that relation names cannot have.
    RelationsInvalidPattern,
    /// The model has more types or bytes than the limit allows.
    ExceededEntityLimit,
    /// The model contradicts itself, or a condition does not compile.
    InvalidAuthorizationModel,
}

impl RefusalCode {
    /// Returns the name, as it is written in the body of an error.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ValidationError => "validation_error",
            Self::TypeDefinitionsTooFewItems => "type_definitions_too_few_items",
            Self::TypeInvalidPattern => "type_invalid_pattern",
            Self::RelationsInvalidPattern => "relations_invalid_pattern",
            Self::ExceededEntityLimit => "exceeded_entity_limit",
            Self::InvalidAuthorizationModel => "invalid_authorization_model",
        }
    }

    /// Returns the number of the code in OpenFGA's `ErrorCode`.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::ValidationError => 2000,
            Self::TypeDefinitionsTooFewItems => 2045,
            Self::TypeInvalidPattern => 2047,
            Self::RelationsInvalidPattern => 2050,
            Self::ExceededEntityLimit => 2053,
            Self::InvalidAuthorizationModel => 2056,
        }
    }
}

/// All problems of a model. Problems of a model that was read from DSL have places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRefusal {
    /// The code of the first problem.
    pub code: RefusalCode,
    /// The problems; never empty.
    pub problems: Problems,
}

impl ModelRefusal {
    /// Creates a refusal with one problem.
    #[must_use]
    pub fn new(code: RefusalCode, problem: Problem) -> Self {
        Self {
            code,
            problems: problem.into(),
        }
    }
}

impl fmt::Display for ModelRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.fmt(f)
    }
}

impl std::error::Error for ModelRefusal {}
