//! Reads models of schema 1.2 that consist of several files. Each file is a module, and may add
//! relations to types of other modules.
//!
//! INVARIANT: no declaration is dropped or overrides another: a type, relation or condition that
//! two modules define is refused, and so is a file that `fga.mod` does not name, or names and does
//! not exist.
//!
//! The modules of a bundle may extend a model that is one file, and types that only its Cedar
//! schema declares: see [`add_modules`].

use super::definition::{ModelDefinition, SchemaVersion, TypeDefinition};
use super::dsl::{self, Header};
use super::error::ModelRefusal;
use super::source::{Element, ModelFile, ModelSource};
use crate::model::{Place, Problem};
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Maximum number of modules of one model. A hundred types need at most a hundred, extensions
/// aside.
const MAX_FILES: usize = 1_000;

/// The content of `fga.mod`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: String,
    contents: Vec<String>,
}

/// Reads the modules that a manifest (`fga.mod`, YAML) names. `files` are the files beside it,
/// named by their path relative to it.
pub fn read_modules(
    manifest: ModelFile<'_>,
    files: &[ModelFile<'_>],
) -> Result<ModelSource, ModelRefusal> {
    merge_modules(&named_modules(manifest, files)?)
}

/// Reports a path that stands twice in a manifest, at its second place and its first.
fn twice(manifest: ModelFile<'_>, path: &str) -> Option<Problem> {
    let mut places = manifest
        .text
        .match_indices(path)
        .map(|(at, found)| manifest.place(at, found.len()));
    let first = places.next()?;
    let problem = Problem::new(format!("`{path}` is named twice")).at(places.next()?);
    Some(problem.and_at(first))
}

/// Returns the modules that a manifest names, in its order. Refuses a manifest that does not name
/// exactly the files beside it.
pub fn named_modules<'a>(
    manifest: ModelFile<'_>,
    files: &[ModelFile<'a>],
) -> Result<Vec<ModelFile<'a>>, ModelRefusal> {
    let contents = read_manifest(manifest)?;
    let whole = || Place::whole(manifest.name);
    let mut problems = Vec::new();
    let mut named = Vec::with_capacity(contents.len());
    for path in &contents {
        match files.iter().find(|file| file.name == path) {
            Some(file) if named.iter().any(|it: &ModelFile<'a>| it.name == file.name) => problems
                .push(
                    twice(manifest, path)
                        .unwrap_or_else(|| {
                            Problem::new(format!("`{path}` is named twice")).at(whole())
                        })
                        .help("remove one of the two lines"),
                ),
            Some(file) => named.push(*file),
            None => problems.push(
                Problem::new(format!("there is no file `{path}`"))
                    .at(whole())
                    .help("write its path relative to `fga.mod`, or remove the line"),
            ),
        }
    }
    for file in files
        .iter()
        .filter(|file| !contents.iter().any(|path| path == file.name))
    {
        problems.push(
            Problem::new(format!("`{}` does not name `{}`", manifest.name, file.name))
                .at(Place::whole(file.name))
                .help(
                    "add it to `contents`, or remove the file: \
                     a module that nobody names would be left out",
                ),
        );
    }
    if problems.is_empty() {
        Ok(named)
    } else {
        Err(dsl::refuse(problems))
    }
}

/// Merges several modules into one model, in this order.
pub fn merge_modules(files: &[ModelFile<'_>]) -> Result<ModelSource, ModelRefusal> {
    add_modules(ModelSource::default(), files, &BTreeSet::new())
}

/// Adds modules to a model, in this order. A type in `declared` that a module extends or names in a
/// restriction is defined without relations if neither the model nor a module defines it.
pub fn add_modules(
    model: ModelSource,
    files: &[ModelFile<'_>],
    declared: &BTreeSet<SmolStr>,
) -> Result<ModelSource, ModelRefusal> {
    let before = model.definition.types.len();
    let mut merge = ModuleMerge {
        source: model,
        problems: Vec::new(),
    };
    if files.len() > MAX_FILES {
        merge.problems.push(
            Problem::new(format!("there are more than {MAX_FILES} modules")).help("join some"),
        );
        return Err(dsl::refuse(merge.problems));
    }
    merge.source.definition.schema = SchemaVersion::V1_2;
    let mut extensions = Vec::new();
    for file in files {
        match dsl::parse(*file) {
            Ok(parsed) => extensions.extend(merge.add(*file, parsed)),
            Err(refusal) => merge.problems.extend(refusal.problems.0),
        }
    }
    if merge.problems.is_empty() {
        merge.define(declared, before, &extensions);
        for extension in extensions {
            merge.extend(extension);
        }
    }
    if merge.problems.is_empty() {
        Ok(merge.source)
    } else {
        Err(dsl::refuse(merge.problems))
    }
}

/// Relations that a module adds to a type.
struct Extension {
    definition: TypeDefinition,
    places: super::source::ElementPlaces,
}

struct ModuleMerge {
    source: ModelSource,
    problems: Vec<Problem>,
}

impl ModuleMerge {
    /// Adds what a module itself defines, and returns its extensions of other types.
    fn add(&mut self, file: ModelFile<'_>, parsed: dsl::ParsedModel) -> Vec<Extension> {
        if parsed.header == Header::Model {
            let problem = Problem::new("a model of several files is made of modules")
                .at(file.place(0, 0))
                .help("begin the file with `module` and a name instead of `model`");
            self.problems.push(problem);
        }
        if !parsed.duplicates.is_empty() {
            for (element, place) in parsed.duplicates {
                let first = parsed.places.of(&element).cloned();
                self.problems
                    .push(dsl::defined_twice(&element, place, first));
            }
            return Vec::new();
        }
        let ModelDefinition {
            types, conditions, ..
        } = parsed.definition;
        let mut extensions = Vec::new();
        for (at, definition) in types.into_iter().enumerate() {
            if parsed.extended.contains(&at) {
                extensions.push(Extension {
                    definition,
                    places: parsed.places.clone(),
                });
                continue;
            }
            self.note(&Element::Type(definition.name.clone()), &parsed.places);
            for relation in &definition.relations {
                self.note(
                    &Element::Relation(definition.name.clone(), relation.name.clone()),
                    &parsed.places,
                );
            }
            self.source.definition.types.push(definition);
        }
        for condition in conditions {
            self.note(&Element::Condition(condition.name.clone()), &parsed.places);
            self.source.definition.conditions.push(condition);
        }
        extensions
    }

    /// Defines the types in `declared` that modules need. The types of the modules begin at
    /// `first`.
    fn define(&mut self, declared: &BTreeSet<SmolStr>, first: usize, extensions: &[Extension]) {
        let added = extensions.iter().map(|extension| &extension.definition);
        let restricted = self
            .source
            .definition
            .types
            .iter()
            .skip(first)
            .chain(added.clone());
        let restricted = restricted
            .flat_map(|kind| &kind.relations)
            .flat_map(|relation| &relation.restrictions);
        let needed = added
            .map(|kind| &kind.name)
            .chain(restricted.map(|restriction| &restriction.kind));
        let needed: BTreeSet<SmolStr> = needed
            .filter(|name| declared.contains(*name))
            .cloned()
            .collect();
        for name in needed {
            if self
                .source
                .definition
                .types
                .iter()
                .all(|known| known.name != name)
            {
                self.source.definition.types.push(TypeDefinition {
                    name,
                    ..TypeDefinition::default()
                });
            }
        }
    }

    fn extend(&mut self, extension: Extension) {
        let Extension {
            definition: added,
            places,
        } = extension;
        for relation in &added.relations {
            self.note(
                &Element::Relation(added.name.clone(), relation.name.clone()),
                &places,
            );
        }
        let Some(extended) = self
            .source
            .definition
            .types
            .iter_mut()
            .find(|it| it.name == added.name)
        else {
            let place = added.relations.first().and_then(|relation| {
                places
                    .of(&Element::Relation(
                        added.name.clone(),
                        relation.name.clone(),
                    ))
                    .cloned()
            });
            let place =
                place.unwrap_or_else(|| Place::whole(added.origin.file.unwrap_or_default()));
            let problem = Problem::new(format!("there is no type `{}` to extend", added.name))
                .at(place)
                .help("define it in another module, or write `type` instead of `extend type`");
            self.problems.push(problem);
            return;
        };
        extended
            .relations
            .extend(added.relations.into_iter().map(|relation| {
                super::definition::RelationDefinition {
                    origin: added.origin.clone(),
                    ..relation
                }
            }));
    }

    fn note(&mut self, element: &Element, places: &super::source::ElementPlaces) {
        let Some(place) = places.of(element).cloned() else {
            return;
        };
        if let Some(first) = self.source.places.note(element.clone(), place.clone()) {
            self.problems
                .push(dsl::defined_twice(element, place, Some(first)));
        }
    }
}

fn read_manifest(file: ModelFile<'_>) -> Result<Vec<String>, ModelRefusal> {
    const SHAPE: &str =
        "write `schema: '1.2'` and below `contents:` one line `- FILE.fga` for each module";
    let refuse = |message: String| {
        dsl::refuse(vec![
            Problem::new(message)
                .at(Place::whole(file.name))
                .help(SHAPE),
        ])
    };
    let manifest: Manifest = serde_saphyr::from_str(file.text).map_err(|_| {
        refuse(format!(
            "`{}` does not say which modules there are",
            file.name
        ))
    })?;
    if manifest.schema != SchemaVersion::V1_2.as_str() {
        return Err(refuse(format!(
            "modules have schema 1.2, not `{}`",
            manifest.schema
        )));
    }
    for path in &manifest.contents {
        let inside = !path.starts_with('/')
            && !path.contains('\\')
            && path.split('/').all(|part| part != "..");
        if !inside || path.strip_suffix(".fga").is_none_or(str::is_empty) {
            return Err(refuse(format!(
                "`{path}` is no module beside `{}`",
                file.name
            )));
        }
    }
    Ok(manifest.contents)
}

#[cfg(test)]
mod tests;
