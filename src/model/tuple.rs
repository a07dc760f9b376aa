//! Relationship tuples: which user has which relation to which object.
//!
//! This module owns the strings: what OpenFGA accepts as a type, an id, a relation or a user (its
//! protobuf field rules), and how the ids of Cedar entities are encoded as tuple ids (`encoding`).
//! Whether a model allows a tuple is decided in `relations/model`.
//!
//! INVARIANT: a value that exists follows the string rules, so its text parses to the same value:
//! no type and no id contains `:` or `#`, and nothing contains white space or a control character.
//! Objects and users have different length limits, so each caller checks its own:
//! [`ObjectRef::as_object`], [`ObjectRef::as_user`].

mod encoding;

use super::{Record, shown};
pub use encoding::{ModelType, decode_id, encode_id, is_canonical_id};
use smol_str::SmolStr;
use std::{fmt, str::FromStr, sync::Arc};

/// Longest type, in characters: OpenFGA's field rule.
pub const MAX_TYPE_CHARS: usize = 254;

/// Longest relation, in characters: OpenFGA's field rule.
pub const MAX_RELATION_CHARS: usize = 50;

/// Longest object (`type:id`), in characters: OpenFGA's field rule.
pub const MAX_OBJECT_CHARS: usize = 256;

/// Longest user, in bytes: OpenFGA's field rule.
pub const MAX_USER_BYTES: usize = 512;

/// An object: a type and an id, `document:plan`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    kind: ModelType,
    id: SmolStr,
}

impl ObjectRef {
    /// Creates an object from a type and an id. Refuses strings that break the rules, or are too
    /// long both for an object and for a user.
    pub fn new(kind: impl Into<SmolStr>, id: impl Into<SmolStr>) -> Result<Self, TupleTextError> {
        let kind = kind.into();
        let id = id.into();
        check_type(&kind)?;
        check_id(&id)?;
        let object = Self {
            kind: ModelType::new(kind),
            id,
        };
        match object.as_user() {
            Ok(()) => Ok(object),
            Err(_) => object.as_object().map(|()| object),
        }
    }

    /// Refuses a value that is too long for an object; it may still be a user.
    pub fn as_object(&self) -> Result<(), TupleTextError> {
        let is_long = self.bytes() > MAX_OBJECT_CHARS
            && self.kind().chars().count() + 1 + self.id.chars().count() > MAX_OBJECT_CHARS;
        if is_long {
            Err(TupleTextError::ObjectTooLong)
        } else {
            Ok(())
        }
    }

    /// Refuses a value that is too long for a user.
    pub fn as_user(&self) -> Result<(), TupleTextError> {
        if self.bytes() > MAX_USER_BYTES {
            Err(TupleTextError::UserTooLong)
        } else {
            Ok(())
        }
    }

    fn bytes(&self) -> usize {
        self.kind().len() + 1 + self.id.len()
    }

    /// Returns the type as text.
    #[must_use]
    pub fn kind(&self) -> &SmolStr {
        self.kind.as_str()
    }

    /// Returns the type.
    #[must_use]
    pub fn model_type(&self) -> &ModelType {
        &self.kind
    }

    /// Returns the id, which is unique within its type only.
    #[must_use]
    pub fn id(&self) -> &SmolStr {
        &self.id
    }
}

/// Writes `type:id`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.id)
    }
}

impl FromStr for ObjectRef {
    type Err = TupleTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text
            .split_once(':')
            .ok_or_else(|| TupleTextError::object(text))?;
        Self::new(kind, id)
    }
}

/// The user of a tuple.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TupleUser {
    /// One object: `user:alice`.
    Object(ObjectRef),
    /// Everyone in a relation to an object: `team:sre#member`.
    Userset {
        /// The object.
        object: ObjectRef,
        /// The relation.
        relation: SmolStr,
    },
    /// Every object of a type: `user:*`.
    Wildcard(SmolStr),
}

impl TupleUser {
    /// Creates the userset of everyone in `relation` to `object`.
    pub fn userset(
        object: ObjectRef,
        relation: impl Into<SmolStr>,
    ) -> Result<Self, TupleTextError> {
        let relation = relation.into();
        check_relation(&relation)?;
        Ok(Self::Userset { object, relation })
    }

    /// Returns the length of its text in bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let of_object = |object: &ObjectRef| object.kind.as_str().len() + 1 + object.id.len();
        match self {
            Self::Object(object) => of_object(object),
            Self::Userset { object, relation } => of_object(object) + 1 + relation.len(),
            Self::Wildcard(kind) => kind.as_str().len() + 2,
        }
    }

    /// Returns the type: of the object, of the userset's object, or of the wildcard.
    #[must_use]
    pub fn kind(&self) -> &SmolStr {
        match self {
            Self::Object(object) | Self::Userset { object, .. } => object.kind(),
            Self::Wildcard(kind) => kind,
        }
    }
}

impl From<ObjectRef> for TupleUser {
    fn from(object: ObjectRef) -> Self {
        Self::Object(object)
    }
}

/// Writes `type:id`, `type:id#relation` or `type:*`.
impl fmt::Display for TupleUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Userset { object, relation } => write!(f, "{object}#{relation}"),
            Self::Wildcard(kind) => write!(f, "{kind}:*"),
        }
    }
}

impl FromStr for TupleUser {
    type Err = TupleTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_USER_BYTES {
            return Err(TupleTextError::UserTooLong);
        }
        if let Some((object, relation)) = text.split_once('#') {
            return Self::userset(object.parse()?, relation);
        }
        match text.strip_suffix(":*") {
            Some(kind) => {
                check_type(kind)?;
                Ok(Self::Wildcard(kind.into()))
            }
            None if text.contains(':') => text.parse().map(Self::Object),
            None => Err(TupleTextError::User(shown(text).into_owned())),
        }
    }
}

