//! The model language.

mod authorization;
mod definition;
mod error;

pub use authorization::AuthorizationModel;
pub use definition::{
    ConditionDefinition, ModelDefinition, Origin, RelationDefinition, Restriction, RestrictionForm, Rewrite,
    SchemaVersion, TypeDefinition,
};
pub use error::{ModelRefusal, RefusalCode};
