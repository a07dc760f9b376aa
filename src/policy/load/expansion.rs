//! Computes how large a schema becomes when common types are expanded wherever they are named.
//!
//! **Problem.** `type t1 = { a: t0, b: t0 }; type t2 = { a: t1, b: t1 }; …` doubles with every
//! line, and `type t1 = Set<t0>; …` nests deeper with every line; counting brackets shows neither.
//! Cedar expands all of them.
//! **Decision.** Depth and size of each common type follow from those of the types that it names.
//! Both are computed without expanding anything, and are bounded.

use crate::model::{Problem, Problems};
use crate::policy::load::source::{SourceFile, place_of};
use cedar_policy_core::ast::UnreservedId;
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::{EntityTypeKind, Fragment, Type, TypeVariant};
use std::collections::HashMap;

/// The deepest nesting of an expanded type.
const MAX_DEPTH: usize = 64;

/// The most types in an expanded schema: ten thousand tools with two hundred arguments each.
const MAX_TYPES: usize = 2_000_000;

/// The size of a type when expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TypeExtent {
    depth: usize,
    types: usize,
}

/// The size of a type that names no other.
const PLAIN: TypeExtent = TypeExtent { depth: 1, types: 1 };

/// Refuses a schema that becomes too deep or too large. Types that name one another in a cycle are
/// not computed: Cedar reports them before it expands anything.
pub(in crate::policy) fn check(
    fragment: &Fragment<RawName>,
    files: &[SourceFile],
) -> Result<(), Problems> {
    let mut types: Vec<(String, CommonType<'_>)> = Vec::new();
    for (namespace, definition) in &fragment.0 {
        for (id, common) in &definition.common_types {
            let namespace = namespace.as_ref().map(ToString::to_string);
            let name = qualified(namespace.as_deref(), AsRef::<UnreservedId>::as_ref(id));
            types.push((
                name,
                CommonType {
                    namespace,
                    ty: &common.ty,
                    loc: common.loc.as_ref(),
                },
            ));
        }
    }
    let mut known: HashMap<&str, TypeExtent> = HashMap::new();
    // A type that names no other is known after one round, and a type that names only such types
    // after two.
    for _ in 0..=MAX_DEPTH {
        let before = known.clone();
        for (name, common) in &types {
            known.insert(
                name,
                extent(common.ty, common.namespace.as_deref(), &before),
            );
        }
        if known == before {
            return total(fragment, &known);
        }
    }
    let too_deep = types.iter().find(|(name, _)| {
        known
            .get(name.as_str())
            .is_some_and(|it| it.depth > MAX_DEPTH)
    });
    let Some((name, common)) = too_deep.filter(|(name, _)| !is_in_circle(name, &types)) else {
        return Ok(());
    };
    let problem = Problem::new(format!(
        "the common type `{name}` nests more than {MAX_DEPTH} deep when written out"
    ))
    .help("name fewer common types within one another");
    Err(Problem {
        place: place_of(common.loc, files),
        ..problem
    }
    .into())
}

struct CommonType<'a> {
    namespace: Option<String>,
    ty: &'a Type<RawName>,
    loc: Option<&'a Loc>,
}

/// Checks the size of all declarations together.
fn total(fragment: &Fragment<RawName>, known: &HashMap<&str, TypeExtent>) -> Result<(), Problems> {
    let mut types = 0_usize;
    for (namespace, definition) in &fragment.0 {
        let namespace = namespace.as_ref().map(ToString::to_string);
        let shapes = definition
            .entity_types
            .values()
            .filter_map(|kind| match &kind.kind {
                EntityTypeKind::Standard(standard) => Some(&standard.shape.0),
                EntityTypeKind::Enum { .. } => None,
            });
        let contexts = definition
            .actions
            .values()
            .filter_map(|action| action.applies_to.as_ref());
        let commons = definition.common_types.values().map(|common| &common.ty);
        for ty in shapes
            .chain(contexts.map(|spec| &spec.context.0))
            .chain(commons)
        {
            types = types.saturating_add(extent(ty, namespace.as_deref(), known).types);
        }
    }
    if types <= MAX_TYPES {
        return Ok(());
    }
    let message =
        format!("the schema has more than {MAX_TYPES} types when its common types are written out");
    Err(Problem::new(message)
        .help("name fewer common types within one another")
        .into())
}

