//! The modelling language: it declares types, the relations between them, and who is in each
//! relation.
//!
//! **Problem.** A model arrives in three forms: as DSL in a bundle, as several DSL modules, and as
//! JSON from OpenFGA's clients. A mistake in it that is not found when the model is written becomes
//! a relation that silently never holds.
//! **Decision.** Each form is parsed into one [`ModelDefinition`], which is plain and unchecked. An
//! [`AuthorizationModel`] is a definition that passed all of OpenFGA's rules, with its conditions
//! compiled; the engine accepts nothing else. A refusal lists every problem, with its place and
//! remedy, and has the one code that OpenFGA's clients expect.
//! **Trade-off.** Three rules are stricter than OpenFGA's, so that no walk over a model can exhaust
//! a stack: operators nest 24 deep at most, types of parameters 8 deep, and a relation is defined
//! through at most 100 others.

mod authorization;
mod definition;
mod dsl;
mod error;
mod json;
mod modules;
mod size;
mod source;
mod tuples;
mod validate;

pub use authorization::AuthorizationModel;
pub use definition::{
    ConditionDefinition, MAX_REWRITE_DEPTH, ModelDefinition, ModuleOrigin, RelationDefinition,
    Restriction, RestrictionForm, Rewrite, SchemaVersion, TypeDefinition,
};
pub use dsl::{InexpressibleError, MAX_DSL_BYTES, read_dsl, to_dsl};
pub use error::{ModelRefusal, RefusalCode};
pub use json::{from_json, to_json};
pub use modules::{add_modules, merge_modules, named_modules, read_modules};
pub use source::{Element, ElementPlaces, ModelFile, ModelSource, line_and_column};
pub use tuples::{MAX_TUPLE_CONTEXT_BYTES, TupleRefusal};
pub use validate::{MAX_CONDITIONS, MAX_MODEL_BYTES, MAX_TYPES};
