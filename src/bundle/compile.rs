//! Turns files into a bundle: finds out the kind of each file, and reports everything that is
//! wrong.

use super::cases::Case;
use super::files::BundleFiles;
use super::manifest::{self, BundleManifest, find, find_in};
use super::relations::SchemaTypes;
use super::sorted::FilesByKind;
use super::tuple_files::{self, BundleRelations};
use super::{case_reader, client_as_data, declared, mapped_routes, pack, relations, warnings};
use crate::mapping::Mapping;
use crate::model::{CarrierSettings, Digest, Place, Problem, Problems, Tuple};
use crate::policy::{
    CompiledPolicySet, DEFAULT_LEVEL, DeclaredReasons, RelationTypes, STACK_BYTES, Schema,
    StoredEntities,
};
use crate::relations::model::AuthorizationModel;
use std::sync::atomic::{AtomicU64, Ordering};

/// The generation of the next bundle.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);

/// The path of the manifest.
pub(super) const MANIFEST: &str = "policies/bundle.toml";

/// One immutable snapshot of policies and model.
#[derive(Debug)]
pub struct Bundle {
    generation: u64,
    digest: Digest,
    compiled: CompiledPolicySet,
    stored: StoredEntities,
    carriers: CarrierSettings,
    packs: Vec<String>,
    optional: Vec<String>,
    allow_orphans: bool,
    cases: Vec<Case>,
    mapping: Mapping,
    model: Option<AuthorizationModel>,
    tuples: Vec<Tuple>,
    warnings: Vec<Problem>,
}

impl Bundle {
    /// Returns a number that differs from that of every other bundle compiled by this process, even
    /// one of the same content.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the digest of the content.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the compiled schema and policies.
    #[must_use]
    pub fn policy_set(&self) -> &CompiledPolicySet {
        &self.compiled
    }

    /// Returns the stored entities.
    #[must_use]
    pub fn stored(&self) -> &StoredEntities {
        &self.stored
    }

    /// Returns the settings of carriers.
    #[must_use]
    pub fn carriers(&self) -> &CarrierSettings {
        &self.carriers
    }

    /// Returns the relation model, if there is one.
    #[must_use]
    pub fn model(&self) -> Option<&AuthorizationModel> {
        self.model.as_ref()
    }

    /// Returns the bundle's tuples; empty after they were taken.
    #[must_use]
    pub fn tuples(&self) -> &[Tuple] {
        &self.tuples
    }

    /// Moves the bundle's tuples to a caller that keeps them from now on: a million tuples as text
    /// take more memory than the graph that is made from them.
    #[must_use]
    pub fn take_tuples(&mut self) -> Vec<Tuple> {
        std::mem::take(&mut self.tuples)
    }

    /// Whether the bundle is loaded even if its model has no meaning for some stored tuples.
    #[must_use]
    pub fn allow_orphans(&self) -> bool {
        self.allow_orphans
    }

    /// Returns the packs that the bundle takes from the binary.
    #[must_use]
    pub fn packs(&self) -> &[String] {
        &self.packs
    }

    /// Returns the packs that are not part of the bundle, but are tried with it.
    #[must_use]
    pub fn optional(&self) -> &[String] {
        &self.optional
    }

    /// Returns the cases.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Returns what the requests that a gateway asks about mean.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Returns the problems that do not prevent loading and are probably mistakes.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Returns the merged Cedar schema with the engine's facts, in Cedar's own syntax, for editors
    /// and the Cedar CLI.
    #[must_use]
    pub fn schema_text(&self) -> String {
        self.compiled.schema().text.clone()
    }

    /// Returns counts for one log line: `41 policies, 23 entities, 12 actions, 96 cases`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |count: usize, one: &str, many: &str| {
            format!("{count} {}", if count == 1 { one } else { many })
        };
        [
            count(self.compiled.policy_ids().count(), "policy", "policies"),
            count(self.stored.len(), "entity", "entities"),
            count(self.tuples.len(), "tuple", "tuples"),
            count(
                self.compiled.schema().vocabulary.actions().len(),
                "action",
                "actions",
            ),
            count(self.cases.len(), "case", "cases"),
        ]
        .join(", ")
    }
}

/// Merges, checks and compiles files, and reports all problems together; does not run cases. Packs
/// that the bundle names are added to `files`, so that problems in them can be shown too.
pub fn compile(files: &mut BundleFiles) -> Result<Bundle, Problems> {
    // Cedar's parser is recursive. It runs on a thread of its own, so that the caller's stack does
    // not limit a bundle.
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new()
            .name("bundle".to_owned())
            .stack_size(STACK_BYTES);
        let thread = builder
            .spawn_scoped(scope, || compile_here(files))
            .map_err(|error| {
                Problem::new(format!("the bundle cannot be compiled: {error}"))
                    .help("free some memory")
            })?;
        thread.join().unwrap_or_else(|_| {
            Err(Problem::new("the bundle cannot be compiled: its compilation failed").into())
        })
    })
}

