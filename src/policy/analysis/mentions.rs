//! Finds the relations that policies mention: `principal in resource.viewer`,
//! `principal in Userset::"team:sre#member"`.
//!
//! **Problem.** The relation engine decides who is in a relation, at one revision. Cedar knows only
//! parents, so an expression that names a relation in any other way would silently be false: a rule
//! that looks right would not be applied.
//! **Decision.** Two forms are recognised at load, by their types. The relations that they name are
//! looked up before a leg is evaluated, and each relation that holds makes the userset a parent of
//! the user. Every other expression of type `Userset` is refused.
//! **Trade-off.** A relation is looked up even if an earlier conjunct makes it unnecessary.

mod never_held;
mod unknown_userset;

pub(in crate::policy) use never_held::is_never_held;

use crate::model::{
    EntityRef, ObjectRef, Place, Problem, TupleTextError, TupleUser, check_relation,
};
use crate::policy::analysis::syntax::{PathRoot, access_path, children};
use crate::policy::idle::truth;
use crate::policy::load::source::{SourceFile, place_in};
use crate::policy::port::RelationTypes;
use crate::policy::schema::{Provenance, Schema, Vocabulary};
use cedar_policy_core::ast::{
    BinaryOp, EntityUID, Expr, ExprKind, Literal, Policy, PrincipalOrResourceConstraint,
};
use cedar_policy_core::validator::ValidationMode;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::{BoolType, EntityKind, Type};
use smol_str::{SmolStr, SmolStrBuilder};
use std::collections::BTreeSet;

/// The entity type of relations in the schema.
pub(in crate::policy) const USERSET: &str = "Userset";

/// The forms in which a policy mentions a relation.
const FORMS: &str = "say `X in Y.relation` or `X in Userset::\"type:id#relation\"`; X and Y are \
                     the principal, the resource, or an entity in the context or the facts; Y may \
                     also be a `@stored` attribute of one of these";

/// A relation that a policy mentions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Mention {
    /// The user: a path to an entity.
    pub(in crate::policy) user: (PathRoot, Vec<SmolStr>),
    /// The object.
    pub(in crate::policy) object: ObjectTerm,
    pub(in crate::policy) relation: SmolStr,
}

/// The object of a mentioned relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) enum ObjectTerm {
    Path(PathRoot, Vec<SmolStr>),
    Literal(EntityRef),
}

/// The relations that a policy mentions.
pub(in crate::policy) struct Mentions {
    pub(in crate::policy) found: BTreeSet<Mention>,
    /// Whether the policy can never apply, because a relation that it needs has no members of the
    /// types in its scope.
    pub(in crate::policy) is_idle: bool,
}

/// Returns the relations that a policy mentions, or the problems of the expressions that do.
pub(in crate::policy) fn mentions(
    file: &SourceFile,
    policy: &Policy,
    schema: &Schema,
) -> Result<Mentions, Vec<Problem>> {
    let (vocabulary, types) = (&schema.vocabulary, &schema.relations);
    let mut reader = MentionReader {
        file,
        vocabulary,
        types,
        found: BTreeSet::new(),
        problems: Vec::new(),
    };
    for constraint in [
        policy.principal_constraint().into_inner(),
        policy.resource_constraint().into_inner(),
    ] {
        reader.scope(&constraint, place_in(policy.loc(), file));
    }
    if let Some(condition) = policy.non_scope_constraints() {
        reader.literals(condition);
    }
    let checker = Typechecker::new(&schema.validator, ValidationMode::Strict);
    // INVARIANT: a policy is idle only if none of its environments can satisfy it. Each is judged
    // alone: what Cedar calls irrelevant can never hold, and says nothing about the others.
    let mut is_relevant = false;
    let mut is_possible = false;
    for (_, check) in checker.typecheck_by_request_env(policy.template()) {
        match check {
            PolicyCheck::Success(typed) => {
                reader.walk(&typed);
                is_relevant = true;
                is_possible |= truth(&typed, &|part| reader.known(part)) != Some(false);
            }
            // A condition that can never hold is evaluated up to the conjunct that is false.
            PolicyCheck::Irrelevant(_, typed) => reader.walk(&typed),
            PolicyCheck::Fail(_) => is_possible = true,
        }
    }
    let is_idle = is_relevant && !is_possible;
    if reader.problems.is_empty() {
        Ok(Mentions {
            found: reader.found,
            is_idle,
        })
    } else {
        Err(reader.problems)
    }
}

