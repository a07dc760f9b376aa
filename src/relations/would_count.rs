//! Finds the tuples by which a relation would hold, if their conditions were true.
//!
//! **Problem.** A tuple whose condition is false leaves no trace in an answer: the user simply is
//! not in the relation, and whoever asks why looks for a tuple that is there.
//! **Decision.** A check that is to be explained notes each tuple whose condition did not hold. One
//! that names the user would have counted. One that leads to another object would have counted if
//! the user is in that one, which is checked afterwards, within limits of its own.
//! **Trade-off.** Beyond these limits such a tuple is left out. In an intersection a tuple is told
//! although another operand does not hold either.

use super::check::{self, CheckMemo, CheckOutcome, CheckRun, Subproblem, UnmetStep};
use super::condition::ConditionCache;
use super::graph::UserId;
use super::limits::WorkMeter;
use super::reader::Scene;
use crate::model::UnmetTuple;

/// LIMIT: tuples that are told of one question: more than a person reads.
const MAX_TOLD: usize = 8;

/// LIMIT: checks of where such tuples lead. All of one question read no more than would take half
/// a millisecond, which the limits of the decision do not count: it is decided as if nobody asked
/// why.
const MAX_CHECKS: usize = 16;

/// LIMIT: tuples that each of these checks may read.
const MAX_READS: u64 = 250;

/// LIMIT: such tuples behind one another on one path.
const MAX_BEHIND: usize = 4;

/// The search for tuples that would have counted.
pub(super) struct UnmetSearch<'r> {
    scene: Scene<'r>,
    user: UserId,
    checks: usize,
    found: Vec<UnmetStep>,
    /// The tuples that are being tried, each behind the one before.
    path: Vec<UnmetStep>,
}

impl<'r> UnmetSearch<'r> {
    pub(super) fn new(scene: Scene<'r>, user: UserId) -> Self {
        Self {
            scene,
            user,
            checks: 0,
            found: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Returns those of the noted tuples that would have counted, and those behind them.
    pub(super) fn run(mut self, noted: &[UnmetStep]) -> Vec<UnmetTuple> {
        for step in noted {
            self.look(step, 0);
        }
        let scene = self.scene;
        self.found
            .into_iter()
            .filter_map(|step| tuple_of(scene, step))
            .collect()
    }

    /// Adds a tuple if it would have counted. Returns `true` if it would.
    fn look(&mut self, step: &UnmetStep, behind: usize) -> bool {
        if self.found.iter().any(|known| known.by == step.by) {
            return true;
        }
        // Tuples in a circle lead nowhere but to one another.
        let is_tried = self.path.iter().any(|tried| tried.by == step.by);
        if is_tried || self.found.len() + self.path.len() >= MAX_TOLD {
            return false;
        }
        let at = self.found.len();
        let counts = match step.to {
            None => true,
            Some(to) => {
                self.path.push(step.clone());
                let leads = self.leads_to_user(to, behind);
                self.path.pop();
                leads
            }
        };
        if counts {
            self.found.insert(at, step.clone());
        }
        counts
    }

    /// Returns `true` if the user is in the sub-problem, or would be but for conditions, whose
    /// tuples are added.
    fn leads_to_user(&mut self, to: Subproblem, behind: usize) -> bool {
        if self.checks >= MAX_CHECKS || behind >= MAX_BEHIND {
            return false;
        }
        self.checks += 1;
        let terms = self.scene.terms;
        let mut evaluations = ConditionCache::default();
        let mut memo = CheckMemo::default();
        let mut run = CheckRun {
            meter: WorkMeter::new(MAX_READS, terms.is_over, None),
            trace: None,
            sent: terms.sent(),
            evaluations: &mut evaluations,
            memo: &mut memo,
        };
        let Scene { view, rules, .. } = self.scene;
        let depth = terms.limits.depth;
        // What cannot be found out here is not told.
        let Ok(checked) = check::check(view, rules, &mut run, to, self.user, depth, true) else {
            return false;
        };
        if checked.outcome == CheckOutcome::Holds {
            return true;
        }
        let mut counts = false;
        for step in &checked.unmet {
            counts |= self.look(step, behind + 1);
        }
        counts
    }
}

/// Returns a tuple with its parameters by name; `None` if the model knows its condition no longer.
fn tuple_of(scene: Scene<'_>, step: UnmetStep) -> Option<UnmetTuple> {
    let tuple = scene.view.key_text(step.by)?;
    let condition = scene.rules.model().condition(&step.condition.name)?;
    let supplied = scene.terms.supplied;
    let parameters = condition.parameters().iter().map(|(name, _)| {
        let is_stored = step.condition.context.get(name).is_some();
        let value = supplied.filter(|_| !is_stored);
        (
            name.clone(),
            value.and_then(|values| values.get(name)).cloned(),
        )
    });
    Some(UnmetTuple {
        tuple,
        parameters: parameters.collect(),
        condition: step.condition,
        error: step.error.map(|error| error.to_string()),
    })
}