fn compile_here(files: &mut BundleFiles) -> Result<Bundle, Problems> {
    let mut problems = Vec::new();
    let manifest = read_manifest(files, &mut problems);
    add_packs(files, &manifest, &mut problems);
    let sorted = FilesByKind::new(files, &mut problems);
    let mut declared_reasons = DeclaredReasons::new();
    for file in &sorted.manifests {
        if let Err(problem) = manifest::read_reasons(file, &mut declared_reasons)
            && !problems.contains(&problem)
        {
            problems.push(problem);
        }
    }
    let parts = compile_parts(&sorted, &manifest, files, declared_reasons, &mut problems);
    match (parts, problems.is_empty()) {
        (Some(parts), true) => Ok(Bundle {
            warnings: ordered(warnings::of(&parts, &manifest, files)),
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            digest: files.digest(),
            carriers: CarrierSettings {
                attributes: declared::shared_names(&parts.compiled),
                near: declared::near_names(&parts.compiled, parts.model.as_ref()),
                ..manifest.carriers()
            },
            model: parts.model,
            tuples: parts.tuples,
            compiled: parts.compiled,
            stored: parts.stored,
            cases: parts.cases,
            mapping: parts.mapping,
            allow_orphans: manifest.allow_orphans,
            packs: manifest.packs,
            optional: manifest.optional,
        }),
        _ => Err(Problems(ordered(problems))),
    }
}

fn ordered(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|one, other| in_order(one).cmp(&in_order(other)));
    problems
}

/// Returns what a report is ordered by: the file, and the place in it.
pub(super) fn in_order(problem: &Problem) -> Option<(&str, usize)> {
    let place = problem.place.as_ref()?;
    Some((&place.file, place.offset))
}

fn compile_parts(
    sorted: &FilesByKind,
    manifest: &BundleManifest,
    files: &BundleFiles,
    declared_reasons: DeclaredReasons,
    problems: &mut Vec<Problem>,
) -> Option<BundleParts> {
    let model = keep(read_model(sorted), problems)?;
    let types = model
        .as_ref()
        .map(relations::relation_types)
        .unwrap_or_default();
    let schema = keep(Schema::read(&sorted.schemas, types), problems)?;
    let schema = schema.with_level(manifest.level.unwrap_or(DEFAULT_LEVEL));
    let tuples = keep(
        tuple_files::read_tuples(&sorted.tuples.iter().collect::<Vec<_>>(), model.as_ref()),
        problems,
    );
    check_types(&schema, manifest, files, problems);
    let stored = keep(StoredEntities::read(&sorted.entities, &schema), problems);
    let cases = match &stored {
        Some(stored) => {
            let layer = BundleRelations::new(model.as_ref(), tuples.as_deref().unwrap_or_default());
            keep(
                case_reader::read(
                    &sorted.cases.iter().collect::<Vec<_>>(),
                    &schema,
                    stored,
                    &layer,
                ),
                problems,
            )
        }
        None => None,
    };
    let mapping = keep(
        mapped_routes::read(&sorted.routes, &schema, &manifest.types),
        problems,
    );
    let compiled = keep(
        CompiledPolicySet::new(schema, &sorted.policies, &sorted.links, declared_reasons),
        problems,
    );
    if let Some(compiled) = &compiled {
        check_reasons(compiled, manifest, files, problems);
        problems.extend(client_as_data::problem(compiled, manifest, files));
    }
    Some(BundleParts {
        compiled: compiled?,
        stored: stored?,
        cases: cases?,
        mapping: mapping?,
        model,
        tuples: tuples?,
    })
}

/// The parts of a bundle.
pub(super) struct BundleParts {
    pub(super) compiled: CompiledPolicySet,
    pub(super) stored: StoredEntities,
    cases: Vec<Case>,
    mapping: Mapping,
    pub(super) model: Option<AuthorizationModel>,
    pub(super) tuples: Vec<Tuple>,
}

/// Reads the relation model, if there is one.
fn read_model(sorted: &FilesByKind) -> Result<Option<AuthorizationModel>, Problems> {
    if sorted.models.is_empty() {
        return Ok(None);
    }
    // The model may mention types that only the schema defines, so the schema is first read without
    // relations.
    let schema = Schema::read(&sorted.schemas, RelationTypes::default())?;
    let declared = schema.vocabulary.types().into_iter().cloned().collect();
    let types = SchemaTypes {
        declared,
        principals: schema.principals(),
    };
    relations::read_model(&sorted.models, &types)
}

