//! Merges several schema files into one schema.
//!
//! INVARIANT: `@stored` on an attribute beats `@request`, in whichever files and order they occur.
//! A bundle cannot make a request's claim count where a pack relies on stored values.

use super::members_twice;
use super::vocabulary::Provenance;
use crate::model::{Place, Problem, Problems};
use crate::policy::load::source::{SourceFile, place_of, problem_of};
use cedar_policy_core::ast::Name;
use cedar_policy_core::est::Annotations;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::{
    ActionType, AttributesOrContext, EntityType, EntityTypeKind, Fragment, NamespaceDefinition,
    RecordType, StandardEntityType, Type, TypeVariant,
};
use smol_str::SmolStr;
use std::collections::btree_map::Entry;
use std::collections::{HashMap, HashSet};

const ON_TYPES: &[&str] = &["request", "doc"];
const ON_ATTRIBUTES: &[&str] = &["stored", "request", "secret", "doc"];
const ON_MEMBERS: &[&str] = &["secret", "doc"];
const ON_OTHERS: &[&str] = &["doc"];

/// The merged fragment, and what its annotations say.
pub(super) struct MergedSchema {
    pub(super) fragment: Fragment<RawName>,
    /// The provenance of attributes, by qualified type name and attribute. An attribute without an
    /// entry has [`Provenance::Either`].
    pub(super) provenance: HashMap<(String, SmolStr), Provenance>,
    /// The names of attributes and members that are marked `@secret` anywhere.
    pub(super) secrets: HashSet<SmolStr>,
}

pub(super) fn merge(files: &[SourceFile]) -> Result<MergedSchema, Problems> {
    let mut merger = SchemaMerger {
        files,
        merged: empty(),
        problems: Vec::new(),
    };
    for file in files {
        let repeated = members_twice::problems(file);
        if !repeated.is_empty() {
            merger.problems.extend(repeated);
            continue;
        }
        match Fragment::from_cedarschema_str(&file.text, Extensions::all_available()) {
            Ok((fragment, _)) => {
                for (namespace, definition) in fragment.0 {
                    merger.take(file, namespace, definition);
                }
            }
            Err(error) => merger.problems.push(problem_of(&error, files, Some(file))),
        }
    }
    Problems(merger.problems)
        .into_result()
        .map(|()| merger.merged)
}

fn empty() -> MergedSchema {
    MergedSchema {
        fragment: Fragment(std::collections::BTreeMap::new()),
        provenance: HashMap::new(),
        secrets: HashSet::new(),
    }
}

struct SchemaMerger<'a> {
    files: &'a [SourceFile],
    merged: MergedSchema,
    problems: Vec<Problem>,
}

