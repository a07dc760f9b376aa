//! Relationship tuples beside policies: the model language, the conditions that tuples can carry, and the engine.

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

pub use error::{Failure, RelationError, RelationFault};
pub use expand::{Expansion, ExpansionNode};
pub use graph::{Graph, GraphError, Origin, RowHash};
pub use limits::{Limits, MAX_CHECK_READS, MAX_DEPTH, MAX_LIST_READS, MAX_NESTING, MAX_RESULTS};
pub use list::{Cut, Listed, UserFilter};
pub use reader::{Membership, Reader, Terms};
pub use rules::{Rules, RulesError};
