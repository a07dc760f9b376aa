//! Finds ids in policies and tuples that are probably misspelt.
//!
//! **Problem.** `tool::"office/mail.sned"` in a policy is a valid name of a tool that nobody has:
//! the policy loads, and permits nothing. So does a tuple with `group:stafff#member`.
//! **Decision.** An id is told if nothing else in the bundle knows it (no stored entity, no tuple,
//! no case), and if it is one slip away from an id that something does know.
//! **Trade-off.** Where nothing near is known, nothing is told, as in `misspelt`. Two tools that
//! differ in a letter on purpose are told once, until a case is about the second.

use super::cases::Case;
use super::compile::Bundle;
use super::files::BundleFiles;
use super::misspelt::{FEWEST_LETTERS, is_a_slip};
use crate::model::{
    EntityRef, ObjectRef, Place, PolicyRef, Problem, Record, Tuple, TupleUser, Value, read_question,
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// LIMIT: ids that are told.
const MAX_TOLD: usize = 20;

/// LIMIT: unknown ids that are compared with the known ones: an author waits for this.
const MAX_COMPARED: usize = 1_000;

/// LIMIT: known ids of a type that one is compared with.
const MAX_KNOWN: usize = 10_000;

/// Ids by type.
#[derive(Debug, Default)]
struct KnownIds(BTreeMap<SmolStr, BTreeSet<SmolStr>>);

/// Returns the ids in policies and tuples that are probably misspelt.
pub(super) fn misspelt_ids(bundle: &Bundle, files: &BundleFiles) -> Vec<Problem> {
    let mut known = KnownIds::of_entities_and_cases(bundle);
    let named = bundle.policy_set().named_entities();
    let mut found = in_tuples(bundle, &known, &named, files);
    bundle
        .tuples()
        .iter()
        .for_each(|tuple| known.add_tuple(tuple));
    let unknown = named.iter().filter(|(entity, _)| !known.has(entity));
    found.extend(unknown.take(MAX_COMPARED).filter_map(|(entity, policy)| {
        let near = known.near(entity)?;
        Some(in_policy(entity, policy, near, files))
    }));
    found.truncate(MAX_TOLD);
    found
}

impl KnownIds {
    /// Returns the ids of stored entities, of specialised actions, and of what cases are about.
    fn of_entities_and_cases(bundle: &Bundle) -> Self {
        let mut known = Self::default();
        for entity in bundle.stored().refs() {
            known.add(entity);
        }
        let vocabulary = &bundle.policy_set().schema().vocabulary;
        for (_, kind, id) in vocabulary.specialised_actions() {
            known.add(EntityRef::new(kind, id.clone()));
        }
        for case in bundle.cases() {
            known.add_case(case, bundle);
        }
        known
    }

    fn add_case(&mut self, case: &Case, bundle: &Bundle) {
        self.add_entities_in(&case.body);
        if let Ok(question) = read_question(&case.request, bundle.carriers()) {
            for member in question.chain.members() {
                self.add(member.uid.clone());
            }
        }
        for tuple in &case.tuples {
            self.add_tuple(tuple);
        }
        let entities = case.entities.as_deref().map(serde_json::from_str);
        if let Some(Ok(serde_json::Value::Array(entities))) = entities {
            for uid in entities.iter().filter_map(|entity| entity.get("uid")) {
                let uid = uid.get("__entity").unwrap_or(uid);
                let part = |name: &str| uid.get(name).and_then(serde_json::Value::as_str);
                if let (Some(kind), Some(id)) = (part("type"), part("id")) {
                    self.add(EntityRef::new(kind, id));
                }
            }
        }
    }

    /// Adds every `{type, id}` in a request.
    fn add_entities_in(&mut self, record: &Record) {
        let part = |name: &str| record.get(name).and_then(Value::as_text);
        if let (Some(kind), Some(id)) = (part("type"), part("id")) {
            self.add(EntityRef::new(kind.clone(), id.clone()));
        }
        for (_, value) in record.iter() {
            self.add_entities_in_value(value);
        }
    }

    fn add_entities_in_value(&mut self, value: &Value) {
        match value {
            Value::Record(record) => self.add_entities_in(record),
            Value::List(items) => {
                items
                    .iter()
                    .for_each(|item| self.add_entities_in_value(item));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    fn add_tuple(&mut self, tuple: &Tuple) {
        let objects = std::iter::once(&tuple.key.object).chain(object_of(&tuple.key.user));
        for entity in objects.filter_map(ObjectRef::to_entity) {
            self.add(entity);
        }
    }

    fn add(&mut self, entity: EntityRef) {
        self.0.entry(entity.kind).or_default().insert(entity.id);
    }

    fn has(&self, entity: &EntityRef) -> bool {
        let ids = self.0.get(&entity.kind);
        ids.is_some_and(|ids| ids.contains(&entity.id))
    }

    /// Returns a known id that is one slip away.
    fn near(&self, entity: &EntityRef) -> Option<&SmolStr> {
        if entity.id.chars().count() < FEWEST_LETTERS {
            return None;
        }
        let ids = self.0.get(&entity.kind)?;
        let mut ids = ids.iter().take(MAX_KNOWN);
        ids.find(|id| may_be_near(&entity.id, id) && is_a_slip(&entity.id, id))
    }
}

/// Returns `true` if two ids differ in a few letters in one place; most do not, and this tells it
/// quickly.
fn may_be_near(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let alike = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| {
        pairs.take_while(|(one, other)| one == other).count()
    };
    let begin = alike(&mut one.iter().zip(other));
    let end = alike(&mut one.iter().rev().zip(other.iter().rev()));
    // Two letters that are swapped have at most four bytes each.
    one.len().max(other.len()) <= begin + end + 2 * char::MAX.len_utf8()
}

fn object_of(user: &TupleUser) -> Option<&ObjectRef> {
    match user {
        TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some(object),
        TupleUser::Wildcard(_) => None,
    }
}

fn in_policy(
    entity: &EntityRef,
    policy: &PolicyRef,
    near: &SmolStr,
    files: &BundleFiles,
) -> Problem {
    let message = format!(
        "the policy `{}` names `{entity}`, which is neither stored nor in a tuple or a case",
        policy.id
    );
    let texts = [
        format!("\"{}\"", entity.id),
        format!("{entity}#"),
        entity.id.to_string(),
    ];
    let place = texts
        .iter()
        .find_map(|text| files.text_from_line(&policy.file, policy.line, text))
        .or_else(|| files.find_in_own("links.json", &entity.id))
        .or_else(|| files.line_of(&policy.file, policy.line));
    told(message, entity, near, place)
}

fn told(message: String, entity: &EntityRef, near: &SmolStr, place: Option<Place>) -> Problem {
    let problem = Problem::new(message).help(format!(
        "did you mean `{}:{near}`? if not, write a case about it",
        entity.kind
    ));
    Problem { place, ..problem }
}

/// How tuples name an object.
#[derive(Debug, Default)]
struct TupleMentions {
    count: usize,
    is_object: bool,
    is_userset: bool,
}

/// Returns the ids that one tuple names and nothing else knows. A name beside it must be known by
/// more than another tuple: things that tuples alone name are often numbered or lettered. That a
/// userset has members is as good.
fn in_tuples(
    bundle: &Bundle,
    known: &KnownIds,
    named: &BTreeMap<EntityRef, &PolicyRef>,
    files: &BundleFiles,
) -> Vec<Problem> {
    let mut mentions: BTreeMap<&ObjectRef, TupleMentions> = BTreeMap::new();
    for tuple in bundle.tuples() {
        let object = mentions.entry(&tuple.key.object).or_default();
        object.count += 1;
        object.is_object = true;
        if let Some(user) = object_of(&tuple.key.user) {
            let user_mentions = mentions.entry(user).or_default();
            user_mentions.count += 1;
            user_mentions.is_userset |= matches!(tuple.key.user, TupleUser::Userset { .. });
        }
    }
    let mut known_besides = KnownIds(known.0.clone());
    named
        .keys()
        .for_each(|entity| known_besides.add(entity.clone()));
    let mut with_members = KnownIds(known_besides.0.clone());
    for (object, _) in mentions.iter().filter(|(_, mentions)| mentions.is_object) {
        object
            .to_entity()
            .into_iter()
            .for_each(|entity| with_members.add(entity));
    }
    let policies = bundle.policy_set();
    let once = mentions.iter().filter(|(_, mentions)| mentions.count == 1);
    let unknown = once.filter_map(|(object, mentions)| {
        let entity = object.to_entity()?;
        // What policies ask about by name is told when the bundle loads.
        let is_told = mentions.is_object
            && policies
                .objects_asked_for(&entity.kind)
                .is_some_and(|asked| !asked.is_empty());
        (!is_told && !known_besides.has(&entity)).then_some((object, mentions, entity))
    });
    let found = unknown.take(MAX_COMPARED).filter_map(|(object, mentions, entity)| {
        let near = if mentions.is_userset {
            with_members.near(&entity)
        } else {
            known_besides.near(&entity)
        }?;
        let message = format!(
            "a tuple names `{entity}`, which is neither stored nor in another tuple, a policy or a \
             case"
        );
        let text = object.to_string();
        let place = files
            .find_in_own("tuples.yaml", &text)
            .or_else(|| files.find_in_own("tuples.jsonl", &text));
        Some(told(message, &entity, near, place))
    });
    found.collect()
}
