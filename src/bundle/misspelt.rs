//! Finds names that are probably misspelt wherever they stand in a bundle, so that nothing in the
//! bundle contradicts them.
//!
//! **Problem.** `tools/call:tickts/read` is declared, and rules are written on it; calls name
//! `tickets/read`. A tuple stands on `platform:mian`, and every policy asks about `platform:main`.
//! **Decision.** A name that nothing else knows is told where another is one slip away that is
//! known. **Trade-off.** Where nothing near is known, nothing is told: the names of tools and
//! things need not be in a bundle, and a warning about most of them would be read by nobody.

use super::compile::BundleParts;
use super::files::BundleFiles;
use super::manifest::find;
use crate::model::{EntityRef, ModelType, ObjectRef, Place, Problem, TupleUser, nearest};
use crate::policy::SourceFile;
use crate::relations::model::AuthorizationModel;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The shortest name of a server whose spelling is compared: shorter ones differ in a letter as
/// often as not.
pub(super) const FEWEST_LETTERS: usize = 5;

/// Warns of each specialised action whose resource nothing stored names, while another is one slip
/// away that has no such action.
pub(super) fn actions(parts: &BundleParts, files: &BundleFiles) -> Vec<Problem> {
    let vocabulary = &parts.compiled.schema().vocabulary;
    let mut declared: BTreeMap<SmolStr, BTreeMap<&str, &str>> = BTreeMap::new();
    for (action, kind, id) in vocabulary.specialised_actions() {
        declared.entry(kind).or_default().insert(id, action);
    }
    let mut found = Vec::new();
    for (kind, declared) in &declared {
        let stored = stored(parts, kind);
        for (id, action) in declared {
            if stored.contains(*id) {
                continue;
            }
            let Some(help) = meant(id, &stored, declared) else {
                continue;
            };
            let message = format!(
                "nothing but the action `{action}` names `{kind}:{id}`, and a request about any \
                 other is not evaluated as that action"
            );
            let problem = Problem::new(message).help(help);
            let quoted = format!("\"{action}\"");
            found.push(
                match place(files, |path| path.ends_with(".cedarschema"), &quoted) {
                    Some(place) => problem.at(place),
                    None => problem,
                },
            );
        }
    }
    found
}

/// Warns of each object of the bundle's tuples about which no policy asks, where policies ask about
/// other objects of the type by their names.
pub(super) fn objects(parts: &BundleParts, files: &BundleFiles) -> Vec<Problem> {
    let Some(model) = &parts.model else {
        return Vec::new();
    };
    let mut asked: BTreeMap<&SmolStr, Option<BTreeSet<&SmolStr>>> = BTreeMap::new();
    let mut unread: BTreeMap<&ObjectRef, EntityRef> = BTreeMap::new();
    for tuple in &parts.tuples {
        let object = &tuple.key.object;
        let known = asked
            .entry(object.kind())
            .or_insert_with(|| asked_by_name(parts, model, object.model_type()));
        let Some(known) = known else { continue };
        if let Some(entity) = object.to_entity()
            && !known.contains(&entity.id)
        {
            unread.insert(object, entity);
        }
    }
    let told = unread.into_iter().map(|(object, entity)| {
        let known = asked.get(object.kind()).into_iter().flatten().flatten();
        let known: Vec<&str> = known.map(|id| id.as_str()).collect();
        let message = format!("no policy asks who stands in which relation to `{entity}`");
        let kind = &entity.kind;
        let help = match (nearest(&entity.id, known.iter().copied()), known.as_slice()) {
            (Some(near), _) => format!("did you mean `{kind}:{near}`?"),
            (None, [first, ..]) => {
                format!(
                    "policies ask about `{kind}:{first}`: write the tuple on that, or remove it"
                )
            }
            (None, []) => "remove the tuple".to_owned(),
        };
        let problem = Problem::new(message).help(help);
        let is_of_tuples = |path: &str| path.ends_with("tuples.yaml") || path.ends_with(".jsonl");
        match place(files, is_of_tuples, &object.to_string()) {
            Some(place) => problem.at(place),
            None => problem,
        }
    });
    told.collect()
}

