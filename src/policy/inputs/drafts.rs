//! Assembles the entities of one leg.
//!
//! INVARIANT: an entity is taken from its draft, and from the store if it has none. What the
//! request adds to an entity wins over what is stored; whether it may was decided before it was
//! added.

use super::{ContextMembers, NoInputs};
use crate::policy::load::stored::StoredEntities;
use crate::policy::schema::Schema;
use cedar_policy_core::ast::{Entity, EntityUID, Literal, PartialValue, Value as Cedar, ValueKind};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use foldhash::HashSet;
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::collections::HashSet as StdHashSet;
use std::sync::Arc;

/// The drafts of a leg: the principal, the resource, and sometimes the members before the
/// principal. They are so few that they are searched one by one.
#[derive(Clone)]
pub(super) struct EntityDrafts<'a> {
    stored: &'a StoredEntities,
    /// The schema, for the actions.
    schema: &'a Schema,
    all: SmallVec<[EntityDraft<'a>; 3]>,
}

/// An entity that is being assembled.
#[derive(Clone)]
struct EntityDraft<'a> {
    uid: EntityUID,
    stored: Option<&'a Arc<Entity>>,
    /// The added attributes; the last of several with one name counts.
    attributes: Vec<(SmolStr, Cedar)>,
    parents: Vec<EntityUID>,
}

impl<'a> EntityDrafts<'a> {
    pub(super) fn new(stored: &'a StoredEntities, schema: &'a Schema) -> Self {
        Self {
            stored,
            schema,
            all: SmallVec::new(),
        }
    }

    /// Returns the position of an entity's draft, and creates the draft if there is none.
    pub(super) fn add(&mut self, uid: &EntityUID) -> usize {
        self.all
            .iter()
            .position(|draft| draft.uid == *uid)
            .unwrap_or_else(|| {
                let stored = self.stored.get(uid);
                self.all.push(EntityDraft {
                    uid: uid.clone(),
                    stored,
                    attributes: Vec::new(),
                    parents: Vec::new(),
                });
                self.all.len() - 1
            })
    }

    /// Returns `true` if the attribute is stored.
    pub(super) fn is_stored(&self, draft: usize, name: &str) -> bool {
        let stored = self.all.get(draft).and_then(|draft| draft.stored);
        stored.is_some_and(|stored| stored.get(name).is_some())
    }

    /// Sets an attribute.
    pub(super) fn set(&mut self, draft: usize, name: SmolStr, value: Cedar) {
        if let Some(draft) = self.all.get_mut(draft) {
            draft.attributes.push((name, value));
        }
    }

    /// Adds a parent that has no parents itself.
    pub(super) fn add_parent(&mut self, draft: usize, parent: EntityUID) {
        if let Some(draft) = self.all.get_mut(draft) {
            draft.parents.push(parent);
        }
    }

    /// Returns the value of an entity's attribute.
    pub(super) fn get(&self, uid: &EntityUID, name: &str) -> Option<&Cedar> {
        let stored = match self.all.iter().find(|draft| draft.uid == *uid) {
            None => self.stored.get(uid)?,
            Some(draft) => match draft
                .attributes
                .iter()
                .rev()
                .find(|(known, _)| known == name)
            {
                Some((_, value)) => return Some(value),
                None => draft.stored?,
            },
        };
        known(stored.get(name)?)
    }

