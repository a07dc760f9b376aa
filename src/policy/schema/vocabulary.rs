//! The vocabulary against which requests are read: types, attributes and actions by the names that
//! requests use.

use super::merge::MergedSchema;
use super::names::{names, whole};
use super::specialised::{link_specialised, unlinked};
use crate::model::{EntityRef, Place, Problem, Problems, alike, nearest, shown};
use crate::policy::analysis::mentions::USERSET;
use cedar_policy_core::ast::{Eid, EntityType, EntityUID};
use cedar_policy_core::validator::types::{AttributeType, EntityKind, Type};
use cedar_policy_core::validator::{
    ValidatorActionId, ValidatorEntityType, ValidatorEntityTypeKind, ValidatorSchema,
};
use foldhash::{HashMap, HashMapExt as _, HashSet};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The source from which an attribute's value may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// A stored value wins; the request supplies what is not stored.
    Either,
    /// Only stored values count (`@stored`).
    Stored,
    /// The request's value wins (`@request`).
    Request,
}

/// An attribute of an entity type, or a member of a context.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub(in crate::policy) ty: Arc<Type>,
    /// Where the attribute's value may come from.
    pub provenance: Provenance,
    /// Whether the attribute is required.
    pub(in crate::policy) required: bool,
}

/// An entity type.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// The type's number among all types.
    pub(in crate::policy) number: u32,
    pub(in crate::policy) name: EntityType,
    pub(in crate::policy) attributes: BTreeMap<SmolStr, Attribute>,
    /// The ids of an enumeration; `None` for other types.
    pub(in crate::policy) choices: Option<HashSet<SmolStr>>,
}

/// An action.
#[derive(Clone, Debug)]
pub struct ActionInfo {
    /// The action's number among all actions.
    pub(in crate::policy) number: u32,
    /// The name by which requests call the action.
    name: SmolStr,
    pub(in crate::policy) uid: Arc<EntityUID>,
    pub(in crate::policy) principals: HashSet<EntityType>,
    pub(in crate::policy) resources: HashSet<EntityType>,
    pub(in crate::policy) context: BTreeMap<SmolStr, Attribute>,
    /// For an action with specialised members: the name of the member for each resource id.
    pub(in crate::policy) specialised: HashMap<SmolStr, SmolStr>,
    /// For a specialised action: the general action's name, and the resource's id.
    pub(in crate::policy) general: Option<(SmolStr, SmolStr)>,
}

/// The types and actions, by name.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    types: HashMap<SmolStr, TypeInfo>,
    actions: HashMap<SmolStr, ActionInfo>,
    secrets: HashSet<SmolStr>,
    /// Probable mistakes in the declarations of actions.
    warnings: Vec<Problem>,
}

impl Vocabulary {
    /// Builds the vocabulary of a schema. `place` returns where an action is declared.
    pub(super) fn new(
        schema: &ValidatorSchema,
        merged: &MergedSchema,
        place: impl Fn(&EntityUID) -> Option<Place>,
    ) -> Result<Self, Problems> {
        let types = schema
            .entity_types()
            // Usersets and the attributes that hold them belong to the engine: no request can name
            // them.
            .filter(|declared| declared.name().to_string() != USERSET)
            .zip(0..)
            .map(|(declared, number)| {
                (
                    SmolStr::new(declared.name().to_string()),
                    type_info(declared, number, merged),
                )
            })
            .collect();
        let names = names(schema.action_ids().map(ValidatorActionId::name), &place)?;
        let mut actions: HashMap<SmolStr, ActionInfo> = schema
            .action_ids()
            .zip(0..)
            .filter_map(|(action, number)| {
                let name = names.get(action.name())?;
                Some((name.clone(), action_info(action, name, number)))
            })
            .collect();
        let mut problems = Vec::new();
        for general in schema.action_ids() {
            let members = general.descendants().collect::<Vec<_>>();
            problems.extend(link_specialised(
                general.name(),
                &members,
                &names,
                &mut actions,
                &place,
            ));
        }
        let secrets = merged.secrets.iter().cloned().collect();
        let warnings = unlinked(&actions, &place);
        Problems(problems).into_result().map(|()| Self {
            types,
            actions,
            secrets,
            warnings,
        })
    }

