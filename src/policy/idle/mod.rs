//! Finds policies that can never apply, though Cedar's types do not show it.
//!
//! **Problem.** An author who wrote a forbid relies on it. A forbid looks effective but never
//! applies if it asks for a relation that nobody in its scope can be in, for a resource that has an
//! action of its own, or for an empty id.
//! **Decision.** A condition is evaluated before any request, to one of three values: true, false,
//! or unknown. A policy whose condition is false for everything that can be asked never applies: a
//! forbid is refused, and a permit is a warning.
//!
//! INVARIANT: an unknown condition counts as possible. A policy that does apply to something is
//! never reported.

pub(in crate::policy) mod impossible;

use super::schema::{ActionInfo, Schema};
use crate::model::{Decision, NameFlaw, Problem, check_name};
use crate::policy::analysis::syntax::children;
use crate::policy::load::policies::ParsedPolicy;
use crate::policy::load::source::{SourceFile, place_in};
use cedar_policy_core::ast::{
    ActionConstraint, BinaryOp, EntityType, EntityUID, Expr, ExprKind, Literal, UnaryOp, Var,
};
use std::collections::HashSet;

/// Returns the value that a condition has for every request, given the parts that `known` decides;
/// `None` if it depends on the request.
pub(super) fn truth<T>(expr: &Expr<T>, known: &impl Fn(&Expr<T>) -> Option<bool>) -> Option<bool> {
    let of = |part: &Expr<T>| truth(part, known);
    known(expr).or_else(|| match expr.expr_kind() {
        ExprKind::Lit(Literal::Bool(value)) => Some(*value),
        ExprKind::UnaryApp {
            op: UnaryOp::Not,
            arg,
        } => of(arg).map(|value| !value),
        ExprKind::And { left, right } => all([of(left), of(right)].into_iter()),
        ExprKind::Or { left, right } => any([of(left), of(right)].into_iter()),
        ExprKind::BinaryApp {
            op: BinaryOp::Eq,
            arg1,
            arg2,
        } => of(arg1).zip(of(arg2)).map(|(one, other)| one == other),
        ExprKind::BinaryApp {
            op: BinaryOp::Contains,
            arg1,
            arg2,
        } => match arg1.expr_kind() {
            ExprKind::Set(items) => {
                let equal = |item: &Expr<T>| Some(of(item)? == of(arg2)?);
                any(items.iter().map(equal))
            }
            _ => None,
        },
        ExprKind::GetAttr { expr, attr } => match expr.expr_kind() {
            ExprKind::Record(members) => of(members.get(attr)?),
            _ => None,
        },
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => match of(test_expr) {
            Some(true) => of(then_expr),
            Some(false) => of(else_expr),
            None => of(then_expr).filter(|value| of(else_expr) == Some(*value)),
        },
        _ => None,
    })
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(parts.map(|part| part.map(|value| !value))).map(|value| !value)
}

fn any(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    parts
        .try_fold(Some(false), |found, part| match part {
            Some(true) => Err(Some(true)),
            Some(false) => Ok(found),
            None => Ok(None),
        })
        .unwrap_or_else(|found| found)
}

/// Reports a policy that can never apply: as a problem, which keeps the bundle from loading, or as
/// a warning.
pub(super) fn tell(
    parsed: &ParsedPolicy,
    problem: Problem,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    match parsed.policy.effect {
        Decision::Deny => problems.push(problem),
        Decision::Permit => warnings.push(problem),
    }
}

/// Returns the problem of a policy whose relations have no members of the types in its scope.
pub(super) fn without_members(parsed: &ParsedPolicy, home: &SourceFile) -> Problem {
    let why = "by the relation model nobody in its scope can be in a relation that it asks for";
    let help = "add the type to the relation, as in `define relation: [user, agent]`; \
        or correct the scope, or remove the policy";
    of_policy(parsed, home, why, help)
}

/// Finds the policies that ask for something that no request can name: a malformed id, or a
/// resource with an action that is not evaluated for it. The policies of packs are exempt, for a
/// pack serves more than one bundle.
pub(super) fn beyond_names(
    policies: &[ParsedPolicy],
    homes: &[&SourceFile],
    schema: &Schema,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let specialised = schema
        .vocabulary
        .evaluated()
        .filter(|action| action.general.is_some());
    let kinds: HashSet<&EntityType> = specialised.flat_map(|action| &action.resources).collect();
    let own = policies
        .iter()
        .zip(homes)
        .filter(|(_, home)| !home.path.starts_with("pack:"));
    for (parsed, home) in own {
        let condition = parsed.tree.condition();
        let mut ids = Vec::new();
        literals(&condition, &mut ids);
        let flaw = ids.iter().find_map(|uid| Some((*uid, flaw(uid)?)));
        let matters = flaw.is_some() || ids.iter().any(|uid| kinds.contains(uid.entity_type()));
        if !matters {
            continue;
        }
        if can_apply(parsed, &condition, schema, true) {
            let written = parsed.tree.non_scope_constraints();
            warnings.extend(
                written
                    .into_iter()
                    .flat_map(|part| nobodys(part, parsed, home)),
            );
            continue;
        }
        // If the ids are not what keeps the policy from applying, another problem is reported.
        if !can_apply(parsed, &condition, schema, false) {
            continue;
        }
        let problem = of_names(parsed, home, flaw);
        tell(parsed, problem, problems, warnings);
    }
}

