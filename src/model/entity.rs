//! Entities as requests name them: a type, an id, and the properties in the request.

use super::Record;
use smol_str::SmolStr;
use std::{fmt, str::FromStr};

/// A type and an id, verbatim (AuthZEN 1.0 section 5.1, 5.2). The id is unique within its type
/// only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityRef {
    /// The type, such as `user`.
    pub kind: SmolStr,
    /// The id, such as `alice`.
    pub id: SmolStr,
}

impl EntityRef {
    /// Creates a reference from a type and an id.
    pub fn new(kind: impl Into<SmolStr>, id: impl Into<SmolStr>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
        }
    }
}

/// Writes `type:id`, the spelling of command lines, cases and messages.
impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// An error for text that is not `type:id`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not of the form `type:id`")]
pub struct ParseEntityRefError(String);

/// Parses `type:id`. The type ends at the first single colon, so `A::B:x` is the id `x` of the type
/// `A::B`, and ids may contain colons.
impl FromStr for EntityRef {
    type Err = ParseEntityRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseEntityRefError(text.to_owned());
        let mut rest = text;
        let mut at = 0;
        loop {
            let colon = rest.find(':').ok_or_else(refuse)?;
            let after = rest.get(colon + 1..).unwrap_or_default();
            if let Some(tail) = after.strip_prefix(':') {
                at += colon + 2;
                rest = tail;
            } else {
                at += colon;
                break;
            }
        }
        let (kind, id) = text.split_at_checked(at).ok_or_else(refuse)?;
        let id = id.strip_prefix(':').unwrap_or_default();
        if kind.is_empty() || id.is_empty() {
            Err(refuse())
        } else {
            Ok(Self::new(kind, id))
        }
    }
}

/// An entity with the properties that the request gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The type and the id.
    pub uid: EntityRef,
    /// Its properties in the request, without consumed carriers. No properties and an empty object
    /// are the same.
    pub properties: Record,
}

impl From<EntityRef> for Entity {
    fn from(uid: EntityRef) -> Self {
        Self {
            uid,
            properties: Record::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_ends_at_the_first_single_colon() {
        for (text, kind, id) in [
            ("user:alice", "user", "alice"),
            (
                "workload:spiffe://prod/ns/a",
                "workload",
                "spiffe://prod/ns/a",
            ),
            ("Acme::Team:sre", "Acme::Team", "sre"),
            ("user:a:b", "user", "a:b"),
        ] {
            assert_eq!(text.parse(), Ok(EntityRef::new(kind, id)), "{text}");
        }
        for text in ["alice", "", ":", "user:", ":alice", "A::B"] {
            assert!(text.parse::<EntityRef>().is_err(), "{text}");
        }
    }
}
