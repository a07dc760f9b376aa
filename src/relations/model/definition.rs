//! An authorization model as it was written: types, relations, rewrites, restrictions, conditions.
//!
//! Plain values, whatever syntax they came from. Nothing here is checked:
//! [`super::AuthorizationModel`] is a definition that passed, and the only form that the engine
//! takes.

use crate::relations::condition::ParameterType;
use smol_str::SmolStr;
use std::fmt;

/// Deepest nesting of operators in one relation: nobody reads more, and every walk over a rewrite
/// is recursive.
pub const MAX_REWRITE_DEPTH: usize = 24;

/// Which version of the language a model is written in. 1.2 is 1.1 with modules.
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

    /// `1.1` or `1.2`.
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
    /// The language.
    pub schema: SchemaVersion,
    /// The types.
    pub types: Vec<TypeDefinition>,
    /// The conditions that tuples can carry.
    pub conditions: Vec<ConditionDefinition>,
}

/// A type and its relations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeDefinition {
    /// Its name.
    pub name: SmolStr,
    /// Its relations.
    pub relations: Vec<RelationDefinition>,
    /// Which module it came from.
    pub origin: Origin,
}

impl TypeDefinition {
    /// The relation called `name`.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&RelationDefinition> {
        self.relations.iter().find(|relation| relation.name == name)
    }
}

/// A relation: who is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationDefinition {
    /// Its name.
    pub name: SmolStr,
    /// How its members are found.
    pub rewrite: Rewrite,
    /// Whom a tuple may name; empty where the rewrite nowhere says [`Rewrite::This`].
    pub restrictions: Vec<Restriction>,
    /// Which module it came from, where that differs from its type's.
    pub origin: Origin,
}

/// How the members of a relation are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// By its own tuples: `[user, team#member]`.
    This,
    /// As the members of another relation to the same object: `editor`.
    Computed(SmolStr),
    /// As the members of a relation to each object that a tuple names: `viewer from parent`.
    FromTupleset {
        /// The relation whose tuples name the objects: `parent`.
        tupleset: SmolStr,
        /// The relation to those objects: `viewer`.
        computed: SmolStr,
    },
    /// Members of any: `a or b`.
    Union(Vec<Rewrite>),
    /// Members of all: `a and b`.
    Intersection(Vec<Rewrite>),
    /// Members of one and not of the other: `a but not b`.
    Difference {
        /// Who is in.
        base: Box<Rewrite>,
        /// Who is out.
        subtract: Box<Rewrite>,
    },
}

impl Rewrite {
    /// What this is made of, from left to right.
    #[must_use]
    pub fn children(&self) -> Vec<&Rewrite> {
        match self {
            Self::This | Self::Computed(_) | Self::FromTupleset { .. } => Vec::new(),
            Self::Union(children) | Self::Intersection(children) => children.iter().collect(),
            Self::Difference { base, subtract } => vec![base, subtract],
        }
    }

    /// Whether tuples of the relation itself count anywhere in it.
    #[must_use]
    pub fn is_assignable(&self) -> bool {
        matches!(self, Self::This) || self.children().into_iter().any(Self::is_assignable)
    }
}

/// Whom a tuple may name as its user: `user`, `user:*`, `team#member`, each `with` a condition or
/// without.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Restriction {
    /// The user's type.
    pub kind: SmolStr,
    /// The user's form.
    pub form: RestrictionForm,
    /// The condition that the tuple must carry; without one, it must carry none.
    pub condition: Option<SmolStr>,
}

/// As the DSL writes it: `team#member with in_hours`.
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
    /// One object.
    Object,
    /// Everyone in this relation to an object.
    Userset(SmolStr),
    /// Every object of the type.
    Wildcard,
}

/// A condition: a CEL expression over typed parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConditionDefinition {
    /// Its name.
    pub name: SmolStr,
    /// The expression.
    pub expression: String,
    /// The parameters, in the order in which they were written.
    pub parameters: Vec<(SmolStr, ParameterType)>,
    /// Which module it came from.
    pub origin: Origin,
}

/// Where a part of a modular model came from; for people, no meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The module's name.
    pub module: Option<SmolStr>,
    /// The file that it was read from.
    pub file: Option<SmolStr>,
}
