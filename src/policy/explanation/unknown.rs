//! What is said of a resource that nobody knows.
//!
//! **Problem.** A misspelt tool is denied like one that needs a role: "none of its roles may call
//! it", and who follows that asks for a role.
//! **Decision.** A denial for want of a permit says so where the bundle stores or names others of
//! the type, and no stored entity, policy, action or tuple names this one. Where a type is not
//! stored at all its entities come with requests, and nothing is said.
//! **Trade-off.** The name that was probably meant is looked for among what the bundle names, not
//! among all tuples.
//!
//! INVARIANT: only words change, and what they rest on is in the key of the leg or in what the
//! answer about tuples notes.

use crate::model::{Code, EntityRef, LegOutcome, NextAction, Reason, nearest, shown};
use crate::policy::Compiled;
use crate::policy::evaluate::LegInput;
use cedar_policy_core::ast::EntityUID;

/// The bundle's entities are gone through for a near name up to this many.
const MOST_ENTITIES: usize = 1_000;

impl Compiled {
    /// Says that nobody knows the resource, in a denial that no policy determined.
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
        // A search asks about nobody in particular, who has a control character in the id.
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
            "{message}; nobody knows `{}`: no stored entity, no tuple, no policy and no action names it{meant}",
            shown(&asked.to_string())
        );
        reason.next_action = NextAction::None;
    }
}
