//! Stored entities by what they hold: which have this value in that attribute, which are in this
//! group.
//!
//! Made per type when a search first looks, and kept as long as the entities: a bundle that nobody
//! searches pays nothing.

use cedar_policy_core::ast::{Entity, EntityUID, Literal, PartialValue, ValueKind};
use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The indexes of all types that were looked at.
#[derive(Debug, Default)]
pub(in crate::policy) struct StoredIndex {
    kinds: Mutex<HashMap<SmolStr, Arc<KindIndex>>>,
}

/// The entities of one type.
#[derive(Debug, Default)]
pub(in crate::policy) struct KindIndex {
    ids: HashSet<SmolStr>,
    attributes: HashMap<SmolStr, AttributeIndex>,
    /// By ancestor, all of them.
    below: HashMap<EntityUID, Vec<SmolStr>>,
    places: OnceLock<Arc<[(u64, SmolStr)]>>,
}

/// The entities of one type by one attribute.
#[derive(Debug, Default)]
struct AttributeIndex {
    /// Those that have it.
    having: Vec<SmolStr>,
    /// By the value, where it is no set or record.
    whole: HashMap<Literal, Vec<SmolStr>>,
    /// By each element, where it is a set.
    elements: HashMap<Literal, Vec<SmolStr>>,
}

/// What an attribute must hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held<'v> {
    /// Anything.
    Something,
    /// One of these values.
    Value(&'v [Literal]),
    /// A set with one of these in it.
    Element(&'v [Literal]),
}

impl StoredIndex {
    pub(in crate::policy) fn of_kind(
        &self,
        kind: &str,
        entities: &HashMap<EntityUID, Arc<Entity>>,
    ) -> Arc<KindIndex> {
        // A panic while it is held can only lose an index that was not put in yet.
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kinds.get(kind) {
            return Arc::clone(known);
        }
        let made = Arc::new(KindIndex::new(kind, entities));
        // Types are declared, so there are few of them; what is not declared is not asked for.
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

    /// The entities with something in an attribute; one may be named twice.
    pub(super) fn with(&self, attribute: &str, held: Held<'_>) -> Vec<SmolStr> {
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
            Held::Something => index.having.clone(),
            Held::Value(values) => among(&index.whole, values),
            Held::Element(values) => among(&index.elements, values),
        }
    }

    /// The entities below another.
    pub(super) fn below(&self, ancestor: &EntityUID) -> &[SmolStr] {
        self.below.get(ancestor).map_or(&[], Vec::as_slice)
    }
}
