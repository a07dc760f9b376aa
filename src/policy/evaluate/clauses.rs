//! Takes conditions apart into clauses, and finds out which of them an evaluation reaches.
//!
//! A clause is a part of a condition that is true or false and has no such part itself: of
//! `resource has owner && (isHers || isTheirs)` there are three. What `&&`, `||` and `if` leave out
//! is not reached.

use super::truth;
use crate::model::ClauseResult;
use crate::policy::analysis::syntax::operands;
use crate::policy::load::policies::{CompiledPolicy, Conjunct, no_slots};
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, UnaryOp};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::parser::Loc;

/// A clause of a policy, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Its source text.
    pub source: String,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// How an expression is made of others that are true or false.
enum Junction<'e> {
    All(Vec<&'e Expr>),
    Any(Vec<&'e Expr>),
    Not(&'e Expr),
    If(&'e Expr, &'e Expr, &'e Expr),
    Clause,
}

impl<'e> Junction<'e> {
    fn of(expr: &'e Expr) -> Self {
        match expr.expr_kind() {
            // A chain is as deep as it is long, and is walked without recursion.
            ExprKind::And { .. } => Self::All(operands(expr)),
            ExprKind::Or { .. } => Self::Any(operands(expr)),
            ExprKind::UnaryApp {
                op: UnaryOp::Not,
                arg,
            } if !is_comparison(arg) => Self::Not(arg),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => Self::If(test_expr, then_expr, else_expr),
            _ => Self::Clause,
        }
    }
}

/// Returns `true` for what `>`, `>=` and `!=` become within a negation: they are written as one
/// clause, and not as the negation of another.
fn is_comparison(negated: &Expr) -> bool {
    let ExprKind::BinaryApp {
        op: BinaryOp::Less | BinaryOp::LessEq | BinaryOp::Eq,
        arg1,
        arg2,
    } = negated.expr_kind()
    else {
        return false;
    };
    let between = match (arg1.source_loc(), arg2.source_loc()) {
        (Some(left), Some(right)) => left.src.get(left.end()..right.start()),
        _ => None,
    };
    between.is_some_and(|operator| operator.contains(['>', '!']))
}

/// Returns the clauses of a policy, in the order in which they are written.
pub(in crate::policy) fn clauses(policy: &CompiledPolicy) -> Vec<Clause> {
    let of_conjunct = |conjunct: &Conjunct| {
        let mut found = Vec::new();
        collect(&conjunct.expr, &mut found);
        let clause = |expr: &Expr| Clause {
            source: source(expr),
            line: conjunct.line_of(expr),
        };
        found.into_iter().map(clause).collect::<Vec<_>>()
    };
    policy.conjuncts.iter().flat_map(of_conjunct).collect()
}

fn collect<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    match Junction::of(expr) {
        Junction::All(parts) | Junction::Any(parts) => {
            parts.into_iter().for_each(|part| collect(part, found));
        }
        Junction::Not(part) => collect(part, found),
        Junction::If(test, then, otherwise) => {
            [test, then, otherwise]
                .into_iter()
                .for_each(|part| collect(part, found));
        }
        Junction::Clause => found.push(expr),
    }
}

fn source(expr: &Expr) -> String {
    let written = expr.source_loc().and_then(Loc::snippet);
    written.map_or_else(|| expr.to_string(), str::to_owned)
}

/// Returns the clauses of a policy that its evaluation reaches, each with its result.
pub(in crate::policy) fn reached(
    evaluator: &Evaluator<'_>,
    policy: &CompiledPolicy,
) -> Vec<ClauseResult> {
    let mut walk = ClauseWalk {
        evaluator,
        next: 0,
        results: Vec::new(),
    };
    let conjuncts = policy.conjuncts.iter().map(|conjunct| &*conjunct.expr);
    walk.until(conjuncts, false);
    walk.results
}

struct ClauseWalk<'w, 'e> {
    evaluator: &'w Evaluator<'e>,
    /// The index of the next clause.
    next: usize,
    results: Vec<ClauseResult>,
}

impl ClauseWalk<'_, '_> {
    /// Evaluates parts up to the first that is `end`, or fails; returns `None` for a failure.
    fn until<'p>(&mut self, parts: impl IntoIterator<Item = &'p Expr>, end: bool) -> Option<bool> {
        let mut result = Some(!end);
        for part in parts {
            if result == Some(!end) {
                result = self.value(part);
            } else {
                self.skip(part);
            }
        }
        result
    }

    fn value(&mut self, expr: &Expr) -> Option<bool> {
        match Junction::of(expr) {
            Junction::All(parts) => self.until(parts, false),
            Junction::Any(parts) => self.until(parts, true),
            Junction::Not(part) => self.value(part).map(|value| !value),
            Junction::If(test, then, otherwise) => match self.value(test) {
                Some(true) => {
                    let value = self.value(then);
                    self.skip(otherwise);
                    value
                }
                Some(false) => {
                    self.skip(then);
                    self.value(otherwise)
                }
                None => {
                    self.skip(then);
                    self.skip(otherwise);
                    None
                }
            },
            Junction::Clause => {
                let value = self.evaluator.interpret(expr, no_slots()).ok();
                let value = value.and_then(|value| truth(&value));
                self.results.push(ClauseResult {
                    clause: self.next,
                    held: value == Some(true),
                });
                self.next += 1;
                value
            }
        }
    }

    fn skip(&mut self, expr: &Expr) {
        let mut left_out = Vec::new();
        collect(expr, &mut left_out);
        self.next += left_out.len();
    }
}
