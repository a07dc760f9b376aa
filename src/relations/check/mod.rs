//! Checks whether a user is in a relation to an object.
//!
//! **Problem.** The rewrites of a model and its tuples form a graph with cycles. A naive walk takes
//! every path for a denied check, and only one for a permitted check. And where conditions fail or
//! the graph is deep, the outcome of a check can depend on the order of the walk.
//! **Decision.** There are two evaluators, which read tuples through the same functions
//! ([`steps`]). A relation that is made of unions alone is decided by a search ([`search`]) that
//! visits each sub-problem once. Any other relation is evaluated operand by operand ([`evaluate`]);
//! an operand made of unions alone is again decided by a search. Intermediate outcomes are cached.
//! The outcomes of operands are combined so that their order does not matter ([`outcome`]).
//! The depth of a sub-problem is that of the shortest
//! path to it ([`distances`]).
//! **Trade-off.** If intersections or differences are part of a cycle, a sub-problem may have to be
//! evaluated once for each path to it; the limit on reads ends that with a fault.

mod distances;
mod evaluate;
mod outcome;
mod search;
mod steps;
mod unmet;

pub(in crate::relations) use outcome::CheckOutcome;
pub(in crate::relations) use steps::{Subproblem, applies};
pub(in crate::relations) use unmet::UnmetStep;

use super::condition::{ConditionCache, RequestValues};
use super::error::RelationFault;
use super::graph::{EVERYONE, Edge, ObjectRows, RowHash, UserId, View};
use super::limits::WorkMeter;
use super::rules::{RelationSet, Rules, Terminal};
use crate::model::ClockUse;
use foldhash::HashMap;

/// The state that one question is evaluated with.
#[derive(Debug)]
pub(in crate::relations) struct CheckRun<'e, 'r> {
    /// The cost of the question so far.
    pub(in crate::relations) meter: WorkMeter<'r>,
    /// What the answer depends on, if it is recorded.
    pub(in crate::relations) trace: Option<&'e mut Trace>,
    /// The request's values for the parameters of conditions.
    pub(in crate::relations) sent: RequestValues<'r>,
    /// The values that were converted for conditions, and the work that is not counted yet.
    pub(in crate::relations) evaluations: &'e mut ConditionCache,
    /// The outcomes of sub-problems of earlier questions.
    pub(in crate::relations) memo: &'e mut CheckMemo,
}

/// What an answer depends on.
#[derive(Debug, Default)]
pub(in crate::relations) struct Trace {
    /// Every row that was read, whether it exists or not. A row may occur several times.
    pub(in crate::relations) rows: Vec<RowHash>,
    /// How conditions used the clock.
    pub(in crate::relations) clock: ClockUse,
}

/// The known outcomes of sub-problems.
#[derive(Debug, Default)]
pub(in crate::relations) struct CheckMemo {
    /// The number of the current question.
    pub(in crate::relations) question: u64,
    kept: HashMap<(Subproblem, UserId), MemoOutcome>,
}

#[derive(Clone, Debug)]
struct MemoOutcome {
    outcome: CheckOutcome,
    below: u32,
    question: u64,
}

/// How the depths of sub-problems are determined.
#[derive(Debug)]
enum Depths {
    /// The depth of a sub-problem is the length of the path on which it was met. `is_shortest` says
    /// whether this is always the shortest path.
    Counted { is_shortest: bool },
    /// The depths of all sub-problems within the limit, by the shortest path.
    Known(HashMap<Subproblem, u32>),
}

/// The evaluation of one question.
struct Evaluation<'e, 'r> {
    view: &'r View<'r>,
    rules: &'r Rules,
    run: &'e mut CheckRun<'e, 'r>,
    user: UserId,
    /// The wildcard of the user's type (`user:*`). It is set only if the user is a single object,
    /// the model allows the wildcard on the way to this relation, and the graph knows it.
    everyone: Option<UserId>,
    /// If the user is a userset, its own object and relation: a check that reaches this sub-problem
    /// holds.
    itself: Option<Subproblem>,
    reach: &'r RelationSet,
    max_depth: u32,
    depths: Depths,
    wants_witness: bool,
    witness: Vec<Edge>,
    /// The tuples whose conditions did not hold; noted only if a witness is wanted.
    unmet: Vec<UnmetStep>,
    /// The sub-problems that are being evaluated; each is needed for the one before it.
    path: Vec<Subproblem>,
    nesting: u32,
    /// The tuples of the object that was read last, since a check often reads several relations of
    /// one object in a row.
    last: Option<ObjectRows<'r>>,
}

/// The outcome of a check, and what shows it.
#[derive(Debug)]
pub(in crate::relations) struct CheckedQuestion {
    /// The outcome.
    pub(in crate::relations) outcome: CheckOutcome,
    /// The tuples that show that it holds, from the object to the user, if they are wanted.
    pub(in crate::relations) witness: Vec<Edge>,
    /// The tuples whose conditions did not hold, if a witness is wanted.
    pub(in crate::relations) unmet: Vec<UnmetStep>,
}

/// Checks whether a user is in a relation to an object.
pub(in crate::relations) fn check<'e, 'r>(
    view: &'r View<'r>,
    rules: &'r Rules,
    run: &'e mut CheckRun<'e, 'r>,
    root: Subproblem,
    user: UserId,
    max_depth: u32,
    wants_witness: bool,
) -> Result<CheckedQuestion, RelationFault> {
    let kind = view.kind(user.object);
    let itself = rules
        .relation_of(kind, user.relation)
        .map(|relation| Subproblem {
            object: user.object,
            relation,
        });
    let is_everyone = view.is_everyone(user.object);
    let terminal = match itself {
        Some(node) => Terminal::Userset(node.relation),
        None if is_everyone => Terminal::Everyone(kind),
        None => Terminal::Object(kind),
    };
    let names_everyone = || rules.reaching(Terminal::Everyone(kind)).has(root.relation);
    let is_one = itself.is_none() && !is_everyone;
    let everyone = if is_one && names_everyone() {
        view.find(kind, EVERYONE).map(UserId::plain)
    } else {
        None
    };
    let mut evaluation = Evaluation {
        view,
        rules,
        run,
        user,
        everyone,
        itself,
        reach: rules.reaching(terminal),
        max_depth,
        depths: Depths::Counted { is_shortest: true },
        wants_witness,
        witness: Vec::new(),
        unmet: Vec::new(),
        path: Vec::new(),
        nesting: 0,
        last: None,
    };
    let outcome = evaluation.decide(root)?;
    Ok(CheckedQuestion {
        outcome,
        witness: evaluation.witness,
        unmet: evaluation.unmet,
    })
}
