//! Lists the users that have a relation to an object, by expanding the relation.
//!
//! INVARIANT: the whole relation is expanded, so the list fails if the condition of any tuple on
//! the way cannot be evaluated, even if every user's check would have an answer. Everyone is never
//! expanded into individuals.

use super::{ListResult, ResultVisitor, SubproblemWalk, collect, conclude};
use crate::model::{ObjectRef, TupleUser};
use crate::relations::check::Subproblem;
use crate::relations::error::{Failure, RelationError, RelationFault};
use crate::relations::graph::{Edge, NameId, UserId};
use crate::relations::reader::RelationReader;
use crate::relations::rules::{
    Arrow, CompiledRewrite, Relation, RelationId, RelationSet, Terminal,
};
use foldhash::HashSet;
use smol_str::SmolStr;
use std::ops::ControlFlow;

/// The form of the users in a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserFilter {
    /// The users' type.
    pub kind: SmolStr,
    /// The relation of usersets; `None` for objects, and for everyone of the type.
    pub relation: Option<SmolStr>,
}

impl RelationReader<'_> {
    /// Lists the users of one form that have `relation` to `object`, at most `max` (OpenFGA's
    /// `ListUsers`). Everyone is listed as one user.
    pub fn list_users(
        &mut self,
        object: &ObjectRef,
        relation: &str,
        filter: &UserFilter,
        max: usize,
    ) -> Result<ListResult<TupleUser>, Failure> {
        collect(max, |each| self.each_user(object, relation, filter, each))
    }

    fn each_user(
        &mut self,
        object: &ObjectRef,
        relation: &str,
        filter: &UserFilter,
        each: ResultVisitor<'_, TupleUser>,
    ) -> Result<Option<super::ListTruncation>, Failure> {
        let relation = self.relation(object.kind(), relation)?;
        let root = Subproblem {
            object: self.object(object)?,
            relation,
        };
        let wanted = self.filter_ids(filter)?;
        let (scene, state) = self.scene();
        let is_monotone = scene
            .rules
            .relation(relation)
            .is_some_and(|relation| relation.is_monotone);
        let reach = scene.rules.reaching(match wanted.userset {
            Some(userset) => Terminal::Userset(userset),
            None => Terminal::Object(wanted.kind),
        });
        let mut walk = SubproblemWalk::new(scene, state);
        walk.now
            .extend(Some(root).filter(|root| reach.has(root.relation)));
        let mut met = HashSet::default();
        let mut has_more = false;
        let ended = walk.go(&mut |walk, node| {
            let mut users = Vec::new();
            walk.expand(node, reach, &wanted, &mut users)?;
            for user in users {
                if !met.insert(user) || !(is_monotone || walk.confirm(root, user)?) {
                    continue;
                }
                let text = walk
                    .scene
                    .view
                    .user_text(user)
                    .ok_or(RelationFault::Inconsistent)?;
                if each(text).is_break() {
                    has_more = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        conclude(has_more, walk.error, ended)
    }

    fn filter_ids(&self, filter: &UserFilter) -> Result<FilterIds, RelationError> {
        let kind = self.kind(&filter.kind)?;
        let Some(relation) = &filter.relation else {
            return Ok(FilterIds {
                kind,
                relation: NameId::NONE,
                userset: None,
            });
        };
        let userset = self.relation(&filter.kind, relation)?;
        let name = self
            .rules
            .relation(userset)
            .map_or(NameId::NONE, |relation| relation.name);
        Ok(FilterIds {
            kind,
            relation: name,
            userset: Some(userset),
        })
    }
}

/// A filter as numbers.
struct FilterIds {
    kind: NameId,
    relation: NameId,
    userset: Option<RelationId>,
}

impl SubproblemWalk<'_, '_> {
    /// Expands one sub-problem: the users that it names are added to `users`, and the sub-problems
    /// that its tuples lead to are visited next.
    fn expand(
        &mut self,
        node: Subproblem,
        reach: &RelationSet,
        wanted: &FilterIds,
        users: &mut Vec<UserId>,
    ) -> Result<(), RelationFault> {
        let rules = self.scene.rules;
        let Some(relation) = rules.relation(node.relation) else {
            return Ok(());
        };
        if wanted.userset == Some(node.relation) {
            users.push(UserId {
                object: node.object,
                relation: relation.name,
            });
        }
        let mut left = vec![&relation.rewrite];
        while let Some(rewrite) = left.pop() {
            match rewrite {
                CompiledRewrite::This => {
                    self.expand_tuples(node, relation, reach, wanted, users)?;
                }
                CompiledRewrite::Computed(to) if reach.has(*to) => {
                    self.now.push(Subproblem {
                        object: node.object,
                        relation: *to,
                    });
                }
                CompiledRewrite::Computed(_) => {}
                CompiledRewrite::Arrow(arrow) => self.expand_arrow(node, arrow, reach)?,
                CompiledRewrite::Union(_)
                | CompiledRewrite::Intersection(_)
                | CompiledRewrite::Difference(..) => {
                    left.extend(rewrite.children());
                }
            }
        }
        Ok(())
    }

    fn expand_tuples(
        &mut self,
        node: Subproblem,
        relation: &Relation,
        reach: &RelationSet,
        wanted: &FilterIds,
        users: &mut Vec<UserId>,
    ) -> Result<(), RelationFault> {
        let view = self.scene.view;
        self.row(|scene| scene.view.object_row_hash(node.object, relation.name))?;
        for (user, when) in view.row(node.object, relation.name).all() {
            self.meter.read()?;
            let edge = Edge {
                object: node.object,
                relation: relation.name,
                user,
            };
            if !relation.admits(view, user, when) || !self.applies(edge, when)? {
                continue;
            }
            let kind = view.kind(user.object);
            if kind == wanted.kind && user.relation == wanted.relation {
                users.push(user);
            }
            let to = self
                .scene
                .rules
                .relation_of(kind, user.relation)
                .filter(|to| reach.has(*to));
            self.next.extend(to.map(|to| Subproblem {
                object: user.object,
                relation: to,
            }));
        }
        Ok(())
    }

    fn expand_arrow(
        &mut self,
        node: Subproblem,
        arrow: &Arrow,
        reach: &RelationSet,
    ) -> Result<(), RelationFault> {
        let Some(tupleset) = self.scene.rules.relation(arrow.tupleset) else {
            return Ok(());
        };
        if !arrow.computed.iter().any(|(_, to)| reach.has(*to)) {
            return Ok(());
        }
        let view = self.scene.view;
        self.row(|scene| scene.view.object_row_hash(node.object, tupleset.name))?;
        for (user, when) in view.row(node.object, tupleset.name).plain() {
            self.meter.read()?;
            let edge = Edge {
                object: node.object,
                relation: tupleset.name,
                user,
            };
            if !tupleset.admits(view, user, when) || !self.applies(edge, when)? {
                continue;
            }
            let to = arrow.on(view.kind(user.object)).filter(|to| reach.has(*to));
            self.next.extend(to.map(|to| Subproblem {
                object: user.object,
                relation: to,
            }));
        }
        Ok(())
    }
}
