//! The universe of a search: the known entities of one type.
//!
//! Known entities are the stored entities, the literals in policies, the members of an enumeration,
//! and the entities that tuples name at the pinned revision. An entity that nothing names is not
//! found, even if a policy would permit it: there are infinitely many of those.

use super::{PageTask, spelled};
use crate::model::{
    EntityRef, ModelType, ObjectRef, SearchKind, Tuple, TupleUser, Value, decode_id,
};
use crate::relations::{ObjectPlace, order_of};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::iter::Peekable;

/// Returns the declared type that is searched for, if the schema declares it.
pub(super) fn kind(task: &PageTask<'_>) -> Option<SmolStr> {
    let bundle = task.pinned.bundle;
    let asked = &task.search.kind;
    let alias = bundle
        .carriers()
        .aliases
        .iter()
        .find(|(alias, _)| alias == asked);
    let kind = alias.map_or(asked, |(_, declared)| declared);
    bundle
        .policy_set()
        .schema()
        .vocabulary
        .entity_type(kind)
        .map(|_| kind.clone())
}

/// Returns the position of an id in the order of candidates.
pub(in crate::engine) fn place(id: &str) -> ObjectPlace {
    let spelled = spelled(id);
    (order_of(&spelled), spelled)
}

/// The known entities of one type.
pub(super) struct Universe<'a> {
    task: &'a PageTask<'a>,
    pub(super) kind: SmolStr,
    /// The type as it is spelled in tuples.
    model_kind: ModelType,
    /// Entities that are neither stored nor in the graph: literals, members of enumerations, and
    /// those that a case adds.
    others: BTreeSet<ObjectPlace>,
}

impl<'a> Universe<'a> {
    pub(super) fn new(task: &'a PageTask<'a>, kind: SmolStr) -> Self {
        let model_kind = ModelType::of_entity_type(&kind);
        let literals = task
            .pinned
            .bundle
            .policy_set()
            .literals(&kind)
            .map(|id| place(id));
        let mut others: BTreeSet<ObjectPlace> = literals.collect();
        for tuple in task.given.iter().flat_map(|given| given.tuples) {
            let named = objects(tuple).filter(|object| *object.model_type() == model_kind);
            others.extend(named.map(|object| (order_of(object.id()), object.id().clone())));
        }
        Self {
            task,
            kind,
            model_kind,
            others,
        }
    }

    /// Whether an entity is known.
    pub(super) fn holds(&self, id: &SmolStr) -> bool {
        let entity = EntityRef {
            kind: self.kind.clone(),
            id: id.clone(),
        };
        let in_graph = || {
            let (graph, _) = self.task.pinned.relations?;
            Some(graph.speaks_of(&ObjectRef::spell(&entity).ok()?))
        };
        self.task.stored().holds(&entity)
            || self.others.contains(&place(id))
            || in_graph() == Some(true)
    }

    /// Returns the known entities after a position, in order, each with its position.
    pub(super) fn after(
        &self,
        after: Option<&ObjectPlace>,
    ) -> impl Iterator<Item = (SmolStr, ObjectPlace)> + use<'_> {
        let stored = self.task.stored().places(&self.kind, place);
        let from = after.map_or(0, |after| stored.partition_point(|place| place <= after));
        let stored = (from..stored.len()).map_while(move |at| stored.get(at).cloned());
        let after_owned = after.cloned();
        let others = self
            .others
            .iter()
            .filter(move |place| after_owned.as_ref().is_none_or(|after| *place > after));
        let graph = self
            .task
            .pinned
            .relations
            .map(|(graph, _)| graph.ordered_objects(self.model_kind.as_str(), after));
        let merged = PlaceMerge {
            streams: [
                Box::new(stored) as Box<dyn Iterator<Item = ObjectPlace>>,
                Box::new(others.cloned()),
                Box::new(graph.into_iter().flatten()),
            ]
            .map(Iterator::peekable),
        };
        // A name in a tuple that is not the encoding of an id cannot be the entity of a request.
        merged.filter_map(|place| {
            Some((
                decode_id(&place.1).filter(|id| spelled(id) == place.1)?,
                place,
            ))
        })
    }
}

fn objects(tuple: &Tuple) -> impl Iterator<Item = &ObjectRef> {
    let user = match &tuple.key.user {
        TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some(object),
        TupleUser::Wildcard(_) => None,
    };
    std::iter::once(&tuple.key.object).chain(user)
}

/// Merges several ordered streams into one, with each position once.
struct PlaceMerge<'a> {
    streams: [Peekable<Box<dyn Iterator<Item = ObjectPlace> + 'a>>; 3],
}

impl Iterator for PlaceMerge<'_> {
    type Item = ObjectPlace;

    fn next(&mut self) -> Option<ObjectPlace> {
        let least = self
            .streams
            .iter_mut()
            .filter_map(|stream| stream.peek().cloned())
            .min()?;
        for stream in &mut self.streams {
            while stream.next_if(|place| *place == least).is_some() {}
        }
        Some(least)
    }
}

/// The id of nobody in particular. No policy and no tuple names it: tuples cannot contain a control
/// character, and nobody writes this id by hand.
pub(super) const NOBODY: &str = "\u{1}behest: anybody";

/// Returns the question about nobody in particular: the part that is searched for gets an id that
/// no entity has.
pub(super) fn placeholder(task: &PageTask<'_>) -> crate::model::Request {
    let mut question = task.search.question().clone();
    let nobody = SmolStr::new_static(NOBODY);
    if task.search.searched == SearchKind::Subject {
        question.subject.insert("id", Value::Text(nobody));
    } else {
        question.resource.uid.id = nobody;
    }
    question
}
