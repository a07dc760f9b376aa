//! Derives the policies for calls with unknown arguments: what *some* arguments could be permitted.
//!
//! **Problem.** A server that lists its tools asks before there are arguments, and a tool must not
//! be missing from the list because its permit reads one.
//! **Decision.** A second set of policies is made at load. Each permit loses the top-level
//! conjuncts that read `context.arguments`, and a forbid with such a conjunct is left out. A
//! relation reads arguments too if a condition on its tuples has a parameter of that name.
//! **Trade-off.** The second set permits more than any single call is permitted. It must be
//! requested by name and needs a permission of its own, and every answer from it says what it is.
//!
//! INVARIANT: a leg that permits with some arguments permits here. A permit keeps the conjuncts
//! that do not depend on arguments, in their order, so if all of its conjuncts hold, all that are
//! left hold. A forbid that holds here does not depend on arguments, so it would forbid every call.

use crate::model::Decision;
use crate::policy::analysis::mentions::{Mention, ObjectTerm};
use crate::policy::analysis::read_set::ReadSet;
use crate::policy::analysis::syntax::children;
use crate::policy::load::policies::{CompiledPolicy, Conjunct};
use crate::policy::port::RelationTypes;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The name of the context member, and of the parameter of conditions.
const ARGUMENTS: SmolStr = SmolStr::new_static("arguments");

/// Returns the rules for unknown arguments; `None` if no rule reads arguments, and the rules would
/// be the same.
pub(in crate::policy) fn without(
    policies: &[Arc<CompiledPolicy>],
    types: &RelationTypes,
) -> Option<Arc<[Arc<CompiledPolicy>]>> {
    let left: Vec<Option<Arc<CompiledPolicy>>> = policies
        .iter()
        .map(|policy| without_them(policy, types))
        .collect();
    let is_same = |(left, policy): (&Option<Arc<CompiledPolicy>>, &Arc<CompiledPolicy>)| {
        left.as_ref().is_some_and(|left| Arc::ptr_eq(left, policy))
    };
    if left.iter().zip(policies).all(is_same) {
        None
    } else {
        Some(left.into_iter().flatten().collect())
    }
}

/// Returns the rule itself if it does not read arguments, and `None` if it is a forbid that does.
fn without_them(
    policy: &Arc<CompiledPolicy>,
    types: &RelationTypes,
) -> Option<Arc<CompiledPolicy>> {
    let tainted: Vec<&Mention> = policy
        .mentions
        .iter()
        .filter(|mention| types.reads(&ARGUMENTS, mention))
        .collect();
    let reads = |conjunct: &&Conjunct| {
        reads_arguments(&conjunct.expr) || mentions_any(&conjunct.expr, &tainted)
    };
    if !policy.conjuncts.iter().any(|conjunct| reads(&conjunct)) {
        return Some(Arc::clone(policy));
    }
    if policy.effect == Decision::Deny {
        return None;
    }
    let kept: Vec<Conjunct> = policy
        .conjuncts
        .iter()
        .filter(|conjunct| !reads(conjunct))
        .cloned()
        .collect();
    let each: Vec<Arc<ReadSet>> = kept
        .iter()
        .map(|conjunct| Arc::new(ReadSet::of(&conjunct.expr)))
        .collect();
    let untainted: BTreeSet<Mention> = policy
        .mentions
        .iter()
        .filter(|mention| !tainted.contains(mention))
        .cloned()
        .collect();
    Some(Arc::new(CompiledPolicy {
        reads: ReadSet::merged(each.iter()),
        parameters: Arc::new(ReadSet::of_conditions(types, &untainted)),
        mentions: Arc::new(untainted),
        conjuncts: kept,
        ..CompiledPolicy::clone(policy)
    }))
}

fn reads_arguments(expr: &Expr) -> bool {
    ReadSet::of(expr).context(&[ARGUMENTS])
}

/// Returns `true` if an expression mentions one of these relations. If that cannot be told, it
/// counts as a mention.
pub(in crate::policy) fn mentions_any(expr: &Expr, mentions: &[&Mention]) -> bool {
    if mentions.is_empty() {
        return false;
    }
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        if let ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg2,
            ..
        } = next.expr_kind()
        {
            let asks = |mention: &&Mention| match (&mention.object, arg2.expr_kind()) {
                (ObjectTerm::Path(..), ExprKind::GetAttr { attr, .. }) => *attr == mention.relation,
                (ObjectTerm::Literal(_), ExprKind::Lit(_)) => true,
                _ => false,
            };
            if mentions.iter().any(asks) {
                return true;
            }
        }
        open.extend(children(next));
    }
    false
}
