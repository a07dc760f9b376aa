//! Validates policies against the schema: reports what Cedar's validator finds, with remedies, and
//! policies that can never apply.
//!
//! INVARIANT: a forbid of the bundle's own that can never apply is refused. Its author relies on
//! it, and a misspelt name, or a type that was removed from an action's `appliesTo`, must not
//! disable it silently. A permit that can never apply is a warning.

use crate::model::{Decision, Place, Problem};
use crate::policy::load::policies::ParsedPolicy;
use crate::policy::load::remedies::{optional_depth, with_remedy};
use crate::policy::load::source::{SourceFile, place_in, problem_of};
use crate::policy::schema::Schema;
use cedar_policy_core::ast::{
    ActionConstraint, EntityType, EntityUID, PolicyID, PolicySet, PrincipalOrResourceConstraint,
    Template,
};
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv;
use cedar_policy_core::validator::{
    ValidationError, ValidationMode, ValidationWarning, Validator, ValidatorActionId,
    ValidatorEntityType, confusable_string_checks,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

/// The most environments in which the condition of a policy that can never apply is checked. So
/// many combinations of its scope's actions, principals and resources show what is wrong with it.
const MAX_ENVIRONMENTS: usize = 64;

/// The most actions that a message names.
const MAX_SHOWN: usize = 3;

/// The result of validation.
#[derive(Debug, Default)]
pub(in crate::policy) struct ValidationFindings {
    /// Problems that keep the bundle from loading.
    pub(in crate::policy) problems: Vec<Problem>,
    /// Findings that do not, and are probably mistakes.
    pub(in crate::policy) warnings: Vec<Problem>,
}

/// Validates one policy of each shape, and all policies of a shape in which anything is found.
/// `homes` are the texts that contain the rules, `pieces` all texts that Cedar was given.
pub(in crate::policy) fn validate(
    schema: &Schema,
    policies: &[ParsedPolicy],
    homes: &[&SourceFile],
    pieces: &[SourceFile],
    shapes: &[Vec<usize>],
) -> ValidationFindings {
    let validator = Validator::new(schema.validator.clone());
    let check = |members: &[usize]| {
        let mut set = PolicySet::new();
        // The ids are all different, so adding a policy does not fail.
        members
            .iter()
            .filter_map(|at| policies.get(*at))
            .for_each(|policy| drop(set.add(policy.tree.clone())));
        validator.validate_with_level(&set, ValidationMode::Strict, schema.level)
    };
    let (sound, doubtful): (Vec<&Vec<usize>>, Vec<&Vec<usize>>) =
        shapes.iter().partition(|shape| {
            let checked = check(shape.get(..1).unwrap_or_default());
            checked.validation_passed() && checked.validation_warnings().next().is_none()
        });
    let mut doubtful: Vec<usize> = doubtful.into_iter().flatten().copied().collect();
    doubtful.sort_unstable();
    let (errors, found) = check(&doubtful).into_errors_and_warnings();
    let by_id = policies
        .iter()
        .zip(homes)
        .map(|(parsed, home)| (parsed.policy.id.as_str(), (parsed, *home)))
        .collect();
    let mut report = ValidationReport {
        schema,
        pieces,
        by_id,
        findings: ValidationFindings::default(),
    };
    report.errors(errors.collect());
    let (idle, others): (Vec<ValidationWarning>, Vec<ValidationWarning>) =
        found.partition(|it| idleness(it).is_some());
    report.idle(&idle);
    let sound = sound
        .into_iter()
        .flatten()
        .filter_map(|at| policies.get(*at))
        .map(|policy| policy.tree.template());
    let others = others.into_iter().chain(confusing_strings(sound));
    report.findings.warnings.extend(
        others
            .map(|warning| problem_of(&warning, pieces, None))
            .filter(is_own),
    );
    report.findings
}

/// Returns `true` for a warning about the bundle's own files. A pack serves more than one bundle,
/// so it is no mistake if some of its policies cannot apply here.
fn is_own(warning: &Problem) -> bool {
    !warning
        .place
        .as_ref()
        .is_some_and(|place| place.file.starts_with("pack:"))
}

/// Returns warnings about strings that are hard to read, in policies in which nothing else was
/// found.
fn confusing_strings<'a>(
    sound: impl Iterator<Item = &'a Template>,
) -> impl Iterator<Item = ValidationWarning> {
    let unclear = |template: &&Template| {
        template
            .loc()
            .and_then(Loc::snippet)
            .is_none_or(|text| !is_plain(text))
    };
    confusable_string_checks(sound.filter(unclear))
}

