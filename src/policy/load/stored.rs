//! Stored entities: what the bundle knows of people, agents and things.

use crate::model::{EntityRef, Place, Problem, Problems};
use crate::policy::explanation::shown::without_secrets;
use crate::policy::load::ancestors::{MAX_ANCESTORS, too_many};
use crate::policy::load::references::{StrayKey, stray};
use crate::policy::load::repeated::locate_repeated;
use crate::policy::load::source::{SourceFile, problem_of};
use crate::policy::load::stored_values;
use crate::policy::schema::Schema;
use crate::policy::search::{KindIndex, StoredIndex};
use cedar_policy_core::ast::{Entity, EntityType, EntityUID};
use cedar_policy_core::entities::{Entities, EntityJsonParser, TCComputation};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::CoreSchema;
use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;
use std::sync::Arc;

/// The stored entities, each with all its ancestors. Clones are cheap.
#[derive(Clone, Debug, Default)]
pub struct StoredEntities {
    entities: Arc<HashMap<EntityUID, Arc<Entity>>>,
    /// The types that have an entity.
    kinds: Arc<HashSet<EntityType>>,
    /// The index for searches, built when the first search needs it.
    index: Arc<StoredIndex>,
}

impl StoredEntities {
    /// Reads entity files in Cedar's JSON form and checks them against the schema. Refuses an
    /// entity that occurs in two files unless both declare it alike.
    pub fn read(files: &[SourceFile], schema: &Schema) -> Result<Self, Problems> {
        Self::read_files(files, schema).map_err(|problems| {
            let file_of = |problem: &Problem| {
                let place = problem.place.as_ref();
                files
                    .iter()
                    .find(|file| place.is_some_and(|place| place.file == file.path))
                    .or_else(|| files.first())
            };
            let hide = |problem: Problem| match file_of(&problem) {
                Some(file) => without_secrets(problem, file, &schema.vocabulary),
                None => problem,
            };
            Problems(problems.0.into_iter().map(hide).collect())
        })
    }

    fn read_files(files: &[SourceFile], schema: &Schema) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut all = Vec::new();
        for file in files {
            if let Some(problem) = unknown_key(file, schema) {
                problems.push(problem);
                continue;
            }
            match parse(&file.text, schema) {
                Ok(entities) => all.extend(entities.into_iter().map(|entity| (file, entity))),
                Err(error) => problems.push(locate(file, problem_of(&*error, files, Some(file)))),
            }
        }
        problems.extend(
            all.iter().flat_map(|(file, entity)| {
                stored_values::problems(file, entity, &schema.vocabulary)
            }),
        );
        Problems(problems).into_result()?;
        check_ancestors(all.iter().map(|(_, entity)| entity)).map_err(|problem| {
            let file = all
                .iter()
                .find(|(_, entity)| problem.message.contains(&format!("`{}`", entity.uid())));
            Problems::from(file.map_or_else(
                || problem.clone(),
                |(file, _)| locate(file, problem.clone()),
            ))
        })?;
        close(all.iter().map(|(_, entity)| entity.clone()), schema).map_err(|error| {
            let problem = problem_of(&*error, files, None);
            let every: Vec<&SourceFile> = files.iter().collect();
            if let Some(located) = locate_repeated(&every, &problem) {
                return Problems::from(located);
            }
            let file = all
                .iter()
                .find(|(_, entity)| problem.message.contains(&entity.uid().to_string()));
            Problems::from(match file {
                Some((file, _)) => locate(file, problem),
                None => problem,
            })
        })
    }

    /// Returns these entities with those of a file added; an entity of the same id is replaced.
    pub fn with(&self, file: &SourceFile, schema: &Schema) -> Result<Self, Problems> {
        self.with_file(file, schema).map_err(|problems| {
            let hide = |problem| without_secrets(problem, file, &schema.vocabulary);
            Problems(problems.0.into_iter().map(hide).collect())
        })
    }

    fn with_file(&self, file: &SourceFile, schema: &Schema) -> Result<Self, Problems> {
        if let Some(problem) = unknown_key(file, schema) {
            return Err(problem.into());
        }
        let refuse = |error: &EntityDiagnostic| {
            Problems::from(locate(file, problem_of(&**error, &[], Some(file))))
        };
        let added = parse(&file.text, schema).map_err(|error| refuse(&error))?;
        let problems = added
            .iter()
            .flat_map(|entity| stored_values::problems(file, entity, &schema.vocabulary));
        Problems(problems.collect()).into_result()?;
        let kept = self
            .entities
            .values()
            .filter(|entity| added.iter().all(|new| new.uid() != entity.uid()));
        let kept: Vec<Entity> = kept
            .map(|entity| without_indirect_ancestors(entity))
            .collect();
        check_ancestors(kept.iter().chain(&added)).map_err(|problem| locate(file, problem))?;
        close(kept.into_iter().chain(added.iter().cloned()), schema).map_err(|error| refuse(&error))
    }

    pub(in crate::policy) fn get(&self, uid: &EntityUID) -> Option<&Arc<Entity>> {
        self.entities.get(uid)
    }

    /// Returns `true` if there is an entity of the type.
    pub(in crate::policy) fn has_kind(&self, kind: &EntityType) -> bool {
        self.kinds.contains(kind)
    }

    /// Returns `true` if the entity is stored.
    #[must_use]
    pub fn holds(&self, entity: &EntityRef) -> bool {
        self.of_kind(&entity.kind).holds(&entity.id)
    }

    /// Returns the position of every entity of a type in the order of searches, sorted. `place`
    /// computes the position from an id, and must be the same function in every call, because the
    /// result is kept.
    #[must_use]
    pub fn places(&self, kind: &str, place: fn(&str) -> (u64, SmolStr)) -> Arc<[(u64, SmolStr)]> {
        self.of_kind(kind).places(place)
    }

    /// Returns the index of the entities of one type.
    pub(in crate::policy) fn of_kind(&self, kind: &str) -> Arc<KindIndex> {
        self.index.of_kind(kind, &self.entities)
    }

    /// Returns the ids of all entities of a type, in no order.
    pub fn ids(&self, kind: &str) -> impl Iterator<Item = &str> {
        let kind: Option<EntityType> = kind.parse().ok();
        let uids = self.entities.keys();
        uids.filter(move |uid| Some(uid.entity_type()) == kind.as_ref())
            .map(|uid| uid.eid().as_ref())
    }

    /// Returns the number of entities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Returns `true` if there are no entities.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Returns every entity as `(type, id)`, in order.
    #[must_use]
    pub fn refs(&self) -> Vec<EntityRef> {
        let mut refs: Vec<_> = self
            .entities
            .keys()
            .map(|uid| {
                EntityRef::new(
                    uid.entity_type().to_string(),
                    AsRef::<str>::as_ref(uid.eid()),
                )
            })
            .collect();
        refs.sort();
        refs
    }
}

