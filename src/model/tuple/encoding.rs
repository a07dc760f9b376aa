//! Encodes a Cedar entity as a tuple's object, in exactly one way, and decodes it.
//!
//! INVARIANT: the encoding is injective, and its output never contains a character with a meaning
//! in tuples. So a SPIFFE id or a URI can be an id, the id `eng#member` is never a userset, and the
//! id `*` is never everyone.

use super::{ObjectRef, TupleKey, TupleTextError, TupleUser, is_plain};
use crate::model::EntityRef;
use smol_str::SmolStr;
use std::fmt::Write as _;

/// The name of a type as the relation model spells it: `Lab/doc`, where Cedar and requests have
/// `Lab::doc`.
///
/// INVARIANT: functions that look up a type in a model take this and not a text: a type has two
/// spellings, and the wrong one would find nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelType(SmolStr);

impl ModelType {
    /// Wraps a name that is spelled as in a model or a tuple.
    pub fn new(name: impl Into<SmolStr>) -> Self {
        Self(name.into())
    }

    /// Converts the name of an entity type.
    #[must_use]
    pub fn of_entity_type(name: &SmolStr) -> Self {
        if name.contains(':') {
            Self(name.replace("::", "/").into())
        } else {
            Self(name.clone())
        }
    }

    /// Returns the name of the entity type.
    #[must_use]
    pub fn to_entity_type(&self) -> SmolStr {
        if self.0.contains('/') {
            self.0.replace('/', "::").into()
        } else {
            self.0.clone()
        }
    }

    /// Returns the name as the model spells it.
    #[must_use]
    pub fn as_str(&self) -> &SmolStr {
        &self.0
    }
}

impl ObjectRef {
    /// Encodes an entity as the object of a tuple. Refuses one that is too long for an object.
    pub fn of_entity(entity: &EntityRef) -> Result<Self, TupleTextError> {
        let object = Self::spell(entity)?;
        object.as_object()?;
        Ok(object)
    }

    /// Encodes an entity as the user of a tuple. Refuses one that is too long for a user.
    pub fn of_user(entity: &EntityRef) -> Result<Self, TupleTextError> {
        let user = Self::spell(entity).map_err(|error| match error {
            TupleTextError::ObjectTooLong => TupleTextError::UserTooLong,
            other => other,
        })?;
        user.as_user()?;
        Ok(user)
    }

    /// Encodes an entity for any part of a tuple: the id percent-encoded, the namespaces of the
    /// type separated by `/`. Refuses an entity that is too long for every part, and an empty id.
    pub fn spell(entity: &EntityRef) -> Result<Self, TupleTextError> {
        let ModelType(kind) = ModelType::of_entity_type(&entity.kind);
        let id = if is_plain(&entity.id) {
            entity.id.clone()
        } else {
            encode_id(&entity.id)
        };
        Self::new(kind, id)
    }

    /// Returns the entity that this object encodes, or `None` if the id is not canonical, so that
    /// no entity has two encodings.
    #[must_use]
    pub fn to_entity(&self) -> Option<EntityRef> {
        let id = decode_id(&self.id).filter(|id| encode_id(id) == self.id)?;
        Some(EntityRef {
            kind: self.kind.to_entity_type(),
            id,
        })
    }
}

impl ObjectRef {
    /// Parses an object as tuples spell it or as answers show an entity, if that is unambiguous. No
    /// id of a tuple contains a colon, so an id with a colon (`user:https://idp.example/alice`) is
    /// an entity's own id, not encoded, and a per cent sign in it is literal. An id that also
    /// contains `#` or white space is refused: it may be meant as a userset.
    pub fn parse_shown(text: &str) -> Result<Self, TupleTextError> {
        let object = Self::spell_shown(text)?;
        object.as_object()?;
        Ok(object)
    }

    fn spell_shown(text: &str) -> Result<Self, TupleTextError> {
        if text.bytes().filter(|byte| *byte == b':').take(2).count() < 2 {
            return text.parse();
        }
        let refuse = || TupleTextError::object(text);
        if text.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control()) {
            return Err(refuse());
        }
        Self::spell(&text.parse::<EntityRef>().map_err(|_| refuse())?)
    }
}

impl EntityRef {
    /// Returns the text that names this entity as the user of a tuple if `type:id` would name
    /// another or none. Returns `None` also if the entity is too long for a tuple.
    #[must_use]
    pub fn tuple_spelling(&self) -> Option<String> {
        if is_plain(&self.id) {
            return None;
        }
        let names_it = |user| match user {
            TupleUser::Object(object) => object.to_entity().as_ref() == Some(self),
            _ => false,
        };
        if TupleUser::parse_shown(&self.to_string()).is_ok_and(names_it) {
            return None;
        }
        ObjectRef::of_user(self)
            .ok()
            .map(|object| object.to_string())
    }
}

impl TupleUser {
    /// Parses a user as [`ObjectRef::parse_shown`] does.
    pub fn parse_shown(text: &str) -> Result<Self, TupleTextError> {
        // For a text that is not an entity, the error is the one about users.
        let is_entity = text.contains(':') && !text.contains('#') && !text.ends_with(":*");
        if !is_entity || text.len() > super::MAX_USER_BYTES {
            return text.parse();
        }
        let user = ObjectRef::spell_shown(text).map_err(|error| match error {
            TupleTextError::ObjectTooLong => TupleTextError::UserTooLong,
            other => other,
        })?;
        user.as_user()?;
        Ok(Self::Object(user))
    }
}

impl TupleKey {
    /// Parses the three parts as [`ObjectRef::parse_shown`] does.
    pub fn parse_shown(user: &str, relation: &str, object: &str) -> Result<Self, TupleTextError> {
        super::check_relation(relation)?;
        Ok(Self {
            object: ObjectRef::parse_shown(object)?,
            relation: relation.into(),
            user: TupleUser::parse_shown(user)?,
        })
    }
}

/// Percent-encodes `:` `#` `*` `%`, white space and control characters, in upper-case hex.
#[must_use]
pub fn encode_id(id: &str) -> SmolStr {
    if !id.chars().any(is_encoded) {
        return id.into();
    }
    let mut text = String::with_capacity(id.len() + 8);
    for c in id.chars() {
        if is_encoded(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(c);
        }
    }
    text.into()
}

/// Undoes [`encode_id`]; returns `None` if a `%` is not followed by two hex digits, or the bytes
/// are not UTF-8.
#[must_use]
pub fn decode_id(id: &str) -> Option<SmolStr> {
    if !id.contains('%') {
        return Some(id.into());
    }
    let mut bytes = Vec::with_capacity(id.len());
    let mut rest = id.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(SmolStr::from)
}

/// Returns `true` if an id is the encoding of its own decoding. In the store that decisions read,
/// every id is.
#[must_use]
pub fn is_canonical_id(id: &str) -> bool {
    decode_id(id).is_some_and(|decoded| encode_id(&decoded) == id)
}

fn is_encoded(c: char) -> bool {
    matches!(c, ':' | '#' | '*' | '%') || c.is_whitespace() || c.is_control()
}
