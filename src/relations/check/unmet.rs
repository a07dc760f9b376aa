//! Notes the tuples whose conditions did not hold, for whoever asks why a relation does not.
//!
//! INVARIANT: nothing is noted unless a witness is wanted, and no outcome depends on what is noted.

use super::Evaluation;
use super::steps::Subproblem;
use crate::model::TupleCondition;
use crate::relations::condition::ConditionError;
use crate::relations::graph::{Edge, EdgeCondition};
use std::sync::Arc;

/// LIMIT: tuples that one check notes: several times as many as are shown, since some lead nowhere.
const MAX_NOTED: usize = 64;

/// A tuple whose condition did not hold.
#[derive(Clone, Debug)]
pub(in crate::relations) struct UnmetStep {
    /// The tuple.
    pub(in crate::relations) by: Edge,
    /// The sub-problem that it leads to; `None` if it names the user itself.
    pub(in crate::relations) to: Option<Subproblem>,
    /// Its condition.
    pub(in crate::relations) condition: Arc<TupleCondition>,
    /// Why the condition could not be evaluated; `None` if it is false.
    pub(in crate::relations) error: Option<ConditionError>,
}

impl Evaluation<'_, '_> {
    /// Notes a tuple whose condition did not hold, if a witness is wanted.
    pub(super) fn note_unmet(
        &mut self,
        by: Edge,
        to: Option<Subproblem>,
        when: &EdgeCondition,
        error: Option<ConditionError>,
    ) {
        let is_noted = || self.unmet.iter().any(|step| step.by == by && step.to == to);
        if !self.wants_witness || self.unmet.len() >= MAX_NOTED || is_noted() {
            return;
        }
        if let Some(condition) = when {
            self.unmet.push(UnmetStep {
                by,
                to,
                condition: Arc::clone(condition),
                error,
            });
        }
    }
}
