//! Answers the questions that policies ask about relations, with the relation engine at one pinned
//! version.
//!
//! **Problem.** A question asks about several relations on each of its legs, and each look-up may
//! read a million tuples, or convert a megabyte of the request for a condition.
//! **Decision.** All look-ups of one decision share one limit of reads and the values that they
//! have converted. On a worker, a decision has a small part of that limit ([`BRIEF_READS`]); a
//! decision that needs more is made again on another thread, with the whole limit.
//! **Trade-off.** A decision that exceeds [`DECISION_READS`] or [`DECISION_TIME`] is a fault.
//! Otherwise its answer would depend on how much was read before, and such an answer could be
//! cached.

use crate::cache::{Dependencies, StripeRow};
use crate::model::{
    EntityRef, ObjectRef, Record, Timestamp, Tuple, TupleKey, TupleUser, UnmetTuple, Value,
};
use crate::policy::{RelationAnswer, RelationFailure, RelationQuestion, Relations};
use crate::relations::condition::{CLOCK, ConditionCache};
use crate::relations::{
    Allowance, Failure, Graph, MAX_CHECK_READS, Membership, ReaderTerms, RelationLimits,
    RelationReader, RowHash, Rules,
};
use smol_str::SmolStr;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// How many tuples all look-ups of one decision may read: the same limit as for one check.
pub(super) const DECISION_READS: u64 = MAX_CHECK_READS;

/// How many tuples a worker reads before it hands the decision to another thread: about a
/// millisecond's worth, the longest that other requests are to wait.
pub(super) const BRIEF_READS: u64 = 10_000;

/// Maximum duration of all look-ups of one decision, the same as for one check. The limit of reads
/// ends them sooner on any usual machine.
const DECISION_TIME: Duration = Duration::from_secs(3);

/// How many bytes of tuples the witness of one look-up shows.
const WITNESS_BYTES: usize = 4 << 10;

/// Answers the look-ups of one request.
#[derive(Debug)]
pub(super) struct RequestRelations<'a> {
    graph: &'a Graph,
    rules: &'a Rules,
    /// The tuples that a case adds.
    given: &'a [Tuple],
    /// Whether answers show their witness.
    witness: bool,
    /// The dependencies of the answers, if they are to be recorded.
    dependencies: Option<RefCell<Dependencies>>,
    allowance: Allowance,
    /// The deadline; it is set when the time is first read, after about a thousand tuples.
    until: Cell<Option<Instant>>,
    shared: RefCell<LookupMemory>,
}

/// What one look-up shares with the next, as long as their surroundings are the same.
#[derive(Debug, Default)]
struct LookupMemory {
    /// The values that the engine supplies to conditions, and the surroundings that they were made
    /// for.
    supplied: Option<(LookupSurroundings, Record)>,
    evaluations: ConditionCache,
}

#[derive(Clone, Debug)]
struct LookupSurroundings {
    context: Record,
    now: Timestamp,
    action: SmolStr,
    resource: EntityRef,
}

impl<'a> RequestRelations<'a> {
    /// Creates look-ups with the limits above, without witnesses or recorded dependencies.
    pub(super) fn new(graph: &'a Graph, rules: &'a Rules) -> Self {
        let allowance = Allowance::of_reads(DECISION_READS);
        let until = Cell::default();
        let shared = RefCell::default();
        Self {
            graph,
            rules,
            given: &[],
            witness: false,
            dependencies: None,
            allowance,
            until,
            shared,
        }
    }

    /// Adds the tuples of a case.
    pub(super) fn with_tuples(self, given: &'a [Tuple]) -> Self {
        Self { given, ..self }
    }

    /// Shows the witnesses of answers if `witness` is true.
    pub(super) fn with_witness(self, witness: bool) -> Self {
        Self { witness, ..self }
    }

    /// Records the dependencies of answers if `notes` is true.
    pub(super) fn with_notes(self, notes: bool) -> Self {
        Self {
            dependencies: notes.then(RefCell::default),
            ..self
        }
    }

    /// Limits the number of tuples that may be read.
    pub(super) fn with_reads(self, reads: u64) -> Self {
        Self {
            allowance: Allowance::of_reads(reads),
            ..self
        }
    }

    /// Returns how many more tuples may be read.
    pub(super) fn reads_left(&self) -> u64 {
        self.allowance.reads()
    }

    /// Returns the dependencies of all answers since the last call.
    pub(super) fn take_dependencies(&self) -> Dependencies {
        self.dependencies
            .as_ref()
            .map(RefCell::take)
            .unwrap_or_default()
    }

    /// Returns the names of a type's relations.
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

    /// Records every row of an object under the relations of the model: any tuple on the object is
    /// in one of them.
    fn note_rows(&self, object: &ObjectRef) {
        let Some(dependencies) = &self.dependencies else {
            return;
        };
        let row = |name: &SmolStr| {
            StripeRow::of(RowHash::of_object(object.kind(), object.id(), name).bits())
        };
        dependencies
            .borrow_mut()
            .rows
            .extend(self.relations_of(object.kind()).map(row));
    }

