//! Adds the facts of the engine to every action's context.
//!
//! `delegation { subject, from?, earlier?, depth }` holds whose authority is used, for whom this
//! leg's principal acts, all members before it, and how many there are. Cedar has no union types,
//! so each of the first three is a record with a member for every principal type of the schema.
//! `now` is the time of the request. `token` holds the claims of a verified credential; it is
//! absent if the request has no credential, or none that grants anything. Claims that the engine
//! does not know are declared by the bundle, in a common type named [`TOKEN_FACTS`], or by the
//! operator's settings. They become members of `token` beside the engine's own, each optional,
//! since a token may lack it.

use super::merge::qualified;
use crate::model::{Place, Problem, Problems};
use cedar_policy_core::ast::{EntityType, Name, UnreservedId};
use cedar_policy_core::validator::json_schema::{
    AttributesOrContext, Fragment, RecordType, Type, TypeOfAttribute, TypeVariant,
};
use cedar_policy_core::validator::{RawName, ValidatorSchema};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The context members that the engine supplies; a bundle cannot declare them.
const ENGINE_MEMBERS: [&str; 6] = [
    "delegation",
    "now",
    "token",
    "current_time",
    "action",
    "resource",
];

/// The common type whose members a bundle adds to `context.token`.
const TOKEN_FACTS: &str = "TokenFacts";

/// The common type for the members that the operator's settings add; if the bundle declares the
/// same member, its declaration wins.
const SETTINGS_FACTS: &str = "SettingsTokenFacts";

/// Adds the facts to a fragment in which every name is fully qualified. `declared` is the schema
/// without facts, which knows every principal type. `place` returns where an action is declared,
/// and `place_of_type` where a common type is.
pub(super) fn add(
    fragment: &mut Fragment<RawName>,
    declared: &ValidatorSchema,
    place: impl Fn(Option<&Name>, &str) -> Option<Place>,
    place_of_type: impl Fn(Option<&Name>, &str) -> Option<Place>,
) -> Result<(), Problems> {
    let mut principals: Vec<&EntityType> = declared.principals().collect();
    principals.sort();
    principals.dedup();
    let known = fragment.clone();
    let mut problems = Vec::new();
    let facts = [
        ("delegation", delegation(&principals), true),
        ("now", extension("datetime"), true),
        (
            "token",
            token(
                more_facts(&known, place_of_type, &mut problems),
                &mut problems,
            ),
            false,
        ),
    ];
    for (namespace, definition) in &mut fragment.0 {
        for (name, action) in &mut definition.actions {
            let Some(spec) = &mut action.applies_to else {
                continue;
            };
            let at = |mut problem: Problem| {
                problem.place = place(namespace.as_ref(), name);
                problem
            };
            // INVARIANT: a context that is not understood is refused, never treated as an empty
            // one. Otherwise its members would be dropped from every request, and a forbid that
            // reads them would never hold.
            let Some(mut record) = as_record(&spec.context.0, &known) else {
                let problem = Problem::new(format!("the context of action `{name}` is no record"));
                problems.push(at(problem.help(
                    "write `context: { … }`, or name a common type that is a record",
                )));
                continue;
            };
            let taken = ENGINE_MEMBERS
                .iter()
                .filter(|member| record.attributes.contains_key(**member));
            problems.extend(taken.map(|member| at(declares_fact(name, member))));
            for (name, ty, required) in &facts {
                record
                    .attributes
                    .insert(SmolStr::new_static(name), member(ty.clone(), *required));
            }
            spec.context = AttributesOrContext(of_record(record));
        }
    }
    Problems(problems).into_result()
}

fn declares_fact(action: &str, member: &str) -> Problem {
    let message =
        format!("the context of action `{action}` declares `{member}`, which the engine supplies");
    Problem::new(message).help(format!(
        "remove `{member}`: policies can read the engine's without declaring it, or rename yours"
    ))
}

/// Returns the record that a context is: written in place, or named through common types. Cycles
/// were refused when the schema was compiled without facts; the counter ends any other.
fn as_record(ty: &Type<RawName>, fragment: &Fragment<RawName>) -> Option<RecordType<RawName>> {
    let mut ty = ty;
    for _ in 0..=fragment
        .0
        .values()
        .map(|definition| definition.common_types.len())
        .sum()
    {
        match ty {
            Type::Type {
                ty: TypeVariant::Record(record),
                ..
            } => return Some(record.clone()),
            Type::Type {
                ty: TypeVariant::EntityOrCommon { type_name },
                ..
            }
            | Type::CommonTypeRef { type_name, .. } => {
                let wanted = type_name.to_string();
                ty = fragment.0.iter().find_map(|(namespace, definition)| {
                    let named = |id: &&_| {
                        qualified(namespace.as_ref(), AsRef::<UnreservedId>::as_ref(*id)) == wanted
                    };
                    definition
                        .common_types
                        .iter()
                        .find(|(id, _)| named(id))
                        .map(|(_, common)| &common.ty)
                })?;
            }
            Type::Type { .. } => return None,
        }
    }
    None
}

fn delegation(principals: &[&EntityType]) -> Type<RawName> {
    let place = |wrap: fn(Type<RawName>) -> Type<RawName>| {
        record(
            principals
                .iter()
                .map(|name| (name.to_string().into(), wrap(entity(name)), false)),
        )
    };
    record([
        ("subject".into(), place(|one| one), true),
        ("from".into(), place(|one| one), false),
        ("earlier".into(), place(set), false),
        ("depth".into(), plain(TypeVariant::Long), true),
    ])
}

