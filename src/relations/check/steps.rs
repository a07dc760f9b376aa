//! Reads the tuples of one sub-problem: those that name the user, and where the others lead.
//!
//! Everything that a check learns from tuples is learnt here, so that metering, tracing, conditions
//! and the filter by the model are the same for both evaluators.

use super::outcome::CheckOutcome;
use super::{Depths, Evaluation};
use crate::model::ClockUse;
use crate::relations::condition::{ConditionCache, ConditionError, RequestValues};
use crate::relations::error::{RelationError, RelationFault};
use crate::relations::graph::{Edge, EdgeCondition, ObjectId, ObjectRow, UserId, View};
use crate::relations::rules::{Arrow, Relation, RelationId, Rules};
use smallvec::SmallVec;

/// The number of usersets of a row that are read before the user's side is tried; then as many are
/// read on each side in turn. A second search is not worth it for fewer.
const LOOKED_AT_FIRST: usize = 16;

/// A sub-problem: whether the user is in this relation to this object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct Subproblem {
    /// The object.
    pub(in crate::relations) object: ObjectId,
    /// The relation.
    pub(in crate::relations) relation: RelationId,
}

/// A tuple that leads from one sub-problem to another. Following it is one dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct TupleStep {
    pub(super) to: Subproblem,
    pub(super) by: Edge,
}

/// The sub-problems that the tuples of a row lead to, and the foremost error of conditions that
/// could not be evaluated.
#[derive(Debug, Default)]
pub(super) struct TupleSteps {
    pub(super) steps: SmallVec<[TupleStep; 4]>,
    pub(super) error: Option<RelationError>,
}

impl TupleSteps {
    fn fail(&mut self, error: RelationError) {
        self.error = Some(match self.error.take() {
            Some(earlier) => earlier.foremost(error),
            None => error,
        });
    }

    /// Takes the error out, as an operand of a union.
    pub(super) fn failed(&mut self) -> CheckOutcome {
        self.error.take().map_or(CheckOutcome::Lacks, |error| {
            CheckOutcome::Fails(Box::new(error))
        })
    }
}

