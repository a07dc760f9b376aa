//! Adds relations to the schema: an attribute of type `Userset` for each relation, and membership
//! for the types that can be in one.
//!
//! INVARIANT: a type that can be a member of `Userset` is no ancestor of any type. Cedar's `in` is
//! transitive, so the entities below it would be in every userset that it is in.

use super::merge::{MergedSchema, qualified};
use crate::model::{Problem, Problems};
use crate::policy::analysis::mentions::USERSET;
use crate::policy::load::source::{SourceFile, place_of};
use crate::policy::port::RelationTypes;
use cedar_policy_core::est::Annotations;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::{
    EntityTypeKind, Fragment, Type, TypeOfAttribute, TypeVariant,
};
use smol_str::SmolStr;
use std::collections::btree_map::Entry;

/// Adds the relations to a merged schema.
pub(super) fn add(
    merged: &mut MergedSchema,
    types: &RelationTypes,
    files: &[SourceFile],
) -> Result<(), Problems> {
    if types.relations.is_empty() {
        return Ok(());
    }
    let userset = RawName::parse_unqualified_name(USERSET)
        .map_err(|error| Problem::new(format!("`{USERSET}` is no name to Cedar: {error}")))?;
    let mut problems = ancestors(merged, types, files);
    for (namespace, definition) in &mut merged.fragment.0 {
        for (id, ty) in &mut definition.entity_types {
            let name = SmolStr::from(qualified(namespace.as_ref(), id));
            let place = place_of(ty.loc.as_ref(), files);
            let EntityTypeKind::Standard(standard) = &mut ty.kind else {
                continue;
            };
            if types.members.contains(&name) {
                standard.member_of_types.push(userset.clone());
            }
            let (
                Type::Type {
                    ty: TypeVariant::Record(record),
                    ..
                },
                Some(relations),
            ) = (&mut standard.shape.0, types.relations.get(&name))
            else {
                continue;
            };
            for relation in relations {
                if record.attributes.contains_key(relation) {
                    problems.push(Problem {
                        place: place.clone(),
                        ..attribute_and_relation(&name, relation)
                    });
                    continue;
                }
                let ty = Type::Type {
                    ty: TypeVariant::Entity {
                        name: userset.clone(),
                    },
                    loc: None,
                };
                let attribute = TypeOfAttribute {
                    ty,
                    annotations: Annotations::new(),
                    required: true,
                };
                record.attributes.insert(relation.clone(), attribute);
            }
        }
    }
    Problems(problems).into_result()?;
    declare(merged)
}

/// Declares the entity type `Userset`.
fn declare(merged: &mut MergedSchema) -> Result<(), Problems> {
    let text = format!("entity {USERSET};");
    let (declared, _) =
        Fragment::<RawName>::from_cedarschema_str(&text, Extensions::all_available())
            .map_err(|error| Problem::new(format!("`{USERSET}` cannot be declared: {error}")))?;
    for (namespace, definition) in declared.0 {
        match merged.fragment.0.entry(namespace) {
            Entry::Vacant(free) => drop(free.insert(definition)),
            Entry::Occupied(mut taken) => {
                taken.get_mut().entity_types.extend(definition.entity_types);
            }
        }
    }
    Ok(())
}

fn attribute_and_relation(kind: &str, relation: &str) -> Problem {
    let message = format!(
        "`{kind}` has an attribute `{relation}`, and the relation model a relation `{relation}`"
    );
    Problem::new(message).help("rename one of the two")
}

fn ancestors(merged: &MergedSchema, types: &RelationTypes, files: &[SourceFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (namespace, definition) in &merged.fragment.0 {
        for (id, ty) in &definition.entity_types {
            let EntityTypeKind::Standard(standard) = &ty.kind else {
                continue;
            };
            for parent in &standard.member_of_types {
                // A name without a namespace may mean either type, so both are checked.
                let names = [parent.to_string(), qualified(namespace.as_ref(), parent)];
                if names
                    .iter()
                    .any(|name| types.members.contains(name.as_str()))
                {
                    problems.push(ancestor(
                        &qualified(namespace.as_ref(), id),
                        parent,
                        ty.loc.as_ref(),
                        files,
                    ));
                }
            }
        }
    }
    problems
}

fn ancestor(child: &str, parent: &RawName, loc: Option<&Loc>, files: &[SourceFile]) -> Problem {
    let message = format!(
        "`{child}` is declared in `{parent}`, and `{parent}` can be in a relation: \
         whoever is in it would be, too"
    );
    let mut problem = Problem::new(message).help(format!(
        "make the membership of `{child}` in `{parent}` a relation"
    ));
    problem.place = place_of(loc, files);
    problem
}
