//! The errors and faults for which the engine has no answer.
//!
//! INVARIANT: a [`RelationError`] is a property of the question, the tuples and the model: the same
//! question at the same revision gets the same error, in whatever order the engine searched. A
//! [`RelationFault`] is a property of the moment, and must never be cached.

use super::condition::ConditionError;
use crate::model::TupleKey;
use smol_str::SmolStr;

/// An error that depends on the question, the tuples and the model only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// The model does not define the type.
    #[error("the model defines no type `{0}`")]
    UnknownType(SmolStr),
    /// The model does not define the relation.
    #[error(
        "the model defines no relation `{relation}` of type `{kind}`{}",
        meant(near.as_deref())
    )]
    UnknownRelation {
        /// The type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
        /// The relation that was probably meant, if some name is similar.
        near: Option<SmolStr>,
    },
    /// A condition of a tuple could not be evaluated, and the answer depends on it.
    #[error("{error}")]
    Condition {
        /// The tuple.
        tuple: Box<TupleKey>,
        /// Why the condition could not be evaluated.
        error: ConditionError,
    },
    /// The answer needs more dispatches within one another than the limit allows.
    #[error("the relation nests more than {0} deep: shorten the chains of groups or parents")]
    TooDeep(u32),
}

/// Formats the suggestion that ends a message; it is empty without a suggestion.
pub(in crate::relations) fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

impl RelationError {
    /// Returns the error to report of two, in whatever order they were met: an unknown name comes
    /// before a condition, and a condition before the depth. Of two conditions, the one with the
    /// lesser tuple key comes first.
    pub(super) fn foremost(self, other: Self) -> Self {
        if other.rank() < self.rank() {
            other
        } else {
            self
        }
    }

    fn rank(&self) -> (u8, Option<&TupleKey>, String) {
        match self {
            Self::UnknownType(_) => (0, None, self.to_string()),
            Self::UnknownRelation { .. } => (1, None, self.to_string()),
            Self::Condition { tuple, .. } => (2, Some(tuple), self.to_string()),
            Self::TooDeep(_) => (3, None, String::new()),
        }
    }
}

/// A fault of the moment: it is answered with a 5xx and never cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationFault {
    /// More tuples had to be read than the limit allows.
    #[error("the question needs more than {0} tuples: raise the limit, or ask about less")]
    TooBroad(u64),
    /// All look-ups of one decision together need more than the allowance.
    #[error(
        "what is asked together needs more tuples, or more work of \
         conditions, than the limit allows"
    )]
    TooMuch,
    /// The expansion is longer than [`super::MAX_EXPANSION_BYTES`].
    #[error("the expansion has more than {0} bytes of names: read the tuples page by page")]
    TooLong(usize),
    /// The rewrites nest deeper than the engine follows.
    #[error("the model nests deeper than the engine follows: shorten its chains of relations")]
    TooNested,
    /// The time for the request has run out.
    #[error("the time for the request is up")]
    OutOfTime,
    /// A condition cost more than the limit allows.
    #[error("a condition costs more than the limit allows: make its expression shorter")]
    TooCostly,
    /// The rules were compiled for another store.
    #[error("the model was compiled for another store")]
    ForeignRules,
    /// The graph holds a tuple whose names cannot be resolved.
    #[error("the graph holds a tuple that cannot be spelled out")]
    Inconsistent,
}

impl RelationFault {
    /// Returns `true` if the same question may be answered later, with the same tuples and model.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::OutOfTime | Self::ForeignRules | Self::Inconsistent => true,
            Self::TooBroad(_)
            | Self::TooMuch
            | Self::TooLong(_)
            | Self::TooNested
            | Self::TooCostly => false,
        }
    }
}

/// The reason why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// An error that depends on the question.
    #[error(transparent)]
    Error(#[from] RelationError),
    /// A fault of the moment.
    #[error(transparent)]
    Fault(#[from] RelationFault),
}
