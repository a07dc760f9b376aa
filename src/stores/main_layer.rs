//! Checks the bundle's model and tuples for the store `main` against what is stored, and then
//! publishes them with the bundle.
//!
//! This takes two steps, because a bundle is refused as a whole, with all of its problems, before
//! any part of it takes effect. The second step makes the same checks for tuples that were written
//! in between.
//!
//! INVARIANT: no key is both in the bundle and in the store; and a reader that takes the current
//! version of `main` (pins it) gets a bundle, its model, its tuples and its revision, which all
//! belong together.

use crate::bundle::Bundle;
use crate::model::{Digest, Problem, Problems, Revision, Tuple, TupleKey};
use crate::relations::graph::TupleOrigin;
use crate::relations::model::{AuthorizationModel, to_json};
use crate::relations::{Graph, Rules};
use crate::stores::version::CompiledModel;
use crate::stores::{ModelId, Stores, StoresError};
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashSet;
use std::sync::Arc;

/// Maximum number of tuples that one refusal lists; the others are only counted.
const MAX_LISTED: usize = 100;

/// A bundle's model and tuples, checked and ready for `main`.
#[derive(Debug)]
pub struct MainLayer {
    model: Option<Arc<CompiledModel>>,
    allow_orphans: bool,
    /// The content of `main` with this layer: the bundle's tuples, and the stored ones as of the
    /// graph's revision.
    graph: Graph,
}

impl Stores {
    /// Checks a bundle's model and tuples against what is stored in `main`, and prepares them.
    /// Refuses, with the whole list, tuples whose keys are stored and, unless `allow_orphans`,
    /// stored tuples that the model does not allow. Whether the model allows the bundle's own
    /// tuples is checked with the bundle.
    pub fn prepare_main(
        &self,
        model: Option<&AuthorizationModel>,
        tuples: Vec<Tuple>,
        allow_orphans: bool,
    ) -> Result<MainLayer, Problems> {
        let version = self.main.version.load_full();
        let stored = version.graph();
        let colliding = tuples
            .iter()
            .filter(|tuple| stored.tuple(TupleOrigin::Store, &tuple.key).is_some());
        let mut problems = listed(colliding.map(|tuple| &tuple.key), collision);
        if !allow_orphans {
            // Whether a model allows a tuple depends only on the tuple's kind.
            let orphans =
                stored.tuples_of_kinds(TupleOrigin::Store, |tuple| !is_allowed(model, tuple));
            problems.extend(listed(orphans.map(|tuple| tuple.key), |key| orphan(&key)));
        }
        Problems(problems).into_result()?;
        let ready = MainLayer::over(stored, model, tuples, allow_orphans);
        ready.map_err(|error| Problems::from(Problem::new(error.to_string())))
    }

    /// Publishes a layer together with its bundle, so that readers that pin `main` from then on see
    /// both. The changelog records the bundle's digest. `bundle` is absent only if the service has
    /// relations and no policies.
    ///
    /// Tuples that were written since the layer was prepared are checked again; writers wait only
    /// for this and for the publication.
    pub fn commit_main(
        &self,
        mut layer: MainLayer,
        digest: Digest,
        bundle: Option<Arc<Bundle>>,
    ) -> Result<Revision, Problems> {
        let fail = |error: StoresError| Problems::from(Problem::new(error.to_string()));
        let mut written = Vec::new();
        self.catch_up_beside_writers(&self.main, &mut layer.graph, &mut written)
            .map_err(fail)?;
        let mut guard = self.lock_writes().map_err(fail)?;
        self.catch_up(&self.main, &mut layer.graph, &mut written)
            .map_err(fail)?;
        layer.check_written(&written)?;
        let now = self.now();
        // Recording the same digest as last time makes no revision.
        let noted = guard
            .durable(self.store.note_bundle(digest, now))
            .map_err(fail)?;
        let version = self.main.version.load_full();
        self.main
            .publish(version.with_layer(layer.graph.at(noted), layer.model, bundle, now));
        Ok(noted)
    }

    /// Returns the digest of the bundle that was published last, also by an earlier process.
    pub fn noted_bundle(&self) -> Result<Option<Digest>, StoresError> {
        Ok(self.store.noted_bundle()?)
    }
}

impl MainLayer {
    /// Builds the layer over the stored tuples. If the graph's table of names has no room for those
    /// of the model, the graph is rebuilt with a new table.
    fn over(
        stored: &Graph,
        model: Option<&AuthorizationModel>,
        tuples: Vec<Tuple>,
        allow_orphans: bool,
    ) -> Result<Self, StoresError> {
        let base = match model {
            Some(model) if !stored.has_room_for(model) => stored.renewed(model)?,
            _ => stored.clone(),
        };
        let model = match model {
            None => None,
            Some(model) => Some(Arc::new(CompiledModel {
                id: id_of(model),
                rules: Rules::compile(model, &base)?,
            })),
        };
        let graph = base.with_bundle(tuples, stored.revision())?;
        Ok(Self {
            model,
            allow_orphans,
            graph,
        })
    }

