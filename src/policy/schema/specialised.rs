//! Specialised actions: what a general action means on one resource.

use super::{ActionInfo, TypeInfo};
use crate::model::{EntityRef, Place, Problem};
use cedar_policy_core::ast::EntityUID;
use foldhash::HashMap;
use smol_str::SmolStr;
use std::collections::BTreeMap;

impl ActionInfo {
    /// Returns `true` if the schema lets principals of this type ask for the action.
    #[must_use]
    pub fn takes_principal(&self, kind: &TypeInfo) -> bool {
        self.principals.contains(&kind.name)
    }

    /// Returns `true` if the schema lets the action be done to resources of this type.
    #[must_use]
    pub fn takes_resource(&self, kind: &TypeInfo) -> bool {
        self.resources.contains(&kind.name)
    }

    /// Returns the name of the general action, of a specialised one.
    #[must_use]
    pub fn general(&self) -> Option<&SmolStr> {
        self.general.as_ref().map(|(name, _)| name)
    }

    /// Returns the resources on which a specialised action is evaluated.
    #[must_use]
    pub fn own_resources(&self) -> Vec<EntityRef> {
        let Some((_, id)) = &self.general else {
            return Vec::new();
        };
        let kinds = self.resources.iter();
        kinds
            .map(|kind| EntityRef::new(kind.to_string(), id.as_str()))
            .collect()
    }
}

/// Warns of each action that is named like a specialised member of another action for the same type
/// of resource, and is no member of it: requests for the other never mean it, and what policies say
/// of it does not count for them.
pub(super) fn unlinked(
    actions: &HashMap<SmolStr, ActionInfo>,
    place: impl Fn(&EntityUID) -> Option<Place>,
) -> Vec<Problem> {
    let mut by_id: BTreeMap<&str, Vec<&ActionInfo>> = BTreeMap::new();
    for action in actions.values() {
        by_id
            .entry(action.uid.eid().as_ref())
            .or_default()
            .push(action);
    }
    let general_of = |action: &ActionInfo| {
        let id: &str = action.uid.eid().as_ref();
        id.match_indices(':')
            .filter_map(|(at, _)| by_id.get(id.get(..at)?))
            .flatten()
            .copied()
            .filter(|other| {
                let kinds = &action.resources;
                other.resources.iter().any(|kind| kinds.contains(kind))
            })
            .min_by_key(|other| other.uid.to_string())
    };
    let mut found: Vec<Problem> = actions
        .values()
        .filter(|action| action.general.is_none())
        .filter_map(|action| {
            let (special, general) = (&action.uid, &general_of(action)?.uid);
            let message = format!(
                "`{special}` is named like what `{general}` means on one resource, \
                 and is no member of it: a request for `{general}` never means it"
            );
            let help = format!("declare it `in [{general}]`, or give it another name");
            let mut problem = Problem::new(message).help(help);
            problem.place = place(special);
            Some(problem)
        })
        .collect();
    found.sort_by_cached_key(ToString::to_string);
    found
}

/// Links an action to its specialised members: `Action::"<name>:<resource id>"` in
/// `Action::"<name>"` is evaluated in its place for that resource, whatever their namespaces are.
/// Two members for one resource are refused, since nothing says which is meant.
pub(super) fn link_specialised(
    general: &EntityUID,
    members: &[&EntityUID],
    names: &BTreeMap<&EntityUID, SmolStr>,
    actions: &mut HashMap<SmolStr, ActionInfo>,
    place: impl Fn(&EntityUID) -> Option<Place>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<&str, &EntityUID> = BTreeMap::new();
    let Some(name) = names.get(general) else {
        return problems;
    };
    let mut members = members.to_vec();
    members.sort_unstable();
    for member in members {
        let id: &str = member.eid().as_ref();
        let Some(resource) = id
            .strip_prefix(general.eid().as_ref())
            .and_then(|rest| rest.strip_prefix(':'))
        else {
            continue;
        };
        let Some(special) = names.get(member) else {
            continue;
        };
        if let Some(other) = seen.insert(resource, member) {
            let message =
                format!("`{member}` and `{other}` are both what `{general}` means on `{resource}`");
            let mut problem = Problem::new(message).help("keep one of the two");
            (problem.place, problem.also) = (place(member), place(other));
            problems.push(problem);
        }
        if let Some(action) = actions.get_mut(name) {
            action.specialised.insert(resource.into(), special.clone());
        }
        if let Some(action) = actions.get_mut(special) {
            action.general = Some((name.clone(), resource.into()));
        }
    }
    problems
}