/// Returns the size of a type, given the known sizes of common types.
fn extent(
    ty: &Type<RawName>,
    namespace: Option<&str>,
    known: &HashMap<&str, TypeExtent>,
) -> TypeExtent {
    let mut found = PLAIN;
    let mut open = vec![(ty, 1)];
    while let Some((next, depth)) = open.pop() {
        let here = match named(next) {
            Some(name) => candidates(name, namespace)
                .iter()
                .filter_map(|name| known.get(name.as_str()))
                .fold(PLAIN, |most, one| TypeExtent {
                    depth: most.depth.max(one.depth),
                    types: most.types.max(one.types),
                }),
            None => PLAIN,
        };
        found.depth = found.depth.max(depth + here.depth - 1);
        found.types = found.types.saturating_add(here.types);
        open.extend(parts(next).map(|part| (part, depth + 1)));
    }
    found
}

fn parts(ty: &Type<RawName>) -> Box<dyn Iterator<Item = &Type<RawName>> + '_> {
    match ty {
        Type::Type {
            ty: TypeVariant::Set { element },
            ..
        } => Box::new(std::iter::once(element.as_ref())),
        Type::Type {
            ty: TypeVariant::Record(record),
            ..
        } => Box::new(record.attributes.values().map(|member| &member.ty)),
        Type::Type { .. } | Type::CommonTypeRef { .. } => Box::new(std::iter::empty()),
    }
}

fn named(ty: &Type<RawName>) -> Option<&RawName> {
    match ty {
        Type::Type {
            ty: TypeVariant::EntityOrCommon { type_name },
            ..
        }
        | Type::CommonTypeRef { type_name, .. } => Some(type_name),
        Type::Type { .. } => None,
    }
}

/// Returns what a name can mean: qualified by the namespace that it is in, and unqualified.
fn candidates(name: &RawName, namespace: Option<&str>) -> [String; 2] {
    [name.to_string(), qualified(namespace, name)]
}

fn qualified(namespace: Option<&str>, name: &impl std::fmt::Display) -> String {
    namespace.map_or_else(
        || name.to_string(),
        |namespace| format!("{namespace}::{name}"),
    )
}

/// Returns `true` if a type names itself, directly or through others.
fn is_in_circle(name: &str, types: &[(String, CommonType<'_>)]) -> bool {
    let by_name: HashMap<&str, &CommonType<'_>> = types
        .iter()
        .map(|(name, common)| (name.as_str(), common))
        .collect();
    let mut seen: HashMap<String, bool> = HashMap::new();
    let mut open = vec![(name.to_owned(), false)];
    while let Some((next, is_done)) = open.pop() {
        if is_done {
            seen.insert(next, true);
            continue;
        }
        match seen.get(&next) {
            Some(true) => continue,
            Some(false) => return true,
            None => {}
        }
        let Some(common) = by_name.get(next.as_str()) else {
            continue;
        };
        seen.insert(next.clone(), false);
        open.push((next, true));
        let mut inside = vec![common.ty];
        while let Some(ty) = inside.pop() {
            let names = named(ty)
                .into_iter()
                .flat_map(|name| candidates(name, common.namespace.as_deref()));
            open.extend(names.map(|name| (name, false)));
            inside.extend(parts(ty));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy_core::extensions::Extensions;

    fn checked(text: &str) -> Result<(), Problems> {
        let files = [SourceFile::new("s.cedarschema", text)];
        let (fragment, _) =
            Fragment::from_cedarschema_str(text, Extensions::all_available()).unwrap();
        check(&fragment, &files)
    }

    fn chain(levels: usize, next: impl Fn(usize) -> String) -> String {
        let lines: String = (1..=levels)
            .map(|at| format!("type t{at} = {};\n", next(at - 1)))
            .collect();
        format!("type t0 = Long;\n{lines}")
    }

    #[test]
    fn what_common_types_become_is_bounded_in_depth_and_size() {
        let sets = |levels| chain(levels, |at| format!("Set<t{at}>"));
        assert_eq!(checked(&sets(63)), Ok(()));
        let refused = checked(&sets(64)).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("`t64` nests more than 64 deep"),
            "{refused}"
        );
        assert!(refused.0[0].place.is_some());
        assert!(checked(&sets(2_000)).is_err());
        let pairs = |levels| chain(levels, |at| format!("{{ a: t{at}, b: t{at} }}"));
        assert_eq!(checked(&pairs(16)), Ok(()));
        assert!(
            checked(&pairs(30))
                .unwrap_err()
                .to_string()
                .contains("types when its common types are written out")
        );
        assert!(checked(&pairs(63)).is_err());
    }

    #[test]
    fn names_are_looked_for_in_their_namespace_and_circles_are_left_to_cedar() {
        let inner = chain(70, |at| format!("Set<t{at}>"));
        assert!(checked(&format!("namespace A {{ {inner} }}")).is_err());
        assert_eq!(
            checked("type a = Set<b>; type b = Set<a>; type c = a;"),
            Ok(())
        );
    }
}
