//! Relations as policies ask for them, answered by the relation engine at one pinned version.
//!
//! **Problem.** A question asks about several relations on each of its legs, and each look-up may
//! read a million tuples, or convert a megabyte of the request for a condition.
//! **Decision.** All look-ups of one decision share what they may read and the values that they
//! have converted. A worker gives a decision a small part of that ([`BRIEF_READS`]); what needs
//! more is decided anew elsewhere, with all of it.
//! **Trade-off.** What goes beyond [`DECISION_READS`] or [`DECISION_TIME`] is a fault: an answer
//! that depended on how much was read before would be no answer, and could be kept.

use crate::cache::{Basis, Row};
use crate::model::{EntityRef, ObjectRef, Record, Timestamp, Tuple, TupleKey, TupleUser, Value};
use crate::policy::{RelationAnswer, RelationFailure, RelationQuestion, Relations};
use crate::relations::condition::{CLOCK, Evaluations};
use crate::relations::{
    Allowance, Failure, Graph, Limits, MAX_CHECK_READS, Membership, Reader, RowHash, Rules, Terms,
};
use smol_str::SmolStr;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// How many tuples all look-ups of one decision may read: as many as a check by itself.
pub(super) const DECISION_READS: u64 = MAX_CHECK_READS;

/// How many of them before a worker gives the decision away: about a millisecond, the longest that
/// others shall wait.
pub(super) const BRIEF_READS: u64 = 10_000;

/// The end of all look-ups of one decision, as of a check by itself. The reads above end sooner on
/// any usual machine.
const DECISION_TIME: Duration = Duration::from_secs(3);

/// Bytes of tuples that the witness of one look-up shows.
const WITNESS_BYTES: usize = 4 << 10;

/// Answers one request's lookups.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    graph: &'a Graph,
    rules: &'a Rules,
    /// What a case adds.
    given: &'a [Tuple],
    /// Whether answers show the tuples that they rest on.
    witness: bool,
    /// What the answers rest on, where that is wanted.
    basis: Option<RefCell<Basis>>,
    allowance: Allowance,
    /// Set when the time is first looked at, which is after a thousand tuples or so.
    until: Cell<Option<Instant>>,
    shared: RefCell<Shared>,
}

/// What one look-up leaves to the next, as long as they ask in the same surroundings.
#[derive(Debug, Default)]
struct Shared {
    /// What the engine supplies to conditions, and of which action, resource and time that is.
    supplied: Option<(Surroundings, Record)>,
    evaluations: Evaluations,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Surroundings {
    /// The place of the context: it belongs to the request and stays where it is.
    context: usize,
    now: Timestamp,
    action: SmolStr,
    resource: EntityRef,
}

impl<'a> Lookup<'a> {
    /// Answers within these limits, and notes nothing.
    pub(super) fn plain(graph: &'a Graph, rules: &'a Rules) -> Self {
        let allowance = Allowance::of_reads(DECISION_READS);
        let (until, shared) = (Cell::default(), RefCell::default());
        Self {
            graph,
            rules,
            given: &[],
            witness: false,
            basis: None,
            allowance,
            until,
            shared,
        }
    }

    /// With tuples that a case adds.
    pub(super) fn given(self, given: &'a [Tuple]) -> Self {
        Self { given, ..self }
    }

    /// Shows the tuples that answers rest on, where that is wanted.
    pub(super) fn witnessing(self, witness: bool) -> Self {
        Self { witness, ..self }
    }

    /// Notes what answers rest on, where that is wanted.
    pub(super) fn noting(self, notes: bool) -> Self {
        Self {
            basis: notes.then(RefCell::default),
            ..self
        }
    }

    /// Reads no more than so many tuples.
    pub(super) fn reading(self, reads: u64) -> Self {
        Self {
            allowance: Allowance::of_reads(reads),
            ..self
        }
    }

    /// Returns how many more tuples may be read.
    pub(super) fn reads_left(&self) -> u64 {
        self.allowance.reads()
    }