struct MentionReader<'a> {
    file: &'a SourceFile,
    vocabulary: &'a Vocabulary,
    types: &'a RelationTypes,
    found: BTreeSet<Mention>,
    problems: Vec<Problem>,
}

/// An expression with the types that Cedar's checker found.
pub(in crate::policy) type TypedExpr = Expr<Option<Type>>;

impl MentionReader<'_> {
    fn scope(&mut self, constraint: &PrincipalOrResourceConstraint, place: Option<Place>) {
        let Some(uid) = constraint.get_euid() else {
            return;
        };
        if uid.entity_type().to_string() == USERSET {
            self.problem(
                place,
                format!("`{uid}` stands in a scope"),
                "ask in the condition: `when { principal in Userset::\"…\" }`",
            );
        } else if !matches!(constraint, PrincipalOrResourceConstraint::Eq(_)) {
            self.relation_type(uid, place);
        }
    }

    /// Refuses `in team::"sre"` if `team` has its members by relation: it would always be false.
    fn literals(&mut self, expr: &Expr) {
        if let ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg2,
            ..
        } = expr.expr_kind()
        {
            let items = match arg2.expr_kind() {
                ExprKind::Set(items) => items.iter().collect(),
                _ => vec![arg2.as_ref()],
            };
            for item in items {
                if let ExprKind::Lit(Literal::EntityUID(uid)) = item.expr_kind() {
                    self.relation_type(uid, place_in(item.source_loc(), self.file));
                }
            }
        }
        children(expr)
            .into_iter()
            .for_each(|child| self.literals(child));
    }

    fn relation_type(&mut self, uid: &EntityUID, place: Option<Place>) {
        let kind = uid.entity_type().to_string();
        let Some(relation) = self.relation_of(&kind) else {
            return;
        };
        let object = EntityRef::new(kind, AsRef::<str>::as_ref(uid.eid()));
        let userset =
            userset_id(&object, &relation).unwrap_or_else(|| format!("{object}#{relation}").into());
        self.problem(
            place,
            format!("nobody is `in {uid}`: the relation model says who belongs to it"),
            &format!("say `in Userset::\"{userset}\"`"),
        );
    }

    fn walk(&mut self, expr: &TypedExpr) {
        if let ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg1,
            arg2,
        } = expr.expr_kind()
            && is_userset(arg2)
        {
            match (user(arg1), self.object(arg2)) {
                (Some(user), Some((object, relation))) => drop(self.found.insert(Mention {
                    user,
                    object,
                    relation,
                })),
                (None, _) => self.refuse(arg1),
                (_, None) => match self.unknown_userset(arg2) {
                    Some((message, help)) => self.refuse_as(arg2, message, &help),
                    None => self.refuse(arg2),
                },
            }
            return;
        }
        if let ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg2,
            ..
        } = expr.expr_kind()
        {
            self.groups(arg2);
        }
        if is_userset(expr) || self.tests_for_relation(expr) {
            return self.refuse(expr);
        }
        children(expr)
            .into_iter()
            .for_each(|child| self.walk(child));
    }

    /// Returns what is known of a part of a condition before any request: by its type, or because
    /// the type of its user is never in the relation.
    fn known(&self, expr: &TypedExpr) -> Option<bool> {
        if let Some(Type::Bool(kind)) = expr.data() {
            match kind {
                BoolType::True => return Some(true),
                BoolType::False => return Some(false),
                BoolType::AnyBool => {}
            }
        }
        is_never_held(expr, self.types).then_some(false)
    }

    /// Checks the groups to the right of `in`; one that is not a literal is known by its type.
    fn groups(&mut self, expr: &TypedExpr) {
        match expr.expr_kind() {
            ExprKind::Lit(_) => {}
            ExprKind::Set(items) => items.iter().for_each(|item| self.groups(item)),
            _ => {
                let Some(kind) = expr.data().as_ref().and_then(group_type) else {
                    return;
                };
                let Some(relation) = self.relation_of(&kind) else {
                    return;
                };
                let place = place_in(expr.source_loc(), self.file);
                if self.problems.iter().any(|known| known.place == place) {
                    return;
                }
                let snippet = expr.source_loc().and_then(|loc| loc.snippet());
                let text = snippet.unwrap_or("Y");
                let message = format!(
                    "nobody is `in` a `{kind}` such as `{text}`: \
                     the relation model says who belongs to it"
                );
                let help = format!(
                    "ask for the relation, as in `X in Y.{relation}`, where Y is the principal, \
                     the resource, an entity in the context or the facts, \
                     or a `@stored` attribute of one of these"
                );
                self.problem(place, message, &help);
            }
        }
    }

    /// Returns the relation that gives a type its members, if the relation model defines one.
    fn relation_of(&self, kind: &str) -> Option<SmolStr> {
        let relations = self.types.relations.get(kind)?;
        relations
            .get("member")
            .or_else(|| relations.first())
            .cloned()
    }

    /// Returns `true` for `Y has relation`: for the type checker it always holds, but at an
    /// evaluation it holds only if the relation was looked up.
    fn tests_for_relation(&self, expr: &TypedExpr) -> bool {
        let (base, names): (_, Vec<&SmolStr>) = match expr.expr_kind() {
            ExprKind::HasAttr { expr, attr } => (expr, vec![attr]),
            ExprKind::ExtHasAttr { expr, attrs } => (expr, attrs.iter().collect()),
            _ => return false,
        };
        let mut at = base.data().as_ref();
        for name in names {
            at = match at {
                Some(Type::Entity(EntityKind::Entity(lub))) => {
                    let Some(kind) = lub.get_single_entity().map(ToString::to_string) else {
                        return false;
                    };
                    if self
                        .types
                        .relations
                        .get(kind.as_str())
                        .is_some_and(|relations| relations.contains(name))
                    {
                        return true;
                    }
                    let attributes = self
                        .vocabulary
                        .entity_type(&kind)
                        .map(|kind| &kind.attributes);
                    attributes
                        .and_then(|all| all.get(name))
                        .map(|attribute| attribute.ty.as_ref())
                }
                Some(Type::Record { attrs, .. }) => attrs
                    .get_attr(name)
                    .map(|attribute| attribute.attr_type.as_ref()),
                _ => None,
            };
        }
        false
    }

    /// Reads the object in `Y.relation`, where Y is a path like a user's or one stored entity
    /// attribute longer, or in a literal.
    fn object(&self, expr: &TypedExpr) -> Option<(ObjectTerm, SmolStr)> {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                let (object, relation) = parse_userset_id(uid.eid().as_ref())?;
                let known = self.types.relations.get(&object.kind)?.contains(&relation);
                (known && is_short(&object).is_ok())
                    .then_some((ObjectTerm::Literal(object), relation))
            }
            ExprKind::GetAttr { expr, attr } => {
                let kind = entity_type(expr)?;
                let (root, path) = access_path(expr)?;
                let known = self.types.relations.get(kind.as_str())?.contains(attr);
                let reachable = match looks_through(expr) {
                    0 => true,
                    1 => self.is_stored(expr),
                    _ => false,
                };
                (known && reachable).then(|| (ObjectTerm::Path(root, path), attr.clone()))
            }
            _ => None,
        }
    }

    /// Returns `true` if a path ends in an attribute for which only stored values count.
    fn is_stored(&self, expr: &TypedExpr) -> bool {
        let ExprKind::GetAttr { expr: base, attr } = expr.expr_kind() else {
            return false;
        };
        entity_type(base)
            .and_then(|kind| self.vocabulary.entity_type(&kind))
            .and_then(|kind| kind.attributes.get(attr))
            .is_some_and(|attribute| attribute.provenance == Provenance::Stored)
    }

    fn refuse(&mut self, expr: &TypedExpr) {
        let written = expr.source_loc().and_then(|loc| loc.snippet());
        let is_relation = is_userset(expr) && self.object(expr).is_some();
        let help = match written.filter(|_| is_relation) {
            Some(text) => format!(
                "say `X in {text}`; X is the principal, the resource, or an entity in the context \
                 or the facts"
            ),
            None => FORMS.to_owned(),
        };
        self.refuse_as(
            expr,
            "this use of a relation cannot be resolved, and would silently be false".to_owned(),
            &help,
        );
    }

    fn refuse_as(&mut self, expr: &TypedExpr, message: String, help: &str) {
        let place = place_in(expr.source_loc(), self.file);
        if self.problems.iter().any(|known| known.place == place) {
            return;
        }
        self.problem(place, message, help);
    }

    fn problem(&mut self, place: Option<Place>, message: String, help: &str) {
        self.problems.push(Problem {
            place,
            also: None,
            message,
            help: Some(help.to_owned()),
        });
    }
}

