//! Cedar: the only folder that names it.
//!
//! **Problem.** Cedar answers whether one principal may, from policies, entities and a context that somebody built.
//! A wrong answer is rarely Cedar's: it is a forbid that failed and was skipped, a value that stayed away because it
//! did not fit, a scope that no longer matched, an entity that was not loaded.
//! **Decision.** One leg is one Cedar request, built here from typed values and nothing else: the schema says what a
//! request's values become ([`fit`]), policies say which of them matter ([`reads`]), and the loop that decides
//! ([`evaluate`]) treats every failure as a denial. Policies are checked strictly, and for what Cedar does not check.
//! **Trade-off.** The loop calls Cedar's evaluator one conjunct at a time rather than its authorizer, to explain from
//! the evaluation itself; a property test holds both to the same answer. The syntax tree is Cedar's internal one, so
//! its version is pinned.

mod arguments;
mod evaluate;
mod fit;
mod inputs;
mod nesting;
mod reads;
mod reasons;
mod relations;
mod rules;
mod schema;
mod search;
mod source;
mod stored;
mod syntax;

pub use evaluate::{Leg, LegInput, Wanted};
pub use nesting::STACK_BYTES;
pub use reasons::NextActions;
pub use relations::{NoRelations, RelationAnswer, RelationFailure, RelationQuestion, RelationTypes, Relations};
pub use schema::{ActionInfo, Attribute, Provenance, Schema, TypeInfo, Vocabulary};
pub use search::{Part, Reverse};
pub use source::SourceFile;
pub use stored::Stored;

use crate::model::{Arguments, Problem, Problems};
use cedar_policy_core::ast::EntityUID;
use rules::{Rule, Rules};
use search::Literals;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// A bundle's schema and policies, ready to decide. Immutable.
#[derive(Debug)]
pub struct Compiled {
    schema: Schema,
    rules: Vec<Arc<Rule>>,
    /// The same rules, in the same places, for calls whose arguments are unknown.
    without_arguments: Vec<Arc<Rule>>,
    /// The rules that can apply to an action, as positions in `rules`, and so in the order of their ids.
    by_action: HashMap<EntityUID, Vec<usize>>,
    next_actions: NextActions,
    warnings: Vec<Problem>,
    literals: Literals,
}

impl Compiled {
    /// Compiles policies against a schema. Every problem of every file is in the report.
    pub fn new(schema: Schema, policies: &[SourceFile], next_actions: NextActions) -> Result<Self, Problems> {
        let Rules { all: rules, warnings } = Rules::read(policies, &schema)?;
        let by_action = schema
            .actions()
            .iter()
            .map(|(uid, action)| {
                let applies = |rule: &Arc<Rule>| evaluate::action_in_scope(&rule.action, action);
                let found = rules.iter().enumerate().filter(|(_, rule)| applies(rule)).map(|(at, _)| at).collect();
                (uid.clone(), found)
            })
            .collect();
        let without_arguments = rules.iter().map(|rule| arguments::without(rule, &schema.relations)).collect();
        let literals = Literals::of(&rules, &schema.vocabulary);
        Ok(Self { schema, rules, without_arguments, by_action, next_actions, warnings, literals })
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

    /// Whether some policy gives this reason.
    #[must_use]
    pub fn gives(&self, code: &str) -> bool {
        self.rules.iter().any(|rule| rule.reason.as_ref().is_some_and(|reason| reason.as_str() == code))
    }

    /// The ids of one type that are known from policies and the schema alone.
    pub fn literals(&self, kind: &str) -> impl Iterator<Item = &SmolStr> + use<'_> {
        self.literals.of_kind(kind)
    }

    fn rules_for(&self, arguments: Arguments, action: &EntityUID) -> impl Iterator<Item = &Arc<Rule>> {
        let rules = match arguments {
            Arguments::Known => &self.rules,
            Arguments::Unknown => &self.without_arguments,
        };
        self.by_action
            .get(action)
            .into_iter()
            .flatten()
            .filter_map(|at| rules.get(*at))
            .filter(|rule| !rule.is_left_out)
    }
}
