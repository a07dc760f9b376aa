//! Reads the bundle's tuples.
//!
//! INVARIANT: every tuple of a bundle is allowed by its model, and its ids are the one canonical
//! spelling of their entities. A tuple that the engine would ignore is refused here: it would look
//! like a grant but not be one, or the reverse.

use super::error::CaseError;
use super::yaml::{self, Location, Spanned, YamlRecord};
use crate::model::{
    Place, Problem, Problems, Tuple, TupleCondition, TupleKey, TupleTextError, TupleUser,
    is_canonical_id,
};
use crate::policy::SourceFile;
use crate::relations::model::{AuthorizationModel, TupleRefusal};
use serde::Deserialize;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A tuple in the form of files and cases; its members are texts, with their places where the
/// parser knows them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct TupleText")]
pub(super) struct TupleText<T> {
    user: T,
    relation: T,
    object: T,
    condition: Option<ConditionText<T>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct ConditionText")]
struct ConditionText<T> {
    name: T,
    #[serde(default)]
    context: Option<YamlRecord>,
}

/// The member of a tuple that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TupleMember {
    User,
    Relation,
    Object,
    Condition,
}

impl TupleText<Spanned<String>> {
    /// Returns the texts without their places.
    fn plain(&self) -> TupleText<String> {
        TupleText {
            user: self.user.value.clone(),
            relation: self.relation.value.clone(),
            object: self.object.value.clone(),
            condition: self.condition.as_ref().map(|condition| ConditionText {
                name: condition.name.value.clone(),
                context: condition.context.clone(),
            }),
        }
    }

    /// Returns where the member is written.
    fn written_at(&self, member: TupleMember) -> Location {
        let condition = self.condition.as_ref().map(|condition| &condition.name);
        match member {
            TupleMember::User => self.user.referenced,
            TupleMember::Relation => self.relation.referenced,
            TupleMember::Object => self.object.referenced,
            TupleMember::Condition => condition.unwrap_or(&self.user).referenced,
        }
    }
}

