//! Relationship tuples: who stands in which relation to what.
//!
//! Owns the strings: what OpenFGA accepts as a type, an id, a relation, a user (its protobuf field
//! rules), and how the ids of Cedar entities are spelled as tuple ids (`encoding`). Whether a model
//! allows a tuple is decided in `relations/model`.
//!
//! INVARIANT: a value that exists follows the string rules, so its text parses to itself: no type
//! holds `:` or `#`, no id either, and nothing holds white space or a control character. What is
//! named as an object has another bound than what is named as a user, so each place checks its own:
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
    /// Takes a type and an id that follow the string rules, and are short enough for an object or
    /// for a user.
    pub fn new(kind: impl Into<SmolStr>, id: impl Into<SmolStr>) -> Result<Self, TupleTextError> {
        let (kind, id) = (kind.into(), id.into());
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

    /// Refuses an object that is too long to be one: a user may be longer.
    pub fn as_object(&self) -> Result<(), TupleTextError> {
        let is_long = self.bytes() > MAX_OBJECT_CHARS
            && self.kind().chars().count() + 1 + self.id.chars().count() > MAX_OBJECT_CHARS;
        if is_long {
            Err(TupleTextError::ObjectTooLong)
        } else {
            Ok(())
        }
    }

    /// Refuses an object that is too long to be a user.
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

    /// The type, as text.
    #[must_use]
    pub fn kind(&self) -> &SmolStr {
        self.kind.as_str()
    }

    /// The type.
    #[must_use]
    pub fn model_type(&self) -> &ModelType {
        &self.kind
    }

    /// The id, unique within its type only.
    #[must_use]
    pub fn id(&self) -> &SmolStr {
        &self.id
    }
}

/// `type:id`.
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

/// Who a tuple speaks of.
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
    /// Names everyone in `relation` to `object`.
    pub fn userset(
        object: ObjectRef,
        relation: impl Into<SmolStr>,
    ) -> Result<Self, TupleTextError> {
        let relation = relation.into();
        check_relation(&relation)?;
        Ok(Self::Userset { object, relation })
    }

    /// The length of its text.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let of_object = |object: &ObjectRef| object.kind.as_str().len() + 1 + object.id.len();
        match self {
            Self::Object(object) => of_object(object),
            Self::Userset { object, relation } => of_object(object) + 1 + relation.len(),
            Self::Wildcard(kind) => kind.as_str().len() + 2,
        }
    }

    /// The type: of the object, of the userset's object, or of everyone.
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

/// `type:id`, `type:id#relation` or `type:*`.
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

/// What makes a tuple the same tuple, whatever its condition: no store holds two with one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TupleKey {
    /// To what.
    pub object: ObjectRef,
    /// In which relation.
    pub relation: SmolStr,
    /// Who.
    pub user: TupleUser,
}

impl TupleKey {
    /// Reads the three parts as the APIs have them.
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

    /// Whether this says of a userset that it is in itself (`team:a#member@team:a#member`): true
    /// without a tuple, and never written.
    #[must_use]
    pub fn is_implicit(&self) -> bool {
        matches!(&self.user, TupleUser::Userset { object, relation }
            if *object == self.object && *relation == self.relation)
    }
}

/// `object#relation@user`.
impl fmt::Display for TupleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)
    }
}

impl FromStr for TupleKey {
    type Err = TupleTextError;

    /// No object holds `#` and no relation `@`, so the first of each ends its part.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || TupleTextError::Key(shown(text).into_owned());
        let (object, rest) = text.split_once('#').ok_or_else(refuse)?;
        let (relation, user) = rest.split_once('@').ok_or_else(refuse)?;
        Self::parse(user, relation, object)
    }
}

/// A tuple: a key, and under which condition it holds. Clones share the condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Who, in which relation, to what.
    pub key: TupleKey,
    /// When it holds; always, where there is none.
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

/// A condition of the model, with the values that were written beside the tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TupleCondition {
    /// The condition's name in the model.
    pub name: SmolStr,
    /// Values for its parameters. They win over what a request says.
    pub context: Record,
}

/// Text that is no tuple, or no part of one.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TupleTextError {
    /// Not `type:id`.
    #[error(
        "`{0}` is not an object: write `type:id`, with one colon and without `#` or white space in it \
             (`*` alone is no id; percent-encode a colon as `%3A`)"
    )]
    Object(String),
    /// Not `type:id`, `type:id#relation` or `type:*`.
    #[error("`{0}` is not a user: write `type:id`, `type:id#relation` or `type:*`")]
    User(String),
    /// Not a type.
    #[error(
        "`{0}` is not a type: it takes 1 to {MAX_TYPE_CHARS} characters, none of them `:`, `#`, `@` or white space"
    )]
    Type(String),
    /// Not a relation.
    #[error(
        "`{0}` is not a relation: it takes 1 to {MAX_RELATION_CHARS} characters, none of them `:`, `#`, `@` or white \
         space"
    )]
    Relation(String),
    /// Not `object#relation@user`.
    #[error(
        "`{0}` is not a tuple: write `object#relation@user`, as in `document:plan#viewer@user:alice`"
    )]
    Key(String),
    /// More than [`MAX_OBJECT_CHARS`] characters.
    #[error("the object has more than {MAX_OBJECT_CHARS} characters: use a shorter id")]
    ObjectTooLong,
    /// More than [`MAX_USER_BYTES`] bytes.
    #[error("the user has more than {MAX_USER_BYTES} bytes: use a shorter id")]
    UserTooLong,
}

impl TupleTextError {
    fn object(text: &str) -> Self {
        Self::Object(shown(text).into_owned())
    }
}

/// Refuses what cannot be the name of a type.
pub fn check_type(text: &str) -> Result<(), TupleTextError> {
    if is_name(text, MAX_TYPE_CHARS) {
        Ok(())
    } else {
        Err(TupleTextError::Type(shown(text).into_owned()))
    }
}

/// Refuses what cannot be the name of a relation.
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

/// Whether a text is letters, digits and a few marks that mean nothing in a tuple: nearly every
/// name and id is, and needs no closer look.
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

/// White space as RE2's `\s` has it, which is ASCII's, and control characters.
fn is_blank(c: char) -> bool {
    c == ' ' || c.is_control()
}

#[cfg(test)]
mod tests;