/// The identity of a tuple, whatever its condition: no store holds two tuples with one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TupleKey {
    /// The object.
    pub object: ObjectRef,
    /// The relation.
    pub relation: SmolStr,
    /// The user.
    pub user: TupleUser,
}

impl TupleKey {
    /// Parses the three parts of a tuple as the APIs spell them.
    pub fn parse(user: &str, relation: &str, object: &str) -> Result<Self, TupleTextError> {
        check_relation(relation)?;
        let object: ObjectRef = object.parse()?;
        object.as_object()?;
        Ok(Self {
            object,
            relation: relation.into(),
            user: user.parse()?,
        })
    }

    /// Returns `true` if this key says that a userset is in itself (`team:a#member@team:a#member`):
    /// this holds without a tuple, so such a tuple is never written.
    #[must_use]
    pub fn is_implicit(&self) -> bool {
        matches!(&self.user, TupleUser::Userset { object, relation }
            if *object == self.object && *relation == self.relation)
    }
}

/// Writes `object#relation@user`.
impl fmt::Display for TupleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)
    }
}

impl FromStr for TupleKey {
    type Err = TupleTextError;

    /// Parses a key. No object contains `#` and no relation `@`, so the first of each ends its
    /// part.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || TupleTextError::Key(shown(text).into_owned());
        let (object, rest) = text.split_once('#').ok_or_else(refuse)?;
        let (relation, user) = rest.split_once('@').ok_or_else(refuse)?;
        Self::parse(user, relation, object)
    }
}

/// A tuple: a key, and the condition under which it holds. Clones share the condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// The object, the relation and the user.
    pub key: TupleKey,
    /// The condition under which the tuple holds; if `None`, it always holds.
    pub condition: Option<Arc<TupleCondition>>,
}

impl From<TupleKey> for Tuple {
    fn from(key: TupleKey) -> Self {
        Self {
            key,
            condition: None,
        }
    }
}

/// The condition of a tuple: its name in the model, and the values that are stored with the tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TupleCondition {
    /// The condition's name in the model.
    pub name: SmolStr,
    /// Values for its parameters. They take precedence over those of a request.
    pub context: Record,
}

/// The reason why a text is not a tuple, or not a part of a tuple.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TupleTextError {
    /// The text is not `type:id`.
    #[error(
        "`{0}` is not an object: write `type:id`, with one colon and without `#` or white space \
         in it (`*` alone is no id; percent-encode a colon as `%3A`)"
    )]
    Object(String),
    /// The text is not `type:id`, `type:id#relation` or `type:*`.
    #[error("`{0}` is not a user: write `type:id`, `type:id#relation` or `type:*`")]
    User(String),
    /// The text is not a type.
    #[error(
        "`{0}` is not a type: it takes 1 to {MAX_TYPE_CHARS} characters, none of them `:`, \
         `#`, `@` or white space"
    )]
    Type(String),
    /// The text is not a relation.
    #[error(
        "`{0}` is not a relation: it takes 1 to {MAX_RELATION_CHARS} characters, none of them `:`, \
         `#`, `@` or white space"
    )]
    Relation(String),
    /// The text is not `object#relation@user`.
    #[error(
        "`{0}` is not a tuple: write `object#relation@user`, \
         as in `document:plan#viewer@user:alice`"
    )]
    Key(String),
    /// The object has more than [`MAX_OBJECT_CHARS`] characters.
    #[error("the object has more than {MAX_OBJECT_CHARS} characters: use a shorter id")]
    ObjectTooLong,
    /// The user has more than [`MAX_USER_BYTES`] bytes.
    #[error("the user has more than {MAX_USER_BYTES} bytes: use a shorter id")]
    UserTooLong,
}

impl TupleTextError {
    fn object(text: &str) -> Self {
        Self::Object(shown(text).into_owned())
    }
}

/// Refuses a text that cannot be the name of a type.
pub fn check_type(text: &str) -> Result<(), TupleTextError> {
    if is_name(text, MAX_TYPE_CHARS) {
        Ok(())
    } else {
        Err(TupleTextError::Type(shown(text).into_owned()))
    }
}

/// Refuses a text that cannot be the name of a relation.
pub fn check_relation(text: &str) -> Result<(), TupleTextError> {
    if is_name(text, MAX_RELATION_CHARS) {
        Ok(())
    } else {
        Err(TupleTextError::Relation(shown(text).into_owned()))
    }
}

fn check_id(text: &str) -> Result<(), TupleTextError> {
    let is_clean =
        |text: &str| is_plain(text) || !text.chars().any(|c| matches!(c, ':' | '#') || is_blank(c));
    let fits = !text.is_empty() && text != "*" && is_clean(text);
    if fits {
        Ok(())
    } else {
        Err(TupleTextError::object(text))
    }
}

/// Returns `true` if a text consists of letters, digits and a few characters without a meaning in
/// tuples. Nearly every name and id does, and needs no further check.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
}

fn is_name(text: &str, max_chars: usize) -> bool {
    if (1..=max_chars).contains(&text.len()) && is_plain(text) {
        return true;
    }
    let chars = text.chars().count();
    (1..=max_chars).contains(&chars)
        && !text
            .chars()
            .any(|c| matches!(c, ':' | '#' | '@') || is_blank(c))
}

/// Returns `true` for white space as in RE2's `\s`, which is that of ASCII, and for control
/// characters.
fn is_blank(c: char) -> bool {
    c == ' ' || c.is_control()
}

#[cfg(test)]
mod tests;
