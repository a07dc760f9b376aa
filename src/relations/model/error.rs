//! Why a model is refused: every problem at once, and the one code that clients of OpenFGA's API
//! expect.

use crate::model::{Problem, Problems};
use std::fmt;

/// OpenFGA's name for a refusal. All of them are answered with status 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalCode {
    /// The body is not of the form that the API takes.
    ValidationError,
    /// No type is defined.
    TypeDefinitionsTooFewItems,
    /// The name of a type has characters that no type can have, or too many.
    TypeInvalidPattern,
    /// The name of a relation has characters that no relation can have, or too many.
    RelationsInvalidPattern,
    /// More types or bytes than a model can have.
    ExceededEntityLimit,
    /// The model contradicts itself, or a condition does not compile.
    InvalidAuthorizationModel,
}

impl RefusalCode {
    /// The name, as it stands in the body of an error.
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

    /// The number, in OpenFGA's `ErrorCode`.
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

/// Everything that is wrong with a model. Problems of a model that was read from DSL have places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRefusal {
    /// The code of the first problem.
    pub code: RefusalCode,
    /// The problems; never empty.
    pub problems: Problems,
}

impl ModelRefusal {
    /// A refusal for one problem.
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
