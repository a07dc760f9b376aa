//! Collects the entities that are known without being stored: those that policies name, the members
//! of enumerations, and the resources that have a specialised action.

use crate::policy::analysis::syntax::children;
use crate::policy::load::policies::CompiledPolicy;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{EntityUID, Expr, ExprKind, Literal};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ids of entities, by type.
#[derive(Debug, Default)]
pub(in crate::policy) struct Literals {
    by_kind: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
}

impl Literals {
    pub(in crate::policy) fn of(policies: &[Arc<CompiledPolicy>], vocabulary: &Vocabulary) -> Self {
        let mut found = Self::default();
        for policy in policies {
            for constraint in [&policy.principal, &policy.resource] {
                constraint
                    .get_euid()
                    .into_iter()
                    .for_each(|uid| found.add(uid));
            }
            policy
                .conjuncts
                .iter()
                .for_each(|conjunct| found.walk(&conjunct.expr));
        }
        for kind in vocabulary.types() {
            let choices = vocabulary
                .entity_type(kind)
                .and_then(|kind| kind.choices.as_ref());
            if let Some(choices) = choices {
                found
                    .by_kind
                    .entry(kind.clone())
                    .or_default()
                    .extend(choices.iter().cloned());
            }
        }
        for (kind, id) in vocabulary.specialised_resources() {
            let choices = vocabulary
                .entity_type(&kind)
                .and_then(|kind| kind.choices.as_ref());
            if choices.is_none_or(|choices| choices.contains(id)) {
                found.by_kind.entry(kind).or_default().insert(id.clone());
            }
        }
        found
    }

    pub(in crate::policy) fn of_kind(
        &self,
        kind: &str,
    ) -> impl Iterator<Item = &SmolStr> + use<'_> {
        self.by_kind.get(kind).into_iter().flatten()
    }

    pub(in crate::policy) fn names(&self, kind: &str, id: &str) -> bool {
        self.by_kind.get(kind).is_some_and(|ids| ids.contains(id))
    }

    fn walk(&mut self, expr: &Expr) {
        if let ExprKind::Lit(Literal::EntityUID(uid)) = expr.expr_kind() {
            self.add(uid);
        }
        children(expr)
            .into_iter()
            .for_each(|child| self.walk(child));
    }

    fn add(&mut self, uid: &EntityUID) {
        let id = AsRef::<str>::as_ref(uid.eid()).into();
        self.by_kind
            .entry(uid.entity_type().to_string().into())
            .or_default()
            .insert(id);
    }
}
