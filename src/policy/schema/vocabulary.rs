//! What requests are read against: types, attributes and actions by the names that requests use.

use super::merge::Merged;
use crate::model::EntityRef;
use crate::policy::relations::USERSET;
use cedar_policy_core::ast::{Eid, EntityType, EntityUID};
use cedar_policy_core::validator::types::{AttributeType, EntityKind, Type};
use cedar_policy_core::validator::{ValidatorEntityTypeKind, ValidatorSchema};
use foldhash::{HashMap, HashMapExt as _, HashSet};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where an attribute's value may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// A stored value wins; the request supplies what is not stored.
    Either,
    /// Stored values only (`@stored`).
    Stored,
    /// The request's value wins (`@request`).
    Request,
}

/// An attribute of an entity type, or a member of a context.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub(in crate::policy) ty: Arc<Type>,
    /// Where its value may come from.
    pub provenance: Provenance,
    /// Whether it must be there.
    pub(in crate::policy) required: bool,
}

/// An entity type.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// Its place among all types.
    pub(in crate::policy) number: u32,
    pub(in crate::policy) name: EntityType,
    pub(in crate::policy) attributes: BTreeMap<SmolStr, Attribute>,
    /// The ids of an enumeration.
    pub(in crate::policy) choices: Option<HashSet<SmolStr>>,
}

/// An action.
#[derive(Clone, Debug)]
pub struct ActionInfo {
    /// Its place among all actions.
    pub(in crate::policy) number: u32,
    pub(in crate::policy) uid: Arc<EntityUID>,
    pub(in crate::policy) principals: HashSet<EntityType>,
    pub(in crate::policy) resources: HashSet<EntityType>,
    pub(in crate::policy) context: BTreeMap<SmolStr, Attribute>,
    /// For an action with specialised members: the member for each resource id.
    pub(in crate::policy) specialised: HashMap<SmolStr, SmolStr>,
    /// For a specialised action: the general one's name.
    pub(in crate::policy) general: Option<SmolStr>,
}

/// Types and actions by name.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    types: HashMap<SmolStr, TypeInfo>,
    actions: HashMap<SmolStr, ActionInfo>,
    secrets: HashSet<SmolStr>,
}

impl Vocabulary {
    pub(super) fn new(schema: &ValidatorSchema, merged: &Merged) -> Self {
        let types = schema
            .entity_types()
            // Usersets and the attributes that hold them belong to the engine: no request can name one.
            .filter(|declared| declared.name().to_string() != USERSET)
            .zip(0..)
            .map(|(declared, number)| {
                let name = declared.name().to_string();
                let attributes = declared
                    .attributes()
                    .iter()
                    .filter(|(_, ty)| !is_userset(&ty.attr_type))
                    .map(|(attribute, ty)| {
                        let key = (name.clone(), attribute.clone());
                        let provenance = merged.provenance.get(&key).copied().unwrap_or(Provenance::Either);
                        (
                            attribute.clone(),
                            Attribute { ty: ty.attr_type.clone(), provenance, required: ty.is_required },
                        )
                    })
                    .collect();
                let choices = match &declared.kind {
                    ValidatorEntityTypeKind::Enum(choices) => {
                        Some(choices.iter().map(|choice| AsRef::<str>::as_ref(choice).into()).collect())
                    }
                    _ => None,
                };
                (SmolStr::new(&name), TypeInfo { number, name: declared.name().with_loc(None), attributes, choices })
            })
            .collect();
        let mut actions: HashMap<SmolStr, ActionInfo> = schema
            .action_ids()
            .filter(|action| action.name().entity_type().to_string() == "Action")
            .zip(0..)
            .map(|(action, number)| {
                let context = match action.context_type() {
                    Some(Type::Record { attrs, .. }) => attrs
                        .iter()
                        .map(|(name, AttributeType { attr_type, is_required, .. })| {
                            (
                                name.clone(),
                                Attribute {
                                    ty: attr_type.clone(),
                                    provenance: Provenance::Request,
                                    required: *is_required,
                                },
                            )
                        })
                        .collect(),
                    _ => BTreeMap::new(),
                };
                let info = ActionInfo {
                    number,
                    uid: Arc::new(action.name().clone()),
                    principals: action.applies_to_principals().cloned().collect(),
                    resources: action.applies_to_resources().cloned().collect(),
                    context,
                    specialised: HashMap::new(),
                    general: None,
                };
                (id_of(action.name()), info)
            })
            .collect();
        for general in schema.action_ids() {
            link_specialised(&id_of(general.name()), general.descendants(), &mut actions);
        }
        Self { types, actions, secrets: merged.secrets.iter().cloned().collect() }
    }

