//! Finds for which entities an expression can be true, or can be false.
//!
//! INVARIANT: the answer contains every entity for which the expression can have that value. For an
//! expression that is not understood, the answer is any entity.

mod lookup;

use super::ids::CandidateIds;
use super::index::AttributeTest;
use super::{ReverseRelations, entity_ref};
use crate::policy::analysis::mentions::{Mention, ObjectTerm, userset_id};
use crate::policy::analysis::syntax::{access_path, operands};
use crate::policy::analysis::unknown_arguments::mentions_any;
use crate::policy::evaluate::truth;
use crate::policy::load::policies::{CompiledPolicy, no_slots};
use crate::policy::load::stored::StoredEntities;
use crate::policy::schema::Schema;
use crate::policy::search::target::SearchTarget;
use cedar_policy_core::ast::{
    BinaryOp, EntityUID, Expr, ExprKind, Literal, PrincipalOrResourceConstraint as Scope, UnaryOp,
    Value as Cedar, ValueKind,
};
use cedar_policy_core::evaluator::Evaluator;
use std::cell::Cell;
use std::sync::Arc;

/// The depth of nested branches that are examined. Nobody writes so many, but a text may hold some
/// thousand, and each takes stack space of the request.
const MAX_BRANCHES: usize = 64;

/// The number of expressions that are examined for one conjunct. The condition of a branch is
/// examined both for when it is true and for when it is false, so each level of nesting would
/// double the time.
const MAX_VISITS: usize = 4_096;

/// The depth and the number of expressions that may still be examined.
#[derive(Clone, Copy, Debug)]
struct NarrowingBudget<'a> {
    branches: usize,
    visits: &'a Cell<usize>,
}

impl NarrowingBudget<'_> {
    /// Returns the room one level down; `None` if there is none left.
    fn within(self) -> Option<Self> {
        self.visits.set(self.visits.get().checked_sub(1)?);
        Some(Self {
            branches: self.branches.checked_sub(1)?,
            ..self
        })
    }
}

/// The values with which expressions are narrowed.
pub(super) struct Narrower<'a> {
    pub(super) target: &'a SearchTarget<'a>,
    pub(super) schema: &'a Schema,
    pub(super) stored: &'a StoredEntities,
    pub(super) reverse: &'a dyn ReverseRelations,
    /// The evaluator for expressions that do not depend on the target.
    pub(super) evaluator: &'a Evaluator<'a>,
    /// The relations that were not looked up although they do not depend on the target.
    pub(super) open: &'a [&'a Mention],
    /// The number of ids above which the answer is any entity.
    pub(super) most: usize,
}