impl<'r> Evaluation<'_, 'r> {
    /// Returns the row of a relation's own tuples.
    pub(super) fn row(
        &mut self,
        object: ObjectId,
        relation: &Relation,
    ) -> Result<ObjectRow<'r>, RelationFault> {
        self.run.meter.read()?;
        if let Some(trace) = &mut self.run.trace {
            trace
                .rows
                .push(self.view.object_row_hash(object, relation.name));
        }
        let rows = match self.last {
            Some(rows) if rows.object() == object => rows,
            _ => *self.last.insert(self.view.rows_of(object)),
        };
        Ok(rows.of(relation.name))
    }

    /// Decides whether a tuple of the row names the user, or everyone of the user's type.
    pub(super) fn direct(
        &mut self,
        row: &ObjectRow<'r>,
        node: Subproblem,
        relation: &Relation,
    ) -> Result<(CheckOutcome, Option<Edge>), RelationFault> {
        let mut outcome = CheckOutcome::Lacks;
        for user in [Some(self.user), self.everyone].into_iter().flatten() {
            let edge = Edge {
                object: node.object,
                relation: relation.name,
                user,
            };
            for when in row.of(user) {
                self.run.meter.read()?;
                if !relation.admits(self.view, user, when) {
                    continue;
                }
                match self.applies(edge, None, when)? {
                    Ok(true) => return Ok((CheckOutcome::Holds, Some(edge))),
                    Ok(false) => {}
                    Err(error) => outcome = outcome.or(CheckOutcome::Fails(Box::new(error))),
                }
            }
        }
        Ok((outcome, None))
    }

    /// Collects the usersets of a row in which the user can be found.
    pub(super) fn usersets(
        &mut self,
        row: &ObjectRow<'r>,
        node: Subproblem,
        relation: &Relation,
        into: &mut TupleSteps,
    ) -> Result<(), RelationFault> {
        for (user, when) in row.usersets() {
            self.run.meter.read()?;
            let to = self
                .rules
                .relation_of(self.view.kind(user.object), user.relation);
            let Some(to) = to.filter(|to| self.reach.has(*to)) else {
                continue;
            };
            let edge = Edge {
                object: node.object,
                relation: relation.name,
                user,
            };
            if relation.admits(self.view, user, when) {
                self.follow(
                    edge,
                    when,
                    Subproblem {
                        object: user.object,
                        relation: to,
                    },
                    into,
                )?;
            }
        }
        Ok(())
    }

    /// Does the same where only the outcome counts. If there are many usersets that consist of
    /// tuples only, it may collect only those that the user is in. `depth` is that of the row.
    ///
    /// A document can be shared with ten thousand teams, while a user is in three of them. Both
    /// sides are read in turn, and the shorter one decides.
    pub(super) fn usersets_that_matter(
        &mut self,
        row: &ObjectRow<'r>,
        node: Subproblem,
        relation: &'r Relation,
        depth: u32,
        into: &mut TupleSteps,
    ) -> Result<(), RelationFault> {
        // A userset that lies too deep must be kept, as it makes the check fail. If the user is a
        // userset itself, it may be one of those in the row.
        let applies = relation.is_flat
            && self.itself.is_none()
            && depth < self.max_depth
            && matches!(self.depths, Depths::Counted { .. })
            && row.usersets().nth(2 * LOOKED_AT_FIRST).is_some();
        if !applies {
            return self.usersets(row, node, relation, into);
        }
        let mut held: SmallVec<[TupleStep; 4]> = SmallVec::new();
        let mut usersets = row.usersets();
        let mut memberships = self.memberships(relation);
        let mut all: SmallVec<[TupleStep; 4]> = SmallVec::new();
        loop {
            for _ in 0..LOOKED_AT_FIRST {
                self.run.meter.read()?;
                let Some((user, when)) = usersets.next() else {
                    into.steps.append(&mut all);
                    return Ok(());
                };
                all.extend(self.step_to(node, relation, user, when));
            }
            for _ in 0..LOOKED_AT_FIRST {
                self.run.meter.read()?;
                // Until one step is known, it is not known how deep the search has to go.
                let Some(userset) = memberships.next() else {
                    if all.is_empty() {
                        break;
                    }
                    all.truncate(LOOKED_AT_FIRST);
                    into.steps.append(&mut all);
                    into.steps.append(&mut held);
                    self.note_user_rows();
                    return Ok(());
                };
                held.extend(
                    row.of(userset)
                        .find_map(|when| self.step_to(node, relation, userset, when)),
                );
            }
        }
    }

    /// Returns the usersets that the relation may name and that the user, or everyone of its type,
    /// is in.
    fn memberships(&self, relation: &'r Relation) -> impl Iterator<Item = UserId> + use<'r> {
        let view = self.view;
        [Some(self.user), self.everyone]
            .into_iter()
            .flatten()
            .flat_map(move |user| {
                let names = relation.userset_names();
                names.flat_map(move |name| {
                    let object = move |(object, _): (ObjectId, &EdgeCondition)| UserId {
                        object,
                        relation: name,
                    };
                    view.objects(user, name).map(object)
                })
            })
    }

    /// Returns the step from a row to a userset in it, if the user can be found there and the
    /// relation allows the tuple.
    fn step_to(
        &self,
        node: Subproblem,
        relation: &Relation,
        user: UserId,
        when: &EdgeCondition,
    ) -> Option<TupleStep> {
        let to = self
            .rules
            .relation_of(self.view.kind(user.object), user.relation);
        let to = to.filter(|to| self.reach.has(*to) && relation.admits(self.view, user, when))?;
        let by = Edge {
            object: node.object,
            relation: relation.name,
            user,
        };
        Some(TupleStep {
            to: Subproblem {
                object: user.object,
                relation: to,
            },
            by,
        })
    }

    /// Records that the answer depends on the tuples that name the user, or everyone of its type.
    fn note_user_rows(&mut self) {
        let view = self.view;
        if let Some(trace) = &mut self.run.trace {
            trace.rows.push(view.user_row_hash(self.user));
            trace.rows.push(view.everyone_row_hash(self.user));
        }
    }

    /// Collects the sub-problems that an arrow leads to from an object, if the user can be found
    /// there.
    pub(super) fn arrow(
        &mut self,
        object: ObjectId,
        arrow: &Arrow,
        into: &mut TupleSteps,
    ) -> Result<(), RelationFault> {
        let Some(tupleset) = self.rules.relation(arrow.tupleset) else {
            return Ok(());
        };
        if !arrow.computed.iter().any(|(_, to)| self.reach.has(*to)) {
            return Ok(());
        }
        for (user, when) in self.row(object, tupleset)?.plain() {
            self.run.meter.read()?;
            let to = arrow.on(self.view.kind(user.object));
            let Some(to) = to.filter(|to| self.reach.has(*to)) else {
                continue;
            };
            let edge = Edge {
                object,
                relation: tupleset.name,
                user,
            };
            if tupleset.admits(self.view, user, when) {
                self.follow(
                    edge,
                    when,
                    Subproblem {
                        object: user.object,
                        relation: to,
                    },
                    into,
                )?;
            }
        }
        Ok(())
    }

    fn follow(
        &mut self,
        by: Edge,
        when: &EdgeCondition,
        to: Subproblem,
        into: &mut TupleSteps,
    ) -> Result<(), RelationFault> {
        match self.applies(by, Some(to), when)? {
            Ok(true) => into.steps.push(TupleStep { to, by }),
            Ok(false) => {}
            Err(error) => into.fail(error),
        }
        Ok(())
    }

    /// Decides whether a tuple's condition holds. `to` is what the tuple leads to, unless it names
    /// the user itself.
    fn applies(
        &mut self,
        edge: Edge,
        to: Option<Subproblem>,
        when: &EdgeCondition,
    ) -> Result<Result<bool, RelationError>, RelationFault> {
        if when.is_none() {
            return Ok(Ok(true));
        }
        let clock = self.run.trace.as_deref_mut().map(|trace| &mut trace.clock);
        let evaluations = &mut *self.run.evaluations;
        let applies = applies(
            self.view,
            self.rules,
            self.run.sent,
            edge,
            when,
            (evaluations, clock),
        );
        self.run.meter.work(self.run.evaluations.take_work())?;
        match &applies {
            Ok(Ok(false)) => self.note_unmet(edge, to, when, None),
            Ok(Err(RelationError::Condition { error, .. })) => {
                self.note_unmet(edge, to, when, Some(error.clone()));
            }
            Ok(Ok(true) | Err(_)) | Err(_) => {}
        }
        applies
    }

    /// Returns `true` if the sub-problem is whether a userset is in itself.
    pub(super) fn is_itself(&self, node: Subproblem) -> bool {
        self.itself == Some(node)
    }
}

