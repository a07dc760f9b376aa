//! Words the denial of a request about an unknown resource.
//!
//! **Problem.** A misspelt tool is denied like one that needs a role: "none of its roles may call
//! it". Whoever follows that message asks for a role.
//! **Decision.** If a denial lacks a permit, the bundle stores or names other entities of the type,
//! and no stored entity, policy, action or tuple names this one, the denial says so. If entities of
//! the type are not stored at all, they come with requests, and nothing is said.
//! **Trade-off.** The similar name that was probably meant is searched among the names of the
//! bundle, not among all tuples.
//!
//! INVARIANT: only the text changes, and what it depends on is in the key of the leg or noted by
//! the look-up of tuples.

use crate::model::{
    Code, EntityRef, LegOutcome, NextAction, Reason, UnstoredEntity, nearest, shown,
};
use crate::policy::CompiledPolicySet;
use crate::policy::evaluate::LegInput;
use crate::policy::load::stored::StoredEntities;
use cedar_policy_core::ast::EntityUID;

/// The number of stored entities up to which they are searched for a similar name.
const MOST_ENTITIES: usize = 1_000;

/// Returns an entity that is not stored although others of its type are: policies see none of its
/// attributes but those that the request says.
pub(in crate::policy) fn unstored(
    stored: &StoredEntities,
    uid: &EntityUID,
    asked: EntityRef,
) -> Option<UnstoredEntity> {
    if stored.get(uid).is_some() || !stored.has_kind(uid.entity_type()) {
        return None;
    }
    let kind = uid.entity_type().to_string();
    let ids = stored.ids(&kind).take(MOST_ENTITIES);
    let near = nearest(&asked.id, ids).map(|id| EntityRef::new(asked.kind.clone(), id));
    Some(UnstoredEntity {
        uid: asked,
        nearest: near,
    })
}

impl CompiledPolicySet {
    /// Says in a denial that no policy determined that the resource is unknown.
    pub(in crate::policy) fn name_unknown(
        &self,
        input: &LegInput<'_>,
        resource: &EntityUID,
        outcome: &mut LegOutcome,
    ) {
        let LegOutcome::Deny(reason) = outcome else {
            return;
        };
        if matches!(reason.code, Code::NotPermitted | Code::Pack(_))
            && self.is_unknown(input, resource)
        {
            let asked = input.question.as_asked(&input.question.resource.uid);
            self.say(input, &asked, reason);
        }
    }

    fn is_unknown(&self, input: &LegInput<'_>, resource: &EntityUID) -> bool {
        let uid = &input.question.resource.uid;
        // The placeholder of a search has a control character in its id, so it is not reported as
        // unknown.
        let is_name = !uid.id.starts_with(char::is_control);
        is_name
            && input.stored.get(resource).is_none()
            && (input.stored.has_kind(resource.entity_type())
                || self.literals(&uid.kind).next().is_some())
            && !self.literals.names(&uid.kind, &uid.id)
            && !input.relations.is_object(uid)
    }

    fn say(&self, input: &LegInput<'_>, asked: &EntityRef, reason: &mut Reason) {
        let kind = &input.question.resource.uid.kind;
        let stored = if input.stored.len() > MOST_ENTITIES {
            Vec::new()
        } else {
            input.stored.refs()
        };
        let stored = stored
            .iter()
            .filter(|entity| entity.kind == *kind)
            .map(|entity| entity.id.as_str());
        let names = stored.chain(self.literals(kind).map(AsRef::as_ref));
        let meant = match nearest(&asked.id, names) {
            Some(near) => format!("; did you mean `{}:{near}`?", asked.kind),
            None => String::new(),
        };
        let message = reason.message.trim_end_matches('.');
        reason.message = format!(
            "{message}; nobody knows `{}`: no stored entity, no tuple, \
             no policy and no action names it{meant}",
            shown(&asked.to_string())
        );
        reason.next_action = NextAction::None;
    }
}