/// Returns the members that the bundle and the settings add to `token`, by name. Each namespace may
/// declare some; all declarations of a member must have one type.
fn more_facts(
    fragment: &Fragment<RawName>,
    place: impl Fn(Option<&Name>, &str) -> Option<Place>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<SmolStr, Type<RawName>> {
    let mut facts = BTreeMap::new();
    for wanted in [TOKEN_FACTS, SETTINGS_FACTS] {
        let mut declared: BTreeMap<SmolStr, (Option<&Name>, Type<RawName>)> = BTreeMap::new();
        for (namespace, definition) in &fragment.0 {
            let namespace = namespace.as_ref();
            let mut types = definition.common_types.iter();
            let named = |id: &&_| AsRef::<UnreservedId>::as_ref(*id).to_string() == wanted;
            let Some((_, common)) = types.find(|(id, _)| named(id)) else {
                continue;
            };
            let Some(record) = as_record(&common.ty, fragment) else {
                let problem = Problem::new(format!("the common type `{wanted}` is no record"));
                let problem =
                    problem.help("write for example `type TokenFacts = { tenant?: String };`");
                problems.push(Problem {
                    place: place(namespace, wanted),
                    ..problem
                });
                continue;
            };
            for (name, member) in record.attributes {
                match declared.entry(name) {
                    Entry::Vacant(free) => drop(free.insert((namespace, member.ty))),
                    Entry::Occupied(taken) if taken.get().1 == member.ty => {}
                    Entry::Occupied(taken) => {
                        let message = format!("`{}` of `{wanted}` is given two types", taken.key());
                        problems.push(Problem {
                            place: place(namespace, wanted),
                            also: place(taken.get().0, wanted),
                            ..Problem::new(message)
                                .help("keep one of the two declarations, or make them alike")
                        });
                    }
                }
            }
        }
        for (name, (_, ty)) in declared {
            facts.entry(name).or_insert(ty);
        }
    }
    facts
}

/// Returns the type of `token`: the engine's own members, and those that the bundle and the
/// settings add.
fn token(more: BTreeMap<SmolStr, Type<RawName>>, problems: &mut Vec<Problem>) -> Type<RawName> {
    let text = || plain(TypeVariant::String);
    let texts = || set(plain(TypeVariant::String));
    let time = || extension("datetime");
    // The one object of the credential's authorization details that covers the request (RFC 9396).
    let detail = record([
        ("type".into(), text(), true),
        ("actions".into(), texts(), true),
        ("identifiers".into(), texts(), true),
        ("locations".into(), texts(), true),
    ]);
    let known = [
        ("kind", text(), true),
        ("issuer", text(), true),
        ("subject", text(), false),
        ("jti", text(), false),
        ("sid", text(), false),
        ("not_before", time(), false),
        ("audiences", texts(), true),
        ("client", text(), false),
        ("scopes", texts(), true),
        ("roles", texts(), true),
        ("groups", texts(), true),
        ("acr", text(), false),
        ("amr", texts(), true),
        ("auth_time", time(), false),
        ("issued", time(), false),
        ("expires", time(), false),
        ("proof", text(), false),
        ("detailed", plain(TypeVariant::Boolean), true),
        ("detail", detail, false),
    ];
    for (name, _, _) in known.iter().filter(|(name, ..)| more.contains_key(*name)) {
        let problem = Problem::new(format!(
            "`{TOKEN_FACTS}` declares `{name}`, which the engine supplies"
        ));
        problems.push(problem.help(format!(
            "remove `{name}`: policies can read it without, or rename yours"
        )));
    }
    let more = more
        .into_iter()
        .filter(|(name, _)| !known.iter().any(|(known, ..)| known == name));
    let more: Vec<_> = more.map(|(name, ty)| (name, ty, false)).collect();
    record(
        known
            .into_iter()
            .map(|(name, ty, required)| (name.into(), ty, required))
            .chain(more),
    )
}

fn record(members: impl IntoIterator<Item = (SmolStr, Type<RawName>, bool)>) -> Type<RawName> {
    let attributes = members
        .into_iter()
        .map(|(name, ty, required)| (name, member(ty, required)))
        .collect();
    of_record(RecordType {
        attributes,
        additional_attributes: false,
    })
}

fn member(ty: Type<RawName>, required: bool) -> TypeOfAttribute<RawName> {
    TypeOfAttribute {
        ty,
        annotations: cedar_policy_core::est::Annotations::new(),
        required,
    }
}

fn of_record(record: RecordType<RawName>) -> Type<RawName> {
    plain(TypeVariant::Record(record))
}

fn set(element: Type<RawName>) -> Type<RawName> {
    plain(TypeVariant::Set {
        element: Box::new(element),
    })
}

fn entity(name: &EntityType) -> Type<RawName> {
    plain(TypeVariant::Entity {
        name: RawName::from_name(name.name().clone().into()),
    })
}

fn extension(name: &str) -> Type<RawName> {
    match name.parse() {
        Ok(name) => plain(TypeVariant::Extension { name }),
        Err(_) => plain(TypeVariant::String),
    }
}

fn plain(ty: TypeVariant<RawName>) -> Type<RawName> {
    Type::Type { ty, loc: None }
}
