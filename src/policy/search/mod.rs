//! Finds out from policies who or what can be permitted, before any candidate is known.
//!
//! **Problem.** A search over a million documents for someone who may read ten must not decide a
//! million times. The policies say which documents can be permitted: relations can answer
//! `principal in resource.viewer` in reverse, and an index can answer
//! `resource.owner == principal`.
//! **Decision.** For each leg, the conjuncts of the policies that can apply are walked with one
//! part of the question unknown, the target ([`target`]). An expression that does not depend on the
//! target is evaluated, by the evaluator and on the inputs that decide. A comparison with the
//! target is looked up. Anything else counts as possible for any entity ([`narrow`]). The results
//! of permits are united, and then intersected with what each forbid leaves. The result says only
//! which candidates are decided, never what the decision is.
//! **Trade-off.** Cedar's own partial evaluation is not used. It knows no relations that another
//! engine resolves: principals get parents from that engine, so it would have to treat all parents
//! as unknown, and its residuals would still have to be walked like this. It is also experimental,
//! and needs a compile-time feature of its own.
//!
//! INVARIANT: [`CompiledPolicySet::candidates`] leaves out no entity for which the leg permits.

mod candidates;
mod ids;
mod index;
mod literals;
mod narrow;
mod target;

pub(super) use index::{KindIndex, StoredIndex};
pub(super) use literals::Literals;
pub use target::QuestionPart;

use crate::model::EntityRef;
use cedar_policy_core::ast::EntityUID;
use smol_str::SmolStr;

#[expect(unused_imports, reason = "named in the documentation")]
use super::CompiledPolicySet;

/// Answers reverse questions about relations. An answer holds at least what a check would permit,
/// under whatever condition.
pub trait ReverseRelations: std::fmt::Debug {
    /// Returns the ids of the objects of a type to which `user` can have the relation; `None` if
    /// there are too many.
    fn objects(&self, user: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>>;

    /// Returns the ids of the entities of a type that can have the relation to `object`; `None` if
    /// there are too many, or everyone has it.
    fn users(&self, object: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>>;
}

fn entity_ref(uid: &EntityUID) -> EntityRef {
    EntityRef::new(
        uid.entity_type().to_string(),
        AsRef::<str>::as_ref(uid.eid()),
    )
}
