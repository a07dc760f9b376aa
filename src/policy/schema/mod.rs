//! The schema: several files and packs, merged into one vocabulary.
//!
//! **Problem.** A pack and a bundle both declare `user`. Neither can contain the other's
//! attributes, and an attribute on which a pack's forbid relies must not become one that a request
//! may supply.
//! **Decision.** Declarations of the same entity type are united, attribute by attribute. An
//! annotation says where an attribute's value may come from, and the stricter annotation wins
//! wherever it is. The engine's facts are added to every action's context here, so that policies
//! that read them are validated like all others.
//! **Trade-off.** Nobody wrote the text of the merged schema; `behest schema` prints it.

mod facts;
mod members_twice;
mod merge;
mod names;
mod specialised;
mod usersets;
mod vocabulary;

pub use vocabulary::{ActionInfo, Attribute, Provenance, TypeInfo, Vocabulary};

use super::{DEFAULT_LEVEL, MAX_LEVEL};
use crate::model::{Place, Problem, Problems};
use crate::policy::analysis::mentions::USERSET;
use crate::policy::load::source::{SourceFile, place_of, problem_of};
use crate::policy::load::{expansion, hierarchy, nesting};
use crate::policy::port::RelationTypes;
use cedar_policy_core::ast::{Entity, EntityType, EntityUID, Name, UnreservedId};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::json_schema::Fragment;
use cedar_policy_core::validator::{RawName, ValidatorSchema, ValidatorSchemaFragment};
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A merged and checked schema.
#[derive(Debug)]
pub struct Schema {
    /// The schema in Cedar's own form, with facts and relations: policies are validated against it.
    pub(super) validator: ValidatorSchema,
    /// The schema as it was declared. Entity files are checked against it, so that none can name a
    /// userset.
    pub(super) declared: ValidatorSchema,
    /// What the relation model told the schema.
    pub(super) relations: RelationTypes,
    /// The type of usersets.
    pub(super) userset: EntityType,
    /// How many entities policies may look through.
    pub(super) level: u32,
    /// The actions as entities, with their groups.
    actions: HashMap<EntityUID, Arc<Entity>>,
    /// The vocabulary against which requests are read.
    pub vocabulary: Vocabulary,
    /// The schema in Cedar's human-readable syntax, with facts, for editors and the Cedar CLI.
    pub text: String,
}

impl Schema {
    /// Merges schema files and checks the result. Reports together all problems that can be found
    /// at once.
    pub fn read(files: &[SourceFile], relations: RelationTypes) -> Result<Self, Problems> {
        if files.iter().all(|file| file.path.starts_with("pack:")) {
            return Err(no_schema(files.is_empty()).into());
        }
        files.iter().try_for_each(nesting::check_schema)?;
        let mut merged = merge::merge(files)?;
        expansion::check(&merged.fragment, files)?;
        hierarchy::check(&merged.fragment, files)?;
        let declared = compile(merged.fragment.clone(), files)?;
        usersets::add(&mut merged, &relations, files)?;
        let mut whole = with_whole_names(&merged.fragment, files)?;
        facts::add(
            &mut whole,
            &declared,
            |namespace, action| place_of_action(&merged.fragment, namespace, action, files),
            |namespace, name| place_of_common_type(&merged.fragment, namespace, name, files),
        )?;
        let validator = compile(whole.clone(), files)?;
        let userset: EntityType = USERSET
            .parse()
            .map_err(|error| Problem::new(format!("`{USERSET}` is no type to Cedar: {error}")))?;
        let vocabulary = Vocabulary::new(&validator, &merged, |uid| {
            let kind = uid.entity_type().to_string();
            let namespace = kind
                .strip_suffix("::Action")
                .and_then(|namespace| namespace.parse().ok());
            place_of_action(
                &merged.fragment,
                namespace.as_ref(),
                uid.eid().as_ref(),
                files,
            )
        })?;
        let text = whole.to_cedarschema().map_err(|error| {
            Problem::new(format!("the merged schema cannot be written out: {error}"))
        })?;
        let actions = validator.action_entities().map_err(|error| {
            Problem::new(format!("the schema's actions form no hierarchy: {error}"))
        })?;
        let actions = actions
            .iter()
            .map(|action| (action.uid().clone(), Arc::new(action.clone())))
            .collect();
        let level = DEFAULT_LEVEL;
        Ok(Self {
            validator,
            declared,
            relations,
            userset,
            level,
            actions,
            vocabulary,
            text,
        })
    }

