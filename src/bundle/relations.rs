//! The bundle's relation model, and its layer of tuples.
//!
//! INVARIANT: every tuple of a bundle is one that its model allows, under an id that is the one spelling of its entity.
//! What the engine would ignore is refused here: a tuple that looks like a grant and is none, or the reverse.

use super::manifest::find;
use super::yaml::{self, YamlRecord};
use crate::model::{
    ObjectRef, Place, Problem, Problems, Tuple, TupleCondition, TupleKey, TupleUser, Value, is_canonical_id,
};
use crate::policy::{RelationTypes, SourceFile};
use crate::relations::model::{
    AuthorizationModel, ModelDefinition, ModelFile, ModelSource, RestrictionForm, SchemaVersion, merge_modules,
    read_dsl, read_modules,
};
use crate::relations::{Graph, Rules};
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The relation of pack `revocation` that the loader completes: a principal of any type can be in it.
const SUSPENDED: (&str, &str) = ("platform", "suspended");

/// Reads the model of all `*.fga` files; none where there are none. `principals` are the principal types of the schema.
pub(super) fn read_model(
    files: &[SourceFile],
    principals: &BTreeSet<SmolStr>,
) -> Result<Option<AuthorizationModel>, Problems> {
    let is_manifest = |file: &&SourceFile| file.path.ends_with("fga.mod");
    let manifests: Vec<&SourceFile> = files.iter().filter(is_manifest).collect();
    let (modules, plain): (Vec<&SourceFile>, Vec<&SourceFile>) =
        files.iter().filter(|file| !is_manifest(file)).partition(|file| is_module(&file.text));
    if let [_, second, ..] = plain.as_slice() {
        let problem = Problem::new("two files begin with `model`: which one is meant?")
            .at(Place::whole(&second.path))
            .help("make them modules (`module NAME` in place of `model`), named by an `fga.mod`");
        return Err(problem.into());
    }
    if let [_, second, ..] = manifests.as_slice() {
        let problem = Problem::new("a bundle has one `fga.mod`").at(Place::whole(&second.path)).help("join the two");
        return Err(problem.into());
    }
    let mut sources = Vec::new();
    for file in plain {
        sources.push(read_dsl(model_file(file)).map_err(|refusal| refusal.problems)?);
    }
    if let Some(source) = read_all_modules(manifests.first().copied(), &modules)? {
        sources.push(source);
    }
    let Some(mut source) = join(sources) else { return Ok(None) };
    complete(&mut source.definition, principals);
    AuthorizationModel::of_source(source).map(Some).map_err(|refusal| refusal.problems)
}

fn model_file(file: &SourceFile) -> ModelFile<'_> {
    ModelFile { name: &file.path, text: &file.text }
}

fn is_module(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("module"))
}

/// Packs' modules come with the packs; the bundle's own are those that its manifest names, or all where there is none.
fn read_all_modules(manifest: Option<&SourceFile>, modules: &[&SourceFile]) -> Result<Option<ModelSource>, Problems> {
    let Some(manifest) = manifest else {
        if modules.is_empty() {
            return Ok(None);
        }
        let files: Vec<ModelFile<'_>> = modules.iter().map(|file| model_file(file)).collect();
        return merge_modules(&files).map(Some).map_err(|refusal| refusal.problems);
    };
    let folder = manifest.path.strip_suffix("fga.mod").unwrap_or_default();
    let (packs, own): (Vec<&SourceFile>, Vec<&SourceFile>) =
        modules.iter().partition(|file| file.path.starts_with("pack:"));
    let relative: Vec<ModelFile<'_>> = own
        .iter()
        .map(|file| ModelFile { name: file.path.strip_prefix(folder).unwrap_or(&file.path), text: &file.text })
        .collect();
    // Only for what the manifest itself gets wrong; the files are read again below, together with the packs'.
    read_modules(model_file(manifest), &relative).map_err(|refusal| from_folder(refusal.problems, folder))?;
    let files: Vec<ModelFile<'_>> = own.iter().chain(&packs).map(|file| model_file(file)).collect();
    merge_modules(&files).map(Some).map_err(|refusal| refusal.problems)
}

/// Puts a folder back before the places of files that were read relative to it.
fn from_folder(problems: Problems, folder: &str) -> Problems {
    let rename = |mut problem: Problem| {
        for place in [&mut problem.place, &mut problem.also].into_iter().flatten() {
            if !place.file.starts_with(folder) {
                place.file = format!("{folder}{}", place.file);
            }
        }
        problem
    };
    Problems(problems.0.into_iter().map(rename).collect())
}

/// A bundle's own model beside the modules of its packs.
fn join(sources: Vec<ModelSource>) -> Option<ModelSource> {
    let mut sources = sources.into_iter();
    let mut joined = sources.next()?;
    for source in sources {
        joined.definition.schema = SchemaVersion::V1_2;
        joined.definition.types.extend(source.definition.types);
        joined.definition.conditions.extend(source.definition.conditions);
    }
    Some(joined)
}

/// Lets every principal type be suspended, where the model has pack `revocation`'s relation.
fn complete(definition: &mut ModelDefinition, principals: &BTreeSet<SmolStr>) {
    let (kind, relation) = SUSPENDED;
    let types: BTreeSet<SmolStr> = principals.iter().map(|name| model_name(name)).collect();
    let platform = definition.types.iter_mut().find(|found| found.name == kind);
    let Some(suspended) = platform.and_then(|found| found.relations.iter_mut().find(|it| it.name == relation)) else {
        return;
    };
    let Some(template) = suspended.restrictions.first().cloned() else { return };
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
            let added = crate::relations::model::TypeDefinition { name, ..Default::default() };
            definition.types.push(added);
        }
    }
}

