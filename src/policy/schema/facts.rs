//! The facts that the engine adds to every action's context.
//!
//! `delegation { subject, from?, earlier?, depth }`: whose authority it is, whom this leg's principal acts for, all
//! members before it, how many. Cedar has no union types, so each of the first three is a record with a place for
//! every principal type of the schema. `now` is the time of the request. `token` is what a verified credential says;
//! nothing fills it yet outside of cases.

use super::merge::as_record;
use cedar_policy_core::ast::EntityType;
use cedar_policy_core::validator::json_schema::{
    AttributesOrContext, Fragment, RecordType, Type, TypeOfAttribute, TypeVariant,
};
use cedar_policy_core::validator::{RawName, ValidatorSchema};
use smol_str::SmolStr;

/// Adds them; `declared` is the schema without them, which knows every principal type by its whole name.
pub(super) fn add(fragment: &mut Fragment<RawName>, declared: &ValidatorSchema) {
    let mut principals: Vec<&EntityType> = declared.principals().collect();
    principals.sort();
    principals.dedup();
    let facts = [
        ("delegation", delegation(&principals), true),
        ("now", extension("datetime"), true),
        ("token", token(), false),
    ];
    for definition in fragment.0.values_mut() {
        let known = definition.clone();
        for spec in definition.actions.values_mut().filter_map(|action| action.applies_to.as_mut()) {
            let mut record = as_record(&spec.context.0, &known).cloned().unwrap_or_default();
            for (name, ty, required) in &facts {
                record.attributes.insert(SmolStr::new_static(name), member(ty.clone(), *required));
            }
            spec.context = AttributesOrContext(of_record(record));
        }
    }
}

fn delegation(principals: &[&EntityType]) -> Type<RawName> {
    let place = |wrap: fn(Type<RawName>) -> Type<RawName>| {
        record(principals.iter().map(|name| (name.to_string().into(), wrap(entity(name)), false)))
    };
    record([
        ("subject".into(), place(|one| one), true),
        ("from".into(), place(|one| one), false),
        ("earlier".into(), place(set), false),
        ("depth".into(), plain(TypeVariant::Long), true),
    ])
}

fn token() -> Type<RawName> {
    let text = || plain(TypeVariant::String);
    let texts = || set(plain(TypeVariant::String));
    let time = || extension("datetime");
    record([
        ("issuer".into(), text(), true),
        ("audiences".into(), texts(), true),
        ("client".into(), text(), false),
        ("scopes".into(), texts(), true),
        ("roles".into(), texts(), true),
        ("groups".into(), texts(), true),
        ("acr".into(), text(), false),
        ("amr".into(), texts(), true),
        ("auth_time".into(), time(), false),
        ("issued".into(), time(), false),
        ("expires".into(), time(), false),
        ("proof".into(), text(), false),
    ])
}

fn record(members: impl IntoIterator<Item = (SmolStr, Type<RawName>, bool)>) -> Type<RawName> {
    let attributes = members.into_iter().map(|(name, ty, required)| (name, member(ty, required))).collect();
    of_record(RecordType { attributes, additional_attributes: false })
}

fn member(ty: Type<RawName>, required: bool) -> TypeOfAttribute<RawName> {
    TypeOfAttribute { ty, annotations: cedar_policy_core::est::Annotations::new(), required }
}

fn of_record(record: RecordType<RawName>) -> Type<RawName> {
    plain(TypeVariant::Record(record))
}

fn set(element: Type<RawName>) -> Type<RawName> {
    plain(TypeVariant::Set { element: Box::new(element) })
}

fn entity(name: &EntityType) -> Type<RawName> {
    plain(TypeVariant::Entity { name: RawName::from_name(name.name().clone().into()) })
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
