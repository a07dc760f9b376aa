//! Finds the declared names that are a carrier's, or nearly: they are data and no carriers.

use crate::model::{CarrierSettings, NearName, NearOwner};
use crate::policy::{ActionInfo, CompiledPolicySet, TypeInfo, Vocabulary};
use crate::relations::model::AuthorizationModel;
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Returns the attributes with the name of a carrier, each with its entity type: such an attribute
/// is data and no carrier.
pub(super) fn shared_names(compiled: &CompiledPolicySet) -> Vec<(SmolStr, &'static str)> {
    let vocabulary = &compiled.schema().vocabulary;
    let mut found = Vec::new();
    for kind in vocabulary.types() {
        let attributes = vocabulary
            .entity_type(kind)
            .into_iter()
            .flat_map(TypeInfo::attributes);
        let names = attributes
            .filter_map(|(name, _)| CarrierSettings::shared_names().find(|one| one == name));
        found.extend(names.map(|name| (kind.clone(), name)));
    }
    found
}

/// Returns the declared names that are one slip away from a name that is read, each with the type
/// or the action that declares it. What conditions on tuples read is in the context, too.
pub(super) fn near_names(
    compiled: &CompiledPolicySet,
    model: Option<&AuthorizationModel>,
) -> Vec<NearName> {
    let vocabulary = &compiled.schema().vocabulary;
    let mut found = BTreeSet::new();
    let mut add = |name: &SmolStr, of: &dyn Fn() -> Vec<NearOwner>| {
        if CarrierSettings::is_near(name) {
            let name = || name.clone();
            found.extend(of().into_iter().map(|of| NearName { name: name(), of }));
        }
    };
    for (kind, name) in vocabulary.attribute_names() {
        add(name, &|| vec![NearOwner::Type(kind.clone())]);
    }
    for (action, name) in vocabulary.member_names() {
        add(name, &|| owners(vocabulary, action));
    }
    let conditions = model
        .into_iter()
        .flat_map(|model| &model.definition().conditions);
    for (name, _) in conditions.flat_map(|condition| condition.parameters.iter()) {
        add(name, &|| vec![NearOwner::Condition]);
    }
    found.into_iter().collect()
}

/// Returns an action as the owner of its context: once, or for each resource on which it is the
/// specialised one.
fn owners(vocabulary: &Vocabulary, action: &ActionInfo) -> Vec<NearOwner> {
    let Some(general) = action.general() else {
        return vec![NearOwner::Action {
            name: action.name().into(),
            but: vocabulary.specialised_of(action),
        }];
    };
    let specialised = |on| NearOwner::Specialised {
        name: general.clone(),
        on,
    };
    action
        .own_resources()
        .into_iter()
        .map(specialised)
        .collect()
}