/// Returns the problem of a policy that asks for what no request can name: the malformed id, or a
/// resource with an action of its own.
fn of_names(
    parsed: &ParsedPolicy,
    home: &SourceFile,
    flaw: Option<(&EntityUID, NameFlaw)>,
) -> Problem {
    match flaw {
        Some((uid, flaw)) => {
            let kind = uid.entity_type();
            let why =
                format!("it asks for a `{kind}` whose id {flaw}, and whoever names it is denied");
            let help = "write the id that is meant, or remove the policy";
            of_policy(parsed, home, &why, help)
        }
        None => of_policy(
            parsed,
            home,
            "no request about a resource that it asks for is evaluated as an action in its scope",
            "an action that is declared for one resource is evaluated for that one, and no other \
             is in its place: correct the resource, or say `action in` and the general action, \
             which matches both",
        ),
    }
}

/// Returns a warning about each entity in a condition that nobody can name.
fn nobodys(expr: &Expr, parsed: &ParsedPolicy, home: &SourceFile) -> Vec<Problem> {
    let own = literal(expr).filter(|uid| !uid.is_action());
    let told = own.and_then(|uid| Some((uid, flaw(uid)?))).map(|(uid, flaw)| {
        let message = format!(
            "in the policy `{}`, nothing is the `{}` whose id {flaw}: whoever names it is denied",
            parsed.policy.id,
            uid.entity_type()
        );
        Problem {
            place: place_in(expr.source_loc(), home),
            also: parsed.link.clone(),
            ..Problem::new(message).help("write the id that is meant")
        }
    });
    let inside = children(expr).into_iter();
    told.into_iter()
        .chain(inside.flat_map(|child| nobodys(child, parsed, home)))
        .collect()
}

fn of_policy(parsed: &ParsedPolicy, home: &SourceFile, why: &str, help: &str) -> Problem {
    let what = match parsed.policy.effect {
        Decision::Permit => "permits",
        Decision::Deny => "forbids",
    };
    let problem = Problem::new(format!(
        "the policy `{}` {what} nothing: {why}",
        parsed.policy.id
    ))
    .help(help);
    Problem {
        place: place_in(parsed.tree.loc(), home),
        also: parsed.link.clone(),
        ..problem
    }
}

fn literals<'e>(expr: &'e Expr, found: &mut Vec<&'e EntityUID>) {
    if let ExprKind::Lit(Literal::EntityUID(uid)) = expr.expr_kind()
        && !uid.is_action()
    {
        found.push(uid);
    }
    children(expr)
        .into_iter()
        .for_each(|child| literals(child, found));
}

fn flaw(uid: &EntityUID) -> Option<NameFlaw> {
    check_name(uid.eid().as_ref()).err()
}

/// Returns `true` if a question might satisfy a policy. `by_id` says whether to use what is known
/// of the ids that can be asked for.
fn can_apply(parsed: &ParsedPolicy, condition: &Expr, schema: &Schema, by_id: bool) -> bool {
    let in_scope = schema
        .vocabulary
        .evaluated()
        .filter(|action| match &parsed.policy.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => uid == &action.uid,
            ActionConstraint::In(groups) => groups
                .iter()
                .any(|group| is_in_action(&action.uid, group, schema)),
        });
    in_scope.into_iter().any(|action| {
        action.principals.iter().any(|principal| {
            action.resources.iter().any(|resource| {
                let asked = TypeEnvironment {
                    schema,
                    principal,
                    action,
                    resource,
                    by_id,
                };
                truth(condition, &|part| asked.known(part)) != Some(false)
            })
        })
    })
}

fn is_in_action(action: &EntityUID, group: &EntityUID, schema: &Schema) -> bool {
    action == group
        || schema
            .actions()
            .get(action)
            .is_some_and(|action| action.is_descendant_of(group))
}

/// One of Cedar's request environments, by types, with the ids that it can have.
struct TypeEnvironment<'a> {
    schema: &'a Schema,
    principal: &'a EntityType,
    action: &'a ActionInfo,
    resource: &'a EntityType,
    by_id: bool,
}

