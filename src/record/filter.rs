//! Which decisions somebody who watches them wants to see.

use crate::model::{Decision, EntityRef};
use crate::record::DecisionRecord;
use smol_str::SmolStr;

/// Picks decisions by what their records say. Each part that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// How it was decided.
    pub outcome: Option<WatchedOutcome>,
    /// The subject: the first of the chain, or the one that a refused request names.
    pub subject: Option<EntityPattern>,
    /// A member of the chain behind the subject.
    pub actor: Option<EntityPattern>,
    /// The action's name.
    pub action: Option<SmolStr>,
    /// The resource.
    pub resource: Option<EntityPattern>,
    /// The caller's name.
    pub caller: Option<SmolStr>,
}

/// How a decision came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchedOutcome {
    /// It is a permit.
    Permit,
    /// It is a denial, whatever its reason.
    Deny,
    /// It is a denial because something failed: a policy, a look-up of relations, an issuer.
    Fault,
}

impl WatchedOutcome {
    /// Returns the outcome that a word stands for: `permit`, `deny` or `fault`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "permit" => Some(Self::Permit),
            "deny" => Some(Self::Deny),
            "fault" => Some(Self::Fault),
            _ => None,
        }
    }
}

/// A type, an id, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityPattern {
    kind: Option<SmolStr>,
    id: Option<SmolStr>,
}

impl EntityPattern {
    /// Reads `type:id`, `type:` for every id of a type, or `:id` for an id of any type. Returns
    /// `None` for other texts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(EntityRef { kind, id }) = text.parse() {
            return Some(Self {
                kind: Some(kind),
                id: Some(id),
            });
        }
        let part = |part: &str| (!part.is_empty()).then(|| SmolStr::from(part));
        if let Some(id) = text.strip_prefix(':') {
            let id = Some(part(id)?);
            return Some(Self { kind: None, id });
        }
        let kind = part(text.strip_suffix(':')?)?;
        (!kind.ends_with(':')).then_some(Self {
            kind: Some(kind),
            id: None,
        })
    }

    fn matches(&self, entity: &EntityRef) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == entity.kind)
            && self.id.as_ref().is_none_or(|id| *id == entity.id)
    }
}

impl DecisionFilter {
    /// Returns `true` if a decision is one of those that were asked for. What is compared is what
    /// the record shows: an id that it hides is not found by what it hides.
    pub(super) fn matches(&self, record: &DecisionRecord<'_>) -> bool {
        self.outcome
            .is_none_or(|outcome| is_outcome(outcome, record))
            && self.caller.as_ref().is_none_or(|it| it == record.caller)
            && self.action.as_ref().is_none_or(|it| *it == action(record))
            && self
                .resource
                .as_ref()
                .is_none_or(|it| it.matches(&resource(record)))
            && self
                .subject
                .as_ref()
                .is_none_or(|it| subject(record).is_some_and(|subject| it.matches(&subject)))
            && self.actor.as_ref().is_none_or(|it| {
                let question = record.question;
                let actors = question.map_or(&[][..], |question| question.chain.actors());
                actors.iter().any(|actor| it.matches(&actor.uid))
            })
    }
}

fn is_outcome(outcome: WatchedOutcome, record: &DecisionRecord<'_>) -> bool {
    match (outcome, record.answer.decision) {
        (WatchedOutcome::Permit, Decision::Permit) | (WatchedOutcome::Deny, Decision::Deny) => true,
        (WatchedOutcome::Permit, Decision::Deny)
        | (WatchedOutcome::Deny | WatchedOutcome::Fault, Decision::Permit) => false,
        (WatchedOutcome::Fault, Decision::Deny) => {
            let reason = record.answer.reason.as_ref();
            reason.is_some_and(|reason| reason.code.is_failure())
        }
    }
}

fn subject(record: &DecisionRecord<'_>) -> Option<EntityRef> {
    match record.question {
        Some(question) => Some(question.chain.subject().uid.clone()),
        None => record.request.shown_subject(),
    }
}

fn action(record: &DecisionRecord<'_>) -> SmolStr {
    match record.question {
        Some(question) => question.action.name.clone(),
        None => record.request.shown_action(),
    }
}

fn resource(record: &DecisionRecord<'_>) -> EntityRef {
    match record.question {
        Some(question) => question.resource.uid.clone(),
        None => record.request.shown_resource(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_type_an_id_or_both() {
        let matching = |text: &str| {
            let pattern = EntityPattern::parse(text).unwrap();
            let entities = [("user", "a"), ("user", "b"), ("A::B", "a"), ("user", ":a")];
            let matches = |(kind, id)| pattern.matches(&EntityRef::new(kind, id));
            entities.map(matches)
        };
        assert_eq!(matching("user:a"), [true, false, false, false]);
        assert_eq!(matching("user:"), [true, true, false, true]);
        assert_eq!(matching(":a"), [true, false, true, false]);
        assert_eq!(matching("A::B:"), [false, false, true, false]);
        assert_eq!(matching("A::B:a"), [false, false, true, false]);
        for text in ["", ":", "user", "A::B", "A::", "a:b::"] {
            let parsed = EntityPattern::parse(text);
            let is_id = parsed.as_ref().is_some_and(|it| it.id.is_some());
            assert_eq!(is_id, text == "a:b::", "{text}: {parsed:?}");
        }
    }
}
