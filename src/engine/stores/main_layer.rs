//! The bundle's model and tuples in the store `main`: checked against what is stored, then published with the bundle.
//!
//! Two steps, because a bundle is refused as a whole, with all that is wrong with it, before anything of it counts. What
//! was written between the two is checked again in the second.
//!
//! INVARIANT: no key stands both in the bundle and in the store; and one pin of `main` gives a bundle, its model, its
//! tuples and the revision that belong together.

use super::version::Model;
use super::{ModelId, Stores, StoresError};
use crate::bundle::Bundle;
use crate::model::{Digest, Problem, Problems, Revision, Tuple};
use crate::relations::graph::Origin;
use crate::relations::model::{AuthorizationModel, to_json};
use crate::relations::{Graph, Rules};
use aws_lc_rs::digest::{SHA256, digest};
use std::sync::Arc;

/// Most tuples that one refusal lists; the rest are counted.
const MAX_LISTED: usize = 100;

/// A bundle's model and tuples that `main` can take.
#[derive(Debug)]
pub struct MainLayer {
    model: Option<Arc<Model>>,
    tuples: Vec<Tuple>,
    allow_orphans: bool,
    /// The version of `main` that the checks saw.
    checked: Revision,
}

impl Stores {
    /// Checks a bundle's model and tuples against what is stored in `main`, and makes them ready. Refused, with the whole
    /// list, are tuples whose keys are stored, and, unless `allow_orphans`, stored tuples that the model would leave
    /// without meaning. That the model allows the bundle's own tuples is for the bundle to say.
    pub fn prepare_main(
        &self,
        model: Option<&AuthorizationModel>,
        tuples: Vec<Tuple>,
        allow_orphans: bool,
    ) -> Result<MainLayer, Problems> {
        let version = self.main.version.load_full();
        let compiled = model.map(|model| {
            let rules = Rules::compile(model, version.graph()).map_err(|error| Problem::new(error.to_string()))?;
            Ok::<_, Problem>(Arc::new(Model { id: id_of(model), rules }))
        });
        let model = compiled.transpose().map_err(Problems::from)?;
        let layer = MainLayer { model, tuples, allow_orphans, checked: version.revision() };
        layer.check(version.graph())?;
        Ok(layer)
    }

    /// Publishes a layer together with its bundle: whoever pins `main` from then on has both. The change log notes the
    /// bundle's digest. `bundle` is absent only where nothing but relations is served.
    pub fn commit_main(
        &self,
        layer: MainLayer,
        digest: Digest,
        bundle: Option<Arc<Bundle>>,
    ) -> Result<Revision, Problems> {
        let fail = |error: StoresError| Problems::from(Problem::new(error.to_string()));
        let mut turn = self.turn().map_err(fail)?;
        let version = self.main.version.load_full();
        if version.revision() != layer.checked {
            layer.check(version.graph())?;
        }
        let now = self.now();
        let revision = turn.next();
        let graph = version.graph().with_bundle(layer.tuples.iter().cloned(), revision);
        let graph = graph.map_err(|error| fail(error.into()))?;
        let noted = turn.durable(self.store.note_bundle(digest, now)).map_err(fail)?;
        // A digest that was noted last makes no revision of its own.
        let graph = if noted == revision { Ok(graph) } else { version.graph().with_bundle(layer.tuples, noted) };
        let graph = graph.map_err(|error| fail(error.into()))?;
        self.main.publish(version.with_layer(graph, layer.model, bundle, now));
        Ok(noted)
    }
}

impl MainLayer {
    fn check(&self, graph: &Graph) -> Result<(), Problems> {
        let colliding = self.tuples.iter().filter(|tuple| graph.tuple(Origin::Store, &tuple.key).is_some());
        let mut problems = listed(colliding.map(|tuple| &tuple.key), |key| {
            Problem::new(format!("the tuple `{key}` of the bundle is stored in `main` too"))
                .help("delete it there, or take it out of the bundle")
        });
        if !self.allow_orphans {
            problems.extend(self.orphans(graph));
        }
        Problems(problems).into_result()
    }

    fn orphans(&self, graph: &Graph) -> Vec<Problem> {
        let model = self.model.as_ref().map(|model| model.rules.model());
        let is_orphan = |tuple: &Tuple| {
            let condition = tuple.condition.as_ref().map(|condition| condition.name.as_str());
            !model.is_some_and(|model| model.allows(&tuple.key, condition))
        };
        // What a model allows is a matter of the tuple's kind.
        let orphans = graph.tuples_of_kinds(Origin::Store, is_orphan);
        listed(orphans.map(|tuple| tuple.key), |key| {
            Problem::new(format!("the bundle's model does not allow the tuple `{key}`, which is stored in `main`"))
                .help("delete it, have the model allow it, or set `allow_orphans` to leave it there without meaning")
        })
    }
}

/// One problem for each, up to [`MAX_LISTED`], and one that counts the rest.
fn listed<K>(keys: impl Iterator<Item = K>, problem: impl Fn(K) -> Problem) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut rest = 0_usize;
    for key in keys {
        if problems.len() < MAX_LISTED {
            problems.push(problem(key));
        } else {
            rest += 1;
        }
    }
    if rest > 0 {
        problems.push(Problem::new(format!("… and so it is with {rest} more tuples")));
    }
    problems
}

/// The same model has the same id wherever it is loaded, and no other has it.
fn id_of(model: &AuthorizationModel) -> ModelId {
    let hash = digest(&SHA256, to_json(model.definition()).to_string().as_bytes());
    let mut bits = [0; 16];
    bits.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    ModelId::from_bits(u128::from_be_bytes(bits))
}