impl TypeEnvironment<'_> {
    fn known(&self, expr: &Expr) -> Option<bool> {
        match expr.expr_kind() {
            ExprKind::Is { expr, entity_type } => Some(self.kind(variable(expr)?)? == entity_type),
            ExprKind::BinaryApp {
                op: BinaryOp::Eq,
                arg1,
                arg2,
            } => self.are_equal(arg1, arg2),
            ExprKind::BinaryApp {
                op: BinaryOp::In,
                arg1,
                arg2,
            } => any(members(arg2).iter().map(|group| self.is_in(arg1, group))),
            ExprKind::BinaryApp {
                op: BinaryOp::Contains,
                arg1,
                arg2,
            } => match arg1.expr_kind() {
                ExprKind::Set(items) => any(items.iter().map(|item| self.are_equal(item, arg2))),
                _ => self.never_holds(arg1, arg2),
            },
            ExprKind::BinaryApp {
                op: BinaryOp::ContainsAll,
                arg1,
                arg2,
            } => all(members(arg2)
                .iter()
                .map(|item| self.never_holds(arg1, item))),
            ExprKind::BinaryApp {
                op: BinaryOp::ContainsAny,
                arg1,
                arg2,
            } => {
                let holds_none = |(set, items): (&Expr, &Expr)| {
                    let mut items = members(items).iter();
                    items.all(|item| self.never_holds(set, item).is_some())
                };
                let mut sides = [(&**arg1, &**arg2), (&**arg2, &**arg1)].into_iter();
                sides.any(holds_none).then_some(false)
            }
            _ => None,
        }
    }

    fn kind(&self, var: Var) -> Option<&EntityType> {
        match var {
            Var::Principal => Some(self.principal),
            Var::Resource => Some(self.resource),
            Var::Action | Var::Context => None,
        }
    }

    fn are_equal(&self, one: &Expr, other: &Expr) -> Option<bool> {
        match (
            variable(one).zip(literal(other)),
            variable(other).zip(literal(one)),
        ) {
            (Some((var, uid)), _) | (None, Some((var, uid))) => self.is(var, uid),
            (None, None) => self
                .never_holds(one, other)
                .or_else(|| self.never_holds(other, one)),
        }
    }

    /// Returns `Some(false)` if a value, or a set of values, can neither be nor hold this entity:
    /// no stored or sent entity has an empty id.
    fn never_holds(&self, value: &Expr, item: &Expr) -> Option<bool> {
        let is_nobodys = |uid: &EntityUID| AsRef::<str>::as_ref(uid.eid()).is_empty();
        let mut known = Vec::new();
        literals(value, &mut known);
        (self.by_id && literal(item).is_some_and(is_nobodys) && known.is_empty()).then_some(false)
    }

    /// Decides whether a variable is this entity.
    fn is(&self, var: Var, uid: &EntityUID) -> Option<bool> {
        match var {
            Var::Action => Some(*self.action.uid == *uid),
            Var::Principal | Var::Resource if self.kind(var) != Some(uid.entity_type()) => {
                Some(false)
            }
            Var::Principal | Var::Resource if !self.by_id => None,
            Var::Principal | Var::Resource if flaw(uid).is_some() => Some(false),
            Var::Principal | Var::Context => None,
            Var::Resource => match &self.action.general {
                Some((_, id)) => Some(AsRef::<str>::as_ref(uid.eid()) == id),
                None => self
                    .schema
                    .vocabulary
                    .is_specialised(self.action, uid)
                    .then_some(false),
            },
        }
    }

    /// Decides whether a value is this entity or in it. Stored entities are not known here, except
    /// that nothing is in a group without an id.
    fn is_in(&self, value: &Expr, group: &Expr) -> Option<bool> {
        if let Some(never) = self.never_holds(value, group) {
            return Some(never);
        }
        let var = variable(value)?;
        let group = literal(group)?;
        if var == Var::Action {
            return Some(is_in_action(&self.action.uid, group, self.schema));
        }
        let kind = self.kind(var)?;
        let above = self.schema.validator.get_entity_type(group.entity_type());
        match (
            self.is(var, group),
            above.is_some_and(|above| above.has_descendant_entity_type(kind)),
        ) {
            (found, false) => found,
            (Some(true), true) => Some(true),
            (_, true) => None,
        }
    }
}

fn variable(expr: &Expr) -> Option<Var> {
    match expr.expr_kind() {
        ExprKind::Var(var) => Some(*var),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&EntityUID> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(uid),
        _ => None,
    }
}

fn members(expr: &Expr) -> &[Expr] {
    match expr.expr_kind() {
        ExprKind::Set(items) => items,
        _ => std::slice::from_ref(expr),
    }
}
