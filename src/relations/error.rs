//! Why the engine has no answer.
//!
//! INVARIANT: a [`RelationError`] is a property of the question, the tuples and the model: whoever
//! asks again at the same revision gets the same one, in whatever order the engine looked. A
//! [`RelationFault`] is a property of the moment, and nothing may be kept of it.

use super::condition::ConditionError;
use crate::model::TupleKey;
use smol_str::SmolStr;

/// An error that belongs to the question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// The model does not define the type.
    #[error("the model defines no type `{0}`")]
    UnknownType(SmolStr),
    /// The model does not define the relation.
    #[error("the model defines no relation `{relation}` of type `{kind}`{}", meant(near.as_deref()))]
    UnknownRelation {
        /// The type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
        /// The one that was probably meant.
        near: Option<SmolStr>,
    },
    /// A tuple's condition has no answer, and the answer depends on it.
    #[error("{error}")]
    Condition {
        /// The tuple.
        tuple: Box<TupleKey>,
        /// Why not.
        error: ConditionError,
    },
    /// The answer lies deeper than the limit allows to look.
    #[error("the relation nests more than {0} deep: shorten the chains of groups or parents")]
    TooDeep(u32),
}

/// A suggestion behind a sentence, where there is one.
pub(in crate::relations) fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

impl RelationError {
    /// Of two errors the one that is reported, whichever was met first: an error of the question
    /// before one of a condition before the depth, and of two conditions that of the lesser tuple.
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

/// A failure that belongs to the moment: a 5xx, never cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationFault {
    /// More tuples had to be read than the limit allows.
    #[error("the question needs more than {0} tuples: raise the limit, or ask about less")]
    TooBroad(u64),
    /// Everything that was asked together needs more than it may.
    #[error(
        "what is asked together needs more tuples, or more work of conditions, than the limit allows"
    )]
    TooMuch,
    /// An expansion is longer than anybody reads.
    #[error("the expansion has more than {0} bytes of names: read the tuples page by page")]
    TooLong(usize),
    /// The rewrites nest deeper than the engine follows.
    #[error("the model nests deeper than the engine follows: shorten its chains of relations")]
    TooNested,
    /// The time for the request is up.
    #[error("the time for the request is up")]
    OutOfTime,
    /// A condition cost more than the limit allows.
    #[error("a condition costs more than the limit allows: make its expression shorter")]
    TooCostly,
    /// The rules were compiled for another store.
    #[error("the model was compiled for another store")]
    ForeignRules,
    /// The graph holds what cannot be spelled out.
    #[error("the graph holds a tuple that cannot be spelled out")]
    Inconsistent,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It belongs to the question.
    #[error(transparent)]
    Error(#[from] RelationError),
    /// It belongs to the moment.
    #[error(transparent)]
    Fault(#[from] RelationFault),
}
