//! Cedar: the only folder that names it.
//!
//! **Problem.** Cedar answers whether one principal may, from policies, entities and a context that
//! somebody built. A wrong answer is rarely Cedar's: it is a forbid that failed and was skipped, a
//! value that stayed away because it did not fit, a scope that no longer matched, an entity that
//! was not loaded.
//! **Decision.** One leg is one Cedar request, built here from typed values and nothing else: the
//! schema says what a request's values become ([`inputs`]), policies say which of them matter
//! ([`analysis`]), those that cannot have a say are left out ([`index`]), and the loop that decides
//! ([`evaluate`]) treats every failure as a denial. What policies ask of relations is answered
//! through [`port`]. Policies are checked strictly, and for what Cedar does not check. [`load`],
//! [`analysis`] and [`idle`] run when a bundle is loaded, and [`index`] is built there; [`inputs`],
//! [`evaluate`], [`explanation`] and [`search`] run at a decision.
//! **Trade-off.** The loop calls Cedar's evaluator one conjunct at a time rather than its
//! authorizer, to explain from the evaluation itself; a property test holds both to the same
//! answer. The syntax tree is Cedar's internal one, so its version is pinned.

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

pub use evaluate::{Leg, LegInput, Wanted};
pub use explanation::reasons::NextActions;
pub use inputs::conversions::Conversions;
pub use load::nesting::STACK_BYTES;
pub use load::source::SourceFile;
pub use load::stored::Stored;
pub use port::{
    NoRelations, RelationAnswer, RelationFailure, RelationQuestion, RelationTypes, Relations,
};
pub use schema::{ActionInfo, Attribute, Provenance, Schema, TypeInfo, Vocabulary};
pub use search::{Part, Reverse};

use crate::model::{Arguments, PolicyRef, Problem, Problems};
use index::Index;
use load::policies::{Rule, Rules};
use search::Literals;
use smol_str::SmolStr;
use std::sync::Arc;

/// How many entities a policy may look through (`resource.folder.owner` is two), where the bundle
/// does not say. What is within the level is materialised for a decision, and a policy that looks
/// farther is refused.
pub const DEFAULT_LEVEL: u32 = 2;

/// The highest level that a bundle can ask for: what is reached from an entity can grow tenfold
/// with each.
pub const MAX_LEVEL: u32 = 5;

/// A bundle's schema and policies, ready to decide. Immutable.
#[derive(Debug)]
pub struct Compiled {
    schema: Schema,
    /// In the order of their ids.
    rules: Arc<[Arc<Rule>]>,
    index: Index,
    /// The same policies for calls whose arguments are unknown.
    /// Absent where no policy reads them.
    without_arguments: Option<Index>,
    next_actions: NextActions,
    warnings: Vec<Problem>,
    literals: Literals,
}

impl Compiled {
    /// Compiles policies, and the links of templates among them, against a schema. Every problem of
    /// every file is in the report.
    pub fn new(
        schema: Schema,
        policies: &[SourceFile],
        links: &[SourceFile],
        next_actions: NextActions,
    ) -> Result<Self, Problems> {
        let Rules {
            all: rules,
            warnings,
        } = Rules::read(policies, links, &schema)?;
        let rules: Arc<[Arc<Rule>]> = rules.into();
        let index = Index::new(rules.clone(), &schema);
        let without_arguments =
            crate::policy::analysis::unknown_arguments::without(&rules, &schema.relations)
                .map(|rules| Index::new(rules, &schema));
        let literals = Literals::of(&rules, &schema.vocabulary);
        Ok(Self {
            schema,
            rules,
            index,
            without_arguments,
            next_actions,
            warnings,
            literals,
        })
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What does not keep a bundle from loading and is probably a mistake.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The ids of all policies, in order.
    pub fn policy_ids(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.id.as_str())
    }

    /// All policies: their ids, and where they stand.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyRef> {
        self.rules.iter().map(|rule| &rule.at)
    }

    /// The policies that read a member of a context which the schema declares, or a part of it.
    pub fn readers_of_context(&self, name: &str) -> impl Iterator<Item = &PolicyRef> {
        let mut contexts = self.schema.vocabulary.contexts();
        let is_declared = contexts.any(|context| context.contains_key(name));
        let reads = move |rule: &&Arc<Rule>| is_declared && rule.reads.reads_context(name);
        self.rules.iter().filter(reads).map(|rule| &rule.at)
    }

    /// Whether some policy gives this reason.
    #[must_use]
    pub fn gives(&self, code: &str) -> bool {
        self.rules.iter().any(|rule| {
            rule.reason
                .as_ref()
                .is_some_and(|reason| reason.as_str() == code)
        })
    }

    /// The ids of one type that are known from policies and the schema alone.
    pub fn literals(&self, kind: &str) -> impl Iterator<Item = &SmolStr> + use<'_> {
        self.literals.of_kind(kind)
    }

    /// The policies that decide.
    fn index(&self, arguments: Arguments) -> &Index {
        match arguments {
            Arguments::Known => &self.index,
            Arguments::Unknown => self.without_arguments.as_ref().unwrap_or(&self.index),
        }
    }
}