    /// Returns the declarations of actions that are probably mistakes.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Returns the type of this name, if it is declared.
    #[must_use]
    pub fn entity_type(&self, name: &str) -> Option<&TypeInfo> {
        self.types.get(name)
    }

    /// Returns the action that a request means by `name` on `resource`: the specialised one if
    /// there is one. Returns `None` for an undeclared name, and for the name of a specialised
    /// action, since requests use the general one.
    #[must_use]
    pub fn action(&self, name: &str, resource: &EntityRef) -> Option<&ActionInfo> {
        let general = self
            .actions
            .get(name)
            .filter(|action| action.general.is_none())?;
        let special = general
            .specialised
            .get(&resource.id)
            .and_then(|member| self.actions.get(member));
        let kind = self.types.get(&resource.kind);
        let fits =
            |special: &&ActionInfo| kind.is_some_and(|kind| special.resources.contains(&kind.name));
        Some(special.filter(fits).unwrap_or(general))
    }

    /// Returns the ids of the resources for which an action has a specialised member.
    pub(in crate::policy) fn specialised(
        &self,
        name: &str,
    ) -> impl Iterator<Item = &SmolStr> + use<'_> {
        self.actions
            .get(name)
            .into_iter()
            .flat_map(|action| action.specialised.keys())
    }

    /// Returns every declared type, in order.
    #[must_use]
    pub fn types(&self) -> BTreeSet<&SmolStr> {
        self.types.keys().collect()
    }

    /// Returns every action that a request can name, in order.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<&SmolStr> {
        self.actions
            .iter()
            .filter(|(_, action)| action.general.is_none())
            .map(|(name, _)| name)
            .collect()
    }

    /// Returns an action by its name: one that a request can name, or a specialised member.
    #[must_use]
    pub fn action_named(&self, name: &str) -> Option<&ActionInfo> {
        self.actions.get(name)
    }

    /// Returns the contexts of all actions.
    pub(in crate::policy) fn contexts(
        &self,
    ) -> impl Iterator<Item = &BTreeMap<SmolStr, Attribute>> {
        self.actions.values().map(|action| &action.context)
    }

    /// Returns the names of all attributes that a request may give to entities, each with its type.
    pub fn attribute_names(&self) -> impl Iterator<Item = (&SmolStr, &SmolStr)> {
        let types = self.types.iter();
        types.flat_map(|(kind, info)| info.attributes.keys().map(move |name| (kind, name)))
    }

    /// Returns the names of all members of contexts, each with the action that has it.
    pub fn member_names(&self) -> impl Iterator<Item = (&ActionInfo, &SmolStr)> {
        let actions = self.actions.values();
        actions.flat_map(|action| action.context.keys().map(move |name| (action, name)))
    }

    /// Returns the resources for which an action is evaluated as a specialised member.
    pub fn specialised_of(&self, action: &ActionInfo) -> Vec<EntityRef> {
        let members = action.specialised.values();
        let members = members.filter_map(|name| self.actions.get(name));
        members.flat_map(ActionInfo::own_resources).collect()
    }

    /// Returns every action that is evaluated: those that a request can name, and their specialised
    /// members.
    pub(in crate::policy) fn evaluated(&self) -> impl Iterator<Item = &ActionInfo> {
        self.actions.values()
    }

    /// Returns `true` if a specialised action is evaluated for the resource in place of this one.
    pub(in crate::policy) fn is_specialised(
        &self,
        action: &ActionInfo,
        resource: &EntityUID,
    ) -> bool {
        let member = action
            .specialised
            .get::<str>(resource.eid().as_ref())
            .and_then(|name| self.actions.get(name));
        member.is_some_and(|member| member.resources.contains(resource.entity_type()))
    }

    /// Returns `true` if an action has specialised members.
    pub(in crate::policy) fn has_specialised(&self, action: &EntityUID) -> bool {
        let named = |name: &str| self.actions.get(name).filter(|found| *found.uid == *action);
        let found = named(action.eid().as_ref()).or_else(|| named(&whole(action)));
        found.is_some_and(|action| !action.specialised.is_empty())
    }

    /// Returns every resource for which an action has a specialised member, as a type and an id.
    /// The schema declares these resources.
    pub(in crate::policy) fn specialised_resources(
        &self,
    ) -> impl Iterator<Item = (SmolStr, &SmolStr)> {
        self.specialised_actions().map(|(_, kind, id)| (kind, id))
    }

    /// Returns every specialised action: its id, and the type and the id of its resource.
    pub fn specialised_actions(&self) -> impl Iterator<Item = (&str, SmolStr, &SmolStr)> {
        self.actions.values().flat_map(|action| {
            let id = action.general.as_ref().map(|(_, id)| id);
            id.into_iter().flat_map(move |id| {
                let kinds = action.resources.iter();
                kinds.map(move |kind| (action.uid.eid().as_ref(), kind.to_string().into(), id))
            })
        })
    }

    /// Returns the message about a name by which no action can be requested.
    pub(in crate::policy) fn no_action(&self, name: &str) -> String {
        if let Some((general, resource)) = self
            .actions
            .get(name)
            .and_then(|action| action.general.as_ref())
        {
            return format!(
                "`{name}` is what `{general}` means on `{resource}`: ask for the action `{general}`"
            );
        }
        let askable = || {
            self.actions
                .values()
                .filter(|action| action.general.is_none())
        };
        let same_id: BTreeSet<&SmolStr> = askable()
            .filter(|action| action.uid.eid().as_ref() == name)
            .map(|action| &action.name)
            .collect();
        if !same_id.is_empty() {
            let list: Vec<String> = same_id
                .into_iter()
                .map(|name| format!("`{name}`"))
                .collect();
            return format!(
                "several namespaces declare an action `{name}`: ask for {}",
                list.join(" or ")
            );
        }
        if let Some(action) = askable().find(|action| whole(&action.uid) == name) {
            return format!(
                "the action `{name}` is asked for by its id: `{}`",
                action.name
            );
        }
        let none = format!("the schema declares no action `{}`", shown(name));
        match nearest(name, askable().map(|action| action.name.as_str())) {
            Some(near) => format!("{none}; did you mean `{near}`?"),
            None => none,
        }
    }

    /// Returns the message about a type that is not declared.
    #[must_use]
    pub fn no_type(&self, kind: &str) -> String {
        let none = format!("the schema declares no type `{}`", shown(kind));
        let names = || self.types.keys().map(SmolStr::as_str);
        // The last part of a qualified name is compared first, so that `agent` finds
        // `Notes::Agent`.
        let of_namespace = names()
            .filter(|known| {
                known
                    .rsplit("::")
                    .next()
                    .is_some_and(|last| alike(last, kind))
            })
            .min();
        match of_namespace.or_else(|| nearest(kind, names())) {
            Some(near) => format!("{none}; did you mean `{near}`?"),
            None => none,
        }
    }

    /// Returns `true` if any action has specialised members.
    pub(in crate::policy) fn any_specialised(&self) -> bool {
        self.actions
            .values()
            .any(|action| !action.specialised.is_empty())
    }

    /// Returns `true` if some entity type has an attribute of this name that a request can supply.
    pub(in crate::policy) fn can_be_sent(&self, attribute: &str) -> bool {
        let sent = |kind: &TypeInfo| {
            kind.attributes
                .get(attribute)
                .map(|it| it.provenance != Provenance::Stored)
        };
        self.types.values().filter_map(sent).any(|sent| sent)
    }

    /// Returns `true` if an attribute or member of this name is marked `@secret` anywhere.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(name)
    }

    /// Returns the names of all attributes and members that are marked `@secret`.
    pub fn secrets(&self) -> impl Iterator<Item = &SmolStr> {
        self.secrets.iter()
    }

    /// Returns `true` if an attribute or member of this name is marked `@secret` anywhere, or its
    /// type has such a member.
    pub(in crate::policy) fn may_hold_secret(&self, name: &str) -> bool {
        let holds = |attributes: &BTreeMap<SmolStr, Attribute>| {
            attributes
                .get(name)
                .is_some_and(|attribute| self.has_secret_inside(&attribute.ty))
        };
        self.is_secret(name)
            || (!self.secrets.is_empty()
                && (self.types.values().any(|kind| holds(&kind.attributes))
                    || self.actions.values().any(|action| holds(&action.context))))
    }

    fn has_secret_inside(&self, ty: &Type) -> bool {
        match ty {
            Type::Record { attrs, .. } => attrs.iter().any(|(name, member)| {
                self.is_secret(name) || self.has_secret_inside(&member.attr_type)
            }),
            Type::Set {
                element_type: Some(element),
            } => self.has_secret_inside(element),
            _ => false,
        }
    }
}

