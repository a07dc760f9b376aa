//! The model language: which types there are, which relations between them, and who is in a
//! relation.
//!
//! **Problem.** A model arrives in three forms: DSL in a bundle, several modules of it, JSON from
//! OpenFGA's clients. A mistake in it is either found when it is written, or it is a relation that
//! silently never holds.
//! **Decision.** Each form is read into one [`ModelDefinition`], plain and unchecked.
//! [`AuthorizationModel`] is a definition that passed all of OpenFGA's rules, with its conditions
//! compiled; the engine takes nothing else. A refusal names every problem, with its place and
//! remedy, and the one code that OpenFGA's clients expect.
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
    ConditionDefinition, MAX_REWRITE_DEPTH, ModelDefinition, Origin, RelationDefinition,
    Restriction, RestrictionForm, Rewrite, SchemaVersion, TypeDefinition,
};
pub use dsl::{InexpressibleError, MAX_DSL_BYTES, read_dsl, to_dsl};
pub use error::{ModelRefusal, RefusalCode};
pub use json::{from_json, to_json};
pub use modules::{add_modules, merge_modules, named_modules, read_modules};
pub use source::{Element, ModelFile, ModelSource, Places, line_and_column};
pub use tuples::{MAX_TUPLE_CONTEXT_BYTES, TupleRefusal};
pub use validate::{MAX_CONDITIONS, MAX_MODEL_BYTES, MAX_TYPES};
