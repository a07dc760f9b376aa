//! Several questions in one request (AuthZEN 1.0 section 7).

use super::{Ask, Engine, Refusal};
use crate::model::{Answer, Decision, Fault, Malformed, Request, Timestamp};

/// When a batch stops (AuthZEN 1.0 section 7.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantic {
    /// Never.
    #[default]
    ExecuteAll,
    /// After the first denial or error.
    DenyOnFirstDeny,
    /// After the first permit.
    PermitOnFirstPermit,
}

/// What became of one item of a batch.
#[derive(Clone, Debug)]
pub enum ItemAnswer {
    /// It was decided.
    Decided(Box<Answer>),
    /// It was not well-formed: a denial with `context.error` (section 7.2.1).
    Malformed(Malformed),
}

impl ItemAnswer {
    /// The decision; a malformed item is denied.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match self {
            Self::Decided(answer) => answer.decision,
            Self::Malformed(_) => Decision::Deny,
        }
    }
}

impl Engine {
    /// Decides a batch against one snapshot and one time, in order, and stops where `semantic` says. A fault ends the
    /// whole batch: an answer with a hole in it would be read as a denial.
    pub fn decide_batch(
        &self,
        ask: &Ask<'_>,
        items: &[Result<Request, Malformed>],
        semantic: Semantic,
    ) -> Result<Vec<ItemAnswer>, Fault> {
        let snapshot = self.live.load();
        let snapshot = snapshot.as_ref().ok_or(Fault::NoBundle)?;
        let now = Timestamp(self.clock.now_ms());
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let answer = match item {
                Err(malformed) => ItemAnswer::Malformed(malformed.clone()),
                Ok(request) => match self.answer(snapshot, ask, request, now) {
                    Ok(answer) => ItemAnswer::Decided(Box::new(answer)),
                    Err(Refusal::Malformed(malformed)) => ItemAnswer::Malformed(malformed),
                    Err(Refusal::Fault(fault)) => return Err(fault),
                },
            };
            let stop = match (semantic, answer.decision()) {
                (Semantic::ExecuteAll, _)
                | (Semantic::DenyOnFirstDeny, Decision::Permit)
                | (Semantic::PermitOnFirstPermit, Decision::Deny) => false,
                (Semantic::DenyOnFirstDeny, Decision::Deny) | (Semantic::PermitOnFirstPermit, Decision::Permit) => true,
            };
            answers.push(answer);
            if stop {
                break;
            }
        }
        Ok(answers)
    }
}
