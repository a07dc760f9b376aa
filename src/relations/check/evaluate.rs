//! Checks any relation: evaluates its rewrite operand by operand, down to sub-problems that a
//! search decides.
//!
//! INVARIANT: a cached outcome of a sub-problem is its outcome on every path. That is true of every
//! fact, and of any other outcome only if nothing above it on the path influenced it.

use super::outcome::CheckOutcome;
use super::steps::{Subproblem, TupleStep, TupleSteps};
use super::{Depths, Evaluation, MemoOutcome};
use crate::relations::error::RelationFault;
use crate::relations::limits::MAX_NESTING;
use crate::relations::rules::{CompiledRewrite, Relation};

/// An outcome, and what it depends on.
#[derive(Clone, Debug)]
struct SubproblemOutcome {
    outcome: CheckOutcome,
    /// The position in the path of the topmost sub-problem that the evaluation returned to; `None`
    /// if it returned to none.
    touched: Option<usize>,
    /// The number of dispatches that the evaluation went further down.
    below: u32,
}

impl From<CheckOutcome> for SubproblemOutcome {
    fn from(outcome: CheckOutcome) -> Self {
        Self {
            outcome,
            touched: None,
            below: 0,
        }
    }
}

impl SubproblemOutcome {
    /// Combines the results of two operands.
    fn with(self, other: Self, combine: fn(CheckOutcome, CheckOutcome) -> CheckOutcome) -> Self {
        let touched = match (self.touched, other.touched) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self {
            outcome: combine(self.outcome, other.outcome),
            touched,
            below: self.below.max(other.below),
        }
    }
}

/// Whether operands are combined as a union or as an intersection.
#[derive(Clone, Copy, Debug)]
enum Gate {
    Any,
    All,
}

impl Gate {
    fn combine(self) -> fn(CheckOutcome, CheckOutcome) -> CheckOutcome {
        match self {
            Self::Any => CheckOutcome::or,
            Self::All => CheckOutcome::and,
        }
    }

    /// Returns `true` if no further operand can change the outcome.
    fn is_settled_by(self, outcome: &CheckOutcome) -> bool {
        match self {
            Self::Any => *outcome == CheckOutcome::Holds,
            Self::All => *outcome == CheckOutcome::Lacks,
        }
    }
}

