//! Checks: is this user in that relation to this object?
//!
//! **Problem.** The rewrites of a model and its tuples form a graph with circles in it. Walked
//! naively, a denied check costs every path where a permitted one costs one; and what a check comes
//! to can depend on the order of the walk, where conditions fail or the graph is deep.
//! **Decision.** Two evaluators that read tuples through the same functions ([`steps`]). A relation
//! made of unions alone is decided by a search ([`search`]) that visits each sub-problem once.
//! Anything else is evaluated operand by operand ([`evaluate`]), ends in searches, and keeps what
//! it has found out; [`outcome`] says how operands combine, in an algebra in which their order does
//! not count. Depth means the shortest way ([`distances`]).
//! **Trade-off.** Where intersections or differences take part in a circle themselves, a
//! sub-problem may have to be evaluated once for each way to it; the limit on what is read ends
//! that with a fault.

mod distances;
mod evaluate;
mod outcome;
mod search;
mod steps;

pub(in crate::relations) use outcome::Outcome;
pub(in crate::relations) use steps::{Node, applies};

use super::condition::{Evaluations, Sent};
use super::error::RelationFault;
use super::graph::{EVERYONE, Edge, ObjectRows, RowHash, UserId, View};
use super::limits::Meter;
use super::rules::{Bits, Rules, Terminal};
use crate::model::ClockUse;
use foldhash::HashMap;

/// What one question reads with.
#[derive(Debug)]
pub(in crate::relations) struct Run<'e, 'r> {
    /// What the question has cost.
    pub(in crate::relations) meter: Meter<'r>,
    /// What the answer rests on, where that is wanted.
    pub(in crate::relations) trace: Option<&'e mut Trace>,
    /// The request's values for the parameters of conditions.
    pub(in crate::relations) sent: Sent<'r>,
    /// What conditions have converted, and their work.
    pub(in crate::relations) evaluations: &'e mut Evaluations,
    /// What earlier questions have found out.
    pub(in crate::relations) memo: &'e mut Memo,
}

/// What an answer rests on.
#[derive(Debug, Default)]
pub(in crate::relations) struct Trace {
    /// Every adjacency row that was read, found or not. A row may occur several times.
    pub(in crate::relations) rows: Vec<RowHash>,
    /// What conditions did with the clock.
    pub(in crate::relations) clock: ClockUse,
}

/// What has been found out about sub-problems.
#[derive(Debug, Default)]
pub(in crate::relations) struct Memo {
    /// Which question this is.
    pub(in crate::relations) question: u64,
    kept: HashMap<(Node, UserId), Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    outcome: Outcome,
    below: u32,
    question: u64,
}

/// How deep the sub-problems lie.
#[derive(Debug)]
enum Depths {
    /// As deep as the way on which they were met; the shortest way, or any.
    Counted { is_shortest: bool },
    /// Those within the limit, by the shortest way.
    Known(HashMap<Node, u32>),
}

/// One question.
struct Evaluation<'e, 'r> {
    view: &'r View<'r>,
    rules: &'r Rules,
    run: &'e mut Run<'e, 'r>,
    user: UserId,
    /// Everyone of the user's type, where the user is one object, the model lets tuples name
    /// everyone, and some tuple does.
    everyone: Option<UserId>,
    /// The sub-problem that asks of the user, a userset, whether it is in itself.
    itself: Option<Node>,
    reach: &'r Bits,
    max_depth: u32,
    depths: Depths,
    wants_witness: bool,
    witness: Vec<Edge>,
    /// The sub-problems that are being evaluated, each for the sake of the next.
    path: Vec<Node>,
    nesting: u32,
    /// The tuples of the object that was read last: a check reads several relations of one object
    /// in a row.
    last: Option<ObjectRows<'r>>,
}

/// What a check comes to, and the tuples that show it, from the object to the user.
pub(in crate::relations) fn check<'e, 'r>(
    view: &'r View<'r>,
    rules: &'r Rules,
    run: &'e mut Run<'e, 'r>,
    root: Node,
    user: UserId,
    max_depth: u32,
    wants_witness: bool,
) -> Result<(Outcome, Vec<Edge>), RelationFault> {
    let kind = view.kind(user.object);
    let itself = rules.relation_of(kind, user.relation).map(|relation| Node {
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
        path: Vec::new(),
        nesting: 0,
        last: None,
    };
    let outcome = evaluation.decide(root)?;
    Ok((outcome, evaluation.witness))
}