/// Reads a user: the principal, the resource, or an entity-typed member of facts or context.
fn user(expr: &TypedExpr) -> Option<(PathRoot, Vec<SmolStr>)> {
    let path = access_path(expr)?;
    (looks_through(expr) == 0 && entity_type(expr).is_some()).then_some(path)
}

/// Returns the id that a userset has as an entity, `type:id#relation`; `None` if the id is too long
/// for a tuple.
pub(in crate::policy) fn userset_id(object: &EntityRef, relation: &str) -> Option<SmolStr> {
    let object = ObjectRef::of_entity(object).ok()?;
    check_relation(relation).ok()?;
    let mut text = SmolStrBuilder::new();
    for part in [object.kind(), ":", object.id(), "#", relation] {
        text.push_str(part);
    }
    Some(text.finish())
}

/// Refuses an object that no tuple can name, as a look-up does.
fn is_short(object: &EntityRef) -> Result<(), TupleTextError> {
    ObjectRef::of_entity(object)?.as_object()
}

/// Parses the id of a userset; returns `None` for any spelling but the canonical one.
fn parse_userset_id(text: &str) -> Option<(EntityRef, SmolStr)> {
    match text.parse().ok()? {
        TupleUser::Userset { object, relation } => Some((object.to_entity()?, relation)),
        TupleUser::Object(_) | TupleUser::Wildcard(_) => None,
    }
}