impl<'r> Evaluation<'_, 'r> {
    /// Decides the question itself.
    pub(super) fn decide(&mut self, root: Subproblem) -> Result<CheckOutcome, RelationFault> {
        if !self.is_itself(root) && !self.reach.has(root.relation) {
            return Ok(CheckOutcome::Lacks);
        }
        if self
            .rules
            .relation(root.relation)
            .is_some_and(|relation| relation.is_monotone)
        {
            self.depths = Depths::Counted { is_shortest: true };
            return Ok(self.search(root, 0, false)?.0);
        }
        self.depths = Depths::Counted { is_shortest: false };
        let outcome = self.node(root, 0)?.outcome;
        if outcome != CheckOutcome::Unknown {
            return Ok(outcome);
        }
        // This is rare: a path led too deep, and the outcome depends on it. With the shortest
        // distances there are no unknowns.
        let known = self.distances(root)?;
        self.depths = Depths::Known(known);
        self.witness.clear();
        let found = self.node(root, 0);
        // The depth of a sub-problem is different for the next question, and some cached outcomes
        // may depend on it.
        self.run.memo.kept.clear();
        Ok(found?.outcome)
    }

    fn node(&mut self, node: Subproblem, depth: u32) -> Result<SubproblemOutcome, RelationFault> {
        if self.is_itself(node) {
            return Ok(CheckOutcome::Holds.into());
        }
        if !self.reach.has(node.relation) {
            return Ok(CheckOutcome::Lacks.into());
        }
        if let Some(at) = self.path.iter().position(|above| *above == node) {
            return Ok(SubproblemOutcome {
                outcome: CheckOutcome::LacksByCycle,
                touched: Some(at),
                below: 0,
            });
        }
        if let Some(found) = self.memoized_outcome(node, depth) {
            return Ok(found);
        }
        let Some(relation) = self.rules.relation(node.relation) else {
            return Ok(CheckOutcome::Lacks.into());
        };
        let mut found = if relation.is_monotone {
            let (outcome, below) = self.search(node, depth, true)?;
            SubproblemOutcome {
                outcome,
                touched: None,
                below,
            }
        } else {
            let place = self.path.len();
            self.path.push(node);
            let mut found = self.rewrite(node, relation, &relation.rewrite, depth)?;
            self.path.truncate(place);
            found.touched = found.touched.filter(|touched| *touched < place);
            found
        };
        if found.outcome.is_fact() {
            found.touched = None;
        }
        if found.touched.is_none() && found.outcome != CheckOutcome::Unknown {
            let kept = MemoOutcome {
                outcome: found.outcome.clone(),
                below: found.below,
                question: self.run.memo.question,
            };
            self.run.memo.kept.insert((node, self.user), kept);
        }
        Ok(found)
    }

    /// Returns the cached outcome of a sub-problem. One of an earlier question is used only if
    /// everything below it lies within the limit now too; and `Holds` is not used if a witness is
    /// wanted, because the tuples that show it are not cached.
    fn memoized_outcome(&self, node: Subproblem, depth: u32) -> Option<SubproblemOutcome> {
        let kept = self.run.memo.kept.get(&(node, self.user))?;
        let fits = kept.question == self.run.memo.question
            || depth.saturating_add(kept.below) <= self.max_depth;
        let shows = !(self.wants_witness && kept.outcome == CheckOutcome::Holds);
        (fits && shows).then(|| SubproblemOutcome {
            outcome: kept.outcome.clone(),
            touched: None,
            below: kept.below,
        })
    }

    fn rewrite(
        &mut self,
        node: Subproblem,
        relation: &'r Relation,
        rewrite: &'r CompiledRewrite,
        depth: u32,
    ) -> Result<SubproblemOutcome, RelationFault> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(RelationFault::TooNested);
        }
        let shown = self.witness.len();
        let found = match rewrite {
            CompiledRewrite::This => self.this(node, relation, depth),
            CompiledRewrite::Computed(to) => self.node(
                Subproblem {
                    object: node.object,
                    relation: *to,
                },
                depth,
            ),
            CompiledRewrite::Arrow(arrow) => {
                let mut steps = TupleSteps::default();
                self.arrow(node.object, arrow, &mut steps)?;
                self.any(steps, depth)
            }
            CompiledRewrite::Union(children) => {
                self.combine(node, relation, children, depth, Gate::Any)
            }
            CompiledRewrite::Intersection(children) => {
                self.combine(node, relation, children, depth, Gate::All)
            }
            CompiledRewrite::Difference(base, subtract) => {
                self.difference(node, relation, base, subtract, depth)
            }
        }?;
        self.nesting -= 1;
        if found.outcome != CheckOutcome::Holds {
            self.witness.truncate(shown);
        }
        Ok(found)
    }

    /// Evaluates the operands of a union or an intersection, up to the one that settles it. Without
    /// operands nothing holds.
    fn combine(
        &mut self,
        node: Subproblem,
        relation: &'r Relation,
        operands: &'r [CompiledRewrite],
        depth: u32,
        gate: Gate,
    ) -> Result<SubproblemOutcome, RelationFault> {
        let mut all: Option<SubproblemOutcome> = None;
        for operand in operands {
            let found = self.rewrite(node, relation, operand, depth)?;
            let found = match all {
                None => found,
                Some(before) => before.with(found, gate.combine()),
            };
            if gate.is_settled_by(&found.outcome) {
                return Ok(found);
            }
            all = Some(found);
        }
        Ok(all.unwrap_or_else(|| CheckOutcome::Lacks.into()))
    }

    fn difference(
        &mut self,
        node: Subproblem,
        relation: &'r Relation,
        base: &'r CompiledRewrite,
        subtract: &'r CompiledRewrite,
        depth: u32,
    ) -> Result<SubproblemOutcome, RelationFault> {
        let base = self.rewrite(node, relation, base, depth)?;
        if base.outcome == CheckOutcome::Lacks {
            return Ok(base);
        }
        // The tuples by which the user is, or nearly is, in the subtracted side show nothing.
        let (shown, noted) = (self.witness.len(), self.unmet.len());
        let subtract = self.rewrite(node, relation, subtract, depth)?;
        self.witness.truncate(shown);
        self.unmet.truncate(noted);
        Ok(base.with(subtract, CheckOutcome::but_not))
    }

    /// Evaluates the relation's own tuples: those that name the user, then the usersets.
    fn this(
        &mut self,
        node: Subproblem,
        relation: &'r Relation,
        depth: u32,
    ) -> Result<SubproblemOutcome, RelationFault> {
        let row = self.row(node.object, relation)?;
        let (direct, by) = self.direct(&row, node, relation)?;
        if direct == CheckOutcome::Holds {
            if self.wants_witness {
                self.witness.extend(by);
            }
            return Ok(direct.into());
        }
        let mut steps = TupleSteps::default();
        self.usersets_that_matter(&row, node, relation, depth, &mut steps)?;
        Ok(self
            .any(steps, depth)?
            .with(direct.into(), CheckOutcome::or))
    }

    /// Evaluates the union of the sub-problems that tuples lead to.
    fn any(
        &mut self,
        mut steps: TupleSteps,
        depth: u32,
    ) -> Result<SubproblemOutcome, RelationFault> {
        let mut all = SubproblemOutcome::from(steps.failed());
        for step in steps.steps {
            let shown = self.witness.len();
            let found = self.dispatch(step, depth + 1)?;
            all = all.with(found, CheckOutcome::or);
            if all.outcome == CheckOutcome::Holds {
                break;
            }
            self.witness.truncate(shown);
        }
        Ok(all)
    }

    fn dispatch(
        &mut self,
        step: TupleStep,
        depth: u32,
    ) -> Result<SubproblemOutcome, RelationFault> {
        if self.is_beyond(step.to, depth) {
            return Ok(self.outcome_beyond().into());
        }
        if self.wants_witness {
            self.witness.push(step.by);
        }
        let found = self.node(step.to, depth)?;
        Ok(SubproblemOutcome {
            below: found.below + 1,
            ..found
        })
    }
}
