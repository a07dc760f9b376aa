//! The one spelling of a Cedar entity as a tuple's object, and back.
//!
//! INVARIANT: encoding is injective, and what it makes never holds a character that means something
//! in a tuple. So a SPIFFE id or a URI can be an id, `eng#member` as an id is never a userset, and
//! `*` as an id is never everyone.

use super::{ObjectRef, TupleKey, TupleTextError, TupleUser, is_plain};
use crate::model::EntityRef;
use smol_str::SmolStr;
use std::fmt::Write as _;

/// The name of a type as the relation model spells it: `Lab/doc`, where Cedar and requests say
/// `Lab::doc`.
///
/// INVARIANT: what is asked of a model by a type's name takes this, and not a text: one type has
/// two spellings, and the other one finds nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelType(SmolStr);

impl ModelType {
    /// Takes a name that stands in a model or in a tuple.
    pub fn new(name: impl Into<SmolStr>) -> Self {
        Self(name.into())
    }

    /// Spells the name of an entity type.
    #[must_use]
    pub fn of_entity_type(name: &SmolStr) -> Self {
        if name.contains(':') {
            Self(name.replace("::", "/").into())
        } else {
            Self(name.clone())
        }
    }

    /// The entity type's name.
    #[must_use]
    pub fn to_entity_type(&self) -> SmolStr {
        if self.0.contains('/') {
            self.0.replace('/', "::").into()
        } else {
            self.0.clone()
        }
    }

    /// The name as the model has it.
    #[must_use]
    pub fn as_str(&self) -> &SmolStr {
        &self.0
    }
}

impl ObjectRef {
    /// Spells an entity as the object of a tuple. Refuses what is too long for one.
    pub fn of_entity(entity: &EntityRef) -> Result<Self, TupleTextError> {
        let object = Self::spell(entity)?;
        object.as_object()?;
        Ok(object)
    }

    /// Spells an entity as the user of a tuple. Refuses what is too long for one.
    pub fn of_user(entity: &EntityRef) -> Result<Self, TupleTextError> {
        let user = Self::spell(entity).map_err(|error| match error {
            TupleTextError::ObjectTooLong => TupleTextError::UserTooLong,
            other => other,
        })?;
        user.as_user()?;
        Ok(user)
    }

    /// Spells an entity, whichever place it has in tuples: the id percent-encoded, the namespaces
    /// of the type parted by `/`. Refuses what is too long for any, and an empty id.
    pub fn spell(entity: &EntityRef) -> Result<Self, TupleTextError> {
        let ModelType(kind) = ModelType::of_entity_type(&entity.kind);
        let id = if is_plain(&entity.id) {
            entity.id.clone()
        } else {
            encode_id(&entity.id)
        };
        Self::new(kind, id)
    }

    /// The entity that this object spells; `None` where the id is not canonical, so that no entity
    /// has two spellings.
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
    /// Reads an object as tuples spell it, or as answers show an entity, where that leaves no
    /// doubt: no id of a tuple holds a colon, so an id with one (`user:https://idp.example/alice`)
    /// is an entity's own, whole and not encoded, a per cent sign in it being one. One that holds
    /// `#` or white space too is refused: it may be meant as a userset.
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
    /// The text that names this entity as the user of a tuple, where `type:id` would name another
    /// or none; none for what is too long for tuples, too.
    #[must_use]
    pub fn tuple_spelling(&self) -> Option<String> {
        if is_plain(&self.id) {
            return None;
        }
        let names_it = |user| matches!(user, TupleUser::Object(object) if object.to_entity().as_ref() == Some(self));
        if TupleUser::parse_shown(&self.to_string()).is_ok_and(names_it) {
            return None;
        }
        ObjectRef::of_user(self)
            .ok()
            .map(|object| object.to_string())
    }
}

impl TupleUser {
    /// Reads a user like [`ObjectRef::parse_shown`].
    pub fn parse_shown(text: &str) -> Result<Self, TupleTextError> {
        // A text that is no entity gets the words about users.
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
    /// Reads the three parts like [`ObjectRef::parse_shown`].
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

/// Undoes [`encode_id`]; `None` where a `%` is not followed by two hex digits, or the bytes are no
/// UTF-8.
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

/// Whether an id is the encoding of its own decoding. In the store that decisions read, every id
/// is.
#[must_use]
pub fn is_canonical_id(id: &str) -> bool {
    decode_id(id).is_some_and(|decoded| encode_id(&decoded) == id)
}

fn is_encoded(c: char) -> bool {
    matches!(c, ':' | '#' | '*' | '%') || c.is_whitespace() || c.is_control()
}
