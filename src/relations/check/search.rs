//! Checks a monotone relation by a breadth-first search for the user.
//!
//! Only unions lie between such a relation and its tuples, so it holds exactly if some path of
//! tuples leads to the user. Each sub-problem is visited once, however many paths lead to it. So
//! groups that contain each other in cycles cost no more than a tree, and a denied check reads no
//! more than a permitted check could have read.

use super::outcome::CheckOutcome;
use super::steps::{Subproblem, TupleSteps};
use super::{Depths, Evaluation};
use crate::relations::error::{RelationError, RelationFault};
use crate::relations::graph::Edge;
use crate::relations::rules::CompiledRewrite;
use foldhash::{HashMap, HashMapExt as _};
use smallvec::SmallVec;

/// A sub-problem that the search has reached.
#[derive(Clone, Copy, Debug)]
struct FrontierEntry {
    node: Subproblem,
    /// The entry that led here, and the tuple that did; no tuple if both are on the same object.
    from: Option<(usize, Option<Edge>)>,
    /// The number of dispatches from the start of the search.
    distance: u32,
    is_done: bool,
}

/// Up to this many entries are searched linearly, which is faster than hashing.
const FEW: usize = 12;

#[derive(Debug, Default)]
struct Frontier {
    entries: SmallVec<[FrontierEntry; FEW]>,
    /// The index of each node among the entries, once there are more than [`FEW`].
    places: HashMap<Subproblem, usize>,
    now: SmallVec<[usize; FEW]>,
    next: SmallVec<[usize; FEW]>,
    /// The arcs between entries, recorded only if it matters whether they form a cycle.
    arcs: Option<Vec<(usize, usize)>>,
    /// Nodes that were beyond the limit on the path on which they were met, with the entry before
    /// them.
    beyond: Vec<(usize, Subproblem)>,
}

impl Evaluation<'_, '_> {
    /// Decides a monotone sub-problem that lies `depth` dispatches below the question, and returns
    /// how many dispatches further down the search went. `marks` says whether a denial that met a
    /// cycle must be reported as such.
    pub(super) fn search(
        &mut self,
        start: Subproblem,
        depth: u32,
        marks: bool,
    ) -> Result<(CheckOutcome, u32), RelationFault> {
        let mut frontier = Frontier {
            arcs: marks.then(Vec::new),
            ..Frontier::default()
        };
        frontier.add(FrontierEntry {
            node: start,
            from: None,
            distance: 0,
            is_done: false,
        });
        frontier.now.push(0);
        let mut outcome = CheckOutcome::Lacks;
        let mut below = 0;
        loop {
            let mut turn = 0;
            while let Some(&at) = frontier.now.get(turn) {
                turn += 1;
                let Some(entry) = frontier.take(at) else {
                    continue;
                };
                below = entry.distance;
                match self.look(&mut frontier, at, entry, depth)? {
                    CheckOutcome::Holds => return Ok((CheckOutcome::Holds, below)),
                    other => outcome = outcome.or(other),
                }
            }
            if frontier.next.is_empty() {
                break;
            }
            frontier.now.clear();
            std::mem::swap(&mut frontier.now, &mut frontier.next);
        }
        if frontier.ends_beyond() {
            outcome = outcome.or(self.outcome_beyond());
        }
        if outcome == CheckOutcome::Lacks && frontier.has_circle() {
            outcome = CheckOutcome::LacksByCycle;
        }
        Ok((outcome, below))
    }

    /// Looks for the user in one sub-problem, and notes where to look next.
    fn look(
        &mut self,
        frontier: &mut Frontier,
        at: usize,
        entry: FrontierEntry,
        depth: u32,
    ) -> Result<CheckOutcome, RelationFault> {
        if self.is_itself(entry.node) {
            self.show(frontier, at, None);
            return Ok(CheckOutcome::Holds);
        }
        let Some(relation) = self.rules.relation(entry.node.relation) else {
            return Ok(CheckOutcome::Lacks);
        };
        let mut outcome = CheckOutcome::Lacks;
        let mut steps = TupleSteps::default();
        let mut left: SmallVec<[&CompiledRewrite; 8]> = SmallVec::new();
        left.push(&relation.rewrite);
        while let Some(rewrite) = left.pop() {
            match rewrite {
                CompiledRewrite::This => {
                    let row = self.row(entry.node.object, relation)?;
                    let (direct, by) = self.direct(&row, entry.node, relation)?;
                    if direct == CheckOutcome::Holds {
                        self.show(frontier, at, by);
                        return Ok(direct);
                    }
                    outcome = outcome.or(direct);
                    let depth = depth.saturating_add(entry.distance);
                    self.usersets_that_matter(&row, entry.node, relation, depth, &mut steps)?;
                }
                CompiledRewrite::Computed(to) => {
                    if self.reach.has(*to) {
                        let node = Subproblem {
                            object: entry.node.object,
                            relation: *to,
                        };
                        frontier.come(at, node, None, entry.distance);
                    }
                }
                CompiledRewrite::Arrow(arrow) => {
                    self.arrow(entry.node.object, arrow, &mut steps)?;
                }
                // The first operand goes on top of the stack: it is usually the relation's own
                // tuples.
                CompiledRewrite::Union(children) => left.extend(children.iter().rev()),
                // No monotone relation has these; if one is searched anyway, it must not permit.
                CompiledRewrite::Intersection(_) | CompiledRewrite::Difference(..) => {
                    return Err(RelationFault::Inconsistent);
                }
            }
        }
        outcome = outcome.or(steps.failed());
        self.follow_all(frontier, (at, entry), steps, depth);
        Ok(outcome)
    }

