//! Groups policies that differ in constants only: type checking one of them is type checking all.
//!
//! **Problem.** Cedar's validator goes through a policy once per request environment, and once more
//! for levels: some milliseconds each. Bundles of thousands of policies are one text per tenant or
//! team, written by a program.
//! **Decision.** A policy's shape is its scope and condition with every free constant replaced by a
//! number: the first is 0, the next different one is 1. One policy of each shape is validated. If
//! anything at all is found, all others of that shape are validated too, so that each mistake is
//! reported at its place.
//! **Trade-off.** Policies that all have different shapes load as slowly as Cedar validates them.
//!
//! # Why it is sound
//!
//! Two policies of one shape differ by an injective renaming of constants: within a policy, equal
//! constants stay equal and different ones different. A constant is free only if it is a string, an
//! integer or an entity that is compared with an attribute or a variable (`==`, `<`, `in`,
//! `contains`), and occurs nowhere else in the policy. Cedar's type checker (its version is pinned)
//! gives such a literal its kind or its entity's type, which a shape includes. It looks at the
//! value only to decide whether two expressions are equal. Where values matter they are written
//! out: booleans, arguments of functions, keys of tags, patterns, operands beside another literal,
//! actions, the entities of enumerations, and usersets, which name a relation. Strings that are
//! hard to read are checked for in every policy.

use crate::policy::analysis::syntax::access_path;
use crate::policy::schema::Schema;
use cedar_policy_core::ast::{
    ActionConstraint, BinaryOp, EntityReference, EntityUID, Expr, ExprKind, Literal,
    PrincipalOrResourceConstraint, Template, UnaryOp, Var,
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A policy without its free constants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::policy) struct Shape(Vec<u8>);

impl Shape {
    pub(in crate::policy) fn of(template: &Template, schema: &Schema) -> Self {
        // A constant that is not free in one position is written out in all positions.
        let mut first = ShapeWriter {
            schema,
            bound: HashSet::new(),
            numbers: HashMap::new(),
            out: Vec::new(),
        };
        first.policy(template);
        let mut second = ShapeWriter {
            numbers: HashMap::new(),
            out: Vec::with_capacity(first.out.len()),
            ..first
        };
        second.policy(template);
        Self(second.out)
    }
}

/// Writes a policy's shape. INVARIANT: the output can be read in one way only: every part begins
/// with its kind, every name with its length, every list with its number of items.
struct ShapeWriter<'a> {
    schema: &'a Schema,
    /// The constants that occur in a position that is not free.
    bound: HashSet<Literal>,
    numbers: HashMap<Literal, usize>,
    out: Vec<u8>,
}

