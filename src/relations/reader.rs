//! The reader, which answers any number of questions of one request on one version and one model.

use super::check::{
    self, CheckMemo, CheckOutcome, CheckRun, CheckedQuestion, Subproblem, Trace, UnmetStep,
};
use super::condition::{ConditionCache, RequestValues};
use super::error::{Failure, RelationError, RelationFault};
use super::graph::{Graph, NameId, RowHash, UserId, View};
use super::limits::{Allowance, RelationLimits, WorkMeter};
use super::rules::{RelationId, Rules};
use super::would_count::UnmetSearch;
use crate::model::{ClockUse, ObjectRef, Record, Revision, Tuple, TupleKey, TupleUser, UnmetTuple};
use foldhash::HashMap;

/// The terms of a request: its contextual tuples, values and limits.
#[derive(Clone, Copy)]
pub struct ReaderTerms<'a> {
    /// Contextual tuples, which count for this request as if they were written. The caller has
    /// validated them; tuples that the model does not allow do not count.
    pub contextual: &'a [Tuple],
    /// Values for the parameters of conditions.
    pub context: &'a Record,
    /// Values that take precedence over those of the context.
    pub supplied: Option<&'a Record>,
    /// The limits of each question.
    pub limits: RelationLimits,
    /// The allowance that this reader shares with others.
    pub allowance: Option<&'a Allowance>,
    /// Returns `true` once the time for the request has run out. Called now and then.
    pub is_over: &'a dyn Fn() -> bool,
    /// Whether a check that holds shall return the tuples that show it.
    pub witness: bool,
    /// Whether to record the rows that are read, and how conditions use the clock.
    pub trace: bool,
    /// Whether a list shall contain everything that could be in it: every condition is taken to
    /// hold, and nothing is checked. Such a list contains every result of the exact list, whatever
    /// the context, and maybe more.
    pub possible: bool,
}

impl std::fmt::Debug for ReaderTerms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReaderTerms")
            .field("contextual", &self.contextual.len())
            .finish_non_exhaustive()
    }
}

impl<'a> ReaderTerms<'a> {
    /// Creates terms with a context and nothing else: default limits, and no time limit.
    #[must_use]
    pub fn new(context: &'a Record) -> Self {
        Self {
            contextual: &[],
            context,
            supplied: None,
            limits: RelationLimits::default(),
            allowance: None,
            is_over: &|| false,
            witness: false,
            trace: false,
            possible: false,
        }
    }

    /// Returns the values that conditions are evaluated with.
    pub(super) fn sent(&self) -> RequestValues<'a> {
        RequestValues::of(self.context).with_supplied(self.supplied)
    }
}

/// The answer to whether a user is in a relation to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The user is in the relation. Contains the tuples that show it, from the object to the user,
    /// if a witness was wanted. For an intersection, it contains those of all operands, one after
    /// another. It is empty if the question is whether a userset is in itself.
    Holds(Vec<TupleKey>),
    /// The user is not in the relation.
    Lacks,
}

impl Membership {
    /// Returns `true` if the user is in the relation.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self {
            Self::Holds(_) => true,
            Self::Lacks => false,
        }
    }
}

/// Answers questions about one version of the tuples. Intermediate results of one question serve
/// the next, yet every question is answered as if it were the only one.
#[derive(Debug)]
pub struct RelationReader<'a> {
    pub(super) rules: &'a Rules,
    pub(super) view: View<'a>,
    terms: ReaderTerms<'a>,
    state: ReaderState,
}

/// The parts that stay the same for all questions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'r> {
    pub(super) view: &'r View<'r>,
    pub(super) rules: &'r Rules,
    pub(super) terms: &'r ReaderTerms<'r>,
}

/// The state that one question passes on to the next.
#[derive(Debug, Default)]
pub(super) struct ReaderState {
    /// What the answers depend on, if it is recorded.
    pub(super) trace: Option<Trace>,
    /// The values converted for conditions, and their work.
    pub(super) evaluations: ConditionCache,
    memo: CheckMemo,
    /// The tuples whose conditions did not hold in the last check, and its user; noted only if a
    /// witness is wanted.
    unmet: Option<(UserId, Vec<UnmetStep>)>,
}

impl<'a> RelationReader<'a> {
    /// Creates a reader of `graph` by `rules`, which must have been compiled for its store.
    pub fn new(
        graph: &'a Graph,
        rules: &'a Rules,
        terms: ReaderTerms<'a>,
    ) -> Result<Self, RelationFault> {
        if !rules.belong_to(graph.names()) {
            return Err(RelationFault::ForeignRules);
        }
        let state = ReaderState {
            trace: terms.trace.then(Trace::default),
            ..ReaderState::default()
        };
        Ok(Self {
            rules,
            view: View::new(graph, terms.contextual),
            terms,
            state,
        })
    }

    /// Takes over the values that another reader of the same request has converted for conditions.
    #[must_use]
    pub fn with_evaluations(mut self, evaluations: ConditionCache) -> Self {
        self.state.evaluations = evaluations;
        self
    }

    /// Takes out the values converted for conditions.
    pub fn take_evaluations(&mut self) -> ConditionCache {
        std::mem::take(&mut self.state.evaluations)
    }