impl Narrower<'_> {
    /// Returns the entities for which a policy can be satisfied, its scope aside.
    pub(super) fn satisfied(&self, policy: &CompiledPolicy) -> CandidateIds {
        // Known conjuncts cost nothing, and spare the others if one is false.
        let (known, rest): (Vec<&Expr>, Vec<&Expr>) = policy
            .conjuncts
            .iter()
            .map(|conjunct| conjunct.expr.as_ref())
            .partition(|expr| self.is_known(expr));
        known
            .into_iter()
            .chain(rest)
            .fold(CandidateIds::Any, |ids, expr| {
                if ids.is_none() {
                    ids
                } else {
                    ids.and(self.conjunct(policy, expr, true))
                }
            })
    }

    /// Returns the entities for which a policy is not satisfied and does not fail, its scope aside.
    pub(super) fn harmless(&self, policy: &CompiledPolicy) -> CandidateIds {
        policy
            .conjuncts
            .iter()
            .fold(CandidateIds::none(), |ids, conjunct| match ids {
                CandidateIds::Any => CandidateIds::Any,
                ids => self.cap(ids.or(self.conjunct(policy, &conjunct.expr, false))),
            })
    }

    /// Returns the entities that a scope can match.
    pub(super) fn scope(&self, scope: &Scope) -> CandidateIds {
        let within = |uid: &EntityUID| self.cap(self.at_or_below(uid));
        match scope {
            Scope::Any => CandidateIds::Any,
            Scope::Is(kind) => CandidateIds::all_if(**kind == self.target.info.name),
            Scope::Eq(_) | Scope::In(_) | Scope::IsIn(..) => match (scope, scope.get_euid()) {
                (Scope::Eq(_), Some(uid)) => self.ids_of([uid.as_ref().clone()]),
                (Scope::IsIn(kind, _), Some(uid)) if **kind == self.target.info.name => within(uid),
                (Scope::IsIn(..), Some(_)) => CandidateIds::none(),
                (_, Some(uid)) => within(uid),
                (_, None) => CandidateIds::Any,
            },
        }
    }

    fn is_known(&self, expr: &Expr) -> bool {
        !self.target.touches(expr) && !mentions_any(expr, self.open)
    }

    /// Returns the value of a known expression; `None` if it fails.
    fn value(&self, expr: &Expr) -> Option<Cedar> {
        self.evaluator.interpret(expr, no_slots()).ok()
    }

    fn conjunct(&self, policy: &CompiledPolicy, expr: &Expr, wanted: bool) -> CandidateIds {
        self.narrow(
            policy,
            expr,
            wanted,
            NarrowingBudget {
                branches: MAX_BRANCHES,
                visits: &Cell::new(MAX_VISITS),
            },
        )
    }

    fn narrow(
        &self,
        policy: &CompiledPolicy,
        expr: &Expr,
        wanted: bool,
        room: NarrowingBudget<'_>,
    ) -> CandidateIds {
        if self.is_known(expr) {
            let found = self.value(expr).as_ref().and_then(truth);
            return CandidateIds::all_if(found == Some(wanted));
        }
        let Some(room) = room.within() else {
            return CandidateIds::Any;
        };
        let narrow = |expr: &Expr, wanted| self.narrow(policy, expr, wanted, room);
        let ids = match (expr.expr_kind(), wanted) {
            (ExprKind::And { .. }, true) | (ExprKind::Or { .. }, false) => operands(expr)
                .into_iter()
                .fold(CandidateIds::Any, |ids, each| {
                    if ids.is_none() {
                        ids
                    } else {
                        ids.and(narrow(each, wanted))
                    }
                }),
            (ExprKind::And { .. }, false) | (ExprKind::Or { .. }, true) => operands(expr)
                .into_iter()
                .fold(CandidateIds::none(), |ids, each| match ids {
                    CandidateIds::Any => CandidateIds::Any,
                    ids => self.cap(ids.or(narrow(each, wanted))),
                }),
            (
                ExprKind::UnaryApp {
                    op: UnaryOp::Not,
                    arg,
                },
                _,
            ) => narrow(arg, !wanted),
            (
                ExprKind::If {
                    test_expr,
                    then_expr,
                    else_expr,
                },
                _,
            ) => {
                let then = narrow(test_expr, true).and(narrow(then_expr, wanted));
                then.or(narrow(test_expr, false).and(narrow(else_expr, wanted)))
            }
            (ExprKind::Is { expr, entity_type }, _) if self.target.is(expr) => {
                CandidateIds::all_if((*entity_type == self.target.info.name) == wanted)
            }
            (ExprKind::GetAttr { .. }, _) => self.holding(expr, &[Literal::Bool(wanted)]),
            (ExprKind::HasAttr { expr, attr }, true) => self.having(expr, attr),
            (ExprKind::ExtHasAttr { expr, attrs }, true) => self.having(expr, attrs.first()),
            (ExprKind::BinaryApp { op, arg1, arg2 }, true) => self.related(policy, *op, arg1, arg2),
            _ => CandidateIds::Any,
        };
        self.cap(ids)
    }

    /// Returns the entities for which `arg1 op arg2` can be true.
    fn related(
        &self,
        policy: &CompiledPolicy,
        op: BinaryOp,
        arg1: &Expr,
        arg2: &Expr,
    ) -> CandidateIds {
        let known = |expr: &Expr| {
            if self.is_known(expr) {
                Some(self.value(expr))
            } else {
                None
            }
        };
        match op {
            BinaryOp::Eq => match (known(arg1), known(arg2)) {
                (Some(value), None) => self.equal(arg2, value.as_ref()),
                (None, Some(value)) => self.equal(arg1, value.as_ref()),
                _ => CandidateIds::Any,
            },
            BinaryOp::Contains => match (known(arg1), known(arg2)) {
                // The known set must contain the target, or the value of its attribute.
                (Some(set), None) => {
                    set.map_or_else(CandidateIds::none, |set| self.one_of(arg2, literals(&set)))
                }
                (None, Some(value)) => value.map_or_else(CandidateIds::none, |value| {
                    self.with_element(arg1, literal(&value))
                }),
                _ => CandidateIds::Any,
            },
            BinaryOp::ContainsAny => match (known(arg1), known(arg2)) {
                (Some(set), None) => set.map_or_else(CandidateIds::none, |set| {
                    self.with_any(arg2, literals(&set))
                }),
                (None, Some(set)) => set.map_or_else(CandidateIds::none, |set| {
                    self.with_any(arg1, literals(&set))
                }),
                _ => CandidateIds::Any,
            },
            BinaryOp::In => match mention(policy, arg1, arg2) {
                Some(mention) => self.in_relation(mention, arg1, arg2),
                None => match (known(arg1), known(arg2)) {
                    (Some(value), None) => {
                        value.map_or_else(CandidateIds::none, |value| self.around(arg2, &value))
                    }
                    (None, Some(value)) => {
                        value.map_or_else(CandidateIds::none, |value| self.within(arg1, &value))
                    }
                    _ => CandidateIds::Any,
                },
            },
            _ => CandidateIds::Any,
        }
    }

    /// Narrows `X in Y.relation`, where X or Y is the target, or Y an attribute of the target, by a
    /// reverse look-up.
    fn in_relation(&self, mention: &Mention, user: &Expr, set: &Expr) -> CandidateIds {
        let uid = |expr: &Expr| match self.value(expr)?.value_kind() {
            ValueKind::Lit(Literal::EntityUID(uid)) => Some(entity_ref(uid)),
            _ => None,
        };
        if self.target.is_path(&mention.user) {
            let object = match (&mention.object, set.expr_kind()) {
                (ObjectTerm::Literal(object), _) => Some(object.clone()),
                (ObjectTerm::Path(..), ExprKind::GetAttr { expr, .. }) if self.is_known(expr) => {
                    match uid(expr) {
                        Some(object) => Some(object),
                        None => return CandidateIds::none(),
                    }
                }
                _ => None,
            };
            let Some(object) = object else {
                return CandidateIds::Any;
            };
            return CandidateIds::some(self.reverse.users(
                &object,
                &mention.relation,
                &self.target.kind,
            ));
        }
        let (ObjectTerm::Path(root, path), true) = (&mention.object, self.is_known(user)) else {
            return CandidateIds::Any;
        };
        let Some(user) = uid(user) else {
            return CandidateIds::none();
        };
        let path = (*root, path.clone());
        if self.target.is_path(&path) {
            return CandidateIds::some(self.reverse.objects(
                &user,
                &mention.relation,
                &self.target.kind,
            ));
        }
        let Some(attributes) = self.target.below(&path) else {
            return CandidateIds::Any;
        };
        let [attribute] = attributes.as_slice() else {
            return CandidateIds::Any;
        };
        let Some(kind) = self.type_behind(attribute) else {
            return CandidateIds::Any;
        };
        let Some(info) = self.schema.vocabulary.entity_type(&kind) else {
            return CandidateIds::Any;
        };
        let Some(objects) = self.reverse.objects(&user, &mention.relation, &kind) else {
            return CandidateIds::Any;
        };
        let values: Vec<Literal> = objects
            .iter()
            .map(|id| Literal::EntityUID(Arc::new(info.uid(id))))
            .collect();
        self.by_attributes(&attributes, AttributeTest::Value(&values))
    }

    /// Narrows `expr == value`. A value that failed equals nothing.
    fn equal(&self, expr: &Expr, value: Option<&Cedar>) -> CandidateIds {
        let Some(value) = value else {
            return CandidateIds::none();
        };
        match literal(value) {
            Some(literal) => self.one_of(expr, Some(vec![literal])),
            None => CandidateIds::Any,
        }
    }

    /// Returns the entities for which the expression is one of these values.
    fn one_of(&self, expr: &Expr, values: Option<Vec<Literal>>) -> CandidateIds {
        let Some(values) = values else {
            return CandidateIds::Any;
        };
        if self.target.is(expr) {
            return self.ids_of(values.into_iter().filter_map(|literal| match literal {
                Literal::EntityUID(uid) => Some(uid.as_ref().clone()),
                _ => None,
            }));
        }
        self.holding(expr, &values)
    }

    /// Returns the entities for which the expression is an attribute with one of these values.
    fn holding(&self, expr: &Expr, values: &[Literal]) -> CandidateIds {
        self.target
            .attributes(expr)
            .map_or(CandidateIds::Any, |path| {
                self.by_attributes(&path, AttributeTest::Value(values))
            })
    }

    fn with_element(&self, expr: &Expr, value: Option<Literal>) -> CandidateIds {
        value.map_or(CandidateIds::Any, |value| {
            self.with_any(expr, Some(vec![value]))
        })
    }

    /// Returns the entities for which the expression is an attribute that holds a set with one of
    /// these values in it.
    fn with_any(&self, expr: &Expr, values: Option<Vec<Literal>>) -> CandidateIds {
        match (self.target.attributes(expr), values) {
            (Some(path), Some(values)) => {
                self.by_attributes(&path, AttributeTest::Element(&values))
            }
            _ => CandidateIds::Any,
        }
    }

    pub(super) fn cap(&self, ids: CandidateIds) -> CandidateIds {
        match ids {
            CandidateIds::Only(ids) if ids.len() > self.most => CandidateIds::Any,
            ids => ids,
        }
    }
}