    /// What all answers since the last call rest on.
    pub(super) fn take_basis(&self) -> Basis {
        self.basis.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// The names of a type's relations.
    fn relations_of(&self, kind: &str) -> impl Iterator<Item = &SmolStr> {
        let kind = self
            .rules
            .model()
            .types()
            .iter()
            .find(|known| known.name == *kind);
        kind.into_iter()
            .flat_map(|kind| &kind.relations)
            .map(|relation| &relation.name)
    }

    /// Notes every row of an object that the model knows: what is written on it stands in one of
    /// them.
    fn note_rows(&self, object: &ObjectRef) {
        let Some(basis) = &self.basis else { return };
        let row =
            |name: &SmolStr| Row::of(RowHash::of_object(object.kind(), object.id(), name).bits());
        basis
            .borrow_mut()
            .rows
            .extend(self.relations_of(object.kind()).map(row));
    }

    /// Looks at the time.
    fn is_over(&self) -> bool {
        let now = Instant::now();
        let until = self.until.get().unwrap_or(now + DECISION_TIME);
        self.until.set(Some(until));
        now >= until
    }

    fn check(
        &self,
        question: &RelationQuestion<'_>,
        key: &TupleKey,
        shared: &mut Shared,
    ) -> Result<Membership, Failure> {
        // Most relations have no conditions, and then nothing of the request is read.
        let nothing = Record::new();
        let reads_context = self
            .rules
            .reads_context(key.object.model_type(), question.relation);
        if reads_context {
            shared.supply(question);
        }
        let Shared {
            supplied,
            evaluations,
        } = shared;
        let context = if reads_context {
            question.context
        } else {
            &nothing
        };
        let supplied = supplied
            .as_ref()
            .filter(|_| reads_context)
            .map(|(_, supplied)| supplied);
        let is_over = || self.is_over();
        let limits = Limits {
            check_reads: DECISION_READS,
            ..Limits::default()
        };
        let terms = Terms {
            contextual: self.given,
            supplied,
            limits,
            allowance: Some(&self.allowance),
            is_over: &is_over,
            witness: self.witness,
            trace: self.basis.is_some(),
            ..Terms::new(context)
        };
        let mut reader = Reader::new(self.graph, self.rules, terms)?
            .with_evaluations(std::mem::take(evaluations));
        let answer = reader.check(key);
        if let Some(basis) = &self.basis {
            let mut basis = basis.borrow_mut();
            basis
                .rows
                .extend(reader.rows_read().iter().map(|row| Row::of(row.bits())));
            basis.clock = basis.clock.and(reader.clock_use());
        }
        *evaluations = reader.take_evaluations();
        answer
    }
}

impl Relations for Lookup<'_> {
    fn holds(&self, question: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure> {
        let user =
            ObjectRef::of_user(question.user).map_err(|_| too_long("user", question.user))?;
        let key = TupleKey {
            user: TupleUser::Object(user),
            relation: question.relation.into(),
            object: ObjectRef::of_entity(question.object)
                .map_err(|_| too_long("object", question.object))?,
        };
        match self.check(question, &key, &mut self.shared.borrow_mut()) {
            Ok(Membership::Holds(witness)) => Ok(RelationAnswer {
                held: true,
                witness: shown(&witness),
            }),
            Ok(Membership::Lacks) => Ok(RelationAnswer::default()),
            Err(Failure::Error(error)) => Err(RelationFailure::Denied(error.to_string())),
            Err(Failure::Fault(fault)) => Err(RelationFailure::Fault(fault.to_string())),
        }
    }

    fn is_object(&self, entity: &EntityRef) -> bool {
        let Ok(object) = ObjectRef::of_entity(entity) else {
            return false;
        };
        // INVARIANT: only rows that are noted are looked at. A tuple of a relation that the model
        // no longer has is a row that nothing notes: its deletion would leave an answer that rests
        // on it.
        self.note_rows(&object);
        self.given.iter().any(|tuple| tuple.key.object == object)
            || self.graph.has_tuples_on(
                &object,
                self.relations_of(object.kind()).map(SmolStr::as_str),
            )
    }
}

impl Shared {
    /// What the engine supplies to conditions, which wins over the request: a caller cannot say
    /// what time it is. Asked in other surroundings than before, it begins anew.
    fn supply(&mut self, question: &RelationQuestion<'_>) {
        let here = Surroundings {
            context: std::ptr::from_ref(question.context).addr(),
            now: question.now,
            action: question.action.into(),
            resource: question.resource.clone(),
        };
        if self
            .supplied
            .as_ref()
            .is_none_or(|(known, _)| *known != here)
        {
            let resource = ObjectRef::of_entity(&here.resource).map_or_else(
                |_| here.resource.to_string(),
                |resource| resource.to_string(),
            );
            let supplied = [
                (CLOCK, Value::text(rfc3339(here.now))),
                ("action", Value::text(here.action.clone())),
                ("resource", Value::text(resource)),
            ];
            let supplied = supplied
                .map(|(name, value)| (SmolStr::new_static(name), value))
                .into_iter()
                .collect();
            *self = Self {
                supplied: Some((here, supplied)),
                evaluations: Evaluations::default(),
            };
        }
    }
}

/// Why an entity is no part of a tuple. Its id is not in the message: it may be the value of an
/// attribute that is a secret.
fn too_long(part: &str, entity: &EntityRef) -> RelationFailure {
    let kind = &entity.kind;
    let told = format!(
        "the id of the {part} of type `{kind}` is empty, or too long for a tuple: use a shorter one"
    );
    RelationFailure::Denied(told)
}

/// The tuples of a witness, as far as they are worth showing.
fn shown(witness: &[TupleKey]) -> Vec<String> {
    let mut left = WITNESS_BYTES;
    let mut shown = Vec::new();
    for (at, tuple) in witness.iter().enumerate() {
        let text = tuple.to_string();
        match left.checked_sub(text.len()) {
            Some(rest) => left = rest,
            None => {
                shown.push(format!(
                    "and {} more: the path is cut here",
                    witness.len() - at
                ));
                break;
            }
        }
        shown.push(text);
    }
    shown
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| at.to_string())
}