/// Returns `true` if strings in a text can hold nothing but printable ASCII, to which Cedar has no
/// objection. A comment with a quotation mark makes the text doubtful.
fn is_plain(text: &str) -> bool {
    let mut in_string = false;
    text.bytes().all(|byte| {
        in_string ^= byte == b'"';
        byte != b'\\' && (matches!(byte, b' '..=b'~') || (byte.is_ascii_whitespace() && !in_string))
    })
}

/// The reason why a policy can never apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Idleness {
    /// No request that the schema allows is in its scope. The flag says whether `in` for `==` would
    /// help.
    Scope { is_fixed_by_in: bool },
    /// Its condition is false for every request in its scope.
    Condition,
}

fn idleness(warning: &ValidationWarning) -> Option<(&PolicyID, Idleness)> {
    match warning {
        ValidationWarning::ImpossiblePolicy(found) => Some((&found.policy_id, Idleness::Condition)),
        ValidationWarning::InvalidActionApplication(found) => {
            let is_fixed_by_in = found.would_in_fix_principal || found.would_in_fix_resource;
            Some((&found.policy_id, Idleness::Scope { is_fixed_by_in }))
        }
        _ => None,
    }
}

/// Returns the id of the policy that an error is about.
fn policy_of(error: &ValidationError) -> &str {
    use ValidationError as Error;
    let id = match error {
        Error::UnrecognizedEntityType(found) => &found.policy_id,
        Error::UnrecognizedActionId(found) => &found.policy_id,
        Error::UnexpectedType(found) => &found.policy_id,
        Error::IncompatibleTypes(found) => &found.policy_id,
        Error::UnsafeAttributeAccess(found) => &found.policy_id,
        Error::UnsafeOptionalAttributeAccess(found) => &found.policy_id,
        Error::UnsafeTagAccess(found) => &found.policy_id,
        Error::NoTagsAllowed(found) => &found.policy_id,
        Error::UndefinedFunction(found) => &found.policy_id,
        Error::WrongNumberArguments(found) => &found.policy_id,
        Error::FunctionArgumentValidation(found) => &found.policy_id,
        Error::EmptySetForbidden(found) => &found.policy_id,
        Error::NonLitExtConstructor(found) => &found.policy_id,
        Error::InternalInvariantViolation(found) => &found.policy_id,
        Error::InvalidEnumEntity(found) => &found.policy_id,
        Error::EntityDerefLevelViolation(found) => &found.policy_id,
        Error::IncompleteSchema(found) => &found.policy_id,
    };
    id.as_ref()
}

struct ValidationReport<'a> {
    schema: &'a Schema,
    pieces: &'a [SourceFile],
    by_id: BTreeMap<&'a str, (&'a ParsedPolicy, &'a SourceFile)>,
    findings: ValidationFindings,
}