    /// Returns the same schema with a level of `level`, at most [`super::MAX_LEVEL`].
    #[must_use]
    pub fn with_level(self, level: u32) -> Self {
        Self {
            level: level.min(MAX_LEVEL),
            ..self
        }
    }

    /// Returns the names of the types that can be principals.
    #[must_use]
    pub fn principals(&self) -> BTreeSet<SmolStr> {
        self.validator
            .principals()
            .map(|kind| kind.to_string().into())
            .collect()
    }

    /// Returns an action as an entity.
    pub(super) fn action_entity(&self, uid: &EntityUID) -> Option<Arc<Entity>> {
        self.actions.get(uid).cloned()
    }

    /// Returns the actions as entities.
    pub(super) fn actions(&self) -> &HashMap<EntityUID, Arc<Entity>> {
        &self.actions
    }
}

/// Returns the problem of a bundle without a schema of its own.
fn no_schema(has_no_packs: bool) -> Problem {
    let problem = Problem::new(if has_no_packs {
        "the bundle has no schema"
    } else {
        "the bundle has no schema of its own, and packs declare nothing that can be asked for"
    });
    problem.help(
        "declare the types and actions that your policies speak of in \
         `schemas/<name>.cedarschema`, beside the folder `policies`",
    )
}

/// Returns the same fragment with every name fully qualified, so that a common type means the same
/// wherever it is used.
fn with_whole_names(
    fragment: &Fragment<RawName>,
    files: &[SourceFile],
) -> Result<Fragment<RawName>, Problems> {
    let refuse = |error: &dyn std::fmt::Display| {
        Problem::new(format!("the merged schema cannot be resolved: {error}"))
    };
    let resolved = fragment
        .to_internal_name_fragment_with_resolved_types()
        .map_err(|error| problem_of(&error, files, files.first()))?;
    let json = serde_json::to_value(&resolved).map_err(|error| refuse(&error))?;
    Ok(Fragment::from_json_value(json).map_err(|error| refuse(&error))?)
}

fn place_of_action(
    fragment: &Fragment<RawName>,
    namespace: Option<&Name>,
    name: &str,
    files: &[SourceFile],
) -> Option<Place> {
    let action = fragment.0.get(&namespace.cloned())?.actions.get(name)?;
    place_of(action.loc.as_ref(), files)
}

fn place_of_common_type(
    fragment: &Fragment<RawName>,
    namespace: Option<&Name>,
    name: &str,
    files: &[SourceFile],
) -> Option<Place> {
    let types = &fragment.0.get(&namespace.cloned())?.common_types;
    let (_, common) = types
        .iter()
        .find(|(id, _)| AsRef::<UnreservedId>::as_ref(*id).to_string() == name)?;
    place_of(common.loc.as_ref(), files)
}

fn compile(fragment: Fragment<RawName>, files: &[SourceFile]) -> Result<ValidatorSchema, Problems> {
    let fallback = match files {
        [only] => Some(only),
        _ => None,
    };
    let checked = ValidatorSchemaFragment::from_schema_fragment(fragment).and_then(|fragment| {
        ValidatorSchema::from_schema_fragments([fragment], Extensions::all_available())
    });
    let schema = checked.map_err(|error| Problems::from(problem_of(&error, files, fallback)))?;
    match schema.check_complete() {
        Ok(()) => Ok(schema),
        Err(error) => {
            Err(Problem::new(format!("external declarations are not supported: {error}")).into())
        }
    }
}
