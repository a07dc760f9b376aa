//! Loads policies and stored entities: limits and reads their texts, checks them against the
//! schema, and refuses, with their places, those that can never mean what they say.

pub(in crate::policy) mod addresses;
pub(in crate::policy) mod ancestors;
pub(in crate::policy) mod carriers;
pub(in crate::policy) mod expansion;
pub(in crate::policy) mod hierarchy;
pub(in crate::policy) mod lexer;
pub(in crate::policy) mod links;
pub(in crate::policy) mod nesting;
pub(in crate::policy) mod policies;
pub(in crate::policy) mod provenance;
pub(in crate::policy) mod references;
mod remedies;
mod repeated;
pub(in crate::policy) mod shapes;
pub(in crate::policy) mod source;
pub(in crate::policy) mod stored;
pub(in crate::policy) mod stored_values;
pub(in crate::policy) mod validate;
pub(in crate::policy) mod words;