    /// Returns the revision that every answer is for.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.view.graph().revision()
    }

    /// Returns the rows that were read so far, whether they exist or not: while nobody writes to
    /// one of them, every answer stays the same. They are in no order and may repeat. Empty without
    /// `trace`.
    #[must_use]
    pub fn rows_read(&self) -> &[RowHash] {
        self.state.trace.as_ref().map_or(&[], |trace| &trace.rows)
    }

    /// Returns how conditions have used `current_time` so far, which the context has from the
    /// clock: this says for how long every answer stays the same while the rows do.
    #[must_use]
    pub fn clock_use(&self) -> ClockUse {
        self.state
            .trace
            .as_ref()
            .map_or(ClockUse::Unread, |trace| trace.clock)
    }

    /// Decides whether `key.user` is in `key.relation` to `key.object` (OpenFGA's Check).
    pub fn check(&mut self, key: &TupleKey) -> Result<Membership, Failure> {
        let relation = self.relation(key.object.kind(), &key.relation)?;
        let user = self.user(&key.user)?;
        let object = self.object(&key.object)?;
        let (scene, state) = self.scene();
        scene.decide(
            state,
            Subproblem { object, relation },
            user,
            scene.terms.witness,
        )
    }

    /// Returns the tuples by which the last check would have held, or come to an answer, if their
    /// conditions were true. None unless a witness is wanted.
    pub fn take_unmet(&mut self) -> Vec<UnmetTuple> {
        let noted = self.state.unmet.take();
        let (scene, _) = self.scene();
        noted.map_or_else(Vec::new, |(user, noted)| {
            UnmetSearch::new(scene, user).run(&noted)
        })
    }

    /// Checks each key as if it were the only one; equal keys are checked once. Answers are in the
    /// order of the keys.
    pub fn check_all(&mut self, keys: &[TupleKey]) -> Vec<Result<Membership, Failure>> {
        let mut known: HashMap<&TupleKey, Result<Membership, Failure>> = HashMap::default();
        let mut answer = |key| {
            if let Some(answer) = known.get(key) {
                return Result::clone(answer);
            }
            let answer = self.check(key);
            known.insert(key, answer.clone());
            answer
        };
        keys.iter().map(&mut answer).collect()
    }

    /// Splits the reader into what stays and what changes, so that a walk can make checks on its
    /// way.
    pub(super) fn scene(&mut self) -> (Scene<'_>, &mut ReaderState) {
        (
            Scene {
                view: &self.view,
                rules: self.rules,
                terms: &self.terms,
            },
            &mut self.state,
        )
    }

    /// Returns the relation of a type, by name.
    pub(super) fn relation(&self, kind: &str, relation: &str) -> Result<RelationId, RelationError> {
        self.kind(kind)?;
        self.rules.find(kind, relation).ok_or_else(|| {
            let near = self.rules.model().nearest_relation(kind, relation);
            RelationError::UnknownRelation {
                kind: kind.into(),
                relation: relation.into(),
                near,
            }
        })
    }

    /// Returns a type, by name.
    pub(super) fn kind(&self, kind: &str) -> Result<NameId, RelationError> {
        let known = self
            .view
            .names()
            .find(kind)
            .filter(|kind| self.rules.has_kind(*kind));
        known.ok_or_else(|| RelationError::UnknownType(kind.into()))
    }

    /// Returns the number of a user whose type, and relation, the model defines.
    pub(super) fn user(&mut self, user: &TupleUser) -> Result<UserId, RelationError> {
        self.kind(user.kind())?;
        if let TupleUser::Userset { object, relation } = user {
            self.relation(object.kind(), relation)?;
        }
        self.view
            .user(user)
            .ok_or_else(|| RelationError::UnknownType(user.kind().clone()))
    }

    /// Returns the number of an object whose type the model defines.
    pub(super) fn object(
        &mut self,
        object: &ObjectRef,
    ) -> Result<super::graph::ObjectId, RelationError> {
        let kind = self.kind(object.kind())?;
        Ok(self.view.object(kind, object.id()))
    }
}

impl Scene<'_> {
    /// Decides one sub-problem as a separate question.
    pub(super) fn decide(
        self,
        state: &mut ReaderState,
        root: Subproblem,
        user: UserId,
        witness: bool,
    ) -> Result<Membership, Failure> {
        state.memo.question += 1;
        let ReaderTerms {
            limits,
            is_over,
            allowance,
            ..
        } = *self.terms;
        let mut run = CheckRun {
            meter: WorkMeter::new(limits.check_reads, is_over, allowance),
            trace: state.trace.as_mut(),
            sent: self.terms.sent(),
            evaluations: &mut state.evaluations,
            memo: &mut state.memo,
        };
        let CheckedQuestion {
            outcome,
            witness,
            unmet,
        } = check::check(
            self.view,
            self.rules,
            &mut run,
            root,
            user,
            limits.depth,
            witness,
        )?;
        state.unmet =
            (!unmet.is_empty() && outcome != CheckOutcome::Holds).then_some((user, unmet));
        match outcome {
            CheckOutcome::Holds => {
                let path: Option<Vec<TupleKey>> = witness
                    .into_iter()
                    .map(|edge| self.view.key_text(edge))
                    .collect();
                Ok(Membership::Holds(path.ok_or(RelationFault::Inconsistent)?))
            }
            CheckOutcome::Lacks | CheckOutcome::LacksByCycle => Ok(Membership::Lacks),
            CheckOutcome::Fails(error) => Err((*error).into()),
            // `Unknown` is never the final outcome: an evaluation that ends so is repeated with the
            // shortest distances, and then nothing is unknown.
            CheckOutcome::Unknown => Err(RelationFault::Inconsistent.into()),
        }
    }
}
