//! Looks up stored entities by their ancestors and by the values of their attributes.

use super::{Narrower, literal, literals};
use crate::policy::schema::Provenance;
use crate::policy::search::ids::CandidateIds;
use crate::policy::search::index::AttributeTest;
use cedar_policy_core::ast::{EntityUID, Expr, Literal, Value as Cedar, ValueKind};
use cedar_policy_core::validator::types::{EntityKind, Type};
use smol_str::SmolStr;
use std::sync::Arc;

impl Narrower<'_> {
    /// Narrows `value in expr`, where `value` is known.
    pub(super) fn around(&self, expr: &Expr, value: &Cedar) -> CandidateIds {
        let ValueKind::Lit(Literal::EntityUID(uid)) = value.value_kind() else {
            return CandidateIds::Any;
        };
        let entity = if uid.is_action() {
            self.schema.action_entity(uid)
        } else {
            self.stored.get(uid).cloned()
        };
        let ancestors = entity.iter().flat_map(|entity| entity.ancestors().cloned());
        let at_or_above = ancestors.chain([uid.as_ref().clone()]);
        if self.target.is(expr) {
            return self.ids_of(at_or_above);
        }
        let values: Vec<Literal> = at_or_above
            .map(|uid| Literal::EntityUID(Arc::new(uid)))
            .collect();
        match self.target.attributes(expr) {
            Some(path) => self
                .by_attributes(&path, AttributeTest::Value(&values))
                .or(self.by_attributes(&path, AttributeTest::Element(&values))),
            None => CandidateIds::Any,
        }
    }

    /// Narrows `expr in value`, where `value` is known: an entity, or a set of entities.
    pub(super) fn within(&self, expr: &Expr, value: &Cedar) -> CandidateIds {
        let above = match literal(value) {
            Some(literal) => Some(vec![literal]),
            None => literals(value),
        };
        let Some(above) = above else {
            return CandidateIds::Any;
        };
        let uids = above.iter().filter_map(|literal| match literal {
            Literal::EntityUID(uid) => Some(uid.as_ref()),
            _ => None,
        });
        if self.target.is(expr) {
            return uids.fold(CandidateIds::none(), |ids, uid| {
                self.cap(ids.or(self.at_or_below(uid)))
            });
        }
        let Some(path) = self.target.attributes(expr) else {
            return CandidateIds::Any;
        };
        let [attribute] = path.as_slice() else {
            return CandidateIds::Any;
        };
        let Some(kind) = self.type_behind(attribute) else {
            return CandidateIds::Any;
        };
        let Some(info) = self.schema.vocabulary.entity_type(&kind) else {
            return CandidateIds::Any;
        };
        let below = self.stored.of_kind(&kind);
        let values: Vec<Literal> = uids
            .flat_map(|uid| {
                below
                    .below(uid)
                    .iter()
                    .map(|id| info.uid(id))
                    .chain([uid.clone()])
            })
            .map(|uid| Literal::EntityUID(Arc::new(uid)))
            .collect();
        self.by_attributes(&path, AttributeTest::Value(&values))
    }

    /// Narrows `base has attribute`.
    pub(super) fn having(&self, base: &Expr, attribute: &SmolStr) -> CandidateIds {
        // An undeclared attribute is the engine's own, for a relation, and always present.
        if self.target.is(base) && self.target.attribute(attribute).is_some() {
            CandidateIds::only(
                self.stored
                    .of_kind(&self.target.kind)
                    .with(attribute, AttributeTest::Something),
            )
        } else {
            CandidateIds::Any
        }
    }

    /// Returns the entities whose attribute, or the attribute of the entity that it names, holds
    /// such a value.
    pub(super) fn by_attributes(&self, path: &[SmolStr], held: AttributeTest<'_>) -> CandidateIds {
        let found = match path {
            [name] if self.target.attribute(name).is_some() => {
                self.stored.of_kind(&self.target.kind).with(name, held)
            }
            [name, behind] => {
                let Some(kind) = self.type_behind(name) else {
                    return CandidateIds::Any;
                };
                let Some(info) = self.schema.vocabulary.entity_type(&kind) else {
                    return CandidateIds::Any;
                };
                // The entity in the attribute may be part of the request, which can then supply
                // this value.
                if info
                    .attributes
                    .get(behind)
                    .is_none_or(|it| it.provenance != Provenance::Stored)
                {
                    return CandidateIds::Any;
                }
                let found = self.stored.of_kind(&kind).with(behind, held);
                let values: Vec<Literal> = found
                    .iter()
                    .map(|id| Literal::EntityUID(Arc::new(info.uid(id))))
                    .collect();
                self.stored
                    .of_kind(&self.target.kind)
                    .with(name, AttributeTest::Value(&values))
            }
            _ => return CandidateIds::Any,
        };
        CandidateIds::only(found)
    }

    /// Returns the type of the entity that an attribute holds.
    pub(super) fn type_behind(&self, attribute: &str) -> Option<SmolStr> {
        match self.target.attribute(attribute)?.ty.as_ref() {
            Type::Entity(EntityKind::Entity(lub)) => {
                Some(lub.get_single_entity()?.to_string().into())
            }
            _ => None,
        }
    }

    /// Returns the ids of the entities that have the target's type.
    pub(super) fn ids_of(&self, uids: impl IntoIterator<Item = EntityUID>) -> CandidateIds {
        let of_kind = uids
            .into_iter()
            .filter(|uid| *uid.entity_type() == self.target.info.name);
        CandidateIds::only(of_kind.map(|uid| AsRef::<str>::as_ref(uid.eid()).into()))
    }

    /// Returns the entity and all entities below it.
    pub(super) fn at_or_below(&self, uid: &EntityUID) -> CandidateIds {
        let index = self.stored.of_kind(&self.target.kind);
        CandidateIds::only(index.below(uid).iter().cloned()).or(self.ids_of([uid.clone()]))
    }
}