impl ActionInfo {
    /// Returns the names of the types that may do it, and of those that it may be done to, each in
    /// order.
    #[must_use]
    pub fn applies_to(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let names = |types: &HashSet<EntityType>| types.iter().map(ToString::to_string).collect();
        (names(&self.principals), names(&self.resources))
    }

    /// Returns the members of the context, each with its type and whether it is required.
    pub fn members(&self) -> impl Iterator<Item = (&SmolStr, String, bool)> {
        let members = self.context.iter();
        members.map(|(name, it)| (name, it.ty.to_string(), it.required))
    }

    /// Returns the action's name; of a specialised action, the specialised name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl TypeInfo {
    /// Returns the id of an entity of this type.
    pub(in crate::policy) fn uid(&self, id: &SmolStr) -> EntityUID {
        EntityUID::from_components(self.name.clone(), Eid::new(id.clone()), None)
    }

    /// Returns the attributes of the type.
    pub fn attributes(&self) -> impl Iterator<Item = (&SmolStr, &Attribute)> {
        self.attributes.iter()
    }
}

fn type_info(declared: &ValidatorEntityType, number: u32, merged: &MergedSchema) -> TypeInfo {
    let name = declared.name().to_string();
    let attributes = declared
        .attributes()
        .iter()
        .filter(|(_, ty)| !is_userset(&ty.attr_type))
        .map(|(attribute, ty)| {
            let key = (name.clone(), attribute.clone());
            let provenance = merged
                .provenance
                .get(&key)
                .copied()
                .unwrap_or(Provenance::Either);
            (
                attribute.clone(),
                Attribute {
                    ty: ty.attr_type.clone(),
                    provenance,
                    required: ty.is_required,
                },
            )
        })
        .collect();
    let choices = match &declared.kind {
        ValidatorEntityTypeKind::Enum(choices) => Some(
            choices
                .iter()
                .map(|choice| AsRef::<str>::as_ref(choice).into())
                .collect(),
        ),
        ValidatorEntityTypeKind::Standard(_) | ValidatorEntityTypeKind::External => None,
    };
    TypeInfo {
        number,
        name: declared.name().with_loc(None),
        attributes,
        choices,
    }
}

fn action_info(action: &ValidatorActionId, name: &SmolStr, number: u32) -> ActionInfo {
    let member = |(name, member): (&SmolStr, &AttributeType)| {
        let ty = member.attr_type.clone();
        let required = member.is_required;
        (
            name.clone(),
            Attribute {
                ty,
                provenance: Provenance::Request,
                required,
            },
        )
    };
    let context = match action.context_type() {
        Some(Type::Record { attrs, .. }) => attrs.iter().map(member).collect(),
        _ => BTreeMap::new(),
    };
    ActionInfo {
        number,
        name: name.clone(),
        uid: Arc::new(action.name().clone()),
        principals: action.applies_to_principals().cloned().collect(),
        resources: action.applies_to_resources().cloned().collect(),
        context,
        specialised: HashMap::new(),
        general: None,
    }
}

fn is_userset(ty: &Type) -> bool {
    match ty {
        Type::Entity(EntityKind::Entity(lub)) => lub
            .get_single_entity()
            .is_some_and(|kind| kind.to_string() == USERSET),
        _ => false,
    }
}
