//! Finds the declared names that are a carrier's, or nearly: they are data and no carriers.

use crate::model::CarrierSettings;
use crate::policy::{CompiledPolicySet, TypeInfo};
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

/// Returns the declared names that are one slip away from a name that is read: attributes with
/// their entity types, and members of contexts. What conditions on tuples read is in the context,
/// too.
pub(super) fn near_names(
    compiled: &CompiledPolicySet,
    model: Option<&AuthorizationModel>,
) -> Vec<(Option<SmolStr>, SmolStr)> {
    let vocabulary = &compiled.schema().vocabulary;
    let conditions = model
        .into_iter()
        .flat_map(|model| &model.definition().conditions);
    let parameters = conditions.flat_map(|condition| condition.parameters.iter());
    let parameters = parameters.map(|(name, _)| (None, name));
    let declared = vocabulary.declared_names().chain(parameters);
    let near = declared.filter(|(_, name)| CarrierSettings::is_near(name));
    let near: BTreeSet<(Option<SmolStr>, SmolStr)> = near
        .map(|(kind, name)| (kind.cloned(), name.clone()))
        .collect();
    near.into_iter().collect()
}