impl SchemaMerger<'_> {
    fn take(
        &mut self,
        file: &SourceFile,
        namespace: Option<Name>,
        definition: NamespaceDefinition<RawName>,
    ) {
        self.check(
            file,
            &definition.annotations,
            ON_OTHERS,
            "a namespace",
            None,
        );
        for (name, ty) in &definition.entity_types {
            self.note_annotations(file, &qualified(namespace.as_ref(), name), ty);
        }
        for action in definition.actions.values() {
            self.check(
                file,
                &action.annotations,
                ON_OTHERS,
                "an action",
                action.loc.as_ref(),
            );
            if let Some(spec) = &action.applies_to {
                self.note_members(file, &spec.context.0);
            }
        }
        for common in definition.common_types.values() {
            self.check(
                file,
                &common.annotations,
                ON_OTHERS,
                "a common type",
                common.loc.as_ref(),
            );
            self.note_members(file, &common.ty);
        }
        match self.merged.fragment.0.entry(namespace.clone()) {
            Entry::Vacant(free) => {
                free.insert(definition);
            }
            Entry::Occupied(mut taken) => {
                let found = unite(taken.get_mut(), definition, namespace.as_ref(), self.files);
                self.problems.extend(found);
            }
        }
    }

    fn note_annotations(&mut self, file: &SourceFile, name: &str, ty: &EntityType<RawName>) {
        self.check(
            file,
            &ty.annotations,
            ON_TYPES,
            "an entity type",
            ty.loc.as_ref(),
        );
        if name == "Userset" || name.ends_with("::Userset") {
            self.problems.push(
                Problem::new("the entity type `Userset` belongs to the engine")
                    .at(place_or_file(ty.loc.as_ref(), self.files, file))
                    .help("rename the type"),
            );
        }
        let from_request = ty.annotations.0.keys().any(|key| key.as_ref() == "request");
        if let EntityTypeKind::Standard(StandardEntityType {
            tags: Some(tags), ..
        }) = &ty.kind
        {
            self.note_members(file, tags);
        }
        let Some(record) = attributes(ty) else { return };
        for (attribute, declared) in &record.attributes {
            self.check(
                file,
                &declared.annotations,
                ON_ATTRIBUTES,
                "an attribute",
                declared.ty.loc(),
            );
            let marked = |mark: &str| {
                declared
                    .annotations
                    .0
                    .keys()
                    .any(|key| key.as_ref() == mark)
            };
            if marked("secret") {
                self.merged.secrets.insert(attribute.clone());
            }
            let provenance = match (marked("stored"), marked("request") || from_request) {
                (true, _) => Some(Provenance::Stored),
                (false, true) => Some(Provenance::Request),
                (false, false) => None,
            };
            if let Some(found) = provenance {
                let key = (name.to_owned(), attribute.clone());
                let known = self.merged.provenance.entry(key).or_insert(found);
                if found == Provenance::Stored {
                    *known = Provenance::Stored;
                }
            }
            self.note_members(file, &declared.ty);
        }
    }

    /// Notes the annotations inside records.
    fn note_members(&mut self, file: &SourceFile, ty: &Type<RawName>) {
        let Type::Type { ty: variant, .. } = ty else {
            return;
        };
        match variant {
            TypeVariant::Record(record) => {
                for (member, declared) in &record.attributes {
                    self.check(
                        file,
                        &declared.annotations,
                        ON_MEMBERS,
                        "a record's member",
                        declared.ty.loc(),
                    );
                    if declared
                        .annotations
                        .0
                        .keys()
                        .any(|key| key.as_ref() == "secret")
                    {
                        self.merged.secrets.insert(member.clone());
                    }
                    self.note_members(file, &declared.ty);
                }
            }
            TypeVariant::Set { element } => self.note_members(file, element),
            _ => {}
        }
    }

    fn check(
        &mut self,
        file: &SourceFile,
        found: &Annotations,
        known: &[&str],
        on: &str,
        loc: Option<&Loc>,
    ) {
        for (key, value) in &found.0 {
            let key: &str = key.as_ref();
            if known.contains(&key) || key.starts_with("x_") {
                continue;
            }
            let at = value.as_ref().and_then(|value| value.loc.as_ref()).or(loc);
            let list: Vec<String> = known.iter().map(|name| format!("`@{name}`")).collect();
            self.problems.push(
                Problem::new(format!("unknown annotation `@{key}` on {on}"))
                    .at(place_or_file(at, self.files, file))
                    .help(format!(
                        "{on} takes {}, and `@x_…` for your own",
                        list.join(", ")
                    )),
            );
        }
    }
}

/// Adds the definitions of a namespace in one file to those of another.
fn unite(
    into: &mut NamespaceDefinition<RawName>,
    from: NamespaceDefinition<RawName>,
    namespace: Option<&Name>,
    files: &[SourceFile],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (id, common) in from.common_types {
        match into.common_types.entry(id) {
            Entry::Vacant(free) => drop(free.insert(common)),
            Entry::Occupied(taken) => {
                let message = format!(
                    "the common type `{}` is declared twice",
                    taken.key().as_ref()
                );
                problems.push(twice(
                    message,
                    taken.get().loc.as_ref(),
                    common.loc.as_ref(),
                    files,
                ));
            }
        }
    }
    for (id, action) in from.actions {
        match into.actions.entry(id) {
            Entry::Vacant(free) => drop(free.insert(action)),
            // Packs that share a vocabulary of groups each declare it. A group is only a name and
            // its parents.
            Entry::Occupied(taken) if is_same_group(taken.get(), &action) => {}
            Entry::Occupied(taken) => {
                let message = format!("the action `{}` is declared twice", taken.key());
                problems.push(twice(
                    message,
                    taken.get().loc.as_ref(),
                    action.loc.as_ref(),
                    files,
                ));
            }
        }
    }
    for (id, ty) in from.entity_types {
        match into.entity_types.entry(id) {
            Entry::Vacant(free) => drop(free.insert(ty)),
            Entry::Occupied(mut taken) => {
                let name = qualified(namespace, taken.key());
                problems.extend(unite_types(&name, taken.get_mut(), ty, files));
            }
        }
    }
    problems
}

