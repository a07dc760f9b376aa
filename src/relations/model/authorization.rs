//! The validated model, the only form that the engine accepts.

use super::definition::{ModelDefinition, RelationDefinition, TypeDefinition};
use super::error::{ModelRefusal, RefusalCode};
use super::source::{ElementPlaces, ModelSource};
use super::validate::{self, ModelFinding};
use crate::model::{Problem, Problems, nearest};
use crate::relations::condition::CompiledCondition;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// A valid authorization model. Clones share it.
///
/// INVARIANT: every name in it is defined, no relation is defined through itself, and every
/// condition compiles.
#[derive(Clone, Debug)]
pub struct AuthorizationModel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    definition: ModelDefinition,
    types: HashMap<SmolStr, TypeIndex>,
    conditions: HashMap<SmolStr, CompiledCondition>,
}

/// The positions of a type and its relations in the definition.
#[derive(Debug)]
struct TypeIndex {
    at: usize,
    relations: HashMap<SmolStr, usize>,
}

impl AuthorizationModel {
    /// Checks a definition and compiles its conditions.
    pub fn new(definition: ModelDefinition) -> Result<Self, ModelRefusal> {
        Self::of_source(ModelSource {
            definition,
            places: ElementPlaces::default(),
        })
    }

    /// Does the same as [`Self::new`], and gives every problem its place in the source.
    pub fn of_source(source: ModelSource) -> Result<Self, ModelRefusal> {
        let ModelSource { definition, places } = source;
        let conditions =
            validate::validate(&definition).map_err(|findings| refusal(findings, &places))?;
        let types = definition
            .types
            .iter()
            .enumerate()
            .map(|(at, it)| (it.name.clone(), TypeIndex::new(at, it)))
            .collect();
        Ok(Self(Arc::new(Inner {
            definition,
            types,
            conditions,
        })))
    }

    /// Returns the definition as it was written.
    #[must_use]
    pub fn definition(&self) -> &ModelDefinition {
        &self.0.definition
    }

    /// Returns the types, in the order in which they were written.
    #[must_use]
    pub fn types(&self) -> &[TypeDefinition] {
        &self.0.definition.types
    }

    /// Returns the type called `name`.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<&TypeDefinition> {
        self.types().get(self.0.types.get(name)?.at)
    }

    /// Returns the definition of a relation of a type.
    #[must_use]
    pub fn relation(&self, kind: &str, relation: &str) -> Option<&RelationDefinition> {
        let found = self.0.types.get(kind)?;
        self.types()
            .get(found.at)?
            .relations
            .get(*found.relations.get(relation)?)
    }

    /// Returns the relation of the type whose name is most similar to `relation`, which the type
    /// does not have.
    #[must_use]
    pub fn nearest_relation(&self, kind: &str, relation: &str) -> Option<SmolStr> {
        let kind = self.types().iter().find(|known| known.name == *kind)?;
        nearest(
            relation,
            kind.relations.iter().map(|known| known.name.as_str()),
        )
        .map(Into::into)
    }

    /// Returns the compiled condition called `name`.
    #[must_use]
    pub fn condition(&self, name: &str) -> Option<&CompiledCondition> {
        self.0.conditions.get(name)
    }
}

impl TypeIndex {
    fn new(at: usize, definition: &TypeDefinition) -> Self {
        let relations = definition
            .relations
            .iter()
            .enumerate()
            .map(|(at, it)| (it.name.clone(), at))
            .collect();
        Self { at, relations }
    }
}

fn refusal(findings: Vec<ModelFinding>, places: &ElementPlaces) -> ModelRefusal {
    let code = findings
        .first()
        .map_or(RefusalCode::InvalidAuthorizationModel, |finding| {
            finding.code
        });
    let problems = findings.into_iter().map(|finding| {
        let mut problem = Problem::new(finding.message).help(finding.help);
        problem.place = places.of(&finding.element).cloned();
        problem
    });
    ModelRefusal {
        code,
        problems: Problems(problems.collect()),
    }
}