    /// The type of this name, if it is declared.
    #[must_use]
    pub fn entity_type(&self, name: &str) -> Option<&TypeInfo> {
        self.types.get(name)
    }

    /// The action that a request means by `name` on `resource`: the specialised one where there is one. None for an
    /// undeclared name, and for the name of a specialised action: requests speak of the general one.
    #[must_use]
    pub fn action(&self, name: &str, resource: &EntityRef) -> Option<&ActionInfo> {
        let general = self.actions.get(name).filter(|action| action.general.is_none())?;
        let special = general.specialised.get(&resource.id).and_then(|member| self.actions.get(member));
        let kind = self.types.get(&resource.kind);
        let fits = |special: &&ActionInfo| kind.is_some_and(|kind| special.resources.contains(&kind.name));
        Some(special.filter(fits).unwrap_or(general))
    }

    /// The resources for which an action has a member of its own.
    pub(in crate::policy) fn specialised(&self, name: &str) -> impl Iterator<Item = &SmolStr> + use<'_> {
        self.actions.get(name).into_iter().flat_map(|action| action.specialised.keys())
    }

    /// Every declared type, in order.
    #[must_use]
    pub fn types(&self) -> BTreeSet<&SmolStr> {
        self.types.keys().collect()
    }

    /// Every action that a request can name, in order.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<&SmolStr> {
        self.actions.iter().filter(|(_, action)| action.general.is_none()).map(|(name, _)| name).collect()
    }

    /// The contexts of all actions, by member.
    pub(in crate::policy) fn contexts(&self) -> impl Iterator<Item = &BTreeMap<SmolStr, Attribute>> {
        self.actions.values().map(|action| &action.context)
    }

    /// The general names of actions that have specialised members.
    pub(in crate::policy) fn has_specialised(&self, name: &str) -> bool {
        self.actions.get(name).is_some_and(|action| !action.specialised.is_empty())
    }

    /// Whether there is any action with specialised members.
    pub(in crate::policy) fn any_specialised(&self) -> bool {
        self.actions.values().any(|action| !action.specialised.is_empty())
    }

    /// Whether an attribute or member of this name is marked `@secret` anywhere.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(name)
    }

    /// Whether an attribute or member of this name is marked `@secret` anywhere, or has a type with such a member.
    pub(in crate::policy) fn may_hold_secret(&self, name: &str) -> bool {
        let holds = |attributes: &BTreeMap<SmolStr, Attribute>| {
            attributes.get(name).is_some_and(|attribute| self.has_secret_inside(&attribute.ty))
        };
        self.is_secret(name)
            || (!self.secrets.is_empty()
                && (self.types.values().any(|kind| holds(&kind.attributes))
                    || self.actions.values().any(|action| holds(&action.context))))
    }

    fn has_secret_inside(&self, ty: &Type) -> bool {
        match ty {
            Type::Record { attrs, .. } => {
                attrs.iter().any(|(name, member)| self.is_secret(name) || self.has_secret_inside(&member.attr_type))
            }
            Type::Set { element_type: Some(element) } => self.has_secret_inside(element),
            _ => false,
        }
    }
}

impl ActionInfo {
    /// The action's name: of the specialised one, where that is what this is.
    #[must_use]
    pub fn name(&self) -> &str {
        self.uid.eid().as_ref()
    }
}

impl TypeInfo {
    /// An entity of this type.
    pub(in crate::policy) fn uid(&self, id: &SmolStr) -> EntityUID {
        EntityUID::from_components(self.name.clone(), Eid::new(id.clone()), None)
    }

    /// Its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&SmolStr, &Attribute)> {
        self.attributes.iter()
    }
}

/// `Action::"<name>:<resource id>"` in `Action::"<name>"` is evaluated instead of it for that resource.
fn link_specialised<'a>(
    general: &SmolStr,
    members: impl Iterator<Item = &'a EntityUID>,
    actions: &mut HashMap<SmolStr, ActionInfo>,
) {
    for member in members.map(id_of) {
        let Some(resource) = member.strip_prefix(general.as_str()).and_then(|rest| rest.strip_prefix(':')) else {
            continue;
        };
        if let Some(action) = actions.get_mut(general) {
            action.specialised.insert(resource.into(), member.clone());
        }
        if let Some(action) = actions.get_mut(&member) {
            action.general = Some(general.clone());
        }
    }
}

fn is_userset(ty: &Type) -> bool {
    match ty {
        Type::Entity(EntityKind::Entity(lub)) => {
            lub.get_single_entity().is_some_and(|kind| kind.to_string() == USERSET)
        }
        _ => false,
    }
}

fn id_of(uid: &EntityUID) -> SmolStr {
    AsRef::<str>::as_ref(uid.eid()).into()
}
