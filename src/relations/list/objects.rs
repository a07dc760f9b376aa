//! Lists the objects to which a user has a relation, by a walk from the user.
//!
//! INVARIANT: the walk meets every object for which the check holds. It never looks at a tuple that
//! it does not reach from the user, so a condition of such a tuple cannot fail the list.

use super::{ListResult, ListTruncation, ResultVisitor, SubproblemWalk, collect, conclude};
use crate::model::{ObjectRef, TupleUser};
use crate::relations::check::Subproblem;
use crate::relations::error::{Failure, RelationFault};
use crate::relations::graph::{EVERYONE, Edge, NameId, ObjectId, UserId};
use crate::relations::reader::RelationReader;
use crate::relations::rules::{Contribution, RelationId, RelationSet};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

impl RelationReader<'_> {
    /// Lists the objects of type `kind` to which `user` has `relation`, at most `max` (OpenFGA's
    /// `ListObjects`).
    pub fn list_objects(
        &mut self,
        user: &TupleUser,
        relation: &str,
        kind: &str,
        max: usize,
    ) -> Result<ListResult<ObjectRef>, Failure> {
        collect(max, |each| self.stream_objects(user, relation, kind, each))
    }

    /// Passes the objects to `each` as they are found; when `each` breaks, the list is cut
    /// (OpenFGA's `StreamedListObjects`). An error is returned after the objects that were found in
    /// spite of it.
    pub fn stream_objects(
        &mut self,
        user: &TupleUser,
        relation: &str,
        kind: &str,
        each: ResultVisitor<'_, ObjectRef>,
    ) -> Result<Option<ListTruncation>, Failure> {
        let target = self.relation(kind, relation)?;
        let user = self.user(user)?;
        let user_kind = self.view.kind(user.object);
        let is_one = !user.is_userset() && !self.view.is_everyone(user.object);
        // If no tuple names everyone, it gets a number for this request, so that its row can be
        // recorded.
        let everyone = is_one.then(|| UserId::plain(self.view.object(user_kind, EVERYONE)));
        let (scene, state) = self.scene();
        let is_monotone = scene
            .rules
            .relation(target)
            .is_some_and(|relation| relation.is_monotone);
        let leading = scene.rules.leading_to(target);
        let mut walk = SubproblemWalk::new(scene, state);
        let mut has_more = false;
        let mut ended = walk.seed(leading, user, everyone);
        if ended.is_ok() {
            ended = walk.go(&mut |walk, node| {
                if node.relation == target && (is_monotone || walk.confirm(node, user)?) {
                    let object = walk
                        .scene
                        .view
                        .object_text(node.object)
                        .ok_or(RelationFault::Inconsistent)?;
                    if each(object).is_break() {
                        has_more = true;
                        return Ok(ControlFlow::Break(()));
                    }
                }
                walk.ascend(node, leading)?;
                Ok(ControlFlow::Continue(()))
            });
        }
        conclude(has_more, walk.error, ended)
    }
}

impl SubproblemWalk<'_, '_> {
    /// Finds where the walk begins: at the user itself if it is a userset, and at the tuples that
    /// name the user or everyone of its type.
    fn seed(
        &mut self,
        leading: &RelationSet,
        user: UserId,
        everyone: Option<UserId>,
    ) -> Result<(), RelationFault> {
        let rules = self.scene.rules;
        let kind = self.scene.view.kind(user.object);
        let itself = rules
            .relation_of(kind, user.relation)
            .filter(|relation| leading.has(*relation));
        self.now.extend(itself.map(|relation| Subproblem {
            object: user.object,
            relation,
        }));
        let names: BTreeSet<NameId> = rules
            .relations()
            .filter(|(id, _)| leading.has(*id))
            .map(|(_, relation)| relation.name)
            .collect();
        for user in [Some(user), everyone].into_iter().flatten() {
            self.row(|scene| scene.view.user_row_hash(user))?;
            for name in &names {
                for (object, when) in self.scene.view.objects(user, *name) {
                    self.meter.read()?;
                    let Some(id) = rules.relation_of(self.scene.view.kind(object), *name) else {
                        continue;
                    };
                    let Some(relation) = rules.relation(id).filter(|_| leading.has(id)) else {
                        continue;
                    };
                    let edge = Edge {
                        object,
                        relation: *name,
                        user,
                    };
                    if relation.admits(self.scene.view, user, when) && self.applies(edge, when)? {
                        self.now.push(Subproblem {
                            object,
                            relation: id,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Goes from a sub-problem that may hold to those that may hold because of it.
    fn ascend(&mut self, node: Subproblem, leading: &RelationSet) -> Result<(), RelationFault> {
        let rules = self.scene.rules;
        let Some(relation) = rules.relation(node.relation) else {
            return Ok(());
        };
        for incoming in rules
            .incoming(node.relation)
            .iter()
            .filter(|incoming| leading.has(incoming.to))
        {
            match incoming.how {
                Contribution::Computed => self.now.push(Subproblem {
                    object: node.object,
                    relation: incoming.to,
                }),
                Contribution::Userset => {
                    let user = UserId {
                        object: node.object,
                        relation: relation.name,
                    };
                    self.follow(user, incoming.to, incoming.to)?;
                }
                Contribution::Arrow(tupleset) => {
                    self.follow(UserId::plain(node.object), tupleset, incoming.to)?;
                }
            }
        }
        Ok(())
    }

    /// Follows the tuples of the relation `by` that name a user, to sub-problems about the relation
    /// `to`. Both relations are of one type.
    fn follow(
        &mut self,
        user: UserId,
        by: RelationId,
        to: RelationId,
    ) -> Result<(), RelationFault> {
        let Some(relation) = self.scene.rules.relation(by) else {
            return Ok(());
        };
        self.row(|scene| scene.view.user_row_hash(user))?;
        for (object, when) in self.scene.view.objects(user, relation.name) {
            self.meter.read()?;
            let is_of_kind = |object: ObjectId| self.scene.view.kind(object) == relation.kind;
            if !is_of_kind(object) || !relation.admits(self.scene.view, user, when) {
                continue;
            }
            if self.applies(
                Edge {
                    object,
                    relation: relation.name,
                    user,
                },
                when,
            )? {
                self.next.push(Subproblem {
                    object,
                    relation: to,
                });
            }
        }
        Ok(())
    }
}
