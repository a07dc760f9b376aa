//! Says what Cedar's validator finds in the words of the author, with a remedy for each finding.

use crate::model::{Problem, nearest};
use crate::policy::analysis::mentions::USERSET;
use crate::policy::schema::Schema;
use cedar_policy_core::ast::EntityUID;
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::ValidationError;
use cedar_policy_core::validator::types::{EntityKind, EntityLUB, Type};
use cedar_policy_core::validator::validation_errors::{
    AttributeAccess, EntityDerefViolationKind, UnsafeAttributeAccess,
};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// The most names that a message lists.
const MAX_NAMES: usize = 12;

/// Returns Cedar's problem with the remedy that it has here, if Cedar knows none, or speaks of what
/// the author did not write.
pub(super) fn with_remedy(error: &ValidationError, problem: Problem, schema: &Schema) -> Problem {
    match error {
        ValidationError::InternalInvariantViolation(found) => Problem {
            message: format!(
                "for policy `{}`, the type of this expression cannot be told",
                found.policy_id
            ),
            ..problem.help(
                "read attributes, tags and groups of a variable or of an entity \
                 that an attribute holds",
            )
        },
        ValidationError::EntityDerefLevelViolation(found) => {
            too_far(&found.violation_kind, problem, schema)
        }
        ValidationError::UnrecognizedEntityType(found)
            if nearest(&found.actual_entity_type, [USERSET]).is_some() =>
        {
            let has_relations = !schema.relations.relations.is_empty();
            problem.help(if has_relations {
                "did you mean `Userset`? \
                 A relation is asked for as `X in Userset::\"type:id#relation\"`"
            } else {
                "there are usersets only where the bundle has a relation \
                 model: add a `.fga` file"
            })
        }
        ValidationError::UnexpectedType(found) if is_userset(&found.actual) => {
            let text = found.source_loc.as_ref().and_then(Loc::snippet);
            relation_as_value(text.unwrap_or("resource.viewer"), &found.policy_id, problem)
        }
        ValidationError::UnexpectedType(found) if found.actual.to_string() == "decimal" => problem
            .help(
                "a decimal is compared by its own functions: \
                 `x.greaterThan(decimal(\"1.0\"))`, `greaterThanOrEqual`, \
                 `lessThan`, `lessThanOrEqual`",
            ),
        ValidationError::IncompatibleTypes(found) if found.types.iter().any(is_userset) => {
            let text = found.source_loc.as_ref().and_then(Loc::snippet);
            relation_as_value(text.unwrap_or("resource.viewer"), &found.policy_id, problem)
        }
        ValidationError::UnsafeAttributeAccess(found) => unknown_attribute(found, problem, schema),
        ValidationError::UnsafeOptionalAttributeAccess(found) => {
            let text = found.source_loc.as_ref().and_then(Loc::snippet);
            match text.and_then(|text| presence(text, &found.attribute_access)) {
                Some(test) => problem.help(format!(
                    "it may be missing: write `{test} && …` before it, in the same condition"
                )),
                None => problem,
            }
        }
        ValidationError::EmptySetForbidden(_) => {
            problem.help("nothing is in an empty set: name what is meant, or remove the comparison")
        }
        _ => problem,
    }
}

/// Returns the length of the path that may be missing, so that of several findings at one place the
/// one is told whose remedy covers the others.
pub(super) fn optional_depth(error: &ValidationError) -> usize {
    match error {
        ValidationError::UnsafeOptionalAttributeAccess(found) => {
            names_of(&found.attribute_access).len()
        }
        _ => 0,
    }
}

fn too_far(kind: &EntityDerefViolationKind, problem: Problem, schema: &Schema) -> Problem {
    match kind {
        EntityDerefViolationKind::LiteralDerefTarget => problem.help(
            "an entity that a policy names is looked into only where it is the principal, \
             the action or the resource: `principal == user::\"root\" && principal in \
             team::\"ops\"`; or store what is asked of it in an attribute of one of these",
        ),
        EntityDerefViolationKind::MaximumLevelExceeded { .. } => problem.help(format!(
            "this looks through more than {} entities: write `level = {}` in \
             `policies/bundle.toml` (at most {}), or store what is asked for nearer by",
            schema.level,
            schema.level + 1,
            crate::policy::MAX_LEVEL,
        )),
    }
}

fn is_userset(ty: &Type) -> bool {
    match ty {
        Type::Entity(EntityKind::Entity(lub)) => lub
            .get_single_entity()
            .is_some_and(|kind| kind.to_string() == USERSET),
        _ => false,
    }
}

fn relation_as_value(text: &str, policy: &impl std::fmt::Display, problem: Problem) -> Problem {
    Problem {
        message: format!("for policy `{policy}`, a relation is no value: `{text}`"),
        ..problem.help(
            "ask who is in it, as in `principal in resource.viewer`; it is true or false whether \
             somebody is",
        )
    }
}

/// The names of an access, in the order in which they are written.
fn names_of(access: &AttributeAccess) -> Vec<&SmolStr> {
    let (AttributeAccess::EntityLUB(_, names)
    | AttributeAccess::Context(_, names)
    | AttributeAccess::Other(names)) = access;
    names.iter().rev().collect()
}

