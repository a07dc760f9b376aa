//! What policies say about who or what can be permitted, before any candidate is known.
//!
//! **Problem.** A search over a million documents for someone who may read ten must not decide a
//! million times. Which documents can be permitted stands in the policies: `principal in
//! resource.viewer` is a question that relations can answer backwards, `resource.owner ==
//! principal` one for an index.
//! **Decision.** Per leg, the conjuncts of the policies that can apply are walked with one part of
//! the question unknown ([`sought`]). What does not touch it is evaluated, by the evaluator and on
//! the inputs that decide; what compares it is looked up; whatever else is any ([`narrow`]).
//! Permits are joined, what forbids leave is intersected, and the result only says who is decided
//! about, never what the decision is.
//! **Trade-off.** Cedar's own partial evaluation is not used: it knows no relation that is resolved
//! by an engine beside it, so with principals whose parents come from there it would have to take
//! all parents for unknown, and its residuals would have to be walked like this all the same; it is
//! experimental, and a feature of its own to compile.
//!
//! INVARIANT: [`Compiled::candidates`] leaves out nobody for whom the leg permits.

mod candidates;
mod ids;
mod index;
mod literals;
mod narrow;
mod target;

pub(super) use index::{KindIndex, StoredIndex};
pub(super) use literals::Literals;
pub use target::Part;

use crate::model::EntityRef;
use cedar_policy_core::ast::EntityUID;
use smol_str::SmolStr;

#[expect(unused_imports, reason = "named in the documentation")]
use super::Compiled;

/// Answers about relations backwards. What is answered holds at least what a check would permit,
/// under whatever condition.
pub trait Reverse: std::fmt::Debug {
    /// The ids of the objects of a type to which `user` can be in the relation; none where there
    /// are too many to tell.
    fn objects(&self, user: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>>;

    /// The ids of the entities of a type that can be in the relation to `object`; none where there
    /// are too many to tell, or everyone is.
    fn users(&self, object: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>>;
}

fn entity_ref(uid: &EntityUID) -> EntityRef {
    EntityRef::new(
        uid.entity_type().to_string(),
        AsRef::<str>::as_ref(uid.eid()),
    )
}