    /// Adds the targets of the steps from an entry, or notes that they are beyond the limit.
    fn follow_all(
        &self,
        frontier: &mut Frontier,
        (at, entry): (usize, FrontierEntry),
        steps: TupleSteps,
        depth: u32,
    ) {
        let distance = entry.distance + 1;
        for step in steps.steps {
            if self.is_beyond(step.to, depth.saturating_add(distance)) {
                frontier.beyond.push((at, step.to));
            } else {
                frontier.come(at, step.to, Some(step.by), distance);
            }
        }
    }

    /// Returns `true` if a sub-problem lies deeper than the limit.
    pub(super) fn is_beyond(&self, node: Subproblem, depth: u32) -> bool {
        match &self.depths {
            Depths::Counted { .. } => depth > self.max_depth,
            Depths::Known(known) => !known.contains_key(&node),
        }
    }

    /// Returns the outcome of a sub-problem that lies deeper than the limit.
    pub(super) fn outcome_beyond(&self) -> CheckOutcome {
        match &self.depths {
            Depths::Counted { is_shortest: false } => CheckOutcome::Unknown,
            Depths::Counted { is_shortest: true } | Depths::Known(_) => {
                CheckOutcome::Fails(Box::new(RelationError::TooDeep(self.max_depth)))
            }
        }
    }

    /// Records the path of tuples that led to an entry, and the tuple that named the user there.
    fn show(&mut self, frontier: &Frontier, at: usize, last: Option<Edge>) {
        if !self.wants_witness {
            return;
        }
        let mut path: Vec<Edge> = last.into_iter().collect();
        let mut at = at;
        while let Some((before, by)) = frontier.entries.get(at).and_then(|entry| entry.from) {
            path.extend(by);
            at = before;
        }
        self.witness.extend(path.into_iter().rev());
    }
}

impl Frontier {
    fn add(&mut self, entry: FrontierEntry) -> usize {
        let at = self.entries.len();
        if at == FEW {
            self.places = HashMap::with_capacity(4 * FEW);
            self.places.extend(
                self.entries
                    .iter()
                    .enumerate()
                    .map(|(at, entry)| (entry.node, at)),
            );
        }
        if at >= FEW {
            self.places.insert(entry.node, at);
        }
        self.entries.push(entry);
        at
    }

    fn find(&self, node: Subproblem) -> Option<usize> {
        if self.entries.len() <= FEW {
            self.entries.iter().position(|entry| entry.node == node)
        } else {
            self.places.get(&node).copied()
        }
    }

    /// Returns the entry at `at`, unless it has been visited.
    fn take(&mut self, at: usize) -> Option<FrontierEntry> {
        let entry = self.entries.get_mut(at).filter(|entry| !entry.is_done)?;
        entry.is_done = true;
        Some(*entry)
    }

    /// Adds an arc from entry `from` to a node. If the node was reached by a tuple before and is
    /// now reached on the same object, it is one dispatch nearer, and is visited in this round and
    /// not the next.
    fn come(&mut self, from: usize, node: Subproblem, by: Option<Edge>, distance: u32) {
        let found = self.find(node);
        let at = found.unwrap_or_else(|| {
            self.add(FrontierEntry {
                node,
                from: Some((from, by)),
                distance,
                is_done: false,
            })
        });
        if let Some(arcs) = &mut self.arcs {
            arcs.push((from, at));
        }
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        if found.is_some() {
            if entry.is_done || entry.distance <= distance {
                return;
            }
            (entry.distance, entry.from) = (distance, Some((from, by)));
        }
        if by.is_some() {
            self.next.push(at);
        } else {
            self.now.push(at);
        }
    }

    /// Returns `true` if some node is beyond the limit on every path. A node that a shorter path
    /// reached, before or after, is not.
    fn ends_beyond(&mut self) -> bool {
        let mut ends = false;
        for (from, node) in std::mem::take(&mut self.beyond) {
            match (self.find(node), &mut self.arcs) {
                (None, _) => ends = true,
                (Some(at), Some(arcs)) => arcs.push((from, at)),
                (Some(_), None) => {}
            }
        }
        ends
    }

    /// Returns `true` if the arcs form a cycle. Entries without incoming arcs are removed until
    /// none is left, or only a cycle and what it leads to.
    fn has_circle(&self) -> bool {
        let Some(arcs) = &self.arcs else { return false };
        // A tree has one arc less than entries.
        if arcs.len() < self.entries.len() {
            return false;
        }
        let mut leading: Vec<usize> = vec![0; self.entries.len()];
        let mut out: Vec<SmallVec<[usize; 4]>> = vec![SmallVec::new(); self.entries.len()];
        for (from, to) in arcs {
            if let (Some(count), Some(targets)) = (leading.get_mut(*to), out.get_mut(*from)) {
                *count += 1;
                targets.push(*to);
            }
        }
        let mut free: Vec<usize> = (0..)
            .zip(&leading)
            .filter(|(_, count)| **count == 0)
            .map(|(at, _)| at)
            .collect();
        let mut taken = 0;
        while let Some(at) = free.pop() {
            taken += 1;
            for to in out.get(at).into_iter().flatten() {
                if let Some(count) = leading.get_mut(*to) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(*to);
                    }
                }
            }
        }
        taken < self.entries.len()
    }
}
