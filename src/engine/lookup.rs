//! Relations as policies ask for them, answered by the relation engine at one pinned version.

use crate::cache::{Basis, Row};
use crate::model::{EntityRef, ObjectRef, Record, Timestamp, Tuple, TupleKey, TupleUser, Value};
use crate::policy::{RelationAnswer, RelationFailure, RelationQuestion, Relations};
use crate::relations::condition::CLOCK;
use crate::relations::{Failure, Graph, Membership, Reader, RowHash, Rules, Terms};
use smol_str::SmolStr;
use std::cell::RefCell;

/// Answers one request's lookups.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub(super) graph: &'a Graph,
    pub(super) rules: &'a Rules,
    /// What a case adds.
    pub(super) given: &'a [Tuple],
    /// Whether answers show the tuples that they rest on.
    pub(super) witness: bool,
    /// What the answers rest on, where that is wanted.
    pub(super) basis: Option<RefCell<Basis>>,
}

impl<'a> Lookup<'a> {
    /// Answers from these alone, and notes nothing.
    pub(super) fn plain(graph: &'a Graph, rules: &'a Rules) -> Self {
        Self { graph, rules, given: &[], witness: false, basis: None }
    }

    /// What all answers since the last call rest on.
    pub(super) fn take_basis(&self) -> Basis {
        self.basis.as_ref().map(RefCell::take).unwrap_or_default()
    }
}

impl Lookup<'_> {
    /// Notes every row of an object: whatever tuple is written on it stands in one of them.
    fn note_rows(&self, object: &ObjectRef) {
        let Some(basis) = &self.basis else { return };
        let kind = self.rules.model().types().iter().find(|kind| kind.name == *object.kind());
        let relations = kind.into_iter().flat_map(|kind| &kind.relations);
        let row = |name: &str| Row::of(RowHash::of_object(object.kind(), object.id(), name).bits());
        basis.borrow_mut().rows.extend(relations.map(|relation| row(&relation.name)));
    }
}

impl Relations for Lookup<'_> {
    fn holds(&self, question: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure> {
        let denied = |error: &dyn std::fmt::Display| RelationFailure::Denied(error.to_string());
        let user = ObjectRef::of_user(question.user).map_err(|error| denied(&error))?;
        let object = ObjectRef::of_entity(question.object).map_err(|error| denied(&error))?;
        let key = TupleKey { user: TupleUser::Object(user), relation: question.relation.into(), object };
        // Most relations have no conditions, and then nothing of the request is read.
        let reads_context = self.rules.reads_context(key.object.model_type(), question.relation);
        let context = if reads_context { parameters(question) } else { Record::new() };
        let trace = self.basis.is_some();
        let terms = Terms { contextual: self.given, witness: self.witness, trace, ..Terms::new(&context) };
        let mut reader =
            Reader::new(self.graph, self.rules, terms).map_err(|fault| RelationFailure::Fault(fault.to_string()))?;
        let answer = reader.check(&key);
        if let Some(basis) = &self.basis {
            let mut basis = basis.borrow_mut();
            basis.rows.extend(reader.rows_read().iter().map(|row| Row::of(row.bits())));
            basis.clock = basis.clock.and(reader.clock_use());
        }
        match answer {
            Ok(Membership::Holds(witness)) => {
                Ok(RelationAnswer { held: true, witness: witness.iter().map(ToString::to_string).collect() })
            }
            Ok(Membership::Lacks) => Ok(RelationAnswer::default()),
            Err(Failure::Error(error)) => Err(denied(&error)),
            Err(Failure::Fault(fault)) => Err(RelationFailure::Fault(fault.to_string())),
        }
    }

    fn is_object(&self, entity: &EntityRef) -> bool {
        let Ok(object) = ObjectRef::of_entity(entity) else { return false };
        self.note_rows(&object);
        self.given.iter().any(|tuple| tuple.key.object == object) || self.graph.has_tuples_on(&object)
    }
}

/// The request's context, with what the engine supplies on top: a caller cannot say what time it is.
fn parameters(question: &RelationQuestion<'_>) -> Record {
    let resource =
        ObjectRef::of_entity(question.resource).map_or_else(|_| question.resource.to_string(), |it| it.to_string());
    let supplied = [
        (CLOCK, Value::text(rfc3339(question.now))),
        ("action", Value::text(question.action)),
        ("resource", Value::text(resource)),
    ];
    let asked = question.context.iter().map(|(name, value)| (name.clone(), value.clone()));
    asked.chain(supplied.map(|(name, value)| (SmolStr::new_static(name), value))).collect()
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| at.to_string())
}