fn is_same_group(one: &ActionType<RawName>, other: &ActionType<RawName>) -> bool {
    let is_group = |action: &ActionType<RawName>| {
        let applies = action.applies_to.as_ref();
        !action.external
            && applies.is_none_or(|spec| {
                spec.principal_types.is_empty() && spec.resource_types.is_empty()
            })
    };
    is_group(one) && is_group(other) && one.member_of == other.member_of
}

fn unite_types(
    name: &str,
    into: &mut EntityType<RawName>,
    from: EntityType<RawName>,
    files: &[SourceFile],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let first = into.loc.clone();
    let second = from.loc.clone();
    let (EntityTypeKind::Standard(known), EntityTypeKind::Standard(added)) =
        (&mut into.kind, from.kind)
    else {
        let message =
            format!("the entity type `{name}` is declared twice, and once as an enumeration");
        return vec![twice(message, first.as_ref(), second.as_ref(), files)];
    };
    for parent in added.member_of_types {
        if !known.member_of_types.contains(&parent) {
            known.member_of_types.push(parent);
        }
    }
    match (&known.tags, added.tags) {
        (_, None) => {}
        (None, tags) => known.tags = tags,
        (Some(one), Some(other)) if *one == other => {}
        (Some(_), Some(_)) => {
            let message = format!("the entity type `{name}` is given two types of tags");
            problems.push(twice(message, first.as_ref(), second.as_ref(), files));
        }
    }
    let (Some(known), Some(added)) = (record_mut(known), record_of(added.shape)) else {
        let message = format!("the entity type `{name}` is declared twice, and not as a record");
        return vec![twice(message, first.as_ref(), second.as_ref(), files)];
    };
    for (attribute, declared) in added.attributes {
        match known.attributes.entry(attribute) {
            Entry::Vacant(free) => drop(free.insert(declared)),
            Entry::Occupied(taken) => {
                let one = taken.get();
                let attribute = taken.key();
                let message = if one.ty != declared.ty {
                    format!("the attribute `{attribute}` of `{name}` is given two types")
                } else if one.required != declared.required {
                    format!(
                        "the attribute `{attribute}` of `{name}` is optional in one file \
                         and required in another"
                    )
                } else {
                    continue;
                };
                problems.push(twice(message, one.ty.loc(), declared.ty.loc(), files));
            }
        }
    }
    problems
}

fn twice(
    message: String,
    first: Option<&Loc>,
    second: Option<&Loc>,
    files: &[SourceFile],
) -> Problem {
    let mut problem =
        Problem::new(message).help("keep one of the two declarations, or make them alike");
    problem.place = place_of(second, files);
    problem.also = place_of(first, files);
    problem
}

fn place_or_file(loc: Option<&Loc>, files: &[SourceFile], file: &SourceFile) -> Place {
    place_of(loc, files).unwrap_or_else(|| Place::whole(&file.path))
}

pub(super) fn qualified(namespace: Option<&Name>, id: &impl std::fmt::Display) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}::{id}"),
        None => id.to_string(),
    }
}

fn attributes(ty: &EntityType<RawName>) -> Option<&RecordType<RawName>> {
    match &ty.kind {
        EntityTypeKind::Standard(StandardEntityType { shape, .. }) => match &shape.0 {
            Type::Type {
                ty: TypeVariant::Record(record),
                ..
            } => Some(record),
            _ => None,
        },
        EntityTypeKind::Enum { .. } => None,
    }
}

fn record_mut(ty: &mut StandardEntityType<RawName>) -> Option<&mut RecordType<RawName>> {
    match &mut ty.shape.0 {
        Type::Type {
            ty: TypeVariant::Record(record),
            ..
        } => Some(record),
        _ => None,
    }
}

fn record_of(shape: AttributesOrContext<RawName>) -> Option<RecordType<RawName>> {
    match shape.0 {
        Type::Type {
            ty: TypeVariant::Record(record),
            ..
        } => Some(record),
        _ => None,
    }
}