fn model_name(cedar: &str) -> SmolStr {
    cedar.replace("::", "/").into()
}

fn cedar_name(model: &str) -> SmolStr {
    model.replace('/', "::").into()
}

/// What the schema must know of a model.
pub(super) fn relation_types(model: &AuthorizationModel) -> RelationTypes {
    let mut types = RelationTypes::default();
    // A model with more names than a store takes has no rules, and is refused when it is to be served: until then every
    // relation counts as one that depends on every condition.
    let rules = Rules::compile(model, &Graph::default()).ok();
    let all = &model.definition().conditions;
    for kind in model.types() {
        let parameters_of = |relation: &SmolStr| -> BTreeSet<SmolStr> {
            let reached = rules.as_ref().map(|rules| rules.conditions_of(&kind.name, relation));
            let counts = |name: &SmolStr| reached.as_ref().is_none_or(|reached| reached.contains(name));
            let conditions = all.iter().filter(|condition| counts(&condition.name));
            conditions.flat_map(|condition| condition.parameters.iter().map(|(name, _)| name.clone())).collect()
        };
        let parameters = kind.relations.iter().map(|it| (it.name.clone(), parameters_of(&it.name))).collect();
        types.parameters.insert(cedar_name(&kind.name), parameters);
        let relations = kind.relations.iter().map(|relation| relation.name.clone()).collect();
        types.relations.insert(cedar_name(&kind.name), relations);
        let restrictions = kind.relations.iter().flat_map(|relation| &relation.restrictions);
        types.members.extend(
            restrictions
                .filter(|restriction| !matches!(restriction.form, RestrictionForm::Userset(_)))
                .map(|restriction| cedar_name(&restriction.kind)),
        );
    }
    types
}

/// A tuple as files and cases write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TupleText {
    user: String,
    relation: String,
    object: String,
    condition: Option<ConditionText>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionText {
    name: SmolStr,
    #[serde(default)]
    context: Option<YamlRecord>,
}

/// Reads tuple files; each tuple must be one that the model allows, and stand in one place only.
pub(super) fn read_tuples(files: &[&SourceFile], model: Option<&AuthorizationModel>) -> Result<Vec<Tuple>, Problems> {
    let mut problems = Vec::new();
    let mut tuples: Vec<Tuple> = Vec::new();
    let mut seen: std::collections::HashSet<TupleKey> = std::collections::HashSet::new();
    for file in files {
        let texts = match parse_file(file) {
            Ok(texts) => texts,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for (text, place) in texts {
            match to_tuple(text, model) {
                Ok(tuple) if seen.insert(tuple.key.clone()) => tuples.push(tuple),
                Ok(tuple) => {
                    let problem = Problem::new(format!("the tuple `{}` is written twice", tuple.key));
                    problems.push(problem.at(place).help("remove one of the two"));
                }
                Err(message) => problems.push(Problem::new(message).at(place)),
            }
        }
    }
    Problems(problems).into_result().map(|()| tuples)
}

fn parse_file(file: &SourceFile) -> Result<Vec<(TupleText, Place)>, Problem> {
    if file.path.ends_with(".jsonl") {
        let mut offset = 0;
        let mut found = Vec::new();
        for line in file.text.split_inclusive('\n') {
            let place = file.place(offset, line.trim_end().len());
            offset += line.len();
            if !line.trim().is_empty() {
                let text =
                    serde_json::from_str(line).map_err(|error| Problem::new(error.to_string()).at(place.clone()))?;
                found.push((text, place));
            }
        }
        return Ok(found);
    }
    let texts: Vec<TupleText> = yaml::parse(file)?;
    Ok(texts
        .into_iter()
        .map(|text| {
            let place = find(file, &text.user);
            (text, place)
        })
        .collect())
}

fn to_tuple(text: TupleText, model: Option<&AuthorizationModel>) -> Result<Tuple, String> {
    let key = TupleKey::parse(&text.user, &text.relation, &text.object).map_err(|error| error.to_string())?;
    let condition = text.condition.map(|condition| {
        let context = condition.context.map(|YamlRecord(context)| context).unwrap_or_default();
        Arc::new(TupleCondition { name: condition.name, context })
    });
    let tuple = Tuple { key, condition };
    check_canonical(&tuple.key)?;
    let model = model.ok_or("the bundle has tuples and no relation model: declare one in `schemas/<name>.fga`")?;
    model.check_tuple(&tuple).map_err(|refusal| format!("the tuple `{}`: {refusal}", tuple.key))?;
    Ok(tuple)
}

/// An id that is not the encoding of its own decoding would be a second spelling of some entity.
fn check_canonical(key: &TupleKey) -> Result<(), String> {
    let user = match &key.user {
        TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some(object),
        TupleUser::Wildcard(_) => None,
    };
    for object in user.into_iter().chain([&key.object]) {
        if !is_canonical_id(object.id()) {
            return Err(format!("the id `{}` is not in its canonical encoding{}", object.id(), suggest(object)));
        }
    }
    Ok(())
}

fn suggest(object: &ObjectRef) -> String {
    match crate::model::decode_id(object.id()) {
        Some(decoded) => format!(": write `{}`", crate::model::encode_id(&decoded)),
        None => ": write `%25` for a per cent sign".to_owned(),
    }
}

/// A case's tuples.
pub(super) fn given_tuples(given: &[YamlRecord], model: Option<&AuthorizationModel>) -> Result<Vec<Tuple>, String> {
    given
        .iter()
        .map(|YamlRecord(record)| {
            let json = yaml::to_json(&Value::Record(record.clone()));
            let text: TupleText = serde_json::from_value(json).map_err(|error| error.to_string())?;
            to_tuple(text, model)
        })
        .collect()
}