/// Returns the relation that `arg1 in arg2` mentions, if it mentions one.
fn mention<'r>(policy: &'r CompiledPolicy, arg1: &Expr, arg2: &Expr) -> Option<&'r Mention> {
    let user = access_path(arg1)?;
    policy
        .mentions
        .iter()
        .filter(|mention| mention.user == user)
        .find(|mention| match (&mention.object, arg2.expr_kind()) {
            (ObjectTerm::Path(root, path), ExprKind::GetAttr { expr, attr }) => {
                *attr == mention.relation
                    && access_path(expr).is_some_and(|(at, lead)| at == *root && lead == *path)
            }
            (ObjectTerm::Literal(object), ExprKind::Lit(Literal::EntityUID(uid))) => {
                userset_id(object, &mention.relation)
                    .is_some_and(|id| id == AsRef::<str>::as_ref(uid.eid()))
            }
            _ => false,
        })
}

/// Returns a value that can be looked up.
fn literal(value: &Cedar) -> Option<Literal> {
    match value.value_kind() {
        ValueKind::Lit(literal) => Some(literal.clone()),
        _ => None,
    }
}

/// Returns the elements of a set, if all of them can be looked up.
fn literals(value: &Cedar) -> Option<Vec<Literal>> {
    match value.value_kind() {
        ValueKind::Set(set) => set.iter().map(literal).collect(),
        _ => None,
    }
}