fn is_userset(expr: &TypedExpr) -> bool {
    fn names(ty: &Type) -> bool {
        match ty {
            Type::Entity(EntityKind::Entity(lub)) => lub
                .get_single_entity()
                .is_some_and(|kind| kind.to_string() == USERSET),
            Type::Set {
                element_type: Some(element),
            } => names(element),
            _ => false,
        }
    }
    expr.data().as_ref().is_some_and(names)
}

/// Returns the type of an entity, or of the entities in a set.
fn group_type(ty: &Type) -> Option<String> {
    match ty {
        Type::Entity(EntityKind::Entity(lub)) => lub.get_single_entity().map(ToString::to_string),
        Type::Set {
            element_type: Some(element),
        } => group_type(element),
        _ => None,
    }
}

pub(in crate::policy) fn entity_type(expr: &TypedExpr) -> Option<String> {
    match expr.data() {
        Some(Type::Entity(EntityKind::Entity(lub))) => {
            lub.get_single_entity().map(ToString::to_string)
        }
        _ => None,
    }
}

/// Returns how many entities an access path looks into.
fn looks_through(expr: &TypedExpr) -> usize {
    match expr.expr_kind() {
        ExprKind::GetAttr { expr, .. } => {
            usize::from(entity_type(expr).is_some()) + looks_through(expr)
        }
        _ => 0,
    }
}