type EntityDiagnostic = Box<dyn miette::Diagnostic + Send + Sync>;

/// Reports keys that Cedar ignores: with a mistyped `tags`, a forbid on tags would not apply.
fn unknown_key(file: &SourceFile, schema: &Schema) -> Option<Problem> {
    let entities: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(&file.text).ok()?;
    let StrayKey { key, of } = entities.iter().find_map(|entity| stray(entity, schema))?;
    let place = file
        .text
        .find(&format!("\"{key}\""))
        .map(|at| file.place(at, key.len() + 2));
    let problem = Problem::new(format!("unknown key `{key}` of {of}"));
    let help = "an entity has `uid`, `attrs`, `parents` and `tags`, and a reference \
        to one `type` and `id`";
    Some(Problem {
        place,
        ..problem.help(help)
    })
}

/// Checks the bound on ancestors: each entity holds all of its ancestors.
fn check_ancestors<'a>(entities: impl Iterator<Item = &'a Entity>) -> Result<(), Problem> {
    let Some((uid, count)) = too_many(entities) else {
        return Ok(());
    };
    let message = format!(
        "the stored entities have more than {MAX_ANCESTORS} ancestors together: \
         `{uid}` alone has {count} or more"
    );
    Err(Problem::new(message)
        .help("let groups lie within fewer groups, or make the membership a relation"))
}

fn parse(text: &str, schema: &Schema) -> Result<Vec<Entity>, EntityDiagnostic> {
    let core = CoreSchema::new(&schema.declared);
    let parser = EntityJsonParser::new(
        Some(&core),
        Extensions::all_available(),
        TCComputation::ComputeNow,
    );
    let entities = parser
        .iter_from_json_str(text)
        .map_err(|error| Box::new(error) as EntityDiagnostic)?;
    Ok(entities.collect())
}

fn close(
    entities: impl Iterator<Item = Entity>,
    schema: &Schema,
) -> Result<StoredEntities, EntityDiagnostic> {
    let core = CoreSchema::new(&schema.declared);
    let closed = Entities::from_entities(
        entities,
        Some(&core),
        TCComputation::ComputeNow,
        Extensions::all_available(),
    )
    .map_err(|error| Box::new(error) as EntityDiagnostic)?;
    let entities: HashMap<EntityUID, Arc<Entity>> = closed
        .iter()
        .filter(|entity| !entity.uid().is_action())
        .map(|entity| (entity.uid().clone(), Arc::new(entity.clone())))
        .collect();
    let kinds = entities
        .keys()
        .map(|uid| uid.entity_type().clone())
        .collect();
    Ok(StoredEntities {
        entities: Arc::new(entities),
        kinds: Arc::new(kinds),
        index: Arc::default(),
    })
}

/// Removes indirect ancestors. They are computed again later, because an added entity may give them
/// other parents.
fn without_indirect_ancestors(entity: &Entity) -> Entity {
    let mut entity = entity.clone();
    entity.remove_all_indirect_ancestors();
    entity
}

/// Adds a place to a problem. Cedar names the entity but no place, so this finds the id in the
/// text, or takes the line of a JSON error.
fn locate(file: &SourceFile, mut problem: Problem) -> Problem {
    if let Some(located) = locate_repeated(&[file], &problem) {
        return located;
    }
    let is_of_action = problem.message.contains("Action::\"")
        && ["duplicate entity entry", "schema declaration"]
            .iter()
            .any(|words| problem.message.contains(words));
    if is_of_action {
        problem.help = Some(
            "actions and their groups are declared in the schema, \
             `action read in [touch] appliesTo { … };`: remove it here"
                .to_owned(),
        );
    }
    let offset = quoted_id(&problem.message)
        .and_then(|id| {
            file.text
                .find(&format!("\"{id}\""))
                .map(|at| (at, id.len() + 2))
        })
        .or_else(|| line_and_column(&problem.message, &file.text).map(|at| (at, 1)));
    problem.place = Some(match offset {
        Some((at, len)) => file.place(at, len),
        None => Place::whole(&file.path),
    });
    problem
}

fn quoted_id(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("::\"")?;
    rest.split_once('"').map(|(id, _)| id)
}

fn line_and_column(message: &str, text: &str) -> Option<usize> {
    let (_, rest) = message.rsplit_once("at line ")?;
    let (line, column) = rest.split_once(" column ")?;
    let line: usize = line.trim().parse().ok()?;
    let column: usize = column
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()?;
    let start: usize = text
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    Some((start + column.saturating_sub(1)).min(text.len().saturating_sub(1)))
}
