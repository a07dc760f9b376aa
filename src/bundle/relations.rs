//! Reads the bundle's relation model.

use crate::model::{ModelType, Place, Problem, Problems};
use crate::policy::{RelationTypes, SourceFile};
use crate::relations::condition::CompiledCondition;
use crate::relations::model::{
    AuthorizationModel, ModelDefinition, ModelFile, ModelSource, RestrictionForm, add_modules,
    named_modules, read_dsl,
};
use crate::relations::{Graph, PossibleRelations, Rules};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// The relation of the pack `revocation` to which the loader adds every type of principal.
const SUSPENDED: (&str, &str) = ("platform", "suspended");

/// The types that the schema declares, for use with the model.
pub(super) struct SchemaTypes {
    /// Every entity type.
    pub(super) declared: BTreeSet<SmolStr>,
    /// The entity types that can be principals.
    pub(super) principals: BTreeSet<SmolStr>,
}

/// Reads the model of all `*.fga` files, including those of packs; returns `None` if there are no
/// such files. A module may mention a type of the schema without defining it again.
pub(super) fn read_model(
    files: &[SourceFile],
    types: &SchemaTypes,
) -> Result<Option<AuthorizationModel>, Problems> {
    let is_manifest = |file: &&SourceFile| file.path.ends_with("fga.mod");
    let manifests: Vec<&SourceFile> = files.iter().filter(is_manifest).collect();
    let (modules, plain): (Vec<&SourceFile>, Vec<&SourceFile>) = files
        .iter()
        .filter(|file| !is_manifest(file))
        .partition(|file| is_module(&file.text));
    if let [_, second, ..] = plain.as_slice() {
        let problem = Problem::new("two files begin with `model`: which one is meant?")
            .at(Place::whole(&second.path))
            .help("make them modules (`module NAME` in place of `model`), named by an `fga.mod`");
        return Err(problem.into());
    }
    if let [_, second, ..] = manifests.as_slice() {
        let problem = Problem::new("a bundle has one `fga.mod`")
            .at(Place::whole(&second.path))
            .help("join the two");
        return Err(problem.into());
    }
    if let Some(manifest) = manifests.first() {
        check_manifest(manifest, &modules)?;
    }
    let mut source = match plain.first() {
        Some(file) => read_dsl(model_file(file)).map_err(|refusal| refusal.problems)?,
        None if modules.is_empty() => return Ok(None),
        None => ModelSource::default(),
    };
    if !modules.is_empty() {
        let files: Vec<ModelFile<'_>> = modules.iter().map(|file| model_file(file)).collect();
        let declared = types.declared.iter().map(model_name).collect();
        let added = add_modules(source, &files, &declared);
        source = added.map_err(|refusal| {
            Problems(refusal.problems.0.into_iter().map(beside_pack).collect())
        })?;
    }
    complete(&mut source.definition, &types.principals);
    AuthorizationModel::of_source(source)
        .map(Some)
        .map_err(|refusal| refusal.problems)
}

fn model_file(file: &SourceFile) -> ModelFile<'_> {
    ModelFile {
        name: &file.path,
        text: &file.text,
    }
}

fn is_module(text: &str) -> bool {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("module"))
}

/// Checks that the manifest names the bundle's own modules and no others; modules of packs need not
/// be named.
fn check_manifest(manifest: &SourceFile, modules: &[&SourceFile]) -> Result<(), Problems> {
    let folder = manifest.path.strip_suffix("fga.mod").unwrap_or_default();
    let own = modules
        .iter()
        .filter(|file| !file.path.starts_with("pack:"));
    let relative: Vec<ModelFile<'_>> = own
        .map(|file| ModelFile {
            name: file.path.strip_prefix(folder).unwrap_or(&file.path),
            text: &file.text,
        })
        .collect();
    let named = named_modules(model_file(manifest), &relative);
    named
        .map(drop)
        .map_err(|refusal| from_folder(refusal.problems, folder))
}

/// Turns a conflict between a pack and the bundle into a problem of the bundle, which its author
/// can change.
fn beside_pack(mut problem: Problem) -> Problem {
    let pack_of = |place: Option<&Place>| {
        let name = place?.file.strip_prefix("pack:")?.split('/').next()?;
        Some(name.to_owned())
    };
    match (
        pack_of(problem.place.as_ref()),
        problem.also.as_ref(),
        pack_of(problem.also.as_ref()),
    ) {
        (Some(pack), Some(_), None) => {
            std::mem::swap(&mut problem.place, &mut problem.also);
            problem.help(format!(
                "the pack `{pack}` brings one: remove the other, or give it another name"
            ))
        }
        _ => problem,
    }
}