/// Reads tuple files; each tuple must be allowed by the model, and occur only once.
pub(super) fn read_tuples(
    files: &[&SourceFile],
    model: Option<&AuthorizationModel>,
) -> Result<Vec<Tuple>, Problems> {
    let mut problems = Vec::new();
    let mut tuples: Vec<Tuple> = Vec::new();
    let mut seen: HashMap<TupleKey, Place> = HashMap::new();
    for file in files {
        let mut misplaced = Vec::new();
        let texts = match parse_file(file) {
            Ok(texts) => texts,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for (index, (text, place)) in texts.into_iter().enumerate() {
            match to_tuple(text, model) {
                Ok(tuple) => match seen.entry(tuple.key.clone()) {
                    Entry::Vacant(free) => {
                        free.insert(place);
                        tuples.push(tuple);
                    }
                    Entry::Occupied(first) => {
                        let problem =
                            Problem::new(format!("the tuple `{}` is written twice", tuple.key))
                                .help("remove one of the two");
                        problems.push(problem.at(place).and_at(first.get().clone()));
                    }
                },
                Err(error) => misplaced.push((index, place, error)),
            }
        }
        problems.extend(at_members(file, misplaced));
    }
    Problems(problems).into_result().map(|()| tuples)
}

/// Returns the problems of tuples of a file, given by their indexes, each at the member that is at
/// fault. The file is read again for the places of members: of a million tuples they take more
/// memory than the tuples.
fn at_members(file: &SourceFile, refused: Vec<(usize, Place, CaseError)>) -> Vec<Problem> {
    let texts: Vec<TupleText<Spanned<String>>> =
        if refused.is_empty() || file.path.ends_with(".jsonl") {
            Vec::new()
        } else {
            yaml::parse(file).unwrap_or_default()
        };
    let problem = |(index, place, error): (usize, Place, CaseError)| {
        let text = texts.get(index);
        let member = text.map(|text| yaml::place(file, text.written_at(member_of(&error))));
        Problem::new(error.to_string()).at(member.unwrap_or(place))
    };
    refused.into_iter().map(problem).collect()
}

/// Returns the tuples of a file, each with its place.
fn parse_file(file: &SourceFile) -> Result<Vec<(TupleText<String>, Place)>, Problem> {
    if file.path.ends_with(".jsonl") {
        let mut offset = 0;
        let mut found = Vec::new();
        for line in file.text.split_inclusive('\n') {
            let place = file.place(offset, line.trim_end().len());
            offset += line.len();
            if !line.trim().is_empty() {
                let text = serde_json::from_str(line).map_err(|error| {
                    // The parser counts lines from the one that it is given.
                    let error = error.to_string();
                    let message = error.split(" at line ").next().unwrap_or_default();
                    Problem::new(message).at(place.clone())
                })?;
                found.push((text, place));
            }
        }
        return Ok(found);
    }
    let texts: Vec<Spanned<TupleText<String>>> = yaml::parse(file)?;
    Ok(texts
        .into_iter()
        .map(|text| (text.value, yaml::place(file, text.referenced)))
        .collect())
}

fn to_tuple(
    text: TupleText<String>,
    model: Option<&AuthorizationModel>,
) -> Result<Tuple, CaseError> {
    let key = TupleKey::parse_shown(&text.user, &text.relation, &text.object)?;
    let condition = text.condition.map(|condition| {
        let context = condition
            .context
            .map(|YamlRecord(context)| context)
            .unwrap_or_default();
        Arc::new(TupleCondition {
            name: condition.name.into(),
            context,
        })
    });
    let tuple = Tuple { key, condition };
    check_canonical(&tuple.key)?;
    match model.ok_or(CaseError::NoModel)?.check_tuple(&tuple) {
        Ok(()) => Ok(tuple),
        Err(refusal) => Err(CaseError::Tuple {
            key: Box::new(tuple.key),
            refusal,
        }),
    }
}

/// Returns the member of a tuple that an error is about; the user, where it is about the whole.
fn member_of(error: &CaseError) -> TupleMember {
    match error {
        CaseError::TupleText(error) => match error {
            TupleTextError::Object(_) | TupleTextError::ObjectTooLong => TupleMember::Object,
            TupleTextError::Relation(_) => TupleMember::Relation,
            TupleTextError::User(_)
            | TupleTextError::Type(_)
            | TupleTextError::Key(_)
            | TupleTextError::UserTooLong => TupleMember::User,
        },
        CaseError::NotCanonical { is_user: false, .. } => TupleMember::Object,
        CaseError::Tuple { key, refusal } => member_refused(key, refusal),
        _ => TupleMember::User,
    }
}

fn member_refused(key: &TupleKey, refusal: &TupleRefusal) -> TupleMember {
    match refusal {
        TupleRefusal::UnknownType(kind) if kind == key.object.kind() => TupleMember::Object,
        TupleRefusal::UnknownRelation { kind, relation, .. }
            if kind == key.object.kind() && *relation == key.relation =>
        {
            TupleMember::Relation
        }
        TupleRefusal::NotAssignable { .. } => TupleMember::Relation,
        TupleRefusal::WrongCondition { .. }
        | TupleRefusal::Condition(_)
        | TupleRefusal::ContextTooLarge(_)
        | TupleRefusal::ControlCharacter(_) => TupleMember::Condition,
        TupleRefusal::UnknownType(_)
        | TupleRefusal::UnknownRelation { .. }
        | TupleRefusal::UserNotAllowed { .. }
        | TupleRefusal::Implicit(_) => TupleMember::User,
    }
}

/// Refuses an id that is not the encoding of its own decoding: it would be a second spelling of
/// some entity.
fn check_canonical(key: &TupleKey) -> Result<(), CaseError> {
    let user = match &key.user {
        TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some((object, true)),
        TupleUser::Wildcard(_) => None,
    };
    for (object, is_user) in user.into_iter().chain([(&key.object, false)]) {
        if !is_canonical_id(object.id()) {
            let object = object.clone();
            return Err(CaseError::NotCanonical { object, is_user });
        }
    }
    Ok(())
}

/// The model and the tuples of a bundle, against which its cases are checked.
pub(super) struct BundleRelations<'a> {
    model: Option<&'a AuthorizationModel>,
    keys: HashSet<&'a TupleKey>,
}

impl<'a> BundleRelations<'a> {
    /// Creates a layer from the model and the bundle's tuples.
    pub(super) fn new(model: Option<&'a AuthorizationModel>, tuples: &'a [Tuple]) -> Self {
        Self {
            model,
            keys: tuples.iter().map(|tuple| &tuple.key).collect(),
        }
    }

    /// Reads a case's tuples; of several with one key, the last counts. As with writes, a tuple of
    /// the bundle cannot be replaced.
    pub(super) fn given(
        &self,
        given: &[Spanned<TupleText<Spanned<String>>>],
    ) -> Result<Vec<Tuple>, (Location, CaseError)> {
        let mut tuples: Vec<Tuple> = Vec::with_capacity(given.len());
        for Spanned { value: text, .. } in given {
            let tuple = to_tuple(text.plain(), self.model)
                .map_err(|error| (text.written_at(member_of(&error)), error))?;
            if self.keys.contains(&tuple.key) {
                let error = CaseError::BundledTuple(Box::new(tuple.key));
                return Err((text.user.referenced, error));
            }
            tuples.retain(|known| known.key != tuple.key);
            tuples.push(tuple);
        }
        Ok(tuples)
    }
}