fn keep<T>(result: Result<T, Problems>, problems: &mut Vec<Problem>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(found) => {
            problems.extend(found.0);
            None
        }
    }
}

fn read_manifest(files: &BundleFiles, problems: &mut Vec<Problem>) -> BundleManifest {
    let Some(file) = files.file(MANIFEST) else {
        return BundleManifest::default();
    };
    match manifest::read_bundle(file) {
        Ok(mut manifest) => {
            if let Some(name) = &files.added {
                manifest.optional.retain(|optional| optional != name);
                manifest.packs.push(name.clone());
            }
            manifest
        }
        Err(problem) => {
            problems.push(problem);
            BundleManifest::default()
        }
    }
}

fn add_packs(files: &mut BundleFiles, manifest: &BundleManifest, problems: &mut Vec<Problem>) {
    files.packs.clear();
    let named: Vec<&String> = manifest.packs.iter().chain(&manifest.optional).collect();
    for (path, pack) in files
        .copied
        .iter()
        .filter(|(_, pack)| !named.contains(&pack))
    {
        let message =
            format!("`{path}` belongs to the pack `{pack}`, which the bundle does not name");
        problems.push(Problem::new(message).at(Place::whole(path)).help(format!(
            "add `{pack}` to `packs` in `{MANIFEST}`, or remove the file: it would not be applied"
        )));
    }
    for (index, name) in named.iter().enumerate() {
        let place = files
            .file(MANIFEST)
            .map(|file| find(file, &format!("\"{name}\"")));
        let before = named.iter().take(index).filter(|known| *known == name);
        let mut problem = if let before @ 1.. = before.count() {
            manifest::named_twice(files.file(MANIFEST), name, before)
        } else if let Some(pack) = pack::files(name, files.is_default) {
            if index < manifest.packs.len() {
                files.packs.extend(pack);
            }
            continue;
        } else {
            let known: Vec<String> = pack::packs()
                .into_iter()
                .map(|pack| format!("`{}`", pack.name))
                .collect();
            Problem::new(format!("there is no pack `{name}`"))
                .help(format!("the packs are {}", known.join(", ")))
        };
        problem.place = problem.place.or(place);
        problems.push(problem);
    }
}

/// Checks the types in the manifest: aliases stand for declared types and are not declared
/// themselves; the types of agents and clients are declared.
fn check_types(
    schema: &Schema,
    manifest: &BundleManifest,
    files: &BundleFiles,
    problems: &mut Vec<Problem>,
) {
    let declared = |name: &str| schema.vocabulary.entity_type(name).is_some();
    let file = files.file(MANIFEST);
    let mut refuse = |place: Option<Place>, message: String, help: &str| {
        problems.push(Problem {
            place,
            ..Problem::new(message).help(help)
        });
    };
    for (alias, stands_for) in &manifest.types {
        if declared(alias) {
            let message = format!("`{alias}` is declared in the schema and cannot be an alias");
            refuse(
                file.map(|file| find(file, alias)),
                message,
                "remove the alias, or the declaration",
            );
        }
        if !declared(stands_for) {
            let message = format!(
                "the alias `{alias}` stands for `{stands_for}`, which the schema does not declare"
            );
            refuse(
                file.map(|file| find_in(file, "types", stands_for)),
                message,
                "an alias stands for a declared entity type",
            );
        }
    }
    let carriers = &manifest.carriers;
    for kind in carriers
        .agent_types
        .iter()
        .flatten()
        .chain(&carriers.client_id)
        .filter(|kind| !declared(kind))
    {
        let message =
            format!("`{kind}` in `[carriers]` is a type that the schema does not declare");
        refuse(
            file.map(|file| find_in(file, "carriers", kind)),
            message,
            "name a declared entity type",
        );
    }
}

/// Refuses a reason in the bundle's manifest that no policy gives. It is probably misspelt, and has
/// no effect.
fn check_reasons(
    compiled: &CompiledPolicySet,
    manifest: &BundleManifest,
    files: &BundleFiles,
    problems: &mut Vec<Problem>,
) {
    for code in manifest.reasons.keys().filter(|code| !compiled.gives(code)) {
        let mut problem = Problem::new(format!("no policy gives the reason `{code}`"))
            .help("a policy gives it with `@reason`; correct the spelling here or there");
        problem.place = files.file(MANIFEST).map(|file| find(file, code));
        problems.push(problem);
    }
}
