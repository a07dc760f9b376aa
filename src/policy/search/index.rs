//! Indexes stored entities by their attributes and groups: which have this value in that attribute,
//! and which are in this group.
//!
//! The index of a type is built when a search first needs it, and lives as long as the entities do:
//! a bundle that nobody searches pays nothing.

use cedar_policy_core::ast::{Entity, EntityUID, Literal, PartialValue, ValueKind};
use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The indexes of all types that were searched.
#[derive(Debug, Default)]
pub(in crate::policy) struct StoredIndex {
    kinds: Mutex<HashMap<SmolStr, Arc<KindIndex>>>,
}

/// The index of the entities of one type.
#[derive(Debug, Default)]
pub(in crate::policy) struct KindIndex {
    ids: HashSet<SmolStr>,
    attributes: HashMap<SmolStr, AttributeIndex>,
    /// The entities below each ancestor, direct or not.
    below: HashMap<EntityUID, Vec<SmolStr>>,
    places: OnceLock<Arc<[(u64, SmolStr)]>>,
}

/// The entities of one type by the values of one attribute.
#[derive(Debug, Default)]
struct AttributeIndex {
    /// The entities that have the attribute.
    having: Vec<SmolStr>,
    /// The entities by the attribute's value, if it is not a set or a record.
    whole: HashMap<Literal, Vec<SmolStr>>,
    /// The entities by each element of the attribute's value, if it is a set.
    elements: HashMap<Literal, Vec<SmolStr>>,
}

/// The value that an attribute must hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum AttributeTest<'v> {
    /// Any value.
    Something,
    /// One of these values.
    Value(&'v [Literal]),
    /// A set with one of these values in it.
    Element(&'v [Literal]),
}

impl StoredIndex {
    pub(in crate::policy) fn of_kind(
        &self,
        kind: &str,
        entities: &HashMap<EntityUID, Arc<Entity>>,
    ) -> Arc<KindIndex> {
        // A panic while the lock is held can only lose an index that was not inserted yet.
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kinds.get(kind) {
            return Arc::clone(known);
        }
        let made = Arc::new(KindIndex::new(kind, entities));
        // There are few types, since they are declared, and undeclared ones are not looked up.
        kinds.insert(kind.into(), Arc::clone(&made));
        made
    }
}

impl KindIndex {
    fn new(kind: &str, entities: &HashMap<EntityUID, Arc<Entity>>) -> Self {
        let mut index = Self::default();
        for (uid, entity) in entities
            .iter()
            .filter(|(uid, _)| uid.entity_type().to_string() == kind)
        {
            index.add(AsRef::<str>::as_ref(uid.eid()).into(), entity);
        }
        index
    }

    fn add(&mut self, id: SmolStr, entity: &Entity) {
        for ancestor in entity.ancestors() {
            self.below
                .entry(ancestor.clone())
                .or_default()
                .push(id.clone());
        }
        for (name, value) in entity.attrs() {
            let attribute = self.attributes.entry(name.clone()).or_default();
            attribute.having.push(id.clone());
            let PartialValue::Value(value) = value else {
                continue;
            };
            match value.value_kind() {
                ValueKind::Lit(literal) => attribute
                    .whole
                    .entry(literal.clone())
                    .or_default()
                    .push(id.clone()),
                ValueKind::Set(set) => {
                    for element in set.iter() {
                        if let ValueKind::Lit(literal) = element.value_kind() {
                            attribute
                                .elements
                                .entry(literal.clone())
                                .or_default()
                                .push(id.clone());
                        }
                    }
                }
                ValueKind::Record(_) | ValueKind::ExtensionValue(_) => {}
            }
        }
        self.ids.insert(id);
    }

    pub(in crate::policy) fn holds(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(in crate::policy) fn places(
        &self,
        place: fn(&str) -> (u64, SmolStr),
    ) -> Arc<[(u64, SmolStr)]> {
        let sorted = || {
            let mut places: Vec<(u64, SmolStr)> = self.ids.iter().map(|id| place(id)).collect();
            places.sort_unstable();
            places.into()
        };
        Arc::clone(self.places.get_or_init(sorted))
    }

    /// Returns the entities with a matching attribute; an entity may occur twice.
    pub(super) fn with(&self, attribute: &str, held: AttributeTest<'_>) -> Vec<SmolStr> {
        let Some(index) = self.attributes.get(attribute) else {
            return Vec::new();
        };
        let among = |map: &HashMap<Literal, Vec<SmolStr>>, values: &[Literal]| {
            values
                .iter()
                .filter_map(|value| map.get(value))
                .flatten()
                .cloned()
                .collect()
        };
        match held {
            AttributeTest::Something => index.having.clone(),
            AttributeTest::Value(values) => among(&index.whole, values),
            AttributeTest::Element(values) => among(&index.elements, values),
        }
    }

    /// Returns the entities below another.
    pub(super) fn below(&self, ancestor: &EntityUID) -> &[SmolStr] {
        self.below.get(ancestor).map_or(&[], Vec::as_slice)
    }
}