/// Returns the ids that policies name, if these are all objects of the type that any decision can
/// ask about. No relation leads to such a type, no request is about one, and some policy asks.
fn asked_by_name<'p>(
    parts: &'p BundleParts,
    model: &AuthorizationModel,
    kind: &ModelType,
) -> Option<BTreeSet<&'p SmolStr>> {
    let entity_type = kind.to_entity_type();
    let mut relations = model.types().iter().flat_map(|found| &found.relations);
    let is_led_to = relations.any(|relation| {
        let mut restrictions = relation.restrictions.iter();
        restrictions.any(|restriction| restriction.kind == *kind.as_str())
    });
    if is_led_to {
        return None;
    }
    let asked = parts.compiled.objects_asked_for(&entity_type)?;
    (!asked.is_empty()).then_some(asked)
}

/// Returns the ids of a type that entities and tuples of the bundle name.
fn stored<'p>(parts: &'p BundleParts, kind: &SmolStr) -> BTreeSet<Cow<'p, str>> {
    let model_type = ModelType::of_entity_type(kind);
    let named = parts.tuples.iter().flat_map(|tuple| {
        let user = match &tuple.key.user {
            TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some(object),
            TupleUser::Wildcard(_) => None,
        };
        user.into_iter().chain([&tuple.key.object])
    });
    let named = named
        .filter(|object| *object.model_type() == model_type)
        .filter_map(ObjectRef::to_entity)
        .map(|entity| entity.id.to_string().into());
    parts
        .stored
        .ids(kind)
        .map(Into::into)
        .chain(named)
        .collect()
}

/// Returns what the resource of a specialised action is probably meant to be.
fn meant(
    id: &str,
    stored: &BTreeSet<Cow<'_, str>>,
    declared: &BTreeMap<&str, &str>,
) -> Option<String> {
    let stored = || stored.iter().map(AsRef::as_ref);
    let whole = stored()
        .filter(|other| !declared.contains_key(other))
        .find(|other| is_a_slip(id, other));
    if let Some(other) = whole {
        return Some(format!("did you mean `{other}`?"));
    }
    let server = |id: &'_ str| id.split_once('/').map(|(server, _)| server.to_owned());
    let own = server(id).filter(|own| own.chars().count() >= FEWEST_LETTERS)?;
    let others: Vec<&str> = stored()
        .chain(declared.keys().copied())
        .filter(|other| *other != id)
        .collect();
    let is_own = |other: &&&str| server(other).as_ref() == Some(&own);
    if others.iter().any(|other| is_own(&other)) {
        return None;
    }
    let near = others
        .iter()
        .find(|other| server(other).is_some_and(|other| is_a_slip(&own, &other)))?;
    Some(format!("did you mean the `{}` of `{near}`?", server(near)?))
}

/// Returns `true` if one name is the other but for one letter that is missing, added, replaced or
/// swapped with its neighbour. Names that are numbered differ on purpose.
pub(super) fn is_a_slip(one: &str, other: &str) -> bool {
    let letters = |name: &str| name.chars().filter(|c| !c.is_numeric()).collect::<String>();
    one.len().abs_diff(other.len()) <= char::MAX.len_utf8()
        && letters(one) != letters(other)
        && strsim::osa_distance(one, other) == 1
}

/// Returns the first place of a text in the bundle's own files of a kind.
fn place(files: &BundleFiles, is_kind: impl Fn(&str) -> bool, text: &str) -> Option<Place> {
    let own = files.own.iter().filter(|file| is_kind(&file.path));
    let holds = |file: &&SourceFile| file.text.contains(text);
    own.filter(holds).map(|file| find(file, text)).next()
}
