//! Collects what the carriers of one request say, and decides whether they agree.
//!
//! INVARIANT: all carriers propose the same chain, and all properties that are stated for one
//! member are equal. A mention without properties says nothing about them; a property stated in any
//! mention is kept.

use super::{ChainRefusal, Code, conflict, is_silent};
use crate::model::{Entity, EntityRef, Record, Value, shown};

/// The statements read so far.
#[derive(Debug, Default)]
pub(super) struct CarrierStatements {
    /// The entity that `subject` names, with its remaining properties; `None` in the form `{user,
    /// agent}`.
    pub(super) subject: Option<Entity>,
    /// Members to which a carrier gives properties.
    pub(super) others: Vec<Entity>,
    /// The chain that each carrier proposes.
    pub(super) proposals: Vec<Proposal>,
}

/// A chain that one carrier proposes.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) carrier: &'static str,
    pub(super) chain: Vec<EntityRef>,
}

impl CarrierStatements {
    /// Records that `carrier` proposes this chain.
    pub(super) fn propose(&mut self, carrier: &'static str, chain: Vec<EntityRef>) {
        self.proposals.push(Proposal { carrier, chain });
    }

    /// Records the properties that a carrier states for a member.
    pub(super) fn describe(&mut self, uid: &EntityRef, properties: Record) {
        if !is_silent(&properties) {
            self.others.push(Entity {
                uid: uid.clone(),
                properties,
            });
        }
    }

    /// Records the party that `context.agent` names: the last actor of the chain, or the subject of
    /// a chain of one.
    pub(super) fn propose_actor(
        &mut self,
        carrier: &'static str,
        actor: EntityRef,
    ) -> Result<(), ChainRefusal> {
        let named: Vec<EntityRef> = match (self.proposals.first(), &self.subject) {
            (Some(proposal), _) => proposal.chain.clone(),
            (None, Some(subject)) => vec![subject.uid.clone()],
            (None, None) => Vec::new(),
        };
        if named.last() == Some(&actor) {
            return Ok(());
        }
        let [subject] = named.as_slice() else {
            let actor = actor.to_string();
            let message = format!(
                "`{carrier}` names `{}`, which is not the last actor of the chain",
                shown(&actor)
            );
            return Err(conflict(message));
        };
        self.propose(carrier, vec![subject.clone(), actor]);
        Ok(())
    }
}

/// Returns the members of the chain that all proposals name, each with its stated properties.
/// Refuses a chain of more than `max_actors` actors before its members are compared.
pub(super) fn agree(
    stated: CarrierStatements,
    max_actors: usize,
) -> Result<Vec<Entity>, ChainRefusal> {
    let CarrierStatements {
        subject,
        others,
        proposals,
    } = stated;
    let mut proposals = proposals.into_iter();
    let chain = match (proposals.next(), &subject) {
        // This is nearly every request: there is nothing to compare and nothing to copy.
        (None, _) if others.is_empty() => return Ok(subject.into_iter().collect()),
        (None, subject) => subject.iter().map(|subject| subject.uid.clone()).collect(),
        (Some(first), _) => {
            if let Some(other) = proposals.find(|other| other.chain != first.chain) {
                return Err(conflict(format!(
                    "`{}` and `{}` name different chains",
                    first.carrier, other.carrier
                )));
            }
            first.chain
        }
    };
    let actors = chain.len().saturating_sub(1);
    if actors > max_actors {
        return Err(ChainRefusal::TooLong(actors));
    }
    let said: Vec<Entity> = subject
        .into_iter()
        .chain(others)
        .filter(|one| !is_silent(&one.properties))
        .collect();
    chain.into_iter().map(|uid| describe(uid, &said)).collect()
}

/// Returns a member with all properties that were stated for it.
fn describe(uid: EntityRef, said: &[Entity]) -> Result<Entity, ChainRefusal> {
    let mut of_it = said
        .iter()
        .filter(|one| one.uid == uid)
        .map(|one| &one.properties);
    let Some(properties) = of_it.next() else {
        return Ok(Entity::from(uid));
    };
    if of_it.any(|others| !say_the_same(others, properties)) {
        let message = format!(
            "`{}` is named more than once, with different properties",
            shown(&uid.to_string())
        );
        return Err(ChainRefusal::Deny(Code::AttributeConflict, message));
    }
    let properties = properties.clone();
    Ok(Entity { uid, properties })
}

/// Returns `true` if two objects state the same: a null member counts as not sent at any depth.
pub(super) fn say_the_same(one: &Record, other: &Record) -> bool {
    let mut others = other.iter().filter(|(_, value)| !value.is_null());
    let mut ours = one.iter().filter(|(_, value)| !value.is_null());
    // Both iterators are in the order of the names.
    ours.all(|(name, value)| {
        others
            .next()
            .is_some_and(|(other, said)| name == other && is_same(value, said))
    }) && others.next().is_none()
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Record(one), Value::Record(other)) => say_the_same(one, other),
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        _ => one == other,
    }
}
