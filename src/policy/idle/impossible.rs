//! Finds tests that never hold, in policies that may apply for another reason.
//!
//! **Problem.** `principal has stauts || …` is false for every principal if no type declares
//! `stauts`. Cedar's type checker knows it, and says so only if the whole condition is false. A
//! branch of a forbid then looks effective but never applies, or an exception excepts nothing.
//!
//! **Decision.** A test (`has`, `hasTag`, `is`, and `==` and `in` between entities) that is false
//! in every request environment in which Cedar reaches it is told, with its place and the nearest
//! declared name. A forbid that would forbid more if the test held is refused, as it would be if
//! the branch were a policy of its own. A permit that would permit less is refused if a declared
//! name is near, since the test is misspelt then. Anything else is a warning.
//!
//! **Trade-off.** Each policy with a test is type-checked once more. A test with a condition inside
//! is not looked at, for its text differs from one environment to another.
//!
//! INVARIANT: a test that holds for anything that can be asked is never told.

pub(in crate::policy) mod constant;
mod flaws;
mod polarity;

use crate::model::{CarrierSettings, Problem};
use crate::policy::analysis::mentions::{TypedExpr, entity_type, is_never_held};
use crate::policy::analysis::syntax::children;
use crate::policy::load::policies::ParsedPolicy;
use crate::policy::load::source::{SourceFile, place_in};
use crate::policy::schema::Schema;
use cedar_policy_core::ast::{BinaryOp, EntityUID, ExprKind, Var};
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::{Attributes, BoolType, EntityKind, RequestEnv, Type};
use cedar_policy_core::validator::{ValidationMode, ValidatorEntityType};
use flaws::{Severity, TestFlaw, told};
use polarity::{Polarity, is_test, tests};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Reports the tests of the bundle's own policies that never hold: as problems, which keep the
/// bundle from loading, or as warnings. Policies of packs are exempt, for a pack serves more than
/// one bundle.
pub(in crate::policy) fn report(
    policies: &[ParsedPolicy],
    homes: &[&SourceFile],
    schema: &Schema,
    shapes: &[Vec<usize>],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    for shape in shapes {
        let own = shape
            .iter()
            .filter_map(|at| Some((policies.get(*at)?, *homes.get(*at)?)))
            .filter(|(_, home)| !home.path.starts_with("pack:"));
        for (nth, (parsed, home)) in own.enumerate() {
            let found = Tests { schema }.that_never_hold(parsed, home);
            // Policies of one shape are typed alike.
            if nth == 0 && found.is_empty() {
                break;
            }
            for (problem, severity) in found {
                match severity {
                    Severity::Refused => problems.push(problem),
                    Severity::Told => warnings.push(problem),
                }
            }
        }
    }
}

struct Tests<'a> {
    schema: &'a Schema,
}

