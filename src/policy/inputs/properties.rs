//! Decides which properties of an entity count: the request's, or the stored ones.
//!
//! INVARIANT: one rule decides, both for what policies read and for what is compared with what they
//! read.

use super::drafts::known;
use crate::model::{Entity as Asked, Record, Value};
use crate::policy::CompiledPolicySet;
use crate::policy::load::stored::StoredEntities;
use crate::policy::schema::Provenance;
use cedar_policy_core::ast::{Expr, ExprKind, Literal, Value as Cedar, ValueKind};

/// Returns the reason why a request's value of an attribute does not count; `None` if it counts.
pub(super) fn passed_over(
    provenance: Provenance,
    is_stored: impl FnOnce() -> bool,
) -> Option<&'static str> {
    match provenance {
        Provenance::Stored => Some("only stored values of it count"),
        Provenance::Either if is_stored() => Some("a stored value wins"),
        Provenance::Either | Provenance::Request => None,
    }
}

impl CompiledPolicySet {
    /// Returns the properties of an entity as policies see them, in the form of a request.
    /// Properties that the schema does not declare, which no policy sees, stay as they were sent.
    #[must_use]
    pub fn properties(&self, asked: &Asked, stored: &StoredEntities) -> Record {
        let Some(info) = self.schema.vocabulary.entity_type(&asked.uid.kind) else {
            return asked.properties.clone();
        };
        let entity = stored.get(&info.uid(&asked.uid.id));
        let is_stored = |name: &str| entity.is_some_and(|entity| entity.get(name).is_some());
        let counts = |name: &str| {
            let declared = info.attributes.get(name);
            declared.is_none_or(|declared| {
                passed_over(declared.provenance, || is_stored(name)).is_none()
            })
        };
        let sent = asked
            .properties
            .iter()
            .filter(|(name, value)| !value.is_null() && counts(name));
        let mut seen: Record = sent
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let attributes = entity.into_iter().flat_map(|entity| entity.attrs());
        let unsent = attributes.filter(|(name, _)| seen.get(name).is_none());
        let unsent: Vec<_> = unsent
            .map(|(name, value)| (name.clone(), known(value).map_or(Value::Null, sent_as)))
            .collect();
        seen.extend(unsent);
        seen
    }
}

/// Converts a stored value to the form in which a request would send it: an entity by its id, and
/// an extension value by the text from which it is made. Returns null if there is no such form.
pub(super) fn sent_as(value: &Cedar) -> Value {
    match value.value_kind() {
        ValueKind::Lit(Literal::Bool(value)) => Value::Bool(*value),
        ValueKind::Lit(Literal::Long(number)) => Value::from(*number),
        ValueKind::Lit(Literal::String(text)) => Value::Text(text.clone()),
        ValueKind::Lit(Literal::EntityUID(uid)) => Value::text(AsRef::<str>::as_ref(uid.eid())),
        ValueKind::Set(items) => Value::List(items.iter().map(sent_as).collect()),
        ValueKind::Record(members) => Value::Record(
            members
                .iter()
                .map(|(name, member)| (name.clone(), sent_as(member)))
                .collect(),
        ),
        ValueKind::ExtensionValue(_) => made_of(&Expr::from(value.clone())).unwrap_or(Value::Null),
    }
}

fn made_of(expr: &Expr) -> Option<Value> {
    let ExprKind::ExtensionFunctionApp { args, .. } = expr.expr_kind() else {
        return None;
    };
    match args.as_slice() {
        [only] => match only.expr_kind() {
            ExprKind::Lit(Literal::String(text)) => Some(Value::Text(text.clone())),
            _ => None,
        },
        _ => None,
    }
}
