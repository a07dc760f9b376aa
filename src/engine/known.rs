//! Finds entities by a part of their id, so that people can choose among those that are known.
//!
//! **Problem.** A type may have a million entities, in an order that is of no use to a person, and
//! whoever types wants to see some of them at once.
//! **Decision.** At most [`MOST_READ`] ids are looked at, and the best of those that match are
//! returned, with a word if there may be others. The entity that was typed in full is looked up by
//! itself, so that it is found among any number.
//! **Trade-off.** Among more entities than are looked at, one may be missed until it is typed in
//! full.
//!
//! INVARIANT: only a declared type is looked up among the stored entities, since each type that is
//! looked up there leaves an index behind. Types of the relation model alone have tuples only.

use super::Engine;
use super::search::place;
use super::snapshot::PinnedView;
use crate::model::{EntityRef, Fault, ModelType, ObjectRef, decode_id};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// LIMIT: ids that are looked at: some 20 milliseconds' worth.
const MOST_READ: usize = 50_000;

/// Entities whose ids match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownEntities {
    /// Their ids: first the one that is equal to what was asked for, then those that begin with it,
    /// then those that contain it, each in alphabetical order.
    pub ids: Vec<SmolStr>,
    /// Whether there are, or may be, others.
    pub is_cut: bool,
}

impl Engine {
    /// Returns at most `limit` known entities of a type whose id contains `like`, in any case.
    pub fn known_entities(
        &self,
        kind: &str,
        like: &str,
        limit: usize,
    ) -> Result<KnownEntities, Fault> {
        self.with_pinned(|pinned| known(pinned, &kind.into(), like, limit))
    }
}

fn known(pinned: PinnedView<'_>, kind: &SmolStr, like: &str, limit: usize) -> KnownEntities {
    let lower = like.to_lowercase();
    let mut read = 0;
    let mut found: BTreeSet<(u8, SmolStr)> = BTreeSet::new();
    if !like.is_empty() && holds(pinned, &EntityRef::new(kind.as_str(), like)) {
        found.insert((0, like.into()));
    }
    for id in ids(pinned, kind).take(MOST_READ) {
        read += 1;
        let text = id.to_lowercase();
        let rank = if id == like {
            0
        } else if text.starts_with(&lower) {
            1
        } else if text.contains(&lower) {
            2
        } else {
            continue;
        };
        found.insert((rank, id));
    }
    let is_cut = read == MOST_READ || found.len() > limit;
    let best = found.into_iter().take(limit);
    KnownEntities {
        ids: best.map(|(_, id)| id).collect(),
        is_cut,
    }
}

/// Returns the known ids of a type: stored ones, those that policies name, and those that tuples
/// name. One may come several times.
fn ids<'a>(pinned: PinnedView<'a>, kind: &'a SmolStr) -> impl Iterator<Item = SmolStr> + 'a {
    let declared = is_declared(pinned, kind).then_some(kind).into_iter();
    let literals = declared
        .clone()
        .flat_map(move |kind| pinned.bundle.policy_set().literals(kind).cloned());
    let stored = declared.flat_map(move |kind| {
        let places = pinned.bundle.stored().places(kind, place);
        (0..places.len()).map_while(move |at| places.get(at).map(|(_, id)| id.clone()))
    });
    let model_kind = ModelType::of_entity_type(kind);
    let named = pinned.relations.into_iter().flat_map(move |(graph, _)| {
        let objects = graph.ordered_objects(model_kind.as_str(), None);
        objects.map(|(_, id)| id)
    });
    literals.chain(stored.chain(named).filter_map(|id| decode_id(&id)))
}

fn is_declared(pinned: PinnedView<'_>, kind: &str) -> bool {
    let vocabulary = &pinned.bundle.policy_set().schema().vocabulary;
    vocabulary.entity_type(kind).is_some()
}

fn holds(pinned: PinnedView<'_>, entity: &EntityRef) -> bool {
    let in_graph = || {
        let (graph, _) = pinned.relations?;
        Some(graph.speaks_of(&ObjectRef::spell(entity).ok()?))
    };
    let is_stored = is_declared(pinned, &entity.kind) && pinned.bundle.stored().holds(entity);
    is_stored || in_graph() == Some(true)
}
