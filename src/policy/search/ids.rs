//! Sets of ids that contain at least what they must.
//!
//! INVARIANT: every operation may add ids and never loses one.

use smol_str::SmolStr;
use std::collections::HashSet;

/// Ids of entities of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CandidateIds {
    /// Every entity of the type is possible, or there are too many to list.
    Any,
    /// Only these ids are possible.
    Only(HashSet<SmolStr>),
}

impl CandidateIds {
    pub(super) fn none() -> Self {
        Self::Only(HashSet::new())
    }

    pub(super) fn only(ids: impl IntoIterator<Item = SmolStr>) -> Self {
        Self::Only(ids.into_iter().collect())
    }

    /// Returns only these ids, or any if they are not known.
    pub(super) fn some(ids: Option<Vec<SmolStr>>) -> Self {
        ids.map_or(Self::Any, Self::only)
    }

    /// Returns any if the condition is true, and none otherwise.
    pub(super) fn all_if(condition: bool) -> Self {
        if condition { Self::Any } else { Self::none() }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Only(ids) if ids.is_empty())
    }

    /// Returns the intersection.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, ids) | (ids, Self::Any) => ids,
            (Self::Only(a), Self::Only(b)) => {
                let (mut few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
                few.retain(|id| many.contains(id));
                Self::Only(few)
            }
        }
    }

    /// Returns the union.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Only(a), Self::Only(b)) => {
                let (few, mut many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
                many.extend(few);
                Self::Only(many)
            }
        }
    }
}