    /// Makes the checks of [`Stores::prepare_main`] for tuples that were written after the layer
    /// was prepared.
    fn check_written(&self, written: &[TupleKey]) -> Result<(), Problems> {
        let model = self.model.as_ref().map(|model| model.rules.model());
        let stored: HashSet<&TupleKey> = written.iter().collect();
        let stored: Vec<Tuple> = stored
            .into_iter()
            .filter_map(|key| self.graph.tuple(TupleOrigin::Store, key))
            .collect();
        let colliding = stored
            .iter()
            .filter(|tuple| self.graph.tuple(TupleOrigin::Bundle, &tuple.key).is_some());
        let mut problems = listed(colliding.map(|tuple| &tuple.key), collision);
        if !self.allow_orphans {
            let orphans = stored.iter().filter(|tuple| !is_allowed(model, tuple));
            problems.extend(listed(orphans.map(|tuple| &tuple.key), orphan));
        }
        Problems(problems).into_result()
    }
}

fn is_allowed(model: Option<&AuthorizationModel>, tuple: &Tuple) -> bool {
    let condition = tuple
        .condition
        .as_ref()
        .map(|condition| condition.name.as_str());
    model.is_some_and(|model| model.allows(&tuple.key, condition))
}

fn collision(key: &TupleKey) -> Problem {
    Problem::new(format!(
        "the tuple `{key}` of the bundle is stored in `main` too"
    ))
    .help("delete it there, or take it out of the bundle")
}

fn orphan(key: &TupleKey) -> Problem {
    Problem::new(format!(
        "the bundle's model does not allow the tuple `{key}`, which is stored in `main`"
    ))
    .help(
        "delete it, have the model allow it, or set `allow_orphans` to leave \
         it there without meaning",
    )
}

/// Makes the checks of [`Stores::prepare_main`] for stored tuples that come one after the other, so
/// that a command can make them for a directory or a service of which it holds no tuples.
#[derive(Debug)]
pub struct LayerCheck<'a> {
    bundle: &'a Bundle,
    bundled: HashSet<&'a TupleKey>,
    collisions: ListedTuples,
    orphans: ListedTuples,
    tuples: u64,
}

impl<'a> LayerCheck<'a> {
    /// Creates the check of a bundle.
    #[must_use]
    pub fn of(bundle: &'a Bundle) -> Self {
        Self {
            bundle,
            bundled: bundle.tuples().iter().map(|tuple| &tuple.key).collect(),
            collisions: ListedTuples::default(),
            orphans: ListedTuples::default(),
            tuples: 0,
        }
    }

    /// Checks a stored tuple.
    pub fn add(&mut self, tuple: &Tuple) {
        self.tuples += 1;
        if self.bundled.contains(&tuple.key) {
            self.collisions.add(&tuple.key, collision);
        }
        if !is_allowed(self.bundle.model(), tuple) {
            self.orphans.add(&tuple.key, orphan);
        }
    }

    /// Returns how many tuples were checked.
    #[must_use]
    pub fn tuples(&self) -> u64 {
        self.tuples
    }

    /// Returns how many of them the bundle's model does not allow. They are a problem unless the
    /// bundle says that they may stay.
    #[must_use]
    pub fn orphans(&self) -> usize {
        self.orphans.count()
    }

    /// Returns why the bundle would be refused.
    #[must_use]
    pub fn problems(self) -> Problems {
        let mut problems = self.collisions.problems();
        if !self.bundle.allow_orphans() {
            problems.extend(self.orphans.problems());
        }
        Problems(problems)
    }
}

/// A problem for each of some tuples, up to [`MAX_LISTED`], and the number of the rest.
#[derive(Debug, Default)]
struct ListedTuples {
    listed: Vec<Problem>,
    rest: usize,
}

impl ListedTuples {
    fn add<K>(&mut self, key: K, problem: impl Fn(K) -> Problem) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(problem(key));
        } else {
            self.rest += 1;
        }
    }

    fn count(&self) -> usize {
        self.listed.len() + self.rest
    }

    fn problems(mut self) -> Vec<Problem> {
        if self.rest > 0 {
            let told = format!("… and so it is with {} more tuples", self.rest);
            self.listed.push(Problem::new(told));
        }
        self.listed
    }
}

/// Returns one problem for each key, up to [`MAX_LISTED`], and one that counts the rest.
fn listed<K>(keys: impl Iterator<Item = K>, problem: impl Fn(K) -> Problem) -> Vec<Problem> {
    let mut listed = ListedTuples::default();
    keys.for_each(|key| listed.add(key, &problem));
    listed.problems()
}

/// Returns the id of a model, derived from its content: the same model has the same id wherever it
/// is loaded, and no other model has it.
fn id_of(model: &AuthorizationModel) -> ModelId {
    let hash = digest(&SHA256, to_json(model.definition()).to_string().as_bytes());
    let mut bits = [0; 16];
    bits.iter_mut()
        .zip(hash.as_ref())
        .for_each(|(to, from)| *to = *from);
    ModelId::from_bits(u128::from_be_bytes(bits))
}
