//! Lists the objects to which a user has a relation, and the users that have a relation to an
//! object.
//!
//! **Problem.** Checking every object of a type costs as much as there are objects, not as much as
//! is found. It also gives other errors than OpenFGA, whose lists never see what their walk does
//! not reach.
//! **Decision.** Objects are found by a walk from the user against the direction of the model
//! ([`objects`]), users by expanding the relation ([`users`]). For a monotone relation, what the
//! walk finds is the answer. Otherwise each find is a candidate, which an ordinary check confirms,
//! so a list never disagrees with checks.
//! **Trade-off.** An intersection is walked through its first operand, however many objects that
//! has. A list that stops early says so and why; it never looks complete.

mod objects;
mod users;

pub use users::UserFilter;

use super::check::{Subproblem, applies};
use super::error::{Failure, RelationError, RelationFault};
use super::graph::{Edge, EdgeCondition, RowHash, UserId};
use super::limits::WorkMeter;
use super::reader::{ReaderState, ReaderTerms, Scene};
use foldhash::HashSet;
use std::ops::ControlFlow;

/// The reason why a list is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListTruncation {
    /// There are more results than were requested.
    Results,
    /// The time for the request ran out.
    Time,
    /// More tuples had to be read than the limit allows.
    Breadth,
}

/// The result of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListResult<T> {
    /// The results, in no particular order, each once.
    pub found: Vec<T>,
    /// Why there may be more results; `None` if these are all.
    pub cut: Option<ListTruncation>,
}

/// A receiver of results, which may stop the list.
type ResultVisitor<'e, T> = &'e mut dyn FnMut(T) -> ControlFlow<()>;

/// Visits one sub-problem of a walk, and may end the walk.
type SubproblemVisitor<'v, W> =
    &'v mut dyn FnMut(&mut W, Subproblem) -> Result<ControlFlow<()>, RelationFault>;

/// A walk over sub-problems. Each is met by the shortest path first, as in a check.
struct SubproblemWalk<'w, 'r> {
    scene: Scene<'r>,
    state: &'w mut ReaderState,
    meter: WorkMeter<'r>,
    /// The error to report, unless the list is cut before its end.
    error: Option<RelationError>,
    now: Vec<Subproblem>,
    next: Vec<Subproblem>,
    done: HashSet<Subproblem>,
}

impl<'w, 'r> SubproblemWalk<'w, 'r> {
    fn new(scene: Scene<'r>, state: &'w mut ReaderState) -> Self {
        let ReaderTerms {
            limits,
            is_over,
            allowance,
            ..
        } = *scene.terms;
        let meter = WorkMeter::new(limits.list_reads, is_over, allowance);
        let (now, next, done) = (Vec::new(), Vec::new(), HashSet::default());
        Self {
            scene,
            state,
            meter,
            error: None,
            now,
            next,
            done,
        }
    }

    /// Visits the sub-problems level by level; `visit` adds the next ones.
    fn go(&mut self, visit: SubproblemVisitor<'_, Self>) -> Result<(), RelationFault> {
        let max_depth = self.scene.terms.limits.depth;
        let mut depth = 0;
        loop {
            while let Some(node) = self.now.pop() {
                if self.done.insert(node) && visit(self, node)?.is_break() {
                    return Ok(());
                }
            }
            std::mem::swap(&mut self.now, &mut self.next);
            let done = &self.done;
            self.now.retain(|node| !done.contains(node));
            if self.now.is_empty() {
                return Ok(());
            }
            depth += 1;
            if depth > max_depth {
                self.fail(RelationError::TooDeep(max_depth));
                return Ok(());
            }
        }
    }

    /// Decides whether a tuple's condition holds. An error is kept for the end of the list.
    fn applies(&mut self, edge: Edge, when: &EdgeCondition) -> Result<bool, RelationFault> {
        self.meter.read()?;
        if self.scene.terms.possible {
            return Ok(true);
        }
        let ReaderState {
            trace, evaluations, ..
        } = self.state;
        let clock = trace.as_mut().map(|trace| &mut trace.clock);
        let applies = applies(
            self.scene.view,
            self.scene.rules,
            self.scene.terms.sent(),
            edge,
            when,
            (evaluations, clock),
        );
        self.meter.work(evaluations.take_work())?;
        match applies? {
            Ok(holds) => Ok(holds),
            Err(error) => {
                self.fail(error);
                Ok(false)
            }
        }
    }

    /// Decides whether the check of a candidate holds. An error is kept for the end of the list.
    fn confirm(&mut self, node: Subproblem, user: UserId) -> Result<bool, RelationFault> {
        if self.scene.terms.possible {
            return Ok(true);
        }
        self.meter.look()?;
        match self.scene.decide(self.state, node, user, false) {
            Ok(membership) => Ok(membership.holds()),
            Err(Failure::Fault(fault)) => Err(fault),
            Err(Failure::Error(error)) => {
                self.fail(error);
                Ok(false)
            }
        }
    }

    fn fail(&mut self, error: RelationError) {
        self.error = Some(match self.error.take() {
            Some(earlier) => earlier.foremost(error),
            None => error,
        });
    }

    /// Counts a row, and records it if rows are recorded.
    fn row(&mut self, hash: impl FnOnce(Scene<'r>) -> RowHash) -> Result<(), RelationFault> {
        if let Some(trace) = &mut self.state.trace {
            trace.rows.push(hash(self.scene));
        }
        self.meter.read()
    }
}

/// Decides how a list ends: its walk ended with `ended`, and met `error` on the way.
///
/// A list with more results than were requested is cut, whatever the walk met; otherwise an error
/// is the answer (OpenFGA's order). A list that ran out of time or of reads is cut; any other fault
/// is returned.
fn conclude(
    has_more: bool,
    error: Option<RelationError>,
    ended: Result<(), RelationFault>,
) -> Result<Option<ListTruncation>, Failure> {
    if has_more {
        return Ok(Some(ListTruncation::Results));
    }
    if let Some(error) = error {
        return Err(error.into());
    }
    match ended {
        Ok(()) => Ok(None),
        Err(RelationFault::OutOfTime) => Ok(Some(ListTruncation::Time)),
        Err(RelationFault::TooBroad(_) | RelationFault::TooMuch) => {
            Ok(Some(ListTruncation::Breadth))
        }
        Err(
            fault @ (RelationFault::TooNested
            | RelationFault::TooCostly
            | RelationFault::TooLong(_)
            | RelationFault::ForeignRules
            | RelationFault::Inconsistent),
        ) => Err(fault.into()),
    }
}

/// Collects at most `max` results of a list; if there is one more, the list is cut.
fn collect<T>(
    max: usize,
    list: impl FnOnce(ResultVisitor<'_, T>) -> Result<Option<ListTruncation>, Failure>,
) -> Result<ListResult<T>, Failure> {
    let mut found = Vec::new();
    let mut each = |one| {
        if found.len() == max {
            return ControlFlow::Break(());
        }
        found.push(one);
        ControlFlow::Continue(())
    };
    let cut = list(&mut each)?;
    Ok(ListResult { found, cut })
}
