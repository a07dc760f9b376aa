//! Declared names that are one slip away from a name that is read: they are data, but only for the
//! type or the action that declares them.

use super::CarrierSettings;
use crate::model::{EntityRef, Request};
use smol_str::SmolStr;

/// A declared name that is nearly that of a carrier, or that of an object that contains some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearName {
    /// The name.
    pub name: SmolStr,
    /// What it is a name of.
    pub of: NearOwner,
}

/// The declaration of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NearOwner {
    /// It is an attribute of this type.
    Type(SmolStr),
    /// It is a member of the context of an action, but on resources for which the action has
    /// specialised members with contexts of their own.
    Action {
        /// The name by which requests call the action.
        name: SmolStr,
        /// The type and the id of each of those resources.
        but: Vec<EntityRef>,
    },
    /// It is a member of the context of a specialised action.
    Specialised {
        /// The name by which requests call the general action.
        name: SmolStr,
        /// The resource that makes it the specialised one.
        on: EntityRef,
    },
    /// It is a parameter of a condition on tuples, which any action may lead to.
    Condition,
}

/// Returns `true` if the schema declares a name, which is nearly a carrier's, for the context of
/// the action that is asked about.
pub(super) fn is_declared_for(request: &Request, settings: &CarrierSettings, name: &str) -> bool {
    let asked = &request.resource.uid;
    let kind = settings.declared(&asked.kind).unwrap_or(&asked.kind);
    let is_asked = |uid: &EntityRef| uid.kind == *kind && uid.id == asked.id;
    let mut near = settings.near.iter().filter(|near| near.name == name);
    near.any(|near| match &near.of {
        NearOwner::Type(_) => false,
        NearOwner::Action { name, but } => {
            *name == request.action.name && !but.iter().any(is_asked)
        }
        NearOwner::Specialised { name, on } => *name == request.action.name && is_asked(on),
        NearOwner::Condition => true,
    })
}