impl Tests<'_> {
    /// Returns the tests of a policy that never hold, in the order in which they were written.
    fn that_never_hold(
        &self,
        parsed: &ParsedPolicy,
        home: &SourceFile,
    ) -> Vec<(Problem, Severity)> {
        let mut written = Vec::new();
        let condition = parsed.tree.non_scope_constraints();
        condition
            .into_iter()
            .for_each(|condition| tests(condition, Polarity::Positive, &mut written));
        if written.is_empty() {
            return Vec::new();
        }
        let flaws = self.flaws(parsed);
        let told = written.into_iter().filter_map(|(test, polarity)| {
            let text = test.to_string();
            let flaws = flaws.get(&text)?;
            let place = place_in(test.source_loc(), home);
            let (problem, severity) = told(parsed, &text, flaws, polarity);
            let also = parsed.link.clone();
            Some((
                Problem {
                    place,
                    also,
                    ..problem
                },
                severity,
            ))
        });
        told.collect()
    }

    /// Returns the texts of the tests that are false in every environment that reaches them, with
    /// the reasons.
    fn flaws(&self, parsed: &ParsedPolicy) -> BTreeMap<String, BTreeSet<TestFlaw>> {
        let mut found: BTreeMap<String, BTreeSet<TestFlaw>> = BTreeMap::new();
        let mut is_possible = false;
        let mut is_sound = true;
        self.each_environment(parsed, |typed, action| match typed {
            None => is_sound = false,
            Some((typed, is_relevant)) => {
                is_possible |= is_relevant;
                self.walk(typed, action, &mut |test, flaw| {
                    if let Some(flaw) = flaw {
                        found.entry(test.to_string()).or_default().insert(flaw);
                    }
                });
            }
        });
        // What is wrong with a policy that is not well-typed is told, and nothing is known of it.
        if found.is_empty() || !is_sound {
            return BTreeMap::new();
        }
        self.each_environment(parsed, |typed, action| {
            let Some((typed, _)) = typed else { return };
            self.walk(typed, action, &mut |test, flaw| {
                if flaw.is_none() {
                    found.remove(&test.to_string());
                }
            });
        });
        // It was told that the policy applies to nothing. A misspelt name is why.
        if !is_possible {
            found.retain(|_, flaws| flaws.iter().any(TestFlaw::is_of_a_name));
        }
        found
    }

    /// Calls `read` for each environment, with the part of the condition that is reached, and
    /// whether the condition may hold; with nothing where the condition is not well-typed.
    fn each_environment(
        &self,
        parsed: &ParsedPolicy,
        mut read: impl FnMut(Option<(&TypedExpr, bool)>, Option<&EntityUID>),
    ) {
        let checker = Typechecker::new(&self.schema.validator, ValidationMode::Strict);
        for (environment, check) in checker.typecheck_by_request_env(parsed.tree.template()) {
            let action = match &environment {
                RequestEnv::DeclaredAction { action, .. } => Some(*action),
                RequestEnv::UndeclaredAction => None,
            };
            match &check {
                PolicyCheck::Success(typed) => read(Some((typed, true)), action),
                PolicyCheck::Irrelevant(_, typed) => read(Some((typed, false)), action),
                PolicyCheck::Fail(_) => read(None, action),
            }
        }
    }

    /// Calls `read` for each test that an environment reaches, with the reason why it is false
    /// there.
    fn walk(
        &self,
        expr: &TypedExpr,
        action: Option<&EntityUID>,
        read: &mut impl FnMut(&TypedExpr, Option<TestFlaw>),
    ) {
        if is_test(expr) {
            read(expr, self.flaw(expr, action));
        }
        children(expr)
            .into_iter()
            .for_each(|child| self.walk(child, action, read));
    }

    fn flaw(&self, test: &TypedExpr, action: Option<&EntityUID>) -> Option<TestFlaw> {
        if is_never_held(test, &self.schema.relations) {
            return Some(TestFlaw::NeverHeld);
        }
        if !matches!(test.data(), Some(Type::Bool(BoolType::False))) {
            return None;
        }
        match test.expr_kind() {
            ExprKind::HasAttr { expr, attr } => {
                self.undeclared(expr, std::slice::from_ref(attr), action)
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                self.undeclared(expr, &attrs.iter().cloned().collect::<Vec<_>>(), action)
            }
            ExprKind::Is { .. } => Some(TestFlaw::OtherType),
            ExprKind::BinaryApp { op, arg1, arg2 } => match op {
                BinaryOp::HasTag => Some(TestFlaw::NoTags {
                    holder: format!("`{}`", entity_type(arg1)?),
                }),
                BinaryOp::Eq if is_entity(arg1) && is_entity(arg2) => Some(TestFlaw::Unequal),
                BinaryOp::In => Some(TestFlaw::Outside),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the first name that is not declared where it is tested for.
    fn undeclared(
        &self,
        base: &TypedExpr,
        names: &[SmolStr],
        action: Option<&EntityUID>,
    ) -> Option<TestFlaw> {
        let root = match base.expr_kind() {
            ExprKind::Var(var) => Some(*var),
            _ => None,
        };
        let none = Attributes::default();
        let mut at = base.data().as_ref()?;
        for (nth, name) in names.iter().enumerate() {
            let root = root.filter(|_| nth == 0);
            let (holder, declared) = match at {
                Type::Entity(EntityKind::Entity(kinds)) => {
                    let kind = kinds.get_single_entity()?;
                    let declared = self.schema.validator.get_entity_type(kind);
                    let attributes = declared.map(ValidatorEntityType::attributes);
                    (format!("`{kind}`"), attributes.unwrap_or(&none))
                }
                Type::Record { attrs, .. } => (record(root, action), attrs),
                _ => return None,
            };
            match declared.get_attr(name) {
                Some(attribute) => at = &attribute.attr_type,
                None => {
                    return Some(TestFlaw::Undeclared {
                        name: name.clone(),
                        holder,
                        known: self.names(declared),
                        is_carrier: is_carrier(root, name),
                    });
                }
            }
        }
        None
    }

    /// Returns the names that policies may test for: relations are asked for otherwise.
    fn names(&self, declared: &Attributes) -> Vec<SmolStr> {
        let is_relation = |ty: &Type| match ty {
            Type::Entity(EntityKind::Entity(kinds)) => {
                kinds.get_single_entity() == Some(&self.schema.userset)
            }
            _ => false,
        };
        declared
            .iter()
            .filter(|(_, attribute)| !is_relation(&attribute.attr_type))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

fn is_entity(expr: &TypedExpr) -> bool {
    matches!(expr.data(), Some(Type::Entity(_)))
}

/// Names a record: the context of an action, or any other.
fn record(root: Option<Var>, action: Option<&EntityUID>) -> String {
    match (root, action) {
        (Some(Var::Context), Some(action)) => {
            let id: &str = action.eid().as_ref();
            format!("the context of `{id}`")
        }
        _ => "this record".to_owned(),
    }
}

/// Returns `true` if a request says by this name who acts, so that no policy sees it.
fn is_carrier(root: Option<Var>, name: &str) -> bool {
    match root {
        Some(Var::Context) => CarrierSettings::takes_from_context(name),
        Some(Var::Principal) => CarrierSettings::takes_from_properties(name),
        Some(Var::Action | Var::Resource) | None => false,
    }
}