/// Returns the test for an optional attribute, as it is written: `context has arguments.ticket` for
/// `context.arguments.ticket`.
fn presence(text: &str, access: &AttributeAccess) -> Option<String> {
    let names = names_of(access);
    let path: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let is_name = |name: &&str| {
        let mut chars = name.chars();
        let first = chars.next();
        first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !path.iter().all(is_name) {
        return None;
    }
    let path = path.join(".");
    let written: String = text.split_whitespace().collect();
    let after = |end: usize| written.get(end..).unwrap_or_default();
    let ends_here = |end: usize| !after(end).starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let dotted = format!(".{path}");
    let mut places = written.match_indices(&dotted).map(|(at, _)| at);
    let at = places.find(|at| ends_here(at + dotted.len()))?;
    let base = written.get(..at).filter(|base| !base.is_empty())?;
    Some(format!("{base} has {path}"))
}

/// Says of an attribute that is not declared what is there: attributes, and relations if the type
/// has any.
fn unknown_attribute(found: &UnsafeAttributeAccess, problem: Problem, schema: &Schema) -> Problem {
    let names = names_of(&found.attribute_access);
    let [name] = names.as_slice() else {
        return problem;
    };
    match &found.attribute_access {
        AttributeAccess::EntityLUB(lub, _) => match single(lub) {
            Some(kind) => of_entity(found, &kind, name, problem, schema),
            None => problem,
        },
        AttributeAccess::Context(action, _) => of_context(action, name, problem, schema),
        AttributeAccess::Other(_) => problem,
    }
}

fn single(lub: &EntityLUB) -> Option<SmolStr> {
    lub.get_single_entity().map(|kind| kind.to_string().into())
}

fn of_entity(
    found: &UnsafeAttributeAccess,
    kind: &SmolStr,
    name: &str,
    mut problem: Problem,
    schema: &Schema,
) -> Problem {
    let relations = schema.relations.relations.get(kind);
    let relations: BTreeSet<&str> = relations.into_iter().flatten().map(AsRef::as_ref).collect();
    let declared = schema.vocabulary.entity_type(kind);
    let attributes: BTreeSet<&str> = declared
        .into_iter()
        .flat_map(|info| info.attributes().map(|(name, _)| name.as_str()))
        .filter(|name| !relations.contains(name))
        .collect();
    // What stands behind `in` is meant to be a relation.
    let is_relation = found.source_loc.as_ref().is_some_and(follows_in);
    if is_relation && !schema.relations.relations.is_empty() {
        problem.message = format!(
            "for policy `{}`, type `{kind}` has no relation `{name}`",
            found.policy_id
        );
        return problem.help(match nearest(name, relations.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if relations.is_empty() => {
                format!("define `{name}` at `type {kind}` in the relation model")
            }
            None => format!("its relations are {}", list(&relations)),
        });
    }
    let all = attributes.iter().chain(&relations).copied();
    problem.help(match nearest(name, all) {
        Some(near) => format!("did you mean `{near}`?"),
        None if attributes.is_empty() => {
            format!("`{kind}` has no attributes: declare `{name}` in the schema")
        }
        None => format!(
            "the attributes of `{kind}` are {}: name one of them, or declare `{name}`",
            list(&attributes)
        ),
    })
}

fn of_context(action: &EntityUID, name: &str, problem: Problem, schema: &Schema) -> Problem {
    let mut actions = schema.vocabulary.evaluated();
    let Some(declared) = actions.find(|known| *known.uid == *action) else {
        return problem;
    };
    let members: BTreeSet<&str> = declared.context.keys().map(AsRef::as_ref).collect();
    problem.help(match nearest(name, members.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "the context has {}: name one of them, or declare `{name}`",
            list(&members)
        ),
    })
}

/// Returns `true` if the word before an expression is `in`.
fn follows_in(loc: &Loc) -> bool {
    let before = loc.src.get(..loc.start()).unwrap_or_default();
    before.split_whitespace().next_back() == Some("in")
        && before.ends_with(|c: char| c.is_whitespace())
}

fn list(names: &BTreeSet<&str>) -> String {
    let mut shown: Vec<String> = names
        .iter()
        .take(MAX_NAMES)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() > MAX_NAMES {
        shown.push("others".to_owned());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_for_an_attribute_is_written_as_the_access_is() {
        let of = |text: &str, names: &[&str]| {
            let names = names.iter().rev().map(SmolStr::new).collect();
            presence(text, &AttributeAccess::Other(names))
        };
        for (text, names, test) in [
            (
                "context.arguments.ticket",
                &["arguments", "ticket"][..],
                Some("context has arguments.ticket"),
            ),
            (
                "context.arguments.ticket",
                &["arguments"],
                Some("context has arguments"),
            ),
            (
                "resource\n  .owner.manager",
                &["owner"],
                Some("resource has owner"),
            ),
            (
                "resource.owners.owner",
                &["owner"],
                Some("resource.owners has owner"),
            ),
            ("context[\"a b\"]", &["a b"], None),
            ("owner", &["owner"], None),
        ] {
            assert_eq!(of(text, names).as_deref(), test, "{text}");
        }
    }
}
