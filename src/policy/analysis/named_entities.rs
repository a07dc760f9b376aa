//! Lists the entities that the bundle's own policies name, each with a policy that does.

use super::mentions::ObjectTerm;
use super::syntax::children;
use crate::model::{EntityRef, PolicyRef};
use crate::policy::CompiledPolicySet;
use crate::policy::load::policies::CompiledPolicy;
use cedar_policy_core::ast::{EntityUID, Expr, ExprKind, Literal};
use std::collections::BTreeMap;

impl CompiledPolicySet {
    /// Returns each entity that a policy of the bundle's own files names, in its scope, in a
    /// condition or as the object of a relation, with the first policy that does. Actions are left
    /// out, since the schema declares all of them.
    #[must_use]
    pub fn named_entities(&self) -> BTreeMap<EntityRef, &PolicyRef> {
        let mut policies: Vec<&CompiledPolicy> = self.policies.iter().map(AsRef::as_ref).collect();
        policies.retain(|policy| !policy.at.is_of_pack());
        policies.sort_by(|a, b| (&a.at.file, a.at.line).cmp(&(&b.at.file, b.at.line)));
        let mut found = BTreeMap::new();
        for policy in policies {
            let mut uids: Vec<&EntityUID> = Vec::new();
            for constraint in [&policy.principal, &policy.resource] {
                uids.extend(constraint.get_euid().map(AsRef::as_ref));
            }
            for conjunct in &policy.conjuncts {
                add_literals(&conjunct.expr, &mut uids);
            }
            let is_userset = |uid: &&EntityUID| *uid.entity_type() == self.schema.userset;
            let named = uids
                .into_iter()
                .filter(|uid| !uid.is_action() && !is_userset(uid))
                .map(|uid| {
                    let id: &str = uid.eid().as_ref();
                    EntityRef::new(uid.entity_type().to_string(), id)
                });
            let asked = policy
                .mentions
                .iter()
                .filter_map(|mention| match &mention.object {
                    ObjectTerm::Literal(object) => Some(object.clone()),
                    ObjectTerm::Path(..) => None,
                });
            for entity in named.chain(asked) {
                found.entry(entity).or_insert(&policy.at);
            }
        }
        found
    }
}

fn add_literals<'e>(expr: &'e Expr, found: &mut Vec<&'e EntityUID>) {
    if let ExprKind::Lit(Literal::EntityUID(uid)) = expr.expr_kind() {
        found.push(uid);
    }
    children(expr)
        .into_iter()
        .for_each(|child| add_literals(child, found));
}
