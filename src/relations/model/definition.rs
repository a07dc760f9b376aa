//! An authorization model as it was written: types, relations, rewrites, restrictions, conditions.
//!
//! These are plain values, whatever syntax they came from. Nothing here is checked: a
//! [`super::AuthorizationModel`] is a definition that passed validation, and the only form that the
//! engine accepts.

use crate::relations::condition::ParameterType;
use smol_str::SmolStr;
use std::fmt;

/// Maximum nesting of operators in one relation. No reader follows more, and every walk over a
/// rewrite is recursive.
pub const MAX_REWRITE_DEPTH: usize = 24;

/// The version of the modelling language. Version 1.2 is 1.1 with modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaVersion {
    /// `1.1`
    #[default]
    V1_1,
    /// `1.2`
    V1_2,
}

impl SchemaVersion {
    /// Reads `1.1` or `1.2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1.1" => Some(Self::V1_1),
            "1.2" => Some(Self::V1_2),
            _ => None,
        }
    }

    /// Returns `1.1` or `1.2`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }
}

/// A model, in the order in which it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelDefinition {
    /// The version of the language.
    pub schema: SchemaVersion,
    /// The types.
    pub types: Vec<TypeDefinition>,
    /// The conditions that tuples can carry.
    pub conditions: Vec<ConditionDefinition>,
}

/// A type and its relations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeDefinition {
    /// The type's name.
    pub name: SmolStr,
    /// The type's relations.
    pub relations: Vec<RelationDefinition>,
    /// The module that the type came from.
    pub origin: ModuleOrigin,
}

impl TypeDefinition {
    /// Returns the relation called `name`.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&RelationDefinition> {
        self.relations.iter().find(|relation| relation.name == name)
    }
}

/// A relation and the definition of its members.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationDefinition {
    /// The relation's name.
    pub name: SmolStr,
    /// The rewrite that defines the members.
    pub rewrite: Rewrite,
    /// The users that a tuple may name; empty if the rewrite nowhere has [`Rewrite::This`].
    pub restrictions: Vec<Restriction>,
    /// The module that the relation came from, if it differs from its type's.
    pub origin: ModuleOrigin,
}

/// The definition of a relation's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// The users of the relation's own tuples: `[user, team#member]`.
    This,
    /// The members of another relation to the same object: `editor`.
    Computed(SmolStr),
    /// The members of a relation to each object that a tuple names: `viewer from parent`.
    FromTupleset {
        /// The relation whose tuples name the objects: `parent`.
        tupleset: SmolStr,
        /// The relation to those objects: `viewer`.
        computed: SmolStr,
    },
    /// The members of any operand: `a or b`.
    Union(Vec<Rewrite>),
    /// The members of all operands: `a and b`.
    Intersection(Vec<Rewrite>),
    /// The members of `base` who are not members of `subtract`: `a but not b`.
    Difference {
        /// The left operand.
        base: Box<Rewrite>,
        /// The members that are excluded.
        subtract: Box<Rewrite>,
    },
}

impl Rewrite {
    /// Returns the operands, from left to right.
    #[must_use]
    pub fn children(&self) -> Vec<&Rewrite> {
        match self {
            Self::This | Self::Computed(_) | Self::FromTupleset { .. } => Vec::new(),
            Self::Union(children) | Self::Intersection(children) => children.iter().collect(),
            Self::Difference { base, subtract } => vec![base, subtract],
        }
    }

    /// Returns `true` if [`Self::This`] occurs anywhere in the rewrite.
    #[must_use]
    pub fn is_assignable(&self) -> bool {
        matches!(self, Self::This) || self.children().into_iter().any(Self::is_assignable)
    }
}

/// A form of user that tuples may name: `user`, `user:*` or `team#member`, each with or without a
/// condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Restriction {
    /// The user's type.
    pub kind: SmolStr,
    /// The user's form.
    pub form: RestrictionForm,
    /// The condition that the tuple must have; if `None`, the tuple must have none.
    pub condition: Option<SmolStr>,
}

/// Writes the restriction as the DSL does: `team#member with in_hours`.
impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        match &self.form {
            RestrictionForm::Object => {}
            RestrictionForm::Userset(relation) => write!(f, "#{relation}")?,
            RestrictionForm::Wildcard => f.write_str(":*")?,
        }
        match &self.condition {
            Some(condition) => write!(f, " with {condition}"),
            None => Ok(()),
        }
    }
}

/// The form of user that a restriction allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RestrictionForm {
    /// A single object.
    Object,
    /// A userset with this relation.
    Userset(SmolStr),
    /// Everyone of the type.
    Wildcard,
}

/// A condition: a CEL expression over typed parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConditionDefinition {
    /// The condition's name.
    pub name: SmolStr,
    /// The expression.
    pub expression: String,
    /// The parameters, in the order in which they were written.
    pub parameters: Vec<(SmolStr, ParameterType)>,
    /// The module that the condition came from.
    pub origin: ModuleOrigin,
}

/// The module and file that an element of a modular model came from; informative only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleOrigin {
    /// The module's name.
    pub module: Option<SmolStr>,
    /// The file that it was read from.
    pub file: Option<SmolStr>,
}