impl ShapeWriter<'_> {
    fn policy(&mut self, template: &Template) {
        self.constraint(template.principal_constraint().as_inner());
        match template.action_constraint() {
            ActionConstraint::Any => self.kind(b'a'),
            ActionConstraint::Eq(uid) => {
                self.kind(b'=');
                self.uid(uid);
            }
            ActionConstraint::In(uids) => {
                self.kind(b'i');
                self.count(uids.len());
                uids.iter().for_each(|uid| self.uid(uid));
            }
        }
        self.constraint(template.resource_constraint().as_inner());
        if let Some(condition) = template.non_scope_constraints() {
            self.expr(condition, false);
        }
    }

    fn constraint(&mut self, constraint: &PrincipalOrResourceConstraint) {
        match constraint {
            PrincipalOrResourceConstraint::Any => self.kind(b'a'),
            PrincipalOrResourceConstraint::Is(kind) => {
                self.kind(b's');
                self.text(&kind.to_string());
            }
            PrincipalOrResourceConstraint::Eq(reference) => {
                self.kind(b'=');
                self.reference(reference);
            }
            PrincipalOrResourceConstraint::In(reference) => {
                self.kind(b'i');
                self.reference(reference);
            }
            PrincipalOrResourceConstraint::IsIn(kind, reference) => {
                self.kind(b'b');
                self.text(&kind.to_string());
                self.reference(reference);
            }
        }
    }

    fn reference(&mut self, reference: &EntityReference) {
        match reference {
            EntityReference::EUID(uid) => self.literal(&Literal::EntityUID(uid.clone()), true),
            EntityReference::Slot(_) => self.kind(b'?'),
        }
    }

    /// Writes an expression. `free` says whether a literal here is compared with an attribute or a
    /// variable.
    fn expr(&mut self, expr: &Expr, free: bool) {
        match expr.expr_kind() {
            ExprKind::Lit(literal) => self.literal(literal, free),
            ExprKind::Var(var) => self.kind(match var {
                Var::Principal => b'P',
                Var::Action => b'A',
                Var::Resource => b'R',
                Var::Context => b'C',
            }),
            ExprKind::Slot(slot) => self.named(b'?', &slot.to_string()),
            ExprKind::Unknown(unknown) => self.named(b'u', &unknown.to_string()),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => {
                self.kind(b'I');
                [test_expr, then_expr, else_expr]
                    .into_iter()
                    .for_each(|part| self.expr(part, false));
            }
            ExprKind::And { left, right } => self.pair(b'&', left, right),
            ExprKind::Or { left, right } => self.pair(b'|', left, right),
            ExprKind::UnaryApp { op, arg } => {
                self.kind(match op {
                    UnaryOp::Not => b'!',
                    UnaryOp::Neg => b'-',
                    UnaryOp::IsEmpty => b'0',
                });
                self.expr(arg, false);
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => self.binary(*op, arg1, arg2),
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                self.named(b'f', &fn_name.to_string());
                self.all(args.iter(), false);
            }
            ExprKind::GetAttr { expr, attr } => self.about(b'.', attr, expr),
            ExprKind::HasAttr { expr, attr } => self.about(b'h', attr, expr),
            ExprKind::ExtHasAttr { expr, attrs } => {
                self.kind(b'H');
                self.count(attrs.len());
                attrs.iter().for_each(|attr| self.text(attr));
                self.expr(expr, false);
            }
            ExprKind::Like { expr, pattern } => self.about(b'~', &pattern.to_string(), expr),
            ExprKind::Is { expr, entity_type } => self.about(b's', &entity_type.to_string(), expr),
            ExprKind::Set(items) => {
                self.kind(b'[');
                self.all(items.iter(), free);
            }
            ExprKind::Record(members) => self.record(members),
        }
    }

    /// Writes an expression, and the name that is tested on it.
    fn about(&mut self, kind: u8, name: &str, expr: &Expr) {
        self.named(kind, name);
        self.expr(expr, false);
    }

    fn all<'e>(&mut self, items: impl ExactSizeIterator<Item = &'e Expr>, free: bool) {
        self.count(items.len());
        items.for_each(|item| self.expr(item, free));
    }

    fn record(&mut self, members: &BTreeMap<SmolStr, Expr>) {
        self.kind(b'{');
        self.count(members.len());
        for (name, member) in members {
            self.text(name);
            self.expr(member, false);
        }
    }

    fn pair(&mut self, kind: u8, left: &Expr, right: &Expr) {
        self.kind(kind);
        self.expr(left, false);
        self.expr(right, false);
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let compares = match op {
            BinaryOp::Eq
            | BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::In
            | BinaryOp::Contains
            | BinaryOp::ContainsAll
            | BinaryOp::ContainsAny => true,
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag | BinaryOp::HasTag => {
                false
            }
        };
        self.kind(b'o');
        self.text(&op.to_string());
        // The left operand of `in` is looked into, so its level counts.
        self.expr(
            left,
            compares && op != BinaryOp::In && access_path(right).is_some(),
        );
        self.expr(right, compares && access_path(left).is_some());
    }

    fn literal(&mut self, literal: &Literal, free: bool) {
        let free = free && self.has_no_meaning(literal);
        if !free {
            self.bound.insert(literal.clone());
        }
        let number = (free && !self.bound.contains(literal)).then(|| {
            let next = self.numbers.len();
            *self.numbers.entry(literal.clone()).or_insert(next)
        });
        match (literal, number) {
            (Literal::Bool(value), _) => self.kind(if *value { b't' } else { b'n' }),
            (Literal::Long(_), Some(number)) => {
                self.kind(b'L');
                self.count(number);
            }
            (Literal::Long(value), None) => {
                self.kind(b'l');
                self.out.extend(value.to_le_bytes());
            }
            (Literal::String(_), Some(number)) => {
                self.kind(b'S');
                self.count(number);
            }
            (Literal::String(value), None) => {
                self.kind(b'"');
                self.text(value);
            }
            (Literal::EntityUID(uid), Some(number)) => {
                self.kind(b'E');
                self.text(&uid.entity_type().to_string());
                self.count(number);
            }
            (Literal::EntityUID(uid), None) => {
                self.kind(b'e');
                self.uid(uid);
            }
        }
    }

    /// Returns `true` if only a literal's kind, or its entity's type, determines how it can be
    /// used.
    fn has_no_meaning(&self, literal: &Literal) -> bool {
        match literal {
            Literal::Bool(_) => false,
            Literal::Long(_) | Literal::String(_) => true,
            // The vocabulary contains no usersets.
            Literal::EntityUID(uid) => {
                let kind = self
                    .schema
                    .vocabulary
                    .entity_type(&uid.entity_type().to_string());
                !uid.is_action() && kind.is_some_and(|kind| kind.choices.is_none())
            }
        }
    }

    fn uid(&mut self, uid: &EntityUID) {
        self.text(&uid.entity_type().to_string());
        self.text(uid.eid().as_ref());
    }

    fn named(&mut self, kind: u8, name: &str) {
        self.kind(kind);
        self.text(name);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.out.extend(text.as_bytes());
    }

    fn count(&mut self, count: usize) {
        self.out.extend(count.to_le_bytes());
    }

    fn kind(&mut self, kind: u8) {
        self.out.push(kind);
    }
}

#[cfg(test)]
mod tests;