/// Decides whether a tuple's condition holds. The tuple's values take precedence over the
/// request's. The work is counted in `evaluations`, and the use of the clock is added to `clock`,
/// if given.
pub(in crate::relations) fn applies(
    view: &View<'_>,
    rules: &Rules,
    sent: RequestValues<'_>,
    edge: Edge,
    when: &EdgeCondition,
    (evaluations, clock): (&mut ConditionCache, Option<&mut ClockUse>),
) -> Result<Result<bool, RelationError>, RelationFault> {
    let Some(stored) = when else {
        return Ok(Ok(true));
    };
    // A restriction names the condition, and a valid model defines every condition that its
    // restrictions name.
    let condition = rules
        .model()
        .condition(&stored.name)
        .ok_or(RelationFault::Inconsistent)?;
    let outcome = condition.evaluate_one(&stored.context, sent, evaluations);
    if let Some(clock) = clock {
        *clock = clock.and(condition.clock_use(&stored.context, sent, &outcome, evaluations));
    }
    match outcome {
        Ok(holds) => Ok(Ok(holds)),
        Err(ConditionError::TooCostly { .. }) => Err(RelationFault::TooCostly),
        Err(error) => {
            let tuple = view.key_text(edge).ok_or(RelationFault::Inconsistent)?;
            Ok(Err(RelationError::Condition {
                tuple: Box::new(tuple),
                error,
            }))
        }
    }
}