    /// Returns `true` if the decision's time is up.
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
        shared: &mut LookupMemory,
    ) -> (Result<Membership, Failure>, Vec<UnmetTuple>) {
        // Most relations have no conditions, so nothing of the request is read for them.
        let nothing = Record::new();
        let reads_context = self
            .rules
            .reads_context(key.object.model_type(), question.relation);
        if reads_context {
            shared.supply(question);
        }
        let LookupMemory {
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
        let limits = RelationLimits {
            check_reads: DECISION_READS,
            ..RelationLimits::default()
        };
        let terms = ReaderTerms {
            contextual: self.given,
            supplied,
            limits,
            allowance: Some(&self.allowance),
            is_over: &is_over,
            witness: self.witness,
            trace: self.dependencies.is_some(),
            ..ReaderTerms::new(context)
        };
        let mut reader = match RelationReader::new(self.graph, self.rules, terms) {
            Ok(reader) => reader.with_evaluations(std::mem::take(evaluations)),
            Err(fault) => return (Err(fault.into()), Vec::new()),
        };
        let answer = reader.check(key);
        self.note_dependencies(&reader);
        let unmet = reader.take_unmet();
        *evaluations = reader.take_evaluations();
        (answer, unmet)
    }

    /// Records what the answers of a reader depend on, if that is wanted.
    fn note_dependencies(&self, reader: &RelationReader<'_>) {
        if let Some(dependencies) = &self.dependencies {
            let mut dependencies = dependencies.borrow_mut();
            dependencies.rows.extend(
                reader
                    .rows_read()
                    .iter()
                    .map(|row| StripeRow::of(row.bits())),
            );
            dependencies.clock = dependencies.clock.and(reader.clock_use());
        }
    }
}

impl Relations for RequestRelations<'_> {
    fn holds(&self, question: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure> {
        let user =
            ObjectRef::of_user(question.user).map_err(|_| too_long("user", question.user))?;
        let key = TupleKey {
            user: TupleUser::Object(user),
            relation: question.relation.into(),
            object: ObjectRef::of_entity(question.object)
                .map_err(|_| too_long("object", question.object))?,
        };
        let (answer, unmet) = self.check(question, &key, &mut self.shared.borrow_mut());
        match answer {
            Ok(Membership::Holds(witness)) => Ok(RelationAnswer {
                held: true,
                witness: shown(&witness),
                unmet: Vec::new(),
            }),
            Ok(Membership::Lacks) => Ok(RelationAnswer {
                held: false,
                witness: Vec::new(),
                unmet,
            }),
            Err(Failure::Error(error)) => Err(RelationFailure::Denied(error.to_string(), unmet)),
            Err(Failure::Fault(fault)) if fault.may_pass() => {
                Err(RelationFailure::Fault(fault.to_string()))
            }
            Err(Failure::Fault(limit)) => Err(RelationFailure::Limit(limit.to_string())),
        }
    }

    fn is_object(&self, entity: &EntityRef) -> bool {
        let Ok(object) = ObjectRef::of_entity(entity) else {
            return false;
        };
        // INVARIANT: only rows that are recorded are read. A tuple of a relation that the model no
        // longer has is in a row that is never recorded: its deletion would leave a cached answer
        // that depends on it.
        self.note_rows(&object);
        self.given.iter().any(|tuple| tuple.key.object == object)
            || self.graph.has_tuples_on(
                &object,
                self.relations_of(object.kind()).map(SmolStr::as_str),
            )
    }
}

impl LookupSurroundings {
    /// Returns `true` if both are equal. Contexts that are clones of one are not compared by their
    /// members.
    fn is_same(&self, other: &Self) -> bool {
        self.now == other.now
            && self.action == other.action
            && self.resource == other.resource
            && (self.context.is_same(&other.context) || self.context == other.context)
    }
}

impl LookupMemory {
    /// Supplies the engine's values to conditions. They override the request's, so that a caller
    /// cannot choose the time. If the surroundings have changed, it starts over.
    fn supply(&mut self, question: &RelationQuestion<'_>) {
        let here = LookupSurroundings {
            context: question.context.clone(),
            now: question.now,
            action: question.action.into(),
            resource: question.resource.clone(),
        };
        match &mut self.supplied {
            // The next look-up of this leg compares its context with this one by address.
            Some((known, _)) if known.is_same(&here) => *known = here,
            _ => *self = Self::supplied(here),
        }
    }

    /// Starts over, with the engine's values for these surroundings.
    fn supplied(here: LookupSurroundings) -> Self {
        let resource = ObjectRef::of_entity(&here.resource).map_or_else(
            |_| here.resource.to_string(),
            |resource| resource.to_string(),
        );
        let supplied = [
            (CLOCK, Value::text(here.now.to_string())),
            ("action", Value::text(here.action.clone())),
            ("resource", Value::text(resource)),
        ];
        let supplied = supplied
            .map(|(name, value)| (SmolStr::new_static(name), value))
            .into_iter()
            .collect();
        Self {
            supplied: Some((here, supplied)),
            evaluations: ConditionCache::default(),
        }
    }
}

/// Returns why an entity cannot be part of a tuple. The message does not contain the id, which may
/// be the value of a secret attribute.
fn too_long(part: &str, entity: &EntityRef) -> RelationFailure {
    let kind = &entity.kind;
    let told = format!(
        "the id of the {part} of type `{kind}` is empty, or too long for a tuple: use a shorter one"
    );
    RelationFailure::Denied(told, Vec::new())
}

/// Returns the tuples of a witness, up to [`WITNESS_BYTES`].
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
