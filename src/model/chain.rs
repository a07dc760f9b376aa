//! The delegation chain: whose authority is used, and who uses it.

use super::Entity;

/// Maximum number of actors in one chain, not counting the subject (design section 11). Longer
/// chains are refused before anything is decided: each member costs an evaluation, and no
/// credential in use today carries more.
pub const MAX_ACTORS: usize = 8;

/// `subject > actor > … > caller`: the actors use the authority of the subject; the caller is the
/// last.
///
/// INVARIANT: a chain is never empty, has at most [`MAX_ACTORS`] actors, and contains no entity
/// twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    subject: Entity,
    actors: Vec<Entity>,
}

/// The reason why members do not form a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There are more than [`MAX_ACTORS`] actors.
    #[error("the chain has {0} actors; at most {MAX_ACTORS} are taken")]
    TooLong(usize),
    /// The same entity occurs twice.
    #[error("`{0}` occurs twice in the chain")]
    Repeats(super::EntityRef),
}

impl Chain {
    /// Creates a chain.
    pub fn new(subject: Entity, actors: Vec<Entity>) -> Result<Self, ChainError> {
        if actors.len() > MAX_ACTORS {
            return Err(ChainError::TooLong(actors.len()));
        }
        let chain = Self { subject, actors };
        for (at, member) in chain.members().enumerate() {
            if chain
                .members()
                .take(at)
                .any(|earlier| earlier.uid == member.uid)
            {
                return Err(ChainError::Repeats(member.uid.clone()));
            }
        }
        Ok(chain)
    }

    /// Creates a chain of one: nobody acts for the subject.
    #[must_use]
    pub fn alone(subject: Entity) -> Self {
        Self {
            subject,
            actors: Vec::new(),
        }
    }

    /// Returns the party whose authority is used.
    #[must_use]
    pub fn subject(&self) -> &Entity {
        &self.subject
    }

    /// Returns the parties that use the authority, the caller last.
    #[must_use]
    pub fn actors(&self) -> &[Entity] {
        &self.actors
    }

    /// Iterates over the members, so that they can be renamed.
    pub(in crate::model) fn members_mut(&mut self) -> impl Iterator<Item = &mut Entity> {
        std::iter::once(&mut self.subject).chain(&mut self.actors)
    }

    /// Iterates over all members, the subject first.
    pub fn members(&self) -> impl Iterator<Item = &Entity> {
        std::iter::once(&self.subject).chain(&self.actors)
    }

    /// Returns the number of members, which is also the number of legs: at least one.
    #[must_use]
    pub fn legs(&self) -> usize {
        1 + self.actors.len()
    }
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.subject.uid)?;
        self.actors
            .iter()
            .try_for_each(|actor| write!(f, " > {}", actor.uid))
    }
}
