//! A generated world, as the engine and the oracle see it.

use super::oracle::{Oracle, Value};
use super::world::World;
use behest::model::Revision;
use behest::relations::{
    Failure, Graph, Membership, ReaderTerms, RelationLimits, RelationReader, Rules,
};
use std::cell::Cell;

/// Worlds that are tried; more by hand with `BEHEST_WORLDS`.
pub(super) const WORLDS: u64 = 250;

/// Lists that are asked of a world.
pub(super) const LISTS: usize = 8;

/// Sub-problems that the oracle evaluates for one question before it gives up.
pub(super) const PATIENCE: u32 = 20_000;

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) tuples: Vec<behest::model::Tuple>,
    pub(super) graph: Graph,
    pub(super) rules: Rules,
}

impl Scene {
    pub(super) fn make(seed: u64) -> Option<Self> {
        let world = World::make(seed)?;
        let graph = Graph::load(world.layers[1].clone(), Revision(1)).unwrap();
        let graph = graph
            .with_bundle(world.layers[0].clone(), Revision(1))
            .unwrap();
        let rules = Rules::compile(&world.model, &graph).unwrap();
        let tuples = world.tuples();
        Some(Self {
            world,
            tuples,
            graph,
            rules,
        })
    }

    pub(super) fn oracle(&self) -> Oracle<'_> {
        Oracle {
            model: &self.world.model,
            tuples: &self.tuples,
            context: &self.world.context,
            max_depth: self.world.max_depth,
            patience: Cell::new(PATIENCE),
        }
    }

    pub(super) fn reader(&self, witness: bool) -> RelationReader<'_> {
        let terms = ReaderTerms {
            contextual: &self.world.layers[2],
            limits: RelationLimits {
                depth: self.world.max_depth,
                ..RelationLimits::default()
            },
            witness,
            trace: true,
            ..ReaderTerms::new(&self.world.context)
        };
        RelationReader::new(&self.graph, &self.rules, terms).unwrap()
    }

    /// For the message of a failure.
    pub(super) fn show(&self) -> String {
        let mut lines = vec![format!(
            "context {:?}, depth {}",
            self.world.context, self.world.max_depth
        )];
        for kind in self.world.model.types() {
            for relation in &kind.relations {
                lines.push(format!(
                    "{}#{} {:?} {:?}",
                    kind.name, relation.name, relation.rewrite, relation.restrictions
                ));
            }
        }
        for (layer, tuples) in ["bundle", "stored", "own"].iter().zip(&self.world.layers) {
            lines.extend(
                tuples
                    .iter()
                    .map(|tuple| format!("{layer} {} {:?}", tuple.key, tuple.condition)),
            );
        }
        lines.join("\n")
    }
}

pub(super) fn worlds() -> impl Iterator<Item = (u64, Scene)> {
    let count: u64 = std::env::var("BEHEST_WORLDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(WORLDS);
    (0..count).filter_map(|seed| Some((seed, Scene::make(seed)?)))
}

pub(super) fn value_of(answer: &Result<Membership, Failure>) -> Value {
    match answer {
        Ok(Membership::Holds(_)) => Value::Holds,
        Ok(Membership::Lacks) => Value::Lacks,
        Err(Failure::Error(error)) => Value::Error(error.clone()),
        Err(Failure::Fault(fault)) => panic!("{fault}"),
    }
}
