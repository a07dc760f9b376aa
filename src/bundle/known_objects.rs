//! Says which names a bundle knows, so that a name that nobody knows can be told: it is probably
//! misspelt.

use super::compile::Bundle;
use crate::model::{ObjectRef, TupleUser, nearest};

/// LIMIT: stored entities among which a similar name is searched.
const MOST_ENTITIES: usize = 1_000;

impl Bundle {
    /// Returns `true` if the bundle names this object: as a stored entity, in a policy or a tuple
    /// of its own, or as an object whose relations policies ask for. Returns `None` if it names no
    /// object of the type, for these come with requests.
    #[must_use]
    pub fn names(&self, object: &ObjectRef) -> Option<bool> {
        let entity = object.to_entity()?;
        let policies = self.policy_set();
        if self.stored().holds(&entity) || self.has_tuple_with(object) {
            return Some(true);
        }
        let asked_for = policies.objects_asked_for(&entity.kind).unwrap_or_default();
        let mut ids = policies.literals(&entity.kind).chain(asked_for).peekable();
        let is_kind_named =
            ids.peek().is_some() || self.stored().ids(&entity.kind).next().is_some();
        is_kind_named.then(|| ids.any(|id| *id == entity.id))
    }

    /// Returns the name that was probably meant by one that nobody knows.
    #[must_use]
    pub fn nearest_name(&self, object: &ObjectRef) -> Option<String> {
        let entity = object.to_entity()?;
        let policies = self.policy_set();
        let asked_for = policies.objects_asked_for(&entity.kind).unwrap_or_default();
        let stored = self.stored().ids(&entity.kind).take(MOST_ENTITIES);
        let literals = policies.literals(&entity.kind).chain(asked_for);
        let names = stored.chain(literals.map(AsRef::as_ref));
        nearest(&entity.id, names).map(|near| format!("{}:{near}", entity.kind))
    }

    fn has_tuple_with(&self, object: &ObjectRef) -> bool {
        self.tuples().iter().any(|tuple| {
            let user = match &tuple.key.user {
                TupleUser::Object(user) | TupleUser::Userset { object: user, .. } => Some(user),
                TupleUser::Wildcard(_) => None,
            };
            tuple.key.object == *object || user == Some(object)
        })
    }
}