/// Prepends the folder to the paths in problems of files that were read relative to it.
fn from_folder(problems: Problems, folder: &str) -> Problems {
    let rename = |mut problem: Problem| {
        for place in [&mut problem.place, &mut problem.also]
            .into_iter()
            .flatten()
        {
            if !place.file.starts_with(folder) {
                place.file = format!("{folder}{}", place.file);
            }
        }
        problem
    };
    Problems(problems.0.into_iter().map(rename).collect())
}

/// Lets principals of every type be suspended, if the model has the relation of the pack
/// `revocation`.
fn complete(definition: &mut ModelDefinition, principals: &BTreeSet<SmolStr>) {
    let (kind, relation) = SUSPENDED;
    let types: BTreeSet<SmolStr> = principals.iter().map(model_name).collect();
    let platform = definition.types.iter_mut().find(|found| found.name == kind);
    let Some(suspended) =
        platform.and_then(|found| found.relations.iter_mut().find(|it| it.name == relation))
    else {
        return;
    };
    let Some(template) = suspended.restrictions.first().cloned() else {
        return;
    };
    suspended.restrictions = types
        .iter()
        .map(|name| crate::relations::model::Restriction {
            kind: name.clone(),
            form: RestrictionForm::Object,
            ..template.clone()
        })
        .collect();
    for name in types {
        if definition.types.iter().all(|known| known.name != name) {
            let added = crate::relations::model::TypeDefinition {
                name,
                ..Default::default()
            };
            definition.types.push(added);
        }
    }
}

fn model_name(entity_type: &SmolStr) -> SmolStr {
    ModelType::of_entity_type(entity_type).as_str().clone()
}

/// Returns the relations of the model that the schema must know.
pub(super) fn relation_types(model: &AuthorizationModel) -> RelationTypes {
    let mut types = RelationTypes::default();
    // A model with more names than a store allows has no rules, and is refused when it is to be
    // served. Until then, every relation is treated as depending on every condition.
    let rules = Rules::compile(model, &Graph::default()).ok();
    let restrictions = model
        .types()
        .iter()
        .flat_map(|kind| &kind.relations)
        .flat_map(|relation| &relation.restrictions);
    types.members = restrictions
        .filter(|restriction| !matches!(restriction.form, RestrictionForm::Userset(_)))
        .map(|restriction| ModelType::new(restriction.kind.clone()).to_entity_type())
        .collect();
    let possible: Option<Vec<(SmolStr, PossibleRelations<'_>)>> = rules.as_ref().map(|rules| {
        let of = |user: &SmolStr| {
            (
                user.clone(),
                rules.possible(&ModelType::of_entity_type(user)),
            )
        };
        types.members.iter().map(of).collect()
    });
    let paths = condition_paths(model);
    for kind in model.types() {
        let model_type = ModelType::new(kind.name.clone());
        let entity_type = model_type.to_entity_type();
        let names = || kind.relations.iter().map(|relation| relation.name.clone());
        let parameters_of = |name: SmolStr| {
            let read = parameters_of(&paths, rules.as_ref(), &model_type, &name);
            (name, read)
        };
        types
            .parameters
            .insert(entity_type.clone(), names().map(parameters_of).collect());
        if let Some(possible) = &possible {
            let users_of = |name: SmolStr| {
                let can_hold = possible
                    .iter()
                    .filter(|(_, possible)| possible.has(&model_type, &name));
                let users = can_hold.map(|(user, _)| user.clone()).collect();
                (name, users)
            };
            types
                .users
                .insert(entity_type.clone(), names().map(users_of).collect());
        }
        types.relations.insert(entity_type, names().collect());
    }
    types
}

/// Returns the parts of its parameters that each condition reads.
fn condition_paths(model: &AuthorizationModel) -> BTreeMap<&SmolStr, BTreeSet<Vec<SmolStr>>> {
    let conditions = model.definition().conditions.iter();
    conditions
        .map(|condition| {
            let compiled = model.condition(&condition.name);
            let paths = compiled.map_or_else(
                || {
                    let whole = |(name, _): &(SmolStr, _)| vec![name.clone()];
                    condition.parameters.iter().map(whole).collect()
                },
                CompiledCondition::paths,
            );
            (&condition.name, paths)
        })
        .collect()
}

/// Returns what is read by the conditions that an answer about a relation can depend on; by all
/// conditions if there are no rules.
fn parameters_of(
    paths: &BTreeMap<&SmolStr, BTreeSet<Vec<SmolStr>>>,
    rules: Option<&Rules>,
    kind: &ModelType,
    relation: &SmolStr,
) -> BTreeSet<Vec<SmolStr>> {
    let reached = rules.map(|rules| rules.conditions_of(kind, relation));
    let counts = |name: &SmolStr| {
        reached
            .as_ref()
            .is_none_or(|reached| reached.contains(name))
    };
    paths
        .iter()
        .filter(|(condition, _)| counts(condition))
        .flat_map(|(_, paths)| paths.iter().cloned())
        .collect()
}
