//! Decides whether a model is valid by all of OpenFGA's rules, and reports every problem at once.
//!
//! First each declaration is checked by itself (`declarations`), then the relations together
//! (`graph`). Loops, and relations that nobody can be in, are only searched for if every name is
//! defined.

mod declarations;
mod graph;

use super::definition::{ModelDefinition, RelationDefinition};
use super::error::RefusalCode;
use super::size;
use super::source::Element;
use crate::relations::condition::CompiledCondition;
use smol_str::SmolStr;
use std::collections::HashMap;

/// Maximum number of types of a model; the same limit as OpenFGA's.
pub const MAX_TYPES: usize = 100;

/// Maximum size in bytes of a model as OpenFGA's protobuf message; the same limit as OpenFGA's.
pub const MAX_MODEL_BYTES: usize = 256 * 1024;

/// Maximum number of conditions of a model; the same limit as OpenFGA's.
pub const MAX_CONDITIONS: usize = 25;

/// A problem with an element of a model.
#[derive(Debug)]
pub(super) struct ModelFinding {
    pub(super) code: RefusalCode,
    pub(super) element: Element,
    pub(super) message: String,
    pub(super) help: String,
}

/// The findings so far.
#[derive(Default)]
struct ModelFindings(Vec<ModelFinding>);

impl ModelFindings {
    fn add(&mut self, element: Element, message: impl Into<String>, help: impl Into<String>) {
        self.add_as(
            RefusalCode::InvalidAuthorizationModel,
            element,
            message,
            help,
        );
    }

    fn add_as(
        &mut self,
        code: RefusalCode,
        element: Element,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(ModelFinding {
            code,
            element,
            message: message.into(),
            help: help.into(),
        });
    }
}

/// The relations of each type, by name; of several with the same name, the first.
struct RelationIndex<'a>(HashMap<&'a str, HashMap<&'a str, &'a RelationDefinition>>);

impl<'a> RelationIndex<'a> {
    fn new(model: &'a ModelDefinition) -> Self {
        let mut index: HashMap<&str, HashMap<&str, &RelationDefinition>> =
            HashMap::with_capacity(model.types.len());
        for definition in &model.types {
            let relations = index.entry(&definition.name).or_default();
            for relation in &definition.relations {
                relations.entry(&relation.name).or_insert(relation);
            }
        }
        Self(index)
    }

    fn has_type(&self, kind: &str) -> bool {
        self.0.contains_key(kind)
    }

    fn relation(&self, kind: &str, relation: &str) -> Option<&'a RelationDefinition> {
        self.0.get(kind)?.get(relation).copied()
    }
}

/// Validates a model, and returns its compiled conditions.
pub(super) fn validate(
    model: &ModelDefinition,
) -> Result<HashMap<SmolStr, CompiledCondition>, Vec<ModelFinding>> {
    let mut findings = ModelFindings::default();
    limits(model, &mut findings);
    if !findings.0.is_empty() {
        return Err(findings.0);
    }
    let index = RelationIndex::new(model);
    declarations::check(model, &index, &mut findings);
    let conditions = declarations::compile_conditions(model, &mut findings);
    if findings.0.is_empty() {
        graph::check(model, &index, &mut findings);
    }
    if findings.0.is_empty() {
        Ok(conditions)
    } else {
        Err(findings.0)
    }
}

fn limits(model: &ModelDefinition, findings: &mut ModelFindings) {
    if model.types.is_empty() {
        let code = RefusalCode::TypeDefinitionsTooFewItems;
        findings.add_as(
            code,
            Element::Model,
            "the model defines no type",
            "define one, as in `type user`",
        );
    }
    if model.types.len() > MAX_TYPES {
        findings.add_as(
            RefusalCode::ExceededEntityLimit,
            Element::Model,
            format!(
                "the model defines {} types, and {MAX_TYPES} are allowed",
                model.types.len()
            ),
            "join types that have the same relations",
        );
    }
    if model.conditions.len() > MAX_CONDITIONS {
        findings.add_as(
            RefusalCode::ValidationError,
            Element::Model,
            format!(
                "the model defines {} conditions, and {MAX_CONDITIONS} are allowed",
                model.conditions.len()
            ),
            "join conditions that differ in a value only, and pass that as a parameter",
        );
    }
    let bytes = size::bytes(model);
    if bytes > MAX_MODEL_BYTES {
        findings.add_as(
            RefusalCode::ExceededEntityLimit,
            Element::Model,
            format!("the model has {bytes} bytes, and {MAX_MODEL_BYTES} are allowed"),
            "remove relations that nothing asks for, or shorten their names",
        );
    }
}

#[cfg(test)]
mod tests;