    /// Returns the stored entities, and the actions with their groups, that the drafts and these
    /// values refer to, step by step up to the level. Only a stored value can name an action, so
    /// without stored entities there are no actions.
    pub(super) fn reachable<'v>(
        &self,
        values: impl Iterator<Item = &'v Cedar>,
    ) -> Vec<Arc<Entity>> {
        let mut found: Vec<Arc<Entity>> = Vec::new();
        if self.stored.is_empty() {
            return found;
        }
        let mut seen: HashSet<EntityUID> = self.all.iter().map(|draft| draft.uid.clone()).collect();
        let mut take = |uid: &EntityUID, found: &mut Vec<Arc<Entity>>| {
            let known = if uid.is_action() {
                self.schema.actions().get(uid)
            } else {
                self.stored.get(uid)
            };
            if let Some(entity) = known
                && !seen.contains(uid)
            {
                seen.insert(uid.clone());
                found.push(Arc::clone(entity));
            }
        };
        values.for_each(|value| each_uid(value, &mut |uid| take(uid, &mut found)));
        for draft in &self.all {
            draft
                .attributes
                .iter()
                .for_each(|(_, value)| each_uid(value, &mut |uid| take(uid, &mut found)));
            draft
                .stored
                .into_iter()
                .for_each(|entity| each_reference(entity, &mut |uid| take(uid, &mut found)));
        }
        let mut at = 0;
        for _ in 1..self.schema.level {
            let end = found.len();
            while at < end {
                let Some(entity) = found.get(at).cloned() else {
                    break;
                };
                each_reference(&entity, &mut |uid| take(uid, &mut found));
                at += 1;
            }
        }
        found
    }

    /// Returns all entities in Cedar's form, together with others that are complete.
    pub(super) fn into_entities(
        self,
        others: impl Iterator<Item = Arc<Entity>>,
    ) -> Result<Entities, NoInputs> {
        let mut whole: SmallVec<[Arc<Entity>; 4]> = SmallVec::new();
        let made = self.all.into_iter().filter_map(|draft| match draft.stored {
            Some(stored) if draft.attributes.is_empty() && draft.parents.is_empty() => {
                whole.push(Arc::clone(stored));
                None
            }
            _ => Some(draft.finish()),
        });
        let known = TCComputation::AssumeAlreadyComputed;
        let extensions = Extensions::all_available();
        let schema = None::<&NoEntitiesSchema>;
        let made = Entities::from_entities(made, schema, known, extensions)
            .map_err(|_| NoInputs::Cedar)?;
        whole.extend(others);
        if whole.is_empty() {
            return Ok(made);
        }
        let known = TCComputation::AssumeAlreadyComputed;
        made.add_entities(whole, schema, known, extensions)
            .map_err(|_| NoInputs::Cedar)
    }
}

impl EntityDraft<'_> {
    fn finish(self) -> Entity {
        let added = self
            .attributes
            .into_iter()
            .map(|(name, value)| (name, PartialValue::Value(value)));
        match self.stored {
            None => {
                let parents = self.parents.into_iter().collect();
                Entity::new_with_attr_partial_value(self.uid, added, StdHashSet::new(), parents, [])
            }
            Some(stored) => {
                let (uid, mut attributes, indirect, mut parents, tags) =
                    stored.as_ref().clone().into_inner();
                attributes.extend(added);
                parents.extend(self.parents);
                Entity::new_with_attr_partial_value(uid, attributes, indirect, parents, tags)
            }
        }
    }
}

/// Returns the value at a path. Follows attributes through records, and through entities by
/// `attribute`.
pub(in crate::policy) fn value_at<'e>(
    context: &'e ContextMembers,
    attribute: impl Fn(&EntityUID, &str) -> Option<&'e Cedar>,
    start: Option<&EntityUID>,
    path: &[SmolStr],
) -> Option<std::borrow::Cow<'e, Cedar>> {
    use std::borrow::Cow;
    let (mut value, rest) = match (start, path) {
        (Some(uid), []) => return Some(Cow::Owned(Cedar::from(uid.clone()))),
        (Some(uid), [first, rest @ ..]) => (attribute(uid, first)?, rest),
        (None, [first, rest @ ..]) => (context.get(first)?, rest),
        (None, []) => return None,
    };
    for name in rest {
        value = match value.value_kind() {
            ValueKind::Record(members) => members.get(name)?,
            ValueKind::Lit(Literal::EntityUID(uid)) => attribute(uid, name)?,
            _ => return None,
        };
    }
    Some(Cow::Borrowed(value))
}

/// Returns the value if it is complete. The attributes of entities always are, since nothing is
/// unknown.
pub(in crate::policy) fn known(value: &PartialValue) -> Option<&Cedar> {
    match value {
        PartialValue::Value(value) => Some(value),
        PartialValue::Residual(_) => None,
    }
}

/// Passes to `take` the entities that an entity's attributes and tags name.
fn each_reference(entity: &Entity, take: &mut impl FnMut(&EntityUID)) {
    entity
        .attrs()
        .chain(entity.tags())
        .filter_map(|(_, value)| known(value))
        .for_each(|value| each_uid(value, take));
}

fn each_uid(value: &Cedar, take: &mut impl FnMut(&EntityUID)) {
    match value.value_kind() {
        ValueKind::Lit(Literal::EntityUID(uid)) => take(uid),
        ValueKind::Set(items) => items.iter().for_each(|item| each_uid(item, take)),
        ValueKind::Record(members) => members.values().for_each(|member| each_uid(member, take)),
        ValueKind::Lit(_) | ValueKind::ExtensionValue(_) => {}
    }
}
