//! Evaluates Cedar policies; no other folder names Cedar.
//!
//! **Problem.** Cedar answers whether one principal may, from policies, entities and a context that
//! somebody built. A wrong answer is rarely Cedar's fault. It comes from a forbid that failed and
//! was skipped, a value that was left out because it did not fit its type, a scope that no longer
//! matched, or an entity that was not loaded.
//! **Decision.** One leg is one Cedar request, built here from typed values and nothing else. The
//! schema says what a request's values become ([`inputs`]), the policies say which of the values
//! matter ([`analysis`]), policies that cannot change the outcome are left out ([`index`]), and the
//! loop that decides ([`evaluate`]) treats every failure as a denial. The policies' questions about
//! relations are answered through [`port`]. Policies are validated strictly, and also for what
//! Cedar does not validate. [`load`], [`analysis`] and [`idle`] run when a bundle is loaded, and
//! [`index`] is built then; [`inputs`], [`evaluate`], [`explanation`] and [`search`] run at a
//! decision.
//! **Trade-off.** The loop calls Cedar's evaluator for one conjunct at a time rather than Cedar's
//! authorizer, so that an explanation comes from the evaluation itself; a property test checks that
//! both give the same answer. The syntax tree is Cedar's internal one, so Cedar's version is
//! pinned.

mod analysis;
mod cache_key;
mod evaluate;
mod explanation;
mod idle;
mod index;
mod inputs;
mod load;
mod port;
mod schema;
mod search;

pub use analysis::laxity::{LooseAttribute, Unpermitted};
pub use evaluate::{Clause, Leg, LegDepth, LegInput, LegTime, ListedClauses};
pub use explanation::reasons::{DeclaredReason, DeclaredReasons};
pub use inputs::conversions::Conversions;
pub use inputs::written_values::read_written_values;
pub use load::nesting::STACK_BYTES;
pub use load::source::SourceFile;
pub use load::stored::StoredEntities;
pub use load::words::{CedarWord, CedarWordKind, cedar_words};
pub use port::{
    NoRelations, RelationAnswer, RelationFailure, RelationQuestion, RelationTypes, Relations,
};
pub use schema::{ActionInfo, Attribute, Provenance, Schema, TypeInfo, Vocabulary};
pub use search::{QuestionPart, ReverseRelations};

use crate::model::{Arguments, Decision, PolicyRef, Problem, Problems};
use analysis::mentions::ObjectTerm;
use index::PolicyIndex;
use load::policies::{CheckedPolicies, CompiledPolicy};
use search::Literals;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The level of a bundle that does not set one: how many entities a policy may look through
/// (`resource.folder.owner` is two). Entities within the level are materialised for a decision, and
/// a policy that looks farther is refused.
pub const DEFAULT_LEVEL: u32 = 2;

/// The highest level that a bundle can set: each level can multiply the entities that are reached
/// by ten.
pub const MAX_LEVEL: u32 = 5;

/// A bundle's schema and policies, ready to decide. It never changes.
#[derive(Debug)]
pub struct CompiledPolicySet {
    schema: Schema,
    /// The policies, in the order of their ids.
    policies: Arc<[Arc<CompiledPolicy>]>,
    index: PolicyIndex,
    /// The same policies for calls whose arguments are unknown; `None` if no policy reads
    /// arguments.
    without_arguments: Option<PolicyIndex>,
    declared_reasons: DeclaredReasons,
    warnings: Vec<Problem>,
    literals: Literals,
}

impl CompiledPolicySet {
    /// Compiles policies, and the links of templates among them, against a schema. The report holds
    /// every problem of every file.
    pub fn new(
        schema: Schema,
        files: &[SourceFile],
        links: &[SourceFile],
        declared_reasons: DeclaredReasons,
    ) -> Result<Self, Problems> {
        let CheckedPolicies {
            all: policies,
            warnings,
        } = CheckedPolicies::read(files, links, &schema)?;
        let policies: Arc<[Arc<CompiledPolicy>]> = policies.into();
        let index = PolicyIndex::new(policies.clone(), &schema);
        let without_arguments =
            crate::policy::analysis::unknown_arguments::without(&policies, &schema.relations)
                .map(|policies| PolicyIndex::new(policies, &schema));
        let literals = Literals::of(&policies, &schema.vocabulary);
        Ok(Self {
            schema,
            policies,
            index,
            without_arguments,
            declared_reasons,
            warnings,
            literals,
        })
    }

    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns `true` if some policy reads the arguments of a call.
    #[must_use]
    pub fn reads_arguments(&self) -> bool {
        self.without_arguments.is_some()
    }