impl ValidationReport<'_> {
    /// Adds errors. Cedar reports once per request environment; errors with one place and one
    /// remedy become one problem.
    fn errors(&mut self, errors: Vec<ValidationError>) {
        let is_internal = |error: &ValidationError| {
            matches!(error, ValidationError::InternalInvariantViolation(_))
        };
        // An internal error stands for an expression without a type. What is wrong with the
        // expression was reported by another error, unless it comes after `false &&`.
        let explained: HashSet<&str> = errors
            .iter()
            .filter(|error| !is_internal(error))
            .map(policy_of)
            .collect();
        let mut shown: Vec<&ValidationError> = errors
            .iter()
            .filter(|error| !(is_internal(error) && explained.contains(policy_of(error))))
            .collect();
        shown.sort_by_key(|error| Reverse(optional_depth(error)));
        let mut seen: Vec<(Option<Place>, Option<String>)> = Vec::new();
        for error in shown {
            let problem = self.problem(error);
            // Parts of one path that may be missing have one remedy.
            let help = problem.help.clone().filter(|_| optional_depth(error) == 0);
            let key = (problem.place.clone(), help);
            if problem.place.is_none() || !seen.contains(&key) {
                seen.push(key);
                self.findings.problems.push(problem);
            }
        }
    }

    /// Converts an error of Cedar's, with its place, and with a remedy if Cedar knows none.
    fn problem(&self, error: &ValidationError) -> Problem {
        let mut problem = problem_of(error, self.pieces, None);
        if problem.place.is_none() {
            let policy = self.by_id.get(policy_of(error));
            problem.place = policy.and_then(|(parsed, home)| place_in(parsed.tree.loc(), home));
        }
        with_remedy(error, problem, self.schema)
    }

    /// Reports policies that can never apply, each once: a scope that nothing is in also makes the
    /// condition false.
    fn idle(&mut self, warnings: &[ValidationWarning]) {
        let mut why: BTreeMap<&str, Idleness> = BTreeMap::new();
        for (id, found) in warnings.iter().filter_map(idleness) {
            let first = why.entry(id.as_ref()).or_insert(found);
            *first = found.min(*first);
        }
        for (id, why) in why {
            let Some((parsed, home)) = self.by_id.get(id).copied() else {
                continue;
            };
            let is_pack = home.path.starts_with("pack:");
            if is_pack && (why == Idleness::Condition || self.is_about_nothing_here(parsed)) {
                continue;
            }
            if why != Idleness::Condition {
                let unseen = self.condition(parsed);
                self.errors(unseen);
            }
            let problem = self.never_applies(parsed, home, why);
            match (parsed.policy.effect, is_pack) {
                (Decision::Deny, _) => self.findings.problems.push(problem),
                (Decision::Permit, false) => self.findings.warnings.push(problem),
                (Decision::Permit, true) => {}
            }
        }
    }

    fn never_applies(&self, parsed: &ParsedPolicy, home: &SourceFile, why: Idleness) -> Problem {
        let id = &parsed.policy.id;
        let what = match parsed.policy.effect {
            Decision::Permit => "permits",
            Decision::Deny => "forbids",
        };
        let problem = match why {
            Idleness::Scope { is_fixed_by_in } => {
                let message = format!(
                    "the policy `{id}` {what} nothing: no action applies to what is in its scope"
                );
                let fix = if is_fixed_by_in {
                    "say `in` instead of `==`"
                } else {
                    "correct the scope"
                };
                let applies = self.applies(&parsed.policy.action);
                Problem::new(message).help(format!(
                    "{applies}{fix}, declare an action that applies to it, or remove the policy"
                ))
            }
            Idleness::Condition => Problem::new(format!(
                "the policy `{id}` {what} nothing: \
                 its condition is false for every request that the schema allows"
            ))
            .help("correct the condition, or remove the policy"),
        };
        Problem {
            place: place_in(parsed.tree.loc(), home),
            ..problem
        }
    }

    /// Says what the actions of a scope apply to: `` `read` applies to `user` on `doc`; ``.
    fn applies(&self, constraint: &ActionConstraint) -> String {
        let names = |kinds: Vec<&EntityType>| {
            let mut names: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
            names.sort();
            names.join(", ")
        };
        let mut shown: Vec<String> = self
            .actions(constraint)
            .map(|action| {
                let id: &str = action.name().eid().as_ref();
                let (principals, resources) = (
                    action.applies_to_principals(),
                    action.applies_to_resources(),
                );
                format!(
                    "`{id}` applies to {} on {}; ",
                    names(principals.collect()),
                    names(resources.collect())
                )
            })
            .collect();
        shown.sort();
        let more = if shown.len() > MAX_SHOWN {
            "and others; "
        } else {
            ""
        };
        shown.truncate(MAX_SHOWN);
        format!("{}{more}", shown.concat())
    }

    /// Returns the actions of a scope that apply to anything.
    fn actions<'s>(
        &'s self,
        constraint: &'s ActionConstraint,
    ) -> impl Iterator<Item = &'s ValidatorActionId> {
        let is_in = |uid: &EntityUID, group: &EntityUID| {
            let entity = self.schema.actions().get(uid);
            uid == group || entity.is_some_and(|entity| entity.is_descendant_of(group))
        };
        let holds = move |action: &&ValidatorActionId| match constraint {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => action.name() == uid.as_ref(),
            ActionConstraint::In(groups) => groups.iter().any(|group| is_in(action.name(), group)),
        };
        let applies = |action: &&ValidatorActionId| {
            action.applies_to_principals().next().is_some()
                && action.applies_to_resources().next().is_some()
        };
        self.schema
            .validator
            .action_ids()
            .filter(applies)
            .filter(holds)
    }

    /// Returns the types whose entities can be in a scope.
    fn kinds<'s>(
        &'s self,
        constraint: &'s PrincipalOrResourceConstraint,
    ) -> impl Iterator<Item = &'s EntityType> {
        let kinds = self
            .schema
            .validator
            .entity_types()
            .map(ValidatorEntityType::name);
        kinds.filter(move |kind| match (constraint, constraint.get_euid()) {
            (PrincipalOrResourceConstraint::Any, _) => true,
            (
                PrincipalOrResourceConstraint::Is(only)
                | PrincipalOrResourceConstraint::IsIn(only, _),
                _,
            ) => **only == **kind,
            (PrincipalOrResourceConstraint::Eq(_), uid) => {
                uid.is_none_or(|uid| uid.entity_type() == *kind)
            }
            (PrincipalOrResourceConstraint::In(_), uid) => uid.is_none_or(|uid| {
                let above = self.schema.validator.get_entity_type(uid.entity_type());
                uid.entity_type() == *kind
                    || above.is_some_and(|above| above.has_descendant_entity_type(kind))
            }),
        })
    }

    /// Returns the types of a scope to which an action applies, or else all types of the scope; in
    /// order.
    fn likely<'s>(
        &'s self,
        constraint: &'s PrincipalOrResourceConstraint,
        applies: impl Fn(&EntityType) -> bool,
    ) -> Vec<&'s EntityType> {
        let mut kinds: Vec<&EntityType> = self.kinds(constraint).collect();
        if kinds.iter().any(|kind| applies(kind)) {
            kinds.retain(|kind| applies(kind));
        }
        kinds.sort();
        kinds
    }

    /// Returns `true` if a pack's policy is about principals, actions or resources that the bundle
    /// does not have: such a policy is for other bundles. A policy about ones that the bundle has
    /// but does not combine is a mistake.
    fn is_about_nothing_here(&self, parsed: &ParsedPolicy) -> bool {
        let (principals, resources): (HashSet<_>, HashSet<_>) = (
            self.schema.validator.principals().collect(),
            self.schema.validator.resources().collect(),
        );
        self.actions(&parsed.policy.action).next().is_none()
            || !self
                .kinds(&parsed.policy.principal)
                .any(|kind| principals.contains(kind))
            || !self
                .kinds(&parsed.policy.resource)
                .any(|kind| resources.contains(kind))
    }

    /// Returns the errors in the condition of a policy whose scope is empty, as if the scope had
    /// matched everything that it names. Cedar itself stops at the scope.
    fn condition(&self, parsed: &ParsedPolicy) -> Vec<ValidationError> {
        let checker = Typechecker::new(&self.schema.validator, ValidationMode::Strict);
        let mut first = Vec::new();
        let mut actions: Vec<&ValidatorActionId> = self.actions(&parsed.policy.action).collect();
        actions.sort_by_key(|action| action.name());
        let environments = actions.into_iter().flat_map(|action| {
            let principals = self.likely(&parsed.policy.principal, |kind| {
                action.is_applicable_principal_type(kind)
            });
            let resources = self.likely(&parsed.policy.resource, |kind| {
                action.is_applicable_resource_type(kind)
            });
            let pairs = move |who| {
                resources
                    .clone()
                    .into_iter()
                    .map(move |what| (action, who, what))
            };
            principals.into_iter().flat_map(pairs)
        });
        for (action, principal, resource) in environments.take(MAX_ENVIRONMENTS) {
            let Some(context) = action.context_type() else {
                continue;
            };
            let principal_slot = None;
            let resource_slot = None;
            let action = action.name();
            let environment = RequestEnv::DeclaredAction {
                principal,
                action,
                resource,
                context,
                principal_slot,
                resource_slot,
            };
            match checker.typecheck_by_single_request_env(parsed.tree.template(), &environment) {
                PolicyCheck::Success(_) => return Vec::new(),
                PolicyCheck::Irrelevant(errors, _) | PolicyCheck::Fail(errors)
                    if first.is_empty() =>
                {
                    first = errors;
                }
                PolicyCheck::Irrelevant(..) | PolicyCheck::Fail(_) => {}
            }
        }
        first
    }
}
