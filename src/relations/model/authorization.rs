//! A model that passed: what the engine takes.

use super::definition::{ModelDefinition, RelationDefinition, TypeDefinition};
use super::error::ModelRefusal;
use crate::relations::condition::Condition;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// A valid authorization model. Clones share it.
#[derive(Clone, Debug)]
pub struct AuthorizationModel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    definition: ModelDefinition,
    types: HashMap<SmolStr, usize>,
    conditions: HashMap<SmolStr, Condition>,
}

impl AuthorizationModel {
    /// Checks a definition and compiles its conditions.
    pub fn new(definition: ModelDefinition) -> Result<Self, ModelRefusal> {
        let types = definition.types.iter().enumerate().map(|(at, it)| (it.name.clone(), at)).collect();
        Ok(Self(Arc::new(Inner { definition, types, conditions: HashMap::new() })))
    }

    /// As it was written.
    #[must_use]
    pub fn definition(&self) -> &ModelDefinition {
        &self.0.definition
    }

    /// The types, in the order in which they were written.
    #[must_use]
    pub fn types(&self) -> &[TypeDefinition] {
        &self.0.definition.types
    }

    /// The type called `name`.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<&TypeDefinition> {
        self.0.definition.types.get(*self.0.types.get(name)?)
    }

    /// A relation of a type.
    #[must_use]
    pub fn relation(&self, kind: &str, relation: &str) -> Option<&RelationDefinition> {
        self.type_named(kind)?.relation(relation)
    }

    /// The condition called `name`, compiled.
    #[must_use]
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.0.conditions.get(name)
    }
}
