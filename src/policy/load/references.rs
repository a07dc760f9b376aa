//! Checks the members of entity references in files of entities.
//!
//! Cedar reads `type` and `id` of a reference and ignores the rest, so anything else in it would be
//! lost silently. Here it is refused, like an unknown key of an entity.

use crate::policy::schema::Schema;
use cedar_policy_core::validator::types::Type;
use serde_json::{Map, Value as Json};

/// A key that Cedar ignores, and the kind of object that contains it.
pub(in crate::policy) struct StrayKey {
    pub(in crate::policy) key: String,
    pub(in crate::policy) of: &'static str,
}

/// Returns the first key of an entity, or of a reference in it, that Cedar does not know.
pub(in crate::policy) fn stray(entity: &Map<String, Json>, schema: &Schema) -> Option<StrayKey> {
    const KEYS: [&str; 4] = ["uid", "attrs", "parents", "tags"];
    if let Some(key) = entity.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Some(StrayKey {
            key: key.clone(),
            of: "an entity",
        });
    }
    let uid = entity.get("uid");
    let parents = entity
        .get("parents")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    if let Some(found) = uid.into_iter().chain(parents).find_map(in_reference) {
        return Some(found);
    }
    let named = uid
        .map(|uid| uid.get("__entity").unwrap_or(uid))
        .and_then(|uid| uid.get("type")?.as_str()?.parse().ok());
    let declared = schema.declared.get_entity_type(&named?)?;
    let members = |name: &str| {
        entity
            .get(name)
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
    };
    let attribute = |(name, value): (&String, &Json)| {
        in_value(value, declared.attr(name).map(|it| it.attr_type.as_ref()))
    };
    let found = members("attrs").find_map(attribute);
    found.or_else(|| members("tags").find_map(|(_, value)| in_value(value, declared.tag_type())))
}

/// Checks a value by its type: an object with `type` and `id` is a reference only if the type is an
/// entity type.
fn in_value(value: &Json, ty: Option<&Type>) -> Option<StrayKey> {
    match (value, ty) {
        (Json::Object(_), Some(Type::Entity(_))) => in_reference(value),
        (Json::Array(items), Some(Type::Set { element_type })) => items
            .iter()
            .find_map(|item| in_value(item, element_type.as_deref())),
        (Json::Object(members), Some(Type::Record { attrs, .. })) => {
            let member = |(name, value): (&String, _)| {
                in_value(value, attrs.get_attr(name).map(|it| it.attr_type.as_ref()))
            };
            members.iter().find_map(member)
        }
        _ => None,
    }
}

/// Checks `{"type": …, "id": …}`, or the same object under `__entity`.
fn in_reference(reference: &Json) -> Option<StrayKey> {
    let members = reference.as_object()?;
    if let Some(inner) = members.get("__entity") {
        let beside = members.keys().find(|key| *key != "__entity");
        let beside = beside.map(|key| StrayKey {
            key: key.clone(),
            of: "an entity reference",
        });
        return beside.or_else(|| in_reference(inner));
    }
    if members.len() == 1 && members.contains_key("__expr") {
        return None;
    }
    let stray = members.keys().find(|key| *key != "type" && *key != "id")?;
    Some(StrayKey {
        key: stray.clone(),
        of: "an entity reference",
    })
}
