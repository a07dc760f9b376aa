//! Says what is wrong with a userset that a policy names and the model does not know.

use super::{FORMS, MentionReader, TypedExpr, USERSET, is_short, parse_userset_id, userset_id};
use crate::model::{EntityRef, MAX_USER_BYTES, TupleTextError, nearest, shown};
use cedar_policy_core::ast::{ExprKind, Literal};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// The most names that a message lists.
const MAX_NAMES: usize = 12;

impl MentionReader<'_> {
    /// Returns what is wrong with a literal that is no userset of the model, and what helps.
    pub(super) fn unknown_userset(&self, expr: &TypedExpr) -> Option<(String, String)> {
        let ExprKind::Lit(Literal::EntityUID(uid)) = expr.expr_kind() else {
            return None;
        };
        let id: &str = uid.eid().as_ref();
        let none = |why: &dyn std::fmt::Display| {
            format!("`{USERSET}::\"{}\"` is no userset: {why}", shown(id))
        };
        if id.len() > MAX_USER_BYTES {
            return Some((none(&TupleTextError::UserTooLong), FORMS.to_owned()));
        }
        let Some((object, relation)) = parse_userset_id(id) else {
            let object: EntityRef = id.parse().ok().filter(|_| !id.contains('#'))?;
            let relation = self.relation_of(&object.kind)?;
            let help = format!("write `{USERSET}::\"{}#{relation}\"`", shown(id));
            return Some((none(&"it names no relation"), help));
        };
        if let Err(why) = is_short(&object) {
            return Some((none(&why), FORMS.to_owned()));
        }
        let kind = &object.kind;
        let instead = |kind: &str, relation: &str| {
            let object = EntityRef::new(kind, object.id.clone());
            userset_id(&object, relation).map(|id| format!("did you mean `{USERSET}::\"{id}\"`?"))
        };
        let known = |names: &mut dyn Iterator<Item = &SmolStr>| {
            let names: Vec<String> = names
                .take(MAX_NAMES)
                .map(|name| format!("`{name}`"))
                .collect();
            names.join(", ")
        };
        let (why, near, others) = match self.types.relations.get(kind) {
            None => (
                format!("the relation model has no type `{kind}`"),
                nearest(kind, self.types.relations.keys().map(AsRef::as_ref))
                    .and_then(|near| instead(near, &relation)),
                format!(
                    "its types are {}",
                    known(&mut self.sorted_types().into_iter())
                ),
            ),
            Some(relations) => (
                format!("type `{kind}` has no relation `{relation}`"),
                nearest(&relation, relations.iter().map(AsRef::as_ref))
                    .and_then(|near| instead(kind, near)),
                format!("its relations are {}", known(&mut relations.iter())),
            ),
        };
        Some((none(&why), near.unwrap_or(others)))
    }

    fn sorted_types(&self) -> BTreeSet<&SmolStr> {
        self.types.relations.keys().collect()
    }
}
