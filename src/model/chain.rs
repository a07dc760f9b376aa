//! The delegation chain: whose authority is used, and who uses it.

use super::Entity;

/// Actors in one chain, the subject not counted (design section 11). Longer chains are refused
/// before anything is decided: each member costs an evaluation, and no credential in use today
/// carries more.
pub const MAX_ACTORS: usize = 8;

/// `subject > actor > … > caller`: the subject's authority is used by the actors, the caller last.
///
/// INVARIANT: never empty, at most [`MAX_ACTORS`] actors, and no entity occurs twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    subject: Entity,
    actors: Vec<Entity>,
}

/// Why members do not form a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// More than [`MAX_ACTORS`] actors.
    #[error("the chain has {0} actors; at most {MAX_ACTORS} are taken")]
    TooLong(usize),
    /// The same entity stands in two places.
    #[error("`{0}` occurs twice in the chain")]
    Repeats(super::EntityRef),
}

impl Chain {
    /// Puts a chain together.
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

    /// A chain of one: nobody acts for the subject.
    #[must_use]
    pub fn alone(subject: Entity) -> Self {
        Self {
            subject,
            actors: Vec::new(),
        }
    }

    /// Whose authority is used.
    #[must_use]
    pub fn subject(&self) -> &Entity {
        &self.subject
    }

    /// Who uses it, the caller last.
    #[must_use]
    pub fn actors(&self) -> &[Entity] {
        &self.actors
    }

    /// The members, to be named otherwise.
    pub(in crate::model) fn members_mut(&mut self) -> impl Iterator<Item = &mut Entity> {
        std::iter::once(&mut self.subject).chain(&mut self.actors)
    }

    /// All members, the subject first.
    pub fn members(&self) -> impl Iterator<Item = &Entity> {
        std::iter::once(&self.subject).chain(&self.actors)
    }

    /// How many members there are, and so how many legs: at least one.
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
