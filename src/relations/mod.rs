//! The relation engine, which works beside policies: the modelling language, the conditions of
//! tuples, and check, list and expand.
//!
//! **Problem.** "May ann see this document" is often answered by relations between users and
//! objects, through folders and groups. There are millions of tuples, an answer may take
//! microseconds, and users know the semantics from OpenFGA.
//! **Decision.** [`graph`] holds the tuples in memory as versions that never change. [`Rules`] are
//! a [`model`] made ready for one store. A [`RelationReader`] pins a version, adds the contextual
//! tuples of the request, and answers check, list and expand. It does no IO, reads no clock, and
//! ends every question within limits.
//! **Trade-off.** All tuples are in memory: about 60 bytes each, names included. A deployment whose
//! tuples do not fit needs a remote service.

mod check;
pub mod condition;
mod error;
mod expand;
pub mod graph;
mod limits;
mod list;
pub mod model;
mod reader;
mod rules;
mod would_count;

pub use error::{Failure, RelationError, RelationFault};
pub use expand::{Expansion, ExpansionNode, MAX_EXPANSION_BYTES};
pub use graph::{
    Graph, GraphError, ObjectPlace, OrderedObjects, RowHash, TupleOrigin, order_name, order_of,
    seed_order,
};
pub use limits::{
    Allowance, MAX_CHECK_READS, MAX_DEPTH, MAX_LIST_READS, MAX_NESTING, MAX_RESULTS, RelationLimits,
};
pub use list::{ListResult, ListTruncation, UserFilter};
pub use reader::{Membership, ReaderTerms, RelationReader};
pub use rules::{PossibleRelations, Rules, RulesError};