    /// Returns problems that do not keep the bundle from loading but are probably mistakes.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Returns the ids of all policies, in order.
    pub fn policy_ids(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| policy.id.as_str())
    }

    /// Returns all policies: their ids and their positions in the files.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyRef> {
        self.policies.iter().map(|policy| &policy.at)
    }

    /// Returns all policies in the order of their ids, each with its text as it was written.
    pub fn sources(&self) -> impl Iterator<Item = (&PolicyRef, &str)> {
        self.policies
            .iter()
            .map(|policy| (&policy.at, policy.text()))
    }

    /// Returns a policy by its id, with its text as it was written.
    #[must_use]
    pub fn source_of(&self, id: &str) -> Option<(&PolicyRef, &str)> {
        let found = self
            .policies
            .binary_search_by(|policy| policy.id.as_str().cmp(id));
        let policy = self.policies.get(found.ok()?)?;
        Some((&policy.at, policy.text()))
    }

    /// Returns the clauses of each policy: the parts of its conditions that coverage counts.
    pub fn clauses(&self) -> impl Iterator<Item = (&PolicyRef, Vec<Clause>)> {
        self.policies
            .iter()
            .map(|policy| (&policy.at, evaluate::clauses(policy)))
    }

    /// Returns the policies that read the member `name` of the context, or a part of it, if the
    /// schema declares that member for some action.
    pub fn readers_of_context(&self, name: &str) -> impl Iterator<Item = &PolicyRef> {
        let mut contexts = self.schema.vocabulary.contexts();
        let is_declared = contexts.any(|context| context.contains_key(name));
        let reads =
            move |policy: &&Arc<CompiledPolicy>| is_declared && policy.reads.reads_context(name);
        self.policies.iter().filter(reads).map(|policy| &policy.at)
    }

    /// Returns the ids of the objects of one type whose relations policies ask for; `None` if they
    /// may ask about others, which a request or an attribute names.
    #[must_use]
    pub fn objects_asked_for(&self, kind: &str) -> Option<BTreeSet<&SmolStr>> {
        let mut resources = self.schema.validator.resources();
        if resources.any(|resource| resource.to_string() == kind) {
            return None;
        }
        let relations = self.schema.relations.relations.get(kind);
        let mentions = self
            .policies
            .iter()
            .flat_map(|policy| policy.mentions.iter());
        let of_kind = mentions.filter_map(|mention| match &mention.object {
            ObjectTerm::Literal(object) => (object.kind == kind).then_some(Some(&object.id)),
            ObjectTerm::Path(..) => {
                let may_be = relations.is_some_and(|known| known.contains(&mention.relation));
                may_be.then_some(None)
            }
        });
        of_kind.collect()
    }

    /// Returns why every request is denied, with what helps, if no request can be permitted.
    #[must_use]
    pub fn permits_nothing(&self) -> Option<(&'static str, &'static str)> {
        let mut actions = self.schema.vocabulary.evaluated();
        let is_permit = |policy: &Arc<CompiledPolicy>| policy.effect == Decision::Permit;
        if !actions.any(|action| !action.principals.is_empty() && !action.resources.is_empty()) {
            Some((
                "the schema declares no action that applies to anything",
                "declare actions: `action read appliesTo { principal: user, resource: note };`",
            ))
        } else if !self.policies.iter().any(is_permit) {
            Some((
                "the bundle has no policy that permits anything",
                "write a `permit` in `policies/<name>.cedar`",
            ))
        } else {
            None
        }
    }

    /// Returns `true` if some policy gives this reason.
    #[must_use]
    pub fn gives(&self, code: &str) -> bool {
        self.policies.iter().any(|policy| {
            policy
                .reason
                .as_ref()
                .is_some_and(|reason| reason.as_str() == code)
        })
    }

    /// Returns the ids of one type that policies and the schema alone name.
    pub fn literals(&self, kind: &str) -> impl Iterator<Item = &SmolStr> + use<'_> {
        self.literals.of_kind(kind)
    }

    /// Returns the index of the policies that decide.
    fn index(&self, arguments: Arguments) -> &PolicyIndex {
        match arguments {
            Arguments::Known => &self.index,
            Arguments::Unknown => self.without_arguments.as_ref().unwrap_or(&self.index),
        }
    }
}
